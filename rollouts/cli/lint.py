"""`lint`: check manifests offline; every error of every document, with file and line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollouts.api.documents import Document
    from rollouts.api.lint import Finding, Severity

SUFFIXES = (".yaml", ".yml", ".json")
CHART_FILE = "Chart.yaml"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `lint`."""
    parser = subparsers.add_parser(
        "lint", help="check manifests without a cluster; exit 1 when one has an error"
    )
    parser.add_argument(
        "paths", nargs="*", default=[], help="files or directories; - or none: standard input"
    )
    parser.add_argument(
        "-f", "--filename", action="append", default=[], help="a file or directory, as in kubectl"
    )
    parser.add_argument(
        "--provider",
        action="append",
        default=[],
        metavar="NAME",
        help="a metric provider that is installed where the controller runs, but not here",
    )
    parser.set_defaults(run=run_lint)


def run_lint(args: argparse.Namespace) -> int:
    """Print all findings, then one line that counts them."""
    from rollouts.analysis.expression import check_metric_condition
    from rollouts.analysis.lint import lint_analyses
    from rollouts.api.lint import lint_objects
    from rollouts.metric_providers.registry import installed_providers

    providers = (*installed_providers(), *args.provider)
    files = 0
    objects: list[Document] = []
    severities: list[Severity] = []

    def show(findings: Iterable[Finding]) -> None:
        for finding in findings:
            print(finding)
            severities.append(finding.severity)

    try:
        for source, text in _read([*args.filename, *args.paths] or ["-"]):
            files += 1
            findings, found = lint_objects(text, source, check_metric_condition, providers)
            show(findings)
            objects += found
    except OSError as error:
        print(f"error: cannot read {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    show(lint_analyses(objects, check_metric_condition, providers))
    errors, warnings = severities.count("error"), severities.count("warning")
    counts = (_count(files, "file"), _count(errors, "error"), _count(warnings, "warning"))
    print(", ".join(counts))
    return 1 if errors else 0


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _read(paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    for name in paths:
        if name == "-":
            yield "standard input", sys.stdin.buffer.read()
            continue
        path = Path(name)
        if path.is_dir():
            yield from _read_directory(path)
        else:
            yield name, path.read_bytes()


def _read_directory(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the manifests below a directory; charts are templates, and values are no objects."""
    charts: dict[Path, None] = {}
    for each in sorted(directory.rglob("*")):
        if each.suffix not in SUFFIXES or not each.is_file():
            continue
        chart = _chart_of(each, directory)
        if chart is not None:
            charts[chart] = None
            continue
        text = each.read_bytes()
        if not _is_something_else(text):
            yield str(each), text
    for chart in charts:
        print(f"{chart}: a chart is not read; try: helm template {chart} | rollouts lint")


def _chart_of(file: Path, directory: Path) -> Path | None:
    """Return the topmost chart below a directory that a file belongs to."""
    inside = [each for each in file.parents if each == directory or directory in each.parents]
    return next((each for each in reversed(inside) if (each / CHART_FILE).is_file()), None)


def _is_something_else(text: bytes) -> bool:
    """Tell whether a file is sound and has nothing of a manifest, as values of a chart."""
    from rollouts.api.documents import BadDocument, has_sign_of_manifest, read_documents

    if has_sign_of_manifest(text) or not text.strip():
        return False
    try:
        read_documents(text)
    except BadDocument:
        return False
    return True

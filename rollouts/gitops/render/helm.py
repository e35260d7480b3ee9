"""Renders charts with the real helm, in a private copy of what they read.

`helm template` and nothing else: no release is made, no cluster asked, nothing downloaded. What
a chart depends on must be in its `charts/`, or in the same repository as `file://`.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from rollouts.api.documents import BadDocument, Document, read_documents
from rollouts.gitops.process import Command, Completed, OutputTooLarge, ProcessError, Runner
from rollouts.gitops.redact import one_line
from rollouts.gitops.render.chart import Capabilities, ChartOptions, template_arguments
from rollouts.gitops.render.chart_files import ChartFiles, add_dependencies, value_files
from rollouts.gitops.render.model import RenderError
from rollouts.gitops.render.plain import Documents
from rollouts.gitops.render.private_copy import (
    COPY,
    COPY_BYTES_MAX,
    closed_environment,
    words_of,
    write_copy,
)
from rollouts.gitops.source.tree import MANIFEST_BYTES_MAX, Tree

RENDER_SECONDS_MAX = 60.0

_OWN_VALUES = "values-of-application.yaml"
_SOURCE = re.compile(rb"^---\r?\n# Source: ([^\r\n]+)\r?\n", re.MULTILINE)
_MISSING = "missing in charts/ directory"


@dataclass(frozen=True, slots=True)
class Helm:
    """The program; `version` changes when it is replaced."""

    path: str
    version: str


def find_helm(which: Callable[[str], str | None] = shutil.which) -> Helm | None:
    """Return helm from the PATH; None without it."""
    path = which("helm")
    if path:
        with suppress(OSError):  # It vanished between two looks.
            status = Path(path).stat()
            return Helm(path, f"helm {status.st_size} {status.st_mtime_ns}")
    return None


async def render_chart(
    tree: Tree,
    path: str,
    options: ChartOptions,
    *,
    helm: Helm,
    capabilities: Capabilities,
    run: Runner,
    work: Path,
) -> Documents:
    """Render the chart of a directory.

    Args:
        work: a private directory for the copy.

    Raises:
        BadPath, TooLarge: see `Tree`.
        RenderError: the chart or its values are wrong, too slow, or want what is refused.
    """
    root = tree.directory(path)
    chart = root.path
    if not tree.has("Chart.yaml", base=chart):
        raise RenderError(f"{chart or '.'} holds no Chart.yaml")
    part = ChartFiles(tree, chart, reads=dict.fromkeys(root.links))
    part.add_directory(chart, chart)
    await add_dependencies(part)
    arguments = template_arguments(
        options,
        capabilities,
        value_files=[
            *value_files(part, options),
            *([f"../{_OWN_VALUES}"] if options.values else []),
        ],
        set_files=[(name, part.add_file(file)) for name, file in options.file_parameters],
    )
    contents = await tree.read(dict.fromkeys(part.files.values()), bytes_max=COPY_BYTES_MAX)
    copied = {place: contents[name] for place, name in part.files.items()}
    home = await asyncio.to_thread(write_copy, work, "helm", copied, {})
    try:
        await asyncio.to_thread((home / _OWN_VALUES).write_text, options.values)
        answer = await run(
            Command(
                argv=(helm.path, "template", options.release, f"./{chart}", *arguments),
                env=closed_environment(home),
                directory=str(home / COPY),
                timeout_seconds=RENDER_SECONDS_MAX,
                output_bytes_max=MANIFEST_BYTES_MAX,
            )
        )
    except OutputTooLarge as error:
        raise RenderError(
            f"{chart or '.'}: the chart renders to more than {MANIFEST_BYTES_MAX} bytes"
        ) from error
    except ProcessError as error:
        raise RenderError(f"{chart or '.'}: {error}") from error
    finally:
        await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)
    documents, warnings = await asyncio.to_thread(_read_answer, answer, chart, home)
    reads = tuple((each, tree.object_id(each)) for each in part.reads)
    return Documents(documents, reads, warnings)


def _read_answer(
    answer: Completed, chart: str, home: Path
) -> tuple[tuple[Document, ...], tuple[str, ...]]:
    said = words_of(answer.stderr, home)
    if answer.returncode:
        text = one_line(said).removeprefix("Error: ") or "helm failed and gave no reason"
        if _MISSING in text:
            text += "; commit them there, as helm dependency build does: nothing is downloaded"
        raise RenderError(f"{chart or '.'}: {text}")
    try:
        documents = tuple(_documents(answer.stdout, chart))
    except BadDocument as error:
        raise RenderError(str(error)) from error
    lines = (one_line(line) for line in said.splitlines())
    return documents, tuple(f"{chart or '.'}: {line}" for line in lines if line)


def _documents(output: bytes, chart: str) -> Iterator[Document]:
    """Yield what helm printed, each document under the name of its template."""
    numbers: Counter[str] = Counter()
    pieces = _SOURCE.split(output)
    for name, text in zip(pieces[1::2], pieces[2::2], strict=True):
        # The first part is the chart's name, which is not that of its directory.
        template = name.decode("utf-8", "replace").partition("/")[2]
        source = f"{chart}/{template}" if chart else template
        for document in read_documents(text, source):
            numbers[source] += 1
            yield replace(document, index=numbers[source])

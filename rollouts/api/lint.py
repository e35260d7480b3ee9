"""Checks manifests as files hold them: every problem of every document, with file and line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from rollouts.api.analysis_providers import EXECUTED_PROVIDERS
from rollouts.api.checks import check_manifest
from rollouts.api.condition_check import ConditionCheck
from rollouts.api.documents import BadDocument, Document, read_until_broken, split_list
from rollouts.api.problems import Problem, show_value

Severity: TypeAlias = Literal["error", "warning"]

_NAME_SHOWN_MAX = 253  # the longest name that a cluster takes


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend.

    Attributes:
        source: the file or whatever else the text was called.
        document: the document's number in it from 1; 0 when the text as a whole is refused.
        line: of the field, or of its nearest ancestor that is there; 0 when no line is to blame.
        object: `Kind/namespace/name` as far as they are known; empty for what is no object.
        path: the field, such as `spec.strategy.canary.steps[2]`; empty for the whole.
        message: what is wrong and what to do.
        severity: an error will not work; a warning works otherwise than it looks.
    """

    source: str
    document: int
    line: int
    object: str
    path: str
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}" if self.line else self.source
        parts = (place, self.severity, self.object, self.path, self.message)
        return ": ".join(part for part in parts if part)


def lint_text(
    text: str | bytes, source: str = "", check_condition: ConditionCheck | None = None
) -> tuple[Finding, ...]:
    """Return all that is wrong in a text, in its order.

    Documents after one that cannot be read are not seen; its own finding comes last.
    """
    return lint_objects(text, source, check_condition)[0]


def lint_objects(
    text: str | bytes,
    source: str = "",
    check_condition: ConditionCheck | None = None,
    providers: tuple[str, ...] = EXECUTED_PROVIDERS,
) -> tuple[tuple[Finding, ...], tuple[Document, ...]]:
    """Return all that is wrong in a text, and the objects that could be read from it.

    Args:
        check_condition: what checks conditions of metrics; without it they are left alone.
        providers: names of the providers that metrics can ask.
    """
    documents, broken = read_until_broken(text, source)
    items = [split_list(document) for document in documents]
    objects = [one for parts in items for one in parts]
    # A list is looked at as well as its items; any other document is its own only part.
    lists = [one for one, parts in zip(documents, items, strict=True) if parts != (one,)]
    findings = [
        finding_at(one, problem)
        for one in (*lists, *objects)
        for problem in check_manifest(one.manifest, check_condition, providers)
    ]
    findings += _repeated(objects)
    findings.sort(key=lambda finding: (finding.document, finding.line))
    if broken is not None:
        findings.append(_breakage(broken))
    return tuple(findings), tuple(objects)


def object_name(manifest: Any) -> str:
    """Return `Kind/namespace/name`, without the parts that are missing or no text."""
    if not isinstance(manifest, dict):
        return ""
    metadata = manifest.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    parts = (
        manifest.get("kind"),
        metadata.get("namespace"),
        metadata.get("name") or metadata.get("generateName"),
    )
    return "/".join(part[:_NAME_SHOWN_MAX] for part in parts if isinstance(part, str) and part)


def finding_at(document: Document, problem: Problem, severity: Severity = "error") -> Finding:
    """Return a problem of an object as a finding, with its line."""
    line = document.position(_locate(problem.path, document.manifest))
    name = object_name(document.manifest)
    message = _message(problem)
    return Finding(document.source, document.index, line, name, problem.path, message, severity)


def _message(problem: Problem) -> str:
    if problem.value is None:
        return problem.message
    return f"{problem.message} (found {show_value(problem.value)})"


def _locate(path: str, manifest: Any) -> tuple[str | int, ...]:
    """Return the parts of a rendered path, `a.b[2][some.key/c]`, as far as they exist."""
    found: list[str | int] = []
    here = manifest
    rest = path
    while rest and isinstance(here, dict | list):
        if rest.startswith("["):
            text, _, rest = rest[1:].partition("]")
        else:
            text = rest.removeprefix(".")
            end = min((at for at in (text.find("."), text.find("[")) if at >= 0), default=len(text))
            text, rest = text[:end], text[end:]
        part: str | int = int(text) if isinstance(here, list) and text.isdecimal() else text
        try:
            here = here[part]  # type: ignore[index]  # a wrong kind of part is caught
        except (KeyError, IndexError, TypeError):
            break
        found.append(part)
    return tuple(found)


def _repeated(objects: list[Document]) -> Iterator[Finding]:
    """Warn of objects that stand twice in one text: the later one wins where it is applied."""
    first: dict[tuple[str, str], Document] = {}
    for document in objects:
        name = object_name(document.manifest)
        if name.count("/") == 0:  # without a name it is another problem
            continue
        group = str(document.manifest.get("apiVersion")).rpartition("/")[0]
        earlier = first.setdefault((group, name), document)
        if earlier is not document:
            yield Finding(
                document.source,
                document.index,
                document.line,
                name,
                "",
                f"stands on line {earlier.line} too, and the later one wins: keep one",
                "warning",
            )


def _breakage(broken: BadDocument) -> Finding:
    return Finding(broken.source, broken.index, broken.line, "", "", broken.reason)

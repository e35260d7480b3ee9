"""Fills the arguments of a metric in, so that a value stays a value and never becomes code.

In the strings of a query a value is escaped. Elsewhere in a query it must be one plain word or
number, since anything else would change what is asked.
Differs from the peer, which writes every value as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rollouts.api.literals import COMMENT, NO_LITERAL, escape, literals_around
from rollouts.api.metric_rules import CONDITIONS
from rollouts.api.placeholders import fill, fill_all, wanted_arguments
from rollouts.api.problems import Finding, Path, show_value
from rollouts.api.refs import Manifest

_PROMQL_WORD = re.compile(
    r"[A-Za-z0-9_:.]+|[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
    r"|-?(?:[0-9]+(?:ms|[smhdwy]))+"
)
"""What an argument may be outside of strings: a name, a number or a duration."""

_CHANGES_THE_QUERY = (
    "would change the query; outside of quotes it must be one name, number or duration: "
    "put the argument in quotes, or write the query out"
)
_QUERIES: tuple[Path, ...] = (("provider", "prometheus", "query"),)
_ADDRESSES: tuple[Path, ...] = (
    ("provider", "prometheus", "address"),
    ("provider", "web", "url"),
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Filled:
    """A metric with its arguments filled in.

    Attributes:
        metric: the metric; what was refused is left as it was.
        findings: what was refused and why, with paths in the metric.
    """

    metric: Manifest
    findings: tuple[Finding, ...] = ()


def fill_metric(
    metric: Manifest,
    values: Mapping[str, str],
    secrets: Mapping[str, str] | None = None,
    *,
    pending: frozenset[str] = frozenset(),
) -> Filled:
    """Return a metric with its arguments filled in, wherever in it they stand.

    Args:
        values: values by name; they are shown when they are refused.
        secrets: secret values by name; they are never shown.
        pending: names that are left as they are, because their values are not known yet.
    """
    filler = _Filler(values, secrets or {}, pending, str(metric.get("name", "")), [])
    filled = fill_all(metric, filler.text)
    return Filled(filled, tuple(filler.findings))


@dataclass(frozen=True, slots=True)
class _Filler:
    """What is known while one metric is filled in."""

    values: Mapping[str, str]
    secrets: Mapping[str, str]
    pending: frozenset[str]
    metric: str
    findings: list[Finding]

    def text(self, text: str, path: Path) -> str:
        """Return one text with its arguments; what is refused is noted and left as it was."""
        missing = [
            name
            for name in dict.fromkeys(wanted_arguments(text))
            if not (name in self.values or name in self.secrets or name in self.pending)
        ]
        for name in missing:
            self.findings.append(Finding(path, f"wants the argument {name!r}, which has no value"))
        if missing:
            return text
        if path in _QUERIES:
            return self._code(text, path, comments=True, plain=False)
        if len(path) == 1 and path[0] in CONDITIONS:
            return self._code(text, path, comments=False, plain=True)
        return self._plain(text, path)

    def _value(self, name: str) -> str:
        return self.secrets[name] if name in self.secrets else self.values[name]

    def _refuse(self, name: str, path: Path, reason: str) -> None:
        """Note that an argument cannot stand where it is wanted."""
        shown = "its secret value" if name in self.secrets else show_value(self.values[name])
        place = f"metric {self.metric!r}" if self.metric else "a metric"
        self.findings.append(
            Finding(path, f"the argument {name!r} of {place} is refused here: {shown} {reason}")
        )

    def _plain(self, text: str, path: Path) -> str:
        """Return a text in which values stand as they are."""
        one_line = path in _ADDRESSES or "headers" in path

        def write(name: str, offset: int) -> str:
            if name in self.pending:
                return _kept(text, offset)
            value = self._value(name)
            if one_line and _CONTROL.search(value):
                self._refuse(name, path, "holds a line break or another control character")
                return _kept(text, offset)
            return value

        return fill(text, write)

    def _code(self, text: str, path: Path, *, comments: bool, plain: bool) -> str:
        """Return a query or a condition.

        Args:
            plain: outside of strings any value will do, because what comes out is checked again.
        """
        around = literals_around(text, comments=comments)

        def write(name: str, offset: int) -> str:
            kept = _kept(text, offset)
            if name in self.pending:
                return kept
            value = self._value(name)
            reason, written = _written(value, around[offset], plain=plain)
            if reason:
                self._refuse(name, path, reason)
                return kept
            return written

        return fill(text, write)


def _written(value: str, inside: str, *, plain: bool) -> tuple[str, str]:
    """Return why a value cannot stand in code, or how it is written there."""
    if inside == COMMENT:
        return (
            ("holds a line break, which would end the comment", "")
            if "\n" in value
            else ("", value)
        )
    if inside != NO_LITERAL:
        escaped = escape(value, inside)
        if escaped is None:
            return "holds a backquote, which cannot stand between backquotes; use double quotes", ""
        return "", escaped
    if plain or _PROMQL_WORD.fullmatch(value):
        return "", value
    return _CHANGES_THE_QUERY, ""


def _kept(text: str, offset: int) -> str:
    """Return the placeholder that begins at an offset."""
    return text[offset : text.index("}}", offset) + 2]

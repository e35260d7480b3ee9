"""The JSONPath subset that printer columns of custom resources use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

_PATHS_REMEMBERED = 1024
"""Every custom resource has a few columns; each path is parsed once."""

_NAME = re.compile(r"\.((?:[^.\[\\]|\\.)+)")
_INDEX = re.compile(r"\[(-?\d+)\]")
_QUOTED = re.compile(r"""\[(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\]""")
_FILTER = re.compile(
    r"""\[\?\(\s*@((?:\.(?:[^.\[\]=!<>()\s\\]|\\.)+)+)\s*(?:(==|!=|<=|>=|<|>)\s*(.+?))?\s*\)\]"""
)


class BadPath(ValueError):
    """The path is outside the subset; the message shows it."""


@dataclass(frozen=True, slots=True)
class Name:
    """A field of an object; `*` names all of them."""

    name: str


@dataclass(frozen=True, slots=True)
class Position:
    """An item of a list, from its end when negative; None means every item."""

    index: int | None


@dataclass(frozen=True, slots=True)
class Filter:
    """The items of a list whose field exists, or compares with a value."""

    path: tuple[str, ...]
    operator: str
    value: Any


Step: TypeAlias = Name | Position | Filter


@lru_cache(maxsize=_PATHS_REMEMBERED)
def parse_path(text: str) -> tuple[Step, ...]:
    """Read a path such as `.status.conditions[?(@.type=="Ready")].status`.

    Raises:
        BadPath: it uses something else than names, positions and simple filters.
    """
    path = text.strip()
    if path.startswith("{") and path.endswith("}"):
        path = path[1:-1].strip()
    path = path.removeprefix("$")
    steps: list[Step] = []
    position = 0
    while position < len(path):
        found = None
        for pattern, make in _READERS:
            found = pattern.match(path, position)
            if found is not None:
                steps.append(make(found))
                break
        if found is None:
            raise BadPath(f"cannot read {path[position:]!r} in JSONPath {text!r}")
        position = found.end()
    return tuple(steps)


def find(path: tuple[Step, ...], document: Any) -> list[Any]:
    """Return every value that the path leads to; nothing on the way is an error."""
    values = [document]
    for step in path:
        values = [found for value in values for found in _follow(step, value)]
    return values


def _read_name(found: re.Match[str]) -> Step:
    return Name(re.sub(r"\\(.)", r"\1", found[1]))


def _read_index(found: re.Match[str]) -> Step:
    return Position(int(found[1]))


def _read_all(_: re.Match[str]) -> Step:
    return Position(None)


def _read_quoted(found: re.Match[str]) -> Step:
    quoted = found[1] if found[1] is not None else found[2]
    return Name(re.sub(r"\\(.)", r"\1", quoted))


def _read_filter(found: re.Match[str]) -> Step:
    names = tuple(re.sub(r"\\(.)", r"\1", name) for name in _NAME.findall(found[1]))
    return Filter(names, found[2] or "", _read_literal(found[3]))


_READERS = (
    (_NAME, _read_name),
    (_INDEX, _read_index),
    (re.compile(r"\[\*\]"), _read_all),
    (_QUOTED, _read_quoted),
    (_FILTER, _read_filter),
)


def _read_literal(text: str | None) -> Any:
    if text is None:
        return None
    if text[0] in "'\"" and text[-1] == text[0]:
        return text[1:-1]
    if text in {"true", "false"}:
        return text == "true"
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        raise BadPath(f"cannot read the value {text!r} of a JSONPath filter") from None


def _follow(step: Step, value: Any) -> list[Any]:
    match step:
        case Name("*"):
            return list(value.values()) if isinstance(value, dict) else _items(value)
        case Name(name):
            return [value[name]] if isinstance(value, dict) and name in value else []
        case Position(None):
            return list(value.values()) if isinstance(value, dict) else _items(value)
        case Position(index):
            items = _items(value)
            assert index is not None
            return [items[index]] if -len(items) <= index < len(items) else []
        case Filter():
            return [item for item in _items(value) if _passes(step, item)]


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _passes(step: Filter, item: Any) -> bool:
    value = item
    for name in step.path:
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    match step.operator:
        case "":
            return True
        case "==":
            return bool(value == step.value)
        case "!=":
            return bool(value != step.value)
    try:
        order: int = (value > step.value) - (value < step.value)
    except TypeError:
        return False
    holds: dict[str, bool] = {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}
    return holds[step.operator]

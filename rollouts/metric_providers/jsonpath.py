"""Finds values in JSON by the JSONPath of Kubernetes, as metrics of the web provider write it."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

PATH_LENGTH_MAX = 1024
STEPS_MAX = 64
FOUND_MAX = 10_000
"""Values on the way. Two or three `..` in a path would otherwise multiply without end."""

_PATHS_KEPT = 1024

_NAME = re.compile(r"\.?((?:[^.\[\]{}()?@\s\\'\",=<>!*]|\\.)+)")
_BRACKETS = re.compile(r"""\[\s*((?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\]'"])*?)\s*\]""")
_QUOTED = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\"""")
_INDEX = re.compile(r"[+-]?\d{1,9}")
_SLICE = re.compile(r"\s*(-?\d{1,9})?\s*:\s*(-?\d{1,9})?\s*(?::\s*(-?\d{1,9})?\s*)?")
_FILTER = re.compile(
    r"""\?\(\s*@((?:\.[^\s=<>!()'".\[]+|\[(?:'[^']*'|"[^"]*"|-?\d+)\])*)\s*"""
    r"""(?:(==|!=|<=|>=|<|>)\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s()'"]+)\s*)?\)"""
)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class BadPath(ValueError):
    """The path cannot be read; the message shows where."""


class NotThere(LookupError):
    """The document has another shape than the path expects."""


@dataclass(frozen=True, slots=True)
class Names:
    """Fields of an object."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Positions:
    """Items of a list, from its end when negative."""

    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """A run of a list's items."""

    start: int | None
    stop: int | None
    step: int | None


@dataclass(frozen=True, slots=True)
class Every:
    """All values of an object or items of a list."""


@dataclass(frozen=True, slots=True)
class Below:
    """A value and everything inside it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Items whose value at a path exists, or compares with a literal."""

    path: tuple[Step, ...]
    operator: str
    value: Any


Step: TypeAlias = Names | Positions | Slice | Every | Below | Filter


@lru_cache(maxsize=_PATHS_KEPT)
def parse_path(text: str) -> tuple[Step, ...]:
    """Read a path such as `{$.data.results[0].value}`; braces and `$` may be left out.

    Raises:
        BadPath: naming the part that cannot be read.
    """
    path = text.strip()
    if len(path) > PATH_LENGTH_MAX:
        raise BadPath(f"is longer than {PATH_LENGTH_MAX} characters")
    if path.startswith("{") and path.endswith("}"):
        path = path[1:-1].strip()
    path = path.removeprefix("$").removeprefix("@")
    steps: list[Step] = []
    position = 0
    while position < len(path):
        found, position = _read_step(path, position)
        steps += found
        if len(steps) > STEPS_MAX:
            raise BadPath(f"has more than {STEPS_MAX} steps")
    return tuple(steps)


def find(path: tuple[Step, ...], document: Any) -> list[Any]:
    """Return every value that a path leads to.

    A position that a list does not reach and a filter that nothing passes find nothing.

    Raises:
        NotThere: a field is missing, or its parent is no object; and when too much is found.
    """
    values = [document]
    is_search = False
    walked = "$"
    for step in path:
        is_search = is_search or isinstance(step, Every | Below | Filter)
        found: list[Any] = []
        for value in values:
            found.extend(_follow(step, value, walked, is_search=is_search))
            if len(found) > FOUND_MAX:
                raise NotThere(f"more than {FOUND_MAX} values match at {walked}")
        values = found
        walked += _shown(step)
    return values


def _read_step(path: str, position: int) -> tuple[list[Step], int]:
    """Return the steps that are written at a position, and where the next one begins."""
    if path.startswith("..", position):
        # What is below is searched; the name or bracket after it says for what.
        return [Below()], position + (2 if path[position + 2 : position + 3] == "[" else 1)
    for star in (".*", "*"):
        if path.startswith(star, position):
            return [Every()], position + len(star)
    name = _NAME.match(path, position)
    if name is not None and (position == 0 or path[position] == "."):
        return [Names((_unescaped(name[1]),))], name.end()
    if path[position] == "[":
        # A filter may hold brackets of its own, so it is tried first.
        found = _FILTER.match(path, position + 1)
        if found is not None and path[found.end() : found.end() + 1] == "]":
            return [_read_filter(found)], found.end() + 1
        brackets = _BRACKETS.match(path, position)
        if brackets is not None:
            return [_read_brackets(brackets[1])], brackets.end()
    raise BadPath(f"cannot be read from {path[position : position + 40]!r} on")


def _read_brackets(inside: str) -> Step:
    if inside == "*":
        return Every()
    if (found := _SLICE.fullmatch(inside)) is not None:
        start, stop, step = (None if part is None else int(part) for part in found.groups())
        if step == 0:
            raise BadPath("has a slice with step 0")
        return Slice(start, stop, step)
    parts = [part.strip() for part in inside.split(",")]
    if all(_INDEX.fullmatch(part) for part in parts):
        return Positions(tuple(int(part) for part in parts))
    names = [found[1] if found[1] is not None else found[2] for found in _QUOTED.finditer(inside)]
    if names and not _QUOTED.sub("", inside).replace(",", "").strip():
        return Names(tuple(_unescaped(name) for name in names))
    raise BadPath(f"has brackets that cannot be read: [{inside[:40]}]")


def _read_filter(found: re.Match[str]) -> Filter:
    return Filter(parse_path(found[1]), found[2] or "", _read_literal(found[3]))


def _read_literal(text: str | None) -> Any:
    if text is None or text in ("null", "nil"):
        return None
    if text[0] in "'\"":
        return _unescaped(text[1:-1])
    if text in ("true", "false"):
        return text == "true"
    try:
        return int(text) if _INDEX.fullmatch(text) else float(text)
    except ValueError:
        raise BadPath(f"compares with {text!r}, which is no text in quotes and no number") from None


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _follow(step: Step, value: Any, walked: str, *, is_search: bool) -> Iterable[Any]:
    match step:
        case Names(names):
            return _fields(names, value, walked, is_search=is_search)
        case Every():
            return value.values() if isinstance(value, dict) else _items(value)
        case Below():
            return _below(value)
        case Filter():
            inner = value.values() if isinstance(value, dict) else _items(value)
            return [item for item in inner if _passes(step, item)]
    if not isinstance(value, list) and not is_search:
        raise NotThere(f"{walked} is {_kind(value)}, not a list")
    items = _items(value)
    if isinstance(step, Slice):
        return items[step.start : step.stop : step.step]
    return [items[each] for each in step.indexes if -len(items) <= each < len(items)]


def _fields(names: tuple[str, ...], value: Any, walked: str, *, is_search: bool) -> list[Any]:
    if not isinstance(value, dict):
        if is_search:
            return []
        raise NotThere(f"{walked} is {_kind(value)}, not an object")
    missing = [name for name in names if name not in value]
    if missing and not is_search:
        raise NotThere(f"{walked} has no field {missing[0]!r}")
    return [value[name] for name in names if name in value]


def _below(value: Any) -> Iterator[Any]:
    """Yield a value and all inside it, parents first and in order."""
    waiting = [value]
    while waiting:
        current = waiting.pop()
        yield current
        inner = current.values() if isinstance(current, dict) else _items(current)
        waiting.extend(reversed(list(inner)))


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _passes(step: Filter, item: Any) -> bool:
    try:
        found = find(step.path, item)
    except NotThere:
        return False
    if not step.operator:
        return bool(found)
    return any(_compares(each, step) for each in found)


def _compares(value: Any, step: Filter) -> bool:
    # True is no 1 here, though it is in Python.
    if isinstance(value, bool) != isinstance(step.value, bool):
        return step.operator == "!="
    try:
        return _OPERATORS[step.operator](value, step.value)
    except TypeError:
        return False


def _shown(step: Step) -> str:
    match step:
        case Names(names):
            return "".join(f".{name}" for name in names[:1])
        case Positions(indexes):
            return f"[{','.join(map(str, indexes))}]"
        case Below():
            return "."
        case Every():
            return "[*]"
        case Slice():
            return "[:]"
        case Filter():
            return "[?]"


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a truth value"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "an object"

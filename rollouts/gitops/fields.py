"""Paths into JSON: read, replace and remove one field without changing the original."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

Path: TypeAlias = tuple[str, ...]
"""Keys from the top of an object; a list index is its decimal text."""


class _Absent:
    """Type of `ABSENT`."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
"""Stands for a field that is not there; None is a value."""


def parse_pointer(text: str) -> Path:
    """Read a JSON pointer (RFC 6901).

    Raises:
        ValueError: it does not begin with a slash, or names the whole object.
    """
    if not isinstance(text, str) or not text.startswith("/"):
        raise ValueError(f"JSON pointer {text!r:.80} must begin with '/', as in /spec/replicas")
    path = tuple(part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/"))
    if path == ("",):
        raise ValueError("JSON pointer '/' names no field; write one such as /spec/replicas")
    return path


def format_pointer(path: Path) -> str:
    """Return a path as a JSON pointer."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)


def lookup(value: Any, path: Path) -> Any:
    """Return the value at a path, or `ABSENT`."""
    for part in path:
        if isinstance(value, dict):
            value = value.get(part, ABSENT)
        elif isinstance(value, list) and _is_index(part, value):
            value = value[int(part)]
        else:
            return ABSENT
        if value is ABSENT:
            return ABSENT
    return value


def without(value: Any, path: Path) -> Any:
    """Return a copy that lacks the field; the value itself when it lacks it already."""
    if not path or lookup(value, path) is ABSENT:
        return value
    head, rest = path[0], path[1:]
    if isinstance(value, dict):
        if rest:
            return {**value, head: without(value[head], rest)}
        return {key: item for key, item in value.items() if key != head}
    index = int(head)
    if rest:
        return [*value[:index], without(value[index], rest), *value[index + 1 :]]
    return [*value[:index], *value[index + 1 :]]


def with_value(value: Any, path: Path, new: Any) -> Any:
    """Return a copy with the field set, with the maps on the way to it.

    A list item is replaced, never added: a path through an item that is not there changes nothing.
    """
    if not path:
        return new
    head, rest = path[0], path[1:]
    if isinstance(value, list):
        if not _is_index(head, value):
            return value
        index = int(head)
        return [*value[:index], with_value(value[index], rest, new), *value[index + 1 :]]
    if isinstance(value, dict):
        return {**value, head: with_value(value.get(head, {}), rest, new)}
    return value


def strip(value: Any, paths: Iterable[Path]) -> Any:
    """Return a copy that lacks all these fields.

    List items are removed from the back, so that removing one does not move the others.
    """
    for path in sorted(set(paths), key=_removal_order, reverse=True):
        value = without(value, path)
    return value


def differences(left: Any, right: Any, *, limit: int = 20) -> tuple[Path, ...]:
    """Return where two JSON values differ, topmost first, at most `limit` paths."""
    found: list[Path] = []
    for path in _differences(left, right, ()):
        found.append(path)
        if len(found) >= limit:
            break
    return tuple(found)


def _differences(left: Any, right: Any, path: Path) -> Iterator[Path]:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted({*left, *right}):
            if key not in left or key not in right:
                yield (*path, key)
            else:
                yield from _differences(left[key], right[key], (*path, key))
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (one, other) in enumerate(zip(left, right, strict=True)):
            yield from _differences(one, other, (*path, str(index)))
    # `1 == True` in Python, but not in JSON.
    elif left != right or isinstance(left, bool) != isinstance(right, bool):
        yield path


def _is_index(part: str, items: list[Any]) -> bool:
    return part.isascii() and part.isdigit() and int(part) < len(items)


def _removal_order(path: Path) -> tuple[tuple[int, str], ...]:
    """Sort indices as numbers, so that item 10 comes after item 9."""
    return tuple((len(part), part) if part.isdigit() else (0, part) for part in path)

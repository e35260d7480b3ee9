"""JSON merge patch (RFC 7386) and JSON patch (RFC 6902) over shared, never-changed documents.

Both copy along the changed path only, and return the very object they were given when nothing
changed, so that the caller can tell by identity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollouts.emulator.errors import ApiError, bad_request

if TYPE_CHECKING:
    from collections.abc import Callable

OPERATIONS_MAX = 10_000  # The real server's bound on one JSON patch.


def equal(left: Any, right: Any) -> bool:
    """Compare as JSON: `true` is not 1. Shared parts compare by identity."""
    if left is right:
        return True
    if left != right:
        return False
    return _same_types(left, right)


def _same_types(left: Any, right: Any) -> bool:
    if left is right:
        return True
    if isinstance(left, dict):
        return all(_same_types(value, right[key]) for key, value in left.items())
    if isinstance(left, list):
        return all(map(_same_types, left, right))
    return type(left) is type(right)


def merge_patch(target: Any, patch: Any) -> Any:
    """Apply a merge patch: null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = target if isinstance(target, dict) else {}
    original = result
    for key, value in patch.items():
        if value is None:
            if key in result:
                result = dict(result) if result is original else result
                del result[key]
            continue
        present = key in original
        current = original.get(key)
        merged = merge_patch(current, value) if isinstance(value, dict) else _without_nulls(value)
        if present and (merged is current or equal(merged, current)):
            continue
        result = dict(result) if result is original else result
        result[key] = merged
    return result


def _without_nulls(value: Any) -> Any:
    """Drop nulls from the objects in a list, as the library of the real server does."""
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return value


def diff_merge_patch(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return the merge patch from one object to another; neither may hold nulls in objects."""
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        if key not in before:
            patch[key] = value
        elif isinstance(value, dict) and isinstance(before[key], dict):
            if inner := diff_merge_patch(before[key], value):
                patch[key] = inner
        elif not equal(before[key], value):
            patch[key] = value
    return patch


class _Failed(Exception):
    """An operation could not be carried out."""


def _rejected() -> ApiError:
    # The real server hides the reason, also of a failed `test`; clients know it by code and text.
    message = "the server rejected our request due to an error in our request"
    return ApiError(422, "Invalid", message, {})


def json_patch(document: Any, operations: Any) -> Any:
    """Apply a JSON patch; all operations or none.

    Raises:
        ApiError: 400, not a JSON patch; 413, too many operations; 422, one could not be applied
            (a missing path, a failed `test`).
    """
    if not isinstance(operations, list) or not all(isinstance(op, dict) for op in operations):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal object into jsonpatch.Patch"
        )
    if len(operations) > OPERATIONS_MAX:
        raise ApiError(
            413,
            "RequestEntityTooLarge",
            f"Request entity too large: The allowed maximum operations in a JSON patch is "
            f"{OPERATIONS_MAX}, got {len(operations)}",
        )
    for operation in operations:
        try:
            document = _operate(document, operation)
        except _Failed:
            raise _rejected() from None
    return document


def _operate(document: Any, operation: dict[str, Any]) -> Any:
    path = _read_pointer(operation.get("path"))
    match operation.get("op"):
        case "add":
            return _add(document, path, _value(operation))
        case "remove":
            return _remove(document, path)
        case "replace":
            return _replace(document, path, _value(operation))
        case "move":
            source = _read_pointer(operation.get("from"))
            if path[: len(source)] == source and path != source:
                raise _Failed
            value = _get(document, source)
            return document if path == source else _add(_remove(document, source), path, value)
        case "copy":
            return _add(document, path, _copied(document, _read_pointer(operation.get("from"))))
        case "test":
            _test(document, path, operation.get("value"))
            return document
        case _:
            raise _Failed


def _value(operation: dict[str, Any]) -> Any:
    if "value" not in operation:
        raise _Failed
    return operation["value"]


def _test(document: Any, path: list[str], expected: Any) -> None:
    try:
        found = _get(document, path)
    except _Failed:
        # A test for null passes where there is nothing, as it does in the real server.
        found = None
    if not equal(found, expected):
        raise _Failed


def _read_pointer(pointer: Any) -> list[str]:
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
        raise _Failed
    if not pointer:
        return []
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")]


def _index(items: list[Any], step: str, *, limit: int) -> int:
    digits = step.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise _Failed
    position = int(step)
    if position < 0:
        # Negative positions count from the end: an extension the real server has.
        position += limit
    if not 0 <= position < limit or (position > len(items)):
        raise _Failed
    return position


def _get(document: Any, path: list[str]) -> Any:
    for step in path:
        if isinstance(document, dict):
            if step not in document:
                raise _Failed
            document = document[step]
        elif isinstance(document, list):
            document = document[_index(document, step, limit=len(document))]
        else:
            raise _Failed
    return document


def _change(document: Any, path: list[str], leaf: Callable[[Any, str], Any]) -> Any:
    """Rebuild the containers along `path`; `leaf` makes the innermost one."""
    step, rest = path[0], path[1:]
    if not rest:
        return leaf(document, step)
    inner = _change(_get(document, [step]), rest, leaf)
    copy = document.copy()
    if isinstance(copy, dict):
        copy[step] = inner
    else:
        copy[_index(copy, step, limit=len(copy))] = inner
    return copy


def _add(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value

    def leaf(container: Any, step: str) -> Any:
        if isinstance(container, dict):
            if step in container and equal(container[step], value):
                return container
            return {**container, step: value}
        if isinstance(container, list):
            last = len(container)
            position = last if step == "-" else _index(container, step, limit=last + 1)
            return [*container[:position], value, *container[position:]]
        raise _Failed

    return _change(document, path, leaf)


def _remove(document: Any, path: list[str]) -> Any:
    if not path:
        raise _Failed

    def leaf(container: Any, step: str) -> Any:
        _get(container, [step])
        if isinstance(container, dict):
            return {key: value for key, value in container.items() if key != step}
        position = _index(container, step, limit=len(container))
        return container[:position] + container[position + 1 :]

    return _change(document, path, leaf)


def _copied(document: Any, path: list[str]) -> Any:
    # Differs from RFC 6902: the server's library copies an absent member of an object as null.
    if not path:
        return document
    container = _get(document, path[:-1])
    return container.get(path[-1]) if isinstance(container, dict) else _get(container, path[-1:])


def _replace(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value

    def leaf(container: Any, step: str) -> Any:
        # Differs from RFC 6902: the server's library lets `replace` add a member to an object.
        if isinstance(container, dict):
            return {**container, step: value}
        if not isinstance(container, list):
            raise _Failed
        position = _index(container, step, limit=len(container))
        return [*container[:position], value, *container[position + 1 :]]

    return _change(document, path, leaf)

"""Strategic merge patch: lists of built-in kinds merge by key, and directives steer the merge.

Directives: `$patch: replace|delete` in an object or list item, `$retainKeys` in an object,
`$deleteFromPrimitiveList/<field>` and `$setElementOrder/<field>` beside a list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollouts.emulator.errors import ApiError, bad_request, show_value
from rollouts.emulator.nodes import DEDUCED, Field, Node

if TYPE_CHECKING:
    from collections.abc import Callable

_PATCH = "$patch"
_RETAIN = "$retainKeys"
_DELETE = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"


def strategic_merge(root: Node, original: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Return the object with the patch merged in; neither argument is changed.

    Raises:
        ApiError: 400 or 422, a directive makes no sense or an item lacks its merge key.
    """
    return _merge_maps(root, original, patch)


def _unusable() -> ApiError:
    message = "the server rejected our request due to an error in our request"
    return ApiError(422, "Invalid", message, {})


def _nonsense(message: str) -> ApiError:
    # The real server has no better word for these than an error of its own.
    return ApiError(500, "", message)


def _no_merge_key(item: dict[str, Any], key: str) -> ApiError:
    return _nonsense(f"map: {show_value(item)} does not contain declared merge key: {key}")


def _merge_maps(node: Node, original: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    directive = patch.get(_PATCH)
    if directive == "replace":
        whole: dict[str, Any] = _plain(
            {key: value for key, value in patch.items() if key != _PATCH}
        )
        return whole
    if directive == "delete":
        return {}
    if directive is not None:
        raise _nonsense(f"unknown patch type: {directive} in map: {show_value(patch)}")
    result = dict(original)
    if _RETAIN in patch:
        _retain(result, patch)
    for key, value in patch.items():
        if key in (_PATCH, _RETAIN) or key.startswith(_ORDER):
            continue
        if key.startswith(_DELETE):
            _delete_values(result, key.removeprefix(_DELETE), value)
        else:
            _merge_field(node, result, key, value)
    _put_in_order(node, result, original, patch)
    return original if _is_unchanged(result, original) else result


def _is_unchanged(result: dict[str, Any], original: dict[str, Any]) -> bool:
    return len(result) == len(original) and all(
        result.get(key, result) is value for key, value in original.items()
    )


def _retain(result: dict[str, Any], patch: dict[str, Any]) -> None:
    kept = patch[_RETAIN]
    if not isinstance(kept, list):
        raise bad_request("invalid patch format of retainKeys")
    strangers = [
        key
        for key, value in patch.items()
        if not key.startswith("$") and value is not None and key not in kept
    ]
    if strangers:
        raise _unusable()
    for key in [key for key in result if key not in kept]:
        del result[key]


def _delete_values(result: dict[str, Any], key: str, values: Any) -> None:
    if not isinstance(values, list):
        raise bad_request("invalid patch format of primitive list")
    present = result.get(key)
    if isinstance(present, list):
        result[key] = [item for item in present if item not in values]


def _merge_field(node: Node, result: dict[str, Any], key: str, value: Any) -> None:
    if value is None:
        result.pop(key, None)
        return
    present = result.get(key)
    field = node.fields.get(key)
    if isinstance(value, dict) and isinstance(present, dict):
        result[key] = _merge_maps(node.child(key), present, value)
    elif isinstance(value, list) and isinstance(present, list) and field and field.merges:
        result[key] = _merge_lists(field, present, value)
    elif isinstance(value, list) and isinstance(present, list):
        # A list that does not merge is replaced as it stands; directives mean nothing in it.
        result[key] = [_plain(item) for item in value]
    else:
        fresh = _plain(value)
        if type(fresh) is not type(present) or fresh != present:
            result[key] = fresh


def _plain(value: Any) -> Any:
    """Return a patch value as content: directives and nulls mean nothing where nothing was."""
    if isinstance(value, dict):
        if value.get(_PATCH) == "delete":
            return {}
        return {
            key: _plain(item)
            for key, item in value.items()
            if not key.startswith("$") and item is not None
        }
    if isinstance(value, list):
        return _plain_list(value)
    return value


def _plain_list(items: list[Any]) -> list[Any]:
    return [
        _plain(item)
        for item in items
        if not (
            isinstance(item, dict) and item.get(_PATCH) in ("delete", "replace") and len(item) <= 2
        )
    ]


def _merge_lists(field: Field, original: list[Any], patch: list[Any]) -> list[Any]:
    key = field.merge_key
    if not key:
        merged = list(original) + [item for item in patch if item not in original]
        merged = [item for position, item in enumerate(merged) if item not in merged[:position]]
        return _arrange(merged, patch, original, _identity(""))
    if any(not isinstance(item, dict) for item in (*original, *patch)):
        raise _unusable()
    original, patch = _obey_item_directives(original, patch, key)
    inner = field.node.item or DEDUCED
    merged = list(original)
    for item in patch:
        if key not in item:
            raise _no_merge_key(item, key)
        position = _find(merged, key, item[key])
        if position is None:
            merged.append(_plain(item))
        else:
            merged[position] = _merge_maps(inner, merged[position], item)
    return _arrange(merged, patch, original, _identity(key))


def _identity(merge_key: str) -> Callable[[Any], Any]:
    """Return how items of a list are told apart: by a key, or by value."""
    return (lambda item: item.get(merge_key)) if merge_key else (lambda item: item)


def _find(items: list[Any], key: str, value: Any) -> int | None:
    return next((at for at, item in enumerate(items) if item.get(key) == value), None)


def _obey_item_directives(
    original: list[Any], patch: list[Any], key: str
) -> tuple[list[Any], list[Any]]:
    plain = [item for item in patch if _PATCH not in item]
    for item in patch:
        match item.get(_PATCH):
            case None:
                continue
            case "delete":
                if key not in item:
                    raise _no_merge_key(item, key)
                original = [each for each in original if each.get(key) != item[key]]
            case "replace":
                return [], plain
            case "merge":
                raise _nonsense("merging lists cannot yet be specified in the patch")
            case other:
                raise _nonsense(f"unknown patch type found: {other}")
    return original, plain


def _arrange(
    merged: list[Any], wanted: list[Any], before: list[Any], identify: Callable[[Any], Any]
) -> list[Any]:
    """Order a merged list: the patch's items in its order, the others where they were."""
    order = [identify(item) for item in wanted]
    held = [identify(item) for item in before]
    named = [item for item in merged if identify(item) in order]
    named.sort(key=lambda item: order.index(identify(item)))
    others = [item for item in merged if identify(item) not in order]
    others.sort(
        key=lambda item: held.index(identify(item)) if identify(item) in held else len(held)
    )
    return _interleave(others, named, held, identify)


def _interleave(
    others: list[Any], named: list[Any], held: list[Any], identify: Callable[[Any], Any]
) -> list[Any]:
    result = []
    i = j = 0
    while i < len(others) or j < len(named):
        if j >= len(named):
            result.append(others[i])
            i += 1
            continue
        if i < len(others):
            left, right = identify(others[i]), identify(named[j])
            if left in held and right in held and held.index(left) < held.index(right):
                result.append(others[i])
                i += 1
                continue
        result.append(named[j])
        j += 1
    return result


def _put_in_order(
    node: Node, result: dict[str, Any], original: dict[str, Any], patch: dict[str, Any]
) -> None:
    for directive, wanted in patch.items():
        if not directive.startswith(_ORDER):
            continue
        key = directive.removeprefix(_ORDER)
        if not isinstance(wanted, list):
            raise bad_request("invalid patch format of setElementOrder list")
        field = node.fields.get(key)
        items = result.get(key)
        if not isinstance(items, list) or field is None or not field.merges:
            continue
        merge_key = field.merge_key
        _check_order(patch.get(key), wanted, merge_key)
        before = original.get(key)
        held = before if isinstance(before, list) else []
        arranged = _arrange(items, wanted, held, _identity(merge_key))
        if arranged != items:
            result[key] = arranged


def _check_order(items: Any, wanted: list[Any], merge_key: str) -> None:
    """Refuse a patch whose own items are not in the order it asks for."""
    if not isinstance(items, list) or not wanted:
        return
    position = 0
    for item in items:
        if isinstance(item, dict) and any(name.startswith("$") for name in item):
            continue
        while position < len(wanted) and not _is_named(item, wanted[position], merge_key):
            position += 1
        if position == len(wanted):
            raise _nonsense(
                f"The order in patch list:\n{show_value(items)}\n "
                f"doesn't match $setElementOrder list:\n{show_value(wanted)}\n"
            )
        position += 1


def _is_named(item: Any, name: Any, merge_key: str) -> bool:
    if not merge_key:
        return bool(item == name)
    return bool(item.get(merge_key) == name.get(merge_key))

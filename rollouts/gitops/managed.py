"""Who owns a field: reads `metadata.managedFields` and rewrites them when we take over."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from rollouts.api.refs import Manifest
from rollouts.gitops.fields import ABSENT, Path, lookup

_SELF = "."
"""The key by which a field set states that it owns the map or item itself."""

KUBECTL_PREFIX = "kubectl"
BEFORE_FIRST_APPLY = "before-first-apply"


def is_taken_over(entry: Manifest) -> bool:
    """Tell whether a manager's fields are ours to take: hands on the cluster, not controllers.

    Subresources are left out: `kubectl scale` speaks to the scale subresource on purpose.
    """
    manager = str(entry.get("manager", ""))
    by_hand = manager.startswith(KUBECTL_PREFIX) or manager == BEFORE_FIRST_APPLY
    return by_hand and not entry.get("subresource")


def entries(live: Manifest) -> list[Manifest]:
    """Return the managedFields of an object; none when the server tracks none."""
    found = (live.get("metadata") or {}).get("managedFields") or []
    return [entry for entry in found if isinstance(entry, dict)]


def owners(live: Manifest, path: Path) -> tuple[Manifest, ...]:
    """Return the managedFields entries that own a field, alone or inside an atomic parent."""
    return tuple(entry for entry in entries(live) if _owns(entry, live, path)[0])


def is_inside_atomic(live: Manifest, path: Path) -> bool:
    """Tell whether some manager owns a parent of the field as a whole."""
    return any(_owns(entry, live, path) == (True, True) for entry in entries(live))


def fields_of(live: Manifest, managers: Iterable[str]) -> tuple[Path, ...]:
    """Return every field that one of these managers owns, whatever the operation."""
    wanted = tuple(managers)
    return tuple(
        path
        for entry in entries(live)
        if entry.get("manager") in wanted
        for path in _leaves(entry.get("fieldsV1") or {}, live, ())
    )


def fields_by_hand(live: Manifest) -> tuple[Path, ...]:
    """Return every field of the managers that `is_taken_over` names."""
    return tuple(
        path
        for entry in entries(live)
        if is_taken_over(entry)
        for path in _leaves(entry.get("fieldsV1") or {}, live, ())
    )


def take_over(live: Manifest, manager: str, spared: Iterable[Path]) -> list[Manifest]:
    """Return managedFields in which our Apply entry has the fields that were set by hand.

    Args:
        spared: fields that stay with whoever set them.
    """
    kept: list[Manifest] = []
    ours: Manifest | None = None
    taken: dict[str, Any] = {}
    spared = tuple(spared)
    for entry in entries(live):
        if entry.get("manager") == manager and entry.get("operation") == "Apply":
            ours = entry
        elif is_taken_over(entry):
            left, moved = _split(entry.get("fieldsV1") or {}, live, spared)
            taken = _union(taken, moved)
            if left:
                kept.append({**entry, "fieldsV1": left})
        else:
            kept.append(entry)
    version = live.get("apiVersion", "")
    mine = ours or {"apiVersion": version, "fieldsType": "FieldsV1", "fieldsV1": {}}
    merged = _union(mine.get("fieldsV1") or {}, taken)
    return [*kept, {**mine, "manager": manager, "operation": "Apply", "fieldsV1": merged}]


def _owns(entry: Manifest, live: Any, path: Path) -> tuple[bool, bool]:
    """Return (owns the field, through an atomic parent)."""
    node: Any = entry.get("fieldsV1") or {}
    value: Any = live
    if not node:
        return False, False
    for depth, part in enumerate(path):
        if depth and not node:
            return True, True
        child = _child(node, value, part)
        if child is None:
            return False, False
        node, value = child, lookup(value, (part,))
    return True, False


def _child(node: dict[str, Any], value: Any, part: str) -> dict[str, Any] | None:
    """Return the field set below one step of a path."""
    if not isinstance(value, list):
        return node.get(f"f:{part}")
    item = lookup(value, (part,))
    if item is ABSENT:
        return None
    for key, child in node.items():
        if _names_item(key, item, int(part)):
            return child  # type: ignore[no-any-return]  # managedFields are untyped JSON
    return None


def _names_item(key: str, item: Any, index: int) -> bool:
    """Tell whether a field-set key (`k:`, `v:` or `i:`) speaks of a list item."""
    kind, _, text = key.partition(":")
    if kind == "i":
        return text == str(index)
    if kind not in ("k", "v"):
        return False
    try:
        named = json.loads(text)
    except ValueError:
        return False
    if kind == "v":
        return bool(named == item)
    return isinstance(item, dict) and all(item.get(name) == want for name, want in named.items())


def _leaves(node: dict[str, Any], value: Any, path: Path) -> Iterator[Path]:
    """Yield the live fields that a field set names; what is gone from `value` is skipped."""
    for key, child in node.items():
        for part in _parts(key, value):
            below = (*path, part)
            if isinstance(child, dict) and any(name != _SELF for name in child):
                yield from _leaves(child, lookup(value, (part,)), below)
            else:
                yield below


def _parts(key: str, value: Any) -> Iterator[str]:
    """Yield the step that a field-set key stands for: one, or none if it is gone."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            if _names_item(key, item, index):
                yield str(index)
                return
    elif key.startswith("f:") and isinstance(value, dict) and key[2:] in value:
        yield key[2:]


def _split(
    node: dict[str, Any], live: Any, spared: tuple[Path, ...]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (what stays, what moves) of a field set."""
    left: dict[str, Any] = {}
    moved: dict[str, Any] = {}
    for key, child in node.items():
        parts = tuple(_parts(key, live))
        below = tuple(path[1:] for path in spared if parts and path[:1] == parts[:1])
        if () in below:
            left[key] = child
        elif below:
            stays, goes = _split(child, lookup(live, parts), below)
            if stays:
                left[key] = stays
            if goes:
                moved[key] = goes
        else:
            moved[key] = child
    return left, moved


def _union(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return the union of two field sets."""
    merged = dict(one)
    for key, child in other.items():
        merged[key] = _union(merged[key], child) if key in merged else child
    return merged

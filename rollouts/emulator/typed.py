"""Documents read with a schema's eyes: field sets, comparison, merge and removal.

These are the four operations that server-side apply is made of. What counts as one value is up to
the schema: atomic parts are leaves, lists are leaves, sets, or maps by key.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from rollouts.emulator.fields import (
    SELF,
    Trie,
    field_step,
    insert,
    is_member,
    key_step,
    make_set,
    value_step,
)
from rollouts.emulator.nodes import ANY, DEDUCED, LIST, MAP, STRUCT, Node
from rollouts.emulator.patches import equal
from rollouts.emulator.wire import BOOL, FLOAT, INT32, INT64, STRING

_LEAF = "leaf"
_ZEROS = {"string": "", "bool": False, "int32": 0, "int64": 0, "float64": 0}


class Undeclared(Exception):
    """A document does not fit the schema; the text says where and how."""


class Absent:
    """The type of ABSENT."""


ABSENT = Absent()
"""Nothing there, as opposed to an explicit null."""


def _shape(node: Node, value: Any) -> str:
    if isinstance(value, dict):
        if node.kind in (STRUCT, MAP, ANY) and not node.atomic:
            return MAP
    elif isinstance(value, list) and node.kind == LIST and not node.atomic:
        return LIST
    return _LEAF


def _item(node: Node) -> Node:
    return node.item if node.item is not None else DEDUCED


def item_step(node: Node, item: Any) -> str:
    """Return the step to an item of a set or keyed list.

    Raises:
        Undeclared: the item cannot be told apart from others.
    """
    if node.is_set:
        if isinstance(item, dict | list) or item is None:
            raise Undeclared("associative list without keys has an element that's not a scalar")
        return value_step(item)
    if not isinstance(item, dict):
        raise Undeclared("associative list with keys may not have non-map elements")
    fields = _item(node).fields
    keys = {}
    for key in node.keys:
        if item.get(key) is not None:
            keys[key] = item[key]
        elif key in fields:
            field = fields[key]
            default = field.default
            if default is None and field.required:
                default = _ZEROS.get(field.node.kind)
            if default is not None:
                keys[key] = default
    if not keys:
        quoted = " ".join(f'"{key}"' for key in node.keys)
        raise Undeclared(
            f"associative list with keys has an element that omits all key fields [{quoted}] "
            "(and doesn't have default values for any key fields)"
        )
    return key_step(keys)


def field_set(node: Node, value: Any) -> Trie:
    """Return the paths that a document sets, as applying it would own them."""
    shape = _shape(node, value)
    result: Trie = {}
    if shape == MAP:
        for key, item in value.items():
            child = _field_child(node.child(key), item, declared=node.declares(key))
            if child is not None:
                result[field_step(key)] = child
    elif shape == LIST:
        inner = _item(node)
        for item in value:
            try:
                step = item_step(node, item)
            except Undeclared:
                # A live item without its keys cannot be owned.
                continue
            below = field_set(inner, item)
            result[step] = {SELF: {}, **below} if below else {}
    return result


def _field_child(node: Node, item: Any, *, declared: bool) -> Trie | None:
    shape = _shape(node, item)
    if shape == _LEAF:
        return {}
    below = field_set(node, item)
    if not declared or (shape == MAP and not item):
        return {SELF: {}, **below} if below else {}
    return below or None


class Comparison(NamedTuple):
    """What one document has over another, as sets of paths."""

    added: Trie
    removed: Trie
    modified: Trie


def compare(node: Node, before: Any, after: Any) -> Comparison:
    """Return the paths that differ. Parts that are the same object are not looked into."""
    walk = _Walk()
    walk.compare(node, before, after, ())
    return Comparison(make_set(walk.added), make_set(walk.removed), make_set(walk.modified))


class _Walk:
    def __init__(self) -> None:
        self.added: list[tuple[str, ...]] = []
        self.removed: list[tuple[str, ...]] = []
        self.modified: list[tuple[str, ...]] = []

    def compare(self, node: Node, before: Any, after: Any, path: tuple[str, ...]) -> None:
        if before is after:
            return
        shape = _shape(node, before if after is ABSENT or after is None else after)
        is_container = shape != _LEAF and self._fits(shape, before) and self._fits(shape, after)
        if is_container and (before or after) and not (_is_empty(before) and _is_empty(after)):
            if shape == MAP:
                self._maps(node, before, after, path)
            else:
                self._lists(node, before, after, path)
            if before is ABSENT:
                self._note(self.added, path)
            elif after is ABSENT:
                self._note(self.removed, path)
            return
        if before is ABSENT:
            self._note(self.added, path)
        elif after is ABSENT:
            self._note(self.removed, path)
        elif not equal(before, after):
            self._note(self.modified, path)

    @staticmethod
    def _note(paths: list[tuple[str, ...]], path: tuple[str, ...]) -> None:
        if path:
            paths.append(path)

    @staticmethod
    def _fits(shape: str, value: Any) -> bool:
        expected = dict if shape == MAP else list
        return value is ABSENT or value is None or isinstance(value, expected)

    def _maps(self, node: Node, before: Any, after: Any, path: tuple[str, ...]) -> None:
        old = before if isinstance(before, dict) else {}
        new = after if isinstance(after, dict) else {}
        for key, item in new.items():
            earlier = old.get(key, ABSENT)
            if earlier is not item:
                self.compare(node.child(key), earlier, item, (*path, field_step(key)))
        for key, item in old.items():
            if key not in new:
                self.compare(node.child(key), item, ABSENT, (*path, field_step(key)))

    def _lists(self, node: Node, before: Any, after: Any, path: tuple[str, ...]) -> None:
        old = _by_step(node, before)
        new = _by_step(node, after)
        inner = _item(node)
        for step in (*old, *(step for step in new if step not in old)):
            here = (*path, step)
            left, right = old.get(step, []), new.get(step, [])
            if len(left) <= 1 and len(right) <= 1:
                pair = (left[0] if left else ABSENT, right[0] if right else ABSENT)
                self.compare(inner, *pair, here)
            elif len(left) > 1 and len(right) > 1:
                if not equal(left, right):
                    self.modified.append(here)
            elif len(left) > 1:
                if right:
                    self.compare(inner, ABSENT, right[0], here)
                self.removed.append(here)
            else:
                if left:
                    self.compare(inner, left[0], ABSENT, here)
                self.added.append(here)


def _is_empty(value: Any) -> bool:
    return value is ABSENT or value is None or not value


def _by_step(node: Node, value: Any) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = {}
    for item in value if isinstance(value, list) else ():
        try:
            grouped.setdefault(item_step(node, item), []).append(item)
        except Undeclared:
            # A live item without its keys cannot be owned.
            continue
    return grouped


def merge(node: Node, live: Any, applied: Any) -> Any:
    """Return `live` with the fields of `applied` put in; absent ones stay as they are."""
    if applied is ABSENT or applied is live:
        return live
    if live is ABSENT or live is None:
        return applied
    shape = _shape(node, applied)
    if shape == MAP and isinstance(live, dict) and applied:
        result = dict(live)
        for key, item in applied.items():
            result[key] = merge(node.child(key), live.get(key, ABSENT), item)
        return result
    if shape == LIST and isinstance(live, list) and (applied or live):
        return _merge_lists(node, live, applied)
    if shape == MAP and isinstance(live, dict):
        return live
    return applied


def _merge_lists(node: Node, live: list[Any], applied: list[Any]) -> list[Any]:
    """Merge by step. Applied items set the order; live ones keep their place between them."""
    left = [(item_step(node, item), item) for item in live]
    right = [(item_step(node, item), item) for item in applied]
    counts: dict[str, int] = {}
    for step, _ in left:
        counts[step] = counts.get(step, 0) + 1
    lives = {step: item if counts[step] == 1 else ABSENT for step, item in left}
    applies = dict(right)
    shared = [step for step, _ in right if step in lives]
    shared_at = 0
    merged: set[str] = set()
    result = []
    inner = _item(node)
    i = j = 0
    while i < len(left) or j < len(right):
        if i < len(left) and j < len(right):
            step = left[i][0]
            if step == right[j][0]:
                merged.add(step)
                result.append(merge(inner, lives[step], applies[step]))
                i, j, shared_at = i + 1, j + 1, shared_at + 1
                continue
            if step in applies and shared_at < len(shared) and shared[shared_at] != step:
                i += 1
                continue
        if i < len(left):
            step, item = left[i]
            if step not in applies:
                result.append(item)
                i += 1
                continue
            if step in merged:
                i += 1
        if j < len(right):
            step = right[j][0]
            merged.add(step)
            result.append(merge(inner, lives.get(step, ABSENT), applies[step]))
            j += 1
            if shared_at < len(shared) and shared[shared_at] == step:
                shared_at += 1
    return result


def remove(node: Node, value: Any, paths: Trie) -> Any:
    """Return the document without these paths; a container that loses all becomes null."""
    shape = _shape(node, value)
    if shape == _LEAF:
        return None if isinstance(value, dict | list) else value
    result: Any
    if shape == MAP:
        result = {}
        for key, item in value.items():
            child = paths.get(field_step(key))
            if child is None:
                result[key] = item
            elif not is_member(child):
                result[key] = remove(node.child(key), item, child)
    else:
        result = []
        for item in value:
            child = paths.get(item_step(node, item))
            if child is None:
                result.append(item)
            elif not is_member(child):
                result.append(remove(_item(node), item, child))
    return result or None


def with_named_fields(node: Node, paths: Trie) -> Trie:
    """Return the set with every declared field on the way made a member too."""
    result: Trie = {}
    for step, child in paths.items():
        if step == SELF:
            continue
        kind, name = step[:2], step[2:]
        if kind == "f:" and node.kind in (STRUCT, MAP):
            inner, is_named = node.child(name), node.declares(name)
        else:
            inner, is_named = _item(node) if kind == "k:" and node.kind == LIST else DEDUCED, False
        below = with_named_fields(inner, child)
        if is_member(child) or is_named:
            result[step] = {SELF: {}, **below} if below else {}
        elif below:
            result[step] = below
    return result


def check_declared(node: Node, value: Any, path: str = "") -> list[str]:
    """Return what in a document does not fit the schema, with paths."""
    if value is None or node.kind == ANY:
        return []
    if node.kind in (STRUCT, MAP):
        if not isinstance(value, dict):
            return [f"{path}: expected map, got &{{{value}}}"]
        return _check_fields(node, value, path)
    if node.kind == LIST:
        if not isinstance(value, list):
            return [f"{path}: expected list, got &{{{value}}}"]
        return _check_items(node, value, path)
    if isinstance(value, dict | list):
        kind = "map" if isinstance(value, dict) else "list"
        return [f"{path}: expected {node.kind}, got {kind}"]
    return _check_scalar(node, value, path)


def _check_scalar(node: Node, value: Any, path: str) -> list[str]:
    """Compare a scalar with its type, in the words of the library for typed values."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if node.kind == STRING and not isinstance(value, str):
        shown = json.dumps(value)
        return [f"{path}: expected string, got &value.valueUnstructured{{Value:{shown}}}"]
    if node.kind in (INT32, INT64, FLOAT) and not is_number:
        kind = "bool" if isinstance(value, bool) else "string"
        return [f"{path}: expected numeric (int or float), got {kind}"]
    if node.kind == BOOL and not isinstance(value, bool):
        return [f"{path}: expected boolean, got &{{{value}}}"]
    return []


def _check_fields(node: Node, value: dict[str, Any], path: str) -> list[str]:
    problems = []
    for key, item in value.items():
        here = f"{path}.{key}"
        if node.kind == STRUCT and node.item is None and not node.declares(key):
            problems.append(f"{here}: field not declared in schema")
        else:
            problems += check_declared(node.child(key), item, here)
    return problems


def _check_items(node: Node, value: list[Any], path: str) -> list[str]:
    problems = []
    seen: Trie = {}
    for position, item in enumerate(value):
        here = f"{path}[{position}]"
        if not node.atomic:
            try:
                step = item_step(node, item)
            except Undeclared as error:
                problems.append(f"{path}: element {position}: {error}")
                continue
            if step in seen:
                problems.append(f"{path}: duplicate entries for key [{_show_step(step)}]")
                continue
            insert(seen, (step,))
        problems += check_declared(_item(node), item, here)
    return problems


def _show_step(step: str) -> str:
    """Write the step to a list's item as the server does: its keys, or its value."""
    if not step.startswith("k:"):
        return step.removeprefix("v:")
    keys = json.loads(step.removeprefix("k:"))
    return ",".join(f"{key}={json.dumps(value)}" for key, value in keys.items())

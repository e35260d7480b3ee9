"""Sets of field paths, held as the tries that `managedFields` shows (FieldsV1).

A key is one step of a path: `f:name` a field, `k:{...}` an item of a keyed list, `v:...` a value of
a set. `{}` below a step is a member without children, `"."` marks a member that has some; a step
with children and no `"."` is only on the way. The sets are never changed in place.
"""

from __future__ import annotations

import json
from typing import Any, TypeAlias

Trie: TypeAlias = dict[str, Any]
SELF = "."


def is_member(child: Trie) -> bool:
    """Tell whether the step above `child` ends a path of the set."""
    return not child or SELF in child


def _child(*, member: bool, below: Trie) -> Trie | None:
    if not below:
        return {} if member else None
    return {SELF: {}, **below} if member else below


def _below(child: Trie) -> Trie:
    return {key: value for key, value in child.items() if key != SELF} if SELF in child else child


def union(left: Trie, right: Trie) -> Trie:
    """Return the paths of either set."""
    if not left or left is right:
        return right
    if not right:
        return left
    result = dict(left)
    for step, child in right.items():
        if step not in result:
            result[step] = child
            continue
        mine = result[step]
        member = is_member(mine) or is_member(child)
        joined = _child(member=member, below=union(_below(mine), _below(child)))
        assert joined is not None
        result[step] = joined
    return result


def difference(left: Trie, right: Trie) -> Trie:
    """Return the paths of `left` that are not in `right`, each path for itself."""
    if not left or not right:
        return left
    result: Trie = {}
    for step, child in left.items():
        other = right.get(step)
        if other is None:
            result[step] = child
            continue
        member = is_member(child) and not is_member(other)
        kept = _child(member=member, below=difference(_below(child), _below(other)))
        if kept is not None:
            result[step] = kept
    return result


def intersection(left: Trie, right: Trie) -> Trie:
    """Return the paths of both sets."""
    result: Trie = {}
    for step, child in left.items():
        other = right.get(step)
        if other is None:
            continue
        member = is_member(child) and is_member(other)
        kept = _child(member=member, below=intersection(_below(child), _below(other)))
        if kept is not None:
            result[step] = kept
    return result


def insert(trie: Trie, path: tuple[str, ...]) -> None:
    """Add a path to a set that is still being made."""
    for step in path[:-1]:
        below = trie.get(step)
        if below is None:
            below = trie[step] = {}
            trie = below
            continue
        if not below:
            # It was a member without children; it stays a member.
            below[SELF] = {}
        trie = below
    last = path[-1]
    if last not in trie:
        trie[last] = {}
    elif trie[last]:
        trie[last][SELF] = {}


def make_set(paths: list[tuple[str, ...]]) -> Trie:
    """Return the set of these paths."""
    trie: Trie = {}
    # Long paths first would find their parents missing; short ones first mark members rightly.
    for path in sorted(paths, key=len):
        insert(trie, path)
    return trie


def without(trie: Trie, *paths: tuple[str, ...]) -> Trie:
    """Return the set less single paths; what lies below them stays."""
    return difference(trie, make_set(list(paths)))


def only_under(trie: Trie, steps: tuple[str, ...]) -> Trie:
    """Return the part of the set whose paths begin with one of `steps`."""
    return {step: child for step, child in trie.items() if step in steps}


def not_under(trie: Trie, steps: tuple[str, ...]) -> Trie:
    """Return the part of the set whose paths begin with none of `steps`."""
    return {step: child for step, child in trie.items() if step not in steps}


def list_paths(trie: Trie, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return every path; on each level the members come first, then what lies below them."""
    steps = sorted(step for step in trie if step != SELF)
    paths = [(*prefix, step) for step in steps if is_member(trie[step])]
    for step in steps:
        paths += list_paths(trie[step], (*prefix, step))
    return paths


def sorted_trie(trie: Trie) -> Trie:
    """Return the same set with its keys in order, as it is shown."""
    return {step: sorted_trie(trie[step]) for step in sorted(trie)}


def field_step(name: str) -> str:
    """Return the step into a field."""
    return f"f:{name}"


def key_step(keys: dict[str, Any]) -> str:
    """Return the step into an item of a keyed list."""
    return "k:" + json.dumps(keys, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def value_step(value: Any) -> str:
    """Return the step to a value of a set."""
    return "v:" + json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def show_path(path: tuple[str, ...]) -> str:
    """Return a path as conflicts show it: `.spec.containers[name="web"].image`."""
    shown = []
    for step in path:
        kind, text = step[:2], step[2:]
        if kind == "f:":
            shown.append(f".{text}")
        elif kind == "k:":
            pairs = json.loads(text).items()
            inner = ",".join(f"{name}={json.dumps(value)}" for name, value in pairs)
            shown.append(f"[{inner}]")
        elif kind == "v:":
            shown.append(f"[={text}]")
        else:
            shown.append(f"[{text}]")
    return "".join(shown)

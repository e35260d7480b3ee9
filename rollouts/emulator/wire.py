"""The wire types of the built-in API, read on first use from the tables.

The notation has one type a line, `Name: field:type field:type ...`; `Name@` is atomic. A field's
type is, in this order:

    *            a pointer: an empty value is kept, an absent one left out
    [] or {}     a list or a map, possibly nested
    s b i l f    string, bool, int32, int64, float
    t u q x y j  time, time with microseconds, quantity, int or string, base64, any JSON
    Name         another type
    !            written even when empty
    @            an atomic map
    (a,b)        a list keyed by a and b; (*) is a set; without either a list is atomic
    +key         a strategic merge patch merges this list by `key` (a bare + merges a set)
    ~            a strategic merge patch may name the keys to retain
    =X           the value of an absent key field; X may be empty
"""

from __future__ import annotations

import re
from functools import cache

from rollouts.emulator.nodes import ANY, LIST, MAP, STRUCT, Field, Node
from rollouts.emulator.tables.core import CORE
from rollouts.emulator.tables.groups import GROUPS
from rollouts.emulator.tables.meta import METADATA
from rollouts.emulator.tables.pods import PODS
from rollouts.emulator.tables.volumes import VOLUMES

STRING = "string"
BOOL = "bool"
INT32 = "int32"
INT64 = "int64"
FLOAT = "float64"
TIME = "time"
MICRO_TIME = "micro-time"
QUANTITY = "quantity"
INT_OR_STRING = "int-or-string"
BYTES = "bytes"

_SCALARS = {
    "s": STRING,
    "b": BOOL,
    "i": INT32,
    "l": INT64,
    "f": FLOAT,
    "t": TIME,
    "u": MICRO_TIME,
    "q": QUANTITY,
    "x": INT_OR_STRING,
    "y": BYTES,
    "j": ANY,
}
_LEAVES = {letter: Node(kind) for letter, kind in _SCALARS.items()}
_FIELD = re.compile(
    r"(?P<name>[^:]+):(?P<pointer>\*?)(?P<nest>(?:\[\]|\{\})*)(?P<base>\w+)(?P<required>!?)"
    r"(?P<atomic>@?)(?:\((?P<keys>[^)]*)\))?(?P<merge>\+\w*)?(?P<retain>~?)(?:=(?P<default>\w*))?"
)
# Kinds whose wire type has another name, because two groups have a type of the same name.
_RENAMED = {("events.k8s.io", "Event"): "EventsEvent"}


@cache
def _texts() -> dict[str, str]:
    joined = "\n".join(table.strip("\n") for table in (METADATA, CORE, PODS, VOLUMES, GROUPS))
    lines = joined.replace("\n  ", " ").split("\n")
    return dict(line.split(":", 1) for line in lines)


_NODES: dict[str, Node] = {}


def wire_type(name: str) -> Node:
    """Return the node of a named wire type."""
    found = _NODES.get(name)
    if found is not None:
        return found
    texts = _texts()
    node = Node(STRUCT, name, atomic=f"{name}@" in texts)
    # Known before its fields are read, because a type may contain itself.
    _NODES[name] = node
    for token in (texts.get(name) or texts.get(f"{name}@") or "").split():
        made = _read_field(token)
        node.fields[made.name] = made
    node.always = tuple(each for each in node.fields.values() if _is_always_written(each))
    return node


def _is_always_written(made: Field) -> bool:
    # These are structs to the real server, which has no empty form for a struct held by value.
    by_value = made.node.kind in (STRUCT, TIME, MICRO_TIME, QUANTITY, INT_OR_STRING, ANY)
    return made.required or (by_value and not made.pointer)


def _read_field(token: str) -> Field:
    found = _FIELD.fullmatch(token)
    assert found is not None, token
    part = found.groupdict()
    base = part["base"]
    node = _LEAVES.get(base) or wire_type(base)
    nests = re.findall(r"\[\]|\{\}", part["nest"])
    keys = part["keys"]
    for depth, nest in enumerate(reversed(nests)):
        is_outer = depth == len(nests) - 1
        if nest == "{}":
            node = Node(MAP, item=node, atomic=is_outer and bool(part["atomic"]))
        elif is_outer and keys is not None:
            is_set = keys == "*"
            node = Node(
                LIST, item=node, is_set=is_set, keys=() if is_set else tuple(keys.split(","))
            )
        else:
            node = Node(LIST, item=node, atomic=True)
    return Field(
        part["name"],
        node,
        pointer=bool(part["pointer"]),
        required=bool(part["required"]),
        merges=part["merge"] is not None,
        merge_key=(part["merge"] or "")[1:],
        retains_keys=bool(part["retain"]),
        default=part["default"],
    )


@cache
def root_type(group: str, kind: str) -> Node:
    """Return the node of a built-in kind, `apiVersion` and `kind` included."""
    node = wire_type(_RENAMED.get((group, kind), kind))
    text = _LEAVES["s"]
    root = Node(STRUCT, node.name, always=node.always)
    root.fields = {"apiVersion": Field("apiVersion", text), "kind": Field("kind", text)}
    root.fields |= node.fields
    return root

"""The shape of a document: what decoding, patching and server-side apply know of its parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

STRUCT = "struct"
MAP = "map"
LIST = "list"
ANY = "any"


@dataclass(slots=True, eq=False)
class Node:
    """One type. Nodes form a graph, since some types contain themselves.

    `kind` is STRUCT, MAP, LIST, ANY or the name of a scalar. `atomic` structs, maps and lists have
    one owner and are replaced as a whole; other lists are sets (`is_set`) or are keyed by `keys`.
    """

    kind: str
    name: str = ""
    fields: dict[str, Field] = field(default_factory=dict)
    item: Node | None = None
    atomic: bool = False
    is_set: bool = False
    keys: tuple[str, ...] = ()
    always: tuple[Field, ...] = ()

    def child(self, key: str) -> Node:
        """Return the node of a struct's field or of a map's value; of unknown ones, ANY."""
        found = self.fields.get(key)
        if found is not None:
            return found.node
        return self.item if self.item is not None else DEDUCED

    def declares(self, key: str) -> bool:
        """Tell whether `key` is a field of the type, as opposed to an entry of a map."""
        return key in self.fields


@dataclass(slots=True, eq=False)
class Field:
    """A field of a struct, with what a strategic merge patch does to it.

    `pointer` and `required` say how an empty value is written: an optional value that is not a
    pointer disappears when it is empty, a required one is always there.
    """

    name: str
    node: Node
    pointer: bool = False
    required: bool = False
    merges: bool = False
    merge_key: str = ""
    retains_keys: bool = False
    default: Any = None


DEDUCED = Node(ANY)
"""A part without a schema: objects are merged by field, lists are atomic."""

"""What a unit has put into the cluster: compact entries kept in its status.

The order of writes makes a crash harmless: the union of the old and the new inventory is stored
before the first object is written, the new one after the last is pruned. A crash then leaves too
much remembered, never too little, and what is remembered too much is not pruned without a mark.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rollouts.api.refs import Manifest
from rollouts.gitops.model import ResourceKey

_COLON = "__"  # Stands for the colons of RBAC names, which are no separator here.


@dataclass(frozen=True, slots=True)
class Inventory:
    """The objects of a unit and the API version each was applied with, sorted by key."""

    entries: tuple[tuple[ResourceKey, str], ...] = ()

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """Return the objects, sorted."""
        return tuple(key for key, _ in self.entries)


NOTHING = Inventory()
"""The inventory of a unit that has applied nothing."""


def inventory_of(entries: Iterable[tuple[ResourceKey, str]]) -> Inventory:
    """Return an inventory; the last version given for an object counts."""
    return Inventory(tuple(sorted(dict(entries).items())))


def union(old: Inventory, new: Inventory) -> Inventory:
    """Return everything either lists, with the versions of `new` where both do."""
    return inventory_of((*old.entries, *new.entries))


def stale(old: Inventory, new: Inventory) -> tuple[tuple[ResourceKey, str], ...]:
    """Return the entries of `old` that `new` lacks: the candidates for pruning."""
    known = dict(new.entries)
    return tuple((key, version) for key, version in old.entries if key not in known)


def format_id(key: ResourceKey) -> str:
    """Return an entry's id: `<namespace>_<name>_<group>_<kind>`, empty parts kept."""
    return f"{key.namespace}_{key.name.replace(':', _COLON)}_{key.group}_{key.kind}"


def parse_id(text: str) -> ResourceKey | None:
    """Read an entry's id; None when it is none.

    Namespaces, groups and kinds hold no underscore, so whatever stands between is the name.
    """
    namespace, underscore, rest = text.partition("_")
    parts = rest.rsplit("_", 2)
    if not underscore or len(parts) != 3 or not parts[0] or not parts[2]:
        return None
    return ResourceKey(parts[1], parts[2], namespace, parts[0].replace(_COLON, ":"))


def format_inventory(inventory: Inventory) -> Manifest:
    """Return an inventory as it stands in status."""
    return {"entries": [{"id": format_id(key), "v": v} for key, v in inventory.entries]}


def parse_inventory(stored: Any) -> Inventory:
    """Read an inventory from status; entries that cannot be read are left out."""
    found = stored.get("entries") if isinstance(stored, dict) else None
    read: list[tuple[ResourceKey, str]] = []
    for entry in found if isinstance(found, list) else []:
        if not isinstance(entry, dict):
            continue
        key = parse_id(str(entry.get("id", "")))
        if key is not None:
            read.append((key, str(entry.get("v", ""))))
    return inventory_of(read)


def parse_resources(stored: Any) -> Inventory:
    """Read the inventory out of an Application's `status.resources`.

    That list is all a peer leaves behind, so it counts where `status.inventory` is missing.
    """
    read: list[tuple[ResourceKey, str]] = []
    for entry in stored if isinstance(stored, list) else []:
        if not isinstance(entry, dict) or not entry.get("kind") or not entry.get("name"):
            continue
        if entry.get("hook"):
            continue
        key = ResourceKey(
            str(entry.get("group", "")),
            str(entry["kind"]),
            str(entry.get("namespace", "")),
            str(entry["name"]),
        )
        read.append((key, str(entry.get("version", ""))))
    return inventory_of(read)

"""Who owns which field: `metadata.managedFields`, kept on ordinary writes and read by apply."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from rollouts.emulator.fields import (
    Trie,
    difference,
    intersection,
    sorted_trie,
    union,
    without,
)
from rollouts.emulator.typed import ABSENT, Comparison, compare

if TYPE_CHECKING:
    from rollouts.emulator.engine import Request
    from rollouts.emulator.nodes import Node
    from rollouts.emulator.resources import Manifest

APPLY = "Apply"
UPDATE = "Update"
BEFORE_FIRST_APPLY = "before-first-apply"
_UPDATERS_MAX = 10  # The real server's bound; older entries share one bucket.
_OLD_UPDATERS = "ancient-changes"
_UNOWNED = (
    ("f:apiVersion",),
    ("f:kind",),
    ("f:metadata",),
    *(
        ("f:metadata", f"f:{name}")
        for name in (
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "clusterName",
            "generation",
            "managedFields",
            "resourceVersion",
        )
    ),
)


@dataclass(frozen=True, slots=True)
class Manager:
    """Who wrote: an applier is the same manager in every version, an updater is not."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""

    def __str__(self) -> str:
        shown = f'"{self.name}"'
        if self.subresource:
            shown += f' with subresource "{self.subresource}"'
        if self.operation == UPDATE:
            shown += f" using {self.api_version}"
        return shown


@dataclass(frozen=True, slots=True)
class Share:
    """What a manager owns, in which version it last wrote, and when."""

    fields: Trie
    api_version: str
    time: str


Managed: TypeAlias = dict[Manager, Share]


def read_managed(metadata: dict[str, Any]) -> Managed:
    """Return the ownership that an object records."""
    managed: Managed = {}
    for entry in metadata.get("managedFields") or ():
        operation = entry.get("operation", UPDATE)
        version = entry.get("apiVersion", "")
        manager = Manager(
            entry.get("manager", ""),
            operation,
            "" if operation == APPLY else version,
            entry.get("subresource", ""),
        )
        managed[manager] = Share(entry.get("fieldsV1") or {}, version, entry.get("time") or "")
    return managed


def write_managed(managed: Managed) -> list[dict[str, Any]]:
    """Return the entries in the order the server shows them: appliers first, oldest first."""
    entries = []
    for manager, share in managed.items():
        entry: dict[str, Any] = {
            "manager": manager.name,
            "operation": manager.operation,
            "apiVersion": share.api_version,
            "time": share.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": sorted_trie(share.fields),
        }
        if not share.time:
            del entry["time"]
        if manager.subresource:
            entry["subresource"] = manager.subresource
        entries.append(entry)
    return sorted(
        entries,
        key=lambda entry: (
            entry["operation"],
            entry.get("time", ""),
            entry["manager"],
            entry["apiVersion"],
            entry.get("subresource", ""),
        ),
    )


def with_managed(manifest: Manifest, managed: Managed) -> Manifest:
    """Return the object with this ownership recorded."""
    metadata = {key: value for key, value in manifest["metadata"].items() if key != "managedFields"}
    if managed:
        metadata["managedFields"] = write_managed(managed)
    return {**manifest, "metadata": metadata}


def without_managed(manifest: Manifest) -> Manifest:
    """Return the object without its record of ownership."""
    if "managedFields" not in manifest["metadata"]:
        return manifest
    return with_managed(manifest, {})


def disown(managed: Managed, changed: Comparison, *, but: Manager) -> Managed:
    """Take from every other manager the fields that a write changed or removed."""
    touched = union(union(changed.modified, changed.added), changed.removed)
    result: Managed = {}
    for manager, share in managed.items():
        kept = share if manager == but else replace(share, fields=difference(share.fields, touched))
        if kept.fields:
            result[manager] = kept
    return result


def find_conflicts(managed: Managed, changed: Comparison, *, but: Manager) -> dict[Manager, Trie]:
    """Return what others own of the fields that a write would change."""
    touched = union(changed.modified, changed.added)
    conflicts = {
        manager: intersection(share.fields, touched)
        for manager, share in managed.items()
        if manager != but
    }
    return {manager: fields for manager, fields in conflicts.items() if fields}


def strip(fields: Trie) -> Trie:
    """Return the set without what nobody can own."""
    return without(fields, *_UNOWNED)


def track_update(
    root: Node,
    new: Manifest,
    before: Manifest | None,
    *,
    blank: Manifest | None,
    request: Request,
    now: str,
) -> Manifest:
    """Return `new` with ownership as an ordinary write leaves it.

    Args:
        before: the earlier state; None when the object is new.
        blank: what an object has by itself; for a new object fields beyond it count as set.
    """
    metadata = new["metadata"]
    managed, is_reset = _known_managed(metadata, before, request.subresource)
    if before is not None and (is_reset or not managed):
        # Nobody tracks this object, and an ordinary write does not begin to.
        return without_managed(new)
    bare = without_managed(new)
    live = without_managed(before) if before is not None else blank
    changed = compare(root, ABSENT if live is None else live, bare)
    manager = Manager(request.field_manager, UPDATE, new["apiVersion"], request.subresource)
    managed = take(managed, changed, manager, now)
    if before is not None and write_equal(managed, before):
        return keep_managed(bare, before)
    return with_managed(bare, cap(managed))


def keep_managed(manifest: Manifest, before: Manifest) -> Manifest:
    """Return the object with the ownership that an earlier state records, times included."""
    fields = before["metadata"].get("managedFields")
    if fields is None:
        return without_managed(manifest)
    return {**manifest, "metadata": {**manifest["metadata"], "managedFields": fields}}


def write_equal(managed: Managed, before: Manifest) -> bool:
    """Tell whether this ownership is what the object already records, times apart."""
    known = read_managed(before["metadata"])
    if managed.keys() != known.keys():
        return False
    return all(
        share.fields == known[manager].fields and share.api_version == known[manager].api_version
        for manager, share in managed.items()
    )


def _known_managed(
    metadata: dict[str, Any], before: Manifest | None, subresource: str
) -> tuple[Managed, bool]:
    earlier = {} if before is None else read_managed(before["metadata"])
    given = metadata.get("managedFields")
    if subresource or (before is not None and given is before["metadata"].get("managedFields")):
        return earlier, False
    if given in ([], [{}]):
        return {}, True
    # A client that does not know of ownership and leaves it out does not mean to delete it.
    return (read_managed(metadata), False) if given else (earlier, False)


def take(managed: Managed, changed: Comparison, manager: Manager, now: str) -> Managed:
    """Give the fields that an ordinary write set to its manager."""
    # Fields the writer changes leave every share, its own earlier one included, then come back.
    nobody = Manager("", "", "")
    result = disown(managed, changed, but=nobody)
    gained = strip(union(changed.modified, changed.added))
    if gained:
        held = result.get(manager)
        fields = gained if held is None else union(held.fields, gained)
        result[manager] = Share(fields, manager.api_version, now)
    return result


def cap(managed: Managed) -> Managed:
    """Merge the oldest updaters into one bucket when there are too many."""
    updaters = sorted(
        (manager for manager in managed if manager.operation == UPDATE),
        key=lambda each: (managed[each].time, each.name, each.api_version, each.subresource),
    )
    surplus = len(updaters) - _UPDATERS_MAX
    if surplus <= 0:
        return managed
    result = dict(managed)
    first: dict[str, Manager] = {}
    for manager in updaters:
        if surplus <= 0:
            break
        version = manager.api_version
        if version not in first:
            first[version] = manager
            continue
        bucket = Manager(_OLD_UPDATERS, UPDATE, version)
        if bucket not in result:
            result[bucket] = result.pop(first[version])
        share = result.pop(manager)
        fields = union(result[bucket].fields, share.fields)
        result[bucket] = Share(fields, version, share.time)
        surplus -= 1
    return result

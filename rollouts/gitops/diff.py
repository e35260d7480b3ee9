"""What to send for one object, and whether the server's answer to a dry run is drift.

The server is the only judge: a forced server-side dry run is compared with the live object. This
module decides what that dry run contains, so that fields which are not Git's to decide come out
as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rollouts.api.refs import Manifest
from rollouts.gitops import managed
from rollouts.gitops.fields import (
    ABSENT,
    Path,
    differences,
    lookup,
    parse_pointer,
    strip,
    with_value,
    without,
)
from rollouts.gitops.model import FIELD_MANAGER, ApplyMode, Declared, IgnoreRule, SyncUnit
from rollouts.gitops.normalize import comparable
from rollouts.gitops.owned import (
    Delivery,
    may_be_contended,
    owned_paths,
    spared_from_take_over,
)
from rollouts.gitops.weights import with_live_weights

_ATOMIC = (
    ("", "Service", ("spec", "selector")),
    ("networking.k8s.io", "Ingress", ("spec", "rules")),
)
"""Maps and lists that the API server merges as a whole, known even where nobody owns them yet."""


@dataclass(frozen=True, slots=True)
class Payload:
    """What to apply.

    Attributes:
        manifest: names the resourceVersion that was read, where a field in it is somebody
            else's to change: a change meanwhile is then a conflict, not a silent reset.
        ignored: fields that do not count as drift.
        managed_fields: to be written first, so that fields set by hand become ours; None when
            there are none.
    """

    manifest: Manifest
    ignored: tuple[Path, ...] = ()
    managed_fields: tuple[Manifest, ...] | None = None


def build_payload(
    unit: SyncUnit, declared: Declared, live: Manifest | None, delivery: Delivery
) -> Payload:
    """Return what to send for an object; a creation always sends what Git declares."""
    if live is None:
        return Payload(declared.manifest)
    ignored = ignored_paths(unit.ignore, declared, live)
    owned = owned_paths(declared.key, declared.manifest, live, delivery)
    manifest = declared.manifest
    if declared.key in delivery.routes:
        manifest = with_live_weights(manifest, live)
    yielded = (*owned, *(ignored if unit.respect_ignored else ()))
    for path in yielded:
        manifest = _yield_field(manifest, live, path, declared)
    spared = (*ignored, *owned, *spared_from_take_over(declared.manifest, live))
    moved = _moved_fields(unit, declared, live, spared)
    if yielded or may_be_contended(declared.key, declared.manifest, delivery):
        version = (live.get("metadata") or {}).get("resourceVersion", "")
        manifest = with_value(manifest, ("metadata", "resourceVersion"), version)
    return Payload(manifest, ignored, moved)


def drift_paths(predicted: Manifest, live: Manifest, ignored: Iterable[Path]) -> tuple[Path, ...]:
    """Return where the answer to a dry run differs from the live object; empty when in sync."""
    ignored = tuple(ignored)
    return differences(strip(comparable(live), ignored), strip(comparable(predicted), ignored))


def ignored_paths(
    rules: Iterable[IgnoreRule], declared: Declared, live: Manifest
) -> tuple[Path, ...]:
    """Return the fields that the unit's ignore rules leave to others on this object."""
    paths: dict[Path, None] = {}
    for rule in rules:
        if rule.matches(declared.key):
            paths.update(dict.fromkeys(parse_pointer(pointer) for pointer in rule.pointers))
            if rule.managers:
                paths.update(dict.fromkeys(managed.fields_of(live, rule.managers)))
    return tuple(path for path in paths if path[0] != "status")


def _yield_field(manifest: Manifest, live: Manifest, path: Path, declared: Declared) -> Manifest:
    """Return the manifest with one field left to whoever owns it in the cluster."""
    there = lookup(live, path)
    here = lookup(manifest, path)
    atomic = _is_atomic(declared, live, path)
    if there is ABSENT:
        return without(manifest, path)  # type: ignore[no-any-return]
    if not atomic and _applied_by_others(live, path):
        return without(manifest, path)  # type: ignore[no-any-return]
    if here is not ABSENT or atomic or _applied_by_us(live, path):
        # Leaving out a field that only we own, or that stands in an atomic parent, deletes it.
        return manifest if here == there else with_value(manifest, path, there)
    return manifest


def _is_atomic(declared: Declared, live: Manifest, path: Path) -> bool:
    key = declared.key
    for group, kind, parent in _ATOMIC:
        if (key.group, key.kind) == (group, kind) and path[: len(parent)] == parent:
            return len(path) > len(parent)
    # An item of a list can only be sent whole, so a path through one counts as atomic too.
    through_list = any(
        isinstance(lookup(live, path[:depth]), list) for depth in range(1, len(path))
    )
    return through_list or managed.is_inside_atomic(live, path)


def _applied_by_others(live: Manifest, path: Path) -> bool:
    return any(
        entry.get("operation") == "Apply" and entry.get("manager") != FIELD_MANAGER
        for entry in managed.owners(live, path)
    )


def _applied_by_us(live: Manifest, path: Path) -> bool:
    return any(
        entry.get("operation") == "Apply" and entry.get("manager") == FIELD_MANAGER
        for entry in managed.owners(live, path)
    )


def _moved_fields(
    unit: SyncUnit, declared: Declared, live: Manifest, spared: tuple[Path, ...]
) -> tuple[Manifest, ...] | None:
    """Return new managedFields when fields set with kubectl are to become ours, else None.

    Without the move, what a person added by hand would stay for ever: an apply removes only
    fields of its own manager.
    """
    if not unit.migrate_kubectl or declared.options.mode is ApplyMode.MERGE:
        return None
    mine = tuple(path for path in managed.fields_by_hand(live) if not _is_below(path, spared))
    if not mine:
        return None
    return tuple(managed.take_over(live, FIELD_MANAGER, spared))


def _is_below(path: Path, parents: Iterable[Path]) -> bool:
    return any(path[: len(parent)] == parent for parent in parents)

"""Deletes what a unit has applied, when the unit itself is deleted: in reverse order, step by step.

The unit's finalizer is held until everything that goes is gone. What is no longer marked as the
unit's, what its annotations protect, and every CustomResourceDefinition stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from rollouts.api.refs import CRD, Manifest, ObjectRef
from rollouts.gitops.compare import Access, read_live
from rollouts.gitops.inventory import Inventory
from rollouts.gitops.kinds import Kinds
from rollouts.gitops.model import Family, ResourceKey, SyncUnit
from rollouts.gitops.options import is_doomed, read_options
from rollouts.gitops.order import (
    apply_rank,
    flux_prune_key,
    flux_stage,
    propagation_of,
    wave_of,
)
from rollouts.gitops.tracking import is_tracked_by
from rollouts.kube.errors import Conflict, NotFound

LOOK = timedelta(seconds=5)
"""Pace of looking whether deleted objects are gone, beside the watch that usually says so."""


@dataclass(frozen=True, slots=True)
class Doomed:
    """An object that goes with its unit."""

    key: ResourceKey
    ref: ObjectRef
    live: Manifest

    @property
    def is_going(self) -> bool:
        """Tell whether its deletion has been asked for already."""
        return is_doomed(self.live)


async def tear_down(
    access: Access, kinds: Kinds, unit: SyncUnit, inventory: Inventory, *, control_namespace: str
) -> tuple[ResourceKey, ...]:
    """Delete the next step of what the unit has applied.

    Returns:
        What is still there; the unit may go when it is empty.

    Raises:
        ClusterError: something cannot be read or deleted.
    """
    refs: dict[ResourceKey, ObjectRef] = {}
    for key, version in inventory.entries:
        kind = await kinds.of(key, version)
        if kind is not None:
            refs[key] = ObjectRef(kind, key.namespace, key.name)
    # Read anew whatever is known: deletion is the one thing that cannot be corrected later.
    unwatched = replace(access, live=type(access.live)())
    live = await read_live(unwatched, refs.items())
    doomed = [
        Doomed(key, refs[key], there)
        for key, there in live.items()
        if there is not None and _goes(unit, key, there, control_namespace)
    ]
    if not doomed:
        return ()
    last = max(_step(unit, one) for one in doomed)
    for one in sorted(doomed, key=lambda each: _place(unit, each)):
        if _step(unit, one) == last and not one.is_going:
            await _delete(access, unit, one)
    return tuple(one.key for one in doomed)


def _goes(unit: SyncUnit, key: ResourceKey, live: Manifest, control_namespace: str) -> bool:
    options = read_options(live)
    return (
        options.delete
        and options.reconcile
        and key.kind != CRD.kind
        and is_tracked_by(live, unit.id, key, control_namespace)
    )


def _step(unit: SyncUnit, one: Doomed) -> int:
    """Return the step of an object; higher ones go first, and the next waits for them."""
    if unit.id.family is Family.APPLICATION:
        return wave_of(one.live)
    return flux_stage(one.key.kind)


def _place(unit: SyncUnit, one: Doomed) -> tuple[tuple[int, int], str]:
    """Return the place of an object inside its step: users before what they use."""
    if unit.id.family is Family.APPLICATION:
        return (-apply_rank(one.key.kind), 0), str(one.key)
    return flux_prune_key(one.key.kind), str(one.key)


async def _delete(access: Access, unit: SyncUnit, one: Doomed) -> None:
    uid = (one.live.get("metadata") or {}).get("uid", "")
    try:
        propagation = propagation_of(one.key.kind, unit.prune_propagation)
        await access.cluster.delete(one.ref, uid=uid, propagation=propagation)
    except (NotFound, Conflict):
        # Gone, or replaced by another object of that name: the next look decides.
        return
    finally:
        access.live.forget(one.key)

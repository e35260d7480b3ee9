"""Plans a sync: whether to sync, what to touch in which order, and what to prune afterwards.

Pure: given the same observation and time, the same plan. Nothing is remembered between passes
but what the unit's status and the cluster show, so a sync that was interrupted anywhere goes on
where the cluster says it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from rollouts.api.refs import Kind, Manifest, ObjectRef
from rollouts.gitops import order
from rollouts.gitops.decide import Decision, End, Hold, Situation, Sync, decide
from rollouts.gitops.grouping import Group, make_groups
from rollouts.gitops.hook_release import still_running, unfinished
from rollouts.gitops.hooks import Hook, Operation, known_records, operation_of, read_hooks
from rollouts.gitops.inventory import NOTHING, Inventory, inventory_of, stale, union
from rollouts.gitops.model import (
    Attempt,
    Comparison,
    Condition,
    Drift,
    Family,
    HookRecord,
    Phase,
    Request,
    ResourceKey,
    SyncUnit,
)
from rollouts.gitops.options import is_doomed, read_options
from rollouts.gitops.prepare import Prepared
from rollouts.gitops.tracking import is_tracked_by

MASS_PRUNE_COUNT_MIN = 10
"""From this many objects on, pruning more than half of them at once is pointed out."""

_FAILING = "SyncFail"

_PATHS_SHOWN = 3
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Stale:
    """An object of the inventory that Git no longer declares and that still is ours.

    Attributes:
        kept: why it is not pruned; empty when it may be.
        counts: it makes the unit out of sync.
    """

    key: ResourceKey
    ref: ObjectRef
    version: str
    live: Manifest
    kept: str = ""
    counts: bool = True


@dataclass(frozen=True, slots=True)
class State:
    """What the unit's status remembers of earlier passes."""

    inventory: Inventory = NOTHING
    attempt: Attempt | None = None
    hooks: tuple[HookRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything a plan is made from.

    Attributes:
        compared: drift by key; what carries the plan out keeps it up to date, and `live` too.
        live: by key, of declared and stale objects; None for one that does not exist.
        kinds: how the objects of the inventory and of recorded hooks are served.
        request: a sync that somebody asked for.
        forced: a person asked for a look, so no backoff is waited out.
    """

    revision: str
    digest: str
    prepared: Prepared
    compared: dict[ResourceKey, Comparison]
    live: dict[ResourceKey, Manifest | None]
    state: State
    kinds: Mapping[ResourceKey, Kind] = field(default_factory=dict)
    request: Request | None = None
    forced: bool = False
    control_namespace: str = ""


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What to do.

    Attributes:
        groups: everything declared, in order; only `touch` is written.
        prune: in order, after all groups are applied; empty unless the plan prunes.
        stale: everything that is ours and not declared, pruned or not.
        recorded: the inventory to store before the first write.
        operation: what runs, or what ran last.
        hooks: what is known of the hooks of that operation.
        former: what is known of those of an operation that this one replaces.
        is_over: that operation has ended.
        is_overtaken: another waits for its hooks.
        is_interrupted: a person has ended it.
        on_failure: there are hooks to run when it fails.
    """

    decision: Decision
    groups: tuple[Group, ...] = ()
    touch: tuple[ResourceKey, ...] = ()
    prune: tuple[Stale, ...] = ()
    stale: tuple[Stale, ...] = ()
    recorded: Inventory = NOTHING
    operation: Operation | None = None
    hooks: tuple[HookRecord, ...] = ()
    former: tuple[HookRecord, ...] = ()
    is_over: bool = True
    is_overtaken: bool = False
    is_interrupted: bool = False
    on_failure: bool = False
    conditions: tuple[Condition, ...] = ()
    wake_at: datetime | None = None


def plan_sync(unit: SyncUnit, seen: Observed, now: datetime) -> SyncPlan:
    """Plan one pass of a unit."""
    leftovers = find_stale(unit, seen)
    prunable = tuple(one.key for one in leftovers if not one.kept)
    errors = seen.prepared.errors
    situation = Situation(
        revision=seen.revision,
        digest=seen.digest,
        drifted=_drifted(seen),
        stale=prunable,
        # What cannot be declared because of an error still is in Git: never a wipe-out.
        declared_count=len(seen.prepared.objects) + len(errors) + len(seen.prepared.held),
        attempt=seen.state.attempt,
        request=seen.request,
        forced=seen.forced,
    )
    decision = decide(unit, situation, now)
    conditions = [*seen.prepared.conditions, *_shared_conditions(seen)]
    hooks = read_hooks(seen.prepared.hooks)
    last = operation_of(seen.state.attempt)
    known = known_records(
        hooks,
        unit,
        records=seen.state.hooks,
        operation=last,
        live=seen.live,
        now=now,
        control_namespace=seen.control_namespace,
    )
    going_on = seen.state.attempt is not None and seen.state.attempt.phase is Phase.RUNNING
    running: tuple[HookRecord, ...] = ()
    if isinstance(decision, Sync) and not decision.continues:
        running = unfinished(known, seen.live, now)
        if running:
            decision = Hold(conditions=(still_running(running, seen.live),))
        else:
            going_on = True
    is_new = isinstance(decision, Sync) and not decision.continues
    match decision:
        case Sync() as sync:
            plan = _plan_writes(unit, seen, sync, leftovers, hooks=hooks)
        case Hold(wake_at, more):
            conditions += more
            plan = SyncPlan(decision, stale=leftovers, wake_at=wake_at)
        case End():
            plan = SyncPlan(decision, stale=leftovers)
    return replace(
        plan,
        operation=plan.operation or last,
        hooks=() if is_new else known,
        former=known if is_new else (),
        is_interrupted=isinstance(decision, End) and decision.is_interrupted,
        is_over=isinstance(decision, End) or not going_on,
        is_overtaken=bool(running),
        conditions=(*conditions, *plan.conditions),
    )


def _plan_writes(
    unit: SyncUnit,
    seen: Observed,
    sync: Sync,
    leftovers: tuple[Stale, ...],
    *,
    hooks: tuple[Hook, ...],
) -> SyncPlan:
    operation = Operation(seen.revision, sync.started_at, sync.retries)
    hooks = hooks if sync.runs_hooks else ()
    failing = tuple(hook for hook in hooks if hook.phase == _FAILING)
    if sync.failure:
        groups = make_groups(unit, (), failing)
        inventory = seen.state.inventory
        return SyncPlan(
            sync, groups=groups, stale=leftovers, recorded=inventory, operation=operation
        )
    conditions: tuple[Condition, ...] = ()
    touch = tuple(key for key in _drifted(seen) if sync.only is None or _is_among(key, sync.only))
    prune: tuple[Stale, ...] = ()
    if sync.prune and not seen.prepared.errors:
        chosen = [
            one
            for one in leftovers
            if not one.kept and (sync.only is None or _is_among(one.key, sync.only))
        ]
        prune = _in_prune_order(unit, chosen)
    inventory = seen.state.inventory
    if len(inventory) >= MASS_PRUNE_COUNT_MIN and 2 * len(prune) > len(inventory):
        conditions = (*conditions, _mass_prune(prune, inventory))
    wanted = set(touch)
    named = inventory_of(
        (one.key, one.ref.kind.version)
        for one in seen.prepared.objects
        if one.tracked and one.key in wanted
    )
    return SyncPlan(
        sync,
        groups=make_groups(
            unit, seen.prepared.objects, (hook for hook in hooks if hook.phase != _FAILING)
        ),
        touch=touch,
        prune=prune,
        stale=leftovers,
        recorded=union(inventory, named),
        operation=operation,
        on_failure=bool(failing),
        conditions=conditions,
    )


def find_stale(unit: SyncUnit, seen: Observed) -> tuple[Stale, ...]:
    """Return what the unit has applied earlier, still owns, and no longer declares.

    Both the inventory and the live object's own mark must say so; whatever lost its mark, or was
    copied with it, is not ours to delete.
    """
    prepared = seen.prepared
    declared = inventory_of(
        (
            *((one.key, "") for one in (*prepared.objects, *prepared.hooks)),
            *((key, "") for key in prepared.held),
        )
    )
    found: list[Stale] = []
    for key, version in stale(seen.state.inventory, declared):
        live = seen.live.get(key)
        if live is None or is_doomed(live):
            continue
        if not is_tracked_by(live, unit.id, key, seen.control_namespace):
            continue
        options = read_options(live)
        kept = ""
        if not options.prune:
            kept = "its annotations forbid pruning"
        elif not options.reconcile:
            kept = "its annotations forbid reconciling"
        ref = ObjectRef(seen.kinds[key], key.namespace, key.name)
        found.append(Stale(key, ref, version, live, kept, counts=not options.ignore_extraneous))
    return tuple(found)


def _in_prune_order(unit: SyncUnit, leftovers: Iterable[Stale]) -> tuple[Stale, ...]:
    if unit.id.family is Family.KUSTOMIZATION:
        return tuple(
            sorted(leftovers, key=lambda one: (order.flux_prune_key(one.key.kind), one.key))
        )
    grouped = order.prune_groups(
        leftovers,
        step=lambda one: order.wave_of(one.live),
        kind=lambda one: one.key.kind,
        name=lambda one: str(one.key),
    )
    return tuple(one for group in grouped for one in group)


def inventory_after(
    unit: SyncUnit,
    seen: Observed,
    live: Mapping[ResourceKey, Manifest | None],
    gone: Iterable[ResourceKey],
) -> Inventory:
    """Return the inventory as the cluster shows it: what is there, bears our mark, and stays.

    Args:
        live: the newest known objects, after the writes of this pass.
        gone: what this pass has pruned.
    """
    pruned = set(gone)
    versions = {one.key: one.ref.kind.version for one in seen.prepared.objects if one.tracked}
    hooks = {one.key for one in seen.prepared.hooks}
    known = {key: v for key, v in seen.state.inventory.entries if key not in hooks}
    versions = {**known, **versions}
    return inventory_of(
        (key, version)
        for key, version in versions.items()
        if key not in pruned and _stays(unit, seen, key, live)
    )


def _stays(
    unit: SyncUnit,
    seen: Observed,
    key: ResourceKey,
    live: Mapping[ResourceKey, Manifest | None],
) -> bool:
    """Tell whether an object belongs into the inventory.

    One of a kind that is not served now cannot be looked at, so it is not forgotten either.
    """
    if key not in live:
        return True
    there = live[key]
    return there is not None and is_tracked_by(there, unit.id, key, seen.control_namespace)


def _drifted(seen: Observed) -> tuple[ResourceKey, ...]:
    """Return the declared objects that a sync would write or fail on."""
    return tuple(
        one.key
        for one in seen.prepared.objects
        if seen.compared[one.key].drift is Drift.OUT_OF_SYNC
    )


def _is_among(key: ResourceKey, wanted: Iterable[ResourceKey]) -> bool:
    """Tell whether a list names an object; a list may leave the namespace out."""
    return any(
        (one.group, one.kind, one.name) == (key.group, key.kind, key.name)
        and one.namespace in ("", key.namespace)
        for one in wanted
    )


def _shared_conditions(seen: Observed) -> tuple[Condition, ...]:
    shared = [each for each in seen.compared.values() if each.claimed_by]
    if not shared:
        return ()
    names = ", ".join(
        f"{each.key} belongs to {each.claimed_by}"
        for each in sorted(shared, key=lambda each: each.key)[:_SHOWN]
    )
    more = f" and {len(shared) - _SHOWN} more" if len(shared) > _SHOWN else ""
    text = f"declared here too, but left to the unit that has it: {names}{more}"
    return (Condition("SharedResourceWarning", text),)


def _mass_prune(prune: tuple[Stale, ...], inventory: Inventory) -> Condition:
    text = f"{len(prune)} of {len(inventory)} objects are no longer declared and get pruned at once"
    return Condition("OrphanedResourceWarning", text)


def describe(compared: Comparison) -> str:
    """Return in words why an object is out of sync; empty when it is not."""
    if compared.error:
        return compared.error
    if compared.absent:
        return "does not exist"
    shown = ", ".join(compared.paths[:_PATHS_SHOWN])
    more = len(compared.paths) - _PATHS_SHOWN
    return f"differs at {shown}" + (f" and {more} more" if more > 0 else "") if shown else ""

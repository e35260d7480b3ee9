"""One sync pass of one unit: render in hand, compare, plan, apply, assess. Knows no API kind.

A pass never waits: what takes time is a state in the cluster and a time to look again. It never
prunes after anything failed, and it leaves the last good state alone when it cannot go on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from rollouts.api.refs import Kind, Manifest, ObjectRef
from rollouts.gitops import managed
from rollouts.gitops.apply import Applier, Persist
from rollouts.gitops.attempts import (
    SOON,
    attempt_after,
    begin,
    calling_for_hooks,
    ended,
    wake_after,
)
from rollouts.gitops.compare import Access, Comparer, read_live
from rollouts.gitops.decide import End, Hold, Sync
from rollouts.gitops.fields import parse_pointer
from rollouts.gitops.gating import gate, health_of
from rollouts.gitops.health import Health
from rollouts.gitops.hook_records import let_go_all
from rollouts.gitops.hook_release import Recorded, Release, releases
from rollouts.gitops.hook_runner import HookRunner
from rollouts.gitops.hooks import instance_key, operation_of, read_hooks
from rollouts.gitops.inventory import Inventory, stale
from rollouts.gitops.kinds import Kinds
from rollouts.gitops.memory import UnitMemory, digest
from rollouts.gitops.model import (
    FIELD_MANAGER,
    Attempt,
    Comparison,
    Condition,
    Declared,
    HookRecord,
    Phase,
    Request,
    ResourceKey,
    SyncResult,
    SyncUnit,
    UnitId,
)
from rollouts.gitops.outcome import Applied
from rollouts.gitops.plan import (
    Observed,
    Stale,
    State,
    SyncPlan,
    inventory_after,
    plan_sync,
)
from rollouts.gitops.prepare import Prepared, declared_kinds, prepare, types_of
from rollouts.gitops.render.model import RenderedObject
from rollouts.gitops.tracking import marks, names_object
from rollouts.kube.errors import NotFound

EnsureWatch: TypeAlias = Callable[[Kind], Awaitable[None]]
"""Makes sure that changes of a kind are told from now on; returns when the watch stands.

Raises `NotFound` for a kind that is not served (yet)."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a unit's source declares at one revision."""

    revision: str
    objects: tuple[RenderedObject, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What a pass found and did, for a front end to put into its own words.

    Attributes:
        live: the newest known objects, after the writes of this pass.
        health: of declared objects that have a rule.
        results: what was done to each object; empty when nothing was to be done.
        attempt: the operation as it stands now.
        finished: an operation ended in this pass; `partial` when it was not about everything.
        rivals: field managers whose changes this pass corrected.
        hooks: how the hooks of the operation stand.
        releases: instances of hooks to let go once this report is stored.
        held: instances that our finalizer keeps until their end is known.
    """

    revision: str
    prepared: Prepared
    compared: Mapping[ResourceKey, Comparison]
    live: Mapping[ResourceKey, Manifest | None]
    health: Mapping[ResourceKey, Health]
    stale: tuple[Stale, ...]
    inventory: Inventory
    attempt: Attempt | None
    results: tuple[SyncResult, ...] = ()
    conditions: tuple[Condition, ...] = ()
    acted: bool = False
    finished: bool = False
    partial: bool = False
    rivals: tuple[str, ...] = ()
    hooks: tuple[HookRecord, ...] = ()
    releases: tuple[Release, ...] = ()
    held: tuple[ObjectRef, ...] = ()
    wake_at: datetime | None = None


@dataclass(slots=True)
class Engine:
    """Runs passes; one unit is never run twice at the same time.

    Attributes:
        unit_exists: whether an object's mark names a unit that is still there.
        ensure_watch: None where nobody tells of changes; every pass reads everything then.
    """

    access: Access
    kinds: Kinds
    control_namespace: str
    unit_exists: Callable[[UnitId], bool]
    ensure_watch: EnsureWatch | None = None
    _watched: dict[Kind, None] = field(default_factory=dict)

    async def run(
        self,
        unit: SyncUnit,
        state: State,
        content: Content,
        *,
        memory: UnitMemory,
        now: datetime,
        persist: Persist,
        request: Request | None = None,
        forced: bool = False,
    ) -> Report:
        """Run one pass.

        Raises:
            ClusterError: the cluster cannot be read or written; the pass is repeated later.
        """
        prepared = await self.prepare(unit, content)
        declared = (*prepared.objects, *prepared.hooks)
        seen_digest = digest([one.manifest for one in declared])
        refs, kinds = await self._refs(prepared, state)
        self.access.live.care(unit.id, refs)
        await self._watch(ref.kind for ref in (*refs.values(), *(one.ref for one in declared)))
        live = await read_live(self.access, refs.items())
        comparer = Comparer(
            self.access,
            unit,
            memory,
            claimed=lambda one, there: self._claimant(unit, one, there),
            now=now,
        )
        compared = await comparer.compare_all(prepared.objects, live)
        seen = Observed(
            revision=content.revision,
            digest=seen_digest,
            prepared=prepared,
            compared=compared,
            live=live,
            state=state,
            kinds=kinds,
            request=request,
            forced=forced,
            control_namespace=self.control_namespace,
        )
        plan = plan_sync(unit, seen, now)
        await self._release_former(unit, seen, plan, now)
        rivals = _rivals(compared, live)
        applied, records = None, plan.hooks
        if isinstance(plan.decision, Sync):
            applied, records = await self._carry_out(
                plan.decision, seen, plan, comparer, memory=memory, persist=persist, now=now
            )
        report = self._report(unit, seen, plan, applied, now=now, rivals=rivals)
        return self._with_hooks(unit, seen, plan, replace(report, hooks=records), now=now)

    async def _carry_out(
        self,
        sync: Sync,
        seen: Observed,
        plan: SyncPlan,
        comparer: Comparer,
        *,
        memory: UnitMemory,
        persist: Persist,
        now: datetime,
    ) -> tuple[Applied, tuple[HookRecord, ...]]:
        """Carry a plan out, unless a part of what Git declares cannot be read."""
        if seen.prepared.errors and not sync.failure:
            return Applied(errors=list(seen.prepared.errors), fatal=False), plan.hooks
        assert plan.operation is not None, "a sync is an operation"
        hooks = HookRunner(
            self.access,
            comparer.unit,
            operation=plan.operation,
            records=plan.hooks,
            now=now,
            control_namespace=self.control_namespace,
        )
        applier = Applier(
            self.access,
            comparer.unit,
            memory,
            comparer=comparer,
            hooks=hooks,
            gate=lambda group, at: gate(group, at, now),
            compared=seen.compared,
            live=seen.live,
        )
        started = begin(sync, revision=seen.revision, digest=seen.digest)
        applied = await applier.carry_out(plan, persist, started=started)
        return applied, tuple(hooks.records)

    async def release(self, unit: SyncUnit, letting_go: Iterable[Release]) -> None:
        """Let go of what was kept so that its result could be stored, now that it is.

        Raises:
            ClusterError: the next pass has to do it.
        """
        await let_go_all(self.access, letting_go, propagation=unit.prune_propagation)

    async def _release_former(
        self, unit: SyncUnit, seen: Observed, plan: SyncPlan, now: datetime
    ) -> None:
        """Let the hooks of a replaced operation go before status forgets their names."""
        if not plan.former:
            return
        found = releases(
            Recorded(plan.former, seen.live, _kinds_of(seen, plan.former)),
            unit,
            now=now,
            is_over=True,
            control_namespace=self.control_namespace,
        )
        gone = {each.key: each.ref for each in found}
        await self.release(unit, found)
        seen.live.update(await read_live(self.access, gone.items()))

    def _with_hooks(
        self, unit: SyncUnit, seen: Observed, plan: SyncPlan, report: Report, *, now: datetime
    ) -> Report:
        """Add which instances are kept and which are let go."""
        has_ended = report.attempt is None or report.attempt.phase is not Phase.RUNNING
        kinds = _kinds_of(seen, report.hooks)
        found = releases(
            Recorded(report.hooks, seen.live, kinds),
            unit,
            now=now,
            is_over=plan.is_over or has_ended,
            is_overtaken=plan.is_overtaken,
            interrupted=plan.is_interrupted,
            control_namespace=self.control_namespace,
        )
        goes = {each.key for each in found}
        held = tuple(
            ObjectRef(kinds[one.key], one.key.namespace, one.key.name)
            for one in report.hooks
            if one.state is Phase.RUNNING and one.key in kinds and one.key not in goes
        )
        return replace(report, releases=found, held=held)

    async def prepare(self, unit: SyncUnit, content: Content) -> Prepared:
        """Return what content declares for a unit, read as the cluster serves it."""
        served: dict[tuple[str, str], Kind | None] = {}
        defined = declared_kinds(content.objects)
        for named in types_of(content.objects):
            # A definition in Git is about to be served, and may change how the kind is served.
            served[named] = defined.get(named) or await self.kinds.resolve(*named)
        return prepare(unit, content.objects, served)

    async def _refs(
        self, prepared: Prepared, state: State
    ) -> tuple[dict[ResourceKey, ObjectRef], dict[ResourceKey, Kind]]:
        """Return how to read every object that matters, and the kinds of those not declared."""
        refs = {one.key: one.ref for one in prepared.objects}
        last = operation_of(state.attempt)
        for hook in read_hooks(prepared.hooks):
            instance = instance_key(hook, last)
            if instance is not None:
                refs[instance] = ObjectRef(hook.kind, instance.namespace, instance.name)
        kinds: dict[ResourceKey, Kind] = {}
        declared = Inventory(tuple((key, "") for key in refs))
        recorded = [(one.key, one.version) for one in state.hooks if one.key not in refs]
        for key, version in (*stale(state.inventory, declared), *recorded):
            kind = await self.kinds.of(key, version)
            if kind is not None:
                kinds[key] = kind
                refs[key] = ObjectRef(kind, key.namespace, key.name)
        return refs, kinds

    async def _watch(self, kinds: Iterable[Kind]) -> None:
        if self.ensure_watch is None:
            return
        for kind in dict.fromkeys(kinds):
            if kind in self._watched:
                continue
            try:
                await self.ensure_watch(kind)
            except NotFound:
                continue  # Its definition is about to be applied; the pass after that watches.
            self.access.live.watch(kind)
            self._watched[kind] = None

    def _claimant(self, unit: SyncUnit, one: Declared, there: Manifest) -> str:
        """Return the other unit that an object belongs to; the first one keeps it."""
        found = [
            mark.unit
            for mark in marks(there, self.control_namespace)
            if names_object(mark, one.key)
        ]
        if unit.id in found or not one.tracked:
            return ""
        return next((str(other) for other in found if self.unit_exists(other)), "")

    def _report(
        self,
        unit: SyncUnit,
        seen: Observed,
        plan: SyncPlan,
        applied: Applied | None,
        *,
        now: datetime,
        rivals: tuple[str, ...],
    ) -> Report:
        attempt, wake_at, live = seen.state.attempt, plan.wake_at, seen.live
        inventory = inventory_after(unit, seen, live, applied.pruned if applied else ())
        finished = False
        match plan.decision:
            case Sync() as sync if applied is not None:
                started = begin(sync, revision=seen.revision, digest=seen.digest)
                retry = seen.request.retry if seen.request is not None else unit.retry
                attempt = attempt_after(unit, started, applied, retry=retry, now=now)
                wake_at = wake_after(unit, attempt, applied.waiting, retry)
                if applied.waiting is not None and applied.waiting.soon:
                    wake_at = now + SOON
                if attempt.phase is Phase.FAILED and plan.on_failure:
                    attempt, wake_at = calling_for_hooks(attempt), now + SOON
                finished = attempt.phase is not Phase.RUNNING
                if not applied.is_done and not sync.dry_run and not sync.failure:
                    inventory = plan.recorded  # Rather too much remembered than too little.
            case End(phase, message) if attempt is not None:
                attempt = ended(attempt, phase, message, now)
                finished = True
            case Hold() | End() | Sync():
                pass
        sync_only = plan.decision.only if isinstance(plan.decision, Sync) else None
        dry = isinstance(plan.decision, Sync) and plan.decision.dry_run
        return Report(
            revision=seen.revision,
            prepared=seen.prepared,
            compared=seen.compared,
            live=live,
            health=health_of(seen.prepared, seen.compared, live, now),
            stale=tuple(
                one for one in plan.stale if applied is None or one.key not in applied.pruned
            ),
            inventory=inventory,
            attempt=attempt,
            results=tuple(applied.results) if applied else (),
            conditions=plan.conditions,
            acted=applied is not None,
            finished=finished,
            partial=sync_only is not None or dry,
            rivals=rivals,
            wake_at=wake_at,
        )


def _kinds_of(seen: Observed, records: Iterable[HookRecord]) -> dict[ResourceKey, Kind]:
    """Return how instances of hooks are served, those that nothing declares any more included."""
    kinds = [one.ref.kind for one in seen.prepared.hooks]
    served = {(kind.group, kind.kind): kind for kind in kinds}
    return dict(seen.kinds) | {
        record.key: served[record.key.group, record.key.kind]
        for record in records
        if (record.key.group, record.key.kind) in served
    }


def _rivals(
    compared: Mapping[ResourceKey, Comparison], live: Mapping[ResourceKey, Manifest | None]
) -> tuple[str, ...]:
    """Return who else owns the fields that differ."""
    found: dict[str, None] = {}
    for key, each in compared.items():
        there = live.get(key)
        for pointer in each.paths if there is not None else ():
            owners = managed.owners(there or {}, parse_pointer(pointer))
            found.update({str(owner.get("manager")): None for owner in owners})
    found.pop(FIELD_MANAGER, None)
    return tuple(sorted(found))

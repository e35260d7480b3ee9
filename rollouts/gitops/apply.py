"""Carries a sync plan out: inventory first, then group by group, then what is to be pruned.

Stops at the first group that fails, before anything of it is written if the dry run tells, and
prunes nothing then. Every step may be repeated: what is done already shows as no difference.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from rollouts.api.refs import CRD, Manifest, ObjectRef
from rollouts.gitops.bounded import for_each
from rollouts.gitops.compare import CONFLICTS_MAX, Access, Comparer, fingerprint
from rollouts.gitops.decide import Sync
from rollouts.gitops.diff import build_payload
from rollouts.gitops.inventory import Inventory
from rollouts.gitops.memory import UnitMemory
from rollouts.gitops.model import (
    FIELD_MANAGER,
    ApplyMode,
    Comparison,
    Declared,
    Drift,
    Outcome,
    ResourceKey,
    SyncResult,
    SyncUnit,
)
from rollouts.gitops.plan import Group, Stale, SyncPlan
from rollouts.kube.cluster import PatchType
from rollouts.kube.errors import Conflict, Forbidden, NotFound, Rejected

Persist: TypeAlias = Callable[[Inventory], Awaitable[None]]
"""Stores an inventory in the unit's status; called before the first write."""

Gate: TypeAlias = Callable[[Group, dict[ResourceKey, Manifest | None]], "Waiting | None"]
"""Says what a group still waits for before the next one may begin; None when nothing."""

_FOREGROUND = ("Job", "Rollout")
"""Kinds whose pods should be gone before the object is: their controllers clean up after them."""

_DEFINITION_LOOKS_MAX = 3
"""Reads of a fresh definition before the pass ends and waits: it takes the server milliseconds."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What keeps the next group.

    Attributes:
        failed: waiting is pointless, something has failed.
        delivering: only Rollouts are waited for, which take as long as their steps say.
        soon: it is a matter of moments, so look again at once.
    """

    message: str
    failed: bool = False
    delivering: bool = False
    soon: bool = False


@dataclass(slots=True)
class Applied:
    """What came of a plan.

    Attributes:
        errors: why it failed, naming file and object; empty when it did not.
        fatal: repeating is useless until Git or the spec changes.
        waiting: the plan is not finished because of this.
    """

    results: list[SyncResult] = field(default_factory=list)
    pruned: list[ResourceKey] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    fatal: bool = False
    waiting: Waiting | None = None

    @property
    def is_done(self) -> bool:
        """Tell whether everything was applied and pruned."""
        return not self.errors and self.waiting is None


class Applier:
    """Applies the plan of one unit in one pass."""

    def __init__(
        self,
        access: Access,
        unit: SyncUnit,
        memory: UnitMemory,
        *,
        comparer: Comparer,
        gate: Gate,
    ) -> None:
        self._access = access
        self._unit = unit
        self._memory = memory
        self._comparer = comparer
        self._gate = gate

    async def carry_out(
        self,
        plan: SyncPlan,
        compared: dict[ResourceKey, Comparison],
        live: dict[ResourceKey, Manifest | None],
        persist: Persist,
    ) -> Applied:
        """Carry a plan out; `compared` and `live` are brought up to date on the way."""
        assert isinstance(plan.decision, Sync)
        done = Applied()
        dry_run = plan.decision.dry_run
        pending = dict.fromkeys(plan.touch)
        if (plan.touch or plan.prune) and not dry_run:
            await persist(plan.recorded)
        for index, group in enumerate(plan.groups):
            todo = [one for one in group.objects if one.key in pending]
            self._note_untouched(done, group, pending, compared)
            if todo and not done.errors:
                await self._apply_group(done, todo, compared, live, dry_run=dry_run)
            if done.errors:
                return done
            later = [one for rest in plan.groups[index + 1 :] for one in rest.objects]
            if dry_run or not any(one.key in pending for one in later):
                continue
            await self._await_definitions(done, group, live)
            done.waiting = done.waiting or (self._gate(group, live) if group.gated else None)
            if done.waiting is not None:
                return done
        if plan.prune and not dry_run:
            await self._prune_all(done, plan, live)
        elif plan.prune:
            done.results += [
                SyncResult(one.key, one.version, Outcome.PRUNED, "pruned (dry run)")
                for one in plan.prune
            ]
        return done

    async def _apply_group(
        self,
        done: Applied,
        todo: list[Declared],
        compared: dict[ResourceKey, Comparison],
        live: dict[ResourceKey, Manifest | None],
        *,
        dry_run: bool,
    ) -> None:
        """Dry-run all objects of a group, then write all of them; nothing if any would fail."""
        refusals = await for_each(
            todo,
            lambda one: self._rehearse(one, compared, live, only=dry_run),
            at_once=self._access.at_once,
        )
        failed = [(one, each) for one, each in zip(todo, refusals, strict=True) if each is not None]
        if failed:
            for one, refusal in failed:
                self._note_failure(done, one, refusal.error, fatal=refusal.fatal)
            done.fatal = all(refusal.fatal for _, refusal in failed)
            skipped = [one for one, each in zip(todo, refusals, strict=True) if each is None]
            text = "not applied, because other objects of its group would fail"
            done.results += [_result(one, Outcome.SKIPPED, text) for one in skipped]
            return
        if dry_run:
            done.results += [
                _result(one, _wish(compared[one.key]), "dry run: nothing was written")
                for one in todo
            ]
            return
        await for_each(
            todo, lambda one: self._write(done, one, compared, live), at_once=self._access.at_once
        )

    async def _rehearse(
        self,
        one: Declared,
        compared: dict[ResourceKey, Comparison],
        live: dict[ResourceKey, Manifest | None],
        *,
        only: bool,
    ) -> Comparison | None:
        """Return why writing an object would fail, or None; the server is the judge.

        Args:
            only: nothing will be written, so the namespace or the kind that an earlier group
                brings may be missing here.
        """
        known = compared[one.key]
        if not known.absent:
            return known if known.error else None
        try:
            await self._access.cluster.apply(
                one.ref, one.manifest, field_manager=FIELD_MANAGER, dry_run=True
            )
        except Conflict:
            # Somebody created it meanwhile: it is compared like any other object then.
            compared[one.key] = await self._recompare(one, live)
            return compared[one.key] if compared[one.key].error else None
        except (Rejected, Forbidden, NotFound) as error:
            if only and isinstance(error, NotFound):
                return None
            text = f"{one.key} ({one.source}): {error}"
            return replace(known, error=text, fatal=isinstance(error, Rejected))
        return None

    async def _recompare(
        self, one: Declared, live: dict[ResourceKey, Manifest | None]
    ) -> Comparison:
        self._access.live.forget(one.key)
        try:
            live[one.key] = await self._access.cluster.get(one.ref)
        except NotFound:
            live[one.key] = None
        return await self._comparer.compare(one, live)

    async def _write(
        self,
        done: Applied,
        one: Declared,
        compared: dict[ResourceKey, Comparison],
        live: dict[ResourceKey, Manifest | None],
    ) -> None:
        """Write one object; a conflict means look again, then decide anew."""
        for _ in range(CONFLICTS_MAX):
            known = compared[one.key]
            if known.error or known.drift is not Drift.OUT_OF_SYNC:
                break
            try:
                written = await self._apply_once(one, live.get(one.key))
            except Conflict:
                compared[one.key] = await self._recompare(one, live)
                continue
            except (Rejected, Forbidden, NotFound) as error:
                text = f"{one.key} ({one.source}): {error}"
                compared[one.key] = replace(known, error=text)
                self._note_failure(done, one, text, fatal=isinstance(error, Rejected))
                return
            live[one.key] = written
            self._access.live.learn(one.key, written)
            compared[one.key] = Comparison(one.key, Drift.SYNCED)
            payload = build_payload(self._unit, one, written, self._comparer.delivery)
            if payload.managed_fields is None:
                self._memory.clean[one.key] = fingerprint(payload, written)
            outcome = Outcome.CREATED if known.absent else Outcome.CONFIGURED
            done.results.append(_result(one, outcome, f"{one.key} {outcome}"))
            return
        known = compared[one.key]
        if known.error:
            self._note_failure(done, one, known.error, fatal=known.fatal)
        elif known.drift is Drift.OUT_OF_SYNC:
            text = f"{one.key} ({one.source}): keeps changing while it is written; tried again soon"
            self._note_failure(done, one, text, fatal=False)
        else:
            done.results.append(_result(one, Outcome.UNCHANGED, f"{one.key} unchanged"))

    async def _apply_once(self, one: Declared, there: Manifest | None) -> Manifest:
        payload = build_payload(self._unit, one, there, self._comparer.delivery)
        if payload.managed_fields is not None and there is not None:
            there = await self._take_over(one.ref, there, payload.managed_fields)
            payload = build_payload(self._unit, one, there, self._comparer.delivery)
        return await self._access.cluster.apply(
            one.ref, payload.manifest, field_manager=FIELD_MANAGER
        )

    async def _take_over(
        self, ref: ObjectRef, there: Manifest, fields: tuple[Manifest, ...]
    ) -> Manifest:
        """Make fields that were set by hand ours, so that the apply can remove them."""
        version = (there.get("metadata") or {}).get("resourceVersion", "")
        body = {"metadata": {"resourceVersion": version, "managedFields": list(fields)}}
        return await self._access.cluster.patch(ref, body, PatchType.MERGE)

    async def _await_definitions(
        self, done: Applied, group: Group, live: dict[ResourceKey, Manifest | None]
    ) -> None:
        """See that new kinds are served before objects of them are tried."""
        for one in group.objects:
            if one.key.kind != CRD.kind:
                continue
            for _ in range(_DEFINITION_LOOKS_MAX):
                if is_established(live.get(one.key)):
                    break
                live[one.key] = await self._access.cluster.get(one.ref)
            if not is_established(live.get(one.key)):
                text = f"waiting for {one.key} to be established"
                done.waiting = Waiting(text, soon=True)

    async def _prune_all(
        self, done: Applied, plan: SyncPlan, live: dict[ResourceKey, Manifest | None]
    ) -> None:
        if self._unit.last_stage_prune and plan.groups:
            done.waiting = self._gate(plan.groups[-1], live)
            if done.waiting is not None:
                return
        for one in plan.prune:
            await self._prune(done, one)

    async def _prune(self, done: Applied, one: Stale) -> None:
        """Delete one object, if it still is the one that was looked at."""
        metadata = one.live.get("metadata") or {}
        try:
            await self._access.cluster.delete(
                one.ref,
                uid=metadata.get("uid", ""),
                propagation=propagation_of(self._unit, one.key),
            )
        except NotFound:
            pass  # somebody else deleted it, which is what was wanted
        except Conflict:
            # Another object of this name has taken its place; the next pass looks at that one.
            done.results.append(
                SyncResult(one.key, one.version, Outcome.SKIPPED, "replaced meanwhile; not pruned")
            )
            return
        except (Rejected, Forbidden) as error:
            text = f"cannot prune {one.key}: {error}"
            done.errors.append(text)
            done.results.append(SyncResult(one.key, one.version, Outcome.FAILED, text))
            return
        self._access.live.forget(one.key)
        done.pruned.append(one.key)
        done.results.append(SyncResult(one.key, one.version, Outcome.PRUNED, "pruned"))

    def _note_untouched(
        self,
        done: Applied,
        group: Group,
        pending: dict[ResourceKey, None],
        compared: dict[ResourceKey, Comparison],
    ) -> None:
        for one in group.objects:
            if one.key in pending:
                continue
            known = compared[one.key]
            if known.claimed_by:
                text = f"belongs to {known.claimed_by}"
                done.results.append(_result(one, Outcome.SKIPPED, text))
                if self._unit.fail_on_shared:
                    done.errors.append(f"{one.key} ({one.source}) {text}")
            elif not one.options.reconcile or one.options.mode is ApplyMode.IGNORE:
                text = "its annotations forbid reconciling"
                done.results.append(_result(one, Outcome.SKIPPED, text))
            elif known.drift is Drift.SYNCED:
                done.results.append(_result(one, Outcome.UNCHANGED, f"{one.key} unchanged"))

    def _note_failure(self, done: Applied, one: Declared, text: str, *, fatal: bool) -> None:
        done.errors.append(text)
        done.fatal = done.fatal or fatal
        done.results.append(_result(one, Outcome.FAILED, text))


def is_established(definition: Manifest | None) -> bool:
    """Tell whether the server serves the kinds of a CustomResourceDefinition."""
    conditions = ((definition or {}).get("status") or {}).get("conditions") or []
    return any(
        each.get("type") == "Established" and each.get("status") == "True" for each in conditions
    )


def propagation_of(unit: SyncUnit, key: ResourceKey) -> str:
    """Return how the objects below a pruned one are deleted."""
    if unit.prune_propagation:
        return unit.prune_propagation
    return "Foreground" if key.kind in _FOREGROUND else "Background"


def _result(one: Declared, outcome: Outcome, message: str) -> SyncResult:
    return SyncResult(one.key, one.ref.kind.version, outcome, message)


def _wish(compared: Comparison) -> Outcome:
    return Outcome.CREATED if compared.absent else Outcome.CONFIGURED

"""Carries a sync plan out: inventory first, then group by group, then what is to be pruned.

Stops at the first group that fails, before anything of it is written if the dry run tells, and
prunes nothing then. Every step may be repeated: what is done already shows as no difference.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeAlias

from rollouts.api.refs import CRD, Manifest, ObjectRef
from rollouts.gitops.bounded import for_each
from rollouts.gitops.compare import CONFLICTS_MAX, Access, Comparer, fingerprint
from rollouts.gitops.decide import Sync
from rollouts.gitops.diff import build_payload
from rollouts.gitops.grouping import Group
from rollouts.gitops.hook_runner import HookRunner
from rollouts.gitops.inventory import Inventory
from rollouts.gitops.memory import UnitMemory
from rollouts.gitops.model import (
    FIELD_MANAGER,
    ApplyMode,
    Attempt,
    Comparison,
    Declared,
    Drift,
    Outcome,
    ResourceKey,
    SyncResult,
    SyncUnit,
)
from rollouts.gitops.order import propagation_of
from rollouts.gitops.outcome import Applied, Waiting, result
from rollouts.gitops.plan import Stale, SyncPlan
from rollouts.kube.cluster import PatchType
from rollouts.kube.errors import Conflict, Forbidden, NotFound, Rejected

Persist: TypeAlias = Callable[[Inventory, Attempt, bool], Awaitable[None]]
"""Stores an inventory in the unit's status; called before the first write.

With True the operation is stored as well: its start names the instances of hooks, so whoever goes
on after a crash has to know it.
"""

Gate: TypeAlias = Callable[[Group, dict[ResourceKey, Manifest | None]], "Waiting | None"]
"""Says what a group still waits for before the next one may begin; None when nothing."""

_AFTER = "PostSync"

_DEFINITION_LOOKS_MAX = 3
"""Reads of a fresh definition before the pass ends and waits: it takes the server milliseconds."""


class Applier:
    """Applies the plan of one unit in one pass."""

    def __init__(
        self,
        access: Access,
        unit: SyncUnit,
        memory: UnitMemory,
        *,
        comparer: Comparer,
        hooks: HookRunner,
        gate: Gate,
        compared: dict[ResourceKey, Comparison],
        live: dict[ResourceKey, Manifest | None],
    ) -> None:
        """Prepare a pass; `compared` and `live` are brought up to date on the way."""
        self._access = access
        self._unit = unit
        self._memory = memory
        self._comparer = comparer
        self._hooks = hooks
        self._gate = gate
        self._compared = compared
        self._live = live

    async def carry_out(self, plan: SyncPlan, persist: Persist, *, started: Attempt) -> Applied:
        """Carry a plan out; `compared` and `live` are brought up to date on the way.

        Args:
            started: the operation as it begins, or as it goes on.
        """
        assert isinstance(plan.decision, Sync)
        done = Applied()
        dry_run = plan.decision.dry_run
        pending = dict.fromkeys(plan.touch)
        has_hooks = any(group.hooks for group in plan.groups) and not dry_run
        if has_hooks and self._hooks.is_first_pass:
            await self._rehearse_all(done, plan)
        if done.errors:
            return done
        if (plan.touch or plan.prune or has_hooks) and not dry_run:
            await persist(plan.recorded, started, has_hooks)
        # Hooks that come after a sync see a cluster in which it is complete.
        last = max((n for n, group in enumerate(plan.groups) if group.phase != _AFTER), default=-1)
        if last < 0:
            await self._prune_all(done, plan, last)
        for index, group in enumerate(plan.groups):
            if done.is_done:
                await self._do_group(done, group, pending, dry_run=dry_run)
            if done.is_done and index == last:
                await self._prune_all(done, plan, last)
            rest = plan.groups[index + 1 :]
            if done.is_done and not dry_run and self._is_needed(rest, pending):
                await self._await_definitions(done, group)
                if done.is_done and group.gated:
                    done.waiting = self._gate(group, self._live)
            if not done.is_done:
                break
        return done

    async def _do_group(
        self, done: Applied, group: Group, pending: dict[ResourceKey, None], *, dry_run: bool
    ) -> None:
        """Apply the objects of a group, then bring its hooks on."""
        todo = [one for one in group.objects if one.key in pending]
        self._note_untouched(done, group, pending)
        if todo and not done.errors:
            await self._apply_group(done, todo, dry_run=dry_run)
        if group.hooks and not done.errors and not dry_run:
            await self._hooks.run(group.hooks, self._live, done)

    def _is_needed(self, rest: tuple[Group, ...], pending: dict[ResourceKey, None]) -> bool:
        """Tell whether something is still to be done for which earlier groups must be ready."""
        return any(
            any(one.key in pending for one in group.objects)
            or not self._hooks.are_done(group.hooks)
            for group in rest
        )

    async def _rehearse_all(self, done: Applied, plan: SyncPlan) -> None:
        """See that the server would take everything before the first hook changes anything."""
        wanted = dict.fromkeys(plan.touch)
        todo = [one for group in plan.groups for one in group.objects if one.key in wanted]
        refusals = await for_each(
            todo,
            lambda one: self._rehearse(one, only=True),
            at_once=self._access.at_once,
        )
        for one, refusal in zip(todo, refusals, strict=True):
            if refusal is not None:
                self._note_failure(done, one, refusal.error, fatal=refusal.fatal)
        for group in plan.groups:
            await self._hooks.rehearse(group.hooks, done)

    async def _apply_group(self, done: Applied, todo: list[Declared], *, dry_run: bool) -> None:
        """Dry-run all objects of a group, then write all of them; nothing if any would fail."""
        refusals = await for_each(
            todo,
            lambda one: self._rehearse(one, only=dry_run),
            at_once=self._access.at_once,
        )
        failed = [(one, each) for one, each in zip(todo, refusals, strict=True) if each is not None]
        if failed:
            for one, refusal in failed:
                self._note_failure(done, one, refusal.error, fatal=refusal.fatal)
            done.fatal = all(refusal.fatal for _, refusal in failed)
            skipped = [one for one, each in zip(todo, refusals, strict=True) if each is None]
            text = "not applied, because other objects of its group would fail"
            done.results += [result(one, Outcome.SKIPPED, text) for one in skipped]
            return
        if dry_run:
            done.results += [
                result(one, _wish(self._compared[one.key]), "dry run: nothing was written")
                for one in todo
            ]
            return
        await for_each(todo, lambda one: self._write(done, one), at_once=self._access.at_once)

    async def _rehearse(
        self,
        one: Declared,
        *,
        only: bool,
    ) -> Comparison | None:
        """Return why writing an object would fail, or None; the server is the judge.

        Args:
            only: nothing will be written, so the namespace or the kind that an earlier group
                brings may be missing here.
        """
        known = self._compared[one.key]
        if not known.absent:
            return known if known.error else None
        try:
            await self._access.cluster.apply(
                one.ref, one.manifest, field_manager=FIELD_MANAGER, dry_run=True
            )
        except Conflict:
            # Somebody created it meanwhile: it is compared like any other object then.
            self._compared[one.key] = await self._recompare(one)
            return self._compared[one.key] if self._compared[one.key].error else None
        except (Rejected, Forbidden, NotFound) as error:
            if only and isinstance(error, NotFound):
                return None
            text = f"{one.key} ({one.source}): {error}"
            return replace(known, error=text, fatal=isinstance(error, Rejected))
        return None

    async def _recompare(self, one: Declared) -> Comparison:
        self._access.live.forget(one.key)
        try:
            self._live[one.key] = await self._access.cluster.get(one.ref)
        except NotFound:
            self._live[one.key] = None
        return await self._comparer.compare(one, self._live)

    async def _write(
        self,
        done: Applied,
        one: Declared,
    ) -> None:
        """Write one object; a conflict means look again, then decide anew."""
        for _ in range(CONFLICTS_MAX):
            known = self._compared[one.key]
            if known.error or known.drift is not Drift.OUT_OF_SYNC:
                break
            try:
                written = await self._apply_once(one, self._live.get(one.key))
            except Conflict:
                self._compared[one.key] = await self._recompare(one)
                continue
            except (Rejected, Forbidden, NotFound) as error:
                text = f"{one.key} ({one.source}): {error}"
                self._compared[one.key] = replace(known, error=text)
                self._note_failure(done, one, text, fatal=isinstance(error, Rejected))
                return
            self._live[one.key] = written
            self._access.live.learn(one.key, written)
            self._compared[one.key] = Comparison(one.key, Drift.SYNCED)
            payload = build_payload(self._unit, one, written, self._comparer.delivery)
            if payload.managed_fields is None:
                self._memory.clean[one.key] = fingerprint(payload, written)
            outcome = Outcome.CREATED if known.absent else Outcome.CONFIGURED
            done.results.append(result(one, outcome, f"{one.key} {outcome}"))
            return
        known = self._compared[one.key]
        if known.error:
            self._note_failure(done, one, known.error, fatal=known.fatal)
        elif known.drift is Drift.OUT_OF_SYNC:
            text = f"{one.key} ({one.source}): keeps changing while it is written; tried again soon"
            self._note_failure(done, one, text, fatal=False)
        else:
            done.results.append(result(one, Outcome.UNCHANGED, f"{one.key} unchanged"))

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

    async def _await_definitions(self, done: Applied, group: Group) -> None:
        """See that new kinds are served before objects of them are tried."""
        for one in group.objects:
            if one.key.kind != CRD.kind:
                continue
            for _ in range(_DEFINITION_LOOKS_MAX):
                if is_established(self._live.get(one.key)):
                    break
                self._live[one.key] = await self._access.cluster.get(one.ref)
            if not is_established(self._live.get(one.key)):
                text = f"waiting for {one.key} to be established"
                done.waiting = Waiting(text, soon=True)

    async def _prune_all(self, done: Applied, plan: SyncPlan, last: int) -> None:
        """Prune, where `last` is the group after which that may be done."""
        assert isinstance(plan.decision, Sync)
        if plan.decision.dry_run:
            done.results += [
                SyncResult(one.key, one.version, Outcome.PRUNED, "pruned (dry run)")
                for one in plan.prune
            ]
            return
        if plan.prune and self._unit.last_stage_prune and last >= 0:
            done.waiting = self._gate(plan.groups[last], self._live)
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
                propagation=propagation_of(one.key.kind, self._unit.prune_propagation),
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
    ) -> None:
        for one in group.objects:
            if one.key in pending:
                continue
            known = self._compared[one.key]
            if known.claimed_by:
                text = f"belongs to {known.claimed_by}"
                done.results.append(result(one, Outcome.SKIPPED, text))
                if self._unit.fail_on_shared:
                    done.errors.append(f"{one.key} ({one.source}) {text}")
            elif not one.options.reconcile or one.options.mode is ApplyMode.IGNORE:
                text = "its annotations forbid reconciling"
                done.results.append(result(one, Outcome.SKIPPED, text))
            elif known.drift is Drift.SYNCED:
                done.results.append(result(one, Outcome.UNCHANGED, f"{one.key} unchanged"))

    def _note_failure(self, done: Applied, one: Declared, text: str, *, fatal: bool) -> None:
        done.errors.append(text)
        done.fatal = done.fatal or fatal
        done.results.append(result(one, Outcome.FAILED, text))


def is_established(definition: Manifest | None) -> bool:
    """Tell whether the server serves the kinds of a CustomResourceDefinition."""
    conditions = ((definition or {}).get("status") or {}).get("conditions") or []
    return any(
        each.get("type") == "Established" and each.get("status") == "True" for each in conditions
    )


def _wish(compared: Comparison) -> Outcome:
    return Outcome.CREATED if compared.absent else Outcome.CONFIGURED

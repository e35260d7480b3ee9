"""Runs the hooks of an operation, one group at a time, and lets them go once they are recorded."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rollouts.api.refs import Manifest
from rollouts.gitops import hooks as deciding
from rollouts.gitops.compare import Access
from rollouts.gitops.hook_records import let_go, list_instances
from rollouts.gitops.hook_release import Release, earlier_instances, release_of
from rollouts.gitops.hooks import (
    Await,
    Clear,
    Hook,
    Look,
    Make,
    Operation,
    judge,
    next_deed,
    record_of,
)
from rollouts.gitops.model import Declared, HookRecord, Phase, ResourceKey, SyncUnit
from rollouts.gitops.options import is_doomed
from rollouts.gitops.outcome import Applied, Waiting
from rollouts.gitops.tracking import is_tracked_by
from rollouts.kube.errors import AlreadyExists, Forbidden, NotFound, Rejected

_SHOWN = 3

Live = dict[ResourceKey, Manifest | None]


class HookRunner:
    """The hooks of one operation in one pass; `records` is brought up to date on the way."""

    def __init__(
        self,
        access: Access,
        unit: SyncUnit,
        *,
        operation: Operation,
        records: Iterable[HookRecord],
        now: datetime,
        control_namespace: str,
    ) -> None:
        self._access = access
        self._unit = unit
        self._operation = operation
        self._now = now
        self._control_namespace = control_namespace
        self.records = list(records)

    @property
    def is_first_pass(self) -> bool:
        """Tell whether no hook of this operation was begun yet."""
        return not self.records

    def are_done(self, hooks: Iterable[Hook]) -> bool:
        """Tell whether all of these have succeeded in this operation."""
        found = (record_of(hook, self.records) for hook in hooks)
        return all(one is not None and one.state is Phase.SUCCEEDED for one in found)

    async def rehearse(self, hooks: Iterable[Hook], done: Applied) -> None:
        """Note the hooks that the server would refuse.

        One whose kind or namespace the sync itself brings cannot be tried yet.
        """
        for hook in hooks:
            instance = deciding.instance_of(hook, self._unit, self._operation)
            try:
                await self._access.cluster.create(instance.manifest, hook.kind, dry_run=True)
            except (AlreadyExists, NotFound):
                continue
            except (Rejected, Forbidden) as error:
                text = f"{hook.phase} hook {instance.key} ({hook.declared.source}): {error}"
                done.errors.append(text)
                done.fatal = done.fatal or isinstance(error, Rejected)

    async def run(self, hooks: Iterable[Hook], live: Live, done: Applied) -> None:
        """Bring the hooks of a group on, all of them at the same time.

        What has failed is told when nothing of the group runs any more: a hook should not find
        that its sync has ended beneath it.
        """
        running: list[str] = []
        failed: list[str] = []
        soon = False
        for hook in hooks:
            deed = next_deed(
                hook,
                self._unit,
                operation=self._operation,
                record=record_of(hook, self.records),
                live=live,
                now=self._now,
                control_namespace=self._control_namespace,
            )
            match deed:
                case Look(record):
                    pass
                case Await(message):
                    running.append(message)
                    continue
                case Clear(instance, there):
                    await self._clear(instance, there, live)
                    running.append(f"{instance.key} of an earlier sync is being deleted")
                    soon = True
                    continue
                case Make(instance):
                    made = await self._make(hook, instance, live)
                    if isinstance(made, str):
                        running.append(made)
                        soon = True
                        continue
                    record, is_fatal = made
                    done.fatal = done.fatal or is_fatal
            self._note(hook, record)
            text = f"{hook.phase} hook {record.key}: {record.message or record.state.lower()}"
            if record.state is Phase.RUNNING:
                running.append(text)
            elif record.state is not Phase.SUCCEEDED:
                failed.append(f"{text} ({hook.declared.source})")
        if running:
            text = f"waiting for {_listed(running + [f'failed: {each}' for each in failed])}"
            done.waiting = Waiting(text, unhurried=True, soon=soon)
        else:
            done.errors += failed

    def _note(self, hook: Hook, record: HookRecord) -> None:
        before = record_of(hook, self.records)
        if before is None:
            self.records.append(record)
        else:
            self.records[self.records.index(before)] = record

    async def _make(
        self, hook: Hook, instance: Declared, live: Live
    ) -> tuple[HookRecord, bool] | str:
        """Create an instance and return how it stands, and whether repeating is useless.

        A text says what it has to wait for.
        """
        fresh = HookRecord(instance.key, hook.kind.version, hook.phase)
        self._access.live.care_too(self._unit.id, instance.key)
        try:
            if hook.is_generated and (waits := await self._make_room(hook)):
                return waits
            made = await self._access.cluster.create(instance.manifest, hook.kind)
        except AlreadyExists:
            self._access.live.forget(instance.key)
            return f"{instance.key} was created by somebody else meanwhile"
        except (Rejected, Forbidden, NotFound) as error:
            text = f"cannot be created: {error}"
            failed = HookRecord(fresh.key, fresh.version, fresh.hook_type, Phase.FAILED, text)
            return failed, isinstance(error, Rejected)
        live[instance.key] = made
        self._access.live.learn(instance.key, made)
        return judge(fresh, made, self._now), False

    async def _clear(self, instance: Declared, there: Manifest, live: Live) -> None:
        release = Release(instance.ref, instance.key, there, delete=not is_doomed(there))
        await let_go(self._access, release, propagation=self._unit.prune_propagation)
        live[instance.key] = None

    async def _make_room(self, hook: Hook) -> str:
        """See to the instances that earlier operations have left of a hook with a generated name.

        Too many are deleted, and none is kept from going. Returns what still runs, which no
        record may tell of any more; empty when the next may be made.
        """
        running = ""
        listed = await list_instances(
            self._access, self._unit, hook.kind, hook.declared.key.namespace
        )
        for there, seen, is_too_much in earlier_instances(hook, listed, self._now):
            if not is_tracked_by(there, self._unit.id, seen.key, self._control_namespace):
                continue
            if seen.state is Phase.RUNNING:
                self._access.live.care_too(self._unit.id, seen.key)
                running = running or f"{seen.key} of an earlier sync still runs: {seen.message}"
                continue
            release = release_of(hook.kind, seen.key, there, delete=is_too_much)
            if release is not None:
                propagation = self._unit.prune_propagation
                await let_go(self._access, release, propagation=propagation)
        return running


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return "; ".join(names[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")

"""Runs the hooks of an operation, one group at a time, and lets them go once they are recorded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from rollouts.api.refs import Manifest, ObjectRef
from rollouts.gitops import hooks as deciding
from rollouts.gitops.compare import Access
from rollouts.gitops.health.assess import HOOK_FINALIZER
from rollouts.gitops.hooks import (
    HOOK_OF,
    Await,
    Clear,
    Hook,
    Look,
    Make,
    Operation,
    Release,
    is_held,
    judge,
    next_deed,
    record_of,
    unit_label,
)
from rollouts.gitops.kinds import Kinds
from rollouts.gitops.model import Declared, HookRecord, Phase, ResourceKey, SyncUnit
from rollouts.gitops.options import read_options
from rollouts.gitops.order import propagation_of
from rollouts.gitops.outcome import Applied, Waiting
from rollouts.gitops.tracking import is_tracked_by
from rollouts.kube.errors import AlreadyExists, Conflict, Forbidden, NotFound, Rejected

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
                    if made is None:
                        running.append(f"{instance.key} was created by somebody else meanwhile")
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
    ) -> tuple[HookRecord, bool] | None:
        """Create an instance and return how it stands, and whether repeating is useless.

        None when another object has taken the name since we looked.
        """
        fresh = HookRecord(instance.key, hook.kind.version, hook.phase)
        self._access.live.care_too(self._unit.id, instance.key)
        try:
            if hook.is_generated:
                await self._thin_out(hook)
            made = await self._access.cluster.create(instance.manifest, hook.kind)
        except AlreadyExists:
            self._access.live.forget(instance.key)
            return None
        except (Rejected, Forbidden, NotFound) as error:
            text = f"cannot be created: {error}"
            failed = HookRecord(fresh.key, fresh.version, fresh.hook_type, Phase.FAILED, text)
            return failed, isinstance(error, Rejected)
        live[instance.key] = made
        self._access.live.learn(instance.key, made)
        return judge(fresh, made, self._now), False

    async def _clear(self, instance: Declared, there: Manifest, live: Live) -> None:
        doomed = (there.get("metadata") or {}).get("deletionTimestamp")
        release = Release(instance.ref, instance.key, there, delete=not doomed)
        await let_go(self._access, release, propagation=self._unit.prune_propagation)
        live[instance.key] = None

    async def _thin_out(self, hook: Hook) -> None:
        """Delete what too many operations have left behind of a hook with a generated name."""
        namespace = hook.declared.key.namespace
        listed = await self._access.cluster.list(
            hook.kind, namespace, label_selector=f"{HOOK_OF}={unit_label(self._unit)}"
        )
        for each in deciding.surplus(hook, listed, self._now):
            name = str(each["metadata"]["name"])
            key = ResourceKey(hook.kind.group, hook.kind.kind, namespace, name)
            release = Release(ObjectRef(hook.kind, namespace, name), key, each, delete=True)
            await let_go(self._access, release, propagation=self._unit.prune_propagation)


async def clear_hooks(
    access: Access,
    kinds: Kinds,
    unit: SyncUnit,
    records: Iterable[HookRecord],
    *,
    control_namespace: str,
) -> tuple[ResourceKey, ...]:
    """Delete the hooks of a unit that goes; return what is still there.

    Records name the last operation's alone, and with them the kinds and namespaces in which
    those of earlier ones are found as well.
    """
    left: list[ResourceKey] = []
    selector = f"{HOOK_OF}={unit_label(unit)}"
    for place, version in {replace(one.key, name=""): one.version for one in records}.items():
        kind = await kinds.resolve(
            f"{place.group}/{version}" if place.group else version, place.kind
        )
        if kind is None:
            continue
        for live in await access.cluster.list(kind, place.namespace, label_selector=selector):
            key = replace(place, name=str(live["metadata"]["name"]))
            if not is_tracked_by(live, unit.id, key, control_namespace):
                continue
            goes = read_options(live).delete
            doomed = bool(live["metadata"].get("deletionTimestamp"))
            if is_held(live) or (goes and not doomed):
                ref = ObjectRef(kind, key.namespace, key.name)
                release = Release(ref, key, live, delete=goes and not doomed)
                await let_go(access, release, propagation=unit.prune_propagation)
            left += [key] if goes else []
    return tuple(left)


async def release_orphan(access: Access, ref: ObjectRef) -> None:
    """Take our finalizer off an instance whose Application is gone.

    Raises:
        ClusterError: it cannot be reached or may not be written.
    """
    try:
        live = await access.cluster.get(ref)
    except NotFound:
        return
    key = ResourceKey(ref.kind.group, ref.kind.kind, ref.namespace, ref.name)
    await let_go(access, Release(ref, key, live))


async def let_go(access: Access, release: Release, *, propagation: str = "") -> None:
    """Take our finalizer off an instance, and delete it if that is asked for.

    Whoever was faster is welcome: what is left to do is found in the next pass.

    Args:
        propagation: how what is below it goes; empty for what suits its kind.

    Raises:
        ClusterError: it cannot be reached or may not be written.
    """
    metadata = release.live.get("metadata") or {}
    uid = metadata.get("uid", "")
    try:
        if is_held(release.live):
            kept = [each for each in metadata["finalizers"] if each != HOOK_FINALIZER]
            version = metadata.get("resourceVersion", "")
            # The version guards the list, which is written whole.
            body = {"metadata": {"uid": uid, "resourceVersion": version, "finalizers": kept}}
            access.live.learn(release.key, await access.cluster.patch(release.ref, body))
        if release.delete:
            await access.cluster.delete(
                release.ref, uid=uid, propagation=propagation_of(release.key.kind, propagation)
            )
            access.live.forget(release.key)
    except NotFound:
        access.live.learn(release.key, None)
    except Conflict:
        access.live.forget(release.key)


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return "; ".join(names[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")

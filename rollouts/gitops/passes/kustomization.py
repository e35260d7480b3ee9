"""One pass of a Kustomization."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from rollouts.api.checks import (
    read_deleted_kustomization,
    read_git_repository,
    read_kustomization,
)
from rollouts.api.git_repository import GitRepository
from rollouts.api.kustomization import Kustomization
from rollouts.api.problems import InvalidSpec
from rollouts.api.refs import GIT_REPOSITORY, KUSTOMIZATION, Manifest, ObjectRef
from rollouts.gitops.compare import read_live
from rollouts.gitops.contents import Found, conditions_of
from rollouts.gitops.engine import Content, Report
from rollouts.gitops.frontends import kustomization as frontend
from rollouts.gitops.frontends import kustomization_status as words
from rollouts.gitops.frontends.application import annotation
from rollouts.gitops.frontends.door import StatusDoor
from rollouts.gitops.frontends.kustomization_status import Verdict
from rollouts.gitops.inventory import Inventory, format_inventory
from rollouts.gitops.memory import UnitMemory
from rollouts.gitops.model import Attempt, Condition, ResourceKey
from rollouts.gitops.options import is_doomed
from rollouts.gitops.room import Key, Room, earliest, jittered
from rollouts.gitops.source import Credentials, SourceError
from rollouts.gitops.teardown import LOOK, tear_down
from rollouts.kube.cluster import PatchType

_LOGGER = logging.getLogger(__name__)

DEPENDENCY_DELAY = timedelta(seconds=30)


async def reconcile_kustomization(room: Room, namespace: str, name: str) -> datetime | None:
    """Run one pass and return when to look again unasked, or None."""
    key: Key = (KUSTOMIZATION.kind, namespace, name)
    manifest = room.stores.kustomizations.get(namespace, name)
    if manifest is None:
        room.forget(key)
        return None
    memory = room.memory(key)
    now = room.clock()
    version = str(manifest["metadata"].get("resourceVersion", ""))
    is_due = memory.wake_at is None or now >= memory.wake_at
    if not memory.dirty and memory.seen_version == version and not is_due:
        return memory.wake_at
    ref = ObjectRef(KUSTOMIZATION, namespace, name)
    door = StatusDoor(room.cluster, room.stores.kustomizations, ref, manifest)
    try:
        if is_doomed(manifest):
            return await _tear_down(room, read_deleted_kustomization(manifest), door, now)
        kustomization = read_kustomization(manifest)
    except InvalidSpec as error:
        await _refuse(door, manifest, error, now)
        return None
    if kustomization.spec.suspend:
        return None
    with memory.being_looked_at():
        await _hold(room, ref, kustomization, door)
        this = _Pass(room, key, kustomization, memory=memory, door=door, now=now)
        memory.wake_at = await this.run()
        memory.seen_version = str(door.manifest["metadata"].get("resourceVersion", ""))
    return memory.wake_at


async def _refuse(door: StatusDoor, manifest: Manifest, error: InvalidSpec, now: datetime) -> None:
    """Say what is wrong with the spec; nothing is tried until it changes."""
    status = words.refused(door.status, str(error), _generation(manifest), now)
    await door.write(status, subresource="status")


async def _hold(room: Room, ref: ObjectRef, kustomization: Kustomization, door: StatusDoor) -> None:
    """Put on the finalizer by which deleting a Kustomization deletes what it has applied."""
    finalizers = kustomization.metadata.finalizers
    if frontend.FINALIZER in finalizers:
        return
    metadata = {
        "resourceVersion": door.manifest["metadata"].get("resourceVersion", ""),
        "finalizers": [*finalizers, frontend.FINALIZER],
    }
    door.manifest = await room.cluster.patch(ref, {"metadata": metadata}, PatchType.MERGE)
    room.stores.kustomizations.wrote(door.manifest)


async def _tear_down(
    room: Room, kustomization: Kustomization, door: StatusDoor, now: datetime
) -> datetime | None:
    """Delete what the Kustomization has applied, if it prunes and is not suspended."""
    finalizers = kustomization.metadata.finalizers
    if frontend.FINALIZER not in finalizers:
        return None
    policy = kustomization.spec.deletion_policy
    prunes = kustomization.spec.prune if policy in ("", "MirrorPrune") else policy != "Orphan"
    if prunes and not kustomization.spec.suspend:
        unit = frontend.read_unit(kustomization)
        inventory = frontend.read_state(door.manifest, None).inventory
        left = await tear_down(
            room.engine.access,
            room.engine.kinds,
            unit,
            inventory,
            control_namespace=room.control_namespace,
        )
        if left:
            return now + LOOK
    kept = [each for each in finalizers if each != frontend.FINALIZER]
    await door.write(door.status, aside=lambda _: {"metadata": {"finalizers": kept}})
    return None


def _generation(manifest: Manifest) -> int:
    found = (manifest.get("metadata") or {}).get("generation")
    return found if isinstance(found, int) else 0


class _Pass:
    """The steps of one pass."""

    def __init__(
        self,
        room: Room,
        key: Key,
        kustomization: Kustomization,
        *,
        memory: UnitMemory,
        door: StatusDoor,
        now: datetime,
    ) -> None:
        self._room = room
        self._key = key
        self._kustomization = kustomization
        self._memory = memory
        self._door = door
        self._now = now
        self._unit = frontend.read_unit(kustomization)
        self._requested_at = annotation(door.manifest, frontend.REQUESTED_AT)
        handled = str(door.status.get("lastHandledReconcileAt") or "")
        self._is_forced = bool(self._requested_at) and self._requested_at != handled

    async def run(self) -> datetime | None:
        """Run the pass and return when to look again."""
        if self._is_forced:
            self._memory.forget_comparisons()
        source, revision, problem = self._source()
        if source is None:
            await self._report(Verdict(ready=False, reason="ArtifactFailed", message=problem))
            return self._retry_at()
        unmet = self._unmet(revision)
        if unmet:
            text = f"dependencies are not met: {'; '.join(unmet)}"
            await self._report(Verdict(ready=False, reason="DependencyNotReady", message=text))
            return self._now + DEPENDENCY_DELAY
        found = await self._find(source, revision)
        if found.rendered is None:
            reason = "BuildFailed" if found.is_build_error else "ArtifactFailed"
            verdict = Verdict(ready=False, reason=reason, message=found.error)
            await self._report(verdict, revision=revision)
            return earliest(found.retry_at, self._retry_at())
        report = await self._room.engine.run(
            self._unit,
            frontend.read_state(self._door.manifest, self._memory.attempt),
            Content(found.revision, found.rendered.objects),
            memory=self._memory,
            now=self._now,
            persist=self._persist,
            forced=self._is_forced,
        )
        self._memory.attempt = report.attempt
        late = words.checked(
            self._kustomization, report, await self._checked_objects(report), now=self._now
        )
        verdict = words.judge(
            self._kustomization,
            self._door.status,
            report,
            late,
            revision=revision,
            now=self._now,
        )
        conditions = (*frontend.limits(self._kustomization), *conditions_of(found.rendered))
        await self._report(verdict, revision=revision, report=report, conditions=conditions)
        self._log(report, verdict)
        pace = self._interval() if verdict.ready else self._retry_at()
        waits = words.retry_at(verdict, self._kustomization.timeout)
        return earliest(report.wake_at, waits, pace)

    def _source(self) -> tuple[GitRepository | None, str, str]:
        """Return the source, the revision it has stored, and else what is missing."""
        ref, namespace = self._kustomization.spec.source_ref, self._kustomization.source_namespace
        if ref.kind != GIT_REPOSITORY.kind:
            return None, "", f"sources of kind {ref.kind} are not supported by this version"
        manifest = self._room.stores.git_repositories.get(namespace, ref.name)
        if manifest is None:
            return None, "", f"GitRepository {namespace}/{ref.name} does not exist"
        artifact = (manifest.get("status") or {}).get("artifact") or {}
        revision = str(artifact.get("revision") or "")
        if not frontend.commit_of(revision):
            return None, "", f"GitRepository {namespace}/{ref.name} has not stored anything yet"
        try:
            return read_git_repository(manifest), revision, ""
        except InvalidSpec as error:
            return None, "", f"GitRepository {namespace}/{ref.name} is not valid: {error}"

    def _unmet(self, revision: str) -> list[str]:
        """Return which dependencies are not met, and why."""
        found: list[str] = []
        own = self._kustomization.metadata
        for each in self._kustomization.spec.depends_on:
            namespace = each.namespace or own.namespace
            if (namespace, each.name) == (own.namespace, own.name):
                found.append(f"{namespace}/{each.name} is this Kustomization itself")
                continue
            if self._leads_back(namespace, each.name):
                found.append(f"{namespace}/{each.name} depends on this Kustomization in turn")
                continue
            other = self._room.stores.kustomizations.get(namespace, each.name)
            why = frontend.is_unmet(self._kustomization, other, same_source_revision=revision)
            if why:
                found.append(f"{namespace}/{each.name} {why}")
        return found

    def _leads_back(self, namespace: str, name: str) -> bool:
        """Tell whether following dependencies from one leads back to this Kustomization."""
        own = (self._kustomization.metadata.namespace, self._kustomization.metadata.name)
        pending, seen = [(namespace, name)], {(namespace, name)}
        while pending:
            current = pending.pop()
            if current == own:
                return True
            manifest = self._room.stores.kustomizations.get(*current)
            for each in _dependencies(manifest, current[0]):
                if each not in seen:
                    seen.add(each)
                    pending.append(each)
        return False

    async def _find(self, source: GitRepository, revision: str) -> Found:
        secret = source.spec.secret_ref

        async def login(_url: str) -> Credentials:
            if secret is None:
                return Credentials()
            return await self._room.logins.for_secret(source.metadata.namespace, secret.name)

        try:
            commit = frontend.commit_of(revision)
            return await self._room.contents.find(
                (frontend.read_wish(self._kustomization, source, commit),),
                memory=self._memory,
                now=self._now,
                login=login,
                max_age=timedelta(0) if self._is_forced else self._kustomization.interval,
            )
        except SourceError as error:
            return Found(error=str(error))

    async def _checked_objects(
        self, report: Report
    ) -> tuple[tuple[ResourceKey, Manifest | None], ...]:
        """Return the objects that `healthChecks` names, read where the pass has not read them."""
        found: dict[ResourceKey, Manifest | None] = {}
        missing: dict[ResourceKey, ObjectRef] = {}
        for check in self._kustomization.spec.health_checks:
            namespace = check.namespace or self._unit.destination
            kind = await self._room.engine.kinds.resolve(check.api_version, check.kind)
            group = check.api_version.rpartition("/")[0]
            space = namespace if kind is None or kind.namespaced else ""
            key = ResourceKey(group, check.kind, space, check.name)
            if key in report.live:
                found[key] = report.live[key]
            elif kind is not None:
                missing[key] = ObjectRef(kind, space, check.name)
            else:
                found[key] = None
        found.update(await read_live(self._room.engine.access, missing.items()))
        return tuple(found.items())

    async def _persist(self, inventory: Inventory, _started: Attempt, _announced: bool) -> None:
        """Store the inventory before the first write, if it grows."""
        if frontend.read_state(self._door.manifest, None).inventory == inventory:
            return
        status = words.stored_before_writes(self._door.status, format_inventory(inventory))
        await self._door.write(status, subresource="status")

    async def _report(
        self,
        verdict: Verdict,
        *,
        revision: str = "",
        report: Report | None = None,
        conditions: Iterable[Condition] = (),
    ) -> None:
        status = words.kustomization_status(
            self._kustomization,
            self._door.status,
            verdict,
            report=report,
            revision=revision,
            conditions=conditions,
            requested_at=self._requested_at if self._is_forced else "",
            now=self._now,
        )
        await self._door.write(status, subresource="status")

    def _interval(self) -> datetime:
        return self._now + jittered(self._kustomization.interval, self._key)

    def _retry_at(self) -> datetime:
        return self._now + frontend.retry_at_most(self._kustomization)

    def _log(self, report: Report, verdict: Verdict) -> None:
        if report.results:
            _LOGGER.info(
                "kustomization=%s/%s revision=%s reason=%s objects=%d",
                self._key[1],
                self._key[2],
                report.revision[:7],
                verdict.reason,
                len(report.results),
            )


def _dependencies(manifest: Manifest | None, namespace: str) -> list[tuple[str, str]]:
    listed = ((manifest or {}).get("spec") or {}).get("dependsOn") or []
    return [
        (str(each.get("namespace") or namespace), str(each.get("name", "")))
        for each in listed
        if isinstance(each, dict)
    ]

"""One pass of an Application."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from rollouts.api.application import Application
from rollouts.api.checks import read_application
from rollouts.api.problems import InvalidSpec
from rollouts.api.refs import APPLICATION, Manifest, ObjectRef
from rollouts.gitops.apply import Persist
from rollouts.gitops.attempts import SOON
from rollouts.gitops.contents import Found, conditions_of
from rollouts.gitops.deletion import finalizers_with
from rollouts.gitops.endings import Ending, end_without_content, must_end
from rollouts.gitops.engine import Content, Report
from rollouts.gitops.frontends import application as frontend
from rollouts.gitops.frontends import application_status as words
from rollouts.gitops.frontends.documents import stamp
from rollouts.gitops.frontends.door import Aside, StatusDoor
from rollouts.gitops.health import Status
from rollouts.gitops.hook_records import read_recorded, release_orphan
from rollouts.gitops.inventory import Inventory
from rollouts.gitops.memory import UnitMemory
from rollouts.gitops.model import Attempt, Condition, Drift, Phase
from rollouts.gitops.options import is_doomed
from rollouts.gitops.passes.application_content import find_content
from rollouts.gitops.passes.application_deletion import delete_application
from rollouts.gitops.plan import State
from rollouts.gitops.room import Key, Room, earliest, jittered
from rollouts.gitops.teardown import LOOK

_LOGGER = logging.getLogger(__name__)


async def reconcile_application(room: Room, namespace: str, name: str) -> datetime | None:
    """Run one pass and return when to look again unasked, or None."""
    key: Key = (APPLICATION.kind, namespace, name)
    manifest = room.stores.applications.get(namespace, name)
    if manifest is None:
        for ref in room.memory(key).held:
            await release_orphan(room.engine.access, ref)
        room.forget(key)
        return None
    memory = room.memory(key)
    now = room.clock()
    if _is_settled(manifest, memory, now):
        return memory.wake_at
    ref = ObjectRef(APPLICATION, namespace, name)
    door = StatusDoor(room.cluster, room.stores.applications, ref, manifest)
    if is_doomed(manifest):
        return await delete_application(room, memory, door, now)
    try:
        app = _read(manifest, memory)
    except InvalidSpec as error:
        await _refuse(door, error, now)
        return None
    if frontend.annotation(manifest, frontend.SKIP_RECONCILE) == "true":
        return None
    with memory.being_looked_at() as is_dirty:
        this = _Pass(room, key, app, memory=memory, door=door, now=now, is_dirty=is_dirty)
        memory.wake_at = await this.run()
        memory.seen_version = _version(door.manifest)
    return memory.wake_at


def _is_settled(manifest: Manifest, memory: UnitMemory, now: datetime) -> bool:
    """Tell whether a pass would find nothing new: the idle case costs a comparison."""
    return (
        not memory.dirty
        and memory.wake_at is not None
        and now < memory.wake_at
        and memory.seen_version == _version(manifest)
    )


def _read(manifest: Manifest, memory: UnitMemory) -> Application:
    """Return the Application, read once per version: a poll should cost next to nothing."""
    version = _version(manifest)
    if memory.spec is None or memory.spec[0] != version:
        memory.spec = (version, read_application(manifest))
    app = memory.spec[1]
    assert isinstance(app, Application)
    return app


def _version(manifest: Manifest) -> str:
    return str((manifest.get("metadata") or {}).get("resourceVersion", ""))


async def _refuse(door: StatusDoor, error: InvalidSpec, now: datetime) -> None:
    """Say what is wrong with the spec; nothing is tried until it changes."""
    problem = Condition("InvalidSpecError", str(error))
    await door.write(words.refused_status(door.status, [problem], now))


def _is_in_order(status: Manifest) -> bool:
    """Tell whether nothing in a status can change by time alone."""
    words = (status["sync"]["status"], status["health"]["status"])
    return words == (Drift.SYNCED, Status.HEALTHY) and "conditions" not in status


def _is_same_run(shown: Attempt, started: Attempt) -> bool:
    """Tell whether status shows an operation as running already; it knows whole seconds."""
    return shown.phase is Phase.RUNNING and stamp(shown.started_at) == stamp(started.started_at)


class _Pass:
    """The steps of one pass."""

    def __init__(
        self,
        room: Room,
        key: Key,
        app: Application,
        *,
        memory: UnitMemory,
        door: StatusDoor,
        now: datetime,
        is_dirty: bool,
    ) -> None:
        self._room = room
        self._key = key
        self._app = app
        self._memory = memory
        self._door = door
        self._now = now
        self._is_dirty = is_dirty
        self._unit = frontend.read_unit(app, room.control_namespace)
        self._request = frontend.read_request(app)
        self._refresh = frontend.annotation(door.manifest, frontend.REFRESH)
        self._conditions = frontend.limits(app)

    async def run(self) -> datetime | None:
        """Run the pass and return when to look again."""
        if self._refresh:
            self._memory.forget_comparisons()
            self._is_dirty = True
            if self._refresh == "hard":
                self._room.contents.forget()
                self._room.logins.forget()
        if self._is_senseless:
            await self._refuse_operation()
        self._recall_refusal()
        found = await self._find()
        next_look = found.retry_at or self._now + jittered(self._room.poll, self._key)
        if self._is_unchanged(found):
            return next_look
        self._memory.settled = ()
        if found.rendered is None or (found.error and found.is_build_error):
            return earliest(await self._keep_last_good(found), next_look)
        self._conditions = (*self._conditions, *conditions_of(found.rendered))
        report = await self._room.engine.run(
            self._unit,
            self._state(),
            Content(found.revision, (*found.rendered.objects, *frontend.own_hooks(self._app))),
            memory=self._memory,
            now=self._now,
            persist=self._persist(),
            request=self._request,
        )
        status = words.application_status(
            self._app,
            self._door.status,
            found,
            report,
            conditions=self._conditions,
            request=self._request,
            now=self._now,
        )
        ended = report.finished and self._app.operation is not None
        await self._door.write(status, aside=self._aside(ended=ended, report=report))
        self._log(report)
        self._memory.held = report.held
        await self._room.engine.release(self._unit, report.releases)
        if report.wake_at is None and not found.error and _is_in_order(status):
            self._memory.settled = found.revisions
        return earliest(report.wake_at, next_look)

    def _is_unchanged(self, found: Found) -> bool:
        """Tell whether this is a mere poll that found the commits of the last good pass."""
        memory, watched = self._memory, self._room.engine.ensure_watch is not None
        same = bool(memory.settled) and memory.settled == found.revisions and not found.error
        version = _version(self._door.manifest)
        return same and watched and not self._is_dirty and memory.seen_version == version

    async def _find(self) -> Found:
        request = self._request
        forced = bool(self._refresh) or (request is not None and not self._is_under_way())
        return await find_content(
            self._room,
            self._app,
            self._door.manifest,
            memory=self._memory,
            now=self._now,
            revision=request.revision if request is not None else "",
            is_forced=forced,
        )

    def _is_under_way(self) -> bool:
        attempt = frontend.read_state(self._door.manifest).attempt
        return attempt is not None and attempt.phase is Phase.RUNNING and not attempt.automated

    def _state(self) -> State:
        return frontend.read_state(self._door.manifest)

    def _persist(self) -> Persist:
        """Return how an operation is stored before its first write: only if that says more."""

        async def persist(inventory: Inventory, started: Attempt, announced: bool) -> None:
            stored = self._state()
            shown, hooks = stored.attempt, stored.hooks
            if shown is None or not _is_same_run(shown, started):
                shown, hooks = None, ()
            if stored.inventory == inventory and (shown is not None or not announced):
                return
            attempt = shown or replace(started, message="applying")
            state = words.operation_state(
                self._app, self._door.status, attempt, hooks=hooks, request=self._request
            )
            await self._door.write(
                words.started_status(self._door.status, inventory, state, attempt)
            )

        return persist

    async def _keep_last_good(self, found: Found) -> datetime | None:
        """Report that it is not known what Git declares, and leave the cluster alone.

        What a person asked for ends all the same. Returns when to look again for that.
        """
        end = await self._end_request(found.error, found.revision)
        if end.refusal:  # What Git declares is known as soon as the request is gone.
            await self._store_end(self._door.status, end)
            return self._now + SOON
        waits_for = [end.waits_for] if end.waits_for else []
        status = words.unknown_status(
            self._app,
            self._door.status,
            found,
            conditions=(*self._conditions, *waits_for),
            now=self._now,
        )
        await self._store_end(status, end)
        return self._now + LOOK if waits_for else None

    @property
    def _is_senseless(self) -> bool:
        return self._app.operation is not None and self._app.operation.sync is None

    async def _refuse_operation(self) -> None:
        """End an operation that asks for nothing we know, so that it is not lost silently."""
        end = await self._end_request("the operation holds no sync; write operation.sync", "")
        if end.waits_for is not None:
            self._conditions = (*self._conditions, end.waits_for)
        await self._store_end(self._door.status, end)

    async def _end_request(self, error: str, revision: str) -> Ending:
        engine, state = self._room.engine, self._state()
        if not must_end(state.attempt, asked=self._app.operation is not None):
            return Ending()
        return end_without_content(
            self._unit,
            state.attempt,
            await read_recorded(engine.access, engine.kinds, self._unit, state.hooks),
            error=error,
            revision=revision,
            now=self._now,
            control_namespace=self._room.control_namespace,
        )

    async def _store_end(self, status: Manifest, end: Ending) -> None:
        if end.attempt is not None:
            state = words.operation_state(
                self._app, status, end.attempt, hooks=end.hooks, request=self._request
            )
            status = {**status, "operationState": state}
        if end.refusal:
            _LOGGER.warning("application=%s/%s %s", self._key[1], self._key[2], end.refusal)
            self._memory.refusal = end.refusal
        await self._door.write(status, aside=self._aside(ended=end.answered))
        await self._room.engine.release(self._unit, end.releases)

    def _recall_refusal(self) -> None:
        """Say why a request came to nothing for as long as the operation runs that it met."""
        attempt = self._state().attempt
        if attempt is None or attempt.phase is not Phase.RUNNING or self._request is not None:
            self._memory.refusal = ""
        if self._memory.refusal:
            self._conditions = (*self._conditions, Condition("SyncError", self._memory.refusal))

    def _aside(self, *, ended: bool, report: Report | None = None) -> Aside:
        """Return what to change beside the status.

        What was carried out is taken back: exactly that, not what came meanwhile. Finalizers
        see to it that hooks of the deletion get their turn, once anything is there to delete.
        """
        done = self._door.manifest.get("operation") if ended else None
        is_used = report is not None and (report.attempt is not None or len(report.inventory) > 0)
        hooks = report.prepared.hooks if report is not None and is_used else None

        def change(newest: Manifest) -> Manifest:
            body: Manifest = {}
            metadata: Manifest = {}
            if done is not None and newest.get("operation") == done:
                body["operation"] = None
            if self._refresh and frontend.annotation(newest, frontend.REFRESH) == self._refresh:
                metadata["annotations"] = {frontend.REFRESH: None}
            finalizers = newest["metadata"].get("finalizers") or []
            wanted = finalizers if hooks is None else finalizers_with(finalizers, hooks)
            if wanted != finalizers:
                metadata["finalizers"] = wanted
            return {**body, "metadata": metadata} if metadata else body

        return change

    def _log(self, report: Report) -> None:
        if not report.results:
            return
        counts: dict[str, int] = {}
        for result in report.results:
            counts[result.outcome.value] = counts.get(result.outcome.value, 0) + 1
        _LOGGER.info(
            "application=%s/%s revision=%s phase=%s %s",
            self._key[1],
            self._key[2],
            report.revision[:7],
            report.attempt.phase.value if report.attempt else "",
            " ".join(f"{word}={count}" for word, count in sorted(counts.items())),
        )

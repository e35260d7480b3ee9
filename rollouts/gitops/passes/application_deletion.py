"""Passes of an Application that is being deleted, until it may go."""

from __future__ import annotations

from datetime import datetime, timedelta

from rollouts.api.application import Application
from rollouts.api.checks import read_deleted_application
from rollouts.api.problems import InvalidSpec
from rollouts.api.refs import Manifest
from rollouts.api.times import parse_time
from rollouts.gitops import deletion
from rollouts.gitops.engine import Content
from rollouts.gitops.frontends import application as frontend
from rollouts.gitops.frontends import application_status as words
from rollouts.gitops.frontends.door import StatusDoor
from rollouts.gitops.hook_records import clear_hooks, read_recorded
from rollouts.gitops.hook_release import releases
from rollouts.gitops.hooks import Hook, Operation, read_hooks
from rollouts.gitops.memory import UnitMemory
from rollouts.gitops.model import Condition
from rollouts.gitops.order import DELETION_PHASES, PHASES
from rollouts.gitops.passes.application_content import find_content
from rollouts.gitops.room import Room
from rollouts.gitops.teardown import LOOK, tear_down

_PROBLEM = "DeletionError"


async def delete_application(
    room: Room, memory: UnitMemory, door: StatusDoor, now: datetime
) -> datetime | None:
    """Run one pass; return when to look again.

    Mistakes in the spec keep nothing from going that can be found without it.
    """
    try:
        app = read_deleted_application(door.manifest)
    except InvalidSpec as error:
        text = f"{error}; mend the spec, or remove the finalizers to leave behind what was applied"
        await door.write(words.troubled_status(door.status, [Condition(_PROBLEM, text)], now))
        return None
    return await _Deletion(room, app, memory=memory, door=door, now=now).run()


class _Deletion:
    """The steps of one pass: hooks before, the objects, hooks after, and what is left of them."""

    def __init__(
        self, room: Room, app: Application, *, memory: UnitMemory, door: StatusDoor, now: datetime
    ) -> None:
        self._room = room
        self._app = app
        self._memory = memory
        self._door = door
        self._now = now
        self._unit = frontend.read_unit(app, room.control_namespace)
        self._state = frontend.read_state(door.manifest)
        self._hooks: tuple[Hook, ...] = ()

    async def run(self) -> datetime | None:
        cascade = [each for each in self._finalizers if each.startswith(frontend.FINALIZER)]
        hooked = deletion.ours(self._finalizers)
        if not cascade and not hooked:
            return None
        problem = await self._read_hooks() if hooked else ""
        if problem:
            text = (
                f"hooks of the deletion cannot be read: {problem}; to delete without them, remove "
                f"the finalizers {', '.join(hooked)}"
            )
            return await self._report(text, self._room.poll)
        if not cascade:
            await self._release_hooks()
        elif await self._clear_hooks(spare_deletion=bool(hooked)):
            return self._now + LOOK
        wake_at = await self._run_hooks("PreDelete")
        if wake_at is not None:
            return wake_at
        if cascade and await self._tear_down():
            return self._now + LOOK
        wake_at = await self._run_hooks("PostDelete")
        if wake_at is not None:
            return wake_at
        if hooked:
            await deletion.clean_up(
                self._room.engine.access,
                self._unit,
                self._hooks,
                now=self._now,
                control_namespace=self._room.control_namespace,
            )
        await self._take_off(*cascade, *hooked)
        return None

    @property
    def _finalizers(self) -> tuple[str, ...]:
        return tuple((self._door.manifest.get("metadata") or {}).get("finalizers") or ())

    async def _read_hooks(self) -> str:
        """Find the hooks in Git; return why they cannot be told."""
        found = await find_content(
            self._room, self._app, self._door.manifest, memory=self._memory, now=self._now
        )
        if found.rendered is None:
            return found.error
        content = Content(found.revision, found.rendered.objects)
        prepared = await self._room.engine.prepare(self._unit, content)
        self._hooks = read_hooks(prepared.hooks, (*PHASES, *DELETION_PHASES))
        return ""

    async def _run_hooks(self, phase: str) -> datetime | None:
        """Run the hooks of a phase; return when to look again, or None when it is through."""
        if deletion.FINALIZERS[phase] not in self._finalizers:
            return None
        began_at = self._app.metadata.deletion_timestamp
        assert began_at is not None, "it is being deleted"
        access = self._room.engine.access
        progress = await deletion.bring_on(
            access,
            self._unit,
            [hook for hook in self._hooks if hook.phase == phase],
            # The same for as long as the deletion takes, whatever Git says meanwhile.
            operation=Operation(self._app.metadata.uid, parse_time(began_at)),
            now=self._now,
            control_namespace=self._room.control_namespace,
        )
        if progress.is_done:
            self._memory.hook_retry_at = None
            await self._take_off(deletion.FINALIZERS[phase])
            return None
        if not progress.failure:
            return self._now + LOOK
        if self._memory.hook_retry_at is None:
            self._memory.hook_retry_at = self._now + deletion.RETRY_DELAY
        if self._now >= self._memory.hook_retry_at:
            self._memory.hook_retry_at = None
            await deletion.try_again(access, self._unit, progress)
            return self._now + LOOK
        return await self._report(progress.failure, self._memory.hook_retry_at - self._now)

    async def _report(self, problem: str, delay: timedelta) -> datetime:
        problems = [Condition(_PROBLEM, problem)]
        await self._door.write(words.troubled_status(self._door.status, problems, self._now))
        return self._now + delay

    async def _release_hooks(self) -> None:
        """Let the hooks of the last sync go on without us."""
        engine = self._room.engine
        recorded = await read_recorded(engine.access, engine.kinds, self._unit, self._state.hooks)
        found = releases(
            recorded,
            self._unit,
            now=self._now,
            is_over=True,
            control_namespace=self._room.control_namespace,
        )
        await engine.release(self._unit, found)

    async def _clear_hooks(self, *, spare_deletion: bool) -> bool:
        engine = self._room.engine
        left = await clear_hooks(
            engine.access,
            engine.kinds,
            self._unit,
            self._state.hooks,
            spare_deletion=spare_deletion,
            control_namespace=self._room.control_namespace,
        )
        return bool(left)

    async def _tear_down(self) -> bool:
        engine = self._room.engine
        left = await tear_down(
            engine.access,
            engine.kinds,
            self._unit,
            self._state.inventory,
            control_namespace=self._room.control_namespace,
        )
        return bool(left)

    async def _take_off(self, *finalizers: str) -> None:
        def change(newest: Manifest) -> Manifest:
            found = (newest.get("metadata") or {}).get("finalizers") or []
            return {"metadata": {"finalizers": [each for each in found if each not in finalizers]}}

        await self._door.write(self._door.status, aside=change)

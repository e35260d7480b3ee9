"""Garbage: what goes when its owner goes, in all three ways of deletion."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from rollouts.emulator.actors.facts import MERGE_PATCH
from rollouts.emulator.actors.timers import Timers
from rollouts.emulator.actors.view import Manifest, key_of
from rollouts.emulator.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollouts.emulator.engine import WriteRecord
    from rollouts.emulator.resources import ResourceType
    from rollouts.emulator.server import ApiServer

MANAGER = "garbage-collector"
FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
RETRY = timedelta(seconds=1)


class _Place(NamedTuple):
    """Where an object lives; `rt` is its type in the storage version."""

    rt: ResourceType
    namespace: str
    name: str


class GarbageCollector:
    """Follows owner references; what goes with a namespace is the server's own business.

    It hears every write of the server, so it needs no watch for each type, and types that come
    later are covered. Objects are told apart by uid: a new owner of the same name is a stranger.

    Rules, those of the real collector:
    - an object goes when every owner it names is gone, or is waiting in a foreground deletion;
    - while one owner stays, references to the others are taken off;
    - a foreground deletion ends when no dependent with `blockOwnerDeletion` is left;
    - an orphaning deletion ends when no dependent names the owner any more.
    """

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._places: dict[str, _Place] = {}
        self._marked: dict[str, None] = {}
        self._gone: dict[str, None] = {}
        self._timers: Timers[str] = Timers()
        for rt in server.resources():
            if rt.version == rt.storage_version:
                for item in server.list(rt).items:
                    self._hear(rt, None, item)
        server.on_write.append(self._hear_write)

    @property
    def is_pending(self) -> bool:
        """Tell whether a write was heard that has not been looked at."""
        return bool(self._marked or self._gone)

    def step(self, now: datetime) -> datetime | None:
        """Collect what has no owner left, and finish deletions that wait."""
        for uid in self._timers.take_due(now):
            self._marked[uid] = None
        gone, self._gone = self._gone, {}
        for uid in gone:
            for _, dependent in self._server.dependents(uid):
                self._marked[dependent["metadata"]["uid"]] = None
        marked, self._marked = self._marked, {}
        for uid in marked:
            self._examine(uid, now)
        return self._timers.earliest()

    def _hear_write(self, record: WriteRecord) -> None:
        if record.dry_run:
            return
        rt = record.rt
        if rt.version != rt.storage_version:
            rt = self._stored_type(rt)
        self._hear(rt, record.old, record.new)

    def _stored_type(self, rt: ResourceType) -> ResourceType:
        try:
            return self._server.resource(rt.group, rt.storage_version, rt.plural)
        except ApiError:
            return rt  # The storage version is not served; the one that was used will do.

    def _hear(self, rt: ResourceType, old: Manifest | None, new: Manifest | None) -> None:
        if new is None:
            assert old is not None
            self._forget(old)
            return
        metadata = new["metadata"]
        uid = metadata["uid"]
        if old is None:
            self._places[uid] = _Place(rt, *key_of(new))
        deleting = "deletionTimestamp" in metadata
        owners = metadata.get("ownerReferences")
        known = old["metadata"].get("ownerReferences") if old is not None else None
        if deleting or (owners and owners != known):
            self._marked[uid] = None
        if owners != known or deleting:
            # A foreground deletion upstairs may have waited for exactly this.
            self._mark_owners((*(owners or ()), *(known or ())))

    def _forget(self, old: Manifest) -> None:
        metadata = old["metadata"]
        self._places.pop(metadata["uid"], None)
        self._marked.pop(metadata["uid"], None)
        self._gone[metadata["uid"]] = None
        self._mark_owners(metadata.get("ownerReferences") or ())

    def _mark_owners(self, owners: Sequence[Manifest]) -> None:
        for ref in owners:
            if ref["uid"] in self._places:
                self._marked[ref["uid"]] = None

    def _read(self, uid: str) -> Manifest | None:
        place = self._places.get(uid)
        if place is None:
            return None
        try:
            found = self._server.get(place.rt, place.namespace, place.name)
        except ApiError as error:
            if error.code != 404:
                raise
            return None
        return found if found["metadata"]["uid"] == uid else None

    def _examine(self, uid: str, now: datetime) -> None:
        found = self._read(uid)
        if found is None:
            return
        try:
            self._collect(self._places[uid], found)
        except ApiError as error:
            # Gone meanwhile is done; everything else is worth another look.
            if error.code != 404:
                self._timers.set(uid, now + RETRY)

    def _collect(self, place: _Place, found: Manifest) -> None:
        metadata = found["metadata"]
        finalizers = metadata.get("finalizers") or ()
        if "deletionTimestamp" in metadata:
            if ORPHAN in finalizers:
                self._release_dependents(place, found)
            elif FOREGROUND in finalizers:
                self._finish_foreground(place, found)
            return
        owners = metadata.get("ownerReferences") or ()
        if not owners:
            return
        states = [(ref, self._owner_state(place, ref)) for ref in owners]
        solid = [ref for ref, state in states if state == "solid"]
        if len(solid) == len(owners):
            return
        if solid:
            self._patch(place, found, {"ownerReferences": solid})
            return
        waiting = any(state == "waiting" for _, state in states)
        foreground = FOREGROUND in finalizers or (
            waiting and bool(self._server.dependents(metadata["uid"]))
        )
        propagation = "Background"
        if ORPHAN in finalizers:
            propagation = "Orphan"
        elif foreground:
            propagation = "Foreground"
        self._delete(place, metadata["uid"], propagation)

    def _owner_state(self, place: _Place, ref: Manifest) -> str:
        """Tell whether an owner is solid, gone, or waiting for its dependents."""
        owner_place = self._places.get(ref["uid"])
        # An owner in another namespace cannot be: the reference has no room for it.
        if owner_place is None or owner_place.namespace not in {"", place.namespace}:
            return "gone"
        owner = self._read(ref["uid"])
        if owner is None:
            return "gone"
        metadata = owner["metadata"]
        if "deletionTimestamp" in metadata and FOREGROUND in (metadata.get("finalizers") or ()):
            return "waiting"
        return "solid"

    def _finish_foreground(self, place: _Place, found: Manifest) -> None:
        """Delete what blocks the owner; let the owner go once nothing does."""
        uid = found["metadata"]["uid"]
        blocking = [
            (rt, dependent)
            for rt, dependent in self._server.dependents(uid)
            if any(
                ref["uid"] == uid and ref.get("blockOwnerDeletion")
                for ref in dependent["metadata"]["ownerReferences"]
            )
        ]
        if not blocking:
            self._drop_finalizer(place, found, FOREGROUND)
            return
        for _, dependent in blocking:
            if "deletionTimestamp" not in dependent["metadata"]:
                self._marked[dependent["metadata"]["uid"]] = None

    def _release_dependents(self, place: _Place, found: Manifest) -> None:
        uid = found["metadata"]["uid"]
        for rt, dependent in self._server.dependents(uid):
            owners = dependent["metadata"]["ownerReferences"]
            kept = [ref for ref in owners if ref["uid"] != uid]
            target = _Place(rt, *key_of(dependent))
            self._patch(target, dependent, {"ownerReferences": kept or None})
        self._drop_finalizer(place, found, ORPHAN)

    def _drop_finalizer(self, place: _Place, found: Manifest, finalizer: str) -> None:
        kept = [each for each in found["metadata"]["finalizers"] if each != finalizer]
        self._patch(place, found, {"finalizers": kept or None})

    def _patch(self, place: _Place, found: Manifest, change: Manifest) -> None:
        self._server.patch(
            place.rt,
            place.namespace,
            place.name,
            {"metadata": {"uid": found["metadata"]["uid"], **change}},
            MERGE_PATCH,
            field_manager=MANAGER,
        )

    def _delete(self, place: _Place, uid: str, propagation: str) -> None:
        self._server.delete(place.rt, place.namespace, place.name, propagation=propagation, uid=uid)

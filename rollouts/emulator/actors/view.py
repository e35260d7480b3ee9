"""What an actor sees of one resource type: a watch, the newest objects and one index."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from rollouts.emulator.errors import ApiError

if TYPE_CHECKING:
    from rollouts.emulator.resources import ResourceType
    from rollouts.emulator.server import ApiServer

Manifest: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[str, str]
"""Namespace (empty for cluster-scoped types) and name."""


@dataclass(frozen=True, slots=True)
class Change:
    """One object before and after; None where it did not or does not exist."""

    old: Manifest | None
    new: Manifest | None

    @property
    def latest(self) -> Manifest:
        """Return the object as it is, or as it was when it vanished."""
        latest = self.new if self.new is not None else self.old
        assert latest is not None
        return latest


def key_of(manifest: Manifest) -> Key:
    """Return the namespace and name of an object."""
    metadata = manifest["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def no_index(_: Manifest) -> tuple[str, ...]:
    """Index nothing."""
    return ()


class View:
    """A mirror of one resource type that costs references, not copies.

    Args:
        index: names the buckets an object belongs to, for `indexed`.
    """

    def __init__(
        self,
        server: ApiServer,
        resource: ResourceType,
        *,
        index: Callable[[Manifest], Iterable[str]] = no_index,
    ) -> None:
        self.resource = resource
        self.is_pending = True
        self._server = server
        self._index = index
        self._objects: dict[Key, Manifest] = {}
        self._buckets: dict[str, dict[Key, Manifest]] = {}
        self._changes: list[Change] = []
        self._open()

    def take_changes(self) -> list[Change]:
        """Catch up with the server and return what changed since the last call, in order."""
        if not self.is_pending:
            return []
        self.is_pending = False
        try:
            events = self._watch.poll()
        except ApiError as error:
            if error.code != 410:
                raise
            self._watch.close()
            self._open()
            events = []
        for event in events:
            gone = event.type == "DELETED"
            self._put(key_of(event.object), None if gone else event.object)
        changes, self._changes = self._changes, []
        return changes

    def get(self, key: Key) -> Manifest | None:
        """Return one object, or None."""
        return self._objects.get(key)

    def indexed(self, bucket: str) -> list[Manifest]:
        """Return the objects of a bucket, in the order in which they came."""
        return list(self._buckets.get(bucket, {}).values())

    def __iter__(self) -> Iterator[Manifest]:
        return iter(list(self._objects.values()))

    def __len__(self) -> int:
        return len(self._objects)

    def _open(self) -> None:
        """List, then watch from there; also the way back after a lost history."""
        listed = self._server.list(self.resource)
        self._watch = self._server.watch(self.resource, resource_version=listed.resource_version)
        self._watch.on_ready = self._wake
        current = {key_of(item): item for item in listed.items}
        for key in [key for key in self._objects if key not in current]:
            self._put(key, None)
        for key, item in current.items():
            self._put(key, item)

    def _wake(self) -> None:
        self.is_pending = True

    def _put(self, key: Key, new: Manifest | None) -> None:
        old = self._objects.get(key)
        if old is new:
            return
        if old is not None:
            for bucket in self._index(old):
                held = self._buckets[bucket]
                held.pop(key, None)
                if not held:
                    del self._buckets[bucket]
        if new is None:
            del self._objects[key]
        else:
            self._objects[key] = new
            for bucket in self._index(new):
                self._buckets.setdefault(bucket, {})[key] = new
        self._changes.append(Change(old, new))

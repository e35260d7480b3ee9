"""Every write to a watched kind in the order in which it happened: what watches are fed from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rollouts.api.refs import Kind, Manifest
from rollouts.simulate.snapshot import PLAIN, Snapshot

ADDED, MODIFIED, DELETED = "ADDED", "MODIFIED", "DELETED"


@dataclass(frozen=True, slots=True)
class Entry:
    """One watch event as the server sent it."""

    at_ms: int
    kind: Kind
    event_type: str
    manifest: Manifest


class History:
    """The events of each watched kind since the world began; `kinds` are those there are."""

    def __init__(self, kinds: tuple[Kind, ...] = PLAIN) -> None:
        self.kinds = kinds
        self._entries: dict[Kind, list[Entry]] = {kind: [] for kind in kinds}

    def append(self, entry: Entry) -> None:
        """Add an event."""
        self._entries[entry.kind].append(entry)

    def length(self, kind: Kind) -> int:
        """Return how many events a kind has had."""
        return len(self._entries[kind])

    def entry(self, kind: Kind, index: int) -> Entry:
        """Return one event of a kind."""
        return self._entries[kind][index]

    def length_at(self, kind: Kind, at_ms: int) -> int:
        """Return how many events a kind had had by a time."""
        entries = self._entries[kind]
        length = len(entries)
        while length and entries[length - 1].at_ms > at_ms:
            length -= 1
        return length

    def listed(self, kind: Kind, length: int) -> tuple[Manifest, ...]:
        """Return what a list of a kind would have answered after its first `length` events."""
        return tuple(fold(self._entries[kind][:length]).of(kind).values())


def fold(entries: Iterable[Entry]) -> Snapshot:
    """Return the objects that a sequence of events leaves behind."""
    snapshot = Snapshot()
    for entry in entries:
        if entry.event_type == DELETED:
            snapshot.drop(entry.kind, entry.manifest["metadata"]["name"])
        else:
            snapshot.put(entry.kind, entry.manifest)
    return snapshot

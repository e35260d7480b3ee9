"""Keeps the true objects and their history from the store's writes, and tells watchers."""

from __future__ import annotations

from rollouts.api.refs import REPLICA_SET, Kind, Manifest
from rollouts.emulator.engine import WriteRecord
from rollouts.simulate.clock import Clock
from rollouts.simulate.cluster import SimCluster
from rollouts.simulate.history import ADDED, DELETED, MODIFIED, Entry, History
from rollouts.simulate.pods import Pods
from rollouts.simulate.process import Process
from rollouts.simulate.snapshot import WATCHED, Snapshot

_KINDS = {(kind.group, kind.plural): kind for kind in WATCHED}


def watched_kind(record: WriteRecord) -> Kind | None:
    """Return the watched kind that a write is about, None for any other."""
    return _KINDS.get((record.rt.group, record.rt.plural))


class Mirror:
    """What is true now, what happened, and the processes that hear of it."""

    def __init__(self, cluster: SimCluster, clock: Clock, history: History) -> None:
        self.live = Snapshot()
        self.processes: list[Process] = []
        self.pods: Pods
        self._cluster = cluster
        self._clock = clock
        self._history = history

    def take(self, kind: Kind, record: WriteRecord) -> None:
        """Take in one write to a watched kind."""
        old, new = record.old, record.new
        if new is None:
            assert old is not None, "a deletion without an object"
            self.live.drop(kind, record.name)
            self._history.append(Entry(self._clock.ms, kind, DELETED, self._tombstone(old)))
        else:
            self.live.put(kind, new)
            event_type = MODIFIED if old else ADDED
            self._history.append(Entry(self._clock.ms, kind, event_type, new))
        if kind == REPLICA_SET:
            self.pods.observe(old, new)

    def announce(self, kind: Kind) -> None:
        """Let every process hear of the newest event of a kind."""
        for process in self.processes:
            process.hear(kind)

    def _tombstone(self, old: Manifest) -> Manifest:
        """Return what a watch says of a deletion: the last state at the deletion's version."""
        version = self._cluster.server.resource_version
        return {**old, "metadata": {**old["metadata"], "resourceVersion": version}}

"""The garbage collector: what a deleted Rollout owned goes after it, a moment later."""

from __future__ import annotations

from random import Random

from rollouts.api.refs import INGRESS, REPLICA_SET, ROLLOUT, Kind
from rollouts.emulator.engine import WriteRecord
from rollouts.simulate.clock import SECOND
from rollouts.simulate.cluster import NAMESPACE, SimCluster
from rollouts.simulate.scheduler import Scheduler
from rollouts.simulate.snapshot import owner_uid


class Garbage:
    """Deletes what is of the given kinds and has lost its owner."""

    def __init__(
        self,
        cluster: SimCluster,
        scheduler: Scheduler,
        random: Random,
        kinds: tuple[Kind, ...] = (REPLICA_SET, INGRESS),
    ) -> None:
        self._cluster = cluster
        self._scheduler = scheduler
        self._random = random
        self._kinds = kinds
        self._dead: list[str] = []

    def wrote(self, record: WriteRecord) -> None:
        """Take in a write; a deleted Rollout orphans what it owned.

        A controller that has not heard of the deletion may still create something for it.
        """
        if record.new is None and record.old is not None and record.rt.plural == ROLLOUT.plural:
            self._dead.append(record.old["metadata"]["uid"])
            self._collect_soon(self._dead[-1])
        elif self._dead and record.old is None and record.new is not None:
            uid = owner_uid(record.new)
            if uid in self._dead:
                self._collect_soon(uid)

    def _collect_soon(self, uid: str) -> None:
        delay_ms = self._random.randrange(50, 2 * SECOND)
        self._scheduler.after(delay_ms, lambda: self._collect(uid))

    def _collect(self, uid: str) -> None:
        for kind in self._kinds:
            rt = self._cluster.type_of(kind)
            for each in self._cluster.find_all(kind):
                if owner_uid(each) == uid:
                    self._cluster.server.delete(rt, NAMESPACE, each["metadata"]["name"])

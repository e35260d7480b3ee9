"""Pods without a node: they start, become ready, fall over and vanish as their image says.

Plays the ReplicaSet controller and the kubelet at once. Pods are counted here and are not
objects of the store, because nothing under test reads them; a ReplicaSet's status follows them
a moment later, as in a real cluster, through ordinary writes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from rollouts.api.refs import REPLICA_SET, Manifest
from rollouts.kube.cluster import PatchType
from rollouts.simulate.clock import SECOND
from rollouts.simulate.cluster import NAMESPACE, SimCluster
from rollouts.simulate.scheduler import Scheduler, Timer
from rollouts.simulate.snapshot import hash_of, image_of, replicas_of

CRASH_LOOPS = 4
"""How often a crash-looping pod falls over before it stays up."""


class Habit(StrEnum):
    """How the pods of an image behave."""

    GOOD = "good"
    NEVER_READY = "never-ready"
    READY_THEN_NOT = "ready-then-not"
    CRASH_LOOP = "crash-loop"


@dataclass(frozen=True, slots=True)
class Image:
    """What an image does when it runs; `ready_ms` is the mean time to get ready."""

    habit: Habit = Habit.GOOD
    ready_ms: int = 2 * SECOND


GOOD_IMAGE = Image()


class Pod:
    """One pod. `ready_at` is the world time since which it is ready, None while it is not."""

    __slots__ = ("falls", "ready_at", "timer")

    def __init__(self) -> None:
        self.ready_at: int | None = None
        self.falls = 0
        self.timer: Timer | None = None


class Fleet:
    """The pods of one ReplicaSet."""

    __slots__ = (
        "image",
        "min_ready_ms",
        "name",
        "pod_hash",
        "pods",
        "ready",
        "reported",
        "status_timer",
        "sync_timer",
        "wanted",
    )

    def __init__(self, replica_set: Manifest) -> None:
        self.name: str = replica_set["metadata"]["name"]
        self.pod_hash = hash_of(replica_set)
        self.image = image_of(replica_set)
        self.min_ready_ms = int(replica_set["spec"].get("minReadySeconds") or 0) * SECOND
        self.wanted = replicas_of(replica_set)
        self.pods: list[Pod] = []
        self.ready = 0
        self.reported: tuple[int, int, int] = (0, 0, 0)
        self.status_timer: Timer | None = None
        self.sync_timer: Timer | None = None


class Pods:
    """All pods of the world, and the reports about them."""

    def __init__(
        self,
        cluster: SimCluster,
        scheduler: Scheduler,
        random: Random,
        *,
        images: dict[str, Image],
        slowness: Callable[[], float] = lambda: 1.0,
        spread: float = 0.5,
        on_ready: Callable[[Fleet], None],
    ) -> None:
        self.fleets: dict[str, Fleet] = {}
        self._cluster = cluster
        self._scheduler = scheduler
        self._random = random
        self._images = images
        self._slowness = slowness
        self._on_ready = on_ready
        self._spread = spread
        self._in_step = random.random() < 0.5

    def ready(self, replica_set: Manifest) -> int:
        """Return how many pods of a ReplicaSet are ready now: the truth, not a report."""
        fleet = self.fleets.get(replica_set["metadata"]["name"])
        return fleet.ready if fleet else 0

    def observe(self, old: Manifest | None, new: Manifest | None) -> None:
        """Take in a write to a ReplicaSet."""
        if new is None:
            assert old is not None
            self._remove(old["metadata"]["name"])
            return
        fleet = self.fleets.get(new["metadata"]["name"])
        if fleet is None:
            fleet = self.fleets[new["metadata"]["name"]] = Fleet(new)
            self._sync_soon(fleet)
            return
        fleet.min_ready_ms = int(new["spec"].get("minReadySeconds") or 0) * SECOND
        wanted = replicas_of(new)
        if wanted != fleet.wanted:
            fleet.wanted = wanted
            self._sync_soon(fleet)

    def fall(self, fleet: Fleet, count: int) -> None:
        """Let some ready pods become unready; they recover as after a restart."""
        if self.fleets.get(fleet.name) is not fleet:
            return  # Its ReplicaSet is gone by now.
        for pod in [pod for pod in fleet.pods if pod.ready_at is not None][:count]:
            self._set_ready(fleet, pod, ready=False)
            self._restart(fleet, pod)
        self._report_soon(fleet)

    def heal(self) -> None:
        """Let every pod that is on its way up arrive soon; used at calm."""
        for fleet in self.fleets.values():
            if self._image(fleet).habit is not Habit.NEVER_READY:
                for pod in fleet.pods:
                    pod.falls = CRASH_LOOPS
                    if pod.ready_at is None:
                        self._restart(fleet, pod)

    def _image(self, fleet: Fleet) -> Image:
        return self._images.get(fleet.image, GOOD_IMAGE)

    def _remove(self, name: str) -> None:
        fleet = self.fleets.pop(name, None)
        if fleet is None:
            return
        for timer in (fleet.status_timer, fleet.sync_timer, *(pod.timer for pod in fleet.pods)):
            if timer is not None:
                timer.cancel()
        fleet.ready = 0
        fleet.pods.clear()
        self._on_ready(fleet)

    def _sync_soon(self, fleet: Fleet) -> None:
        if fleet.sync_timer is None:
            fleet.sync_timer = self._scheduler.after(
                self._random.randrange(5, 80), lambda: self._sync(fleet)
            )

    def _sync(self, fleet: Fleet) -> None:
        fleet.sync_timer = None
        missing = fleet.wanted - len(fleet.pods)
        if missing > 0:
            shared = self._start_ms(fleet) if self._in_step else None
            for _ in range(missing):
                pod = Pod()
                fleet.pods.append(pod)
                self._restart(fleet, pod, shared)
        elif missing < 0:
            self._delete(fleet, -missing)
        self._report_soon(fleet)

    def _delete(self, fleet: Fleet, count: int) -> None:
        # As the real controller does: pods that are not ready go first.
        fleet.pods.sort(key=lambda pod: pod.ready_at is None)
        for pod in fleet.pods[len(fleet.pods) - count :]:
            if pod.timer is not None:
                pod.timer.cancel()
            if pod.ready_at is not None:
                fleet.ready -= 1
        del fleet.pods[len(fleet.pods) - count :]
        self._on_ready(fleet)

    def _start_ms(self, fleet: Fleet) -> int:
        mean = self._image(fleet).ready_ms * self._slowness()
        return 1 + int(mean * self._random.uniform(1 - self._spread, 1 + self._spread))

    def _restart(self, fleet: Fleet, pod: Pod, delay_ms: int | None = None) -> None:
        if pod.timer is not None:
            pod.timer.cancel()
            pod.timer = None
        if self._image(fleet).habit is Habit.NEVER_READY:
            return
        delay_ms = delay_ms or self._start_ms(fleet)
        pod.timer = self._scheduler.after(delay_ms, lambda: self._rise(fleet, pod))

    def _rise(self, fleet: Fleet, pod: Pod) -> None:
        pod.timer = None
        self._set_ready(fleet, pod, ready=True)
        self._report_soon(fleet)
        habit = self._image(fleet).habit
        if habit is Habit.READY_THEN_NOT or (habit is Habit.CRASH_LOOP and pod.falls < CRASH_LOOPS):
            stays_ms = self._random.randrange(3 * SECOND, 20 * SECOND)
            pod.timer = self._scheduler.after(stays_ms, lambda: self._fall_by_habit(fleet, pod))

    def _fall_by_habit(self, fleet: Fleet, pod: Pod) -> None:
        pod.timer = None
        pod.falls += 1
        self._set_ready(fleet, pod, ready=False)
        if self._image(fleet).habit is Habit.CRASH_LOOP:
            self._restart(fleet, pod)
        self._report_soon(fleet)

    def _set_ready(self, fleet: Fleet, pod: Pod, *, ready: bool) -> None:
        if ready == (pod.ready_at is not None):
            return
        pod.ready_at = self._scheduler.clock.ms if ready else None
        fleet.ready += 1 if ready else -1
        self._on_ready(fleet)

    def _report_soon(self, fleet: Fleet, delay_ms: int | None = None) -> None:
        at_ms = self._scheduler.clock.ms + (delay_ms or self._random.randrange(5, 60))
        if fleet.status_timer is not None:
            if fleet.status_timer.at_ms <= at_ms:
                return
            fleet.status_timer.cancel()
        fleet.status_timer = self._scheduler.at(at_ms, lambda: self._report(fleet))

    def _report(self, fleet: Fleet) -> None:
        fleet.status_timer = None
        now = self._scheduler.clock.ms
        ripe = now - fleet.min_ready_ms
        available = 0
        next_ripe: int | None = None
        for pod in fleet.pods:
            if pod.ready_at is None:
                continue
            if pod.ready_at <= ripe:
                available += 1
            elif next_ripe is None or pod.ready_at < next_ripe:
                next_ripe = pod.ready_at
        if next_ripe is not None:
            self._report_soon(fleet, next_ripe + fleet.min_ready_ms - now)
        report = (len(fleet.pods), fleet.ready, available)
        if report == fleet.reported:
            return
        fleet.reported = report
        self._cluster.server.patch(
            self._cluster.type_of(REPLICA_SET),
            NAMESPACE,
            fleet.name,
            {
                "status": {
                    "replicas": report[0],
                    "fullyLabeledReplicas": report[0],
                    "readyReplicas": report[1],
                    "availableReplicas": report[2],
                }
            },
            str(PatchType.MERGE),
            subresource="status",
            field_manager="replicaset-controller",
        )

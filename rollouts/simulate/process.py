"""One controller process: its queue of one key, and the pass under way.

Plays the shell around a reconcile: queue, back-off and wake-ups. The reconcile itself is the
production coroutine; each call it awaits becomes a timer here.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from random import Random
from typing import Any, Protocol, TypeAlias

from rollouts.api.refs import ROLLOUT, Kind
from rollouts.kube.cluster import Cluster
from rollouts.kube.errors import ClusterError, NotFound
from rollouts.simulate.clock import SECOND, HostClock
from rollouts.simulate.cluster import SimCluster
from rollouts.simulate.driver import Call, Driver, Finished, Verb
from rollouts.simulate.faults import Fault, Verdict, Weather
from rollouts.simulate.feed import Feed, Key, Views
from rollouts.simulate.history import History
from rollouts.simulate.scheduler import Scheduler, Timer
from rollouts.simulate.snapshot import WATCHED, Snapshot, as_planned

BACK_OFF_MS = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 30_000)
"""The shell's pauses after failures in a row."""

CHANGED_MS = 500
"""The shell looks at a failing key this soon after it changed."""

Reconcile: TypeAlias = Callable[
    [Key, Any, Cluster, Callable[[], datetime]], Coroutine[Any, Any, datetime | None]
]


class Moment(StrEnum):
    """When, around a call, a process dies; idle is after the pass that the call was part of."""

    BEFORE = "before"
    AFTER = "after"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """The process dies once, around its n-th call."""

    call_index: int
    moment: Moment


class Watcher(Protocol):
    """Who is told what the processes do."""

    def about_to_serve(self, process: Process) -> None:
        """Hear that a call of this process is served next."""
        ...

    def served(self, process: Process, call: Call, outcome: str) -> None:
        """Hear how a call of this process ended: well (empty outcome), or how else."""
        ...

    def pass_ended(self, process: Process, outcome: str) -> None:
        """Hear that a pass ended: well (empty outcome), or how else."""
        ...

    def settled(self, process: Process) -> None:
        """Hear that a process has seen everything, planned it without an error, and waits."""
        ...

    def process_changed(self, process: Process, what: str) -> None:
        """Hear that a process started, died or stalled."""
        ...

    def broke(self, process: Process, error: Exception) -> None:
        """Hear that a reconcile raised something that is not the world's fault."""
        ...


class Pass:
    """One run of the reconcile coroutine, which may plan several times.

    It looks at the clock when it begins to plan; that moment is `started_ms`, `planned_ms`
    on its own clock, and `seen` is what the process knew then, with its own answered writes on top.
    """

    __slots__ = ("driver", "planned_ms", "seen", "started_ms")

    def __init__(self, seen: Snapshot, started_ms: int) -> None:
        self.driver: Driver[datetime | None]
        self.seen = seen
        self.started_ms = started_ms
        self.planned_ms = started_ms


class Process:
    """A controller that runs, stalls, crashes and starts again with an empty memory."""

    def __init__(
        self,
        name: str,
        key: Key,
        *,
        cluster: SimCluster,
        scheduler: Scheduler,
        history: History,
        weather: Weather,
        random: Random,
        reconcile: Reconcile,
        make_views: Callable[[], Views],
        watcher: Watcher,
        crash_point: CrashPoint | None = None,
    ) -> None:
        self.name = name
        self.key = key
        self.clock = HostClock(scheduler.clock)
        self.feed: Feed | None = None
        self.current: Pass | None = None
        self.wake_at: datetime | None = None
        self.call_count = 0
        self._cluster = cluster
        self._scheduler = scheduler
        self._history = history
        self._weather = weather
        self._random = random
        self._reconcile = reconcile
        self._make_views = make_views
        self._watcher = watcher
        self._crash_point = crash_point
        self._is_in_error = False
        self._is_dirty = False
        self._failure_count = 0
        self._begin_timer: Timer | None = None
        self._wake_timer: Timer | None = None

    @property
    def is_alive(self) -> bool:
        """Tell whether the process runs."""
        return self.feed is not None

    @property
    def is_settled(self) -> bool:
        """Tell whether it has seen everything, planned it without an error, and waits."""
        feed = self.feed
        return (
            feed is not None
            and self.current is None
            and self._begin_timer is None
            and not self._is_in_error
            and feed.stalled_until <= self._scheduler.clock.ms
            and feed.is_current
        )

    def start(self) -> None:
        """Start with an empty memory: list everything, perhaps from a server that is behind."""
        assert self.feed is None, "the process runs already"
        self.feed = Feed(
            self._make_views(),
            history=self._history,
            scheduler=self._scheduler,
            weather=self._weather,
            random=self._random,
            notify=self.wake,
            on_current=self._tell_if_settled,
        )
        self._watcher.process_changed(self, "starts")
        self.feed.open()
        self._begin_soon()

    def crash(self, why: str) -> None:
        """Die at once; a write that was already sent stays."""
        if self.feed is None:
            return
        self.feed.close()
        self.feed = None
        if self.current is not None:
            self.current.driver.crash()
            self.current = None
        for timer in (self._begin_timer, self._wake_timer):
            if timer is not None:
                timer.cancel()
        self._begin_timer = self._wake_timer = None
        self._is_dirty = self._is_in_error = False
        self._failure_count = 0
        self.wake_at = None
        self._watcher.process_changed(self, f"dies: {why}")

    def stall(self, duration_ms: int) -> None:
        """Stop for a while as a suspended machine does; then go on as if nothing happened."""
        if self.feed is not None:
            self.feed.stalled_until = self._scheduler.clock.ms + duration_ms
            self._watcher.process_changed(self, f"stalls for {duration_ms // SECOND} s")

    def hear(self, kind: Kind) -> None:
        """Let the newest event of a kind travel to this process."""
        if self.feed is not None:
            self.feed.hear(kind)

    def wake(self) -> None:
        """Plan soon, because something changed or for no reason at all."""
        if self.feed is None:
            return
        if self.current is not None:
            self._is_dirty = True
        else:
            self._begin_soon(CHANGED_MS if self._is_in_error else None)

    # A pass

    def _begin_soon(self, delay_ms: int | None = None) -> None:
        delay_ms = self._random.randrange(1, 8) if delay_ms is None else delay_ms
        if self._begin_timer is not None:
            if self._begin_timer.at_ms <= self._scheduler.clock.ms + delay_ms:
                return
            self._begin_timer.cancel()
        self._begin_timer = self._scheduler.after(delay_ms, self._begin)

    def _begin(self) -> None:
        self._begin_timer = None
        feed = self.feed
        assert feed is not None
        now = self._scheduler.clock.ms
        if feed.stalled_until > now:
            self._begin_soon(feed.stalled_until - now)
            return
        if self._wake_timer is not None:
            self._wake_timer.cancel()
            self._wake_timer = None
        self.wake_at = None
        self._is_in_error = False
        current = self.current = Pass(feed.seen.copy(), now)
        current.driver = Driver(
            self._reconcile(self.key, feed.views, self._cluster, self._look_at_clock)
        )
        self._run(current.driver.start)

    def _look_at_clock(self) -> datetime:
        """Tell the time to a pass, which plans from what is known at this moment."""
        if self.current is not None and self.feed is not None:
            self.current.seen = self.feed.seen.copy()
            self.current.started_ms = self._scheduler.clock.ms
            self.current.planned_ms = self._scheduler.clock.ms + self.clock.offset_ms
        return self.clock.now()

    def _run(self, resume: Callable[[], Call | Finished[datetime | None]]) -> None:
        """Let the pass go on to its next call, or to its end."""
        try:
            step = resume()
        except ClusterError as error:
            self._end(failed=error)
        except Exception as error:  # noqa: BLE001  # judged as a violation, whatever it is
            self._watcher.broke(self, error)
            self._end(failed=error)
        else:
            if isinstance(step, Finished):
                self._end(wake_at=step.value)
            else:
                self._send(step)

    def _send(self, call: Call) -> None:
        feed = self.feed
        assert feed is not None
        latency_ms = self._weather.latency_ms()
        self._scheduler.after(latency_ms, lambda: self._arrive(call, feed))

    def _arrive(self, call: Call, feed: Feed) -> None:
        """Serve a call that has reached the server, unless its sender is gone or asleep."""
        if self.feed is not feed:
            return
        if feed.stalled_until > self._scheduler.clock.ms:
            self._scheduler.at(feed.stalled_until, lambda: self._arrive(call, feed))
            return
        verdict = self._judge(call)
        if not verdict.is_performed:
            self._watcher.served(self, call, str(verdict.refused or "crash before it"))
            self._resume(verdict, None, None)
            return
        answer, error = None, None
        self._watcher.about_to_serve(self)
        try:
            answer = self._cluster.serve(call)
        except ClusterError as refused:
            error = refused
        self._watcher.served(self, call, str(verdict.refused or error or ""))
        # A patch that finds nothing proves little to the process; it asks before it forgets.
        is_told = isinstance(error, NotFound) and call.verb in {Verb.GET, Verb.DELETE}
        if verdict.refused is None and (error is None or is_told):
            self._remember(call, answer)
        self._resume(verdict, answer, error)

    def _judge(self, call: Call) -> Verdict:
        index = self.call_count
        self.call_count += 1
        point = self._crash_point
        if point is not None and point.call_index == index and point.moment is not Moment.IDLE:
            return Verdict(crashes=True, is_performed=point.moment is Moment.AFTER)
        return self._weather.judge(call)

    def _resume(self, verdict: Verdict, answer: Any, error: ClusterError | None) -> None:
        current = self.current
        assert current is not None
        refused = verdict.refused or error
        if verdict.crashes:
            self.crash("in the middle of a pass")
        elif refused is not None:
            self._run(lambda: current.driver.fail(refused))
        else:
            self._run(lambda: current.driver.answer(answer))

    def _remember(self, call: Call, answer: Any) -> None:
        """Apply the answer of a call to what was seen, as the process itself does."""
        assert self.current is not None
        assert self.feed is not None
        if call.dry_run or call.kind not in WATCHED or call.verb is Verb.LIST:
            return
        if answer is None:
            self.feed.seen.drop(call.kind, call.name)
            self.current.seen.drop(call.kind, call.name)
            return
        self.current.seen.put(call.kind, as_planned(self.current.seen, call.kind, answer))

    def _end(self, wake_at: datetime | None = None, failed: Exception | None = None) -> None:
        self.wake_at = wake_at
        self.current = None
        was_dirty, self._is_dirty = self._is_dirty, False
        if failed is not None:
            self._retry()
        else:
            self._failure_count = 0
            if was_dirty:
                self._begin_soon()
            elif wake_at is not None:
                self._set_wake(wake_at)
        self._watcher.pass_ended(self, "" if failed is None else str(failed))
        self._tell_if_settled()
        point = self._crash_point
        if point is not None and point.moment is Moment.IDLE and self.call_count > point.call_index:
            self._crash_point = None
            self.crash("while idle")

    def _tell_if_settled(self) -> None:
        if self.is_settled:
            self._watcher.settled(self)

    def _retry(self) -> None:
        self._is_in_error = True
        delay_ms = BACK_OFF_MS[min(self._failure_count, len(BACK_OFF_MS) - 1)]
        self._failure_count += 1
        self._begin_soon(delay_ms + self._random.randrange(delay_ms))

    def _set_wake(self, wake_at: datetime) -> None:
        at_ms = self.clock.to_world_ms(wake_at)
        if self._weather.strikes(Fault.LATE_WAKE):
            at_ms += self._random.randrange(1, 30 * SECOND)
        # A wake-up in the past still takes a moment, or a loop would never let time pass.
        at_ms = max(at_ms, self._scheduler.clock.ms + 1)
        self._wake_timer = self._scheduler.at(at_ms, self._woken)

    def _woken(self) -> None:
        self._wake_timer = None
        if self.current is None:
            self._begin_soon(0)


def key_of(namespace: str, name: str) -> Key:
    """Return the queue's key of a Rollout."""
    return (ROLLOUT.kind, namespace, name)

"""A keyed delay queue: says which object to look at next, and when.

Each key is worked on by one worker at a time; however often it is added meanwhile, it is looked at
once more. Deadlines are wall-clock times, since they come from objects; they are never early.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, TypeAlias

from rollouts.kube.errors import ClusterError, Conflict, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

Key: TypeAlias = tuple[str, str, str]
"""Kind, namespace and name."""

DELAYS_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
"""Pauses after failures in a row of one key, before jitter."""

CHANGED_SECONDS_MAX = 0.5
"""A key that fails is looked at this soon after it changed: soon enough for a person who repairs
it, and not a tight loop when it is our own failing that changes it."""

RECHECK_SECONDS = 60.0
"""Wall time can jump (a suspended machine, NTP); timers look at it at least this often."""

PASS_SECONDS_MAX = 900.0
"""A pass that takes longer is stuck; everything it awaits has a shorter bound of its own."""


class WorkQueue:
    """Runs `work(key)` for keys that are due, at most `workers` at a time.

    Until `start` and after `pause` keys are only remembered.
    """

    def __init__(
        self,
        work: Callable[[Key], Awaitable[datetime | None]],
        *,
        clock: Callable[[], datetime],
        workers: int = 10,
        random: Random | None = None,
        on_lateness: Callable[[float], None] = lambda _: None,
        pass_seconds_max: float = PASS_SECONDS_MAX,
    ) -> None:
        """Prepare a queue that is paused.

        Args:
            work: one pass; returns when to look again unasked, or None. It may raise: then the
                key is tried again after a pause that grows with each failure in a row.
            clock: wall time, aware.
            on_lateness: told how many seconds after its deadline a key was taken up.
        """
        self._work = work
        self._clock = clock
        self._workers = workers
        self._random = random or Random()  # noqa: S311  # jitter needs no secrecy
        self._on_lateness = on_lateness
        self._pass_seconds_max = pass_seconds_max
        self._open = False
        # In the order of arrival; the value is the deadline that brought the key here, if any.
        self._ready: dict[Key, datetime | None] = {}
        # Oldest first, with the time of the event loop at which the pass began.
        self._running: dict[Key, tuple[asyncio.Task[None], float]] = {}
        self._late: set[Key] = set()
        self._watchdog: asyncio.TimerHandle | None = None
        self._changed: dict[Key, None] = {}
        self._due: dict[Key, datetime] = {}
        self._heap: list[tuple[datetime, Key]] = []
        self._failures: dict[Key, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at: datetime | None = None
        self.progress_at: float | None = None

    def __len__(self) -> int:
        """Return how many keys wait for a worker."""
        return len(self._ready)

    def add(self, key: Key) -> None:
        """Have a key looked at as soon as a worker is free."""
        if key in self._running:
            self._changed[key] = None
        elif key in self._failures and key not in self._ready:
            self.add_at(key, self._clock() + timedelta(seconds=CHANGED_SECONDS_MAX))
        elif key not in self._ready:
            self._due.pop(key, None)
            self._ready[key] = None
            self._dispatch()

    def add_at(self, key: Key, when: datetime) -> None:
        """Have a key looked at no earlier than `when`; an earlier deadline of it stands."""
        due = self._due.get(key)
        if key in self._ready or (due is not None and due <= when):
            return
        self._due[key] = when
        heapq.heappush(self._heap, (when, key))
        self._compact()
        self._arm()

    def start(self) -> None:
        """Begin (or go on) to work."""
        self._open = True
        self._touch()
        self._arm()
        self._dispatch()

    async def pause(self, *, grace_seconds: float) -> None:
        """Take up no more keys; passes that run get some time to end, then are cancelled.

        A cancelled pass is safe: it may stop at any call, and its key is remembered.
        """
        self._open = False
        running = [task for task, _ in self._running.values()]
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=grace_seconds)
        for task in late:
            task.cancel()
        if late:
            log.warning("passes cut short", extra={"count": len(late)})
            await asyncio.wait(late)

    def is_stuck(self, seconds: float) -> bool:
        """Tell whether keys wait although no pass has begun or ended for that long."""
        if not self._open or not self._ready or self.progress_at is None:
            return False
        return asyncio.get_running_loop().time() - self.progress_at > seconds

    def _dispatch(self) -> None:
        while self._open and self._ready and len(self._running) < self._workers:
            key = next(iter(self._ready))
            due = self._ready.pop(key)
            if due is not None:
                self._on_lateness((self._clock() - due).total_seconds())
            began = self._touch()
            task = asyncio.create_task(self._run(key), name=f"pass {'/'.join(key)}")
            self._running[key] = task, began
            task.add_done_callback(lambda _, key=key: self._finish(key))  # type: ignore[misc]  # mypy cannot infer the default
        self._watch()

    async def _run(self, key: Key) -> None:
        # The one place that catches everything: a bug met by one object must not stop the others.
        try:
            wake_at = await self._work(key)
        except asyncio.CancelledError:
            if key in self._late:
                self._fail(key, TimeoutError())
                return
            # By `pause`, or by the end of the event loop: not a time to begin another pass.
            self._open = False
            self._changed[key] = None
            raise
        except Exception as error:  # noqa: BLE001  # see above
            self._fail(key, error)
        else:
            self._failures.pop(key, None)
            if wake_at is not None:
                self.add_at(key, wake_at)

    def _finish(self, key: Key) -> None:
        del self._running[key]
        self._late.discard(key)
        self._touch()
        if key in self._changed:
            del self._changed[key]
            self.add(key)
        self._dispatch()

    def _watch(self) -> None:
        """Set the one alarm to the moment at which the oldest pass has taken too long."""
        if self._watchdog is not None:
            return
        in_time = (began for key, (_, began) in self._running.items() if key not in self._late)
        oldest = next(in_time, None)
        if oldest is not None:
            self._watchdog = asyncio.get_running_loop().call_at(
                oldest + self._pass_seconds_max, self._cut_short
            )

    def _cut_short(self) -> None:
        """Cancel passes that have taken too long; their keys are tried again later."""
        self._watchdog = None
        now = asyncio.get_running_loop().time()
        for key, (task, began) in self._running.items():
            if key not in self._late and began + self._pass_seconds_max <= now:
                self._late.add(key)
                task.cancel()
        self._watch()

    def _fail(self, key: Key, error: Exception) -> None:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = DELAYS_SECONDS[min(failures, len(DELAYS_SECONDS) - 1)]
        delay *= self._random.uniform(0.5, 1.0)
        if isinstance(error, Unavailable) and error.retry_after_seconds is not None:
            delay = max(delay, error.retry_after_seconds)
        self.add_at(key, self._clock() + timedelta(seconds=delay))
        facts = {
            "kind": key[0],
            "object": f"{key[1]}/{key[2]}",
            "retry_seconds": round(delay, 2),
            "failures": failures + 1,
        }
        if isinstance(error, Conflict) and failures == 0:
            # Somebody else wrote first, which is how it should be told; looking again is enough.
            log.debug("look again", extra=facts | {"error": str(error)})
        elif isinstance(error, ClusterError | TimeoutError):
            reason = str(error) or f"not done within {self._pass_seconds_max:g}s"
            log.warning("pass failed", extra=facts | {"error": reason})
        else:
            log.error("pass broke", extra=facts, exc_info=error)

    def _arm(self) -> None:
        """Set the one timer to the next deadline."""
        self._drop_stale()
        deadline = self._heap[0][0] if self._heap else None
        if self._timer is not None:
            if deadline == self._rings_at:
                return
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            delay = (deadline - self._clock()).total_seconds()
            delay = min(max(delay, 0.0), RECHECK_SECONDS)
            self._timer = asyncio.get_running_loop().call_later(delay, self._ring)
            self._rings_at = deadline

    def _ring(self) -> None:
        """Move the keys whose time has come, and only those, to the ready ones."""
        now = self._clock()
        self._timer = None
        self._drop_stale()
        while self._heap and self._heap[0][0] <= now:
            due, key = heapq.heappop(self._heap)
            del self._due[key]
            if key in self._running:
                self._changed[key] = None
            else:
                self._ready[key] = due if self._open else None
            self._drop_stale()
        self._arm()
        self._dispatch()

    def _drop_stale(self) -> None:
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)

    def _compact(self) -> None:
        """Bound the heap: deadlines that were replaced stay in it until they come up."""
        if len(self._heap) > 2 * len(self._due) + 64:
            self._heap = [(due, key) for key, due in self._due.items()]
            heapq.heapify(self._heap)

    def _touch(self) -> float:
        self.progress_at = asyncio.get_running_loop().time()
        return self.progress_at

"""Asks a settled controller what it would do at another time, without letting it do it.

Two rules hang on this: a fixed point (planned again at once, nothing is left to do) and an
exact wake-up (nothing to do before it, something at it).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from rollouts.simulate.deed import Report
from rollouts.simulate.driver import Call, Calls, Driver, Finished
from rollouts.simulate.process import Process, Reconcile

CHANCE = 0.15
"""How often a settled controller is asked; each question costs as much as a pass."""

_MOMENT = timedelta(milliseconds=1)


class Ghosts:
    """Runs passes that end at their first call."""

    def __init__(self, reconcile: Reconcile, report: Report, random: Random) -> None:
        self._reconcile = reconcile
        self._report = report
        self._random = random
        self._cluster = Calls()

    def judge(self, process: Process) -> None:
        """Ask now and then: now, a while before the wake-up, just before it, and at it."""
        if self._random.random() >= CHANCE:
            return
        now, wake_at = process.clock.now(), process.wake_at
        if wake_at is not None and wake_at <= now:
            return  # It oversleeps: what it would do now is overdue, not a second thought.
        first = self._ask(process, now)
        if isinstance(first, Call):
            self._report("S15", f"planned again at the same time, it wants to {first}")
            return
        if wake_at is None:
            return
        for at in (now + (wake_at - now) * self._random.random(), wake_at - _MOMENT):
            early = self._ask(process, max(at, now))
            if isinstance(early, Call):
                left = wake_at - at
                self._report("S16", f"{left} before its wake-up it wants to {early}")
                return
        due = self._ask(process, wake_at)
        if not isinstance(due, Call):
            self._report("S16", f"at its wake-up {wake_at:%H:%M:%S.%f} it has nothing to do")

    def _ask(self, process: Process, at: datetime) -> Call | Finished[datetime | None]:
        assert process.feed is not None
        views = process.feed.views
        held = dict(views.held)
        driver = Driver(self._reconcile(process.key, views, self._cluster, lambda: at))
        answer = driver.start()
        driver.crash()
        # A question leaves no trace in what the controller remembers.
        views.held.clear()
        views.held.update(held)
        return answer

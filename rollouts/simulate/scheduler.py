"""The heap of things that will happen; ties are broken by a seeded number."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from random import Random

from rollouts.simulate.clock import Clock


class Timer:
    """One thing that will happen, unless it is cancelled first."""

    __slots__ = ("at_ms", "call")

    def __init__(self, at_ms: int, call: Callable[[], None]) -> None:
        self.at_ms = at_ms
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Keep it from happening; harmless when it already has."""
        self.call = None


class Scheduler:
    """Runs timers in order of time and moves the clock to each.

    Two timers of the same instant run in an order drawn from the seed, not in the order of
    insertion: "in the same second" is where races live.
    """

    def __init__(self, clock: Clock, random: Random) -> None:
        self.clock = clock
        self.event_count = 0
        self._heap: list[tuple[int, float, int, Timer]] = []
        self._inserted = 0
        self._tie = random.random

    def at(self, at_ms: int, call: Callable[[], None]) -> Timer:
        """Run `call` at a world time; a time in the past means now."""
        timer = Timer(max(at_ms, self.clock.ms), call)
        self._inserted += 1
        # The count keeps two equal ties from comparing timers.
        heappush(self._heap, (timer.at_ms, self._tie(), self._inserted, timer))
        return timer

    def after(self, delay_ms: int, call: Callable[[], None]) -> Timer:
        """Run `call` after a delay."""
        return self.at(self.clock.ms + delay_ms, call)

    def run_until(self, until_ms: int, *, stop: Callable[[], bool]) -> None:
        """Run everything due up to and including `until_ms`; leave early once `stop` says so."""
        heap = self._heap
        clock = self.clock
        while heap and heap[0][0] <= until_ms:
            at_ms, _tie, _inserted, timer = heappop(heap)
            call = timer.call
            if call is None:
                continue
            timer.call = None
            clock.move_to(at_ms)
            self.event_count += 1
            call()
            if stop():
                return
        clock.move_to(until_ms)

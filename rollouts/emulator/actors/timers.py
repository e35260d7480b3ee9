"""Exact wake times: one heap, one live deadline per key."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from datetime import datetime

K = TypeVar("K")

STALE_ENTRIES_MAX = 1024
"""Replaced deadlines stay in the heap until they surface; past this surplus it is rebuilt."""


class Timers(Generic[K]):
    """Deadlines by key; setting a key again replaces its deadline.

    Keys of one instant come out in the order in which they were set, so that a run can be
    repeated exactly.
    """

    def __init__(self) -> None:
        self._at: dict[K, tuple[datetime, int]] = {}
        self._heap: list[tuple[datetime, int, K]] = []
        self._count = 0

    def set(self, key: K, at: datetime | None) -> None:
        """Wake `key` at `at`; None forgets it."""
        if at is None:
            self._at.pop(key, None)
            return
        known = self._at.get(key)
        if known is not None and known[0] == at:
            return
        self._count += 1
        self._at[key] = (at, self._count)
        heappush(self._heap, (at, self._count, key))
        if len(self._heap) > len(self._at) + STALE_ENTRIES_MAX:
            self._heap = [(at, count, key) for key, (at, count) in self._at.items()]
            heapify(self._heap)

    def take_due(self, now: datetime) -> list[K]:
        """Remove and return the keys whose deadline has come."""
        due: list[K] = []
        while (at := self.earliest()) is not None and at <= now:
            _, _, key = heappop(self._heap)
            del self._at[key]
            due.append(key)
        return due

    def earliest(self) -> datetime | None:
        """Return the next deadline, or None when there is none."""
        while self._heap:
            at, count, key = self._heap[0]
            if self._at.get(key) == (at, count):
                return at
            heappop(self._heap)
        return None

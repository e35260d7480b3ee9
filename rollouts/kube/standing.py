"""How well a scope is known: listed once, refused for lack of a right, or not served at all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollouts.kube.errors import ClusterError, Forbidden

REFUSED_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Pauses after refusals in a row: a person has to act, but a server that has just started refuses
everybody for a moment, until it has read its own rules."""

REFUSALS_MAX = 3
"""Refusals in a row after which nobody waits for the scope any longer."""


class Standing:
    """What is known about one scope.

    Attributes:
        synced: set once the first list is in the store, or the kind is known to be missing.
        settled: set once that is so, or the scope is known to be blocked; for good.
        missing: the server does not know the kind at the moment.
        blocked: a right is missing, and was at several tries: what the store holds is old.
        trouble: why it cannot be followed at the moment; None when all is well.
    """

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        """Know nothing yet.

        Args:
            on_change: called when `synced`, `missing` or `blocked` have changed.
        """
        self.synced = asyncio.Event()
        self.settled = asyncio.Event()
        self.missing = False
        self.blocked = False
        self.trouble: ClusterError | None = None
        self.on_change = on_change
        self._refusals = 0

    @property
    def is_usable(self) -> bool:
        """Tell whether decisions may be based on what is known."""
        return self.synced.is_set() and not self.blocked

    def listed(self) -> None:
        """Take note of a complete list."""
        self._refusals = 0
        self.trouble = None
        self._become(synced=True, missing=False, blocked=False)

    def heard(self) -> None:
        """Take note of a watch that works."""
        if self.trouble is None and not self.blocked:
            return  # The common case, once for every event.
        self._refusals = 0
        self.trouble = None
        self._become(blocked=False)

    def lost(self) -> None:
        """Take note that the server does not know the kind: then no object of it exists."""
        self._refusals = 0
        self._become(synced=True, missing=True, blocked=False)

    def refused(self, error: Forbidden) -> float:
        """Take note of a refusal and return how many seconds to wait before the next try."""
        self.trouble = error
        delay = REFUSED_SECONDS[min(self._refusals, len(REFUSED_SECONDS) - 1)]
        self._refusals += 1
        if self._refusals >= REFUSALS_MAX:
            self._become(blocked=True)
        return delay

    def _become(self, *, synced: bool = False, missing: bool | None = None, blocked: bool) -> None:
        before = (self.synced.is_set(), self.missing, self.blocked)
        if synced:
            self.synced.set()
        if missing is not None:
            self.missing = missing
        self.blocked = blocked
        if synced or blocked:
            self.settled.set()
        if before != (self.synced.is_set(), self.missing, self.blocked):
            self.on_change()

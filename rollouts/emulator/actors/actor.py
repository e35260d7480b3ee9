"""What an actor is, the loop most actors share, and the runner that steps them until quiet."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from rollouts.emulator.actors.timers import Timers
from rollouts.emulator.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rollouts.emulator.actors.view import Change, Key, View

ROUNDS_MAX = 100_000
"""A thousand rolling updates at once take a few thousand rounds; more is a quarrel of actors."""

KEYS_MAX = 20
"""Keys in one step: a few milliseconds of work, after which requests get their turn."""

RETRY_FIRST = timedelta(seconds=1)
RETRY_LAST = timedelta(minutes=5)


class Actor(Protocol):
    """One controller of the world: reads what changed, writes, says when to be woken unasked."""

    @property
    def is_pending(self) -> bool:
        """Tell whether something happened that the actor has not looked at."""
        ...

    def step(self, now: datetime) -> datetime | None:
        """Act on everything seen by now; return when to be stepped again without any event."""
        ...


class KeyedActor:
    """Turns changes into keys and reconciles each key once a step.

    A reconcile is level-triggered: it may run at any time and for no reason. What the server
    refuses is tried again with growing delays, or as soon as something changes.
    """

    def __init__(self, *views: View) -> None:
        self._views = views
        self._timers: Timers[Key] = Timers()
        self._dirty: dict[Key, None] = {}
        self._refusals: dict[Key, int] = {}

    @property
    def is_pending(self) -> bool:
        """Tell whether a watch has news or a key waits to be reconciled."""
        return bool(self._dirty) or any(view.is_pending for view in self._views)

    def step(self, now: datetime) -> datetime | None:
        """Reconcile keys that an event or a deadline concerns, the longest waiting first."""
        dirty = self._dirty
        dirty.update(dict.fromkeys(self._timers.take_due(now)))
        for view in self._views:
            for change in view.take_changes():
                dirty.update(dict.fromkeys(self.keys(view, change)))
        for key in list(islice(dirty, KEYS_MAX)):
            del dirty[key]
            self._timers.set(key, self._attempt(key, now))
        return self._timers.earliest()

    def mark(self, key: Key) -> None:
        """Have a key reconciled in the next step."""
        self._dirty[key] = None

    def keys(self, view: View, change: Change) -> Iterable[Key]:
        """Name the keys that a change concerns."""
        raise NotImplementedError

    def reconcile(self, key: Key, now: datetime) -> datetime | None:
        """Bring one key closer to what is wanted; return when to look again unasked."""
        raise NotImplementedError

    def _attempt(self, key: Key, now: datetime) -> datetime | None:
        try:
            wake = self.reconcile(key, now)
        except ApiError:
            refusals = self._refusals.get(key, 0)
            self._refusals[key] = refusals + 1
            return now + min(RETRY_FIRST * (1 << min(refusals, 16)), RETRY_LAST)
        if self._refusals:
            self._refusals.pop(key, None)
        return wake


def run_round(actors: Sequence[Actor], now: datetime) -> tuple[bool, datetime | None]:
    """Step every actor once.

    Returns:
        Whether another round is due at once, and else the earliest wake time (None: only on
        events).
    """
    wakes = [wake for actor in actors if (wake := actor.step(now)) is not None]
    wake = min(wakes, default=None)
    busy = any(actor.is_pending for actor in actors) or (wake is not None and wake <= now)
    return busy, wake


def run_actors(actors: Sequence[Actor], now: datetime) -> datetime | None:
    """Step the actors until none has anything left to do at `now`.

    Returns:
        When the first of them wants to be woken, or None.

    Raises:
        RuntimeError: the actors undo each other's work for ever, which is a bug of theirs.
    """
    for _ in range(ROUNDS_MAX):
        busy, wake = run_round(actors, now)
        if not busy:
            return wake
    names = ", ".join(type(actor).__name__ for actor in actors if actor.is_pending)
    raise RuntimeError(f"no rest after {ROUNDS_MAX} rounds at {now.isoformat()}: {names}")

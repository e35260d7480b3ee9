"""How news of the cluster reaches one controller process: late, torn, or from the past."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from random import Random
from typing import Protocol, TypeAlias

from rollouts.api.refs import Kind, Manifest
from rollouts.simulate.clock import SECOND
from rollouts.simulate.faults import Fault, Weather
from rollouts.simulate.history import DELETED, History
from rollouts.simulate.scheduler import Scheduler
from rollouts.simulate.snapshot import Snapshot

Key: TypeAlias = tuple[str, str, str]

LAG_MS_MAX = 20 * SECOND
STALENESS_MS_MAX = 3 * SECOND
"""How far behind the server may be that answers a list."""


class Views(Protocol):
    """What a controller knows of the cluster; a new one knows nothing.

    `held` is all that it remembers beside that: since when a write of counters is put off.
    """

    held: dict[Key, datetime]

    def feed(self, kind: Kind, event_type: str, manifest: Manifest, /) -> Iterable[Key]:
        """Take in a watch event and name the keys to plan."""
        ...

    def wrote(self, kind: Kind, manifest: Manifest, /) -> None:
        """Take in the answer to a call of our own."""
        ...

    def relist(self, kind: Kind, manifests: Iterable[Manifest], /) -> Iterable[Key]:
        """Take in a whole list and name the keys to plan."""
        ...


class Feed:
    """The lists and watches of one life of a process.

    Attributes:
        views: what the controller under test was told.
        seen: the same, for the judges.
    """

    def __init__(
        self,
        views: Views,
        *,
        history: History,
        scheduler: Scheduler,
        weather: Weather,
        random: Random,
        notify: Callable[[], None],
        on_current: Callable[[], None],
    ) -> None:
        self.views = views
        self._hear_answers()
        self.seen = Snapshot()
        self.stalled_until = 0
        self._history = history
        self._scheduler = scheduler
        self._weather = weather
        self._random = random
        self._notify = notify
        self._on_current = on_current
        self._is_closed = False
        self._cursors: dict[Kind, int] = {}
        self._due: dict[Kind, int] = {}
        self._broken = dict.fromkeys(history.kinds, False)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Return the kinds that are watched."""
        return self._history.kinds

    @property
    def is_current(self) -> bool:
        """Tell whether everything that happened has arrived."""
        return all(
            self._cursors[kind] == self._history.length(kind) and not self._broken[kind]
            for kind in self._history.kinds
        )

    def open(self) -> None:
        """List every kind, then watch it."""
        for kind in self._history.kinds:
            self._list(kind, may_be_stale=True)

    def _hear_answers(self) -> None:
        """Hear of every answer that the controller takes into its views."""
        take = self.views.wrote

        def wrote(kind: Kind, manifest: Manifest) -> None:
            take(kind, manifest)
            self.seen.put(kind, manifest)

        self.views.wrote = wrote  # type: ignore[method-assign]  # one instance is listened to

    def close(self) -> None:
        """Stop for good."""
        self._is_closed = True

    def hear(self, kind: Kind) -> None:
        """Let the newest event of a kind travel here."""
        if self._is_closed or self._broken[kind]:
            return
        delay_ms = self._random.randrange(1, 15)
        if self._weather.rate(Fault.LAGGING_VIEW):
            delay_ms += int(self._random.random() ** 2 * LAG_MS_MAX)
            self._weather.note(Fault.LAGGING_VIEW)
        # A watch keeps the order of its own kind, and of no other.
        due = max(self._due.get(kind, 0), self._scheduler.clock.ms + delay_ms)
        self._due[kind] = due
        self._scheduler.at(due, lambda: self._deliver(kind))

    def break_watch(self, kind: Kind, duration_ms: int) -> None:
        """Lose events of a kind for a while, then list it anew."""
        if not self._broken[kind]:
            self._broken[kind] = True
            self._scheduler.after(duration_ms, lambda: self._mend(kind))

    def mend(self) -> None:
        """End all broken watches now."""
        for kind in self._history.kinds:
            self._mend(kind)

    def _mend(self, kind: Kind) -> None:
        if not self._is_closed and self._broken[kind]:
            self._broken[kind] = False
            self._list(kind)

    def _list(self, kind: Kind, *, may_be_stale: bool = False) -> None:
        # Only a first list can come from the past: a later one asks for what it knows or newer.
        length = self._history.length(kind)
        if may_be_stale and length and self._weather.strikes(Fault.STALE_LIST):
            behind_ms = self._random.randrange(STALENESS_MS_MAX)
            length = self._history.length_at(kind, self._scheduler.clock.ms - behind_ms)
        manifests = self._history.listed(kind, length)
        self._cursors[kind] = length
        keys = tuple(self.views.relist(kind, manifests))
        listed = {manifest["metadata"]["name"] for manifest in manifests}
        for name in [name for name in self.seen.of(kind) if name not in listed]:
            self.seen.drop(kind, name)
        for manifest in manifests:
            self.seen.put(kind, manifest)
        for _ in range(self._history.length(kind) - length):
            self.hear(kind)
        if keys:
            self._notify()

    def _deliver(self, kind: Kind) -> None:
        if self._is_closed or self._broken[kind]:
            return
        if self.stalled_until > self._scheduler.clock.ms:
            self._scheduler.at(self.stalled_until, lambda: self._deliver(kind))
            return
        cursor = self._cursors[kind]
        if cursor >= self._history.length(kind):
            return  # A list has overtaken this event.
        self._cursors[kind] = cursor + 1
        entry = self._history.entry(kind, cursor)
        if entry.event_type == DELETED:
            self.seen.bury(kind, entry.manifest)
        else:
            self.seen.put(kind, entry.manifest)
        if tuple(self.views.feed(kind, entry.event_type, entry.manifest)):
            self._notify()
        elif self.is_current:
            self._on_current()

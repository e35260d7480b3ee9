"""Watch streams over the change log: selectors, bookmarks and expiry."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rollouts.emulator.errors import expired
from rollouts.emulator.store import ADDED, DELETED, MODIFIED, Entry, Store, Table, stamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rollouts.emulator.resources import Manifest, ResourceType
    from rollouts.emulator.selectors import FieldSelector, LabelSelector

BOOKMARK = "BOOKMARK"
_BOOKMARK_SECONDS = 60  # What the real server's watch cache does, about once a minute.


class WatchEvent(NamedTuple):
    """One event as a client sees it; a tuple for speed.

    `type` is ADDED, MODIFIED, DELETED or BOOKMARK, `resource_version` where to resume after it.
    """

    type: str
    object: Manifest
    resource_version: str


class Filter:
    """Which objects a list or a watch is about."""

    __slots__ = ("fields", "labels", "namespace")

    def __init__(self, namespace: str, labels: LabelSelector, fields: FieldSelector) -> None:
        self.namespace = namespace
        self.labels = labels
        self.fields = fields

    def matches(self, manifest: Manifest) -> bool:
        """Tell whether the selectors pick the object; its namespace is checked elsewhere."""
        return (
            not self.labels.requirements or self.labels.matches(manifest["metadata"].get("labels"))
        ) and (not self.fields.terms or self.fields.matches(manifest))


class Watch:
    """An open watch. The owner polls it, and closes it when done.

    `on_ready`, when set, is called at every change that may concern this watch; a poll can still
    come back empty because the selectors picked nothing.
    """

    def __init__(
        self,
        rt: ResourceType,
        store: Store,
        table: Table,
        chosen: Filter,
        *,
        convert: Callable[[Manifest], Manifest] | None = None,
        bookmark_clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.rt = rt
        self.on_ready: Callable[[], None] | None = None
        self._store = store
        self._table = table
        self._filter = chosen
        self._convert = convert
        self._clock = bookmark_clock
        self._spoke = bookmark_clock() if bookmark_clock else None
        self._pending: list[WatchEvent] = []
        self._closed = False
        self._position = table.dropped + len(table.log)
        table.listeners.append(self._hear)

    def start_at(self, position: int) -> None:
        """Begin with the log entry at this position."""
        self._position = position

    def start_with(self, objects: tuple[Manifest, ...]) -> None:
        """Begin with a synthetic ADDED for each object, then the changes from now on."""
        self._pending = [self._event(ADDED, each) for each in objects]

    def announce(self) -> None:
        """Add the bookmark that ends the initial events of a streaming list."""
        bookmark = self.bookmark()
        metadata = bookmark.object["metadata"] | {
            "annotations": {"k8s.io/initial-events-end": "true"}
        }
        self._pending.append(bookmark._replace(object=bookmark.object | {"metadata": metadata}))

    @property
    def closed(self) -> bool:
        """Tell whether the stream has ended: closed by its owner, or its type is gone and read."""
        return self._closed or (
            self._table.closed and not self._pending and self._position >= self._end()
        )

    def _end(self) -> int:
        return self._table.dropped + len(self._table.log)

    def _hear(self, entry: Entry) -> None:
        if self.on_ready is not None and self._filter.namespace in ("", entry.namespace):
            self.on_ready()

    def poll(self) -> list[WatchEvent]:
        """Return every event since the last poll.

        Raises:
            ApiError: 410, history was compacted past this watch; list again and open a new one.
        """
        if self._closed:
            return []
        events, self._pending = self._pending, []
        table = self._table
        start = self._position - table.dropped
        if start < 0:
            self.close()
            raise expired(f"too old resource version: {table.floor - 1} ({table.floor})")
        log = table.log
        if start < len(log):
            namespace = self._filter.namespace
            for entry in log[start:] if start else log:
                if not namespace or entry.namespace == namespace:
                    event = self._read(entry)
                    if event is not None:
                        events.append(event)
            self._position = table.dropped + len(log)
        if self._clock is not None:
            self._mark(events)
        return events

    def _mark(self, events: list[WatchEvent]) -> None:
        assert self._clock is not None
        assert self._spoke is not None
        now = self._clock()
        if events:
            self._spoke = now
        elif (now - self._spoke).total_seconds() >= _BOOKMARK_SECONDS:
            self._spoke = now
            events.append(self.bookmark())

    def _read(self, entry: Entry) -> WatchEvent | None:
        new, old = entry.new, entry.old
        chosen = self._filter
        if not chosen.labels.requirements and not chosen.fields.terms:
            return self._event(entry.type, new)
        is_in = entry.type != DELETED and chosen.matches(new)
        was_in = old is not None and chosen.matches(old)
        if is_in:
            return self._event(MODIFIED if was_in else ADDED, new)
        if was_in and old is not None:
            # An object that leaves the selector is shown as it was when it was still inside.
            return self._event(DELETED, stamp(old, entry.rv))
        return None

    def _event(self, event_type: str, manifest: Manifest) -> WatchEvent:
        shown = manifest if self._convert is None else self._convert(manifest)
        return WatchEvent(event_type, shown, shown["metadata"]["resourceVersion"])

    def bookmark(self) -> WatchEvent:
        """Return a bookmark at the present; everything before it must have been polled."""
        rv = str(self._store.rv)
        body = {
            "kind": self.rt.kind,
            "apiVersion": self.rt.api_version,
            "metadata": {"resourceVersion": rv},
        }
        return WatchEvent(BOOKMARK, body, rv)

    def close(self) -> None:
        """Stop listening; closing twice is harmless."""
        self._closed = True
        if self._hear in self._table.listeners:
            self._table.listeners.remove(self._hear)

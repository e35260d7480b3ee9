"""Take a list into a store, page by page, and refuse one that is older than what is known."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Generic, TypeVar

from rollouts.kube.errors import Unavailable
from rollouts.kube.store import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rollouts.api.refs import Kind, Manifest
    from rollouts.kube.store import Change, Name, Store

T = TypeVar("T")

log = logging.getLogger(__name__)

REWINDS_MAX = 3
"""Lists in a row older than what was seen, after which the server is believed."""


class Intake(Generic[T]):
    """Feeds one store from lists and events and tells what changed."""

    def __init__(
        self,
        kind: Kind,
        store: Store[T],
        on_change: Callable[[Change[T]], None],
        on_manifest: Callable[[str, Manifest], None] = lambda _type, _manifest: None,
    ) -> None:
        self.store = store
        self._kind = kind
        self._on_change = on_change
        self._on_manifest = on_manifest
        self._names: list[Name] = []
        self._version = ""
        self._newest = 0
        self._rewinds = 0

    def begin(self) -> None:
        """Begin a list, before it is asked for: what is known now cannot be newer than it."""
        self._names.clear()
        self._version = ""
        self._newest = self.store.newest

    def take_page(self, items: Iterable[Manifest], version: str) -> None:
        """Take a page; each is slimmed before the next is read, so that one is all it costs.

        Raises:
            Unavailable: the list is older than what was known; ask again.
        """
        if not self._version:
            self._refuse_the_past(version)
        self._version = version
        for manifest in items:
            self._names.append(name_of(manifest))
            self.take("ADDED", manifest)

    def finish(self) -> int:
        """End the list: what it lacks is gone. Return how many objects it had."""
        count = len(self._names)
        self._report_deletions(self.store.retain(self._names, resource_version=self._version))
        self._names.clear()
        return count

    def take(self, event_type: str, manifest: Manifest) -> None:
        """Take an event of a watch, or an object of a list as ADDED.

        An object that we cannot digest is our bug. It is reported and passed over, so that the
        others of its kind are followed all the same.
        """
        try:
            change = self.store.observe(event_type, manifest)
            if change is not None:
                self._on_change(change)
                self._on_manifest(event_type, manifest)
        except Exception:
            facts = {"kind": str(self._kind), "object": "/".join(name_of(manifest))}
            log.exception("object passed over", extra=facts)

    def lose_all(self) -> None:
        """Take it in that the kind is not served any more: no object of it exists then."""
        self._version = ""
        self._report_deletions(self.store.replace(()))

    def _refuse_the_past(self, version: str) -> None:
        """Check that a list is not older than what was known before it was asked for.

        A replica that lags behind answers so once or twice; then it is worth asking again. A
        server restored from a backup always does; then its history counts from now on.
        """
        newest = self._newest
        if not version.isdigit() or int(version) >= newest:
            self._rewinds = 0
            return
        self._rewinds += 1
        if self._rewinds < REWINDS_MAX:
            raise Unavailable(
                f"list {self._kind}: resourceVersion {version} is older than {newest} seen before"
            )
        facts = {"kind": str(self._kind), "newest": newest, "listed": version}
        log.warning("the server's history was set back", extra=facts)
        self._rewinds = 0
        self.store.rewind()

    def _report_deletions(self, changes: list[Change[T]]) -> None:
        for change in changes:
            metadata = {"name": change.name, "resourceVersion": self._version}
            if change.namespace:
                metadata["namespace"] = change.namespace
            self._on_change(change)
            self._on_manifest(
                "DELETED",
                {
                    "apiVersion": self._kind.api_version,
                    "kind": self._kind.kind,
                    "metadata": metadata,
                },
            )

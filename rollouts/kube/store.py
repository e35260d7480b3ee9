"""The newest known object per name of one kind, whatever order the news arrives in.

News comes from watches, from lists and from the answers to our own writes, in any order. A store
takes each piece if it is newer than what is known and ignores it otherwise, so that what a pass
reads is never older than its own last write and never goes back in time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rollouts.api.refs import Manifest

T = TypeVar("T")

Name: TypeAlias = tuple[str, str]
"""Namespace (empty for cluster-scoped kinds) and name."""

TOMBSTONE_COUNT_MAX = 4096
"""Deletions remembered. They matter only while an older event or answer may still be under way,
which is seconds; a burst of this many deletions within seconds is beyond what a server admits."""


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """What a piece of news did: `old` is None for a new object, `new` for a deleted one."""

    namespace: str
    name: str
    old: T | None
    new: T | None


@dataclass(frozen=True, slots=True)
class _Entry(Generic[T]):
    revision: int
    uid: str
    value: T


@dataclass(frozen=True, slots=True)
class _Tombstone:
    """A deletion as of `revision`; a `uid` is set where its revision is not known."""

    revision: int
    uid: str = ""


def _no_index(_value: object) -> tuple[str, ...]:
    return ()


class Store(Generic[T]):
    """All known objects of one kind, slimmed on arrival.

    Revisions (`metadata.resourceVersion`) are compared as integers, which holds within one kind.
    An object whose revision is not a number is taken as news whenever it arrives.

    Attributes:
        newest: the highest revision seen in any news, 0 for none.
    """

    def __init__(
        self,
        slim: Callable[[Manifest], T],
        index: Callable[[T], tuple[str, ...]] = _no_index,
        *,
        tombstone_count_max: int = TOMBSTONE_COUNT_MAX,
    ) -> None:
        """Start empty.

        Args:
            slim: reduces an object to what its readers need. It must accept every object that a
                server can send: one that raises would stop the watch of the whole kind.
            index: the words under which `indexed` finds a slim object.
            tombstone_count_max: how many deletions to remember.
        """
        self.newest = 0
        self._slim = slim
        self._index = index
        self._entries: dict[Name, _Entry[T]] = {}
        self._tombstones: dict[Name, _Tombstone] = {}
        self._tombstone_count_max = tombstone_count_max
        # Dicts stand in for sets, so that iteration follows insertion and runs are repeatable.
        self._indexed: dict[str, dict[Name, None]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, namespace: str, name: str) -> T | None:
        """Return the object of this name, or None."""
        entry = self._entries.get((namespace, name))
        return None if entry is None else entry.value

    def items(self) -> Iterator[T]:
        """Iterate over all objects, those known longest first."""
        for entry in tuple(self._entries.values()):
            yield entry.value

    def indexed(self, key: str) -> tuple[T, ...]:
        """Return the objects whose index words contain `key`, sorted by name."""
        names = sorted(self._indexed.get(key, ()), key=_by_name)
        return tuple(self._entries[name].value for name in names)

    def has(self, key: str) -> bool:
        """Tell whether there is an object whose index words contain `key`."""
        return key in self._indexed

    def replace(self, items: Iterable[Manifest], *, resource_version: str = "") -> list[Change[T]]:
        """Take a complete list; whatever it lacks has been deleted.

        Args:
            resource_version: that of the list. An object that we know to be newer than the list
                stays although the list lacks it. Without one, the list is taken as of now.

        Returns:
            One change per object that differs, deletions last.
        """
        changes: list[Change[T]] = []
        names: list[Name] = []
        for manifest in items:
            names.append(name_of(manifest))
            change = self._take(manifest)
            if change is not None:
                changes.append(change)
        return changes + self.retain(names, resource_version=resource_version)

    def retain(self, names: Iterable[Name], *, resource_version: str = "") -> list[Change[T]]:
        """Delete whatever a list lacks whose objects have been observed already, page by page.

        Args:
            names: of all pages.
            resource_version: as for `replace`.
        """
        changes: list[Change[T]] = []
        listed = dict.fromkeys(names)
        as_of = _number(resource_version)
        self.newest = max(self.newest, as_of)
        for name, entry in tuple(self._entries.items()):
            if name in listed or (as_of and entry.revision > as_of):
                continue
            tombstone = _Tombstone(max(as_of, entry.revision), "" if as_of else entry.uid)
            changes.append(self._drop(name, entry, tombstone))
        return changes

    def observe(self, event_type: str, manifest: Manifest) -> Change[T] | None:
        """Take a watch event.

        Returns:
            None when the event is older than what is known, is the echo of our own write, is a
            bookmark, or changes nothing that the slim form keeps.

        Raises:
            ValueError: the type is none of ADDED, MODIFIED, DELETED, BOOKMARK.
        """
        match event_type:
            case "ADDED" | "MODIFIED":
                return self._take(manifest)
            case "DELETED":
                return self._take_deletion(manifest)
            case "BOOKMARK":
                self.newest = max(self.newest, _revision(manifest))
                return None
            case _:
                raise ValueError(f"not a watch event about an object: {event_type!r}")

    def wrote(self, manifest: Manifest) -> Change[T] | None:
        """Take the answer to our own write, unless a later event has overtaken it."""
        return self._take(manifest)

    def forget(self, namespace: str, name: str) -> Change[T] | None:
        """Drop an object that the server has said is gone (we deleted it, or it answered 404).

        Late news of the same object is ignored from then on, except that it is terminating:
        that proves that something still holds it.
        """
        entry = self._entries.get((namespace, name))
        if entry is None:
            return None
        return self._drop((namespace, name), entry, _Tombstone(entry.revision, entry.uid))

    def rewind(self) -> None:
        """Take all news from now on, however old it seems: the server's history was set back.

        What is known stays until a list says otherwise.
        """
        self.newest = 0
        self._tombstones.clear()
        for name, entry in self._entries.items():
            self._entries[name] = _Entry(0, entry.uid, entry.value)

    def _take(self, manifest: Manifest) -> Change[T] | None:
        name = name_of(manifest)
        metadata = manifest["metadata"]
        revision = _revision(manifest)
        self.newest = max(self.newest, revision)
        known = self._entries.get(name)
        if known is not None:
            if revision and revision <= known.revision:
                return None
        elif name in self._tombstones and self._is_buried(name, metadata, revision):
            return None
        self._tombstones.pop(name, None)
        value = self._slim(manifest)
        self._entries[name] = _Entry(revision, metadata.get("uid", ""), value)
        self._reindex(name, None if known is None else known.value, value)
        if known is not None and known.value == value:
            return None
        return Change(name[0], name[1], None if known is None else known.value, value)

    def _is_buried(self, name: Name, metadata: Manifest, revision: int) -> bool:
        tombstone = self._tombstones[name]
        if revision and revision <= tombstone.revision:
            return True
        same = bool(tombstone.uid) and tombstone.uid == metadata.get("uid", "")
        return same and not metadata.get("deletionTimestamp")

    def _take_deletion(self, manifest: Manifest) -> Change[T] | None:
        name = name_of(manifest)
        revision = _revision(manifest)
        self.newest = max(self.newest, revision)
        known = self._entries.get(name)
        if known is None:
            before = self._tombstones.get(name)
            if before is None or before.revision < revision:
                self._bury(name, _Tombstone(revision))
            return None
        # An equal revision is a deletion all the same: an object that a write of ours takes out
        # of a watch's label selector is reported as deleted with the revision of that write.
        if revision and revision < known.revision:
            return None
        return self._drop(name, known, _Tombstone(max(revision, known.revision)))

    def _drop(self, name: Name, entry: _Entry[T], tombstone: _Tombstone) -> Change[T]:
        del self._entries[name]
        self._reindex(name, entry.value, None)
        self._bury(name, tombstone)
        return Change(name[0], name[1], entry.value, None)

    def _bury(self, name: Name, tombstone: _Tombstone) -> None:
        # Re-inserted at the end, so that the front of the dict is the oldest.
        self._tombstones.pop(name, None)
        self._tombstones[name] = tombstone
        while len(self._tombstones) > self._tombstone_count_max:
            del self._tombstones[next(iter(self._tombstones))]

    def _reindex(self, name: Name, old: T | None, new: T | None) -> None:
        before = () if old is None else self._index(old)
        after = () if new is None else self._index(new)
        if before == after:
            return
        for key in before:
            names = self._indexed.get(key)
            if names is not None:
                names.pop(name, None)
                if not names:
                    del self._indexed[key]
        for key in after:
            self._indexed.setdefault(key, {})[name] = None


def name_of(manifest: Manifest) -> Name:
    """Return the key of an object: its namespace (empty for cluster-scoped kinds) and name."""
    metadata = manifest["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _by_name(name: Name) -> Name:
    return name[1], name[0]


def _revision(manifest: Manifest) -> int:
    return _number(manifest["metadata"].get("resourceVersion", ""))


def _number(revision: str) -> int:
    return int(revision) if revision.isdigit() else 0

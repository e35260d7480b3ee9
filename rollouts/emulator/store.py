"""Versioned objects: one global resourceVersion, one table and one change log for each type."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING, Any, NamedTuple

from rollouts.emulator.errors import expired
from rollouts.emulator.index import Index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rollouts.emulator.resources import Manifest
    from rollouts.emulator.selectors import LabelSelector

ADDED = "ADDED"
MODIFIED = "MODIFIED"
DELETED = "DELETED"


class Entry(NamedTuple):
    """One change. A tuple and not a data class, because a simulation makes millions of them.

    `new` of a deletion is the last state, carrying the resourceVersion of the deletion.
    """

    rv: int
    type: str
    namespace: str
    name: str
    new: Manifest
    old: Manifest | None


class Table:
    """All objects of one type, in key order, with their recent history."""

    def __init__(self, name: str, history_limit: int) -> None:
        self.name = name
        self.spaces: dict[str, dict[str, Manifest]] = {}
        self.log: list[Entry] = []
        self.dropped = 0
        self.floor = 0
        self.closed = False
        self.listeners: list[Callable[[Entry], None]] = []
        self._history_limit = history_limit
        self._names: dict[str, list[str]] = {}
        self._snapshots: dict[str, tuple[Manifest, ...]] = {}
        self._labels: dict[str, Index] = {}

    def get(self, namespace: str, name: str) -> Manifest | None:
        """Return the stored object itself."""
        space = self.spaces.get(namespace)
        return None if space is None else space.get(name)

    def listed(self, namespace: str = "") -> tuple[Manifest, ...]:
        """Return the objects of one namespace, or of all, ordered as their keys are."""
        found = self._snapshots.get(namespace)
        if found is None:
            if namespace:
                space = self.spaces.get(namespace, {})
                found = tuple([space[name] for name in self._names.get(namespace, ())])
            else:
                found = tuple(
                    [each for space in self._ordered() for each in self.list_space(space)]
                )
            self._snapshots[namespace] = found
        return found

    def list_space(self, namespace: str) -> tuple[Manifest, ...]:
        """Return the objects of exactly this namespace; the empty one is that of cluster scope."""
        space = self.spaces.get(namespace, {})
        return tuple([space[name] for name in self._names.get(namespace, ())])

    def _ordered(self) -> list[str]:
        # The key is `namespace/name`, so `a-b/` sorts before `a/`, as it does in etcd.
        return sorted(self.spaces, key=lambda namespace: f"{namespace}/")

    def select(self, namespace: str, selector: LabelSelector) -> tuple[Manifest, ...]:
        """Return the objects that a label selector picks; equalities go through an index."""
        exact = selector.exact()
        candidates: tuple[Manifest, ...] = ()
        if exact and namespace:
            space = self.spaces.get(namespace, {})
            names = min(
                (self._label_index(key).find((namespace, value)) for key, value in exact), key=len
            )
            candidates = tuple([space[name] for _, name in sorted(names)])
            if len(exact) == len(selector.requirements) == 1:
                return candidates
        else:
            candidates = self.listed(namespace)
        return tuple(
            [each for each in candidates if selector.matches(each["metadata"].get("labels"))]
        )

    def _label_index(self, key: str) -> Index:
        index = self._labels.get(key)
        if index is None:
            index = self._labels[key] = Index(_label_reader(key))
            for namespace, name, manifest in self.items():
                index.change(namespace, name, None, manifest)
        return index

    def items(self) -> Iterator[tuple[str, str, Manifest]]:
        """Yield namespace, name and object of everything, in key order."""
        for namespace in self._ordered():
            space = self.spaces[namespace]
            for name in self._names[namespace]:
                yield namespace, name, space[name]

    def apply(self, entry: Entry) -> None:
        """Take a change in and tell the watches."""
        _, _, namespace, name, new, old = entry
        if entry.type == DELETED:
            del self.spaces[namespace][name]
            names = self._names[namespace]
            del names[bisect_left(names, name)]
            if not names:
                del self.spaces[namespace], self._names[namespace]
        else:
            self.spaces.setdefault(namespace, {})[name] = new
            if old is None:
                insort(self._names.setdefault(namespace, []), name)
        self._snapshots.pop(namespace, None)
        self._snapshots.pop("", None)
        for index in self._labels.values():
            index.change(namespace, name, old, None if entry.type == DELETED else new)
        self.log.append(entry)
        if len(self.log) >= 2 * self._history_limit:
            self.forget(keep=self._history_limit)
        for listener in tuple(self.listeners):
            listener(entry)

    def rewrite(self, change: Callable[[Manifest], Manifest]) -> None:
        """Replace every object silently, as reading through a changed schema does."""
        for space in self.spaces.values():
            for name, manifest in space.items():
                space[name] = change(manifest)
        self._snapshots.clear()

    def forget(self, keep: int) -> None:
        """Drop all but the newest `keep` log entries; older positions are expired from then on."""
        surplus = len(self.log) - keep
        if surplus > 0:
            self.floor = max(self.floor, self.log[surplus - 1].rv)
            del self.log[:surplus]
            self.dropped += surplus

    def position_after(self, rv: int) -> int:
        """Return the log position of the first change after `rv`.

        Raises:
            ApiError: 410, that change may have been forgotten.
        """
        if rv < self.floor:
            raise expired(f"too old resource version: {rv} ({self.floor})")
        return self.dropped + bisect_right(self.log, rv, key=lambda entry: entry.rv)

    def at(self, rv: int, namespace: str = "") -> tuple[Manifest, ...]:
        """Return the list as it was at `rv`, by taking back later changes.

        Raises:
            ApiError: 410, later changes have been forgotten.
        """
        start = self.position_after(rv) - self.dropped
        if start == len(self.log):
            return self.listed(namespace)
        state = {(each[0], each[1]): each[2] for each in self.items()}
        for entry in reversed(self.log[start:]):
            if entry.old is None:
                state.pop((entry.namespace, entry.name), None)
            else:
                state[(entry.namespace, entry.name)] = entry.old
        keys = sorted(state, key=lambda key: (f"{key[0]}/", key[1]))
        return tuple([state[key] for key in keys if not namespace or key[0] == namespace])


def _label_reader(key: str) -> Callable[[str, Manifest], tuple[Any, ...]]:
    def read(namespace: str, manifest: Manifest) -> tuple[Any, ...]:
        value = (manifest["metadata"].get("labels") or {}).get(key)
        return () if value is None else ((namespace, value),)

    return read


def _owner_reader(_namespace: str, manifest: Manifest) -> tuple[Any, ...]:
    owners = manifest["metadata"].get("ownerReferences") or ()
    return tuple(owner.get("uid") for owner in owners)


class Store:
    """Every table, and the counter that orders all changes of all of them."""

    def __init__(self, history_limit: int) -> None:
        self.rv = 1
        self.tables: dict[str, Table] = {}
        self._history_limit = history_limit
        self._owners: Index | None = None

    def table(self, name: str) -> Table:
        """Return a table; the first mention makes it."""
        found = self.tables.get(name)
        if found is None:
            found = self.tables[name] = Table(name, self._history_limit)
            found.floor = 0
        return found

    def drop(self, name: str) -> None:
        """Forget an empty table; its watches end."""
        table = self.tables.pop(name, None)
        if table is not None:
            table.closed = True

    def put(
        self,
        table: Table,
        namespace: str,
        name: str,
        *,
        manifest: Manifest,
        old: Manifest | None,
    ) -> Manifest:
        """Store an object under the next resourceVersion and return it as stored."""
        self.rv += 1
        stamped = stamp(manifest, self.rv)
        event = MODIFIED if old is not None else ADDED
        self._index_owners(table, namespace, name, old=old, new=stamped)
        table.apply(Entry(self.rv, event, namespace, name, stamped, old))
        return stamped

    def remove(self, table: Table, namespace: str, name: str, last: Manifest) -> Manifest:
        """Delete an object; `last` is the state that the DELETED event shows."""
        self.rv += 1
        stamped = stamp(last, self.rv)
        old = table.spaces[namespace][name]
        self._index_owners(table, namespace, name, old=old, new=None)
        table.apply(Entry(self.rv, DELETED, namespace, name, stamped, old))
        return stamped

    def _index_owners(
        self,
        table: Table,
        namespace: str,
        name: str,
        *,
        old: Manifest | None,
        new: Manifest | None,
    ) -> None:
        if self._owners is not None:
            self._owners.change(f"{table.name}|{namespace}", name, old, new)

    def dependents(self, uid: str) -> tuple[tuple[str, Manifest], ...]:
        """Return (table name, object) of everything that names `uid` as an owner."""
        if self._owners is None:
            self._owners = Index(_owner_reader)
            for table in self.tables.values():
                for namespace, name, manifest in table.items():
                    self._owners.change(f"{table.name}|{namespace}", name, None, manifest)
        found = []
        for place, name in sorted(self._owners.find(uid)):
            table_name, _, namespace = place.partition("|")
            found.append((table_name, self.tables[table_name].spaces[namespace][name]))
        return tuple(found)

    def compact(self, keep: int) -> None:
        """Forget history in every table; with `keep` 0 any older position has expired."""
        for table in self.tables.values():
            table.forget(keep)
            if keep == 0:
                table.floor = self.rv


def stamp(manifest: Manifest, rv: int) -> Manifest:
    """Return the object with a resourceVersion; everything else is shared."""
    return {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": str(rv)}}

"""Remembers renders by what they read: a commit that changes nothing of it costs nothing."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeAlias

from rollouts.gitops.render.model import Rendered
from rollouts.gitops.source.tree import Tree

OBJECTS_KEPT_MAX = 20_000
"""Most objects kept in memory; one takes some 5 KB."""

_PER_KEY_MAX = 3  # The branch head, the one before, and a rollback.

Key: TypeAlias = tuple[str, ...]


class RenderCache:
    """A bounded memory of renders, least recently used first to go."""

    def __init__(self, objects_max: int = OBJECTS_KEPT_MAX) -> None:
        self._objects_max = objects_max
        self._objects = 0
        self._renders: OrderedDict[tuple[Key, tuple[tuple[str, str], ...]], Rendered] = (
            OrderedDict()
        )
        self._by_key: dict[Key, list[tuple[tuple[str, str], ...]]] = {}

    def find(self, key: Key, tree: Tree) -> Rendered | None:
        """Return a render of the same options whose every read is the same in this tree."""
        for reads in self._by_key.get(key, ()):
            if all(tree.object_id(path) == object_id for path, object_id in reads):
                self._renders.move_to_end((key, reads))
                return self._renders[key, reads]
        return None

    def keep(self, key: Key, rendered: Rendered) -> None:
        """Remember a render, forgetting others if there is no room."""
        reads = rendered.tree_ids
        self._drop(key, reads)
        self._renders[key, reads] = rendered
        self._by_key.setdefault(key, []).append(reads)
        self._objects += len(rendered.objects)
        if len(self._by_key[key]) > _PER_KEY_MAX:
            self._drop(key, self._by_key[key][0])
        while self._objects > self._objects_max and len(self._renders) > 1:
            self._drop(*next(iter(self._renders)))

    def clear(self) -> None:
        """Forget everything (a hard refresh)."""
        self._renders.clear()
        self._by_key.clear()
        self._objects = 0

    def _drop(self, key: Key, reads: tuple[tuple[str, str], ...]) -> None:
        gone = self._renders.pop((key, reads), None)
        if gone is None:
            return
        self._objects -= len(gone.objects)
        self._by_key[key].remove(reads)
        if not self._by_key[key]:
            del self._by_key[key]

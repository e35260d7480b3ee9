"""An inverted index over objects: from a key that each object yields to the objects' names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from rollouts.emulator.resources import Manifest


class Index:
    """Maps each key to the (namespace, name) of the objects that yield it.

    An update that leaves `metadata` parts alone costs two comparisons by identity.
    """

    def __init__(self, read: Callable[[str, Manifest], tuple[Any, ...]]) -> None:
        self._read = read
        # Dictionaries serve as ordered sets: the order of answers never depends on hashing.
        self._places: dict[Any, dict[tuple[str, str], None]] = {}

    def change(self, namespace: str, name: str, old: Manifest | None, new: Manifest | None) -> None:
        """Take an object's change in; None stands for absent."""
        before = () if old is None else self._read(namespace, old)
        after = () if new is None else self._read(namespace, new)
        if before == after:
            return
        for key in before:
            places = self._places[key]
            places.pop((namespace, name), None)
            if not places:
                del self._places[key]
        for key in after:
            self._places.setdefault(key, {})[(namespace, name)] = None

    def find(self, key: Any) -> Collection[tuple[str, str]]:
        """Return where the key occurs."""
        return self._places.get(key, {}).keys()

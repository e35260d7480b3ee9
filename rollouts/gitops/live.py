"""The newest known live object of everything that some unit cares about.

Fed by the watches of managed kinds and by the answers to our own calls, in any order; asked
before any request is made. What nobody declares or has applied is not kept.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from rollouts.api.refs import Kind, Manifest
from rollouts.gitops.model import ResourceKey, UnitId


class LiveObjects:
    """Objects by key, and which units are interested in them."""

    def __init__(self) -> None:
        self._objects: dict[ResourceKey, Manifest | None] = {}
        self._interest: dict[ResourceKey, dict[UnitId, None]] = {}
        self._keys: dict[UnitId, tuple[ResourceKey, ...]] = {}
        self._watched: dict[Kind, None] = {}

    @property
    def units(self) -> Container[UnitId]:
        """Return the units that are interested in anything."""
        return self._keys.keys()

    def watch(self, kind: Kind) -> None:
        """Trust what is learnt about this kind from now on: changes will be told.

        What was learnt before is forgotten; it may have changed since without a word.
        """
        for key in [each for each in self._objects if _is_of(each, kind)]:
            del self._objects[key]
        self._watched[kind] = None

    def care(self, unit: UnitId, keys: Iterable[ResourceKey]) -> None:
        """Set the objects that a unit is interested in; what nobody cares for is forgotten."""
        wanted = tuple(dict.fromkeys(keys))
        before = self._keys.get(unit, ())
        if wanted == before:
            return
        for key in wanted:
            self._interest.setdefault(key, {})[unit] = None
        kept = dict.fromkeys(wanted)
        for key in before:
            if key not in kept:
                self._drop_interest(unit, key)
        if wanted:
            self._keys[unit] = wanted
        else:
            self._keys.pop(unit, None)

    def care_too(self, unit: UnitId, key: ResourceKey) -> None:
        """Add an object that a unit is interested in until it next says what it cares for."""
        self.care(unit, (*self._keys.get(unit, ()), key))

    def known(self, key: ResourceKey, kind: Kind) -> tuple[bool, Manifest | None]:
        """Return (is it known, the object or None when it does not exist).

        An object that was told in another version is not known in this one: its fields may
        be spelled differently there.
        """
        if kind not in self._watched or key not in self._objects:
            return False, None
        found = self._objects[key]
        if found is not None and found.get("apiVersion") != kind.api_version:
            return False, None
        return True, found

    def learn(self, key: ResourceKey, live: Manifest | None) -> None:
        """Take the answer to our own call; None for an object that does not exist."""
        if key in self._interest:
            known = self._objects.get(key)
            if live is None or known is None or _version(live) >= _version(known):
                self._objects[key] = live

    def forget(self, key: ResourceKey) -> None:
        """Read the object anew before it is next used: what is known has proved stale."""
        self._objects.pop(key, None)

    def observe(
        self, key: ResourceKey, live: Manifest, *, deleted: bool = False
    ) -> tuple[UnitId, ...]:
        """Take a watch event and return the units that care; none when it is old news."""
        units = tuple(self._interest.get(key, ()))
        if not units:
            return ()
        known = self._objects.get(key)
        if known is not None and _version(live) < _version(known):
            return ()
        if deleted:
            self._objects[key] = None
        elif known is not None and _version(live) == _version(known) != 0:
            return ()  # The echo of our own write.
        else:
            self._objects[key] = live
        return units

    def _drop_interest(self, unit: UnitId, key: ResourceKey) -> None:
        units = self._interest.get(key, {})
        units.pop(unit, None)
        if not units:
            self._interest.pop(key, None)
            self._objects.pop(key, None)


def _is_of(key: ResourceKey, kind: Kind) -> bool:
    return (key.group, key.kind) == (kind.group, kind.kind)


def _version(live: Manifest) -> int:
    """Return the resourceVersion as a number, which holds within one kind; 0 when it is none."""
    text = str((live.get("metadata") or {}).get("resourceVersion", ""))
    return int(text) if text.isdigit() else 0

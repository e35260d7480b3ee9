"""Walking through JSON that may have any shape, for rules that must survive bad input.

A rule reads what it can and leaves the rest: wrong types are reported by the models, so a spot
of the wrong type reads as empty here and no rule reports it a second time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rollouts.api.problems import Finding, Path


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a manifest and what stands there; None when nothing does."""

    value: Any
    path: Path = ()

    def at(self, *keys: str) -> Spot:
        """Return the place below, by keys."""
        here = self
        for key in keys:
            below = here.value.get(key) if isinstance(here.value, dict) else None
            here = Spot(below, (*here.path, key))
        return here

    def each(self) -> Iterator[Spot]:
        """Yield the places of a list; nothing when it is none."""
        if isinstance(self.value, list | tuple):
            for index, item in enumerate(self.value):
                yield Spot(item, (*self.path, index))

    def entries(self) -> Iterator[Spot]:
        """Yield the places of a map, in its order; nothing when it is none."""
        if isinstance(self.value, dict):
            for key in self.value:
                yield self.at(key)

    @property
    def key(self) -> str:
        """Return the last part of the path."""
        return str(self.path[-1]) if self.path else ""

    @property
    def given(self) -> bool:
        """Return whether anything stands here; null is nothing."""
        return self.value is not None

    @property
    def number(self) -> int | None:
        """Return the whole number that stands here; None when it is none."""
        is_number = isinstance(self.value, int) and not isinstance(self.value, bool)
        return self.value if is_number else None

    @property
    def text(self) -> str:
        """Return the text that stands here; empty when it is none."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def mapping(self) -> dict[str, Any]:
        """Return the map that stands here; empty when it is none."""
        return self.value if isinstance(self.value, dict) else {}

    def wrong(self, message: str) -> Finding:
        """Return the finding that what stands here is wrong."""
        return Finding(self.path, message, self.value)

    def missing(self, message: str) -> Finding:
        """Return the finding that something should stand here."""
        return Finding(self.path, message)

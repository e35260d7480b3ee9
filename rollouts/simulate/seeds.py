"""The only source of luck: one seed, and a child generator for each actor."""

from __future__ import annotations

from random import Random


class Seeds:
    """Hands a generator to each actor.

    Each name has a generator of its own, so that an actor added later does not change the luck
    of the others. The generator is seeded from text, which does not depend on PYTHONHASHSEED.
    """

    __slots__ = ("_seed",)

    def __init__(self, seed: int | str) -> None:
        self._seed = seed

    def child(self, name: str) -> Random:
        """Return the generator that belongs to this name."""
        return Random(f"{self._seed}/{name}")  # noqa: S311  # repeatable on purpose, guards nothing

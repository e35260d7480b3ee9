"""Sums up the health of many objects; the sum does not depend on their order or grouping."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

from rollouts.gitops.health.model import Health, Status

CAUSES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Part:
    """One object in a sum.

    Attributes:
        name: what a message calls it, such as `Deployment/shop/web`.
        health: None when its kind has no health; it then does not count.
        child: a child Application, which does not count while it is Missing or Unknown.
        excluded: the object asked not to count.
    """

    name: str
    health: Health | None
    child: bool = False
    excluded: bool = False


@dataclass(frozen=True, slots=True)
class Total:
    """The health of a set of objects, ready to be joined with that of another set.

    Attributes:
        status: None for a set in which nothing counts.
        causes: the first few objects that have this status, sorted, with their messages.
        cause_count: how many there are.
    """

    status: Status | None = None
    causes: tuple[str, ...] = ()
    cause_count: int = 0

    @property
    def health(self) -> Health:
        """Return the sum as one status; nothing that counts is Healthy."""
        if self.status is None or self.status is Status.HEALTHY:
            return Health(Status.HEALTHY)
        more = self.cause_count - len(self.causes)
        return Health(
            self.status, "; ".join(self.causes) + (f"; and {more} more" if more > 0 else "")
        )


def join(one: Total, other: Total) -> Total:
    """Return the sum of two disjoint sets.

    The worse status wins, save that Missing yields to everything: single objects that are not
    there yet do not make a unit Missing, only the absence of all does.
    """
    if _weight(one) != _weight(other):
        return max(one, other, key=_weight)
    causes = tuple(sorted((*one.causes, *other.causes))[:CAUSES_SHOWN])
    return Total(one.status, causes, one.cause_count + other.cause_count)


def _weight(total: Total) -> int:
    if total.status is None:
        return -2
    return -1 if total.status is Status.MISSING else total.status.badness


def total_of(part: Part) -> Total:
    """Return one object as a sum."""
    health = part.health
    if health is None or part.excluded:
        return Total()
    if part.child and health.status in (Status.MISSING, Status.UNKNOWN):
        return Total()
    cause = f"{part.name}: {health.message}" if health.message else part.name
    return Total(health.status, (cause,), 1)


def aggregate(parts: Iterable[Part]) -> Health:
    """Return the health of a unit from that of its declared objects, hooks left out."""
    return reduce(join, map(total_of, parts), Total()).health


def worst(healths: Iterable[Health]) -> Health:
    """Return the first of the worst; Healthy when there are none."""
    return max(healths, key=lambda health: health.status.badness, default=Health(Status.HEALTHY))

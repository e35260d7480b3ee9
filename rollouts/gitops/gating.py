"""Says how the objects of a unit do, and what a wave still lacks before the next may begin."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from rollouts.api.refs import Manifest
from rollouts.gitops.grouping import Group
from rollouts.gitops.health import Health, Status, assess
from rollouts.gitops.model import Comparison, Declared, ResourceKey
from rollouts.gitops.outcome import Waiting
from rollouts.gitops.prepare import Prepared

_SHOWN = 3


def health_of(
    prepared: Prepared,
    compared: Mapping[ResourceKey, Comparison],
    live: Mapping[ResourceKey, Manifest | None],
    now: datetime,
) -> dict[ResourceKey, Health]:
    """Return the health of the unit's own objects; those of other units are not counted."""
    found: dict[ResourceKey, Health] = {}
    for one in prepared.objects:
        if not one.tracked or compared[one.key].claimed_by:
            continue
        health = _assess(live.get(one.key), now)
        if health is not None:
            found[one.key] = health
    return found


def _assess(live: Manifest | None, now: datetime) -> Health | None:
    """Assess an object; its own word counts once it is about the generation that we see."""
    if live is None:
        return Health(Status.MISSING, "does not exist")
    generation = (live.get("metadata") or {}).get("generation")
    applied = generation if isinstance(generation, int) else None
    return assess(live, now, applied_generation=applied)


def gate(
    group: Group, live: Mapping[ResourceKey, Manifest | None], now: datetime
) -> Waiting | None:
    """Return what the objects of a group still lack before the next wave may begin."""
    late: list[tuple[Declared, Health]] = []
    for one in group.objects:
        health = _assess(live.get(one.key), now) if one.options.reconcile else None
        if health is not None and health.status is not Status.HEALTHY:
            late.append((one, health))
    if not late:
        return None
    failed = [each for each in late if each[1].status is Status.DEGRADED]
    shown = ", ".join(
        f"{one.key} is {health.status}" + (f" ({health.message})" if health.message else "")
        for one, health in (failed or late)[:_SHOWN]
    )
    more = f" and {len(failed or late) - _SHOWN} more" if len(failed or late) > _SHOWN else ""
    return Waiting(
        f"{'failed in' if failed else 'waiting for'} wave {group.wave}: {shown}{more}",
        failed=bool(failed),
        unhurried=all(one.key.kind == "Rollout" for one, _ in late),
    )

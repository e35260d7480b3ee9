"""The arithmetic of a Deployment's update: who may grow and who may shrink now."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Member:
    """One ReplicaSet in numbers: wanted, existing and available pods."""

    name: str
    wanted: int
    existing: int
    available: int


@dataclass(frozen=True, slots=True)
class Scale:
    """A change of one ReplicaSet's `spec.replicas`."""

    name: str
    before: int
    to: int


@dataclass(frozen=True, slots=True)
class Fleet:
    """All ReplicaSets of a Deployment; `old` from the oldest to the newest."""

    wanted: int
    surge: int
    unavailable: int
    current: Member | None = None
    old: tuple[Member, ...] = ()

    @property
    def members(self) -> tuple[Member, ...]:
        """Return every member, the current one last."""
        return self.old if self.current is None else (*self.old, self.current)

    def plan_single(self) -> tuple[Scale, ...]:
        """Scale the only set that has pods, or the newest when none has; no update happens."""
        active = [member for member in self.members if member.wanted]
        if not active:
            active = list(self.members[-1:])
        if len(active) != 1:
            return ()
        return _change(active[0], self.wanted)


def surge_and_unavailable(spec: dict[str, object], wanted: int) -> tuple[int, int]:
    """Return how many pods an update may add and miss; surge rounds up, the other down.

    Both zero would never move: then one may be missing.
    """
    strategy = spec.get("strategy")
    strategy = strategy if isinstance(strategy, dict) else {}
    if strategy.get("type") == "Recreate":
        return 0, 0
    rolling = strategy.get("rollingUpdate") or {}
    surge = _portion(rolling.get("maxSurge", "25%"), wanted, up=True)
    unavailable = _portion(rolling.get("maxUnavailable", "25%"), wanted, up=False)
    if not surge and not unavailable:
        unavailable = 1
    return surge, unavailable


def plan_rolling_update(fleet: Fleet) -> tuple[Scale, ...]:
    """Grow the current set as far as surge allows, else shrink old ones as availability allows."""
    current = fleet.current
    if current is None:
        return ()
    total = sum(member.wanted for member in fleet.members)
    if current.wanted > fleet.wanted:
        return _change(current, fleet.wanted)
    room = fleet.wanted + fleet.surge - total
    growth = min(room, fleet.wanted - current.wanted)
    if growth > 0:
        return _change(current, current.wanted + growth)
    return _shrink_old(fleet, current, total)


def plan_recreate(fleet: Fleet) -> tuple[Scale, ...]:
    """Empty every old set; fill the current one once the last old pod is gone."""
    shrinking = tuple(Scale(member.name, member.wanted, 0) for member in fleet.old if member.wanted)
    if shrinking or any(member.existing for member in fleet.old) or fleet.current is None:
        return shrinking
    return _change(fleet.current, fleet.wanted)


def _shrink_old(fleet: Fleet, current: Member, total: int) -> tuple[Scale, ...]:
    """Take broken old pods first, then as many available ones as can be missed."""
    minimum = fleet.wanted - fleet.unavailable
    missing = max(0, current.wanted - current.available)
    budget = total - minimum - missing
    if budget <= 0:
        return ()
    targets = {member.name: member.wanted for member in fleet.old}
    for member in fleet.old:
        broken = min(budget, max(0, member.wanted - member.available))
        targets[member.name] -= broken
        budget -= broken
    # Pods that are available and not needed to stay above the minimum.
    spare = min(budget, sum(member.available for member in fleet.members) - minimum)
    for member in fleet.old:
        taken = min(max(0, spare), targets[member.name])
        targets[member.name] -= taken
        spare -= taken
    return tuple(
        Scale(member.name, member.wanted, targets[member.name])
        for member in fleet.old
        if targets[member.name] != member.wanted
    )


def _change(member: Member, to: int) -> tuple[Scale, ...]:
    return () if member.wanted == to else (Scale(member.name, member.wanted, to),)


def _portion(value: object, whole: int, *, up: bool) -> int:
    if isinstance(value, int):
        return value
    percent = int(str(value).removesuffix("%") or 0)
    return -(-whole * percent // 100) if up else whole * percent // 100

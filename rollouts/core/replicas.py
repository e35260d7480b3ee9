"""How many pods each part should have: rounding, surge and unavailability.

Source: the rounding table and the order of steps are those of the peer's canary, because
people size their clusters and disruption budgets by them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from rollouts.core.facts import ReplicaSetFacts
from rollouts.core.spec import SetCanaryScale, SetWeight, Spec, ceil_div


def weight_at(spec: Spec, index: int) -> int:
    """Return the weight of the last `setWeight` at or before this step; 0 when there is none.

    Past the last step the canary is meant to take everything.
    """
    if index >= len(spec.steps):
        return spec.max_weight
    for step in reversed(spec.steps[: index + 1]):
        if isinstance(step, SetWeight):
            return step.weight
    return 0


def weight_reached(spec: Spec, index: int) -> int:
    """Return the weight of the last `setWeight` before this step: the one already allowed."""
    for step in reversed(spec.steps[:index]):
        if isinstance(step, SetWeight):
            return step.weight
    return 0


def canary_scale_at(spec: Spec, index: int) -> SetCanaryScale | None:
    """Return the `setCanaryScale` in force at this step; it is sticky until another one."""
    if index >= len(spec.steps):
        return None
    for step in reversed(spec.steps[: index + 1]):
        if isinstance(step, SetCanaryScale):
            follows_weight = step.replicas is None and step.weight is None
            return None if follows_weight else step
    return None


def routed_canary_size(spec: Spec, index: int) -> int:
    """Return the canary's pods at this step when a router splits the traffic."""
    scale = canary_scale_at(spec, index)
    if scale is not None and scale.replicas is not None:
        return scale.replicas
    if scale is not None and scale.weight is not None:
        size = ceil_div(spec.replicas * scale.weight, 100)
    else:
        size = ceil_div(spec.replicas * weight_at(spec, index), spec.max_weight)
    return max(size, min(spec.min_pods, spec.replicas)) if size else 0


def split_pods(spec: Spec, weight: int) -> tuple[int, int]:
    """Return (canary, stable) pod counts nearest to the weight when pods are the only split.

    A tie goes to the larger canary; with surge one pod more than wanted may come closer.
    """
    total, maximum = spec.replicas, spec.max_weight
    if total == 0:
        return 0, 0
    up, down = ceil_div(total * weight, maximum), total * weight // maximum
    zero_ok = weight in (0, maximum) or (total == 1 and spec.max_surge == 0)

    def is_tied(size: int) -> bool:
        return Fraction(size * weight, maximum) % 1 == Fraction(1, 2)

    candidates: list[tuple[int, int]] = []
    if up < total or zero_ok:
        candidates.append((up, total))
    if not is_tied(total) and (down != 0 or zero_ok):
        candidates.append((down, total))
    if spec.max_surge > 0:
        candidates.append((up, total + 1))
        if not is_tied(total + 1) and (down != 0 or zero_ok):
            candidates.append((down, total + 1))
    if not candidates:  # a tie whose upper end would leave stable no pod, and no surge
        candidates.append((max(down, 1), total))
    canary, size = min(
        candidates, key=lambda each: abs(Fraction(each[0] * maximum, each[1]) - weight)
    )
    return canary, size - canary


@dataclass(frozen=True, slots=True)
class Sizes:
    """Wanted `spec.replicas` of both parts right now."""

    canary: int
    stable: int


def step_towards(
    spec: Spec,
    canary: ReplicaSetFacts | None,
    stable: ReplicaSetFacts,
    *,
    others: tuple[ReplicaSetFacts, ...],
    target: Sizes,
) -> Sizes:
    """Move both parts towards their targets as far as surge and unavailability allow now.

    Pods are added within `replicas + maxSurge`, stable first; then, when no older set is left,
    pods are removed from the part that shrinks as far as the rest keeps enough of them
    available.
    """
    canary_now = canary.replicas if canary else 0
    total = canary_now + stable.replicas + sum(each.replicas for each in others)
    budget = max(0, spec.replicas + spec.max_surge - total)
    stable_next = min(max(target.stable, stable.replicas), stable.replicas + budget)
    budget -= stable_next - stable.replicas
    canary_next = min(max(target.canary, canary_now), canary_now + budget)
    if any(each.replicas > 0 for each in others):
        return Sizes(canary_next, stable_next)
    return _shrink(spec, canary, stable, grown=Sizes(canary_next, stable_next), target=target)


def _shrink(
    spec: Spec,
    canary: ReplicaSetFacts | None,
    stable: ReplicaSetFacts,
    *,
    grown: Sizes,
    target: Sizes,
) -> Sizes:
    """Lower the part that is above its target; pods being drained need not be healthy."""
    minimum = spec.replicas - spec.max_unavailable
    canary_available = canary.available if canary else 0
    canary_spec = canary.replicas if canary else 0
    is_canary_growing = target.canary >= canary_spec
    if is_canary_growing:
        kept = stable.replicas + min(canary_available, canary_spec)
        budget = kept - minimum
        removable = max(0, grown.stable - target.stable)
        return Sizes(grown.canary, grown.stable - min(max(budget, 0), removable))
    kept = canary_spec + min(stable.available, stable.replicas)
    budget = kept - minimum
    removable = max(0, grown.canary - target.canary)
    return Sizes(grown.canary - min(max(budget, 0), removable), grown.stable)


def drain_basic(
    spec: Spec, kept: tuple[ReplicaSetFacts, ...], others: tuple[ReplicaSetFacts, ...]
) -> dict[str, int]:
    """Return new sizes, by name, of older sets without a router; absent means unchanged.

    Unhealthy pods go first, then only as many as leave enough pods available in total.
    """
    available = sum(min(each.available, each.replicas) for each in (*kept, *others))
    budget = available - (spec.replicas - spec.max_unavailable)
    sizes: dict[str, int] = {}
    for each in reversed(others):  # oldest first
        if each.replicas == 0:
            continue
        healthy = min(each.available, each.replicas)
        cut = min(healthy, max(budget, 0))
        budget -= cut
        if healthy - cut != each.replicas:
            sizes[each.name] = healthy - cut
    return sizes

"""Which share of requests the canary may have, when a router splits them."""

from __future__ import annotations

from datetime import datetime, timedelta

from rollouts.core.facts import ReplicaSetFacts, ServiceFacts
from rollouts.core.replicas import canary_scale_at, weight_reached
from rollouts.core.situation import Situation, is_available
from rollouts.core.spec import ceil_div

TRAFFIC_SETTLE = timedelta(seconds=2)
"""How long proxies get to learn a switched Service before the weight leans on it.

ingress-nginx copies endpoints once a second, and the endpoints themselves take a moment to be
computed; a weight that returns to stable earlier would send requests to the old pods again.
"""


def settles_at(situation: Situation) -> datetime | None:
    """Return when the last promotion has settled, None when it has or never was."""
    promoted_at = situation.progress.promoted_at
    if promoted_at is None or situation.now >= promoted_at + TRAFFIC_SETTLE:
        return None
    return promoted_at + TRAFFIC_SETTLE


def has_capacity(situation: Situation, weight: int, index: int) -> bool:
    """Tell whether the canary's available pods can carry this weight at this step."""
    if weight == 0:
        return True
    current = situation.revisions.current
    if current is None or current.serving == 0:
        return False
    spec = situation.spec
    scale = canary_scale_at(spec, index)
    if scale is not None and scale.replicas is not None:
        size = scale.replicas
    elif scale is not None and scale.weight is not None:
        size = ceil_div(spec.replicas * scale.weight, 100)
    else:
        size = ceil_div(spec.replicas * weight, spec.max_weight)
    return current.serving >= situation.needed(size)


def may_switch_canary(situation: Situation) -> bool:
    """Tell whether the canary Service selects the canary or may be pointed at it in this pass.

    A weight in force belongs to whatever the Service selects now. It has to be drained first,
    unless nobody is lost by the switch: that set is dead, or there is no stable pod to drain to.
    """
    service, current = situation.canary_service, situation.revisions.current
    if service is None or not is_available(current):
        return False
    if service.pod_hash == situation.revisions.current_hash or situation.route.weight == 0:
        return True
    if not is_available(situation.with_hash(service.pod_hash)):
        return True
    is_stuck = not is_available(situation.revisions.stable)
    return is_stuck and has_capacity(situation, situation.route.weight, situation.index)


def choose_weight(situation: Situation, index: int, *, reached: int | None = None) -> int:
    """Return the canary weight that should be in force now.

    Args:
        index: the step the rollout is at after this pass.
        reached: the weight that a step completed in this pass allows.
    """
    goal = _goal(situation, index, reached)
    live = situation.route.weight
    return goal if goal >= live else _lower(situation, goal, live)


def _goal(situation: Situation, index: int, reached: int | None) -> int:
    revisions, live = situation.revisions, situation.route.weight
    if revisions.is_promoted or revisions.is_first:
        return 0
    if situation.is_aborted or not is_available(revisions.current):
        return 0
    if not may_switch_canary(situation):
        return 0  # The weight belongs to another revision: drain it before the Service moves.
    if index >= situation.step_count:
        is_full = situation.is_at_size(situation.spec.replicas)
        return situation.spec.max_weight if is_full else live
    allowed = weight_reached(situation.spec, index) if reached is None else reached
    if allowed > live and not has_capacity(situation, allowed, max(index - 1, 0)):
        return live
    return allowed


def _lower(situation: Situation, goal: int, live: int) -> int:
    """Return how far the weight may fall now: no faster than stable's pods can take it over."""
    revisions, spec = situation.revisions, situation.spec
    service, stable_service = situation.canary_service, situation.stable_service
    serving = _served(situation, service) if service else None
    is_switching = situation.is_updating and not situation.is_aborted
    if is_switching and may_switch_canary(situation):
        serving = revisions.current  # The Service is pointed at it before the weight moves.
    if not is_available(serving):
        return goal  # Requests sent there are lost; anywhere else is better.
    stable = revisions.stable
    if stable is None:
        behind = _served(situation, stable_service) if stable_service else None
        return goal if behind is serving else live
    is_switched = stable_service is not None and stable_service.pod_hash == stable.pod_hash
    is_settled = settles_at(situation) is None or situation.is_aborted
    if not is_switched or not is_settled:
        return live  # Lowering would send requests to what the Service selected before.
    if serving is stable or spec.replicas == 0:
        return goal  # Both Services lead to the same pods, or there is nobody to serve.
    carried = stable.serving * spec.max_weight // spec.replicas
    return min(live, max(goal, spec.max_weight - carried))


def _served(situation: Situation, service: ServiceFacts) -> ReplicaSetFacts | None:
    """Return a set with available pods that a Service leads to; without a hash it selects all."""
    selected = (each for each in situation.revisions.all if service.pod_hash in {"", each.pod_hash})
    return next((each for each in selected if is_available(each)), None)

"""What is wrong with a canary strategy and its steps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from rollouts.api.analysis_ref_rules import canary_analysis_findings
from rollouts.api.base import INT32_MAX, resolve_int_or_percent
from rollouts.api.problems import Finding
from rollouts.api.shape import hint
from rollouts.api.spot import Spot
from rollouts.api.steps import STEP_KINDS, STEPS_MAX
from rollouts.api.strategy import SURGE_DEFAULT
from rollouts.api.times import parse_duration
from rollouts.api.traffic_rules import route_step_findings, traffic_findings, weight_max

_PERCENT_MAX = 100

_DURATION_MESSAGE = "Duration needs to be greater than 0; write 30s, 10m or 1h30m"

_EMPTY_STEP = {"pause": "must not be empty; write `pause: {}` to wait for a person"}


def canary_findings(canary: Spot, rollout: Spot) -> Iterator[Finding]:
    """Yield all that is wrong with the canary strategy of a Rollout, save wrong types."""
    yield from _surge_findings(canary)
    yield from _router_only_findings(canary)
    yield from _limit_findings(canary)
    yield from traffic_findings(canary)
    steps = canary.at("steps")
    if len(list(steps.each())) > STEPS_MAX:
        yield steps.wrong(f"must have at most {STEPS_MAX} steps")
    for step in steps.each():
        yield from _step_findings(step, canary)
    yield from route_step_findings(canary)
    yield from canary_analysis_findings(canary, rollout)
    yield from anti_affinity_findings(canary.at("antiAffinity"))


def anti_affinity_findings(affinity: Spot) -> Iterator[Finding]:
    """Yield what is wrong with a strategy's anti-affinity."""
    if not isinstance(affinity.value, dict):
        return
    preferred = affinity.at("preferredDuringSchedulingIgnoredDuringExecution")
    required = affinity.at("requiredDuringSchedulingIgnoredDuringExecution")
    if preferred.given == required.given:
        yield affinity.wrong("AntiAffinity must have exactly one strategy listed")
    weight = preferred.at("weight")
    if preferred.given and not 1 <= (weight.number or 0) <= _PERCENT_MAX:
        yield weight.wrong("AntiAffinity weight must be between 1-100")


def int_or_percent_findings(spot: Spot, *, round_up: bool) -> Iterator[Finding]:
    """Yield what is wrong with a count or percentage."""
    value = spot.value
    if not isinstance(value, int | str) or isinstance(value, bool):
        return
    try:
        count = resolve_int_or_percent(value, _PERCENT_MAX, round_up=round_up)
    except ValueError as error:
        yield spot.wrong(str(error))
        return
    if count < 0:
        yield spot.wrong("must be 0 or more")
    if isinstance(value, str) and count > _PERCENT_MAX:
        yield spot.wrong("must not be more than 100%")


def _surge_findings(canary: Spot) -> Iterator[Finding]:
    """Yield what is wrong with the room for an update."""
    surge, unavailable = canary.at("maxSurge"), canary.at("maxUnavailable")
    yield from int_or_percent_findings(surge, round_up=True)
    yield from int_or_percent_findings(unavailable, round_up=False)
    zero = (0, "0", "0%")
    given = [each.value if each.given else SURGE_DEFAULT for each in (surge, unavailable)]
    if all(value in zero and not isinstance(value, bool) for value in given):
        yield surge.wrong(
            "MaxSurge and MaxUnavailable both can not be zero; an update needs room for a pod"
        )


def _router_only_findings(canary: Spot) -> Iterator[Finding]:
    """Yield fields that have a meaning only with a router."""
    routed = canary.at("trafficRouting").given
    delay, dynamic = canary.at("scaleDownDelaySeconds"), canary.at("dynamicStableScale")
    if delay.given and not routed:
        yield delay.wrong("Canary scaleDownDelaySeconds can only be used with traffic routing")
    if dynamic.value is True and not routed:
        yield dynamic.wrong("Canary dynamicStableScale can only be used with traffic routing")
    if dynamic.value is True and routed and delay.given:
        yield dynamic.wrong("Canary dynamicStableScale cannot be used with scaleDownDelaySeconds")


def _limit_findings(canary: Spot) -> Iterator[Finding]:
    """Yield counts and delays that are out of range."""
    for name in (
        "scaleDownDelaySeconds",
        "scaleDownDelayRevisionLimit",
        "abortScaleDownDelaySeconds",
        "minPodsPerReplicaSet",
    ):
        yield from negative_findings(canary.at(name))
    threshold = canary.at("replicaProgressThreshold")
    if not isinstance(threshold.value, dict):
        return
    kind, value = threshold.at("type"), threshold.at("value")
    if kind.value not in ("Percent", "Pod"):
        yield kind.wrong("must be Percent or Pod")
    most = _PERCENT_MAX if kind.value == "Percent" else INT32_MAX
    if value.number is None or not 0 < value.number <= most:
        yield value.wrong(f"must be from 1 to {most}")


def negative_findings(spot: Spot) -> Iterator[Finding]:
    """Yield a finding when a number below zero stands here."""
    if (spot.number or 0) < 0:
        yield spot.wrong("must be greater than or equal to 0")


def _step_findings(step: Spot, canary: Spot) -> Iterator[Finding]:
    """Yield what is wrong with one step."""
    if not isinstance(step.value, dict):
        return
    kinds = [key for key in step.mapping if key in STEP_KINDS]
    unknown = [step.at(key) for key in step.mapping if key not in STEP_KINDS]
    for each in unknown:
        yield each.wrong(f"is no kind of step{hint(each.key, STEP_KINDS)}")
    if len(kinds) > 1:
        yield step.wrong(f"Step must have exactly one key, not {' and '.join(kinds)}; split it")
    elif kinds and not step.at(kinds[0]).given:
        yield step.at(kinds[0]).missing(_EMPTY_STEP.get(kinds[0], "must not be empty"))
    elif not kinds and not unknown:
        yield step.wrong(f"Step must have one of the following set: {_step_kinds()}")
    yield from _weight_findings(step, canary)
    yield from _pause_findings(step.at("pause", "duration"))


def _step_kinds() -> str:
    """Return the kinds of steps as a phrase."""
    return f"{', '.join(STEP_KINDS[:-1])} or {STEP_KINDS[-1]}"


def _weight_findings(step: Spot, canary: Spot) -> Iterator[Finding]:
    """Yield weights and scales that are out of range."""
    weight, most = step.at("setWeight"), weight_max(canary)
    if weight.number is not None and not 0 <= weight.number <= most:
        yield weight.wrong(f"SetWeight needs to be between 0 and {most}")
    scale = step.at("setCanaryScale")
    if scale.given and not canary.at("trafficRouting").given:
        yield scale.wrong(
            "SetCanaryScale requires TrafficRouting to be set; without it use setWeight"
        )
    yield from negative_findings(scale.at("replicas"))
    share = scale.at("weight")
    if share.number is not None and not 0 <= share.number <= _PERCENT_MAX:
        yield share.wrong("must be between 0 and 100, a percentage of spec.replicas")


def _pause_findings(duration: Spot) -> Iterator[Finding]:
    """Yield what is wrong with the duration of a pause.

    Differs from the peer: `1.5s` and the like wait for what they say; it drops the fraction.
    """
    value = duration.value
    if not isinstance(value, int | str) or isinstance(value, bool):
        return
    try:
        delay = parse_duration(value)
    except ValueError as error:
        yield duration.wrong(str(error))
        return
    if delay <= timedelta(0):
        yield duration.wrong(_DURATION_MESSAGE)

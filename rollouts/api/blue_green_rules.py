"""What is wrong with a blue-green strategy."""

from __future__ import annotations

from collections.abc import Iterator

from rollouts.api.canary_rules import (
    anti_affinity_findings,
    int_or_percent_findings,
    negative_findings,
)
from rollouts.api.names import is_service_name
from rollouts.api.problems import Finding
from rollouts.api.spot import Spot

_COUNTS = (
    "previewReplicaCount",
    "autoPromotionSeconds",
    "scaleDownDelaySeconds",
    "scaleDownDelayRevisionLimit",
    "abortScaleDownDelaySeconds",
)


def blue_green_findings(blue_green: Spot) -> Iterator[Finding]:
    """Yield all that is wrong with a blue-green strategy, save wrong types."""
    active, preview = blue_green.at("activeService"), blue_green.at("previewService")
    if not active.text:
        yield active.missing("name the Service of production traffic")
    elif active.text == preview.text:
        yield preview.wrong(
            "This rollout uses the same service for the active and preview services, "
            "but two different services are required"
        )
    for service in (active, preview):
        if service.text and not is_service_name(service.text):
            yield service.wrong("is no valid name of a Service")
    for name in _COUNTS:
        yield from negative_findings(blue_green.at(name))
    yield from int_or_percent_findings(blue_green.at("maxUnavailable"), round_up=False)
    yield from anti_affinity_findings(blue_green.at("antiAffinity"))

"""What is wrong with a Rollout: everything that can be decided from the manifest alone.

Source: the peer's pkg/apis/rollouts/validation. It reports the first problem; this reports all.
What needs other objects (a missing Service, an Ingress without the right rule) is found where
those objects are read.
"""

from __future__ import annotations

from collections.abc import Iterator

from rollouts.api.analysis_ref_rules import blue_green_analysis_findings
from rollouts.api.blue_green_rules import blue_green_findings
from rollouts.api.canary_rules import canary_findings, negative_findings
from rollouts.api.names import (
    LABELS_MAX,
    is_dns_label,
    is_subdomain,
    label_findings,
    selector_findings,
    selects,
)
from rollouts.api.problems import Finding
from rollouts.api.quantity import parse_quantity
from rollouts.api.rollout import (
    PROGRESS_DEADLINE_SECONDS_DEFAULT,
    REVISION_HISTORY_LIMIT_DEFAULT,
)
from rollouts.api.spot import Spot

NAME_LENGTH_MAX = 242
"""Longest name of a Rollout: its ReplicaSets add a dash and ten characters of hash to it."""

REPLICAS_MAX = 150_000
"""Most pods that Kubernetes is built for in one cluster; more is a slip of the hand.

Differs from the peer, which accepts every count.
"""


def rollout_findings(rollout: Spot) -> Iterator[Finding]:
    """Yield all that is wrong with a Rollout, save wrong types."""
    name = rollout.at("metadata", "name")
    if len(name.text) > NAME_LENGTH_MAX and is_subdomain(name.text):
        yield name.wrong(
            f"must be at most {NAME_LENGTH_MAX} characters, "
            "so that the names of ReplicaSets fit into 253"
        )
    spec = rollout.at("spec")
    if not isinstance(spec.value, dict):
        return
    yield from _count_findings(spec)
    yield from _identity_findings(spec)
    yield from _strategy_findings(spec, rollout)


def _count_findings(spec: Spot) -> Iterator[Finding]:
    """Yield counts and times that are out of range."""
    replicas = spec.at("replicas")
    for name in ("replicas", "minReadySeconds", "revisionHistoryLimit"):
        yield from negative_findings(spec.at(name))
    if (replicas.number or 0) > REPLICAS_MAX:
        yield replicas.wrong(f"must be at most {REPLICAS_MAX}")
    ready = spec.at("minReadySeconds")
    deadline = spec.at("progressDeadlineSeconds")
    seconds = PROGRESS_DEADLINE_SECONDS_DEFAULT if deadline.number is None else deadline.number
    if seconds <= max(0, ready.number or 0):
        place = deadline if deadline.given else ready
        yield place.wrong(
            "must be greater than minReadySeconds"
            if deadline.given
            else f"must be less than progressDeadlineSeconds, which is {seconds} when absent"
        )
    yield from negative_findings(spec.at("rollbackWindow", "revisions"))
    for name in ("successfulRunHistoryLimit", "unsuccessfulRunHistoryLimit"):
        yield from negative_findings(spec.at("analysis", name))


def _identity_findings(spec: Spot) -> Iterator[Finding]:
    """Yield what is wrong with selector, template and workloadRef, and how they fit together."""
    selector, template = spec.at("selector"), spec.at("template")
    yield from selector_findings(selector)
    labels = selector.at("matchLabels")
    if len(labels.mapping) > LABELS_MAX:
        yield labels.wrong(f"must have at most {LABELS_MAX} labels")
    if spec.at("workloadRef").given:
        if template.mapping:
            yield template.wrong("template must be empty for workload reference rollout")
        return
    if not selector.given:
        yield selector.missing("Rollout has missing field '.spec.selector'")
    elif isinstance(selector.value, dict) and _is_empty(selector):
        yield selector.wrong("empty selector is invalid for deployment; name at least one label")
    if not template.given or template.value == {}:
        yield template.missing("Rollout has missing field '.spec.template'")
        return
    labels = template.at("metadata", "labels")
    if selector.given and not _is_empty(selector) and not selects(selector, labels.mapping):
        yield labels.wrong("`selector` does not match template `labels`")
    yield from _template_findings(template)


def _is_empty(selector: Spot) -> bool:
    """Return whether a selector selects everything."""
    return not selector.at("matchLabels").mapping and not list(
        selector.at("matchExpressions").each()
    )


def _template_findings(template: Spot) -> Iterator[Finding]:
    """Yield the plainest mistakes in a pod template; the rest is for the API server to find."""
    yield from label_findings(template.at("metadata", "labels"))
    pod = template.at("spec")
    containers = pod.at("containers")
    if not list(containers.each()):
        yield containers.missing("must list at least one container")
    restart = pod.at("restartPolicy")
    if restart.given and restart.value != "Always":
        yield restart.wrong("must be Always, or be left out")
    names: list[str] = []
    for container in (*pod.at("initContainers").each(), *containers.each()):
        name = container.at("name")
        if not is_dns_label(name.text):
            yield name.wrong("must be a name of lower-case letters, digits and '-', at most 63")
        elif name.text in names:
            yield name.wrong("names two containers; give each its own name")
        names.append(name.text)
        if not container.at("image").text:
            yield container.at("image").missing("name the image to run")
        yield from _quantity_findings(container.at("resources"))


def _quantity_findings(resources: Spot) -> Iterator[Finding]:
    """Yield amounts of resources that are no quantities."""
    for name in ("requests", "limits"):
        for amount in resources.at(name).entries():
            try:
                quantity = parse_quantity(amount.value)
            except (ValueError, TypeError):
                yield amount.wrong("is no quantity; write 500m, 2 or 1Gi")
                continue
            if quantity < 0:
                yield amount.wrong("must be greater than or equal to 0")


def _strategy_findings(spec: Spot, rollout: Spot) -> Iterator[Finding]:
    """Yield what is wrong with the choice of strategy, and with the strategy itself."""
    strategy = spec.at("strategy")
    canary, blue_green = strategy.at("canary"), strategy.at("blueGreen")
    if not canary.given and not blue_green.given:
        yield strategy.missing(
            "Rollout has missing field '.spec.strategy.canary or .spec.strategy.blueGreen'; "
            "write `canary: {}` for an update without steps"
        )
    if canary.given and blue_green.given:
        yield strategy.wrong("Multiple Strategies can not be listed; keep canary or blueGreen")
    if canary.given:
        yield from canary_findings(canary, rollout)
    if blue_green.given:
        yield from blue_green_findings(blue_green)
        yield from blue_green_analysis_findings(blue_green, rollout)
    history = spec.at("revisionHistoryLimit")
    kept = REVISION_HISTORY_LIMIT_DEFAULT if history.number is None else history.number
    limit = blue_green.at("scaleDownDelayRevisionLimit")
    if kept < (limit.number or 0):
        yield limit.wrong(
            "This rollout's revision history limit can not be smaller than the rollout's "
            "scale down limit"
        )

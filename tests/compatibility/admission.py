"""What is refused of a Rollout, and what is not: one table for the API server and for `lint`."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

BASE: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Rollout",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "web:1"}]},
        },
        "strategy": {"canary": {}},
    },
}
SERVICES = {"stableService": "web", "canaryService": "web-canary"}
NGINX = {"nginx": {"stableIngress": "web"}}
ROUTED = {**SERVICES, "trafficRouting": NGINX}


@dataclass(frozen=True)
class Case:
    """One Rollout.

    Attributes:
        path: of the field that both blame; of several, the first.
        says: a part of what the API server says of it; empty where it takes the Rollout.
        spec: fields of the spec instead of those of BASE; None removes one.
    """

    name: str
    path: str = ""
    says: str = ""
    spec: Any = None
    metadata: Any = None

    @property
    def manifest(self):
        found = copy.deepcopy(BASE)
        found["metadata"] |= self.metadata or {}
        found["spec"] |= copy.deepcopy(self.spec or {})
        found["spec"] = {key: value for key, value in found["spec"].items() if value is not None}
        return found


def canary(**fields):
    return {"strategy": {"canary": fields}}


def steps(*each, **fields):
    return canary(steps=list(each), **fields)


def pause(duration):
    return steps({"pause": {"duration": duration}})


def blue_green(**fields):
    return {"strategy": {"blueGreen": {"activeService": "web", **fields}}}


_CANARY = "spec.strategy.canary"
_ROUTING = f"{_CANARY}.trafficRouting"
_STEP = f"{_CANARY}.steps[0]"
_DURATION = f"{_STEP}.pause.duration"
_POSITIVE = "Duration needs to be greater than 0"
_ONE_KEY = "Step must have exactly one of"
_SAME = "This rollout uses the same service for the"
_COUNT = "must be a count of 0 or more, or a percentage such as 25%"
_BOUND = "in body should be greater than or equal to"

REFUSED = (
    Case("long-name", "metadata.name", "at most 242", metadata={"name": "w" * 243}),
    Case("negative-replicas", "spec.replicas", _BOUND, {"replicas": -1}),
    Case("negative-ready", "spec.minReadySeconds", _BOUND, {"minReadySeconds": -1}),
    Case("negative-history", "spec.revisionHistoryLimit", _BOUND, {"revisionHistoryLimit": -1}),
    Case(
        "deadline",
        "spec.progressDeadlineSeconds",
        "must be greater than minReadySeconds",
        {"progressDeadlineSeconds": 30, "minReadySeconds": 30},
    ),
    Case("empty-selector", "spec.selector", "empty selector is invalid", {"selector": {}}),
    Case(
        "many-labels",
        "spec.selector.matchLabels",
        "must have at most 100 items",
        {"selector": {"matchLabels": {f"label-{index}": "a" for index in range(101)}}},
    ),
    Case(
        "long-label",
        "spec.selector.matchLabels",
        "Too long",
        {"selector": {"matchLabels": {"app": "a" * 64}}},
    ),
    Case(
        "other-labels",
        "spec.template.metadata.labels",
        "`selector` does not match template `labels`",
        {"selector": {"matchLabels": {"app": "web", "tier": "front"}}},
    ),
    Case(
        "template-and-workload",
        "spec.template",
        "template must be empty for workload reference rollout",
        {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
    ),
    Case("no-strategy", "spec.strategy", "missing field '.spec.strategy'", {"strategy": None}),
    Case("empty-strategy", "spec.strategy", "missing field '.spec.strategy", {"strategy": {}}),
    Case(
        "canary-without-braces",
        "spec.strategy",
        "missing field '.spec.strategy.canary or",
        {"strategy": {"canary": None}},
    ),
    Case(
        "two-strategies",
        "spec.strategy",
        "Multiple Strategies can not be listed",
        {"strategy": {"canary": {}, "blueGreen": {"activeService": "web"}}},
    ),
    Case(
        "one-service",
        f"{_CANARY}.canaryService",
        f"{_SAME} stable and canary services",
        canary(stableService="web", canaryService="web"),
    ),
    Case(
        "router-without-stable",
        f"{_CANARY}.stableService",
        "Canary service and Stable service must be set",
        canary(canaryService="web-canary", trafficRouting=NGINX),
    ),
    Case(
        "router-without-canary",
        f"{_CANARY}.canaryService",
        "Canary service and Stable service must be set",
        canary(stableService="web", canaryService="", trafficRouting={"smi": {}}),
    ),
    Case(
        "no-ingress",
        f"{_ROUTING}.nginx.stableIngress",
        "name the Ingress that routes to the stable Service",
        canary(**SERVICES, trafficRouting={"nginx": {}}),
    ),
    Case(
        "both-ingresses",
        f"{_ROUTING}.nginx.stableIngresses",
        "stableIngress and stableIngresses cannot both be set",
        canary(
            **SERVICES,
            trafficRouting={"nginx": {"stableIngress": "web", "stableIngresses": ["other"]}},
        ),
    ),
    Case(
        "total-without-nginx",
        f"{_ROUTING}.maxTrafficWeight",
        "maxTrafficWeight in traffic routing only support in Nginx and Plugins",
        canary(**SERVICES, trafficRouting={"smi": {}, "maxTrafficWeight": 1000}),
    ),
    Case(
        "weight-101",
        _STEP,
        "between 0 and 100; steps[0].setWeight is 101",
        steps({"setWeight": 101}),
    ),
    Case(
        "weight-1001",
        f"{_CANARY}.steps[1]",
        "between 0 and 1000; steps[1].setWeight is 1001",
        steps(
            {"setWeight": 1000},
            {"setWeight": 1001},
            **SERVICES,
            trafficRouting={**NGINX, "maxTrafficWeight": 1000},
        ),
    ),
    Case("weight-below-0", f"{_STEP}.setWeight", _BOUND, steps({"setWeight": -1})),
    Case("empty-step", _STEP, _ONE_KEY, steps({})),
    Case("pause-without-braces", _STEP, _ONE_KEY, steps({"pause": None})),
    Case("two-keys", _STEP, _ONE_KEY, steps({"setWeight": 10, "pause": {}})),
    Case("misspelt-step", _STEP, _ONE_KEY, steps({"setWieght": 10})),
    Case("1001-steps", f"{_CANARY}.steps", "at most 1000", steps(*[{"setWeight": 1}] * 1001)),
    Case("pause-of-0", _DURATION, _POSITIVE, pause(0)),
    Case("pause-below-0", _DURATION, _POSITIVE, pause(-1)),
    Case("pause-of-0s", _DURATION, _POSITIVE, pause("0s")),
    Case("pause-of-text-0", _DURATION, _POSITIVE, pause("0")),
    Case("pause-below-0s", _DURATION, _POSITIVE, pause("-5m")),
    Case("pause-of-nothing", _DURATION, _POSITIVE, pause("")),
    Case("pause-in-words", _DURATION, _POSITIVE, pause("10 minutes")),
    Case("pause-in-days", _DURATION, _POSITIVE, pause("1d")),
    Case("pause-of-a-unit", _DURATION, _POSITIVE, pause("m")),
    Case("pause-of-a-nanosecond", _DURATION, _POSITIVE, pause("1ns")),
    Case("pause-of-300-years", _DURATION, _POSITIVE, pause("2562048h")),
    Case("long-pause", _DURATION, "Too long", pause("1" * 65)),
    Case(
        "scale-without-router",
        _STEP,
        "SetCanaryScale requires TrafficRouting",
        steps({"setCanaryScale": {"replicas": 1}}),
    ),
    Case(
        "scale-below-0",
        f"{_STEP}.setCanaryScale.replicas",
        _BOUND,
        steps({"setCanaryScale": {"replicas": -1}}, **ROUTED),
    ),
    Case(
        "scale-weight-below-0",
        f"{_STEP}.setCanaryScale.weight",
        _BOUND,
        steps({"setCanaryScale": {"weight": -1}}, **ROUTED),
    ),
    Case(
        "delay-without-router",
        f"{_CANARY}.scaleDownDelaySeconds",
        "scaleDownDelaySeconds can only be used with traffic routing",
        canary(scaleDownDelaySeconds=30),
    ),
    Case(
        "dynamic-without-router",
        f"{_CANARY}.dynamicStableScale",
        "dynamicStableScale can only be used with traffic routing",
        canary(dynamicStableScale=True),
    ),
    Case(
        "dynamic-and-delay",
        f"{_CANARY}.dynamicStableScale",
        "and not with scaleDownDelaySeconds",
        canary(**ROUTED, dynamicStableScale=True, scaleDownDelaySeconds=30),
    ),
    Case(
        "no-room",
        f"{_CANARY}.maxSurge",
        "MaxSurge and MaxUnavailable both can not be zero",
        canary(maxSurge="0%", maxUnavailable=0),
    ),
    Case("surge-of-text", f"{_CANARY}.maxSurge", _COUNT, canary(maxSurge="25")),
    Case("surge-below-0", f"{_CANARY}.maxSurge", _COUNT, canary(maxSurge=-1)),
    Case("down-in-words", f"{_CANARY}.maxUnavailable", _COUNT, canary(maxUnavailable="a fifth")),
    Case(
        "no-affinity",
        f"{_CANARY}.antiAffinity",
        "AntiAffinity must have exactly one strategy listed",
        canary(antiAffinity={}),
    ),
    Case(
        "affinity-of-101",
        f"{_CANARY}.antiAffinity.preferredDuringSchedulingIgnoredDuringExecution.weight",
        "in body should be less than or equal to 100",
        canary(antiAffinity={"preferredDuringSchedulingIgnoredDuringExecution": {"weight": 101}}),
    ),
    Case(
        "one-ball",
        f"{_CANARY}.pingPong.pongService",
        f"{_SAME} ping and pong services",
        canary(
            pingPong={"pingService": "web", "pongService": "web"},
            trafficRouting={"alb": {"ingress": "web", "servicePort": 80, "rootService": "web"}},
        ),
    ),
    Case(
        "no-active-service",
        "spec.strategy.blueGreen.activeService",
        "name the Service of production traffic",
        {"strategy": {"blueGreen": {}}},
    ),
    Case(
        "one-blue-green-service",
        "spec.strategy.blueGreen.previewService",
        f"{_SAME} active and preview services",
        blue_green(previewService="web"),
    ),
    Case(
        "blue-green-down-in-words",
        "spec.strategy.blueGreen.maxUnavailable",
        _COUNT,
        blue_green(maxUnavailable="a fifth"),
    ),
    Case(
        "short-history",
        "spec",
        "revision history limit can not be smaller",
        {"revisionHistoryLimit": 1, **blue_green(scaleDownDelayRevisionLimit=2)},
    ),
)
"""What the API server refuses, and `rollouts lint` too."""

TAKEN = (
    Case("least"),
    Case("longest-name", metadata={"name": "w" * 242}),
    Case("no-replicas", spec={"replicas": 0}),
    Case("room-for-one", spec=canary(maxSurge=1, maxUnavailable=0)),
    Case("no-surge-stated", spec=canary(maxUnavailable="0%")),
    Case("weights-at-the-limits", spec=steps({"setWeight": 0}, {"setWeight": 100})),
    Case(
        "finer-weights",
        spec=steps(
            {"setWeight": 1000}, **SERVICES, trafficRouting={**NGINX, "maxTrafficWeight": 1000}
        ),
    ),
    Case("1000-steps", spec=steps(*[{"setWeight": 1}] * 1000)),
    Case("no-steps", spec=steps()),
    Case("null-fields", spec=canary(steps=None, canaryService=None, trafficRouting=None)),
    *(
        Case(f"pause-{text}", spec=pause(text))
        for text in (1, "1", "+1", "30s", "1h30m", "1.5s", ".5s", "1.s", "1us", "1µs", "1μs")
    ),
    Case("pause-until-promoted", spec=steps({"pause": {}})),
    Case(
        "several-ingresses",
        spec=canary(
            **SERVICES,
            trafficRouting={"nginx": {"stableIngress": "", "stableIngresses": ["a", "b"]}},
        ),
    ),
    Case("static-stable", spec=canary(dynamicStableScale=False)),
    Case(
        "selector-by-expression",
        spec={"selector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}},
    ),
    # The controller refuses what follows, or waits for it; the peer executes it.
    Case("fragment", spec={"selector": None, "template": None}),
    Case(
        "not-a-prefix",
        spec={
            "selector": None,
            "template": None,
            "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        },
    ),
    Case(
        "empty-template",
        spec={
            "selector": None,
            "template": {},
            "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        },
    ),
    Case("blue-green", spec=blue_green(previewService="preview", autoPromotionEnabled=False)),
    Case("analysis", spec=steps({"analysis": {"templates": [{"templateName": "errors"}]}})),
    Case(
        "experiment",
        spec=steps(
            {"experiment": {"templates": [{"name": "a", "specRef": "canary", "selector": {}}]}}
        ),
    ),
    Case("plugin", spec=steps({"plugin": {"name": "a/b", "config": {"any": [1, {}]}}})),
    Case("gateway", spec=canary(trafficRouting={"plugins": {"argoproj-labs/gatewayAPI": {}}})),
    Case(
        "subsets",
        spec=canary(
            trafficRouting={
                "istio": {"virtualService": {"name": "web"}, "destinationRule": {"name": "web"}}
            }
        ),
    ),
    Case(
        "ping-pong",
        spec=canary(
            pingPong={"pingService": "a", "pongService": "b"},
            trafficRouting={"alb": {"ingress": "web", "servicePort": 80, "rootService": "web"}},
        ),
    ),
    Case("field-of-the-future", spec=canary(newField={"a": [1]})),
)
"""What the API server takes."""

NOT_EXECUTED = {
    "fragment", "not-a-prefix", "empty-template", "blue-green", "experiment", "plugin",
    "gateway", "subsets", "ping-pong",
}  # fmt: skip
"""Of TAKEN, what `rollouts lint` may have an error for: no version need execute all of it."""

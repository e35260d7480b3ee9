"""What the API server itself refuses of a Rollout: bounds, and rules in CEL.

The law: only what the peer refuses too, or what can never work, is refused at the door, because
one definition serves both controllers and may be put over objects that exist. Whatever needs
judgement or other objects is left to `checks`, which says all problems of a manifest at once; each
rule here is also a finding there (`tests/compatibility/admission.py` holds both to one table).
A rule stands as deep as it can: a part that does not change is not checked again, so that an
object from before the rule can still be scaled, annotated and have its status written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rollouts.api.base import Model
from rollouts.api.names import LABEL_LENGTH_MAX, LABELS_MAX
from rollouts.api.refs import Manifest
from rollouts.api.rollout import PROGRESS_DEADLINE_SECONDS_DEFAULT as DEADLINE
from rollouts.api.rollout import REVISION_HISTORY_LIMIT_DEFAULT as HISTORY
from rollouts.api.rollout import PodSelector, Rollout, RolloutSpec
from rollouts.api.rollout_rules import NAME_LENGTH_MAX
from rollouts.api.steps import STEP_KINDS, STEPS_MAX, CanaryStep, Pause, SetCanaryScale
from rollouts.api.strategy import (
    AntiAffinity,
    BlueGreenStrategy,
    CanaryStrategy,
    PingPong,
    PreferredAntiAffinity,
    RolloutStrategy,
)
from rollouts.api.times import DURATION_LENGTH_MAX
from rollouts.api.traffic import WEIGHT_TOTAL, NginxRouting, TrafficRouting

_INVALID, _REQUIRED, _FORBIDDEN = "FieldValueInvalid", "FieldValueRequired", "FieldValueForbidden"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule in CEL.

    Attributes:
        expression: true when all is well; `self` is the value the rule stands at.
        message: what is wrong and what to do.
        field: the field below that is to blame, such as `.canaryService`; empty for `self`.
        tells: an expression for the message where the message needs values; `message` is shown
            where it cannot be evaluated.
    """

    expression: str
    message: str
    field: str = ""
    reason: str = _INVALID
    tells: str = ""

    def manifest(self) -> Manifest:
        """Return the rule as a CRD has it."""
        found: Manifest = {"rule": self.expression, "message": self.message}
        if self.tells:
            found["messageExpression"] = self.tells
        if self.field:
            found["fieldPath"] = self.field
        if self.reason != _INVALID:
            found["reason"] = self.reason
        return found


def object_rules(model: type[Model]) -> Manifest:
    """Return what the schema of a model's objects has beside types, empty when nothing."""
    rules = _OBJECTS.get(model, ())
    return {"x-kubernetes-validations": [rule.manifest() for rule in rules]} if rules else {}


def field_rules(model: type[Model], wire_name: str) -> Manifest:
    """Return what the schema of one field has beside its type, empty when nothing."""
    return dict(_FIELDS.get((model, wire_name), {}))


def _given(name: str) -> str:
    """Return the expression that a text is there and not empty."""
    return f"(has(self.{name}) && size(self.{name}) > 0)"


def _exactly_one(*names: str) -> str:
    """Return the expression that one of some fields is there, and no other."""
    return f"[{', '.join(f'has(self.{name})' for name in names)}].exists_one(given, given)"


def _is_zero(name: str) -> str:
    """Return the expression that a count or percentage is there and means no pod."""
    return (
        f"(has(self.{name}) && (type(self.{name}) == int"
        f" ? self.{name} == 0 : self.{name} in ['0', '0%']))"
    )


def _two_services(one: str, other: str) -> Rule:
    """Return the rule that two Services, named by fields such as `stableService`, differ."""
    names = [name.removesuffix("Service") for name in (one, other)]
    message = (
        f"This rollout uses the same service for the {names[0]} and {names[1]} services, "
        "but two different services are required"
    )
    return Rule(
        f"!{_given(one)} || !has(self.{other}) || self.{one} != self.{other}",
        message,
        field=f".{other}",
        tells=f"'{message}, not %s twice'.format([self.{other}])",
    )


_ROUTED = "has(self.trafficRouting)"
_NAMED_ROUTERS = ("nginx", "alb", "smi", "ambassador", "appMesh", "traefik", "apisix")
_NEEDS_SERVICES = " || ".join(
    (
        *(f"has(self.trafficRouting.{router})" for router in _NAMED_ROUTERS),
        # By subsets, Istio needs no Services.
        "(has(self.trafficRouting.istio) && !has(self.trafficRouting.istio.destinationRule))",
    )
)
_WEIGHT_MAX = (
    f"({_ROUTED} && has(self.trafficRouting.maxTrafficWeight)"
    f" ? self.trafficRouting.maxTrafficWeight : {WEIGHT_TOTAL})"
)
_TOO_HEAVY = f"has(step.setWeight) && step.setWeight > {_WEIGHT_MAX}"
_KINDS = f"{', '.join(STEP_KINDS[:-1])} or {STEP_KINDS[-1]}"

_DEADLINE = f"(has(self.progressDeadlineSeconds) ? self.progressDeadlineSeconds : {DEADLINE})"
_READY = "(has(self.minReadySeconds) ? self.minReadySeconds : 0)"
_MATCHES = (
    "self.selector.matchLabels.all(key, has(self.template.metadata)"
    " && has(self.template.metadata.labels) && key in self.template.metadata.labels"
    " && self.template.metadata.labels[key] == self.selector.matchLabels[key])"
)
_DRAIN_LIMIT = "self.strategy.blueGreen.scaleDownDelayRevisionLimit"

_OBJECTS: Mapping[type[Model], tuple[Rule, ...]] = {
    Rollout: (
        Rule(
            f"size(self.metadata.name) <= {NAME_LENGTH_MAX}",
            f"metadata.name must be at most {NAME_LENGTH_MAX} characters, "
            "so that the names of ReplicaSets fit into 253",
        ),
    ),
    RolloutSpec: (
        Rule(
            "has(self.strategy)",
            "Rollout has missing field '.spec.strategy'; "
            "write `strategy: {canary: {}}` for an update without steps",
            field=".strategy",
            reason=_REQUIRED,
        ),
        Rule(
            f"{_DEADLINE} > {_READY}",
            "progressDeadlineSeconds must be greater than minReadySeconds",
            field=".progressDeadlineSeconds",
            tells="'progressDeadlineSeconds, %d, must be greater than minReadySeconds, %d'"
            f".format([{_DEADLINE}, {_READY}])",
        ),
        Rule(
            "!has(self.workloadRef) || !has(self.template)"
            " || (!has(self.template.metadata) && !has(self.template.spec))",
            "template must be empty for workload reference rollout",
            field=".template",
            reason=_FORBIDDEN,
        ),
        Rule(
            "!has(self.selector) || !has(self.selector.matchLabels)"
            f" || !has(self.template) || !has(self.template.spec) || {_MATCHES}",
            "`selector` does not match template `labels`; "
            "give the template each label of spec.selector.matchLabels, with the same value",
            field=".template.metadata.labels",
        ),
        Rule(
            "!has(self.strategy) || !has(self.strategy.blueGreen)"
            f" || !has({_DRAIN_LIMIT})"
            f" || {_DRAIN_LIMIT} <= (has(self.revisionHistoryLimit)"
            f" ? self.revisionHistoryLimit : {HISTORY})",
            "This rollout's revision history limit can not be smaller than the rollout's "
            "scale down limit; raise revisionHistoryLimit",
            field=".revisionHistoryLimit",
        ),
    ),
    RolloutStrategy: (
        Rule(
            "has(self.canary) || has(self.blueGreen)",
            "Rollout has missing field '.spec.strategy.canary or .spec.strategy.blueGreen'; "
            "write `canary: {}` for an update without steps",
            reason=_REQUIRED,
        ),
        Rule(
            "!has(self.canary) || !has(self.blueGreen)",
            "Multiple Strategies can not be listed; keep canary or blueGreen",
        ),
    ),
    CanaryStrategy: (
        _two_services("stableService", "canaryService"),
        *(
            Rule(
                f"!{_ROUTED} || has(self.pingPong) || !({_NEEDS_SERVICES}) || {_given(service)}",
                "Canary service and Stable service must be set to use Traffic Routing; "
                "name the Service here",
                field=f".{service}",
                reason=_REQUIRED,
            )
            for service in ("canaryService", "stableService")
        ),
        Rule(
            f"!has(self.steps) || !self.steps.exists(step, {_TOO_HEAVY})",
            "SetWeight needs to be between 0 and maxTrafficWeight, which is 100 when absent",
            field=".steps",
            tells="'SetWeight needs to be between 0 and %d; steps[%d].setWeight is %d'.format(["
            f"{_WEIGHT_MAX}, self.steps.map(step, {_TOO_HEAVY}).indexOf(true), "
            f"self.steps.filter(step, {_TOO_HEAVY})[0].setWeight])",
        ),
        Rule(
            f"{_ROUTED} || !has(self.steps) || !self.steps.exists(step, has(step.setCanaryScale))",
            "SetCanaryScale requires TrafficRouting to be set; without it use setWeight",
            field=".steps",
        ),
        Rule(
            f"{_ROUTED} || !has(self.scaleDownDelaySeconds)",
            "Canary scaleDownDelaySeconds can only be used with traffic routing",
            field=".scaleDownDelaySeconds",
            reason=_FORBIDDEN,
        ),
        Rule(
            "!has(self.dynamicStableScale) || !self.dynamicStableScale"
            f" || ({_ROUTED} && !has(self.scaleDownDelaySeconds))",
            "Canary dynamicStableScale can only be used with traffic routing, "
            "and not with scaleDownDelaySeconds",
            field=".dynamicStableScale",
            reason=_FORBIDDEN,
        ),
        Rule(
            f"!{_is_zero('maxSurge')} || !{_is_zero('maxUnavailable')}",
            "MaxSurge and MaxUnavailable both can not be zero; an update needs room for a pod",
            field=".maxSurge",
        ),
    ),
    TrafficRouting: (
        Rule(
            "!has(self.maxTrafficWeight) || has(self.nginx) || has(self.plugins)",
            "Canary maxTrafficWeight in traffic routing only support in Nginx and Plugins; "
            "leave it out",
            field=".maxTrafficWeight",
            reason=_FORBIDDEN,
        ),
    ),
    NginxRouting: (
        Rule(
            f"{_given('stableIngress')} || {_given('stableIngresses')}",
            "name the Ingress that routes to the stable Service",
            field=".stableIngress",
            reason=_REQUIRED,
        ),
        Rule(
            f"!{_given('stableIngress')} || !{_given('stableIngresses')}",
            "stableIngress and stableIngresses cannot both be set; keep one",
            field=".stableIngresses",
            reason=_FORBIDDEN,
        ),
    ),
    CanaryStep: (
        Rule(
            _exactly_one(*STEP_KINDS),
            f"Step must have exactly one of {_KINDS}; split it, or write `pause: {{}}` "
            "to wait for a person",
        ),
    ),
    PingPong: (_two_services("pingService", "pongService"),),
    AntiAffinity: (
        Rule(
            _exactly_one(
                "preferredDuringSchedulingIgnoredDuringExecution",
                "requiredDuringSchedulingIgnoredDuringExecution",
            ),
            "AntiAffinity must have exactly one strategy listed",
        ),
    ),
    BlueGreenStrategy: (
        Rule(
            _given("activeService"),
            "name the Service of production traffic",
            field=".activeService",
            reason=_REQUIRED,
        ),
        _two_services("activeService", "previewService"),
    ),
}
"""What is checked at objects, by their model."""


def _rules(*rules: Rule) -> Manifest:
    """Return the rules of one field."""
    return {"x-kubernetes-validations": [rule.manifest() for rule in rules]}


_NOT_NEGATIVE = {"minimum": 0}
_PERCENT = _rules(
    Rule(
        "type(self) == int ? self >= 0 : self.matches('^[0-9]+%$')",
        "must be a count of 0 or more, or a percentage such as 25%",
    )
)
_IS_DURATION = (
    "self.matches('^[+]?([0-9]+|(([0-9]+[.]?[0-9]*|[.][0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)$')"
)
_DURATION = _rules(
    Rule(
        f"type(self) == int ? self > 0 : {_IS_DURATION} && (self.matches('[a-z]$')"
        " ? duration(self) >= duration('1us') : int(self) > 0)",
        "Duration needs to be greater than 0; write seconds, or 30s, 10m or 1h30m",
    )
)
_SELECTOR = _rules(
    Rule(
        "self == oldSelf",
        "spec.selector is immutable; to select other pods make a new Rollout",
        reason=_FORBIDDEN,
    ),
    Rule(
        f"{_given('matchLabels')} || {_given('matchExpressions')}",
        "empty selector is invalid for deployment; name at least one label",
    ),
)

_FIELDS: Mapping[tuple[type[Model], str], Manifest] = {
    (RolloutSpec, "replicas"): _NOT_NEGATIVE,
    (RolloutSpec, "minReadySeconds"): _NOT_NEGATIVE,
    (RolloutSpec, "revisionHistoryLimit"): _NOT_NEGATIVE,
    (RolloutSpec, "selector"): _SELECTOR,
    (CanaryStrategy, "steps"): {"maxItems": STEPS_MAX},
    (CanaryStrategy, "maxSurge"): _PERCENT,
    (CanaryStrategy, "maxUnavailable"): _PERCENT,
    (BlueGreenStrategy, "maxUnavailable"): _PERCENT,
    (CanaryStep, "setWeight"): _NOT_NEGATIVE,
    (SetCanaryScale, "replicas"): _NOT_NEGATIVE,
    (SetCanaryScale, "weight"): _NOT_NEGATIVE,
    (Pause, "duration"): {"maxLength": DURATION_LENGTH_MAX} | _DURATION,
    (PodSelector, "matchLabels"): {
        "maxProperties": LABELS_MAX,
        "additionalProperties": {"type": "string", "maxLength": LABEL_LENGTH_MAX},
    },
    (PreferredAntiAffinity, "weight"): {"minimum": 1, "maximum": 100},
}
"""What is checked at single fields, by model and wire name."""

"""What of the peer's API this version executes, refuses, or accepts without effect.

Executed: the canary strategy, with pods alone or with the `nginx` router; the steps `setWeight`,
`pause`, `setCanaryScale` and `analysis`, and analysis beside the steps.
Refused: whatever would change what "proceed" means if it were left out, namely blue-green, the
other routers, the other steps, and a template taken from another workload. A Rollout that asks
for one of these is invalid and is left as it is; promoting it without what it asks for would be
worse than not promoting it.
Without effect: fields whose absence makes an update larger or plainer, never less safe. The
command line warns about them.
"""

from __future__ import annotations

from collections.abc import Iterator

from rollouts.api.problems import Finding, Problem, in_order
from rollouts.api.refs import Manifest
from rollouts.api.rollout import Rollout
from rollouts.api.shape import unknown_findings
from rollouts.api.spot import Spot
from rollouts.api.steps import STEP_KINDS
from rollouts.api.traffic import ROUTERS

EXECUTED_STEPS: tuple[str, ...] = ("setWeight", "pause", "setCanaryScale", "analysis")
EXECUTED_ROUTERS: tuple[str, ...] = ("nginx",)

_NOT = "is not supported by this version"

_REFUSED_STEPS = {
    "experiment": "use a pause step and run the experiment apart",
    "setHeaderRoute": "use canaryIngressAnnotations with a canary-by-header annotation",
    "setMirrorRoute": "leave it out",
    "plugin": "use a pause step and promote from the system that the plugin calls",
}

_WITHOUT_EFFECT = {
    "dynamicStableScale": "has no effect in this version; the stable pods stay at full number",
    "antiAffinity": "has no effect in this version; set the affinity in the pod template",
    "canaryMetadata": "has no effect in this version; set the metadata in the pod template",
    "stableMetadata": "has no effect in this version; set the metadata in the pod template",
}


def unsupported(manifest: Manifest) -> tuple[Problem, ...]:
    """Return what a Rollout asks for that this version does not execute."""
    return in_order(manifest, unsupported_findings(Spot(manifest)))


def unsupported_findings(rollout: Spot) -> Iterator[Finding]:
    """Yield what a Rollout asks for that this version does not execute."""
    spec = rollout.at("spec")
    if spec.at("workloadRef").given:
        yield spec.at("workloadRef").wrong(f"{_NOT}; copy the pod template into spec.template")
    blue_green = spec.at("strategy", "blueGreen")
    if blue_green.given:
        yield blue_green.wrong(f"{_NOT}; use the canary strategy")
    canary = spec.at("strategy", "canary")
    if canary.at("pingPong").given:
        yield canary.at("pingPong").wrong(f"{_NOT}; name canaryService and stableService")
    routing = canary.at("trafficRouting")
    for name in ROUTERS:
        router = routing.at(name)
        if router.given and name not in EXECUTED_ROUTERS:
            yield router.wrong(f"{_NOT}; use nginx, or leave out trafficRouting to split by pods")
    for step in canary.at("steps").each():
        for name in STEP_KINDS:
            if step.at(name).given and name not in EXECUTED_STEPS:
                yield step.at(name).wrong(f"{_NOT}; {_REFUSED_STEPS[name]}")


def without_effect(manifest: Manifest) -> tuple[Problem, ...]:
    """Return what in a Rollout is accepted and has no effect, unknown fields included."""
    canary = Spot(manifest).at("spec", "strategy", "canary")
    known = (
        canary.at(name).wrong(message)
        for name, message in _WITHOUT_EFFECT.items()
        if canary.at(name).value not in (None, False)
    )
    spec = manifest.get("spec") if isinstance(manifest, dict) else None
    unknown = unknown_findings(Rollout, {"spec": spec})
    return in_order(manifest, (*known, *unknown))

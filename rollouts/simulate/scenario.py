"""Scenarios: what is deployed, who does what when, and what goes wrong; and their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from rollouts.api.refs import INGRESS, ROLLOUT, SERVICE, Kind, Manifest
from rollouts.simulate.clock import MINUTE, SECOND
from rollouts.simulate.cluster import NAMESPACE
from rollouts.simulate.faults import Fault, Rates
from rollouts.simulate.pods import Habit, Image
from rollouts.simulate.share import Names
from rollouts.simulate.snapshot import PLAIN, WATCHED

NAME = "web"
FIRST_IMAGE = "web:1"


@dataclass(frozen=True, slots=True)
class Act:
    """One thing a person does at a time; `value` is what it needs, if anything."""

    at_ms: int
    do: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything about a run but its luck.

    Attributes:
        is_routed: whether nginx splits the traffic.
        canary: further fields of the canary strategy.
        spec: further fields of the Rollout's spec.
        images: what their pods do; one that is not named here is good.
        templates: the AnalysisTemplates that exist from the beginning.
        answers: what becomes of the first analysis runs; the others go well.
        calm_ms: when all faults end; None means they end soon after the last act.
        is_tended: whether after calm somebody sees the rollout through to the end.
    """

    name: str = "drawn"
    replicas: int = 3
    is_routed: bool = True
    steps: tuple[Manifest, ...] = ()
    canary: Mapping[str, Any] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)
    images: Mapping[str, Image] = field(default_factory=dict)
    templates: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    acts: tuple[Act, ...] = ()
    rates: Rates = field(default_factory=Rates)
    calm_ms: int | None = None
    is_tended: bool = True

    @property
    def names(self) -> Names:
        """Return what the objects of the scenario are called."""
        if self.is_routed:
            return Names(NAME, f"{NAME}-stable", f"{NAME}-canary", f"{NAME}-{NAME}-canary")
        return Names(NAME, NAME)

    @property
    def is_measured(self) -> bool:
        """Tell whether analysis plays a part; without it the world does not know the kinds."""
        return bool(self.templates or self.answers)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Return the kinds that matter in this world."""
        return WATCHED if self.is_measured else PLAIN

    @property
    def last_act_ms(self) -> int:
        """Return when the last act is done."""
        return max((act.at_ms for act in self.acts), default=0)

    def rollout(self, image: str = FIRST_IMAGE) -> Manifest:
        """Return the Rollout as a person would create it."""
        canary: Manifest = {"steps": list(self.steps), **self.canary}
        if self.is_routed:
            canary["stableService"] = self.names.stable_service
            canary["canaryService"] = self.names.canary_service
            canary["trafficRouting"] = {
                **canary.get("trafficRouting", {}),
                "nginx": {"stableIngress": NAME},
            }
        return {
            "apiVersion": ROLLOUT.api_version,
            "kind": ROLLOUT.kind,
            "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": {
                "replicas": self.replicas,
                **self.spec,
                "selector": {"matchLabels": {"app": NAME}},
                "template": template(image),
                "strategy": {"canary": canary},
            },
        }

    def surroundings(self) -> tuple[tuple[Any, Manifest], ...]:
        """Return the Services and the Ingress that the Rollout needs."""
        names = self.names
        services = [(SERVICE, service(names.stable_service))]
        if self.is_routed:
            services.append((SERVICE, service(names.canary_service)))
            services.append((INGRESS, ingress(NAME, names.stable_service)))
        return tuple(services)


def template(image: str) -> Manifest:
    """Return a pod template whose image names its revision."""
    return {
        "metadata": {"labels": {"app": NAME}},
        "spec": {"containers": [{"name": NAME, "image": image}]},
    }


def service(name: str) -> Manifest:
    """Return a Service that selects all pods of the application."""
    return {
        "apiVersion": SERVICE.api_version,
        "kind": SERVICE.kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"selector": {"app": NAME}, "ports": [{"port": 80, "targetPort": 8080}]},
    }


def ingress(name: str, service_name: str) -> Manifest:
    """Return the Ingress in front of the stable Service."""
    backend = {"service": {"name": service_name, "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "apiVersion": INGRESS.api_version,
        "kind": INGRESS.kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "ingressClassName": "nginx",
            "rules": [{"host": f"{name}.example.com", "http": {"paths": [path]}}],
        },
    }


def read_scenario(text: str) -> tuple[Scenario, int]:
    """Read a scenario file; returns the scenario and the seed it names (0 without one)."""
    found: Mapping[str, Any] = yaml.safe_load(text)
    known = {
        "name", "why", "seed", "replicas", "router", "steps", "canary", "spec", "images",
        "templates", "answers", "acts", "faults", "calmAt", "tended",
    }  # fmt: skip
    unknown = sorted(set(found) - known)
    if unknown:
        raise ValueError(f"scenario has unknown fields: {', '.join(unknown)}")
    calm_at = found.get("calmAt")
    scenario = Scenario(
        name=str(found.get("name", "unnamed")),
        replicas=int(found.get("replicas", 3)),
        is_routed=found.get("router", "nginx") == "nginx",
        steps=tuple(found.get("steps") or ()),
        canary=found.get("canary") or {},
        spec=found.get("spec") or {},
        images={
            name: Image(Habit(each.get("habit", "good")), int(each.get("readyMs", 2 * SECOND)))
            for name, each in sorted((found.get("images") or {}).items())
        },
        templates=tuple(map(str, found.get("templates") or ())),
        answers=tuple(map(str, found.get("answers") or ())),
        acts=tuple(
            Act(_read_ms(each["at"]), str(each["do"]), each.get("value"))
            for each in found.get("acts") or ()
        ),
        rates=Rates(
            {Fault(name): float(rate) for name, rate in sorted((found.get("faults") or {}).items())}
        ),
        calm_ms=None if calm_at is None else _read_ms(calm_at),
        is_tended=bool(found.get("tended", True)),
    )
    return scenario, int(found.get("seed", 0))


def write_scenario(scenario: Scenario, seed: int, why: str = "") -> str:
    """Write a scenario file that replays a run."""
    document: Manifest = {
        "name": scenario.name,
        "why": why,
        "seed": seed,
        "replicas": scenario.replicas,
        "router": "nginx" if scenario.is_routed else "none",
        "steps": list(scenario.steps),
        "canary": dict(scenario.canary),
        "spec": dict(scenario.spec),
        "images": {
            name: {"habit": str(each.habit), "readyMs": each.ready_ms}
            for name, each in scenario.images.items()
        },
        "templates": list(scenario.templates),
        "answers": list(scenario.answers),
        "acts": [
            {"at": f"{each.at_ms}ms", "do": each.do}
            | ({} if each.value is None else {"value": each.value})
            for each in scenario.acts
        ],
        "faults": {str(fault): rate for fault, rate in scenario.rates.of.items()},
        "tended": scenario.is_tended,
    }
    if scenario.calm_ms is not None:
        document["calmAt"] = f"{scenario.calm_ms}ms"
    kept = {key: value for key, value in document.items() if value not in ({}, [], "")}
    return yaml.safe_dump(kept, sort_keys=False, width=100)


def _read_ms(text: Any) -> int:
    """Read 250ms, 10s, 5m; a bare number is seconds."""
    value = str(text)
    for unit, factor in (("ms", 1), ("s", SECOND), ("m", MINUTE)):
        if value.endswith(unit):
            return int(float(value.removesuffix(unit)) * factor)
    return int(float(value) * SECOND)

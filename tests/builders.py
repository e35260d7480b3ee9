"""Short words that build valid objects, with the one thing under test overridden."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from rollouts.api.times import format_time
from rollouts.core.facts import (
    HASH_LABEL,
    Observed,
    ReplicaSetFacts,
    RolloutFacts,
    RouteFacts,
    ServiceFacts,
)
from rollouts.core.spec import compile_spec

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def template(image: str = "shop:1") -> dict[str, Any]:
    return {
        "metadata": {"labels": {"app": "shop"}},
        "spec": {"containers": [{"name": "shop", "image": image}]},
    }


def rollout_manifest(
    image: str = "shop:1",
    *,
    replicas: int | None = 5,
    steps: list[dict[str, Any]] | None = None,
    nginx: bool = True,
    canary: dict[str, Any] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    strategy: dict[str, Any] = {
        "steps": steps
        if steps is not None
        else [
            {"setWeight": 10},
            {"pause": {"duration": "10m"}},
            {"setWeight": 30},
            {"pause": {"duration": "10m"}},
            {"setWeight": 50},
            {"pause": {"duration": "10m"}},
            {"setWeight": 100},
        ]
    }
    if nginx:
        strategy |= {
            "canaryService": "shop-canary",
            "stableService": "shop-stable",
            "trafficRouting": {"nginx": {"stableIngress": "shop"}},
        }
    strategy |= canary or {}
    body = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": "shop"}},
        "template": template(image),
        "strategy": {"canary": strategy},
        **spec,
    }
    if replicas is None:
        del body["replicas"]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {
            "namespace": "shop",
            "name": "shop",
            "uid": "rollout-uid",
            "generation": 1,
            "resourceVersion": "1",
        },
        "spec": body,
    }


def service_manifest(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": f"{name}-uid",
            "resourceVersion": "1",
        },
        "spec": {"selector": {"app": "shop"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }


def ingress_manifest(name: str = "shop", service: str = "shop-stable") -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": f"{name}-uid",
            "resourceVersion": "1",
        },
        "spec": {
            "ingressClassName": "nginx",
            "rules": [
                {
                    "host": "shop.example",
                    "http": {
                        "paths": [
                            {
                                "path": "/",
                                "pathType": "Prefix",
                                "backend": {"service": {"name": service, "port": {"number": 80}}},
                            }
                        ]
                    },
                }
            ],
        },
    }


def replica_set(pod_hash: str, replicas: int = 5, **facts: Any) -> ReplicaSetFacts:
    """A ReplicaSet of the shop, all of whose pods are available unless it is said otherwise."""
    available = facts.pop("available", replicas)
    defaults: dict[str, Any] = {
        "namespace": "shop",
        "name": f"shop-{pod_hash}",
        "uid": f"{pod_hash}-uid",
        "owner_uid": "rollout-uid",
        "pod_hash": pod_hash,
        "template_digest": f"digest-{pod_hash}",
        "revision": 1,
        "revision_history": "",
        "created_at": NOW,
        "min_ready_seconds": 0,
        "desired": 5,
        "replicas": replicas,
        "current": replicas,
        "ready": available,
        "available": available,
    }
    return ReplicaSetFacts(**(defaults | facts))


def rollout_facts(pod_hash: str = "v2", **facts: Any) -> RolloutFacts:
    manifest = facts.pop("manifest", None) or rollout_manifest(**facts.pop("wanted", {}))
    defaults: dict[str, Any] = {
        "namespace": "shop",
        "name": "shop",
        "uid": "rollout-uid",
        "generation": 2,
        "resource_version": "100",
        "annotations": {},
        "status": {},
        "spec": compile_spec(manifest),
        "problems": (),
        "pod_hash": pod_hash,
        "template_digest": f"digest-{pod_hash}",
        "step_hash": "steps",
        "created_at": at(-3600),
    }
    return RolloutFacts(**(defaults | facts))


def service(name: str, pod_hash: str = "") -> ServiceFacts:
    selector = {"app": "shop"} | ({HASH_LABEL: pod_hash} if pod_hash else {})
    return ServiceFacts("shop", name, f"{name}-uid", "7", selector, "shop" if pod_hash else "")


def mid_canary(
    *,
    index: int = 1,
    weight: int = 10,
    stable: ReplicaSetFacts | None = None,
    canary: ReplicaSetFacts | None = None,
    others: tuple[ReplicaSetFacts, ...] = (),
    status: dict[str, Any] | None = None,
    stable_selects: str = "v1",
    canary_selects: str = "v2",
    **facts: Any,
) -> Observed:
    """A canary of v2 over stable v1, at a step, with everything as it should be there."""
    remembered: dict[str, Any] = {
        "currentPodHash": "v2",
        "currentStepHash": "steps",
        "currentStepIndex": index,
        "stableRS": "v1",
        "observedGeneration": "2",
    }
    rollout = rollout_facts(status=remembered | (status or {}), **facts)
    assert rollout.spec is not None
    is_routed = rollout.spec.is_routed
    services = (
        {
            "shop-stable": service("shop-stable", stable_selects),
            "shop-canary": service("shop-canary", canary_selects),
        }
        if is_routed
        else {}
    )
    sets = (
        stable or replica_set("v1", 5, revision=1),
        canary or replica_set("v2", 1, revision=2),
        *others,
    )
    return Observed(
        rollout, sets, services=services, route=RouteFacts(weight) if is_routed else None
    )


def paused(seconds_ago: float = 0, *, step: int | None = 1, **status: Any) -> dict[str, Any]:
    """The part of a status that says that the rollout is paused at a step."""
    entry: dict[str, Any] = {
        "reason": "CanaryPauseStep",
        "startTime": format_time(at(-seconds_ago)),
    }
    if step is not None:
        entry["stepIndex"] = step
    return {"pauseConditions": [entry], "controllerPause": True} | status

"""From views to one consistent look at everything that concerns one Rollout."""

from __future__ import annotations

from dataclasses import replace

from rollouts.api.problems import Problem
from rollouts.api.refs import INGRESS, SERVICE, Kind, Manifest
from rollouts.api.times import parse_time
from rollouts.controller.views import Key, Views
from rollouts.core.facts import (
    HASH_LABEL,
    Observed,
    PodFacts,
    RolloutFacts,
    RouteFacts,
    ServiceFacts,
)
from rollouts.core.spec import Spec
from rollouts.traffic import nginx


def observe(views: Views, key: Key) -> Observed | None:
    """Gather what is known about a Rollout; None when there is no such Rollout."""
    _, namespace, name = key
    rollout = views.rollouts.get(namespace, name)
    if rollout is None:
        return None
    owned = views.replica_sets.indexed(rollout.uid)
    sets = tuple(each for each in owned if each.namespace == namespace)
    seen = views.analysis.observe(Observed(rollout, sets))
    if rollout.spec is None:
        return seen
    names = (rollout.spec.stable_service, rollout.spec.canary_service)
    services = {
        each: found for each in names if each and (found := views.services.get(namespace, each))
    }
    unseen = _unseen(views, rollout.spec)
    if unseen:
        # What the stores hold of them may be long past: nothing may be decided on it.
        return replace(seen, services=services, missing=unseen)
    missing = _check_services(rollout, rollout.spec, services)
    target = nginx_target(rollout)
    if target is None:
        return replace(seen, services=services, missing=missing)
    live = live_ingresses(views, target)
    in_force = nginx.observe(target, live)
    return replace(
        seen,
        services=services,
        route=RouteFacts(in_force.weight, in_force.is_uniform, in_force.is_in_sync),
        missing=(*missing, *nginx.check(target, live)),
    )


def nginx_target(rollout: RolloutFacts) -> nginx.Target | None:
    """Return what the nginx router works for; None without that router."""
    spec = rollout.spec
    if spec is None or spec.nginx is None:
        return None
    return nginx.Target(
        namespace=rollout.namespace,
        name=rollout.name,
        uid=rollout.uid,
        stable_service=spec.stable_service,
        canary_service=spec.canary_service,
        stable_ingresses=spec.nginx.stable_ingresses,
        prefix=spec.nginx.annotation_prefix,
        additional_annotations=spec.nginx.additional_annotations,
        canary_annotations=spec.nginx.canary_annotations,
        max_weight=spec.max_weight if spec.has_max_weight else None,
    )


def live_ingresses(views: Views, target: nginx.Target) -> dict[str, Manifest]:
    """Return the stable and canary Ingresses that exist, by name."""
    names = [*target.stable_ingresses, *map(target.canary_ingress, target.stable_ingresses)]
    found = {name: views.ingresses.get(target.namespace, name) for name in names}
    return {name: ingress for name, ingress in found.items() if ingress is not None}


def slim_pod(manifest: Manifest) -> PodFacts:
    """Reduce a pod to what a restart looks at."""
    metadata, status = manifest["metadata"], manifest.get("status") or {}
    is_ready = any(
        each.get("type") == "Ready" and each.get("status") == "True"
        for each in status.get("conditions") or ()
    )
    return PodFacts(
        name=metadata["name"],
        uid=metadata["uid"],
        pod_hash=(metadata.get("labels") or {}).get(HASH_LABEL, ""),
        created_at=parse_time(metadata["creationTimestamp"]),
        is_ready=is_ready,
        is_deleted=bool(metadata.get("deletionTimestamp")),
    )


def _unseen(views: Views, spec: Spec) -> tuple[Problem, ...]:
    """Return the references of a Rollout to kinds that the controller may not read."""
    base = "spec.strategy.canary"
    problems = []
    if views.unseen.get(SERVICE.kind):
        for field, name in (
            ("canaryService", spec.canary_service),
            ("stableService", spec.stable_service),
        ):
            if name:
                problems.append(_unreadable(f"{base}.{field}", SERVICE, name))
    if views.unseen.get(INGRESS.kind) and spec.nginx is not None:
        path = f"{base}.trafficRouting.nginx"
        problems += [_unreadable(path, INGRESS, name) for name in spec.nginx.stable_ingresses]
    return tuple(problems)


def _unreadable(path: str, kind: Kind, name: str) -> Problem:
    text = (
        f'{kind.kind.lower()} "{name}" cannot be read: the controller lacks a right; '
        f"grant its account get, list and watch on {kind.resource}"
    )
    return Problem(path, text, name)


def _check_services(
    rollout: RolloutFacts, spec: Spec, services: dict[str, ServiceFacts]
) -> tuple[Problem, ...]:
    """Return what stands in the way of using the Services."""
    base = "spec.strategy.canary"
    labels = (spec.template.get("metadata") or {}).get("labels") or {}
    problems = []
    for field, name in (
        ("canaryService", spec.canary_service),
        ("stableService", spec.stable_service),
    ):
        if not name:
            continue
        path, service = f"{base}.{field}", services.get(name)
        if service is None:
            text = f'service "{name}" was not found in namespace "{rollout.namespace}"; create it'
            problems.append(Problem(path, text, name))
            continue
        if service.managed_by and service.managed_by != rollout.name:
            text = (
                f'service "{name}" is managed by another Rollout, "{service.managed_by}"; '
                "use a Service of its own for each Rollout"
            )
            problems.append(Problem(path, text, name))
        strays = [
            f"{key}={value}"
            for key, value in sorted(service.selector.items())
            if key != HASH_LABEL and labels.get(key) != value
        ]
        if strays:
            text = (
                f'service "{name}" selects {", ".join(strays)}, which the pod template '
                "does not carry; make its selector a subset of the template's labels"
            )
            problems.append(Problem(path, text, name))
    return tuple(problems)

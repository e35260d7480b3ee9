"""Reads readiness as Flux does: the words and rules of kstatus, for `wait` and `healthChecks`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rollouts.api.refs import Manifest
from rollouts.api.times import parse_time
from rollouts.gitops.health import cluster, delivery, pods, workloads
from rollouts.gitops.health.assess import generation_gate
from rollouts.gitops.health.model import (
    Health,
    Status,
    conditions_of,
    is_false,
    is_true,
    items,
    mapping,
    metadata_of,
    number,
    said,
    spec_of,
    status_of,
)

UNSCHEDULABLE_PATIENCE = timedelta(seconds=15)
"""How long a pod may find no node before that counts as a failure."""


class Readiness(StrEnum):
    """How far an object is on the way to what its spec says."""

    CURRENT = "Current"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    TERMINATING = "Terminating"


@dataclass(frozen=True, slots=True)
class FluxStatus:
    """A readiness, and why it is so."""

    readiness: Readiness
    message: str = ""


_CURRENT = FluxStatus(Readiness.CURRENT)
_FROM_HEALTH = {
    Status.HEALTHY: Readiness.CURRENT,
    Status.SUSPENDED: Readiness.IN_PROGRESS,
    Status.PROGRESSING: Readiness.IN_PROGRESS,
    Status.MISSING: Readiness.IN_PROGRESS,
    Status.DEGRADED: Readiness.FAILED,
    Status.UNKNOWN: Readiness.FAILED,
}


def flux_status(
    manifest: Manifest, now: datetime, *, applied_generation: int | None = None
) -> FluxStatus:
    """Decide how far a live object is.

    Args:
        applied_generation: as for `assess`.

    Differs from the peer: a Rollout is read natively, although the generation it observed is
    a text (flux2#4632); a paused one is in progress.
    """
    if metadata_of(manifest).get("deletionTimestamp"):
        return FluxStatus(Readiness.TERMINATING, "pending deletion")
    if applied_generation is not None:
        waiting = generation_gate(manifest, applied_generation)
        if waiting is not None:
            return _from(waiting)
    conditions = conditions_of(manifest)
    observed = status_of(manifest).get("observedGeneration")
    generation = number(metadata_of(manifest).get("generation"))
    if isinstance(observed, int) and generation is not None and observed != generation:
        return FluxStatus(Readiness.IN_PROGRESS, "the latest spec is not observed yet")
    if is_true(conditions.get("Reconciling")):
        return FluxStatus(Readiness.IN_PROGRESS, said(conditions["Reconciling"]))
    if is_true(conditions.get("Stalled")):
        return FluxStatus(Readiness.FAILED, said(conditions["Stalled"]))
    return _by_kind(manifest, now)


def _by_kind(manifest: Manifest, now: datetime) -> FluxStatus:
    group = str(manifest.get("apiVersion", "")).rpartition("/")[0]
    key = (group, str(manifest.get("kind", "")))
    if key == ("", "Pod"):
        return _pod(manifest, now)
    if key in _ALWAYS_CURRENT:
        return _CURRENT
    return _RULES.get(key, _ready)(manifest)


def _from(health: Health) -> FluxStatus:
    return FluxStatus(_FROM_HEALTH[health.status], health.message)


def _ready(manifest: Manifest) -> FluxStatus:
    """Read the Ready condition; an object without one has nothing to wait for."""
    ready = conditions_of(manifest).get("Ready")
    if ready is None or is_true(ready):
        return FluxStatus(Readiness.CURRENT, said(ready))
    return FluxStatus(Readiness.IN_PROGRESS, said(ready, "condition Ready is not True"))


def _deployment(manifest: Manifest) -> FluxStatus:
    """Read a Deployment: unlike Argo CD, Available must be True as well, and paused is fine."""
    spec = {key: value for key, value in spec_of(manifest).items() if key != "paused"}
    status = _from(workloads.deployment({**manifest, "spec": spec}))
    available = conditions_of(manifest).get("Available")
    if status.readiness is Readiness.CURRENT and not is_true(available):
        return FluxStatus(Readiness.IN_PROGRESS, said(available, "the Deployment is not available"))
    return status


def _job(manifest: Manifest) -> FluxStatus:
    """Read a Job; Flux waits for its end, and a suspended one has none coming."""
    if spec_of(manifest).get("suspend") is True:
        return FluxStatus(Readiness.CURRENT, "the Job is suspended")
    return _from(pods.job(manifest))


def _pod(manifest: Manifest, now: datetime) -> FluxStatus:
    conditions, status = conditions_of(manifest), status_of(manifest)
    match status.get("phase"):
        case "Succeeded":
            return FluxStatus(Readiness.CURRENT, "the pod has succeeded")
        case "Failed":
            return FluxStatus(Readiness.CURRENT, "the pod has ended with a failure")
        case "Running" if is_true(conditions.get("Ready")):
            return _CURRENT
        case "Pending" if _is_unschedulable(conditions.get("PodScheduled"), now):
            return FluxStatus(Readiness.FAILED, said(conditions["PodScheduled"]))
    crashing = _crashing(manifest)
    if crashing:
        return FluxStatus(Readiness.FAILED, f"containers are in CrashLoopBackOff: {crashing}")
    return FluxStatus(Readiness.IN_PROGRESS, "the pod is not ready yet")


def _crashing(manifest: Manifest) -> str:
    names = [
        str(container.get("name"))
        for container in items(status_of(manifest).get("containerStatuses"))
        if mapping(mapping(container.get("state")).get("waiting")).get("reason")
        == "CrashLoopBackOff"
    ]
    return ", ".join(names)


def _is_unschedulable(condition: Manifest | None, now: datetime) -> bool:
    if not is_false(condition) or condition is None or condition.get("reason") != "Unschedulable":
        return False
    try:
        return now - parse_time(str(condition.get("lastTransitionTime"))) > UNSCHEDULABLE_PATIENCE
    except ValueError:
        return False


def _claim(manifest: Manifest) -> FluxStatus:
    phase = status_of(manifest).get("phase")
    if phase == "Bound":
        return _CURRENT
    return FluxStatus(Readiness.IN_PROGRESS, f"the claim is {phase or 'Pending'}, not Bound")


def _service(manifest: Manifest) -> FluxStatus:
    spec = spec_of(manifest)
    if spec.get("type") == "LoadBalancer" and not spec.get("clusterIP"):
        return FluxStatus(Readiness.IN_PROGRESS, "the Service has no cluster address yet")
    return _CURRENT


def _by_health(rule: Callable[[Manifest], Health]) -> Callable[[Manifest], FluxStatus]:
    """Return a rule for readiness from one for health."""
    return lambda manifest: _from(rule(manifest))


_ALWAYS_CURRENT = (
    *(("", "Secret"), ("", "ConfigMap"), ("batch", "CronJob"), ("networking.k8s.io", "Ingress")),
    ("policy", "PodDisruptionBudget"),
)
_RULES: Mapping[tuple[str, str], Callable[[Manifest], FluxStatus]] = {
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Service"): _service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _by_health(cluster.definition),
    ("apps", "DaemonSet"): _by_health(workloads.daemon_set),
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _by_health(workloads.replica_set),
    ("apps", "StatefulSet"): _by_health(workloads.stateful_set),
    ("argoproj.io", "Rollout"): _by_health(delivery.rollout),
    ("batch", "Job"): _job,
}

"""Health of what keeps pods running: Deployment, ReplicaSet, StatefulSet, DaemonSet.

Source: Argo CD's rules for these kinds, which follow `kubectl rollout status`.
"""

from __future__ import annotations

from rollouts.api.refs import Manifest
from rollouts.gitops.health.model import (
    Health,
    conditions_of,
    count,
    degraded,
    generation_gap,
    healthy,
    is_true,
    mapping,
    number,
    progressing,
    said,
    spec_of,
    status_of,
    suspended,
)

_UNSEEN = "the latest spec is not observed yet"


def deployment(manifest: Manifest) -> Health:
    """Assess a Deployment."""
    spec, status = spec_of(manifest), status_of(manifest)
    if spec.get("paused") is True:
        return suspended("the Deployment is paused")
    if generation_gap(manifest):
        return progressing(_UNSEEN)
    condition = conditions_of(manifest).get("Progressing")
    if condition is not None and condition.get("reason") == "ProgressDeadlineExceeded":
        return degraded(said(condition, "the progress deadline is exceeded"))
    wanted = count(spec.get("replicas"), 1)
    replicas, updated = count(status.get("replicas")), count(status.get("updatedReplicas"))
    available = count(status.get("availableReplicas"))
    if updated < wanted:
        return progressing(f"{updated} of {wanted} replicas are updated")
    if replicas > updated:
        return progressing(f"{replicas - updated} old replicas are pending termination")
    if available < updated:
        return progressing(f"{available} of {updated} updated replicas are available")
    return healthy()


def replica_set(manifest: Manifest) -> Health:
    """Assess a ReplicaSet."""
    if generation_gap(manifest):
        return progressing(_UNSEEN)
    failure = conditions_of(manifest).get("ReplicaFailure")
    if is_true(failure):
        return degraded(said(failure, "replicas cannot be created"))
    wanted = count(spec_of(manifest).get("replicas"), 1)
    available = count(status_of(manifest).get("availableReplicas"))
    if available < wanted:
        return progressing(f"{available} of {wanted} replicas are available")
    return healthy()


def stateful_set(manifest: Manifest) -> Health:
    """Assess a StatefulSet."""
    spec, status = spec_of(manifest), status_of(manifest)
    if count(status.get("observedGeneration")) == 0 or generation_gap(manifest):
        return progressing(_UNSEEN)
    wanted = count(spec.get("replicas"), 1)
    ready, updated = count(status.get("readyReplicas")), count(status.get("updatedReplicas"))
    if ready < wanted:
        return progressing(f"{ready} of {wanted} pods are ready")
    strategy = mapping(spec.get("updateStrategy"))
    partition = number(mapping(strategy.get("rollingUpdate")).get("partition"))
    if strategy.get("type", "RollingUpdate") == "RollingUpdate" and partition:
        if updated < wanted - partition:
            return progressing(
                f"{updated} of {wanted - partition} pods of the partition are updated"
            )
        return healthy(f"the partition is rolled out, {updated} pods are updated")
    if strategy.get("type") == "OnDelete":
        return healthy(f"{ready} pods are ready, updates wait for deletions")
    if status.get("updateRevision") != status.get("currentRevision"):
        return progressing(f"{updated} pods are at revision {status.get('updateRevision')}")
    return healthy()


def daemon_set(manifest: Manifest) -> Health:
    """Assess a DaemonSet."""
    spec, status = spec_of(manifest), status_of(manifest)
    if generation_gap(manifest):
        return progressing(_UNSEEN)
    wanted = count(status.get("desiredNumberScheduled"))
    if mapping(spec.get("updateStrategy")).get("type") == "OnDelete":
        return healthy(
            f"{count(status.get('updatedNumberScheduled'))} pods are updated on deletion"
        )
    updated = count(status.get("updatedNumberScheduled"))
    available = count(status.get("numberAvailable"))
    if updated < wanted:
        return progressing(f"{updated} of {wanted} pods are updated")
    if available < wanted:
        return progressing(f"{available} of {wanted} pods are available")
    return healthy()

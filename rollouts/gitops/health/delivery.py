"""Health of what delivers: Rollout, Application, and the kinds of Flux."""

from __future__ import annotations

from rollouts.api.refs import Manifest
from rollouts.gitops.health.model import (
    Health,
    Status,
    annotations_of,
    conditions_of,
    count,
    degraded,
    healthy,
    is_true,
    items,
    mapping,
    metadata_of,
    number,
    progressing,
    said,
    spec_of,
    status_of,
    suspended,
)

_WORKLOAD_GENERATION = "rollout.argoproj.io/workload-generation"
_PHASES = {
    "Healthy": Status.HEALTHY,
    "Paused": Status.SUSPENDED,
    "Progressing": Status.PROGRESSING,
    "Degraded": Status.DEGRADED,
}


def rollout(manifest: Manifest) -> Health:
    """Assess a Rollout: by its own word once it has seen its latest spec."""
    if not _is_observed(manifest):
        return progressing("waiting for rollout spec update to be observed")
    if not _is_workload_observed(manifest):
        return progressing("waiting for the referenced workload's update to be observed")
    status = status_of(manifest)
    phase = status.get("phase")
    if phase:
        message = str(status.get("message") or "")
        return Health(_PHASES.get(str(phase), Status.UNKNOWN), message)
    return _without_phase(manifest)


def _is_observed(manifest: Manifest) -> bool:
    """Tell whether the controller saw the latest spec.

    The field is a text that holds a number. Older controllers wrote a hash there; that, and a
    number of the future, count as observed.
    """
    written = status_of(manifest).get("observedGeneration")
    if written in (None, ""):
        return False
    observed = number(written)
    return observed is None or observed >= count(metadata_of(manifest).get("generation"))


def _is_workload_observed(manifest: Manifest) -> bool:
    if not spec_of(manifest).get("workloadRef"):
        return True
    wanted = number(annotations_of(manifest).get(_WORKLOAD_GENERATION))
    observed = number(status_of(manifest).get("workloadObservedGeneration"))
    return wanted is None or observed is None or wanted == observed


def _without_phase(manifest: Manifest) -> Health:
    """Assess a Rollout whose controller is too old to sum itself up."""
    conditions, spec, status = conditions_of(manifest), spec_of(manifest), status_of(manifest)
    if "InvalidSpec" in conditions:
        return degraded(said(conditions["InvalidSpec"], "the spec is invalid"))
    condition = conditions.get("Progressing")
    if condition is not None and condition.get("reason") in (
        "RolloutAborted",
        "ProgressDeadlineExceeded",
    ):
        return degraded(said(condition))
    if items(status.get("pauseConditions")) or spec.get("paused") is True:
        return suspended("the Rollout is paused")
    wanted = count(spec.get("replicas"), 1)
    replicas, updated = count(status.get("replicas")), count(status.get("updatedReplicas"))
    available, current = count(status.get("availableReplicas")), status.get("currentPodHash")
    if updated < wanted:
        return progressing("more replicas need to be updated")
    if available < updated:
        return progressing("updated replicas are still becoming available")
    if mapping(spec.get("strategy")).get("blueGreen") is not None:
        active = mapping(status.get("blueGreen")).get("activeSelector")
        return healthy() if active == current else progressing("active service cutover pending")
    if replicas > updated:
        return progressing("old replicas are pending termination")
    if status.get("stableRS") != current:
        return progressing("waiting for all steps to complete")
    return healthy()


def application(manifest: Manifest) -> Health:
    """Assess a child Application by the health it reports.

    Differs from the peer, which has had no rule for it since version 1.8, so that parents of
    Applications never wait for them.
    """
    health = mapping(status_of(manifest).get("health"))
    word = health.get("status")
    known = next((each for each in Status if each == word), None)
    if known is None:
        return progressing("waiting for the Application to be assessed")
    return Health(known, str(health.get("message") or ""))


def by_phase(manifest: Manifest) -> Health:
    """Assess what runs to its end and says how far it is by one word: AnalysisRun, Workflow.

    A verdict that is none, `Inconclusive`, is not success.
    """
    status = status_of(manifest)
    phase, message = str(status.get("phase") or ""), str(status.get("message") or "")
    if phase in ("", "Pending", "Running"):
        return progressing(message or "has not ended yet")
    if phase in ("Successful", "Succeeded"):
        return healthy(message)
    return degraded(message or f"ended as {phase}")


def flux(manifest: Manifest) -> Health:
    """Assess an object of Flux by its Ready condition at its latest generation."""
    if spec_of(manifest).get("suspend") is True:
        return suspended("reconciliation is suspended")
    observed = number(status_of(manifest).get("observedGeneration"))
    if observed is not None and observed < count(metadata_of(manifest).get("generation")):
        return progressing("the latest spec is not observed yet")
    conditions = conditions_of(manifest)
    ready = conditions.get("Ready")
    if is_true(conditions.get("Stalled")):
        return degraded(said(conditions["Stalled"], "reconciliation is stalled"))
    if ready is None:
        return progressing("waiting for the first reconciliation")
    if is_true(ready):
        return healthy(said(ready))
    if ready.get("status") == "Unknown":
        return progressing(said(ready, "reconciliation is under way"))
    return degraded(said(ready, "reconciliation failed"))

"""Health of pods and of work that ends: Pod, Job, CronJob."""

from __future__ import annotations

from collections.abc import Iterator

from rollouts.api.refs import Manifest
from rollouts.api.times import parse_time
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
    progressing,
    said,
    spec_of,
    status_of,
    suspended,
)

_IGNORE_RESTART_POLICY = "argocd.argoproj.io/ignore-restart-policy"


def pod(manifest: Manifest) -> Health:
    """Assess a Pod."""
    status = status_of(manifest)
    restarts = spec_of(manifest).get("restartPolicy", "Always") == "Always"
    if restarts:
        stuck = tuple(_stuck(manifest))
        if stuck:
            return degraded(", ".join(stuck))
    match status.get("phase"):
        case "Pending":
            return progressing(str(status.get("message") or "the pod is pending"))
        case "Succeeded":
            return healthy(str(status.get("message") or ""))
        case "Failed":
            return degraded(_failure(manifest))
        case "Running":
            return _running(manifest, restarts=restarts)
        case phase:
            return Health(Status.UNKNOWN, str(status.get("message") or f"phase {phase!r}"))


def _containers(manifest: Manifest) -> tuple[Manifest, ...]:
    status = status_of(manifest)
    return items(status.get("initContainerStatuses")) + items(status.get("containerStatuses"))


def _stuck(manifest: Manifest) -> Iterator[str]:
    """Yield why containers wait, where the reason is an error (`ErrImagePull`, `…BackOff`)."""
    for container in _containers(manifest):
        waiting = mapping(mapping(container.get("state")).get("waiting"))
        reason = str(waiting.get("reason") or "")
        if reason.startswith("Err") or reason.endswith(("Error", "BackOff")):
            yield str(waiting.get("message") or reason)


def _failure(manifest: Manifest) -> str:
    """Return why a pod failed: in its own words, else those of a container."""
    message = status_of(manifest).get("message")
    if message:
        return str(message)
    for container in _containers(manifest):
        ended = mapping(mapping(container.get("state")).get("terminated"))
        if ended.get("message"):
            return str(ended["message"])
        if ended.get("reason") == "OOMKilled":
            return f"container {container.get('name')} ran out of memory (OOMKilled)"
        if count(ended.get("exitCode")):
            return f"container {container.get('name')} failed with exit code {ended['exitCode']}"
    return "the pod failed"


def _running(manifest: Manifest, *, restarts: bool) -> Health:
    if not restarts and annotations_of(manifest).get(_IGNORE_RESTART_POLICY) != "true":
        return progressing("the pod is running to its end")
    if is_true(conditions_of(manifest).get("Ready")):
        return healthy(str(status_of(manifest).get("message") or ""))
    for container in _containers(manifest):
        if mapping(container.get("lastState")).get("terminated"):
            return degraded(f"container {container.get('name')} restarts and is not ready")
    return progressing("the pod is not ready yet")


def job(manifest: Manifest) -> Health:
    """Assess a Job.

    Differs from the peer: a condition `Suspended=False`, which a resumed Job carries, is no
    sign that it is finished.
    """
    conditions = conditions_of(manifest)
    if is_true(conditions.get("Failed")):
        return degraded(said(conditions["Failed"], "the Job failed"))
    if is_true(conditions.get("Complete")):
        return healthy(said(conditions["Complete"]))
    if is_true(conditions.get("Suspended")) or spec_of(manifest).get("suspend") is True:
        return suspended(said(conditions.get("Suspended"), "the Job is suspended"))
    active = count(status_of(manifest).get("active"))
    return progressing(f"{active} pods of the Job are running")


def cron_job(manifest: Manifest) -> Health:
    """Assess a CronJob by its last run; while one is running, nothing is known against it."""
    if spec_of(manifest).get("suspend") is True:
        return suspended("the CronJob is suspended")
    if not isinstance(manifest.get("status"), dict):
        return progressing("the CronJob is not seen by its controller yet")
    status = status_of(manifest)
    scheduled, succeeded = status.get("lastScheduleTime"), status.get("lastSuccessfulTime")
    if not scheduled:
        return healthy("the CronJob has not been due yet")
    if not succeeded:
        return healthy("no run of the CronJob has succeeded yet")
    if items(status.get("active")):
        return healthy("a run of the CronJob is under way")
    try:
        failed = parse_time(str(succeeded)) < parse_time(str(scheduled))
    except ValueError as error:
        return Health(Status.UNKNOWN, f"status of the CronJob cannot be read: {error}")
    if failed:
        return degraded("the last run of the CronJob did not succeed")
    return healthy()

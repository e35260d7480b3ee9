"""How far a Job is: counts of its pods, its verdict and its status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rollouts.emulator.actors.facts import format_time, is_active, parse_time, ready_since

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rollouts.emulator.actors.view import Manifest

BACK_OFF_LIMIT_DEFAULT = 6


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a Job: condition type Complete or Failed, with its reason."""

    kind: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A Job in numbers. `missing` pods may be started now; `running_surplus` are too many."""

    running: tuple[Manifest, ...]
    ready: int
    succeeded: int
    failed: int
    missing: int
    running_surplus: int
    suspended: bool
    last_failure: datetime | None
    deadline: datetime | None
    outcome: Outcome | None


def count_job(job: Manifest, pods: Iterable[Manifest], now: datetime) -> Progress:
    """Count a Job's pods and decide whether it has ended."""
    spec = job["spec"]
    pods = tuple(pods)
    running = tuple(pod for pod in pods if is_active(pod))
    phases = [(pod.get("status") or {}).get("phase") for pod in pods]
    succeeded, failed = phases.count("Succeeded"), phases.count("Failed")
    suspended = bool(spec.get("suspend"))
    started = (job.get("status") or {}).get("startTime")
    limit = spec.get("activeDeadlineSeconds")
    deadline = None
    if limit is not None and not suspended:
        deadline = (parse_time(started) if started else now) + timedelta(seconds=limit)
    outcome = _outcome(spec, running, succeeded, failed)
    if outcome is None and deadline is not None and deadline <= now:
        message = "Job was active longer than specified deadline"
        outcome = Outcome("Failed", "DeadlineExceeded", message)
    wanted = 0 if suspended or outcome is not None else _wanted(spec, succeeded, len(running))
    return Progress(
        running,
        sum(1 for pod in running if ready_since(pod) is not None),
        succeeded,
        failed,
        missing=max(0, wanted - len(running)),
        running_surplus=max(0, len(running) - wanted),
        suspended=suspended,
        last_failure=_last_failure(pods),
        deadline=None if outcome is not None else deadline,
        outcome=outcome,
    )


def job_status(job: Manifest, progress: Progress, now: datetime) -> Manifest:
    """Return the wanted status, None for fields to leave out."""
    known = job.get("status") or {}
    stamp = format_time(now)
    outcome = progress.outcome
    active = 0 if outcome is not None or progress.suspended else len(progress.running)
    status: Manifest = {
        "active": active or None,
        "ready": 0 if outcome is not None else progress.ready,
        "succeeded": progress.succeeded or None,
        "failed": progress.failed or None,
        "startTime": None if progress.suspended else known.get("startTime") or stamp,
        "conditions": _conditions(known.get("conditions") or (), progress, stamp) or None,
        "uncountedTerminatedPods": {},
        "terminating": 0,
    }
    if outcome is not None and outcome.kind == "Complete":
        status["completionTime"] = stamp
    return status


def _outcome(
    spec: Manifest, running: Sequence[Manifest], succeeded: int, failed: int
) -> Outcome | None:
    completions = spec.get("completions")
    reached = "Reached expected number of succeeded pods"
    if completions is None and _is_queue(spec):
        # A work queue is done when one pod says so and the others have followed.
        if succeeded and not running:
            return Outcome("Complete", "CompletionsReached", reached)
    elif succeeded >= (1 if completions is None else completions):
        return Outcome("Complete", "CompletionsReached", reached)
    restarts = sum(
        each.get("restartCount", 0)
        for pod in running
        if pod["spec"].get("restartPolicy") == "OnFailure"
        for each in (pod.get("status") or {}).get("containerStatuses") or ()
    )
    limit = spec.get("backoffLimit")
    limit = BACK_OFF_LIMIT_DEFAULT if limit is None else limit
    # A restart counts once it happened; with a limit of zero the first failure is the last.
    if failed > limit or restarts > limit:
        message = "Job has reached the specified backoff limit"
        return Outcome("Failed", "BackoffLimitExceeded", message)
    return None


def _is_queue(spec: Manifest) -> bool:
    return (spec.get("parallelism") or 1) > 1


def _wanted(spec: Manifest, succeeded: int, running: int) -> int:
    """Return how many pods should be running; a queue that ran dry lets the last ones finish."""
    parallelism = spec.get("parallelism")
    parallelism = 1 if parallelism is None else int(parallelism)
    completions = spec.get("completions")
    if completions is None:
        return running if succeeded else parallelism
    return min(parallelism, int(completions) - succeeded)


def _last_failure(pods: Iterable[Manifest]) -> datetime | None:
    """Return when the last failed pod ended."""
    ends = [
        parse_time(each["state"]["terminated"]["finishedAt"])
        for pod in pods
        if (pod.get("status") or {}).get("phase") == "Failed"
        for each in pod["status"].get("containerStatuses") or ()
        if (each.get("state") or {}).get("terminated", {}).get("finishedAt")
    ]
    return max(ends, default=None)


def _conditions(known: Iterable[Manifest], progress: Progress, stamp: str) -> list[Manifest]:
    wanted: dict[str, tuple[str, str, str]] = {}
    outcome = progress.outcome
    if outcome is not None:
        early = "SuccessCriteriaMet" if outcome.kind == "Complete" else "FailureTarget"
        for kind in (early, outcome.kind):
            wanted[kind] = ("True", outcome.reason, outcome.message)
    elif progress.suspended:
        wanted["Suspended"] = ("True", "JobSuspended", "Job suspended")
    by_type = {entry["type"]: dict(entry) for entry in known}
    if "Suspended" in by_type and not progress.suspended:
        wanted["Suspended"] = ("False", "JobResumed", "Job resumed")
    for kind, (value, reason, message) in wanted.items():
        before = by_type.get(kind)
        if before is not None and before["status"] == value:
            continue
        by_type[kind] = {
            "type": kind,
            "status": value,
            "reason": reason,
            "message": message,
            "lastProbeTime": stamp,
            "lastTransitionTime": stamp,
        }
    return list(by_type.values())

"""Writes a Kustomization's status from what a pass found; the words are Flux's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rollouts.api.kustomization import Kustomization
from rollouts.api.refs import Manifest
from rollouts.api.times import format_duration, format_time, parse_time
from rollouts.gitops.engine import Report
from rollouts.gitops.frontends.documents import (
    bound,
    condition,
    condition_list,
    shorten,
    without_none,
)
from rollouts.gitops.health import FluxStatus, Readiness, flux_status
from rollouts.gitops.inventory import format_inventory
from rollouts.gitops.memory import digest
from rollouts.gitops.model import Condition, Phase, ResourceKey

HISTORY_MAX = 5

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a reconciliation stands, in the words of the Ready condition.

    Attributes:
        ready: True, False, or None while it is under way.
        since: when waiting for health began; None when nothing is waited for.
        stalled: only a person can help.
    """

    ready: bool | None
    reason: str
    message: str
    since: datetime | None = None
    healthy: bool | None = None
    stalled: bool = False


def checked(
    kustomization: Kustomization,
    report: Report,
    live: Sequence[tuple[ResourceKey, Manifest | None]],
    *,
    now: datetime,
) -> tuple[tuple[str, FluxStatus], ...]:
    """Return how far each object is whose health decides, those that are there already left out.

    Args:
        live: the objects that `healthChecks` names, as far as the unit does not declare them.
    """
    wanted: dict[ResourceKey, Manifest | None] = {}
    if kustomization.spec.wait:
        wanted = {one.key: report.live.get(one.key) for one in report.prepared.objects}
    else:
        wanted = dict(live)
    found: list[tuple[str, FluxStatus]] = []
    for key in sorted(wanted):
        there = wanted[key]
        status = (
            FluxStatus(Readiness.IN_PROGRESS, "does not exist")
            if there is None
            else flux_status(there, now, applied_generation=_generation(there))
        )
        if status.readiness is not Readiness.CURRENT:
            found.append((str(key), status))
    return tuple(found)


def judge(
    kustomization: Kustomization,
    previous: Manifest,
    report: Report,
    late: Sequence[tuple[str, FluxStatus]],
    *,
    revision: str,
    now: datetime,
) -> Verdict:
    """Decide how the reconciliation stands after a pass."""
    attempt = report.attempt
    errors = [*report.prepared.errors, *_errors(report)]
    if errors or (attempt is not None and attempt.phase is Phase.FAILED and report.acted):
        text = "; ".join(errors[:_SHOWN]) or (attempt.message if attempt else "")
        pruned = "cannot prune" in text
        reason = "PruneFailed" if pruned else "ReconciliationFailed"
        return Verdict(ready=False, reason=reason, message=text)
    refused = [each for each in report.conditions if each.type == "SyncError"]
    if refused:
        return Verdict(ready=False, reason="ReconciliationFailed", message=refused[0].message)
    if attempt is not None and attempt.phase is Phase.RUNNING:
        return Verdict(ready=None, reason="Progressing", message=attempt.message)
    checks = kustomization.spec.wait or bool(kustomization.spec.health_checks)
    if not late:
        return Verdict(
            ready=True,
            reason="ReconciliationSucceeded",
            message=f"Applied revision: {revision}",
            healthy=True if checks else None,
        )
    failed = [each for each in late if each[1].readiness is Readiness.FAILED]
    if failed:
        text = f"health check failed: {_named(failed)}"
        return Verdict(ready=False, reason="HealthCheckFailed", message=text, healthy=False)
    return _waiting(kustomization, previous, late, revision=revision, now=now)


def _waiting(
    kustomization: Kustomization,
    previous: Manifest,
    late: Sequence[tuple[str, FluxStatus]],
    *,
    revision: str,
    now: datetime,
) -> Verdict:
    """Wait for health no longer than `timeout`; what has timed out stays so until it is healthy."""
    limit = kustomization.timeout
    text = (
        f"running health checks for revision {revision} with a timeout of {format_duration(limit)}"
    )
    since = now
    healthy = _condition(previous, "Healthy")
    same = previous.get("lastAttemptedRevision") == revision and (
        healthy.get("observedGeneration") == kustomization.metadata.generation
    )
    if same and healthy.get("status") == "Unknown":
        since = _time(healthy.get("lastTransitionTime")) or now
    overdue = same and healthy.get("reason") == "HealthCheckFailed"
    if overdue or now >= since + limit:
        text = f"health check timed out after {format_duration(limit)}: {_named(late)}"
        return Verdict(ready=False, reason="HealthCheckFailed", message=text, healthy=False)
    return Verdict(ready=None, reason="Progressing", message=f"{text}: {_named(late)}", since=since)


def kustomization_status(
    kustomization: Kustomization,
    previous: Manifest,
    verdict: Verdict,
    *,
    report: Report | None,
    revision: str,
    conditions: Iterable[Condition] = (),
    requested_at: str = "",
    now: datetime,
) -> Manifest:
    """Return the whole status after a pass."""
    generation = kustomization.metadata.generation
    notes = [each.message for each in conditions]
    if report is not None:
        notes += [each.message for each in report.conditions if each.type != "SyncError"]
    status: Manifest = {
        **previous,
        "observedGeneration": generation,
        "conditions": condition_list(
            _restarted(previous, verdict),
            _conditions(verdict, generation, notes),
            now,
        ),
    }
    if requested_at:
        status["lastHandledReconcileAt"] = requested_at
    if revision:
        status["lastAttemptedRevision"] = revision
    if report is not None:
        status["inventory"] = format_inventory(report.inventory)
        if verdict.ready:
            status["lastAppliedRevision"] = revision
        is_new = previous.get("lastAttemptedRevision") != revision
        if is_new or report.acted or _is_news(previous, status):
            status["history"] = _history(previous, verdict, report, revision=revision, now=now)
    return bound(without_none(status))


def stored_before_writes(previous: Manifest, inventory: Manifest) -> Manifest:
    """Return the status that is stored before the first write of a pass."""
    return {**previous, "inventory": inventory}


def retry_at(verdict: Verdict, limit: timedelta) -> datetime | None:
    """Return when waiting for health ends."""
    return None if verdict.since is None else verdict.since + limit


def _conditions(verdict: Verdict, generation: int, notes: list[str]) -> list[Manifest]:
    ready = {True: "True", False: "False", None: "Unknown"}[verdict.ready]
    message = "; ".join([verdict.message, *notes])
    found = [condition("Ready", ready, verdict.reason, message, generation=generation)]
    if verdict.ready is None:
        found.insert(
            0,
            condition("Reconciling", "True", "Progressing", verdict.message, generation=generation),
        )
    if verdict.stalled:
        found.append(
            condition("Stalled", "True", verdict.reason, verdict.message, generation=generation)
        )
    if verdict.since is not None:
        found.append(
            condition("Healthy", "Unknown", "Progressing", verdict.message, generation=generation)
        )
    elif verdict.healthy is not None:
        word = "True" if verdict.healthy else "False"
        reason = "Succeeded" if verdict.healthy else "HealthCheckFailed"
        text = "health check passed" if verdict.healthy else verdict.message
        found.append(condition("Healthy", word, reason, text, generation=generation))
    return found


def _restarted(previous: Manifest, verdict: Verdict) -> list[Manifest]:
    """Return the previous conditions; waiting anew for another revision starts its own clock."""
    known = [each for each in previous.get("conditions") or [] if isinstance(each, dict)]
    if verdict.since is None:
        return known
    since = format_time(verdict.since)
    return [
        {**each, "lastTransitionTime": since}
        if each.get("type") == "Healthy" and each.get("status") == "Unknown"
        else each
        for each in known
    ]


def _is_news(previous: Manifest, status: Manifest) -> bool:
    """Tell whether the outcome differs from the last one that was recorded."""
    before, after = _condition(previous, "Ready"), _condition(status, "Ready")
    return (before.get("status"), before.get("reason")) != (after["status"], after["reason"])


def _history(
    previous: Manifest, verdict: Verdict, report: Report, *, revision: str, now: datetime
) -> list[Manifest]:
    """Return the last results, the newest first; a repeated one is counted, not added."""
    content = digest([one.manifest for one in report.prepared.objects])
    known = [each for each in previous.get("history") or [] if isinstance(each, dict)]
    time = format_time(now)
    entry: Manifest = {
        "digest": f"sha256:{content}",
        "firstReconciled": time,
        "lastReconciled": time,
        "lastReconciledDuration": "0s",
        "lastReconciledStatus": verdict.reason,
        "totalReconciliations": 1,
        "metadata": {"revision": revision},
    }
    if known and known[0].get("digest") == entry["digest"]:
        first = known.pop(0)
        entry["firstReconciled"] = first.get("firstReconciled") or time
        total = first.get("totalReconciliations")
        entry["totalReconciliations"] = (total if isinstance(total, int) else 0) + 1
    return [entry, *known][:HISTORY_MAX]


def _condition(status: Manifest, kind: str) -> Manifest:
    return next(
        (
            each
            for each in status.get("conditions") or []
            if isinstance(each, dict) and each.get("type") == kind
        ),
        {},
    )


def _errors(report: Report) -> list[str]:
    return [
        shorten(report.compared[key].error)
        for key in sorted(report.compared)
        if report.compared[key].error
    ]


def _named(late: Sequence[tuple[str, FluxStatus]]) -> str:
    shown = ", ".join(
        f"{name} is {status.readiness}" + (f" ({status.message})" if status.message else "")
        for name, status in late[:_SHOWN]
    )
    more = len(late) - _SHOWN
    return shown + (f" and {more} more" if more > 0 else "")


def _time(text: object) -> datetime | None:
    try:
        return parse_time(str(text)) if text else None
    except ValueError:
        return None


def _generation(live: Manifest) -> int | None:
    found = (live.get("metadata") or {}).get("generation")
    return found if isinstance(found, int) else None


def refused(previous: Manifest, problem: str, generation: int, now: datetime) -> Manifest:
    """Return the status of a Kustomization whose spec is wrong."""
    verdict = Verdict(ready=False, reason="InvalidSpec", message=problem, stalled=True)
    conditions = _conditions(verdict, generation, [])
    return {
        **previous,
        "observedGeneration": generation,
        "conditions": condition_list(previous.get("conditions"), conditions, now),
    }

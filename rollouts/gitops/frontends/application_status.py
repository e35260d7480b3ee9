"""Writes an Application's status from what a pass found; the words are Argo CD's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rollouts.api.application import Application
from rollouts.api.refs import Manifest
from rollouts.api.times import format_time
from rollouts.gitops.contents import Found
from rollouts.gitops.decide import HEALS_FORGOTTEN_AFTER
from rollouts.gitops.engine import Report
from rollouts.gitops.frontends.application_rows import hook_row, resources, result_row
from rollouts.gitops.frontends.documents import (
    bound,
    problem_list,
    shorten,
    stamp,
    without_none,
)
from rollouts.gitops.health import Health, Part, Status, aggregate, is_excluded
from rollouts.gitops.inventory import Inventory, format_inventory
from rollouts.gitops.model import (
    Attempt,
    Condition,
    Drift,
    HookRecord,
    Phase,
    Request,
    SyncResult,
)

_FIGHT = "changes are corrected again and again; they come from: "

_HEALS_SUSPICIOUS = 5
"""From this many self-heals in a row on, somebody is working against Git."""


def refused_status(previous: Manifest, conditions: Iterable[Condition], now: datetime) -> Manifest:
    """Return the status of an Application that cannot be synced at all (its spec is wrong)."""
    status = {**previous, "conditions": problem_list(previous.get("conditions"), conditions, now)}
    status["sync"] = {**(previous.get("sync") or {}), "status": Drift.UNKNOWN.value}
    status["health"] = _health(previous, Health(Status.UNKNOWN), now)
    return _finish(previous, status, now)


def troubled_status(previous: Manifest, conditions: Iterable[Condition], now: datetime) -> Manifest:
    """Return the status of an Application that is being deleted and meets difficulties."""
    listed = problem_list(previous.get("conditions"), conditions, now)
    return _finish(previous, {**previous, "conditions": listed}, now)


def unknown_status(
    app: Application,
    previous: Manifest,
    found: Found,
    *,
    conditions: Iterable[Condition],
    now: datetime,
) -> Manifest:
    """Return the status while it is not known what Git declares; the last good state stays."""
    error = Condition("ComparisonError", found.error)
    status = {
        **previous,
        "conditions": problem_list(previous.get("conditions"), (*conditions, error), now),
    }
    sync = {**(previous.get("sync") or {}), "status": Drift.UNKNOWN.value}
    if found.revisions:
        sync.update(_revisions(app, found.revisions))
    status["sync"] = sync
    if "health" not in previous:
        status["health"] = _health(previous, Health(Status.UNKNOWN), now)
    return _finish(previous, status, now)


def application_status(
    app: Application,
    previous: Manifest,
    found: Found,
    report: Report,
    *,
    conditions: Iterable[Condition],
    request: Request | None,
    now: datetime,
) -> Manifest:
    """Return the whole status after a pass."""
    problems = [
        *conditions,
        *report.conditions,
        *_problems(report),
        *_fights(previous, report, now),
    ]
    if found.error:
        problems.append(Condition("ComparisonError", found.error))
    status = {
        **previous,
        "sync": {
            "status": _drift(report),
            **_revisions(app, found.revisions),
            "comparedTo": _compared_to(app),
        },
        "health": _health(previous, aggregate(_parts(report)), now),
        "resources": resources(report),
        "conditions": problem_list(previous.get("conditions"), problems, now),
        "sourceType": found.tools[0] if found.tools else "",
        "summary": without_none({"images": _images(report)}),
        "inventory": format_inventory(report.inventory),
    }
    if report.attempt is not None and (report.acted or report.finished):
        status["operationState"] = operation_state(
            app,
            previous,
            report.attempt,
            results=report.results,
            hooks=report.hooks,
            request=request,
        )
        status["lastAttempt"] = _last_attempt(report.attempt)
        if report.finished and report.attempt.phase is Phase.SUCCEEDED and not report.partial:
            status["history"] = _history(app, previous, report.attempt, found)
    return bound(_finish(previous, without_none(status), now))


def operation_state(
    app: Application,
    previous: Manifest,
    attempt: Attempt,
    *,
    results: Sequence[SyncResult] = (),
    hooks: Iterable[HookRecord] = (),
    request: Request | None = None,
) -> Manifest:
    """Return `operationState` for an operation that is running or has ended.

    Without results, those of an earlier pass of the same operation stay.
    """
    operation: Manifest
    if attempt.automated or app.operation is None:
        sync = {
            "revision": attempt.revision,
            "prune": (app.automated is not None and app.automated.prune) or None,
            "autoHealAttemptsCount": attempt.heals or None,
        }
        operation = {"initiatedBy": {"automated": True}, "sync": without_none(sync)}
    else:
        operation = app.operation.manifest()
    before = previous.get("operationState") or {}
    listed = [result_row(each) for each in sorted(results, key=lambda each: each.key)]
    if not results and before.get("startedAt") == stamp(attempt.started_at):
        rows = (before.get("syncResult") or {}).get("resources") or []
        listed = [row for row in rows if not row.get("hookType")]
    listed += [hook_row(each) for each in hooks]
    source = _source_block(app)
    dry = request is not None and request.dry_run
    message = attempt.message + (" (dry run)" if dry else "")
    return without_none(
        {
            "operation": operation,
            "phase": attempt.phase.value,
            "message": shorten(message),
            "startedAt": stamp(attempt.started_at),
            "finishedAt": stamp(attempt.finished_at),
            "retryCount": attempt.retries or None,
            "syncResult": without_none(
                {"revision": attempt.revision, **source, "resources": listed}
            ),
        }
    )


def started_status(
    previous: Manifest, inventory: Inventory, state: Manifest, attempt: Attempt
) -> Manifest:
    """Return the status that is stored before the first write of a sync."""
    return {
        **previous,
        "inventory": format_inventory(inventory),
        "operationState": state,
        "lastAttempt": _last_attempt(attempt),
    }


def _last_attempt(attempt: Attempt) -> Manifest:
    """Return what of an operation the peer's fields have no place for."""
    return without_none(
        {
            "digest": attempt.digest,
            "fatal": attempt.fatal or None,
            "failure": shorten(attempt.failure) or None,
        }
    )


def _finish(previous: Manifest, status: Manifest, now: datetime) -> Manifest:
    """Set the time of comparison, only when something else has changed: time alone is no news."""
    kept = {key: value for key, value in status.items() if key != "reconciledAt"}
    before = {key: value for key, value in previous.items() if key != "reconciledAt"}
    if kept == before and previous.get("reconciledAt"):
        return {**kept, "reconciledAt": previous["reconciledAt"]}
    return {**kept, "reconciledAt": format_time(now)}


def _drift(report: Report) -> str:
    differs = any(each.drift is Drift.OUT_OF_SYNC for each in report.compared.values())
    leftover = any(one.counts for one in report.stale)
    if differs or leftover or report.prepared.errors:
        return Drift.OUT_OF_SYNC.value
    unknown = any(
        each.drift is Drift.UNKNOWN and not each.claimed_by for each in report.compared.values()
    )
    return (Drift.UNKNOWN if unknown else Drift.SYNCED).value


def _problems(report: Report) -> list[Condition]:
    found = [Condition("ComparisonError", text) for text in report.prepared.errors]
    found += [
        Condition("ComparisonError", report.compared[key].error)
        for key in sorted(report.compared)
        if report.compared[key].error
    ]
    attempt = report.attempt
    failed = attempt is not None and attempt.phase is Phase.FAILED
    if attempt is not None and failed and attempt.automated and report.acted:
        text = f"{attempt.message or 'the sync failed'} (tried {attempt.retries + 1} times)"
        found.append(Condition("SyncError", text))
    return found


def _fights(previous: Manifest, report: Report, now: datetime) -> list[Condition]:
    """Tell who works against Git, for as long as the heals in a row are remembered."""
    attempt = report.attempt
    if attempt is None or attempt.heals < _HEALS_SUSPICIOUS:
        return []
    if now - (attempt.finished_at or now) >= HEALS_FORGOTTEN_AFTER:
        return []
    if report.acted and report.rivals:
        return [Condition("SyncError", f"{_FIGHT}{', '.join(report.rivals)}")]
    known = [str(each.get("message", "")) for each in previous.get("conditions") or []]
    return [Condition("SyncError", text) for text in known if text.startswith(_FIGHT)]


def _parts(report: Report) -> Iterable[Part]:
    for key, health in report.health.items():
        live = report.live.get(key)
        yield Part(
            str(key),
            health,
            child=key.kind == "Application",
            excluded=live is not None and is_excluded(live),
        )


def _health(previous: Manifest, health: Health, now: datetime) -> Manifest:
    before = previous.get("health") or {}
    same = before.get("status") == health.status.value and before.get("lastTransitionTime")
    return without_none(
        {
            "status": health.status.value,
            "message": shorten(health.message),
            "lastTransitionTime": before["lastTransitionTime"] if same else format_time(now),
        }
    )


def _revisions(app: Application, commits: tuple[str, ...]) -> Manifest:
    if app.spec.sources:
        return {"revisions": list(commits)}
    return {"revision": commits[0] if commits else ""}


def _source_block(app: Application) -> Manifest:
    if app.spec.sources:
        return {"sources": [each.manifest() for each in app.spec.sources]}
    return {"source": app.spec.source.manifest()} if app.spec.source else {}


def _compared_to(app: Application) -> Manifest:
    ignored = [each.manifest() for each in app.spec.ignore_differences]
    return without_none(
        {
            **_source_block(app),
            "destination": app.spec.destination.manifest(),
            "ignoreDifferences": ignored,
        }
    )


def _history(
    app: Application, previous: Manifest, attempt: Attempt, found: Found
) -> list[Manifest]:
    entries = [each for each in previous.get("history") or [] if isinstance(each, dict)]
    limit = app.spec.revision_history_limit
    by = {"automated": True} if attempt.automated else None
    if by is None and app.operation is not None:
        by = app.operation.initiated_by.manifest() or None
    entry = without_none(
        {
            **_revisions(app, found.revisions),
            **_source_block(app),
            "deployStartedAt": stamp(attempt.started_at),
            "deployedAt": stamp(attempt.finished_at),
            "initiatedBy": by,
        }
    )
    last = entries[-1].get("id") if entries else None
    entry["id"] = (last if isinstance(last, int) else -1) + 1
    return [*entries, entry][-limit:] if limit > 0 else []


def _images(report: Report) -> list[str]:
    found: dict[str, None] = {}
    for one in report.prepared.objects:
        spec = ((one.manifest.get("spec") or {}).get("template") or {}).get("spec")
        if not isinstance(spec, dict):
            continue
        for field in ("initContainers", "containers"):
            for container in spec.get(field) or []:
                image = container.get("image") if isinstance(container, dict) else None
                if isinstance(image, str):
                    found[image] = None
    return sorted(found)

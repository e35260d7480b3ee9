"""Rows of an Application's status, one for each object; the words are Argo CD's."""

from __future__ import annotations

from typing import Any

from rollouts.api.refs import Manifest
from rollouts.gitops.engine import Report
from rollouts.gitops.frontends.documents import shorten, without_none
from rollouts.gitops.model import Declared, Drift, HookRecord, Outcome, ResourceKey, SyncResult
from rollouts.gitops.order import wave_of

_OUTCOMES = {
    Outcome.CREATED: "Synced",
    Outcome.CONFIGURED: "Synced",
    Outcome.UNCHANGED: "Synced",
    Outcome.SKIPPED: "Synced",
    Outcome.PRUNED: "Pruned",
    Outcome.FAILED: "SyncFailed",
}


def resources(report: Report) -> list[Manifest]:
    """Return a row for each object that the unit has or should have."""
    rows: list[tuple[Any, Manifest]] = []
    for one in report.prepared.objects:
        compared = report.compared[one.key]
        if compared.claimed_by or not one.tracked:
            continue
        row = _row(one) | {"status": compared.drift.value}
        health = report.health.get(one.key)
        if health is not None:
            row["health"] = without_none(
                {"status": health.status.value, "message": shorten(health.message)}
            )
        rows.append((one.key, without_none(row)))
    for left in report.stale:
        drift = Drift.OUT_OF_SYNC if left.counts else Drift.SYNCED
        row = _names(left.key, left.version)
        row |= {"status": drift.value, "requiresPruning": True}
        rows.append((left.key, without_none(row)))
    for hook in report.hooks:
        row = _names(hook.key, hook.version) | {"hook": True}
        rows.append((hook.key, without_none(row)))
    return [row for _, row in sorted(rows, key=lambda each: each[0])]


def _names(key: ResourceKey, version: str) -> Manifest:
    names = {"group": key.group, "kind": key.kind, "namespace": key.namespace, "name": key.name}
    return names | {"version": version}


def _row(one: Declared) -> Manifest:
    names = _names(one.key, one.ref.kind.version)
    return names | {"syncWave": wave_of(one.manifest) or None}


def result_row(each: SyncResult) -> Manifest:
    """Return what became of one object."""
    return without_none(
        {
            **_names(each.key, each.version),
            "status": _OUTCOMES[each.outcome],
            "message": shorten(each.message),
            "syncPhase": "Sync",
        }
    )


def hook_row(record: HookRecord) -> Manifest:
    """Return how far a hook is; it is read again in the next pass."""
    return without_none(
        {
            **_names(record.key, record.version),
            "hookType": record.hook_type,
            "hookPhase": record.state.value,
            "message": shorten(record.message),
            "syncPhase": record.hook_type,
        }
    )

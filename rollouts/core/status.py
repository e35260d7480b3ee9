"""The status that clients read: counters, weights, phase and message."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rollouts.api.refs import Manifest
from rollouts.api.times import format_time
from rollouts.core.advance import Move
from rollouts.core.conditions import Conditions, find, is_traffic_settled
from rollouts.core.gates import is_measuring, own_runs
from rollouts.core.progress import BACKGROUND_RUN_FIELD, STEP_RUN_FIELD, Progress
from rollouts.core.sets import SetPlan
from rollouts.core.situation import Situation

COUNTERS = (
    "replicas",
    "updatedReplicas",
    "readyReplicas",
    "availableReplicas",
    "HPAReplicas",
    "message",
    "scaleDownDeadlines",
)
"""Fields that may lag a moment behind when nothing else changes, to save writes."""


def report_status(
    situation: Situation, move: Move, sets: SetPlan, conditions: Conditions, *, canary_hash: str
) -> Manifest:
    """Return the whole status; fields of others that are already there are kept.

    Args:
        canary_hash: what the canary Service selects once this pass is carried out.
    """
    rollout, progress = situation.observed.rollout, move.progress
    counters = _count(situation)
    phase, message = _phase(situation, move, conditions, counters)
    status: dict[str, Any] = {
        **rollout.status,
        **counters,
        "phase": phase,
        "message": message or None,
        "observedGeneration": str(rollout.generation),
        "selector": label_selector(situation.spec.selector),
        "conditions": list(conditions),
        "currentPodHash": situation.revisions.current_hash,
        "currentStepHash": rollout.step_hash,
        "currentStepIndex": progress.index if situation.step_count else None,
        "stableRS": progress.stable_hash or None,
        "canary": _canary(situation, move, canary_hash),
        **_remembered(progress),
        "scaleDownDeadlines": {key: _exact(at) for key, at in sets.deadlines.items()} or None,
    }
    return {key: value for key, value in status.items() if value is not None}


def _remembered(progress: Progress) -> dict[str, Any]:
    return {
        "abort": progress.abort or None,
        "abortedAt": _exact(progress.aborted_at) if progress.aborted_at else None,
        "abortMessage": progress.abort_message or None,
        "pauseConditions": [
            {"reason": each.reason, "startTime": _exact(each.start)}
            | ({} if each.step_index is None else {"stepIndex": each.step_index})
            for each in progress.pauses
        ]
        or None,
        "controllerPause": progress.controller_pause or None,
        "promoteFull": progress.promote_full or None,
        "promotedAt": _exact(progress.promoted_at) if progress.promoted_at else None,
        "attempt": progress.attempt or None,
        "lastRequest": progress.last_request or None,
        "restartedAt": format_time(progress.restarted_at) if progress.restarted_at else None,
    }


def _exact(time: datetime) -> str:
    """Return a time with microseconds: rounding a start down would end its wait too early."""
    if time.microsecond == 0:
        return format_time(time)
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _count(situation: Situation) -> dict[str, int]:
    sets, current = situation.revisions.all, situation.revisions.current
    total = sum(each.current for each in sets)
    return {
        "replicas": total,
        "updatedReplicas": current.current if current else 0,
        "readyReplicas": sum(each.ready for each in sets),
        "availableReplicas": sum(each.available for each in sets),
        "HPAReplicas": total,
    }


def _canary(situation: Situation, move: Move, canary_hash: str) -> dict[str, Any] | None:
    spec = situation.spec
    canary = dict(situation.observed.rollout.status.get("canary") or {})
    canary["availableHighWater"] = move.progress.high_water or None
    if spec.is_routed:
        canary["weights"] = {
            "canary": {
                "weight": move.weight,
                "serviceName": spec.canary_service,
                "podTemplateHash": canary_hash,
            },
            "stable": {
                "weight": spec.max_weight - move.weight,
                "serviceName": spec.stable_service,
                "podTemplateHash": move.progress.stable_hash,
            },
        }
    else:
        canary.pop("weights", None)
    for field, name in (
        (STEP_RUN_FIELD, move.progress.step_run),
        (BACKGROUND_RUN_FIELD, move.progress.background_run),
    ):
        canary[field] = _run_status(situation, name) if name else None
    return {key: value for key, value in canary.items() if value is not None} or None


def _run_status(situation: Situation, name: str) -> dict[str, str]:
    """Return what clients are told of a run; one that was made in this pass has no phase yet."""
    # A run of somebody else may have the name of one of ours that is gone.
    run = next((each for each in own_runs(situation) if each.name == name), None)
    if run is None:
        return {"name": name, "status": "Pending"}
    told = {"name": name, "status": run.phase or "Pending"}
    return {**told, "message": run.message} if run.message else told


def label_selector(selector: Manifest) -> str:
    """Return a label selector as the scale subresource wants it: text."""
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for each in selector.get("matchExpressions") or ():
        operator, values = each["operator"], ",".join(sorted(each.get("values") or ()))
        parts.append(
            {
                "In": f"{each['key']} in ({values})",
                "NotIn": f"{each['key']} notin ({values})",
                "Exists": each["key"],
                "DoesNotExist": f"!{each['key']}",
            }[operator]
        )
    return ",".join(parts)


def _phase(
    situation: Situation, move: Move, conditions: Conditions, counters: dict[str, int]
) -> tuple[str, str]:
    """Return phase and message; the first test that holds decides.

    Source: the peer's order of tests and its words, which its clients and Argo CD rely on.
    Differs from the peer: it counts available pods of all revisions together.
    """
    spec, progress = situation.spec, move.progress
    if why := _why_degraded(conditions):
        return "Degraded", why
    if spec.paused:
        return "Paused", "manually paused"
    if progress.pauses:
        return "Paused", progress.pauses[0].reason
    if spec.restart_at is not None and spec.restart_at != progress.restarted_at:
        return "Progressing", "rollout is restarting"
    if counters["updatedReplicas"] < spec.replicas:
        return "Progressing", "more replicas need to be updated"
    current = situation.revisions.current
    # Pods of former revisions that are still there must not hide that current ones are missing.
    if current is not None and current.available < counters["updatedReplicas"]:
        return "Progressing", "updated replicas are still becoming available"
    if not spec.is_routed and counters["replicas"] > counters["updatedReplicas"]:
        return "Progressing", "old replicas are pending termination"
    if progress.stable_hash != situation.revisions.current_hash:
        if is_measuring(situation, progress):
            return "Progressing", "waiting for analysis to complete"
        return "Progressing", "waiting for all steps to complete"
    if not is_traffic_settled(situation, move):
        return "Progressing", "waiting for all traffic to reach the stable service"
    return "Healthy", ""


def _why_degraded(conditions: Conditions) -> str:
    """Return the message of the condition that makes a rollout degraded, empty without one."""
    if (invalid := find(conditions, "InvalidSpec")) is not None:
        return f"InvalidSpec: {invalid['message']}"
    progressing = find(conditions, "Progressing") or {}
    reason = progressing.get("reason", "")
    is_bad = reason in ("RolloutAborted", "ProgressDeadlineExceeded")
    return f"{reason}: {progressing['message']}" if is_bad else ""

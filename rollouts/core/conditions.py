"""Conditions: Progressing, Available, Healthy, Completed, Paused and InvalidSpec."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rollouts.api.times import format_time, parse_time
from rollouts.core.advance import Move
from rollouts.core.gates import is_measuring
from rollouts.core.situation import Situation

Conditions = tuple[dict[str, Any], ...]

RUNNING_REASONS = (
    "NewReplicaSetCreated",
    "FoundNewReplicaSet",
    "ReplicaSetUpdated",
    "RolloutResumed",
    "RolloutRetry",
    "ProgressDeadlineExceeded",
)
"""Reasons of Progressing that stay until something else happens."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """Whether the rollout ran out of time, and when it will."""

    is_exceeded: bool = False
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """What happened in this pass, as far as Progressing tells it."""

    deadline: Deadline = Deadline()
    is_new_revision: bool = False
    is_created: bool = False
    is_retried: bool = False
    is_moved: bool = False
    is_progress: bool = False


def find(conditions: Conditions, kind: str) -> dict[str, Any] | None:
    """Return the condition of a type."""
    return next((each for each in conditions if each.get("type") == kind), None)


def set_condition(
    conditions: Conditions,
    kind: str,
    *,
    status: str,
    reason: str,
    message: str,
    now: datetime,
    refresh: bool = False,
) -> Conditions:
    """Return the conditions with this one set; its times change only with what they tell.

    `refresh` moves the update time although nothing else changed.
    """
    old = find(conditions, kind)
    is_same = old is not None and (old.get("status"), old.get("reason"), old.get("message")) == (
        status,
        reason,
        message,
    )
    if is_same and not refresh:
        return conditions
    stamp = format_time(now)
    is_same_status = old is not None and old.get("status") == status
    new = {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": (old or {}).get("lastTransitionTime", stamp)
        if is_same_status
        else stamp,
        "lastUpdateTime": stamp,
    }
    if old is None:
        return (*conditions, new)
    return tuple(new if each is old else each for each in conditions)


def drop_condition(conditions: Conditions, kind: str) -> Conditions:
    """Return the conditions without this type."""
    kept = tuple(each for each in conditions if each.get("type") != kind)
    return conditions if len(kept) == len(conditions) else kept


def check_deadline(situation: Situation, conditions: Conditions, *, is_progress: bool) -> Deadline:
    """Tell whether waiting for pods has lasted longer than the progress deadline.

    The clock starts when the rollout last moved: a new revision, a new step, the end of a pause,
    or more canary pods available than ever in this step. Pods that come and go do not restart it.
    Differs from the peer, whose clock starts again whenever a counter changes.
    """
    progressing = find(conditions, "Progressing")
    if not _is_waiting(situation) or is_progress or progressing is None:
        return Deadline()
    if progressing.get("reason") not in RUNNING_REASONS:
        return Deadline()
    started = parse_time(progressing["lastUpdateTime"])
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Deadline(is_exceeded=True)
    at = started + situation.spec.progress_deadline
    return Deadline(is_exceeded=True) if situation.now >= at else Deadline(at=at)


def _is_waiting(situation: Situation) -> bool:
    """Tell whether the rollout waits for the cluster, not for a person, a timer or an analysis."""
    is_held = situation.is_aborted or situation.spec.paused or bool(situation.progress.pauses)
    is_held = is_held or is_measuring(situation, situation.progress)
    return not situation.revisions.is_promoted and not is_held


def report_conditions(
    situation: Situation,
    move: Move,
    conditions: Conditions,
    transition: Transition,
) -> Conditions:
    """Return all conditions as they should stand after this pass."""
    now = situation.now
    conditions = drop_condition(conditions, "InvalidSpec")
    conditions = _progressing(situation, move, conditions, transition)
    is_available = _available(situation) >= situation.spec.replicas - situation.spec.max_unavailable
    verb = "has" if is_available else "does not have"
    conditions = set_condition(
        conditions,
        "Available",
        status=_word(is_available),
        reason="AvailableReason",
        message=f"Rollout {verb} minimum availability",
        now=now,
    )
    is_paused = situation.spec.paused or bool(move.progress.pauses)
    conditions = set_condition(
        conditions,
        "Paused",
        status=_word(is_paused),
        reason="RolloutPaused",
        message="Rollout is paused" if is_paused else "Rollout is not paused",
        now=now,
    )
    is_healthy = is_complete(situation, move) and not situation.spec.paused
    conditions = set_condition(
        conditions,
        "Healthy",
        status=_word(is_healthy),
        reason="RolloutHealthy",
        message="Rollout is healthy" if is_healthy else "Rollout is not healthy",
        now=now,
    )
    is_completed = move.progress.stable_hash == situation.revisions.current_hash
    return set_condition(
        conditions,
        "Completed",
        status=_word(is_completed),
        reason="RolloutCompleted",
        message="RolloutCompleted" if is_completed else "RolloutNotCompleted",
        now=now,
    )


def is_complete(situation: Situation, move: Move) -> bool:
    """Tell whether the wanted revision is stable, whole, and serves everything by itself."""
    current, spec = situation.revisions.current, situation.spec
    if current is None or move.progress.stable_hash != current.pod_hash:
        return False
    if current.current != spec.replicas or current.available < spec.replicas:
        return False
    if not is_traffic_settled(situation, move):
        return False
    is_alone = all(each.current == 0 for each in situation.revisions.all if each is not current)
    return spec.is_routed or is_alone


def is_traffic_settled(situation: Situation, move: Move) -> bool:
    """Tell whether the stable Service selects stable and the router sends it everything."""
    if not situation.spec.is_routed or situation.spec.replicas == 0:
        return True
    service = situation.stable_service
    is_switched = service is not None and service.pod_hash == move.progress.stable_hash
    return move.weight == 0 and is_switched


def _progressing(
    situation: Situation,
    move: Move,
    conditions: Conditions,
    transition: Transition,
) -> Conditions:
    status, reason, message = _progress_words(situation, move, conditions, transition)
    is_running = reason in RUNNING_REASONS
    is_event = transition.is_moved or transition.is_new_revision or transition.is_progress
    return set_condition(
        conditions,
        "Progressing",
        status=status,
        reason=reason,
        message=message,
        now=situation.now,
        refresh=is_running and is_event,
    )


def _progress_words(
    situation: Situation,
    move: Move,
    conditions: Conditions,
    transition: Transition,
) -> tuple[str, str, str]:
    """Return status, reason and message of Progressing; the first that applies."""
    rollout, revisions = situation.observed.rollout, situation.revisions
    name = (
        revisions.current.name if revisions.current else f"{rollout.name}-{revisions.current_hash}"
    )
    if move.progress.abort:
        tail = f": {move.progress.abort_message}" if move.progress.abort_message else ""
        text = f"Rollout aborted update to revision {revisions.number}{tail}"
        return "False", "RolloutAborted", text
    if is_complete(situation, move):
        return "True", "NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.'
    if situation.spec.paused or move.progress.pauses:
        return "Unknown", "RolloutPaused", "Rollout is paused"
    if transition.deadline.is_exceeded:
        text = f'ReplicaSet "{name}" has timed out progressing.'
        return "False", "ProgressDeadlineExceeded", text
    old = find(conditions, "Progressing") or {}
    if transition.is_created:
        return "True", "NewReplicaSetCreated", f'Created new replica set "{name}"'
    if transition.is_new_revision:
        return "True", "FoundNewReplicaSet", f'Found existing ReplicaSet "{name}"'
    if transition.is_retried or old.get("reason") == "RolloutAborted":
        return "Unknown", "RolloutRetry", "Retrying Rollout after abort"
    if old.get("reason") == "RolloutPaused":
        return "Unknown", "RolloutResumed", "Rollout is resumed"
    if transition.is_moved or transition.is_progress:
        return "True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.'
    is_kept = old.get("reason") in (*RUNNING_REASONS, "NewReplicaSetAvailable")
    if is_kept and old.get("reason") != "ProgressDeadlineExceeded":
        return old["status"], old["reason"], old["message"]
    return "True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.'


def _available(situation: Situation) -> int:
    return sum(each.available for each in situation.revisions.all)


def _word(value: bool) -> str:
    return "True" if value else "False"

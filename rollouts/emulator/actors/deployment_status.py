"""What a Deployment's status says: counts, Available and Progressing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rollouts.emulator.actors.facts import condition, format_time, parse_time
from rollouts.emulator.actors.rolling import surge_and_unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollouts.emulator.actors.view import Manifest

COUNTS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
DEADLINE_DEFAULT = 600


def deployment_status(
    deployment: Manifest,
    current: Manifest | None,
    sets: Sequence[Manifest],
    *,
    now: datetime,
    created: bool,
) -> tuple[Manifest, datetime | None]:
    """Return the wanted status, None for fields to leave out, and when its deadline passes.

    Args:
        created: this pass made the current ReplicaSet.
    """
    spec = deployment["spec"]
    wanted = 1 if spec.get("replicas") is None else spec["replicas"]
    replicas, ready, available = (_sum(sets, field) for field in ("replicas", *COUNTS[2:]))
    updated = _sum((current,), "replicas") if current is not None else 0
    status: Manifest = {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        "replicas": replicas or None,
        "updatedReplicas": updated or None,
        "readyReplicas": ready or None,
        "availableReplicas": available or None,
        "unavailableReplicas": max(0, _wanted_sum(sets) - available) or None,
    }
    _, unavailable = surge_and_unavailable(spec, wanted)
    enough = available >= wanted - unavailable
    complete = updated == wanted == replicas == available
    progressing, wake = _progress(
        deployment, current, status, complete=complete, created=created, now=now
    )
    conditions = [_availability(deployment, enough=enough, now=now), progressing]
    known = (deployment.get("status") or {}).get("conditions") or ()
    conditions += [
        dict(entry) for entry in known if entry["type"] not in {"Available", "Progressing"}
    ]
    status["conditions"] = conditions
    return status, wake


def _sum(sets: Sequence[Manifest], field: str) -> int:
    return sum((each.get("status") or {}).get(field) or 0 for each in sets)


def _wanted_sum(sets: Sequence[Manifest]) -> int:
    return sum(each["spec"].get("replicas") or 0 for each in sets)


def _availability(deployment: Manifest, *, enough: bool, now: datetime) -> Manifest:
    if enough:
        reason, message = "MinimumReplicasAvailable", "Deployment has minimum availability."
    else:
        reason = "MinimumReplicasUnavailable"
        message = "Deployment does not have minimum availability."
    return _condition(deployment, "Available", str(enough), (reason, message), now=now)


def _progress(
    deployment: Manifest,
    current: Manifest | None,
    status: Manifest,
    *,
    complete: bool,
    created: bool,
    now: datetime,
) -> tuple[Manifest, datetime | None]:
    """Return the Progressing condition and when the progress deadline passes."""
    known = condition(deployment, "Progressing")
    name = current["metadata"]["name"] if current is not None else ""
    if deployment["spec"].get("paused"):
        texts = ("DeploymentPaused", "Deployment is paused")
        return _condition(deployment, "Progressing", "Unknown", texts, now=now), None
    if complete:
        texts = (
            "NewReplicaSetAvailable",
            f'ReplicaSet "{name}" has successfully progressed.',
        )
        return _condition(deployment, "Progressing", "True", texts, now=now), None
    before = deployment.get("status") or {}
    moved = any((before.get(field) or 0) != (status[field] or 0) for field in COUNTS)
    if created or known is None:
        texts = ("NewReplicaSetCreated", f'Created new replica set "{name}"')
    elif known["reason"] == "NewReplicaSetAvailable" and (
        status["replicas"] == status["updatedReplicas"]
    ):
        # Done once is done: pods that fail later are the Available condition's concern.
        return known, None
    else:
        texts = ("ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.')
    limit = deployment["spec"].get("progressDeadlineSeconds")
    deadline = timedelta(seconds=DEADLINE_DEFAULT if limit is None else limit)
    if created or known is None or moved or known["reason"] == "DeploymentPaused":
        fresh = _condition(deployment, "Progressing", "True", texts, now=now, touch=True)
        return fresh, parse_time(fresh["lastUpdateTime"]) + deadline
    if known["reason"] == "ProgressDeadlineExceeded":
        return known, None
    passes = parse_time(known["lastUpdateTime"]) + deadline
    if now < passes:
        return known, passes
    texts = ("ProgressDeadlineExceeded", f'ReplicaSet "{name}" has timed out progressing.')
    return _condition(deployment, "Progressing", "False", texts, now=now), None


def _condition(
    deployment: Manifest,
    kind: str,
    value: str,
    texts: tuple[str, str],
    *,
    now: datetime,
    touch: bool = False,
) -> Manifest:
    """Return a condition; unchanged ones keep their times unless `touch` says progress was made."""
    known = condition(deployment, kind)
    reason, message = texts
    same_value = known is not None and known["status"] == value
    same_texts = known is not None and (known.get("reason"), known.get("message")) == texts
    if known is not None and same_value and same_texts and not touch:
        return known
    stamp = format_time(now)
    return {
        "type": kind,
        "status": value,
        "reason": reason,
        "message": message,
        "lastUpdateTime": stamp,
        "lastTransitionTime": known["lastTransitionTime"] if known and same_value else stamp,
    }

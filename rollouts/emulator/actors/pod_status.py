"""The status of a pod, put together from the lives of its containers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollouts.emulator.actors.facts import format_time, name_suffix

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rollouts.emulator.actors.behaviour import Life
    from rollouts.emulator.actors.view import Manifest


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a pod lives: addresses of the node and of the pod, and when it came there."""

    host_ip: str
    pod_ip: str
    since: datetime


def pod_phase(lives: Sequence[Life]) -> str:
    """Return Pending, Running, Succeeded or Failed."""
    if all(life.exit_code is not None for life in lives) and lives:
        return "Failed" if any(life.exit_code for life in lives) else "Succeeded"
    if any(life.running or life.restarts or life.last_state for life in lives) or not lives:
        return "Running"
    return "Pending"


def pod_status(
    pod: Manifest, lives: Sequence[Life], placement: Placement, now: datetime
) -> Manifest:
    """Return the fields of status that a kubelet owns."""
    containers = pod["spec"].get("containers") or []
    phase = pod_phase(lives)
    status: Manifest = {
        "phase": phase,
        "conditions": _conditions(pod, lives, phase=phase, now=now),
        "containerStatuses": [
            _container_status(pod, container, life)
            for container, life in zip(containers, lives, strict=True)
        ],
        "hostIP": placement.host_ip,
        "hostIPs": [{"ip": placement.host_ip}],
        "startTime": format_time(placement.since),
        "qosClass": _quality(containers),
    }
    if phase != "Pending" or any(life.running for life in lives):
        status["podIP"] = placement.pod_ip
        status["podIPs"] = [{"ip": placement.pod_ip}]
    return status


def evicted_status(message: str) -> Manifest:
    """Return what an eviction adds to the status."""
    return {"phase": "Failed", "reason": "Evicted", "message": message}


def _container_status(pod: Manifest, container: Manifest, life: Life) -> Manifest:
    name, image = container["name"], container.get("image", "")
    status: Manifest = {
        "name": name,
        "image": image,
        "imageID": "",
        "lastState": life.last_state or {},
        "ready": life.ready,
        "restartCount": life.restarts,
        "started": life.running,
        "state": life.state,
    }
    if "waiting" not in life.state or life.restarts or life.last_state:
        status["imageID"] = f"embedded://{image}"
        status["containerID"] = (
            f"embedded://{name_suffix(12, pod['metadata']['uid'], name, life.restarts)}"
        )
    return status


def _conditions(
    pod: Manifest, lives: Sequence[Life], *, phase: str, now: datetime
) -> list[Manifest]:
    current = {entry["type"]: entry for entry in (pod.get("status") or {}).get("conditions") or ()}
    ended = phase in {"Succeeded", "Failed"}
    ready = bool(lives) and all(life.ready for life in lives) and not ended
    gates = [gate["conditionType"] for gate in pod["spec"].get("readinessGates") or ()]
    closed = [gate for gate in gates if current.get(gate, {}).get("status") != "True"]
    unready = [
        container["name"]
        for container, life in zip(pod["spec"].get("containers") or (), lives, strict=True)
        if not life.ready
    ]
    why: Manifest = {}
    if phase == "Succeeded":
        why = {"reason": "PodCompleted"}
    elif ended:
        why = {"reason": "PodFailed"}
    elif not ready:
        message = f"containers with unready status: [{' '.join(unready)}]"
        why = {"reason": "ContainersNotReady", "message": message}
    wanted: dict[str, tuple[bool, Manifest]] = {
        "PodReadyToStartContainers": (not ended, {}),
        "Initialized": (True, {"reason": "PodCompleted"} if phase == "Succeeded" else {}),
        "Ready": (ready and not closed, why or _gate_reason(closed)),
        "ContainersReady": (ready, why),
        "PodScheduled": (True, {}),
    }
    conditions = [entry for kind, entry in current.items() if kind not in wanted]
    for kind, (holds, explanation) in wanted.items():
        value = "True" if holds else "False"
        known = current.get(kind)
        unchanged = known is not None and known.get("status") == value
        since = known["lastTransitionTime"] if known and unchanged else format_time(now)
        conditions.append(
            {"type": kind, "status": value, "lastTransitionTime": since, **explanation}
        )
    return conditions


def _gate_reason(closed: Sequence[str]) -> Manifest:
    if not closed:
        return {}
    message = f'corresponding condition of pod readiness gate "{closed[0]}" does not exist.'
    return {"reason": "ReadinessGatesNotReady", "message": message}


def _quality(containers: Sequence[Manifest]) -> str:
    """Return the quality-of-service class that requests and limits imply."""
    resources = [container.get("resources") or {} for container in containers]
    if not any(each.get("requests") or each.get("limits") for each in resources):
        return "BestEffort"
    guaranteed = all(
        {"cpu", "memory"} <= set(each.get("limits") or {})
        and (each.get("requests") or each["limits"]) == each["limits"]
        for each in resources
    )
    return "Guaranteed" if guaranteed else "Burstable"

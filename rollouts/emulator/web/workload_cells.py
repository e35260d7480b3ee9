"""The rows of workloads: pods, the sets that own them, jobs and nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollouts.emulator.actors.facts import parse_time
from rollouts.emulator.selectors import format_label_selector, read_label_selector
from rollouts.emulator.web.ages import UNKNOWN, age_of, format_age

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rollouts.emulator.resources import Manifest

NONE = "<none>"


def format_labels(labels: Mapping[str, str] | None) -> str:
    """Write labels as kubectl shows them, or `<none>`."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def _head(manifest: Manifest, now: datetime) -> tuple[str, str]:
    metadata = manifest["metadata"]
    return metadata["name"], age_of(metadata.get("creationTimestamp"), now)


def _containers(manifest: Manifest) -> list[str]:
    """Return names and images of the containers in a template, each joined by commas."""
    spec = ((manifest.get("spec") or {}).get("template") or {}).get("spec") or {}
    containers = spec.get("containers") or ()
    return [
        ",".join(each["name"] for each in containers),
        ",".join(each.get("image", "") for each in containers),
    ]


def _selector(manifest: Manifest) -> str:
    selector = (manifest.get("spec") or {}).get("selector")
    if selector and not {"matchLabels", "matchExpressions"} & set(selector):
        return format_labels(selector)
    parsed = read_label_selector(selector)
    return (format_label_selector(parsed) if parsed is not None else "") or NONE


def pod_cells(pod: Manifest, now: datetime) -> list[Any]:
    """Return the row of a pod."""
    name, age = _head(pod, now)
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    containers = status.get("containerStatuses") or ()
    ready = sum(1 for each in containers if each.get("ready"))
    gates = spec.get("readinessGates") or ()
    open_gates = sum(1 for gate in gates if _is_true(status, gate["conditionType"]))
    return [
        name,
        f"{ready}/{len(spec.get('containers') or ())}",
        pod_word(pod),
        _restarts(containers, now),
        age,
        status.get("podIP") or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        f"{open_gates}/{len(gates)}" if gates else NONE,
    ]


def pod_word(pod: Manifest) -> str:
    """Return the one word that sums a pod up, such as Running or CrashLoopBackOff."""
    status = pod.get("status") or {}
    word = status.get("reason") or status.get("phase") or "Pending"
    running = False
    for container in reversed(status.get("containerStatuses") or ()):
        state = container.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
        if waiting.get("reason"):
            word = waiting["reason"]
        elif ended.get("reason"):
            word = ended["reason"]
        elif ended:
            word = f"ExitCode:{ended.get('exitCode', 0)}"
        elif container.get("ready") and "running" in state:
            running = True
    if word == "Completed" and running:
        word = "Running" if _is_true(status, "Ready") else "NotReady"
    if "deletionTimestamp" in pod["metadata"]:
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    return str(word)


def _is_true(status: Manifest, kind: str) -> bool:
    return any(
        entry["type"] == kind and entry["status"] == "True"
        for entry in status.get("conditions") or ()
    )


def _restarts(containers: Any, now: datetime) -> str:
    count = sum(each.get("restartCount", 0) for each in containers)
    ends = [
        each["lastState"]["terminated"]["finishedAt"]
        for each in containers
        if (each.get("lastState") or {}).get("terminated", {}).get("finishedAt")
    ]
    return f"{count} ({age_of(max(ends), now)} ago)" if count and ends else str(count)


def replica_set_cells(replica_set: Manifest, now: datetime) -> list[Any]:
    """Return the row of a ReplicaSet."""
    name, age = _head(replica_set, now)
    spec, status = replica_set.get("spec") or {}, replica_set.get("status") or {}
    return [
        name,
        spec.get("replicas", 1),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        age,
        *_containers(replica_set),
        _selector(replica_set),
    ]


def deployment_cells(deployment: Manifest, now: datetime) -> list[Any]:
    """Return the row of a Deployment."""
    name, age = _head(deployment, now)
    spec, status = deployment.get("spec") or {}, deployment.get("status") or {}
    return [
        name,
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 1)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        age,
        *_containers(deployment),
        _selector(deployment),
    ]


def stateful_set_cells(stateful_set: Manifest, now: datetime) -> list[Any]:
    """Return the row of a StatefulSet."""
    name, age = _head(stateful_set, now)
    spec, status = stateful_set.get("spec") or {}, stateful_set.get("status") or {}
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 1)}"
    return [name, ready, age, *_containers(stateful_set)]


def daemon_set_cells(daemon_set: Manifest, now: datetime) -> list[Any]:
    """Return the row of a DaemonSet."""
    name, age = _head(daemon_set, now)
    status = daemon_set.get("status") or {}
    pod_spec = ((daemon_set.get("spec") or {}).get("template") or {}).get("spec") or {}
    return [
        name,
        status.get("desiredNumberScheduled", 0),
        status.get("currentNumberScheduled", 0),
        status.get("numberReady", 0),
        status.get("updatedNumberScheduled", 0),
        status.get("numberAvailable", 0),
        format_labels(pod_spec.get("nodeSelector")),
        age,
        *_containers(daemon_set),
        _selector(daemon_set),
    ]


def job_cells(job: Manifest, now: datetime) -> list[Any]:
    """Return the row of a Job."""
    name, age = _head(job, now)
    spec, status = job.get("spec") or {}, job.get("status") or {}
    succeeded = status.get("succeeded", 0)
    if spec.get("completions") is not None:
        completions = f"{succeeded}/{spec['completions']}"
    elif (spec.get("parallelism") or 0) > 1:
        completions = f"{succeeded}/1 of {spec['parallelism']}"
    else:
        completions = f"{succeeded}/1"
    word = "Running"
    for kind in ("Complete", "Failed", "Suspended"):
        if _is_true(status, kind):
            word = kind
            break
    else:
        if "deletionTimestamp" in job["metadata"]:
            word = "Terminating"
    duration = _duration(status.get("startTime"), status.get("completionTime"), now)
    return [name, word, completions, duration, age, *_containers(job), _selector(job)]


def _duration(start: str | None, end: str | None, now: datetime) -> str:
    if not start:
        return ""
    if not end:
        return age_of(start, now)
    return format_age((parse_time(end) - parse_time(start)).total_seconds())


def node_cells(node: Manifest, now: datetime) -> list[Any]:
    """Return the row of a node."""
    name, age = _head(node, now)
    status = node.get("status") or {}
    system = status.get("nodeInfo") or {}
    labels = node["metadata"].get("labels") or {}
    prefix = "node-role.kubernetes.io/"
    roles = [key.removeprefix(prefix) for key in sorted(labels) if key.startswith(prefix)]
    word = "Ready" if _is_true(status, "Ready") else "NotReady"
    if (node.get("spec") or {}).get("unschedulable"):
        word += ",SchedulingDisabled"
    addresses = {each["type"]: each["address"] for each in status.get("addresses") or ()}
    return [
        name,
        word,
        ",".join(roles) or NONE,
        age,
        system.get("kubeletVersion", ""),
        addresses.get("InternalIP", NONE),
        addresses.get("ExternalIP", NONE),
        system.get("osImage") or UNKNOWN,
        system.get("kernelVersion") or UNKNOWN,
        system.get("containerRuntimeVersion") or UNKNOWN,
    ]

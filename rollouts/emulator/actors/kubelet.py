"""The one node of the cluster: pods come up, behave as their images do, and go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rollouts.emulator.actors.actor import KeyedActor
from rollouts.emulator.actors.behaviour import (
    COMPLETES,
    READY,
    Behaviour,
    Evicted,
    Life,
    behaviour_of,
    live,
)
from rollouts.emulator.actors.facts import MERGE_PATCH, format_time, is_terminal, parse_time
from rollouts.emulator.actors.pod_status import Placement, evicted_status, pod_status
from rollouts.emulator.actors.view import Change, Key, Manifest, View, key_of
from rollouts.emulator.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rollouts.emulator.actors.behaviour import Luck
    from rollouts.emulator.actors.events import Recorder
    from rollouts.emulator.server import ApiServer

COMPONENT = "kubelet"
NODE_NAME = "embedded"
NODE_IP = "10.0.0.1"
ADDRESSES_MAX = 255 * 254
"""Pod addresses come from 10.244.0.0/16 and are used again once all have been given out."""


@dataclass(slots=True)
class _Resident:
    """What the kubelet remembers of one pod, by uid; a restart of it may lose all of it."""

    uid: str
    pod_ip: str
    since: datetime
    draw: float
    behaviour: Behaviour | None = None
    settled_version: str = ""
    wake: datetime | None = None
    going_at: datetime | None = None


class Kubelet(KeyedActor):
    """Runs every pod of the cluster on one node.

    Args:
        behaviours: by image name or pattern (`*:broken`); the first that fits counts.
        default: behaviour of images that the table does not know.
        job_default: the same for pods whose restart policy is not Always.
        node: name of the node; empty leaves pods without one and saves a write for each.
        termination: how long a pod takes to end, at most its own grace period.
        luck: makes the `jitter` of behaviours; without it there is none.
    """

    def __init__(
        self,
        server: ApiServer,
        behaviours: Mapping[str, Behaviour] | None = None,
        *,
        default: Behaviour = READY,
        job_default: Behaviour = COMPLETES,
        node: str = NODE_NAME,
        termination: timedelta = timedelta(0),
        luck: Luck | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self._server = server
        self._table = dict(behaviours or {})
        self._default = default
        self._job_default = job_default
        self._node = node
        self._termination = termination
        self._luck = luck
        self._recorder = recorder
        self._residents: dict[Key, _Resident] = {}
        self._addresses = 0
        self._node_known = not node
        self._pods = View(server, server.resource("", "v1", "pods"))
        super().__init__(self._pods)

    def override(
        self, namespace: str, name: str, behaviour: Behaviour | None, *, now: datetime
    ) -> None:
        """Make one pod behave differently from `now` on; None returns it to its image's ways."""
        resident = self._residents.get((namespace, name))
        if resident is None:
            return
        resident.behaviour = behaviour
        resident.since = now
        resident.settled_version = ""
        self.mark((namespace, name))

    def set_behaviour(self, image: str, behaviour: Behaviour) -> None:
        """Change the table for pods of `image` that come from now on and those that run."""
        self._table = {image: behaviour} | {
            known: other for known, other in self._table.items() if known != image
        }
        for key, resident in self._residents.items():
            resident.settled_version = ""
            self.mark(key)

    def step(self, now: datetime) -> datetime | None:
        """Register the node once, then look after the pods that changed or are due."""
        if not self._node_known:
            self._node_known = True
            self._register(now)
        return super().step(now)

    def keys(self, view: View, change: Change) -> Iterable[Key]:
        """Name the pod that changed."""
        assert view is self._pods
        return (key_of(change.latest),)

    def reconcile(self, key: Key, now: datetime) -> datetime | None:
        """Bring a pod's status to what its containers do now, or end it."""
        pod = self._pods.get(key)
        if pod is None:
            self._residents.pop(key, None)
            return None
        node = pod["spec"].get("nodeName")
        if node and self._node and node != self._node:
            return None  # Another node's pod: somebody placed it there by hand.
        resident = self._house(pod, now)
        if "deletionTimestamp" in pod["metadata"]:
            return self._terminate(pod, resident, now)
        if is_terminal(pod):
            return None
        settled = resident.settled_version == pod["metadata"]["resourceVersion"]
        if settled and (resident.wake is None or now < resident.wake):
            return resident.wake
        if self._node and not node:
            pod = self._bind(pod, now)
        return self._report(pod, resident, now)

    def _house(self, pod: Manifest, now: datetime) -> _Resident:
        key, metadata = key_of(pod), pod["metadata"]
        known = self._residents.get(key)
        if known is not None and known.uid == metadata["uid"]:
            return known
        status = pod.get("status") or {}
        pod_ip = status.get("podIP") or self._next_address()
        since = parse_time(status["startTime"]) if "startTime" in status else now
        draw = self._luck.random() if self._luck is not None else 0.0
        resident = self._residents[key] = _Resident(metadata["uid"], pod_ip, since, draw)
        return resident

    def _next_address(self) -> str:
        index = self._addresses % ADDRESSES_MAX
        self._addresses += 1
        return f"10.244.{index // 254}.{index % 254 + 1}"

    def _bind(self, pod: Manifest, now: datetime) -> Manifest:
        namespace, name = key_of(pod)
        bound = self._server.patch(
            self._pods.resource,
            namespace,
            name,
            {"spec": {"nodeName": self._node}},
            MERGE_PATCH,
            field_manager="kube-scheduler",
        )
        message = f"Successfully assigned {namespace}/{name} to {self._node}"
        self._tell(pod, "Scheduled", message, now)
        return bound

    def _report(self, pod: Manifest, resident: _Resident, now: datetime) -> datetime | None:
        lives, evicted = self._lives(pod, resident, now)
        placement = Placement(NODE_IP, resident.pod_ip, self._start_of(pod, resident))
        wanted = pod_status(pod, lives, placement, now)
        if evicted is not None:
            wanted |= evicted_status(evicted.message)
        current = pod.get("status") or {}
        patch = {field: value for field, value in wanted.items() if current.get(field) != value}
        if patch:
            namespace, name = key_of(pod)
            written = self._server.patch(
                self._pods.resource,
                namespace,
                name,
                {"status": patch},
                MERGE_PATCH,
                subresource="status",
                field_manager=COMPONENT,
            )
            self._tell_lives(pod, lives, now)
            pod = written
        resident.settled_version = pod["metadata"]["resourceVersion"]
        changes = [life.changes_at for life in lives if life.changes_at is not None]
        resident.wake = min(changes, default=None)
        return resident.wake

    def _start_of(self, pod: Manifest, resident: _Resident) -> datetime:
        """Return when the pod came here; an override moves `since`, but not the start."""
        started = (pod.get("status") or {}).get("startTime")
        return parse_time(started) if started else resident.since

    def _lives(
        self, pod: Manifest, resident: _Resident, now: datetime
    ) -> tuple[list[Life], Evicted | None]:
        policy = pod["spec"].get("restartPolicy") or "Always"
        default = self._default if policy == "Always" else self._job_default
        lives: list[Life] = []
        evicted: Evicted | None = None
        for container in pod["spec"].get("containers") or ():
            image = container.get("image", "")
            behaviour = resident.behaviour or behaviour_of(image, self._table) or default
            if isinstance(behaviour, Evicted) and now >= resident.since + behaviour.after:
                evicted = behaviour
            lives.append(
                live(
                    behaviour,
                    since=resident.since,
                    now=now,
                    restart_policy=policy,
                    draw=resident.draw,
                )
            )
        return lives, evicted

    def _terminate(self, pod: Manifest, resident: _Resident, now: datetime) -> datetime | None:
        """End a pod after its grace; the server drops it once no finalizer holds it."""
        metadata = pod["metadata"]
        grace = metadata.get("deletionGracePeriodSeconds")
        if grace == 0 and resident.going_at is not None and now >= resident.going_at:
            return None  # Already ended; finalizers of others keep the object.
        if resident.going_at is None:
            # Ended pods and pods that no kubelet ever saw have nothing to wait for.
            waits = not is_terminal(pod) and grace != 0
            limit = timedelta(seconds=30 if grace is None else grace)
            resident.going_at = now + min(self._termination, limit) if waits else now
            self._tell(pod, "Killing", "Stopping containers", now)
        if now < resident.going_at:
            return resident.going_at
        try:
            self._server.delete(
                self._pods.resource, *key_of(pod), uid=metadata["uid"], grace_seconds=0
            )
        except ApiError as error:
            if error.code != 404:
                raise
        return None

    def _register(self, now: datetime) -> None:
        """Make the Node object people expect to see; an existing one is left as it is."""
        resource = self._server.resource("", "v1", "nodes")
        try:
            self._server.create(resource, "", _node(self._node, now), field_manager=COMPONENT)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise

    def _tell_lives(self, pod: Manifest, lives: Sequence[Life], now: datetime) -> None:
        if self._recorder is None:
            return
        known = {
            each["name"]: each for each in (pod.get("status") or {}).get("containerStatuses") or ()
        }
        for container, life in zip(pod["spec"].get("containers") or (), lives, strict=True):
            before = known.get(container["name"], {}).get("state") or {}
            waiting = life.state.get("waiting") or {}
            if life.running and "running" not in before:
                self._tell(pod, "Started", f"Started container {container['name']}", now)
            elif waiting.get("reason") == "CrashLoopBackOff":
                self._tell(
                    pod,
                    "BackOff",
                    f"Back-off restarting failed container {container['name']}",
                    now,
                    warning=True,
                )
            elif waiting and waiting.get("reason") != "ContainerCreating":
                image = container.get("image", "")
                message = f'Failed to pull image "{image}": {waiting.get("message", "")}'
                self._tell(pod, "Failed", message, now, warning=True)

    def _tell(
        self, pod: Manifest, reason: str, message: str, now: datetime, *, warning: bool = False
    ) -> None:
        if self._recorder is not None:
            component = "default-scheduler" if reason == "Scheduled" else COMPONENT
            self._recorder.record(
                pod,
                reason,
                message,
                now=now,
                component=component,
                kind="Warning" if warning else "Normal",
            )


def _node(name: str, now: datetime) -> Manifest:
    stamp = format_time(now)
    room = {"cpu": "64", "memory": "256Gi", "pods": "10000"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"},
        },
        "spec": {},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": NODE_IP},
                {"type": "Hostname", "address": name},
            ],
            "allocatable": room,
            "capacity": room,
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True",
                    "reason": "KubeletReady",
                    "message": "the embedded kubelet is running",
                    "lastHeartbeatTime": stamp,
                    "lastTransitionTime": stamp,
                }
            ],
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": "",
                "containerRuntimeVersion": "embedded://1",
                "kernelVersion": "",
                "kubeProxyVersion": "v1.33.0",
                "kubeletVersion": "v1.33.0",
                "machineID": "",
                "operatingSystem": "linux",
                "osImage": "embedded",
                "systemUUID": "",
            },
        },
    }

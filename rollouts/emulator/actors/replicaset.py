"""ReplicaSets: keeps as many pods as asked for, and counts them in status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rollouts.emulator.actors.actor import KeyedActor
from rollouts.emulator.actors.facts import (
    CONTROLLER_MANAGER,
    MERGE_PATCH,
    controller_ref,
    controller_uid,
    format_time,
    is_active,
    name_suffix,
    owner_reference,
    parse_time,
    ready_since,
    status_patch,
)
from rollouts.emulator.actors.revisions import wanted_replicas
from rollouts.emulator.actors.view import Change, Key, Manifest, View, key_of
from rollouts.emulator.errors import ApiError
from rollouts.emulator.selectors import LabelSelector, read_label_selector

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rollouts.emulator.actors.events import Recorder
    from rollouts.emulator.server import ApiServer

COMPONENT = "replicaset-controller"

BURST_MAX = 500
"""Pods made or removed in one pass, as in the real controller; the next pass goes on."""

NAME_TRIES_MAX = 16
"""A derived name collides only with a pod of an earlier life of the same actor."""

EPOCH = "1970-01-01T00:00:00Z"


class ReplicaSetController(KeyedActor):
    """Creates and deletes pods, adopts and releases them by labels, and writes status."""

    def __init__(self, server: ApiServer, *, recorder: Recorder | None = None) -> None:
        self._server = server
        self._recorder = recorder
        self._made: dict[str, int] = {}
        self._sets = View(
            server, server.resource("apps", "v1", "replicasets"), index=_by_uid_and_namespace
        )
        self._pods = View(server, server.resource("", "v1", "pods"), index=controller_uid)
        super().__init__(self._sets, self._pods)

    def keys(self, view: View, change: Change) -> Iterable[Key]:
        """Name the ReplicaSets that own, or could own, what changed."""
        if view is self._sets:
            if change.new is None:
                self._made.pop(change.latest["metadata"]["uid"], None)
            return (key_of(change.latest),)
        keys: dict[Key, None] = {}
        for pod in (change.old, change.new):
            if pod is not None:
                keys.update(dict.fromkeys(self._owners(pod)))
        return keys

    def reconcile(self, key: Key, now: datetime) -> datetime | None:
        """Bring the number of pods to `spec.replicas`, or count what is there."""
        replica_set = self._sets.get(key)
        if replica_set is None:
            return None
        deleting = "deletionTimestamp" in replica_set["metadata"]
        pods = [pod for pod in self._claim(replica_set) if is_active(pod)]
        refusal: ApiError | None = None
        if not deleting:
            surplus = len(pods) - wanted_replicas(replica_set)
            try:
                if surplus:
                    self._scale(replica_set, pods, surplus, now)
                    # The pass that sees these writes counts them: one status write, not two.
                    return None
            except ApiError as error:
                refusal = error
        counts = count_pods(replica_set, pods, now)
        self._write_status(replica_set, counts, refusal, now)
        if refusal is not None:
            raise refusal
        return counts.next_available

    def _owners(self, pod: Manifest) -> Iterable[Key]:
        """Name the set that controls a pod; for an orphan every set that selects it."""
        for bucket in controller_uid(pod):
            for replica_set in self._sets.indexed(bucket):
                if controller_ref(pod) is not None or selector_of(replica_set).matches(
                    pod["metadata"].get("labels")
                ):
                    yield key_of(replica_set)

    def _claim(self, replica_set: Manifest) -> list[Manifest]:
        """Return the set's pods; adopt matching orphans and release pods that match no more."""
        metadata = replica_set["metadata"]
        selector = selector_of(replica_set)
        claimed = []
        for pod in self._pods.indexed(metadata["uid"]):
            if selector.matches(pod["metadata"].get("labels")):
                claimed.append(pod)
            else:
                self._set_owners(pod, [ref for ref in _owners_of(pod) if not ref.get("controller")])
        if "deletionTimestamp" in metadata:
            return claimed
        for pod in self._pods.indexed(f"orphans of {metadata.get('namespace', '')}"):
            if is_active(pod) and selector.matches(pod["metadata"].get("labels")):
                owners = [*_owners_of(pod), owner_reference(replica_set)]
                claimed.append(self._set_owners(pod, owners))
        return claimed

    def _set_owners(self, pod: Manifest, owners: list[Manifest]) -> Manifest:
        namespace, name = key_of(pod)
        uid = pod["metadata"]["uid"]
        return self._server.patch(
            self._pods.resource,
            namespace,
            name,
            {"metadata": {"uid": uid, "ownerReferences": owners or None}},
            MERGE_PATCH,
            field_manager=CONTROLLER_MANAGER,
        )

    def _scale(
        self, replica_set: Manifest, pods: Sequence[Manifest], surplus: int, now: datetime
    ) -> None:
        if surplus < 0:
            for _ in range(min(-surplus, BURST_MAX)):
                self._create_pod(replica_set, now)
            return
        for pod in rank_for_removal(pods)[: min(surplus, BURST_MAX)]:
            namespace, name = key_of(pod)
            self._server.delete(self._pods.resource, namespace, name, uid=pod["metadata"]["uid"])
            self._tell(replica_set, "SuccessfulDelete", f"Deleted pod: {name}", now)

    def _create_pod(self, replica_set: Manifest, now: datetime) -> None:
        metadata = replica_set["metadata"]
        template = replica_set["spec"]["template"]
        prefix = metadata["name"]
        for _ in range(NAME_TRIES_MAX):
            count = self._made[metadata["uid"]] = self._made.get(metadata["uid"], 0) + 1
            pod = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    **_template_metadata(template),
                    "name": f"{prefix}-{name_suffix(5, metadata['uid'], count)}",
                    "generateName": f"{prefix}-",
                    "namespace": metadata["namespace"],
                    "ownerReferences": [owner_reference(replica_set)],
                },
                "spec": template["spec"],
            }
            try:
                created = self._server.create(
                    self._pods.resource,
                    metadata["namespace"],
                    pod,
                    field_manager=CONTROLLER_MANAGER,
                )
            except ApiError as error:
                if error.reason != "AlreadyExists":
                    self._tell(
                        replica_set, "FailedCreate", f"Error creating: {error}", now, warning=True
                    )
                    raise
                continue
            name = created["metadata"]["name"]
            self._tell(replica_set, "SuccessfulCreate", f"Created pod: {name}", now)
            return

    def _write_status(
        self, replica_set: Manifest, counts: Counts, refusal: ApiError | None, now: datetime
    ) -> None:
        metadata = replica_set["metadata"]
        wanted: Manifest = {
            "replicas": counts.replicas,
            # Zero is left out of these three, as on the real wire.
            "fullyLabeledReplicas": counts.fully_labeled or None,
            "readyReplicas": counts.ready or None,
            "availableReplicas": counts.available or None,
            "observedGeneration": metadata.get("generation", 1),
            "conditions": _conditions(replica_set, refusal, now),
        }
        patch = status_patch(replica_set, wanted)
        if patch:
            self._server.patch(
                self._sets.resource,
                metadata["namespace"],
                metadata["name"],
                {"status": patch},
                MERGE_PATCH,
                subresource="status",
                field_manager=CONTROLLER_MANAGER,
            )

    def _tell(
        self,
        replica_set: Manifest,
        reason: str,
        message: str,
        now: datetime,
        *,
        warning: bool = False,
    ) -> None:
        if self._recorder is not None:
            self._recorder.record(
                replica_set,
                reason,
                message,
                now=now,
                component=COMPONENT,
                kind="Warning" if warning else "Normal",
            )


@dataclass(frozen=True, slots=True)
class Counts:
    """What status says about the pods; `next_available` is when another one becomes available."""

    replicas: int
    fully_labeled: int
    ready: int
    available: int
    next_available: datetime | None


def selector_of(workload: Manifest) -> LabelSelector:
    """Return the pod selector of a workload; one that is missing selects by template labels."""
    selector = workload["spec"].get("selector")
    if not selector:
        labels = workload["spec"].get("template", {}).get("metadata", {}).get("labels")
        selector = {"matchLabels": labels or {"": "nothing"}}
    parsed = read_label_selector(selector)
    assert parsed is not None
    return parsed


def count_pods(replica_set: Manifest, pods: Iterable[Manifest], now: datetime) -> Counts:
    """Count active pods; a ready one is available once `minReadySeconds` have passed."""
    minimum = timedelta(seconds=replica_set["spec"].get("minReadySeconds") or 0)
    labels = (replica_set["spec"]["template"].get("metadata") or {}).get("labels") or {}
    replicas = fully_labeled = ready = available = 0
    waking: list[datetime] = []
    for pod in pods:
        replicas += 1
        pod_labels = pod["metadata"].get("labels") or {}
        fully_labeled += labels.items() <= pod_labels.items()
        since = ready_since(pod)
        if since is None:
            continue
        ready += 1
        if not minimum or since + minimum <= now:
            available += 1
        else:
            waking.append(since + minimum)
    return Counts(replicas, fully_labeled, ready, available, min(waking, default=None))


def rank_for_removal(pods: Iterable[Manifest]) -> list[Manifest]:
    """Order pods by who goes first: unscheduled, pending, not ready, cheap, newest.

    Source: the order of kube-controller-manager (ActivePodsWithRanks), without its spreading over
    nodes, of which there is one here.
    """
    return sorted(pods, key=_removal_rank)


_PHASE_RANK = {"Pending": 0, "Unknown": 1, "Running": 2}


def _removal_rank(pod: Manifest) -> tuple[Any, ...]:
    metadata, status = pod["metadata"], pod.get("status", {})
    since = ready_since(pod)
    cost = (metadata.get("annotations") or {}).get("controller.kubernetes.io/pod-deletion-cost")
    restarts = sum(each.get("restartCount", 0) for each in status.get("containerStatuses") or ())
    return (
        bool(pod["spec"].get("nodeName")),
        _PHASE_RANK.get(status.get("phase", "Pending"), 0),
        since is not None,
        _read_cost(cost),
        -(since or parse_time(EPOCH)).timestamp(),
        -restarts,
        -parse_time(metadata["creationTimestamp"]).timestamp(),
        # Of pods born in the same second the later one in the store goes first.
        -int(metadata["resourceVersion"]),
    )


def _read_cost(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError:
        return 0


def _conditions(
    replica_set: Manifest, refusal: ApiError | None, now: datetime
) -> list[Manifest] | None:
    """Return the conditions with ReplicaFailure set while the server refuses pods, else without."""
    current = (replica_set.get("status") or {}).get("conditions") or []
    others = [entry for entry in current if entry.get("type") != "ReplicaFailure"]
    if refusal is None:
        return others or None
    failures = [entry for entry in current if entry.get("type") == "ReplicaFailure"]
    if failures:
        # Told once: a message with the name of each refused pod would be news without end.
        return [*others, failures[0]]
    failure = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": str(refusal),
        "lastTransitionTime": format_time(now),
    }
    return [*others, failure]


def _by_uid_and_namespace(replica_set: Manifest) -> tuple[str, ...]:
    metadata = replica_set["metadata"]
    return metadata["uid"], f"orphans of {metadata.get('namespace', '')}"


def _owners_of(pod: Manifest) -> list[Manifest]:
    return list(pod["metadata"].get("ownerReferences") or ())


def _template_metadata(template: Manifest) -> Manifest:
    metadata = template.get("metadata") or {}
    return {field: metadata[field] for field in ("labels", "annotations") if metadata.get(field)}

"""The few objects that concern one Rollout, as somebody knows them at some moment.

The world keeps one that is always true; each controller has one of what has reached it, and
each pass a copy of that, on which its own writes are applied.
"""

from __future__ import annotations

from typing import Any

from rollouts.api.refs import (
    ANALYSIS_RUN,
    ANALYSIS_TEMPLATE,
    INGRESS,
    REPLICA_SET,
    ROLLOUT,
    SERVICE,
    Kind,
    Manifest,
)

PLAIN = (ROLLOUT, REPLICA_SET, SERVICE, INGRESS)
WATCHED = (*PLAIN, ANALYSIS_TEMPLATE, ANALYSIS_RUN)
"""The kinds a controller watches, in the order in which it lists them.

A world in which nothing is measured has the plain ones alone.
"""

HASH_LABEL = "rollouts-pod-template-hash"


class Snapshot:
    """The objects of one namespace, by kind and name."""

    __slots__ = ("ingresses", "rollouts", "runs", "services", "sets", "templates")

    def __init__(self) -> None:
        self.rollouts: dict[str, Manifest] = {}
        self.sets: dict[str, Manifest] = {}
        self.services: dict[str, Manifest] = {}
        self.ingresses: dict[str, Manifest] = {}
        self.templates: dict[str, Manifest] = {}
        self.runs: dict[str, Manifest] = {}

    def copy(self) -> Snapshot:
        """Return one that later changes do not reach; the objects themselves never change."""
        twin = Snapshot()
        twin.rollouts = dict(self.rollouts)
        twin.sets = dict(self.sets)
        twin.services = dict(self.services)
        twin.ingresses = dict(self.ingresses)
        twin.templates = dict(self.templates)
        twin.runs = dict(self.runs)
        return twin

    def of(self, kind: Kind) -> dict[str, Manifest]:
        """Return the objects of one watched kind, by name."""
        if kind is REPLICA_SET or kind == REPLICA_SET:
            return self.sets
        if kind == ROLLOUT:
            return self.rollouts
        if kind == SERVICE:
            return self.services
        if kind == INGRESS:
            return self.ingresses
        if kind == ANALYSIS_RUN:
            return self.runs
        assert kind == ANALYSIS_TEMPLATE, f"{kind} is not watched"
        return self.templates

    def put(self, kind: Kind, manifest: Manifest) -> None:
        """Take in a version of an object, unless a newer one is known."""
        known = self.of(kind)
        name = manifest["metadata"]["name"]
        before = known.get(name)
        if before is None or version_of(before) <= version_of(manifest):
            known[name] = manifest

    def drop(self, kind: Kind, name: str) -> None:
        """Take in that an object is gone."""
        self.of(kind).pop(name, None)

    def bury(self, kind: Kind, tombstone: Manifest) -> None:
        """Take in the news of a deletion, unless a newer object of that name is known."""
        name = tombstone["metadata"]["name"]
        known = self.of(kind).get(name)
        if known is not None and version_of(known) <= version_of(tombstone):
            self.drop(kind, name)


def as_planned(seen: Snapshot, kind: Kind, written: Manifest) -> Manifest:
    """Return a written ReplicaSet with the pods that its plan was made from.

    The answer to a write may speak of other pods already; the plan could not know of them.
    """
    if kind != REPLICA_SET:
        return written
    planned = seen.sets.get(written["metadata"]["name"]) or {}
    return {**written, "status": planned.get("status") or {}}


def version_of(manifest: Manifest) -> int:
    """Return an object's resourceVersion as a number."""
    return int(manifest["metadata"]["resourceVersion"])


def hash_of(replica_set: Manifest) -> str:
    """Return the pod template hash a ReplicaSet is labelled with."""
    labels = replica_set["metadata"].get("labels") or {}
    found: str = labels.get(HASH_LABEL, "")
    return found


def owner_uid(manifest: Manifest) -> str:
    """Return the uid of the controller that owns an object; empty for an orphan."""
    for owner in manifest["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            found: str = owner["uid"]
            return found
    return ""


def image_of(workload: Manifest) -> str:
    """Return the image of a Rollout's or ReplicaSet's first container: its revision's name."""
    containers: list[Any] = workload["spec"]["template"]["spec"]["containers"]
    found: str = containers[0]["image"]
    return found


def set_with_hash(snapshot: Snapshot, pod_hash: str) -> Manifest | None:
    """Return the ReplicaSet with this hash."""
    for replica_set in snapshot.sets.values():
        if hash_of(replica_set) == pod_hash:
            return replica_set
    return None


def set_of(snapshot: Snapshot, rollout: Manifest, image: str) -> Manifest | None:
    """Return the ReplicaSet of a Rollout that runs this image."""
    uid = rollout["metadata"]["uid"]
    for replica_set in snapshot.sets.values():
        if image_of(replica_set) == image and owner_uid(replica_set) == uid:
            return replica_set
    return None


def replicas_of(workload: Manifest) -> int:
    """Return the pods a Rollout or ReplicaSet asks for."""
    wanted = workload["spec"].get("replicas")
    return 1 if wanted is None else int(wanted)


def pods_of(replica_set: Manifest) -> int:
    """Return the pods that exist according to its own status."""
    return int((replica_set.get("status") or {}).get("replicas") or 0)


def ready_of(replica_set: Manifest) -> int:
    """Return the pods its own status calls available."""
    return int((replica_set.get("status") or {}).get("availableReplicas") or 0)

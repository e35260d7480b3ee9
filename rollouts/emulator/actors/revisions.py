"""Which ReplicaSet is a Deployment's present one, and what a new one looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollouts.emulator.actors.facts import name_suffix, owner_reference
from rollouts.emulator.actors.rolling import surge_and_unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollouts.emulator.actors.view import Manifest

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
NOT_COPIED = ("deployment.kubernetes.io/", "kubectl.kubernetes.io/last-applied-configuration")


def new_replica_set(deployment: Manifest, revision: int, salt: int) -> Manifest:
    """Return the ReplicaSet for the present template, still without pods."""
    metadata, spec = deployment["metadata"], deployment["spec"]
    template = spec["template"]
    template_metadata = template.get("metadata") or {}
    digest = template_hash(template, salt)
    labels = {**(template_metadata.get("labels") or {}), HASH_LABEL: digest}
    selector = spec.get("selector") or {}
    pairs = {**(selector.get("matchLabels") or {}), HASH_LABEL: digest}
    manifest: Manifest = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{metadata['name']}-{digest}",
            "namespace": metadata["namespace"],
            "labels": labels,
            "annotations": _copied_annotations(deployment)
            | scale_annotations(deployment)
            | {REVISION: str(revision)},
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {
            "replicas": 0,
            "selector": {**selector, "matchLabels": pairs},
            "template": {**template, "metadata": {**template_metadata, "labels": labels}},
        },
    }
    if spec.get("minReadySeconds"):
        manifest["spec"]["minReadySeconds"] = spec["minReadySeconds"]
    return manifest


def scale_annotations(deployment: Manifest) -> Manifest:
    """Return the annotations that tell a ReplicaSet how large its Deployment is."""
    wanted = wanted_replicas(deployment)
    surge, _ = surge_and_unavailable(deployment["spec"], wanted)
    return {DESIRED: str(wanted), MAXIMUM: str(wanted + surge)}


def template_hash(template: Manifest, salt: int = 0) -> str:
    """Return the label that tells templates apart.

    Its value differs from the real controller's, which hashes Go's memory; nothing may rely on it.
    """
    return name_suffix(10, _canonical(template), salt)


def find_current(deployment: Manifest, sets: Iterable[Manifest]) -> Manifest | None:
    """Return the oldest ReplicaSet whose template is the Deployment's."""
    wanted = _without_hash(deployment["spec"]["template"])
    for replica_set in sets:
        if _without_hash(replica_set["spec"]["template"]) == wanted:
            return replica_set
    return None


def last_revision(sets: Iterable[Manifest]) -> int:
    """Return the highest revision; zero without any."""
    return max((revision_of(each) for each in sets), default=0)


def revision_of(replica_set: Manifest) -> int:
    """Return the revision of a ReplicaSet; zero when it has none."""
    text = (replica_set["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdecimal() else 0


def noted_revision(deployment: Manifest, current: Manifest | None) -> Manifest:
    """Return the change that tells the Deployment its revision; it goes with the status.

    Through the status the annotation does not count as a new wish of the user.
    """
    if current is None:
        return {}
    revision = (current["metadata"].get("annotations") or {}).get(REVISION)
    known = (deployment["metadata"].get("annotations") or {}).get(REVISION)
    if not revision or revision == known:
        return {}
    return {"metadata": {"annotations": {REVISION: revision}}}


def age_order(replica_set: Manifest) -> tuple[str, str]:
    """Order ReplicaSets from the oldest to the newest."""
    metadata = replica_set["metadata"]
    return metadata["creationTimestamp"], metadata["name"]


def wanted_replicas(workload: Manifest) -> int:
    """Return `spec.replicas`; one when it was left out."""
    replicas = workload["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def _without_hash(template: Manifest) -> Manifest:
    metadata = template.get("metadata") or {}
    labels = {
        key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH_LABEL
    }
    kept = {key: value for key, value in metadata.items() if value is not None}
    return {**template, "metadata": {**kept, "labels": labels}}


def _canonical(value: object) -> str:
    """Write JSON with sorted keys, so that equal templates give equal text."""
    if isinstance(value, dict):
        parts = (f"{key!r}:{_canonical(value[key])}" for key in sorted(value))
        return f"{{{','.join(parts)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_canonical, value))}]"
    return repr(value)


def _copied_annotations(deployment: Manifest) -> Manifest:
    """Return the annotations a ReplicaSet inherits, such as the change cause."""
    annotations = deployment["metadata"].get("annotations") or {}
    return {key: value for key, value in annotations.items() if not key.startswith(NOT_COPIED)}

"""What is deployed: the first example with its waits shortened, and exact copies of it."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rollouts.api.documents import read_documents
from rollouts.api.refs import INGRESS, NAMESPACE, REPLICA_SET, ROLLOUT, SERVICE, Kind, Manifest

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "01-first-canary"
CRDS = ROOT / "crds"

NAME = "myapp"
FIRST_IMAGE = "myorg/myapp:1.0.0"
NEXT_IMAGE = "myorg/myapp:1.1.0"

COPIED_KINDS = (SERVICE, ROLLOUT, REPLICA_SET, INGRESS)
"""What makes up a Rollout at any moment, owners before what they own."""

_SERVER_SET = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")


def read_manifests(folder: Path) -> tuple[Manifest, ...]:
    """Return every object of a folder of YAML files."""
    return tuple(
        document.manifest
        for path in sorted(folder.glob("*.yaml"))
        for document in read_documents(path.read_text(), path.name)
    )


def example(
    namespace: str,
    *,
    pause_seconds: float,
    scale_down_seconds: int,
    steps: Iterable[Manifest] | None = None,
    replicas: int | None = None,
) -> tuple[Manifest, ...]:
    """Return the first example in a namespace of its own, the Rollout last.

    Args:
        pause_seconds: instead of its ten minutes, for every timed pause.
        scale_down_seconds: the former ReplicaSet's delay, instead of 30.
        steps: other steps than the example's.
        replicas: another number than the example's.
    """
    manifests = [copy.deepcopy(manifest) for manifest in read_manifests(EXAMPLE)]
    for manifest in manifests:
        manifest["metadata"]["namespace"] = namespace
        if manifest["kind"] != ROLLOUT.kind:
            continue
        canary = manifest["spec"]["strategy"]["canary"]
        canary["steps"] = [
            _shorten(step, pause_seconds)
            for step in (canary["steps"] if steps is None else copy.deepcopy(list(steps)))
        ]
        canary["scaleDownDelaySeconds"] = scale_down_seconds
        if replicas is not None:
            manifest["spec"]["replicas"] = replicas
    manifests.sort(key=lambda manifest: manifest["kind"] == ROLLOUT.kind)
    return (make_namespace(namespace), *manifests)


def make_namespace(name: str) -> Manifest:
    """Return a namespace."""
    return {
        "apiVersion": NAMESPACE.api_version,
        "kind": NAMESPACE.kind,
        "metadata": {"name": name},
    }


def image_change(image: str = NEXT_IMAGE) -> Manifest:
    """Return the merge patch by which a person gives a Rollout of the example a new image."""
    containers = [{"name": NAME, "image": image, "ports": [{"containerPort": 8080}]}]
    return {"spec": {"template": {"spec": {"containers": containers}}}}


def copy_into(
    namespace: str, objects: Iterable[tuple[Kind, Manifest]], *, pause_started_at: str = ""
) -> tuple[tuple[Kind, Manifest], ...]:
    """Return objects as they would be in another namespace, without what a server sets.

    Owner references keep the uid of the original: whoever creates the copies knows the new ones.

    Args:
        pause_started_at: for a Rollout that pauses, when it began to.
    """
    return tuple(
        (kind, _copy(namespace, kind, manifest, pause_started_at)) for kind, manifest in objects
    )


def _copy(namespace: str, kind: Kind, manifest: Manifest, pause_started_at: str) -> Manifest:
    made = copy.deepcopy(manifest)
    for field in _SERVER_SET:
        made["metadata"].pop(field, None)
    made["metadata"]["namespace"] = namespace
    status = made.get("status") or {}
    if kind == ROLLOUT:
        # A new object is at its first generation, however often the original was changed.
        status["observedGeneration"] = "1"
        for condition in status.get("pauseConditions") or ():
            condition["startTime"] = pause_started_at or condition["startTime"]
    elif kind == REPLICA_SET:
        status["observedGeneration"] = 1
    elif kind == SERVICE:
        for field in ("clusterIP", "clusterIPs"):
            made["spec"].pop(field, None)
    return made


def _shorten(step: Manifest, seconds: float) -> Manifest:
    pause: Any = step.get("pause")
    if pause and "duration" in pause:
        return {"pause": {"duration": f"{seconds:g}s"}}
    return step

"""Facts about objects that several actors ask for."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollouts.emulator.actors.view import Manifest

CONTROLLER_MANAGER = "kube-controller-manager"
"""Field manager of what the actors write, except for the kubelet's part."""

MERGE_PATCH = "application/merge-patch+json"

SAFE_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels and no look-alikes, as in names that Kubernetes makes up."""


def format_time(moment: datetime) -> str:
    """Write a time as the API does: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """Read an API time."""
    return datetime.fromisoformat(text)


def name_suffix(length: int, *parts: object) -> str:
    """Derive a name suffix from content, so that equal runs give equal names."""
    digest = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=16).digest()
    return "".join(SAFE_LETTERS[byte % len(SAFE_LETTERS)] for byte in digest[:length])


def controller_ref(manifest: Manifest) -> Manifest | None:
    """Return the owner reference of the object's controller, or None."""
    for ref in manifest["metadata"].get("ownerReferences", ()):
        if ref.get("controller"):
            return dict(ref)
    return None


def controller_uid(manifest: Manifest) -> tuple[str, ...]:
    """Index an object by the uid of its controller; orphans go by namespace."""
    metadata = manifest["metadata"]
    for ref in metadata.get("ownerReferences", ()):
        if ref.get("controller"):
            return (ref["uid"],)
    return (f"orphans of {metadata.get('namespace', '')}",)


def owner_reference(owner: Manifest) -> Manifest:
    """Return the reference by which `owner` controls another object."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def matches_labels(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Tell whether all pairs of an equality selector are among the labels."""
    return all(labels.get(key) == value for key, value in selector.items())


def condition(manifest: Manifest, kind: str) -> Manifest | None:
    """Return one condition of an object's status, or None."""
    for entry in manifest.get("status", {}).get("conditions") or ():
        if entry.get("type") == kind:
            return dict(entry)
    return None


def is_terminal(pod: Manifest) -> bool:
    """Tell whether all containers of a pod have ended for good."""
    return pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}


def is_active(pod: Manifest) -> bool:
    """Tell whether a pod counts as a replica: not ended, not being deleted."""
    return "deletionTimestamp" not in pod["metadata"] and not is_terminal(pod)


def ready_since(pod: Manifest) -> datetime | None:
    """Return since when a pod is ready, or None when it is not."""
    ready = condition(pod, "Ready")
    if ready is None or ready.get("status") != "True":
        return None
    return parse_time(ready.get("lastTransitionTime") or pod["metadata"]["creationTimestamp"])


def status_patch(manifest: Manifest, wanted: Mapping[str, Any]) -> Manifest:
    """Return the merge patch that brings `status` to `wanted`; empty when nothing differs.

    A wanted value of None removes the field; fields that `wanted` does not name stay.
    """
    current = manifest.get("status") or {}
    return {field: value for field, value in wanted.items() if current.get(field) != value}

"""The marks that tie an object to its unit: a tracking annotation, or owner labels.

An Application writes `argocd.argoproj.io/tracking-id`, which names the object itself too, so a
copy of the object does not count. A Kustomization writes two labels; they name only the unit,
and the inventory vouches for the object.
"""

from __future__ import annotations

from dataclasses import dataclass

from rollouts.api.refs import Manifest
from rollouts.gitops.model import Family, ResourceKey, UnitId

TRACKING_ID = "argocd.argoproj.io/tracking-id"
OWNER_NAME = "kustomize.toolkit.fluxcd.io/name"
OWNER_NAMESPACE = "kustomize.toolkit.fluxcd.io/namespace"


@dataclass(frozen=True, slots=True)
class Mark:
    """What an object says about who tracks it. `key` is None where the mark names no object."""

    unit: UnitId
    key: ResourceKey | None


def tracking_name(namespace: str, name: str, control_namespace: str) -> str:
    """Return how a tracking id names an Application: with its namespace unless it is at home."""
    return name if namespace == control_namespace else f"{namespace}_{name}"


def tracking_id(name: str, key: ResourceKey, destination: str) -> str:
    """Return the tracking id of an object.

    A cluster-scoped object is written with the destination namespace, as the peer does, so that
    taking over its objects changes nothing on them.
    """
    return f"{name}:{key.group}/{key.kind}:{key.namespace or destination}/{key.name}"


def with_mark(
    manifest: Manifest, unit: UnitId, key: ResourceKey, *, name: str, destination: str
) -> Manifest:
    """Return a copy that carries the unit's mark."""
    metadata = manifest.get("metadata") or {}
    if unit.family is Family.APPLICATION:
        annotations = dict(metadata.get("annotations") or {})
        annotations[TRACKING_ID] = tracking_id(name, key, destination)
        return {**manifest, "metadata": {**metadata, "annotations": annotations}}
    labels = dict(metadata.get("labels") or {})
    labels[OWNER_NAME] = unit.name
    labels[OWNER_NAMESPACE] = unit.namespace
    return {**manifest, "metadata": {**metadata, "labels": labels}}


def marks(live: Manifest, control_namespace: str) -> tuple[Mark, ...]:
    """Return the marks of a live object; a tracking id that cannot be read is no mark."""
    metadata = live.get("metadata") or {}
    found: list[Mark] = []
    text = (metadata.get("annotations") or {}).get(TRACKING_ID)
    mark = _read_tracking_id(text, control_namespace) if isinstance(text, str) else None
    if mark is not None:
        found.append(mark)
    labels = metadata.get("labels") or {}
    name, namespace = labels.get(OWNER_NAME), labels.get(OWNER_NAMESPACE)
    if isinstance(name, str) and isinstance(namespace, str) and name:
        found.append(Mark(UnitId(Family.KUSTOMIZATION, namespace, name), None))
    return tuple(found)


def is_tracked_by(live: Manifest, unit: UnitId, key: ResourceKey, control_namespace: str) -> bool:
    """Tell whether a live object's mark names this unit and this very object."""
    return any(
        mark.unit == unit and names_object(mark, key) for mark in marks(live, control_namespace)
    )


def names_object(mark: Mark, key: ResourceKey) -> bool:
    """Tell whether a mark speaks of this object; one without a key speaks of whatever bears it."""
    if mark.key is None:
        return True
    same = (mark.key.group, mark.key.kind, mark.key.name) == (key.group, key.kind, key.name)
    return same and key.namespace in ("", mark.key.namespace)


def _read_tracking_id(text: str, control_namespace: str) -> Mark | None:
    parts = text.split(":", 2)
    if len(parts) != 3:
        return None
    group, slash, kind = parts[1].partition("/")
    namespace, other_slash, name = parts[2].partition("/")
    if not (parts[0] and slash and other_slash and kind and name):
        return None
    home, underscore, app = parts[0].partition("_")
    if not underscore:
        home, app = control_namespace, parts[0]
    unit = UnitId(Family.APPLICATION, home, app)
    return Mark(unit, ResourceKey(group, kind, namespace, name))

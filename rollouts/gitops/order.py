"""Decides in which order objects are applied and removed; pure tables and stable sorts.

Applications go by phase, wave, kind and name, as Argo CD does; Kustomizations by Flux's stages
and kinds. Removal is the reverse.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, TypeVar

from rollouts.api.refs import Manifest

PHASES: Final = ("PreSync", "Sync", "PostSync", "SyncFail")
"""Phases of an operation in their order; an object without a hook belongs to `Sync`."""

DELETION_PHASES: Final = ("PreDelete", "PostDelete")
"""Phases of a deletion, before the objects go and after they have gone."""

SYNC_WAVE = "argocd.argoproj.io/sync-wave"
HELM_WEIGHT = "helm.sh/hook-weight"

_APPLY_ORDER = (
    *("Namespace", "NetworkPolicy", "ResourceQuota", "LimitRange", "PodSecurityPolicy"),
    *("PodDisruptionBudget", "ServiceAccount", "Secret", "ConfigMap", "StorageClass"),
    *("PersistentVolume", "PersistentVolumeClaim", "CustomResourceDefinition", "ClusterRole"),
    *("ClusterRoleBinding", "Role", "RoleBinding", "Service", "DaemonSet", "Pod"),
    *("ReplicationController", "ReplicaSet", "Deployment", "HorizontalPodAutoscaler"),
    *("StatefulSet", "Job", "CronJob", "IngressClass", "Ingress", "APIService"),
)
_FLUX_ORDER = (
    *("CustomResourceDefinition", "Namespace", "ClusterRole", "ClusterClass", "RuntimeClass"),
    *("PriorityClass", "StorageClass", "VolumeSnapshotClass", "IngressClass", "GatewayClass"),
    *("ClusterRoleBinding", "ResourceQuota", "ServiceAccount", "Role", "RoleBinding"),
    *("ConfigMap", "Secret", "Service", "LimitRange", "Deployment", "StatefulSet", "CronJob"),
    "PodDisruptionBudget",
)
_FLUX_LAST = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_FLUX_DEFINITIONS = ("CustomResourceDefinition", "Namespace", "ClusterRole")

_APPLY_RANKS: Mapping[str, int] = {kind: rank for rank, kind in enumerate(_APPLY_ORDER)}
_FLUX_RANKS: Mapping[str, int] = {kind: rank for rank, kind in enumerate(_FLUX_ORDER)}

_FOREGROUND = ("Job", "Rollout")
"""Kinds whose pods should be gone before the object is: their controllers clean up after them."""

FLUX_STAGES: Final = ("definitions", "classes", "everything else")
"""What each stage of a Kustomization holds; the next waits until the last one is ready."""

Item = TypeVar("Item")
Step = TypeVar("Step", bound=Hashable)


def apply_rank(kind: str) -> int:
    """Return the place of a kind in Argo CD's order; unknown kinds come last."""
    return _APPLY_RANKS.get(kind, len(_APPLY_ORDER))


def flux_rank(kind: str) -> int:
    """Return the place of a kind in Flux's order.

    Unknown kinds come after the known ones, admission webhooks last of all, so that they
    cannot block the objects they are about.
    """
    if kind in _FLUX_LAST:
        return len(_FLUX_ORDER) + 1
    return _FLUX_RANKS.get(kind, len(_FLUX_ORDER))


def flux_stage(kind: str) -> int:
    """Return the stage of a kind, an index into `FLUX_STAGES`."""
    if kind in _FLUX_DEFINITIONS:
        return 0
    return 1 if kind.endswith("Class") else 2


def wave_of(manifest: Manifest) -> int:
    """Return the wave an object asks for, else the weight of a Helm hook, else 0."""
    annotations = (manifest.get("metadata") or {}).get("annotations") or {}
    for name in (SYNC_WAVE, HELM_WEIGHT):
        try:
            return int(str(annotations[name]).strip())
        except (KeyError, ValueError):
            continue
    return 0


@dataclass(frozen=True, slots=True)
class Task:
    """One object at its place in an operation."""

    phase: str
    wave: int
    manifest: Manifest

    @property
    def step(self) -> tuple[int, int]:
        """Return phase and wave: what is applied before anything of the next step."""
        return _phase_rank(self.phase), self.wave


def _phase_rank(phase: str) -> int:
    return PHASES.index(phase) if phase in PHASES else PHASES.index("Sync")


def task(manifest: Manifest, phase: str = "Sync") -> Task:
    """Return an object at the place it asks for."""
    return Task(phase, wave_of(manifest), manifest)


def ordered(tasks: Iterable[Task]) -> tuple[Task, ...]:
    """Return tasks by phase, wave, kind and name, what others need pulled forward."""
    return tuple(
        sorted(pulled_forward(tasks), key=lambda each: (*each.step, *_argo_key(each.manifest)))
    )


def groups(tasks: Iterable[Task]) -> tuple[tuple[Task, ...], ...]:
    """Return the tasks in order, one group per phase and wave."""
    return tuple(tuple(group) for _, group in groupby(ordered(tasks), key=lambda each: each.step))


def batches(group: Iterable[Task]) -> tuple[tuple[Task, ...], ...]:
    """Return a group cut where the kind's rank changes: what may be applied at once."""
    return tuple(
        tuple(batch)
        for _, batch in groupby(group, key=lambda each: apply_rank(_kind(each.manifest)))
    )


def pulled_forward(tasks: Iterable[Task]) -> tuple[Task, ...]:
    """Return tasks with Namespaces and CRDs no later than the first object that needs them."""
    tasks = tuple(tasks)
    needs: dict[tuple[str, ...], Task] = {}
    for each in tasks:
        for need in _needs(each.manifest):
            first = needs.get(need)
            if first is None or each.step < first.step:
                needs[need] = each
    return tuple(_not_after(each, needs.get(_provides(each.manifest))) for each in tasks)


def _not_after(each: Task, needed_by: Task | None) -> Task:
    if needed_by is None or needed_by.step >= each.step:
        return each
    return Task(needed_by.phase, needed_by.wave, each.manifest)


def _needs(manifest: Manifest) -> tuple[tuple[str, ...], ...]:
    """Return what must exist before an object can: its namespace, and the CRD of its kind."""
    group = str(manifest.get("apiVersion", "")).rpartition("/")[0]
    namespace = (manifest.get("metadata") or {}).get("namespace")
    kind = ("CustomResourceDefinition", group, _kind(manifest))
    return (("Namespace", str(namespace)), kind) if namespace else (kind,)


def _provides(manifest: Manifest) -> tuple[str, ...]:
    match _kind(manifest):
        case "Namespace":
            return "Namespace", _name(manifest)
        case "CustomResourceDefinition":
            spec = manifest.get("spec") or {}
            kind = (spec.get("names") or {}).get("kind", "")
            return "CustomResourceDefinition", str(spec.get("group", "")), str(kind)
        case _:
            return ()


def flux_stages(manifests: Iterable[Manifest]) -> tuple[tuple[Manifest, ...], ...]:
    """Return the objects by stage, in order within each; empty stages are left out."""
    placed = sorted(manifests, key=lambda each: (flux_stage(_kind(each)), *flux_key(each)))
    return tuple(
        tuple(stage) for _, stage in groupby(placed, key=lambda each: flux_stage(_kind(each)))
    )


def flux_key(manifest: Manifest) -> tuple[int, str, str, str]:
    """Return a key that sorts as Flux applies: kind, then namespace and name."""
    metadata = manifest.get("metadata") or {}
    return (
        flux_rank(_kind(manifest)),
        _kind(manifest),
        str(metadata.get("namespace", "")),
        _name(manifest),
    )


def prune_groups(
    items: Iterable[Item],
    *,
    step: Callable[[Item], Step],
    kind: Callable[[Item], str],
    name: Callable[[Item], str],
) -> tuple[tuple[Item, ...], ...]:
    """Return what is to be removed, one group per wave, in the reverse of the apply order.

    Args:
        step: the wave (or phase and wave) an object was applied in.
        kind: the object's kind; users go before what they use, namespaces after all.
        name: breaks ties, so that the order is always the same.
    """
    placed = sorted(
        items, key=lambda item: (step(item), apply_rank(kind(item)), name(item)), reverse=True
    )
    return tuple(tuple(group) for _, group in groupby(placed, key=step))


def flux_prune_key(kind: str) -> tuple[int, int]:
    """Return a key that sorts kinds as Flux removes them: the reverse of stages and ranks."""
    return -flux_stage(kind), -flux_rank(kind)


def _argo_key(manifest: Manifest) -> tuple[int, str, str, str]:
    metadata: dict[str, Any] = manifest.get("metadata") or {}
    kind = _kind(manifest)
    return apply_rank(kind), _name(manifest), kind, str(metadata.get("namespace", ""))


def _kind(manifest: Manifest) -> str:
    return str(manifest.get("kind", ""))


def _name(manifest: Manifest) -> str:
    metadata = manifest.get("metadata") or {}
    return str(metadata.get("name") or metadata.get("generateName") or "")


def propagation_of(kind: str, asked: str = "") -> str:
    """Return how the objects below a deleted one are deleted."""
    return asked or ("Foreground" if kind in _FOREGROUND else "Background")

"""Assesses any object: common rules first, then those of its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeAlias

from rollouts.api.refs import Manifest
from rollouts.gitops.health import cluster, delivery, network, pods, workloads
from rollouts.gitops.health.generic import generic
from rollouts.gitops.health.model import (
    Health,
    annotations_of,
    metadata_of,
    number,
    progressing,
    status_of,
)

HOOK_FINALIZER = "argocd.argoproj.io/hook-finalizer"

_Rule: TypeAlias = Callable[[Manifest], Health]

_RULES: Mapping[tuple[str, str], _Rule] = {
    ("", "Pod"): pods.pod,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): cluster.definition,
    ("apiregistration.k8s.io", "APIService"): network.api_service,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("argoproj.io", "AnalysisRun"): delivery.by_phase,
    ("argoproj.io", "Application"): delivery.application,
    ("argoproj.io", "Rollout"): delivery.rollout,
    ("argoproj.io", "Workflow"): delivery.by_phase,
    ("autoscaling", "HorizontalPodAutoscaler"): cluster.autoscaler,
    ("batch", "CronJob"): pods.cron_job,
    ("batch", "Job"): pods.job,
}
_FLUX_GROUPS = (
    *("source.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io"),
    *("image.toolkit.fluxcd.io", "notification.toolkit.fluxcd.io"),
)
_OBSERVED = (
    *(("apps", "Deployment"), ("apps", "ReplicaSet"), ("apps", "StatefulSet")),
    *(("apps", "DaemonSet"), ("argoproj.io", "Rollout")),
)


def assess(
    manifest: Manifest,
    now: datetime,
    *,
    applied_generation: int | None = None,
    strict: bool = False,
    first_consumer_classes: tuple[str, ...] = (),
) -> Health | None:
    """Decide how a live object does.

    Args:
        applied_generation: what our own apply was answered with. The object's word counts
            only once it is about that generation; this takes the place of waiting a while.
        strict: an Ingress or LoadBalancer needs an address, however long that takes.
        first_consumer_classes: names of storage classes that bind with the first pod.

    Returns:
        None when the object's kind has no health: it then neither helps nor hinders.
    """
    metadata = metadata_of(manifest)
    if metadata.get("deletionTimestamp") and not _is_kept_hook(manifest):
        return progressing("pending deletion")
    group, kind = _kind_of(manifest)
    if applied_generation is not None:
        waiting = generation_gate(manifest, applied_generation)
        if waiting is not None:
            return waiting
    match group, kind:
        case "", "Service":
            return network.service(manifest, now, strict=strict)
        case ("networking.k8s.io" | "extensions", "Ingress"):
            return network.ingress(manifest, now, strict=strict)
        case "", "PersistentVolumeClaim":
            return cluster.claim(manifest, first_consumer_classes=first_consumer_classes)
    rule = _RULES.get((group, kind))
    if rule is not None:
        return rule(manifest)
    return delivery.flux(manifest) if group in _FLUX_GROUPS else generic(manifest)


def generation_gate(manifest: Manifest, applied_generation: int) -> Health | None:
    """Return Progressing while an object does not yet speak about what was applied.

    Kinds without an observed generation pass as soon as the object itself is not older.
    Numbers written as text count; another text is a hash of old and passes.
    """
    generation = number(metadata_of(manifest).get("generation"))
    if generation is not None and generation < applied_generation:
        return progressing(f"waiting to see generation {applied_generation}")
    written = status_of(manifest).get("observedGeneration")
    observed = number(written)
    is_absent = written in (None, "")
    behind = observed is not None and observed < applied_generation
    if behind or (is_absent and _kind_of(manifest) in _OBSERVED):
        return progressing(f"waiting for generation {applied_generation} to be observed")
    return None


def is_excluded(manifest: Manifest) -> bool:
    """Tell whether an object asks not to count in its Application's health."""
    return annotations_of(manifest).get("argocd.argoproj.io/ignore-healthcheck") == "true"


def _kind_of(manifest: Manifest) -> tuple[str, str]:
    group = str(manifest.get("apiVersion", "")).rpartition("/")[0]
    return group, str(manifest.get("kind", ""))


def _is_kept_hook(manifest: Manifest) -> bool:
    """Tell whether a deleted object is a hook that we hold to read its result."""
    finalizers = metadata_of(manifest).get("finalizers")
    return isinstance(finalizers, list) and HOOK_FINALIZER in finalizers

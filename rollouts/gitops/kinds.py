"""Which served resource type an `apiVersion` and `kind` mean: its plural, and whether namespaced.

Built-in kinds are known by heart, so that common syncs need no discovery. Everything else is
asked for until it is found: its CustomResourceDefinition may arrive at any moment.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from rollouts.api.refs import (
    APPLICATION,
    CONFIG_MAP,
    CRD,
    DEPLOYMENT,
    EVENT,
    GIT_REPOSITORY,
    HELM_REPOSITORY,
    INGRESS,
    KUSTOMIZATION,
    LEASE,
    NAMESPACE,
    POD,
    REPLICA_SET,
    ROLLOUT,
    SECRET,
    SERVICE,
    Kind,
    Manifest,
)
from rollouts.gitops.model import ResourceKey
from rollouts.kube.errors import NotFound

Discover: TypeAlias = Callable[[str, str], Awaitable[Kind]]
"""Finds the resource type of an `apiVersion` and `kind`; raises `NotFound` for one not served."""

HORIZONTAL_POD_AUTOSCALER = Kind(
    "autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"
)

_RBAC = "rbac.authorization.k8s.io"

_BUILT_IN: tuple[Kind, ...] = (
    APPLICATION,
    CONFIG_MAP,
    CRD,
    DEPLOYMENT,
    EVENT,
    GIT_REPOSITORY,
    HELM_REPOSITORY,
    HORIZONTAL_POD_AUTOSCALER,
    INGRESS,
    KUSTOMIZATION,
    LEASE,
    NAMESPACE,
    POD,
    REPLICA_SET,
    ROLLOUT,
    SECRET,
    SERVICE,
    Kind("", "v1", "LimitRange", "limitranges"),
    Kind("", "v1", "PersistentVolume", "persistentvolumes", namespaced=False),
    Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    Kind("", "v1", "ResourceQuota", "resourcequotas"),
    Kind("", "v1", "ServiceAccount", "serviceaccounts"),
    Kind("apps", "v1", "DaemonSet", "daemonsets"),
    Kind("apps", "v1", "StatefulSet", "statefulsets"),
    Kind("batch", "v1", "CronJob", "cronjobs"),
    Kind("batch", "v1", "Job", "jobs"),
    Kind("networking.k8s.io", "v1", "IngressClass", "ingressclasses", namespaced=False),
    Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
    Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Kind(_RBAC, "v1", "ClusterRole", "clusterroles", namespaced=False),
    Kind(_RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
    Kind(_RBAC, "v1", "Role", "roles"),
    Kind(_RBAC, "v1", "RoleBinding", "rolebindings"),
    Kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", namespaced=False),
    Kind("storage.k8s.io", "v1", "StorageClass", "storageclasses", namespaced=False),
)


class Kinds:
    """The resource types that a server serves."""

    def __init__(self, discover: Discover) -> None:
        """Know the built-in kinds; ask `discover` for the others."""
        self._discover = discover
        self._known = {(kind.api_version, kind.kind): kind for kind in _BUILT_IN}

    async def resolve(self, api_version: str, kind: str) -> Kind | None:
        """Return the resource type, or None when the server does not serve it."""
        found = self._known.get((api_version, kind))
        if found is None:
            try:
                found = await self._discover(api_version, kind)
            except NotFound:
                return None
            self._known[api_version, kind] = found
        return found

    async def of(self, key: ResourceKey, version: str) -> Kind | None:
        """Return how a recorded object is served, or None when it is not any more."""
        return await self.resolve(f"{key.group}/{version}" if key.group else version, key.kind)


def kinds_of_crd(crd: Manifest) -> tuple[Kind, ...]:
    """Return the kinds that a declared CustomResourceDefinition will serve, per version."""
    spec = crd.get("spec") or {}
    names: dict[str, Any] = spec.get("names") or {}
    group, kind, plural = (str(spec.get("group") or ""), names.get("kind"), names.get("plural"))
    if not isinstance(kind, str) or not isinstance(plural, str):
        return ()
    return tuple(
        Kind(group, str(version["name"]), kind, plural, namespaced=spec.get("scope") != "Cluster")
        for version in spec.get("versions") or []
        if isinstance(version, dict) and version.get("name") and version.get("served", True)
    )

"""Names of things in a cluster: resource kinds and references to objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

Manifest: TypeAlias = dict[str, Any]
"""One Kubernetes object as JSON. Treat it as immutable: copy before changing."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One served resource type.

    `group` is empty for the core group; `plural` is the path segment of its URL.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """Return `group/version`, or the bare version for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """Return how kubectl and RBAC name it: the plural, with the group after a dot."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def __str__(self) -> str:
        return f"{self.kind}.{self.api_version}"


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """One object: its kind, namespace (empty for cluster-scoped kinds) and name."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        parts = (self.kind.kind, self.namespace, self.name)
        return "/".join(part for part in parts if part)


ROLLOUT = Kind("argoproj.io", "v1alpha1", "Rollout", "rollouts")
ANALYSIS_TEMPLATE = Kind("argoproj.io", "v1alpha1", "AnalysisTemplate", "analysistemplates")
CLUSTER_ANALYSIS_TEMPLATE = Kind(
    "argoproj.io",
    "v1alpha1",
    "ClusterAnalysisTemplate",
    "clusteranalysistemplates",
    namespaced=False,
)
ANALYSIS_RUN = Kind("argoproj.io", "v1alpha1", "AnalysisRun", "analysisruns")
APPLICATION = Kind("argoproj.io", "v1alpha1", "Application", "applications")
GIT_REPOSITORY = Kind("source.toolkit.fluxcd.io", "v1", "GitRepository", "gitrepositories")
HELM_REPOSITORY = Kind("source.toolkit.fluxcd.io", "v1", "HelmRepository", "helmrepositories")
KUSTOMIZATION = Kind("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations")

REPLICA_SET = Kind("apps", "v1", "ReplicaSet", "replicasets")
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments")
SERVICE = Kind("", "v1", "Service", "services")
JOB = Kind("batch", "v1", "Job", "jobs")
POD = Kind("", "v1", "Pod", "pods")
SECRET = Kind("", "v1", "Secret", "secrets")
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")
NAMESPACE = Kind("", "v1", "Namespace", "namespaces", namespaced=False)
INGRESS = Kind("networking.k8s.io", "v1", "Ingress", "ingresses")
EVENT = Kind("", "v1", "Event", "events")
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases")
CRD = Kind(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)

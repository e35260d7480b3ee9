"""The resource types every server has, as one table."""

from __future__ import annotations

from rollouts.emulator.resources import ResourceType

# Flags: c cluster-scoped, s status, x scale; categories: a `all`, e `api-extensions`.
_TABLE = """
 v1 Namespace namespaces ns c,s
 v1 Node nodes no c,s
 v1 Pod pods po s,a
 v1 Service services svc s,a
 v1 Endpoints endpoints ep -
 v1 ConfigMap configmaps cm -
 v1 Secret secrets - -
 v1 ServiceAccount serviceaccounts sa -
 v1 Event events ev -
 v1 PersistentVolumeClaim persistentvolumeclaims pvc s
 v1 PersistentVolume persistentvolumes pv c,s
 v1 LimitRange limitranges limits -
 v1 ResourceQuota resourcequotas quota s
 v1 ReplicationController replicationcontrollers rc s,x,a
 v1 PodTemplate podtemplates - -
apps v1 Deployment deployments deploy s,x,a
apps v1 ReplicaSet replicasets rs s,x,a
apps v1 StatefulSet statefulsets sts s,x,a
apps v1 DaemonSet daemonsets ds s,a
apps v1 ControllerRevision controllerrevisions - -
batch v1 Job jobs - s,a
batch v1 CronJob cronjobs cj s,a
networking.k8s.io v1 Ingress ingresses ing s
networking.k8s.io v1 IngressClass ingressclasses - c
networking.k8s.io v1 NetworkPolicy networkpolicies netpol -
discovery.k8s.io v1 EndpointSlice endpointslices - -
coordination.k8s.io v1 Lease leases - -
rbac.authorization.k8s.io v1 Role roles - -
rbac.authorization.k8s.io v1 RoleBinding rolebindings - -
rbac.authorization.k8s.io v1 ClusterRole clusterroles - c
rbac.authorization.k8s.io v1 ClusterRoleBinding clusterrolebindings - c
autoscaling v2 HorizontalPodAutoscaler horizontalpodautoscalers hpa s,a
policy v1 PodDisruptionBudget poddisruptionbudgets pdb s
events.k8s.io v1 Event events ev -
storage.k8s.io v1 StorageClass storageclasses sc c
scheduling.k8s.io v1 PriorityClass priorityclasses pc c
apiextensions.k8s.io v1 CustomResourceDefinition customresourcedefinitions crd,crds c,s,e
"""


def _read_row(row: str) -> ResourceType:
    group, version, kind, plural, short, flags = row.split(" ")
    marks = flags.split(",")
    subresources = {"s": "status", "x": "scale"}
    categories = {"a": "all", "e": "api-extensions"}
    return ResourceType(
        group,
        version,
        kind,
        plural,
        kind.lower(),
        namespaced="c" not in marks,
        short_names=() if short == "-" else tuple(short.split(",")),
        categories=tuple(categories[mark] for mark in marks if mark in categories),
        subresources=frozenset(subresources[mark] for mark in marks if mark in subresources),
        # Both event APIs show the same objects; the core form is the stored one.
        stored_as=plural if kind == "Event" else "",
    )


BUILTIN_TYPES: tuple[ResourceType, ...] = tuple(
    _read_row(row) for row in _TABLE.strip("\n").splitlines()
)
"""Built-in types in discovery order."""

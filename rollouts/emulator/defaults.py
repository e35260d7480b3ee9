"""What the API fills in where a manifest of a built-in kind is silent.

Each default belongs to a wire type and applies wherever that type occurs, as in the real server;
those of whole kinds apply at the top of an object only. A function gets a struct that was freshly
made and may add keys to it; what hangs below may be shared and must not be changed in place.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Struct = dict[str, Any]

_CONSTANTS: dict[str, Struct] = {
    "ContainerPort": {"protocol": "TCP"},
    "Probe": {
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    },
    "HTTPGetAction": {"path": "/", "scheme": "HTTP"},
    "ObjectFieldSelector": {"apiVersion": "v1"},
    "SecretVolumeSource": {"defaultMode": 0o644},
    "ConfigMapVolumeSource": {"defaultMode": 0o644},
    "DownwardAPIVolumeSource": {"defaultMode": 0o644},
    "ProjectedVolumeSource": {"defaultMode": 0o644},
    "ServiceAccountTokenProjection": {"expirationSeconds": 3600},
    "HostPathVolumeSource": {"type": ""},
    "PersistentVolumeSpec": {
        "persistentVolumeReclaimPolicy": "Retain",
        "volumeMode": "Filesystem",
    },
    "PersistentVolumeStatus": {"phase": "Pending"},
    "PersistentVolumeClaimSpec": {"volumeMode": "Filesystem"},
    "NamespaceStatus": {"phase": "Active"},
    "EndpointPort": {"protocol": "TCP"},
    "DiscoveryEndpointPort": {"name": "", "protocol": "TCP"},
    "NetworkPolicyPort": {"protocol": "TCP"},
    "IngressClassParametersReference": {"scope": "Cluster"},
    "GRPCAction": {"service": ""},
    "DeploymentSpec": {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    },
    "ReplicaSetSpec": {"replicas": 1},
    "ReplicationControllerSpec": {"replicas": 1},
    "DaemonSetSpec": {"revisionHistoryLimit": 10},
    "StatefulSetSpec": {
        "podManagementPolicy": "OrderedReady",
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    },
    "StatefulSetPersistentVolumeClaimRetentionPolicy": {
        "whenDeleted": "Retain",
        "whenScaled": "Retain",
    },
    "CronJobSpec": {
        "concurrencyPolicy": "Allow",
        "suspend": False,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
    },
    "PodFailurePolicyOnPodConditionsPattern": {"status": "True"},
    "HorizontalPodAutoscalerSpec": {
        "minReplicas": 1,
        "metrics": [
            {
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "target": {"type": "Utilization", "averageUtilization": 80},
                },
            }
        ],
    },
    "CustomResourceDefinitionSpec": {"conversion": {"strategy": "None"}},
}

_POD_SPEC: Struct = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "schedulerName": "default-scheduler",
}

_SCALE_UP: Struct = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_SCALE_DOWN: Struct = {
    "selectPolicy": "Max",
    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}
_JOB_SPEC: Struct = {
    "parallelism": 1,
    "completionMode": "NonIndexed",
    "suspend": False,
    "manualSelector": False,
}
_MAX_INT32 = 2**31 - 1
_AFFINITY_SECONDS = 10_800


def _fill(made: Struct, values: Struct) -> None:
    for key, value in values.items():
        if made.get(key) is None:
            made[key] = value


def _container(made: Struct) -> None:
    if "imagePullPolicy" not in made:
        made["imagePullPolicy"] = _pull_policy(made.get("image", ""))
    _fill(
        made,
        {
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        },
    )


def _pull_policy(image: str) -> str:
    if "@" in image:
        return "IfNotPresent"
    _, colon, tag = image.rpartition("/")[2].partition(":")
    return "Always" if not colon or tag == "latest" else "IfNotPresent"


def _pod_spec(made: Struct) -> None:
    account = made.get("serviceAccountName") or made.get("serviceAccount")
    if account:
        made["serviceAccountName"] = made["serviceAccount"] = account
    if made.get("securityContext") is None:
        made["securityContext"] = {}
    _fill(made, _POD_SPEC)


def _pod(made: Struct) -> None:
    spec = made["spec"]
    if "enableServiceLinks" in spec:
        return
    spec = {**spec, "enableServiceLinks": True}
    for key in ("containers", "initContainers"):
        if spec.get(key):
            spec[key] = [_request_what_is_limited(each) for each in spec[key]]
    made["spec"] = spec


def _request_what_is_limited(container: Struct) -> Struct:
    resources = container.get("resources") or {}
    limits = resources.get("limits")
    if not limits:
        return container
    requests = {**limits, **(resources.get("requests") or {})}
    return {**container, "resources": {**resources, "requests": requests}}


def _volume(made: Struct) -> None:
    if len(made) == 1:
        made["emptyDir"] = {}


def _pod_status(made: Struct) -> None:
    address, addresses = made.get("podIP"), made.get("podIPs")
    if address and (not addresses or addresses[0].get("ip") != address):
        made["podIPs"] = [{"ip": address}]
    elif addresses and not address:
        made["podIP"] = addresses[0]["ip"]


def _deployment_strategy(made: Struct) -> None:
    _fill(made, {"type": "RollingUpdate"})
    if made["type"] == "RollingUpdate":
        bounds = {"maxUnavailable": "25%", "maxSurge": "25%"}
        made["rollingUpdate"] = {**bounds, **(made.get("rollingUpdate") or {})}


def _daemon_set_strategy(made: Struct) -> None:
    _fill(made, {"type": "RollingUpdate"})
    if made["type"] == "RollingUpdate":
        bounds = {"maxUnavailable": 1, "maxSurge": 0}
        made["rollingUpdate"] = {**bounds, **(made.get("rollingUpdate") or {})}


def _stateful_set_strategy(made: Struct) -> None:
    if "type" not in made:
        made["type"] = "RollingUpdate"
        _fill(made, {"rollingUpdate": {}})
    if made["type"] == "RollingUpdate" and made.get("rollingUpdate") is not None:
        made["rollingUpdate"] = {"partition": 0, **made["rollingUpdate"]}


def _job(made: Struct) -> None:
    spec = made["spec"]
    if "completionMode" not in spec or "podReplacementPolicy" not in spec:
        spec = dict(spec)
        if "completions" not in spec and "parallelism" not in spec:
            spec["completions"] = 1
        _fill(spec, _JOB_SPEC)
        per_index = "backoffLimitPerIndex" in spec
        _fill(spec, {"backoffLimit": _MAX_INT32 if per_index else 6})
        has_policy = spec.get("podFailurePolicy") is not None
        policy = "Failed" if has_policy else "TerminatingOrFailed"
        _fill(spec, {"podReplacementPolicy": policy})
        made["spec"] = spec
    labels = (spec["template"].get("metadata") or {}).get("labels")
    if labels and not made["metadata"].get("labels"):
        made["metadata"] = {**made["metadata"], "labels": labels}


def _replication_controller(made: Struct) -> None:
    template = made["spec"].get("template") or {}
    labels = (template.get("metadata") or {}).get("labels")
    if not labels:
        return
    if not made["spec"].get("selector"):
        made["spec"] = {**made["spec"], "selector": labels}
    if not made["metadata"].get("labels"):
        made["metadata"] = {**made["metadata"], "labels": labels}


def _service_port(made: Struct) -> None:
    _fill(made, {"protocol": "TCP"})
    if made.get("targetPort") in (None, 0, ""):
        made["targetPort"] = made["port"]


def _service_spec(made: Struct) -> None:
    _fill(made, {"sessionAffinity": "None", "type": "ClusterIP"})
    if made["sessionAffinity"] == "None":
        made.pop("sessionAffinityConfig", None)
    elif made["sessionAffinity"] == "ClientIP":
        config = (made.get("sessionAffinityConfig") or {}).get("clientIP") or {}
        if config.get("timeoutSeconds") is None:
            made["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": _AFFINITY_SECONDS}}
    kind = made["type"]
    if kind in ("NodePort", "LoadBalancer") or made.get("externalIPs"):
        _fill(made, {"externalTrafficPolicy": "Cluster"})
    if kind in ("NodePort", "LoadBalancer", "ClusterIP"):
        _fill(made, {"internalTrafficPolicy": "Cluster"})
    if kind == "LoadBalancer":
        _fill(made, {"allocateLoadBalancerNodePorts": True})


def _load_balancer_ingress(made: Struct) -> None:
    if made.get("ip"):
        _fill(made, {"ipMode": "VIP"})


def _network_policy_spec(made: Struct) -> None:
    if not made.get("policyTypes"):
        made["policyTypes"] = ["Ingress", "Egress"] if made.get("egress") else ["Ingress"]


def _autoscaler_behavior(made: Struct) -> None:
    made["scaleUp"] = {**_SCALE_UP, **(made.get("scaleUp") or {})}
    made["scaleDown"] = {**_SCALE_DOWN, **(made.get("scaleDown") or {})}


def _node_status(made: Struct) -> None:
    if made.get("capacity") and not made.get("allocatable"):
        made["allocatable"] = made["capacity"]


def _namespace(made: Struct) -> None:
    metadata = made["metadata"]
    labels = metadata.get("labels") or {}
    name = metadata.get("name")
    if name and labels.get("kubernetes.io/metadata.name") != name:
        labels = {**labels, "kubernetes.io/metadata.name": name}
        made["metadata"] = {**metadata, "labels": labels}


def _secret(made: Struct) -> None:
    _fill(made, {"type": "Opaque"})
    texts = made.pop("stringData", None)
    if texts:
        written = {key: b64encode(text.encode()).decode() for key, text in texts.items()}
        made["data"] = {**(made.get("data") or {}), **written}


def _storage_class(made: Struct) -> None:
    _fill(made, {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"})


def _definition_names(made: Struct) -> None:
    kind = made.get("kind")
    if kind:
        made["singular"] = made.get("singular") or kind.lower()
        made["listKind"] = made.get("listKind") or f"{kind}List"


def _constant(values: Struct) -> Callable[[Struct], None]:
    return lambda made: _fill(made, values)


DEFAULTS: dict[str, Callable[[Struct], None]] = {
    **{name: _constant(values) for name, values in _CONSTANTS.items()},
    "Container": _container,
    "EphemeralContainer": _container,
    "PodSpec": _pod_spec,
    "Pod": _pod,
    "Volume": _volume,
    "PodStatus": _pod_status,
    "DeploymentStrategy": _deployment_strategy,
    "DaemonSetUpdateStrategy": _daemon_set_strategy,
    "StatefulSetUpdateStrategy": _stateful_set_strategy,
    "Job": _job,
    "ReplicationController": _replication_controller,
    "ServicePort": _service_port,
    "ServiceSpec": _service_spec,
    "LoadBalancerIngress": _load_balancer_ingress,
    "NetworkPolicySpec": _network_policy_spec,
    "HorizontalPodAutoscalerBehavior": _autoscaler_behavior,
    "NodeStatus": _node_status,
    "Namespace": _namespace,
    "Secret": _secret,
    "StorageClass": _storage_class,
    "CustomResourceDefinitionNames": _definition_names,
}
"""Default functions by the name of the wire type."""

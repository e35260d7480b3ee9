"""Which columns each built-in kind shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from rollouts.emulator.web import workload_cells
from rollouts.emulator.web.ages import UNKNOWN, age_of

if TYPE_CHECKING:
    from datetime import datetime

    from rollouts.emulator.resources import Manifest, ResourceType

Cells: TypeAlias = Callable[["Manifest", "datetime"], list[Any]]


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `wide` ones are shown by `-o wide` only."""

    name: str
    type: str = "string"
    wide: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class Printer:
    """The columns of a kind and how a row of them is filled."""

    columns: tuple[Column, ...]
    cells: Cells


def printer_of(rt: ResourceType) -> Printer:
    """Return the printer of a built-in type; kinds without one show name and creation."""
    return _PRINTERS.get((rt.group, rt.plural), _PLAIN)


def _age(manifest: Manifest, now: datetime) -> str:
    return age_of(manifest["metadata"].get("creationTimestamp"), now)


def _count(value: Any) -> int:
    return len(value or ())


def _service(manifest: Manifest, now: datetime) -> list[Any]:
    spec = manifest.get("spec") or {}
    return [
        manifest["metadata"]["name"],
        spec.get("type", "ClusterIP"),
        spec.get("clusterIP") or "<none>",
        _external_address(manifest),
        ",".join(_service_port(port) for port in spec.get("ports") or ()) or "<none>",
        _age(manifest, now),
        workload_cells.format_labels(spec.get("selector")),
    ]


def _external_address(service: Manifest) -> str:
    spec = service.get("spec") or {}
    given = list(spec.get("externalIPs") or ())
    match spec.get("type", "ClusterIP"):
        case "ExternalName":
            return str(spec.get("externalName", "<none>"))
        case "LoadBalancer":
            given = [*_balancer_addresses(service), *given]
            return ",".join(given) or "<pending>"
    return ",".join(given) or "<none>"


def _balancer_addresses(manifest: Manifest) -> list[str]:
    balancer = (manifest.get("status") or {}).get("loadBalancer") or {}
    return [each.get("ip") or each.get("hostname", "") for each in balancer.get("ingress") or ()]


def _service_port(port: Manifest) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node_port}/{port.get('protocol', 'TCP')}"


def _ingress(manifest: Manifest, now: datetime) -> list[Any]:
    spec = manifest.get("spec") or {}
    annotations = manifest["metadata"].get("annotations") or {}
    name = spec.get("ingressClassName") or annotations.get("kubernetes.io/ingress.class")
    hosts = [rule["host"] for rule in spec.get("rules") or () if rule.get("host")]
    shown = ",".join(hosts[:3]) or "*"
    if len(hosts) > 3:
        shown += f" + {len(hosts) - 3} more..."
    return [
        manifest["metadata"]["name"],
        name or "<none>",
        shown,
        ",".join(_balancer_addresses(manifest)),
        "80, 443" if spec.get("tls") else "80",
        _age(manifest, now),
    ]


def _event(manifest: Manifest, now: datetime) -> list[Any]:
    core = manifest.get("involvedObject")
    about = (core if core is not None else manifest.get("regarding")) or {}
    source = manifest.get("source") or manifest.get("deprecatedSource") or {}
    first = (
        manifest.get("firstTimestamp")
        or manifest.get("deprecatedFirstTimestamp")
        or manifest.get("eventTime")
    )
    series = manifest.get("series") or {}
    last = (
        series.get("lastObservedTime")
        or manifest.get("lastTimestamp")
        or manifest.get("deprecatedLastTimestamp")
        or first
    )
    count = series.get("count") or manifest.get("count") or manifest.get("deprecatedCount") or 1
    component = source.get("component") or manifest.get("reportingComponent") or ""
    host = source.get("host")
    return [
        age_of(last, now),
        manifest.get("type", ""),
        manifest.get("reason", ""),
        f"{about.get('kind', '').lower()}/{about.get('name', '')}",
        about.get("fieldPath", ""),
        f"{component}, {host}" if host else component,
        str(manifest.get("message") or manifest.get("note") or "").strip(),
        age_of(first, now),
        count,
        manifest["metadata"]["name"],
    ]


def _namespace(manifest: Manifest, now: datetime) -> list[Any]:
    phase = (manifest.get("status") or {}).get("phase", "Active")
    return [manifest["metadata"]["name"], phase, _age(manifest, now)]


def _crd(manifest: Manifest, _: datetime) -> list[Any]:
    return [manifest["metadata"]["name"], manifest["metadata"].get("creationTimestamp", UNKNOWN)]


def _config_map(manifest: Manifest, now: datetime) -> list[Any]:
    count = _count(manifest.get("data")) + _count(manifest.get("binaryData"))
    return [manifest["metadata"]["name"], count, _age(manifest, now)]


def _secret(manifest: Manifest, now: datetime) -> list[Any]:
    kind = manifest.get("type", "Opaque")
    return [manifest["metadata"]["name"], kind, _count(manifest.get("data")), _age(manifest, now)]


def _service_account(manifest: Manifest, now: datetime) -> list[Any]:
    return [manifest["metadata"]["name"], _count(manifest.get("secrets")), _age(manifest, now)]


def _endpoints(manifest: Manifest, now: datetime) -> list[Any]:
    addresses = [
        f"{address['ip']}:{port['port']}" if port else address["ip"]
        for subset in manifest.get("subsets") or ()
        for port in subset.get("ports") or (None,)
        for address in subset.get("addresses") or ()
    ]
    shown = ",".join(addresses[:3]) or "<none>"
    if len(addresses) > 3:
        shown += f" + {len(addresses) - 3} more..."
    return [manifest["metadata"]["name"], shown, _age(manifest, now)]


def _endpoint_slice(manifest: Manifest, now: datetime) -> list[Any]:
    ports = ",".join(str(port.get("port", "*")) for port in manifest.get("ports") or ())
    addresses = [
        address
        for endpoint in manifest.get("endpoints") or ()
        for address in endpoint.get("addresses") or ()
    ]
    shown = ",".join(addresses[:3]) or "<unset>"
    if len(addresses) > 3:
        shown += f" + {len(addresses) - 3} more..."
    name = manifest["metadata"]["name"]
    return [name, manifest.get("addressType", ""), ports or "<unset>", shown, _age(manifest, now)]


def _lease(manifest: Manifest, now: datetime) -> list[Any]:
    holder = (manifest.get("spec") or {}).get("holderIdentity", "")
    return [manifest["metadata"]["name"], holder, _age(manifest, now)]


def _claim(manifest: Manifest, now: datetime) -> list[Any]:
    spec, status = manifest.get("spec") or {}, manifest.get("status") or {}
    return [
        manifest["metadata"]["name"],
        status.get("phase", ""),
        spec.get("volumeName", ""),
        (status.get("capacity") or {}).get("storage", ""),
        ",".join(status.get("accessModes") or ()),
        spec.get("storageClassName", ""),
        _age(manifest, now),
    ]


def _autoscaler(manifest: Manifest, now: datetime) -> list[Any]:
    spec, status = manifest.get("spec") or {}, manifest.get("status") or {}
    target = spec.get("scaleTargetRef") or {}
    return [
        manifest["metadata"]["name"],
        f"{target.get('kind', '')}/{target.get('name', '')}",
        str(spec.get("minReplicas", "<unset>")),
        spec.get("maxReplicas", 0),
        status.get("currentReplicas", 0),
        _age(manifest, now),
    ]


def _name_and_age(manifest: Manifest, now: datetime) -> list[Any]:
    return [manifest["metadata"]["name"], _age(manifest, now)]


def _ingress_class(manifest: Manifest, now: datetime) -> list[Any]:
    spec = manifest.get("spec") or {}
    return [manifest["metadata"]["name"], spec.get("controller", ""), _age(manifest, now)]


def _columns(text: str) -> tuple[Column, ...]:
    """Read columns from a line: `Name`, `Ready:integer`, `*Node` (wide)."""
    columns = []
    for word in text.split():
        name, _, kind = word.lstrip("*").partition(":")
        columns.append(Column(name.replace("_", " "), kind or "string", wide=word.startswith("*")))
    return tuple(columns)


_WORKLOAD_TAIL = "Age *Containers *Images *Selector"
_EVENT_COLUMNS = (
    "Last_Seen Type Reason Object *Subobject *Source Message *First_Seen *Count:integer *Name"
)
_DAEMON_SET_COLUMNS = (
    "Name Desired:integer Current:integer Ready:integer Up-to-date:integer Available:integer "
    f"Node_Selector {_WORKLOAD_TAIL}"
)
_NODE_COLUMNS = (
    "Name Status Roles Age Version *Internal-IP *External-IP *OS-Image *Kernel-Version "
    "*Container-Runtime"
)
_PLAIN = Printer(_columns("Name Created_At:date"), _crd)
_PRINTERS: dict[tuple[str, str], Printer] = {
    (group, plural): Printer(_columns(text), cells)
    for group, plural, text, cells in (
        (
            "",
            "pods",
            "Name Ready Status Restarts Age *IP *Node *Nominated_Node *Readiness_Gates",
            workload_cells.pod_cells,
        ),
        (
            "apps",
            "replicasets",
            f"Name Desired:integer Current:integer Ready:integer {_WORKLOAD_TAIL}",
            workload_cells.replica_set_cells,
        ),
        (
            "",
            "replicationcontrollers",
            f"Name Desired:integer Current:integer Ready:integer {_WORKLOAD_TAIL}",
            workload_cells.replica_set_cells,
        ),
        (
            "apps",
            "deployments",
            f"Name Ready Up-to-date:integer Available:integer {_WORKLOAD_TAIL}",
            workload_cells.deployment_cells,
        ),
        (
            "apps",
            "statefulsets",
            "Name Ready Age *Containers *Images",
            workload_cells.stateful_set_cells,
        ),
        (
            "apps",
            "daemonsets",
            _DAEMON_SET_COLUMNS,
            workload_cells.daemon_set_cells,
        ),
        (
            "batch",
            "jobs",
            f"Name Status Completions Duration {_WORKLOAD_TAIL}",
            workload_cells.job_cells,
        ),
        (
            "",
            "nodes",
            _NODE_COLUMNS,
            workload_cells.node_cells,
        ),
        ("", "services", "Name Type Cluster-IP External-IP Port(s) Age *Selector", _service),
        (
            "networking.k8s.io",
            "ingresses",
            "Name Class Hosts Address Ports Age",
            _ingress,
        ),
        (
            "",
            "events",
            _EVENT_COLUMNS,
            _event,
        ),
        (
            "events.k8s.io",
            "events",
            _EVENT_COLUMNS,
            _event,
        ),
        ("", "namespaces", "Name Status Age", _namespace),
        ("apiextensions.k8s.io", "customresourcedefinitions", "Name Created_At:date", _crd),
        ("", "configmaps", "Name Data Age", _config_map),
        ("", "secrets", "Name Type Data:integer Age", _secret),
        ("", "serviceaccounts", "Name Secrets:integer Age", _service_account),
        ("", "endpoints", "Name Endpoints Age", _endpoints),
        (
            "discovery.k8s.io",
            "endpointslices",
            "Name AddressType Ports Endpoints Age",
            _endpoint_slice,
        ),
        ("coordination.k8s.io", "leases", "Name Holder Age", _lease),
        (
            "",
            "persistentvolumeclaims",
            "Name Status Volume Capacity Access_Modes StorageClass Age",
            _claim,
        ),
        (
            "autoscaling",
            "horizontalpodautoscalers",
            "Name Reference MinPods MaxPods:integer Replicas:integer Age",
            _autoscaler,
        ),
        ("networking.k8s.io", "ingressclasses", "Name Controller Age", _ingress_class),
        *(
            (group, plural, "Name Age", _name_and_age)
            for group, plural in (
                ("rbac.authorization.k8s.io", "roles"),
                ("rbac.authorization.k8s.io", "rolebindings"),
                ("networking.k8s.io", "networkpolicies"),
                ("policy", "poddisruptionbudgets"),
            )
        ),
    )
}

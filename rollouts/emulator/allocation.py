"""What the server itself puts into new and changed built-in objects: addresses, labels, phases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollouts.emulator.crds import CRD_TABLE, establish, reestablish

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollouts.emulator.engine import Engine
    from rollouts.emulator.resources import Manifest

_SERVICE_NETWORK = (10, 96)
_FIRST_ADDRESS = 10  # The first addresses of the range belong to the cluster's own services.
_NODE_PORTS = (30_000, 32_768)


def _addresses_in_use(engine: Engine) -> set[str]:
    return {
        manifest["spec"].get("clusterIP", "")
        for manifest in engine.store.tables["services"].listed()
    }


def _allocate_address(engine: Engine) -> str:
    used = _addresses_in_use(engine)
    number = _FIRST_ADDRESS
    while True:
        high, low = divmod(number, 256)
        address = f"{_SERVICE_NETWORK[0]}.{_SERVICE_NETWORK[1]}.{high}.{low}"
        if address not in used:
            return address
        number += 1


def _create_service(new: Manifest, engine: Engine) -> Manifest:
    return {**new, "spec": _allocate_service(new["spec"], engine)}


def _allocate_service(spec: dict[str, Any], engine: Engine) -> dict[str, Any]:
    if spec["type"] == "ExternalName":
        return spec
    spec = dict(spec)
    address = spec.get("clusterIP") or (spec.get("clusterIPs") or [""])[0]
    spec["clusterIP"] = address or _allocate_address(engine)
    spec["clusterIPs"] = spec.get("clusterIPs") or [spec["clusterIP"]]
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec["ports"] = _allocate_ports(spec.get("ports") or [], engine)
    return spec


def _allocate_ports(ports: list[dict[str, Any]], engine: Engine) -> list[dict[str, Any]]:
    used = {
        port.get("nodePort")
        for manifest in engine.store.tables["services"].listed()
        for port in manifest["spec"].get("ports") or ()
    } | {port.get("nodePort") for port in ports}
    made = []
    for port in ports:
        if port.get("nodePort"):
            made.append(port)
            continue
        free = next(number for number in range(*_NODE_PORTS) if number not in used)
        used.add(free)
        made.append({**port, "nodePort": free})
    return made


def _update_service(new: Manifest, before: Manifest, engine: Engine) -> Manifest:
    spec, known = new["spec"], before["spec"]
    if spec is known:
        return new
    spec = dict(spec)
    if spec["type"] == "ExternalName":
        if known["type"] != "ExternalName" and spec.get("clusterIP") == known.get("clusterIP"):
            for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
                spec.pop(key, None)
            if spec.get("internalTrafficPolicy") == known.get("internalTrafficPolicy"):
                spec.pop("internalTrafficPolicy", None)
        return {**new, "spec": spec}
    # A client that leaves these out does not ask for them to be released.
    for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if not spec.get(key) and known.get(key):
            spec[key] = known[key]
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec["ports"] = _keep_node_ports(spec.get("ports") or [], known.get("ports") or [])
    elif known["type"] in ("NodePort", "LoadBalancer"):
        spec["ports"] = _release_node_ports(spec.get("ports") or [], known.get("ports") or [])
        if spec.get("externalTrafficPolicy") == known.get("externalTrafficPolicy"):
            spec.pop("externalTrafficPolicy", None)
        spec.pop("allocateLoadBalancerNodePorts", None)
    return {**new, "spec": _allocate_service(spec, engine)}


def _port_key(port: dict[str, Any]) -> tuple[Any, Any]:
    return port.get("protocol"), port.get("port")


def _keep_node_ports(
    ports: list[dict[str, Any]], known: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    held = {_port_key(port): port["nodePort"] for port in known if port.get("nodePort")}
    return [
        {**port, "nodePort": held[_port_key(port)]}
        if not port.get("nodePort") and _port_key(port) in held
        else port
        for port in ports
    ]


def _release_node_ports(
    ports: list[dict[str, Any]], known: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    held = {port.get("nodePort") for port in known}
    return [
        {key: value for key, value in port.items() if key != "nodePort"}
        if port.get("nodePort") in held
        else port
        for port in ports
    ]


def _create_pod(new: Manifest, engine: Engine) -> Manifest:
    del engine
    status = {"phase": "Pending", "qosClass": quality_class(new["spec"])}
    return {**new, "status": status}


def quality_class(spec: dict[str, Any]) -> str:
    """Return the quality-of-service class of a pod, from what its containers ask for."""
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    resources = [each.get("resources") or {} for each in containers]
    asked = [
        (kind, name)
        for each in resources
        for kind in ("requests", "limits")
        for name in each.get(kind) or {}
        if name in ("cpu", "memory")
    ]
    if not asked:
        return "BestEffort"
    is_guaranteed = all(
        (each.get("limits") or {}).get(name) is not None
        and (each.get("requests") or {}).get(name) == each["limits"][name]
        for each in resources
        for name in ("cpu", "memory")
    )
    return "Guaranteed" if is_guaranteed else "Burstable"


def _create_namespace(new: Manifest, engine: Engine) -> Manifest:
    del engine
    finalizers = (new.get("spec") or {}).get("finalizers") or []
    if "kubernetes" not in finalizers:
        finalizers = [*finalizers, "kubernetes"]
    return {**new, "spec": {"finalizers": finalizers}, "status": {"phase": "Active"}}


def _update_namespace(new: Manifest, before: Manifest, engine: Engine) -> Manifest:
    del engine
    return new if new.get("spec") is before.get("spec") else {**new, "spec": before["spec"]}


def _create_job(new: Manifest, engine: Engine) -> Manifest:
    del engine
    spec = new["spec"]
    if spec.get("manualSelector"):
        return _label_job(new)
    uid, name = new["metadata"]["uid"], new["metadata"]["name"]
    template = spec["template"]
    metadata = template.get("metadata") or {}
    labels = dict(metadata.get("labels") or {})
    # The old and the new form of both labels: controllers of both ages look for them.
    labels.setdefault("job-name", name)
    labels["batch.kubernetes.io/job-name"] = name
    labels["controller-uid"] = labels["batch.kubernetes.io/controller-uid"] = uid
    selector = dict(spec.get("selector") or {})
    selector["matchLabels"] = {
        **(selector.get("matchLabels") or {}),
        "batch.kubernetes.io/controller-uid": uid,
    }
    changed = {
        **spec,
        "selector": selector,
        "template": {**template, "metadata": {**metadata, "labels": labels}},
    }
    return _label_job({**new, "spec": changed})


def _label_job(new: Manifest) -> Manifest:
    """Give a Job without labels those of its pods, as reading one does."""
    metadata = new["metadata"]
    labels = (new["spec"]["template"].get("metadata") or {}).get("labels")
    if metadata.get("labels") or not labels:
        return new
    return {**new, "metadata": {**metadata, "labels": labels}}


def _update_job(new: Manifest, before: Manifest, engine: Engine) -> Manifest:
    del before, engine
    return _label_job(new)


ON_CREATE: dict[str, Callable[[Manifest, Engine], Manifest]] = {
    "services": _create_service,
    "pods": _create_pod,
    "namespaces": _create_namespace,
    "jobs.batch": _create_job,
    CRD_TABLE: establish,
}
"""What a new object gets, by table."""

ON_UPDATE: dict[str, Callable[[Manifest, Manifest, Engine], Manifest]] = {
    "services": _update_service,
    "namespaces": _update_namespace,
    "jobs.batch": _update_job,
    CRD_TABLE: reestablish,
}
"""What a changed object gets, by table."""

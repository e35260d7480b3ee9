"""Rules of Services, Ingresses and what stands around them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rollouts.emulator.errors import Cause, duplicate, invalid, required, unsupported
from rollouts.emulator.metadata import label_causes
from rollouts.emulator.names import label_problems, subdomain_problems, wildcard_problems
from rollouts.emulator.rules.common import (
    immutable,
    is_unchanged,
    port_name,
    port_number,
    port_number_or_name,
)

if TYPE_CHECKING:
    from rollouts.emulator.resources import Manifest

_SERVICE_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_AFFINITIES = ("ClientIP", "None")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_BAD_PARTS = ("//", "/./", "/../", "%2f", "%2F")
_BAD_ENDS = ("/..", "/.")
_NODE_PORT_FIRST = 30_000
_NODE_PORT_LAST = 32_767
_ADDRESS = re.compile(r"(\d{1,3}\.){3}\d{1,3}")


def check_service(manifest: Manifest, old: Manifest | None) -> list[Cause]:
    """Return everything wrong with a Service."""
    if is_unchanged(manifest, old):
        return []
    spec = manifest["spec"]
    ports = spec.get("ports") or []
    is_headless = spec.get("clusterIP") == "None"
    causes: list[Cause] = []
    if not ports and not is_headless and spec.get("type") != "ExternalName":
        causes.append(required("spec.ports"))
    causes += _service_ports(ports)
    causes += label_causes(spec.get("selector") or {}, "spec.selector")
    if spec.get("type") not in _SERVICE_TYPES:
        causes.append(unsupported("spec.type", spec.get("type"), _SERVICE_TYPES))
    if spec.get("sessionAffinity") not in _AFFINITIES:
        path = "spec.sessionAffinity"
        causes.append(unsupported(path, spec.get("sessionAffinity"), _AFFINITIES))
    if spec.get("type") == "ExternalName":
        causes += _external_name(spec)
    if is_headless and spec.get("type") in ("NodePort", "LoadBalancer"):
        detail = f"may not be set to 'None' for {spec['type']} services"
        causes.append(invalid("spec.clusterIPs[0]", "None", detail))
    return causes if old is None else causes + _address_change(spec, old["spec"])


def _service_ports(ports: list[dict[str, Any]]) -> list[Cause]:
    causes = []
    names: dict[str, None] = {}
    pairs: dict[tuple[Any, Any], None] = {}
    for position, port in enumerate(ports):
        here = f"spec.ports[{position}]"
        name = port.get("name") or ""
        if not name and len(ports) > 1:
            causes.append(required(f"{here}.name"))
        elif name:
            causes += [invalid(f"{here}.name", name, each) for each in label_problems(name)]
            if name in names:
                causes.append(duplicate(f"{here}.name", name))
            names[name] = None
        causes += port_number(f"{here}.port", port.get("port", 0))
        if port.get("protocol") not in _PROTOCOLS:
            causes.append(unsupported(f"{here}.protocol", port.get("protocol"), _PROTOCOLS))
        causes += port_number_or_name(f"{here}.targetPort", port.get("targetPort", 0))
        node_port = port.get("nodePort")
        if node_port and not _NODE_PORT_FIRST <= node_port <= _NODE_PORT_LAST:
            detail = (
                "provided port is not in the valid range. The range of valid ports is "
                f"{_NODE_PORT_FIRST}-{_NODE_PORT_LAST}"
            )
            causes.append(invalid(f"{here}.nodePort", node_port, detail))
        pair = (port.get("protocol"), port.get("port"))
        if pair in pairs:
            causes.append(duplicate(here, {"protocol": pair[0], "port": pair[1]}))
        pairs[pair] = None
    return causes


def _external_name(spec: dict[str, Any]) -> list[Cause]:
    name = (spec.get("externalName") or "").removesuffix(".")
    if not name:
        return [required("spec.externalName")]
    return [invalid("spec.externalName", name, problem) for problem in subdomain_problems(name)]


def _address_change(spec: dict[str, Any], old: dict[str, Any]) -> list[Cause]:
    if "ExternalName" in (spec.get("type"), old.get("type")):
        return []
    new, known = spec.get("clusterIPs"), old.get("clusterIPs")
    if known and new and new[0] != known[0]:
        return [invalid("spec.clusterIPs[0]", new, "may not change once set")]
    if spec.get("clusterIP") != (new or [spec.get("clusterIP")])[0]:
        detail = "first value must match `clusterIP`"
        return [invalid("spec.clusterIPs", new, detail)]
    return []


def check_ingress(manifest: Manifest, old: Manifest | None) -> list[Cause]:
    """Return everything wrong with an Ingress."""
    if is_unchanged(manifest, old):
        return []
    spec = manifest.get("spec") or {}
    rules, backend = spec.get("rules") or [], spec.get("defaultBackend")
    causes: list[Cause] = []
    if not rules and backend is None:
        detail = "either `defaultBackend` or `rules` must be specified"
        causes.append(invalid("spec", spec.get("rules"), detail))
    if backend is not None:
        causes += _backend("spec.defaultBackend", backend)
    for position, rule in enumerate(rules):
        causes += _ingress_rule(f"spec.rules[{position}]", rule)
    name = spec.get("ingressClassName")
    if name is not None:
        where = "spec.ingressClassName"
        causes += [invalid(where, name, problem) for problem in subdomain_problems(name)]
    return causes


def _ingress_rule(path: str, rule: dict[str, Any]) -> list[Cause]:
    causes: list[Cause] = []
    host = rule.get("host") or ""
    if _ADDRESS.fullmatch(host):
        detail = "must be a DNS name, not an IP address"
        causes.append(invalid(f"{path}.host", host, detail))
    if host:
        problems = wildcard_problems(host) if "*" in host else subdomain_problems(host)
        causes += [invalid(f"{path}.host", host, each) for each in problems]
    http = rule.get("http")
    if http is None:
        return causes
    paths = http.get("paths") or []
    if not paths:
        causes.append(required(f"{path}.http.paths"))
    for position, each in enumerate(paths):
        causes += _ingress_path(f"{path}.http.paths[{position}]", each)
    return causes


def _ingress_path(path: str, entry: dict[str, Any]) -> list[Cause]:
    kind, where = entry.get("pathType"), entry.get("path") or ""
    if kind is None:
        return [required(f"{path}.pathType", "pathType must be specified")]
    causes: list[Cause] = []
    if kind not in _PATH_TYPES:
        causes.append(unsupported(f"{path}.pathType", kind, _PATH_TYPES))
    elif (where or kind != "ImplementationSpecific") and not where.startswith("/"):
        causes.append(invalid(f"{path}.path", where, "must be an absolute path"))
    if kind in ("Exact", "Prefix"):
        causes += [
            invalid(f"{path}.path", where, f"must not contain '{part}'")
            for part in _BAD_PARTS
            if part in where
        ]
        causes += [
            invalid(f"{path}.path", where, f"cannot end with '{end}'")
            for end in _BAD_ENDS
            if where.endswith(end)
        ]
    return causes + _backend(f"{path}.backend", entry.get("backend") or {})


def _backend(path: str, backend: dict[str, Any]) -> list[Cause]:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        return [invalid(path, "", "cannot set both resource and service backends")]
    if resource is not None:
        return []
    if service is None:
        return [invalid(path, "", "resource or service backend is required")]
    causes: list[Cause] = []
    name = service.get("name") or ""
    if not name:
        causes.append(required(f"{path}.service.name"))
    causes += [invalid(f"{path}.service.name", name, each) for each in label_problems(name) if name]
    port = service.get("port") or {}
    if port.get("name") and port.get("number"):
        causes.append(invalid(path, "", "cannot set both port name & port number"))
    elif port.get("name"):
        causes += port_name(f"{path}.service.port.name", port["name"])
    elif port.get("number"):
        causes += port_number(f"{path}.service.port.number", port["number"])
    else:
        causes.append(required(path, "port name or number is required"))
    return causes


def check_endpoint_slice(manifest: Manifest, old: Manifest | None) -> list[Cause]:
    """Return everything wrong with an EndpointSlice."""
    kind = manifest.get("addressType")
    causes: list[Cause] = []
    if not kind:
        causes.append(required("addressType", "must specify an address type"))
    elif kind not in ("IPv4", "IPv6", "FQDN"):
        causes.append(unsupported("addressType", kind, ["FQDN", "IPv4", "IPv6"]))
    if old is not None:
        causes += immutable("addressType", kind, old.get("addressType"))
    for position, endpoint in enumerate(manifest.get("endpoints") or ()):
        if not endpoint.get("addresses"):
            detail = "must contain at least 1 address"
            causes.append(required(f"endpoints[{position}].addresses", detail))
    return causes

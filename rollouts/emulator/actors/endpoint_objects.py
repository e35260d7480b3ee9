"""The shapes that publish a service's pods: Endpoints subsets and EndpointSlices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from rollouts.emulator.actors.facts import name_suffix, owner_reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rollouts.emulator.actors.view import Manifest

SLICE_SIZE_MAX = 100
"""Endpoints in one slice, as in the real controller."""

Ports: TypeAlias = tuple[tuple[str, int, str, str], ...]
"""Name, number, protocol and application protocol of each resolved port."""


@dataclass(frozen=True, slots=True)
class Backend:
    """One pod behind a service and whether traffic may go there."""

    pod: Manifest
    ready: bool
    serving: bool
    terminating: bool

    @property
    def name(self) -> str:
        """Return the name of the pod."""
        return str(self.pod["metadata"]["name"])


def endpoints_subsets(service: Manifest, backends: Iterable[Backend]) -> list[Manifest]:
    """Return `subsets` of the Endpoints: addresses by the ports their pods really have."""
    subsets: list[Manifest] = []
    for ports, group in _by_ports(service, [each for each in backends if not each.terminating]):
        subset: Manifest = {}
        ready = [_address(each) for each in group if each.ready]
        waiting = [_address(each) for each in group if not each.ready]
        if ready:
            subset["addresses"] = ready
        if waiting:
            subset["notReadyAddresses"] = waiting
        if ports:
            subset["ports"] = _port_list(ports, keep_empty_name=False)
        subsets.append(subset)
    return subsets


def endpoint_slices(service: Manifest, backends: Iterable[Backend]) -> list[Manifest]:
    """Return the slices of a service; at least one, so that readers see it has no endpoints."""
    metadata = service["metadata"]
    groups = list(_by_ports(service, list(backends)))
    chunks = [
        (ports, group[start : start + SLICE_SIZE_MAX])
        for ports, group in groups
        for start in range(0, len(group), SLICE_SIZE_MAX)
    ] or [((), [])]
    labels = {
        **(metadata.get("labels") or {}),
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        "kubernetes.io/service-name": metadata["name"],
    }
    return [
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"{metadata['name']}-{name_suffix(5, metadata['uid'], index)}",
                "generateName": f"{metadata['name']}-",
                "namespace": metadata["namespace"],
                "labels": labels,
                "ownerReferences": [owner_reference(service)],
            },
            "addressType": "IPv4",
            "endpoints": [_endpoint(each) for each in group],
            "ports": _port_list(ports, keep_empty_name=True),
        }
        for index, (ports, group) in enumerate(chunks)
    ]


def _by_ports(
    service: Manifest, backends: Sequence[Backend]
) -> Iterator[tuple[Ports, list[Backend]]]:
    """Group pods by how the service's target ports resolve on them; names differ by pod."""
    groups: dict[Ports, list[Backend]] = {}
    for backend in backends:
        groups.setdefault(_resolve_ports(service, backend.pod), []).append(backend)
    yield from groups.items()


def _resolve_ports(service: Manifest, pod: Manifest) -> Ports:
    """Return the ports of a service on one pod; a name the pod does not have is left out."""
    resolved = []
    for port in service["spec"].get("ports") or ():
        protocol = port.get("protocol", "TCP")
        target = port.get("targetPort") or port["port"]
        number = target if isinstance(target, int) else _named_port(pod, target, protocol)
        if number is not None:
            resolved.append((port.get("name", ""), number, protocol, port.get("appProtocol", "")))
    return tuple(resolved)


def _named_port(pod: Manifest, name: str, protocol: str) -> int | None:
    for container in pod["spec"].get("containers") or ():
        for port in container.get("ports") or ():
            if port.get("name") == name and port.get("protocol", "TCP") == protocol:
                return int(port["containerPort"])
    return int(name) if name.isdecimal() else None


def _port_list(ports: Ports, *, keep_empty_name: bool) -> list[Manifest]:
    """Return ports as the wire has them: slices keep an empty name, Endpoints leave it out."""
    listed = []
    for name, number, protocol, application in ports:
        port: Manifest = {"port": number, "protocol": protocol}
        if name or keep_empty_name:
            port["name"] = name
        if application:
            port["appProtocol"] = application
        listed.append(port)
    return listed


def _target(pod: Manifest) -> Manifest:
    metadata = pod["metadata"]
    return {
        "kind": "Pod",
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
    }


def _address(backend: Backend) -> Manifest:
    pod = backend.pod
    address: Manifest = {"ip": pod["status"]["podIP"], "targetRef": _target(pod)}
    if node := pod["spec"].get("nodeName"):
        address["nodeName"] = node
    return address


def _endpoint(backend: Backend) -> Manifest:
    pod = backend.pod
    endpoint: Manifest = {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {
            "ready": backend.ready,
            "serving": backend.serving,
            "terminating": backend.terminating,
        },
        "targetRef": _target(pod),
    }
    if node := pod["spec"].get("nodeName"):
        endpoint["nodeName"] = node
    return endpoint

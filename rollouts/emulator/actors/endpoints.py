"""Services: which pods stand behind them, as Endpoints and as EndpointSlices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollouts.emulator.actors.actor import KeyedActor
from rollouts.emulator.actors.endpoint_objects import Backend, endpoint_slices, endpoints_subsets
from rollouts.emulator.actors.facts import (
    CONTROLLER_MANAGER,
    MERGE_PATCH,
    is_terminal,
    matches_labels,
    ready_since,
)
from rollouts.emulator.actors.view import Change, Key, Manifest, View, key_of
from rollouts.emulator.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rollouts.emulator.resources import ResourceType
    from rollouts.emulator.server import ApiServer

SERVICE_NAME_LABEL = "kubernetes.io/service-name"


class EndpointsController(KeyedActor):
    """Publishes ready pods; a service without a selector is left to its owner.

    Args:
        legacy: also write core/v1 Endpoints, which older clients read.
    """

    def __init__(self, server: ApiServer, *, legacy: bool = True) -> None:
        self._server = server
        self._legacy = legacy
        self._services = View(
            server, server.resource("", "v1", "services"), index=_by_selector_pair
        )
        self._pods = View(server, server.resource("", "v1", "pods"), index=_by_label_pairs)
        self._slices = View(
            server,
            server.resource("discovery.k8s.io", "v1", "endpointslices"),
            index=_by_service,
        )
        self._endpoints = View(server, server.resource("", "v1", "endpoints"))
        super().__init__(self._services, self._pods, self._slices, self._endpoints)

    def keys(self, view: View, change: Change) -> Iterable[Key]:
        """Name the services that select a pod before or after, or whose result was touched."""
        if view is self._services or view is self._endpoints:
            return (key_of(change.latest),)
        if view is self._slices:
            namespace, _ = key_of(change.latest)
            return [(namespace, bucket.partition("/")[2]) for bucket in _by_service(change.latest)]
        if _facts(change.old) == _facts(change.new):
            return ()
        keys: dict[Key, None] = {}
        for pod in (change.old, change.new):
            if pod is not None:
                keys.update(dict.fromkeys(self._services_of(pod)))
        return keys

    def reconcile(self, key: Key, now: datetime) -> datetime | None:
        """Write the service's Endpoints and slices, or remove them with the service."""
        del now
        service = self._services.get(key)
        if service is None:
            self._remove_endpoints(key)
            return None
        spec = service["spec"]
        if not spec.get("selector") or spec.get("type") == "ExternalName":
            return None
        backends = self._backends(service)
        if self._legacy:
            self._write_endpoints(service, endpoints_subsets(service, backends))
        self._write_slices(service, endpoint_slices(service, backends))
        return None

    def _services_of(self, pod: Manifest) -> Iterable[Key]:
        labels = pod["metadata"].get("labels") or {}
        for bucket in _by_label_pairs(pod):
            for service in self._services.indexed(bucket):
                if matches_labels(service["spec"]["selector"], labels):
                    yield key_of(service)

    def _backends(self, service: Manifest) -> list[Backend]:
        selector = service["spec"]["selector"]
        published = bool(service["spec"].get("publishNotReadyAddresses"))
        backends = []
        for bucket in _by_selector_pair(service):
            for pod in self._pods.indexed(bucket):
                if not matches_labels(selector, pod["metadata"].get("labels") or {}):
                    continue
                if is_terminal(pod) or not (pod.get("status") or {}).get("podIP"):
                    continue
                serving = ready_since(pod) is not None
                terminating = "deletionTimestamp" in pod["metadata"]
                ready = published or (serving and not terminating)
                backends.append(Backend(pod, ready, serving, terminating))
        return sorted(backends, key=lambda backend: backend.name)

    def _remove_endpoints(self, key: Key) -> None:
        known = self._endpoints.get(key)
        # Somebody's hand-made Endpoints outlive a service, as on the real thing.
        if known is None or not _is_ours(known):
            return
        try:
            self._server.delete(self._endpoints.resource, *key)
        except ApiError as error:
            if error.code != 404:
                raise

    def _write_endpoints(self, service: Manifest, subsets: list[Manifest]) -> None:
        namespace, name = key_of(service)
        known = self._endpoints.get((namespace, name))
        if known is None:
            labels = {
                **(service["metadata"].get("labels") or {}),
                "endpoints.kubernetes.io/managed-by": "endpoint-controller",
            }
            metadata = {"name": name, "namespace": namespace, "labels": labels}
            manifest = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata}
            self._create(self._endpoints.resource, manifest | {"subsets": subsets})
        elif (known.get("subsets") or []) != subsets:
            self._patch(self._endpoints.resource, known, {"subsets": subsets})

    def _write_slices(self, service: Manifest, wanted: list[Manifest]) -> None:
        namespace, name = key_of(service)
        known = {key_of(each)[1]: each for each in self._slices.indexed(f"{namespace}/{name}")}
        for each in wanted:
            live = known.pop(each["metadata"]["name"], None)
            if live is None:
                self._create(self._slices.resource, each)
                continue
            fields = {"endpoints": each["endpoints"], "ports": each["ports"]}
            changed = {field: each for field, each in fields.items() if live.get(field) != each}
            if changed:
                self._patch(self._slices.resource, live, changed)
        for each in known.values():
            self._server.delete(self._slices.resource, *key_of(each))

    def _create(self, resource: ResourceType, manifest: Manifest) -> None:
        namespace = manifest["metadata"]["namespace"]
        self._server.create(resource, namespace, manifest, field_manager=CONTROLLER_MANAGER)

    def _patch(self, resource: ResourceType, live: Manifest, change: Manifest) -> None:
        self._server.patch(
            resource, *key_of(live), change, MERGE_PATCH, field_manager=CONTROLLER_MANAGER
        )


def _facts(pod: Manifest | None) -> Any:
    """Return what endpoints depend on; most writes of a pod leave it as it was."""
    if pod is None:
        return None
    metadata, status = pod["metadata"], pod.get("status") or {}
    return (
        metadata["uid"],
        metadata.get("labels"),
        "deletionTimestamp" in metadata,
        status.get("podIP"),
        is_terminal(pod),
        ready_since(pod) is not None,
    )


def _by_selector_pair(service: Manifest) -> tuple[str, ...]:
    """Index a service by one pair of its selector: a pod that matches carries that pair.

    The pair that sorts last is taken, so that a hash label, which few services share, beats `app`.
    """
    selector = service["spec"].get("selector")
    if not selector:
        return ()
    key = max(selector)
    namespace = service["metadata"].get("namespace", "")
    return (f"{namespace}/{key}={selector[key]}",)


def _by_label_pairs(pod: Manifest) -> tuple[str, ...]:
    metadata = pod["metadata"]
    namespace = metadata.get("namespace", "")
    return tuple(
        f"{namespace}/{key}={value}" for key, value in (metadata.get("labels") or {}).items()
    )


def _by_service(manifest: Manifest) -> tuple[str, ...]:
    """Index a slice of ours by namespace and service."""
    metadata = manifest["metadata"]
    labels = metadata.get("labels") or {}
    managed_by = labels.get("endpointslice.kubernetes.io/managed-by")
    if SERVICE_NAME_LABEL not in labels or managed_by != "endpointslice-controller.k8s.io":
        return ()
    return (f"{metadata.get('namespace', '')}/{labels[SERVICE_NAME_LABEL]}",)


def _is_ours(endpoints: Manifest) -> bool:
    labels = endpoints["metadata"].get("labels") or {}
    return bool(labels.get("endpoints.kubernetes.io/managed-by") == "endpoint-controller")

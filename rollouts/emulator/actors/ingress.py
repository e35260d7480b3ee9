"""Ingresses and LoadBalancer services: publishes the address at which they are reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollouts.emulator.actors.actor import KeyedActor
from rollouts.emulator.actors.facts import MERGE_PATCH
from rollouts.emulator.actors.view import Change, Key, Manifest, View, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rollouts.emulator.server import ApiServer

LOOPBACK = "127.0.0.1"


class IngressController(KeyedActor):
    """Fills `status.loadBalancer` where it is empty; health checks wait for it.

    Both kinds share the keys, told apart by a prefix of the namespace part.
    """

    def __init__(self, server: ApiServer, *, address: str = LOOPBACK) -> None:
        self._server = server
        self._address = address
        self._ingresses = View(server, server.resource("networking.k8s.io", "v1", "ingresses"))
        self._services = View(server, server.resource("", "v1", "services"))
        super().__init__(self._ingresses, self._services)

    def keys(self, view: View, change: Change) -> Iterable[Key]:
        """Name the object that changed, with its kind."""
        namespace, name = key_of(change.latest)
        return ((f"{view.resource.plural}/{namespace}", name),)

    def reconcile(self, key: Key, now: datetime) -> datetime | None:
        """Publish the address once."""
        del now
        plural, _, namespace = key[0].partition("/")
        view = self._services if plural == "services" else self._ingresses
        live = view.get((namespace, key[1]))
        if live is None or "deletionTimestamp" in live["metadata"]:
            return None
        if view is self._services and live["spec"].get("type") != "LoadBalancer":
            return None
        if not _is_published(live):
            self._server.patch(
                view.resource,
                namespace,
                key[1],
                {"status": {"loadBalancer": {"ingress": [{"ip": self._address}]}}},
                MERGE_PATCH,
                subresource="status",
                field_manager="ingress-controller",
            )
        return None


def _is_published(live: Manifest) -> bool:
    balancer = (live.get("status") or {}).get("loadBalancer") or {}
    return bool(balancer.get("ingress"))

"""One Rollout in an emulated cluster in virtual time: real passes, real actors, no sleeping."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from builders import NOW, ingress_manifest, rollout_manifest, service_manifest, template
from shell.emulated import Emulated

from rollouts.api.crd import crd_manifests
from rollouts.api.refs import CRD, INGRESS, NAMESPACE, REPLICA_SET, ROLLOUT, SERVICE, ObjectRef
from rollouts.controller.reconcile import reconcile_rollout
from rollouts.controller.views import Views
from rollouts.emulator.actors import Runs, all_actors, run_actors

KEY = (ROLLOUT.kind, "shop", "shop")
WATCHED = (ROLLOUT, REPLICA_SET, SERVICE, INGRESS)


class Cluster(Emulated):
    """Evicts at once: nothing here has a disruption budget."""

    async def evict(self, ref, *, uid=""):
        await self.delete(ref, uid=uid)


class RolloutWorld:
    """A Rollout `shop/shop` with its Services and Ingress."""

    def __init__(
        self, *, ready_seconds=1, behaviours=None, surroundings=True, definitions=(), **wanted
    ):
        self.now = NOW
        self.cluster = Cluster(lambda: self.now)
        for manifest in definitions or crd_manifests():
            self._create(CRD, manifest)
        self._create(
            NAMESPACE,
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
        )
        default = Runs(ready_after=timedelta(seconds=ready_seconds))
        self.actors = all_actors(self.cluster.server, behaviours, default=default)
        self.views = Views()
        self.watches = {
            kind: self.cluster.server.watch(self.cluster.type_of(kind)) for kind in WATCHED
        }
        if surroundings:
            self.create_surroundings()
        self.create(ROLLOUT, rollout_manifest(**wanted))

    def create_surroundings(self):
        self.create(SERVICE, service_manifest("shop-stable"))
        self.create(SERVICE, service_manifest("shop-canary"))
        self.create(INGRESS, ingress_manifest())

    def create(self, kind, manifest):
        metadata = {
            key: value
            for key, value in manifest["metadata"].items()
            if key not in {"uid", "resourceVersion", "generation"}
        }
        self._create(kind, manifest | {"metadata": metadata}, "shop")

    def _create(self, kind, manifest, namespace=""):
        self.cluster.server.create(self.cluster.type_of(kind), namespace, manifest)

    def get(self, kind, name="shop"):
        return self.cluster.server.get(self.cluster.type_of(kind), "shop", name)

    def all(self, kind):
        return list(self.cluster.server.list(self.cluster.type_of(kind), "shop").items)

    @property
    def status(self):
        return self.get(ROLLOUT).get("status") or {}

    @property
    def weight(self):
        annotations = self.get(INGRESS, "shop-shop-canary")["metadata"]["annotations"]
        return int(annotations["nginx.ingress.kubernetes.io/canary-weight"])

    def patch(self, kind, name, body, *, subresource=""):
        """Do something as a person would."""
        return self.cluster.server.patch(
            self.cluster.type_of(kind),
            "shop",
            name,
            body,
            "application/merge-patch+json",
            subresource=subresource,
            field_manager="person",
        )

    def annotate(self, verb, value="true"):
        body = {"metadata": {"annotations": {f"rollouts.dev/{verb}": value}}}
        self.patch(ROLLOUT, "shop", body)

    def set_image(self, image):
        self.patch(ROLLOUT, "shop", {"spec": {"template": template(image)}})

    def see(self):
        """Deliver everything that the watches hold."""
        for kind, watch in self.watches.items():
            for event in watch.poll():
                self.views.feed(kind, event.type, event.object)

    def step(self):
        """Let the actors and one reconcile act at this moment; return the next wake-up."""
        actors = run_actors(self.actors, self.now)
        self.see()
        wake = asyncio.run(reconcile_rollout(KEY, self.views, self.cluster, lambda: self.now))
        again = run_actors(self.actors, self.now)
        times = [each for each in (actors, wake, again) if each is not None and each > self.now]
        return min(times, default=None)

    def run(self, seconds):
        """Let time pass, stopping at every wake-up."""
        end = self.now + timedelta(seconds=seconds)
        for _ in range(10_000):
            wake = self.step()
            self.see()
            if wake is None or wake > end:
                break
            self.now = wake
        self.now = end
        self.step()

    def forget(self):
        """Restart the controller with empty memory."""
        self.views = Views()
        for kind in WATCHED:
            self.views.relist(kind, self.all(kind))

    def ref(self, kind, name="shop"):
        return ObjectRef(kind, "shop", name)

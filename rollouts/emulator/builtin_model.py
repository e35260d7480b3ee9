"""Models of the built-in kinds: what each kind's strategy in the real server does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollouts.emulator.allocation import ON_CREATE, ON_UPDATE
from rollouts.emulator.conversion import event_from_core, event_to_core
from rollouts.emulator.decoding import Decoder
from rollouts.emulator.defaults import DEFAULTS
from rollouts.emulator.metadata import name_causes, unqualified_finalizer_causes
from rollouts.emulator.models import Model
from rollouts.emulator.names import (
    label_problems,
    path_segment_problems,
    service_name_problems,
    subdomain_problems,
)
from rollouts.emulator.patches import equal
from rollouts.emulator.rules import RULES
from rollouts.emulator.wire import root_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollouts.emulator.engine import Engine
    from rollouts.emulator.errors import Cause
    from rollouts.emulator.resources import Manifest, ResourceType

_COUNTED = frozenset(
    {
        "deployments.apps",
        "replicasets.apps",
        "statefulsets.apps",
        "daemonsets.apps",
        "replicationcontrollers",
        "jobs.batch",
        "cronjobs.batch",
        "pods",
        "ingresses.networking.k8s.io",
        "ingressclasses.networking.k8s.io",
        "networkpolicies.networking.k8s.io",
        "poddisruptionbudgets.policy",
        "endpointslices.discovery.k8s.io",
        "priorityclasses.scheduling.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io",
    }
)
_CREATED_BY_UPDATE = frozenset(
    {
        "services",
        "endpoints",
        "events",
        "limitranges",
        "leases.coordination.k8s.io",
        "roles.rbac.authorization.k8s.io",
        "rolebindings.rbac.authorization.k8s.io",
        "clusterroles.rbac.authorization.k8s.io",
        "clusterrolebindings.rbac.authorization.k8s.io",
    }
)
_VERSIONED_UPDATES = frozenset(
    {
        "customresourcedefinitions.apiextensions.k8s.io",
        "leases.coordination.k8s.io",
        "poddisruptionbudgets.policy",
    }
)
_SHOWN_WHEN_DELETED = frozenset(
    {
        "pods",
        "services",
        "serviceaccounts",
        "persistentvolumes",
        "persistentvolumeclaims",
        "podtemplates",
        "resourcequotas",
    }
)
_SEGMENT_NAMED = frozenset(
    {
        "roles.rbac.authorization.k8s.io",
        "rolebindings.rbac.authorization.k8s.io",
        "clusterroles.rbac.authorization.k8s.io",
        "clusterrolebindings.rbac.authorization.k8s.io",
    }
)
_NAME_RULES: dict[str, Callable[[str], list[str]]] = {
    "namespaces": label_problems,
    "services": service_name_problems,
    **dict.fromkeys(_SEGMENT_NAMED, path_segment_problems),
}
_TOUCHED_BY_STATUS = ("metadata", "status")


class BuiltinModel(Model):
    """The content of a built-in kind."""

    owned_through_status = ("f:status", "f:metadata")

    def __init__(self, rt: ResourceType) -> None:
        super().__init__(rt, root_type(rt.group, rt.kind))
        table = rt.stored_as
        self.counts_generation = table in _COUNTED
        self.create_on_update = table in _CREATED_BY_UPDATE
        self.unconditional_update = table not in _VERSIONED_UPDATES
        self.graceful = table == "pods"
        self.shows_deleted = table in _SHOWN_WHEN_DELETED
        self.default_propagation = "Orphan" if table == "jobs.batch" else "Background"
        self.converts = rt.group == "events.k8s.io"

    def decode(self, manifest: Manifest, known: Manifest | None) -> tuple[Manifest, list[str]]:
        """Read a typed object; see `Model.decode`."""
        decoder = Decoder(self.rt, DEFAULTS)
        typed = {**manifest, "apiVersion": self.rt.api_version, "kind": self.rt.kind}
        return decoder.decode(self.root, typed, known), decoder.unknown

    def blank(self) -> Manifest:
        """Return the object that nobody has set anything in."""
        # Structs held by value exist in every object, so nobody is said to have added them.
        decoder = Decoder(self.rt, {})
        empty = {"apiVersion": self.rt.api_version, "kind": self.rt.kind}
        return decoder.decode(self.root, empty, None)

    def scope_create(self, new: Manifest) -> Manifest:
        """Drop the status that a creator sent, and start counting generations."""
        if self.counts_generation:
            new = {**new, "metadata": {**new["metadata"], "generation": 1}}
        if not self.has_status or self.rt.plural == "nodes":
            return new
        bare = {key: value for key, value in new.items() if key != "status"}
        return self.decode(bare, new)[0]

    def scope_update(self, new: Manifest, before: Manifest, subresource: str) -> Manifest:
        """Keep what belongs to the other endpoint."""
        if subresource == "status":
            kept = {key: value for key, value in before.items() if key not in _TOUCHED_BY_STATUS}
            scoped = {**kept, "metadata": new["metadata"]}
            if "status" in new:
                scoped["status"] = new["status"]
            return self._keep_metadata(scoped, before)
        if self.has_status and new.get("status") is not before.get("status"):
            new = {key: value for key, value in new.items() if key != "status"}
            if "status" in before:
                new["status"] = before["status"]
        return new

    def _keep_metadata(self, new: Manifest, before: Manifest) -> Manifest:
        kept = {"Deployment": "labels", "Pod": "ownerReferences"}.get(self.rt.kind)
        metadata, known = new["metadata"], before["metadata"]
        if kept is None or metadata.get(kept) is known.get(kept):
            return new
        metadata = {key: value for key, value in metadata.items() if key != kept}
        if kept in known:
            metadata[kept] = known[kept]
        return {**new, "metadata": metadata}

    def prepare_create(self, new: Manifest, engine: Engine) -> Manifest:
        """Allocate what this kind needs."""
        prepare = ON_CREATE.get(self.rt.stored_as)
        return new if prepare is None else prepare(new, engine)

    def prepare_update(self, new: Manifest, before: Manifest, engine: Engine) -> Manifest:
        """Allocate what this kind needs."""
        prepare = ON_UPDATE.get(self.rt.stored_as)
        return new if prepare is None else prepare(new, before, engine)

    def is_new_generation(self, new: Manifest, before: Manifest) -> bool:
        """Tell whether the change counts; most kinds count changes of their spec."""
        if not self.counts_generation:
            return False
        if super().is_new_generation(new, before):
            return True
        # A Deployment's annotations count too, as its controller copies them to ReplicaSets.
        return self.rt.kind == "Deployment" and not equal(
            new["metadata"].get("annotations"), before["metadata"].get("annotations")
        )

    def validate(self, manifest: Manifest, old: Manifest | None) -> list[Cause]:
        """Return everything wrong with the name and the content."""
        causes = [] if old is not None else self._name_causes(manifest["metadata"])
        for rule in RULES.get(self.rt.stored_as, ()):
            causes += rule(manifest, old)
        return causes + unqualified_finalizer_causes(manifest["metadata"])

    def _name_causes(self, metadata: dict[str, Any]) -> list[Cause]:
        return name_causes(metadata, _NAME_RULES.get(self.rt.stored_as, subdomain_problems))

    def from_storage(self, stored: Manifest) -> Manifest:
        """Return a stored object in this version."""
        return event_from_core(stored) if self.converts else stored

    def to_storage(self, manifest: Manifest) -> Manifest:
        """Return an object of this version as it is stored."""
        return event_to_core(manifest) if self.converts else manifest

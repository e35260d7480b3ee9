"""Serves the calls of a driven coroutine from the embedded cluster's store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rollouts.api.refs import (
    ANALYSIS_RUN,
    ANALYSIS_TEMPLATE,
    CRD,
    EVENT,
    INGRESS,
    REPLICA_SET,
    ROLLOUT,
    SERVICE,
    Kind,
    Manifest,
    ObjectRef,
)
from rollouts.emulator.errors import ApiError
from rollouts.emulator.resources import ResourceType
from rollouts.emulator.server import ApiServer
from rollouts.kube.errors import (
    AlreadyExists,
    ClusterError,
    Conflict,
    Forbidden,
    Gone,
    NotFound,
    Rejected,
    Unavailable,
)
from rollouts.simulate.driver import Call, Calls, Verb

NAMESPACE = "shop"
"""Every world has one namespace; the rules under test do not cross namespaces."""

_SCALE: Manifest = {
    "specReplicasPath": ".spec.replicas",
    "statusReplicasPath": ".status.HPAReplicas",
    "labelSelectorPath": ".status.selector",
}


def definition(kind: Kind, subresources: Manifest) -> Manifest:
    """Return a kind's definition without a schema: validation costs time and is tested elsewhere.

    Args:
        subresources: those that the kind has beside the object itself.
    """
    return {
        "apiVersion": CRD.api_version,
        "kind": CRD.kind,
        "metadata": {"name": f"{kind.plural}.{kind.group}"},
        "spec": {
            "group": kind.group,
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": kind.version,
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "x-kubernetes-preserve-unknown-fields": True,
                        }
                    },
                    "subresources": subresources,
                }
            ],
        },
    }


DEFINITIONS: Mapping[Kind, Manifest] = {
    ROLLOUT: definition(ROLLOUT, {"status": {}, "scale": _SCALE}),
    # Status is an ordinary part of these two, as the peer defines them.
    ANALYSIS_TEMPLATE: definition(ANALYSIS_TEMPLATE, {}),
    ANALYSIS_RUN: definition(ANALYSIS_RUN, {}),
}


class SimCluster(Calls):
    """The embedded cluster, seen through `Cluster`: calls are yielded, then served on demand."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        uid_seed: str = "",
        kinds: tuple[Kind, ...] = (ROLLOUT,),
    ) -> None:
        """Start a server that knows the built-in kinds, and those of `kinds` that are defined."""
        self.server = ApiServer(clock, track_ownership=False, uid_seed=uid_seed)
        crds = self.server.resource(CRD.group, CRD.version, CRD.plural)
        for kind in kinds:
            if kind in DEFINITIONS:
                self.server.create(crds, "", DEFINITIONS[kind], field_manager="installer")
        namespaces = self.server.resource("", "v1", "namespaces")
        self.server.create(
            namespaces,
            "",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        )
        self._events: set[str] = set()
        self._types: dict[Kind, ResourceType] = {
            kind: self._find(kind) for kind in (ROLLOUT, REPLICA_SET, SERVICE, INGRESS, EVENT)
        }

    def type_of(self, kind: Kind) -> ResourceType:
        """Return the server's type of a kind."""
        found = self._types.get(kind)
        if found is None:
            found = self._types[kind] = self._find(kind)
        return found

    def serve(self, call: Call) -> Any:
        """Perform a call now.

        Raises:
            ClusterError: as the Kubernetes client would raise it.
        """
        try:
            return self._perform(call)
        except ApiError as error:
            raise as_cluster_error(error, call) from error

    def find(self, ref: ObjectRef) -> Manifest | None:
        """Return the stored object, or None; for actors and oracles, not a call."""
        try:
            return self.server.get(self.type_of(ref.kind), ref.namespace, ref.name)
        except ApiError:
            return None

    def find_all(self, kind: Kind) -> tuple[Manifest, ...]:
        """Return all stored objects of a kind, for actors and oracles."""
        return tuple(self.server.list(self.type_of(kind), NAMESPACE).items)

    def _find(self, kind: Kind) -> ResourceType:
        return self.server.resource(kind.group, kind.version, kind.plural)

    def _perform(self, call: Call) -> Any:
        if call.kind == EVENT and call.verb is Verb.CREATE:
            return self._record(call)
        server = self.server
        rt = self.type_of(call.kind)
        match call.verb:
            case Verb.PATCH | Verb.APPLY:
                return server.patch(
                    rt,
                    call.namespace,
                    call.name,
                    call.body,
                    str(call.patch_type),
                    subresource=call.subresource,
                    field_manager=call.field_manager,
                    force=call.force,
                    dry_run=call.dry_run,
                )
            case Verb.CREATE:
                return server.create(
                    rt,
                    call.namespace,
                    call.body,
                    field_manager=call.field_manager,
                    dry_run=call.dry_run,
                )
            case Verb.GET:
                return server.get(rt, call.namespace, call.name)
            case Verb.LIST:
                return list(
                    server.list(rt, call.namespace, label_selector=call.label_selector).items
                )
            case Verb.UPDATE:
                return server.update(
                    rt, call.namespace, call.name, call.body, field_manager=call.field_manager
                )
            case Verb.DELETE | Verb.EVICT:
                server.delete(
                    rt,
                    call.namespace,
                    call.name,
                    uid=call.uid,
                    propagation=call.propagation or "Background",
                    field_manager=call.field_manager,
                )
                return None

    def _record(self, call: Call) -> Manifest:
        """Take a Kubernetes Event without storing it: nobody reads them, and they are many."""
        if call.name in self._events:
            raise AlreadyExists(f"{call}: it exists already")
        self._events.add(call.name)
        event: Manifest = call.body
        return event


def as_cluster_error(error: ApiError, call: Call) -> ClusterError:
    """Translate a server's answer as the Kubernetes client does."""
    message = f"{call}: {error.message}"
    match error.code:
        case 404:
            return NotFound(message)
        case 409:
            if error.reason == "AlreadyExists":
                return AlreadyExists(message)
            return Conflict(message)
        case 410:
            return Gone(message)
        case 400 | 405 | 413 | 415 | 422:
            return Rejected(message)
        case 401 | 403:
            return Forbidden(message)
        case 500 if error.message.startswith("failed to create typed patch object"):
            return Rejected(message)
        case _:
            return Unavailable(message)

"""The fields that a rollout or an autoscaler owns, which a sync never fights over.

No configuration is needed: the Rollouts and autoscalers themselves say what they steer. Service
selectors are one atomic map and route rules one atomic list to the API server, so leaving such a
field out of what is applied would delete it; the live value has to be sent instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from rollouts.api.refs import Manifest
from rollouts.gitops.fields import ABSENT, Path, lookup
from rollouts.gitops.managed import owners
from rollouts.gitops.model import FIELD_MANAGER, ResourceKey
from rollouts.gitops.normalize import is_rollout

HASH_LABEL = "rollouts-pod-template-hash"
MANAGED_BY = "argo-rollouts.argoproj.io/managed-by-rollouts"

_REQUEST_PREFIXES = ("rollouts.dev/", "rollout.argoproj.io/")
_HUMAN_FIELDS: tuple[Path, ...] = (("spec", "paused"), ("spec", "restartAt"))
_REPLICAS: Path = ("spec", "replicas")
_INGRESS_NAME_LENGTH_MAX = 253  # Longer names of canary Ingresses are cut by who makes them.
_SCALERS = (("autoscaling", "HorizontalPodAutoscaler"), ("keda.sh", "ScaledObject"))
_GATEWAY_PLUGIN = "argoproj-labs/gatewayAPI"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the Rollouts and autoscalers of a namespace steer, by object.

    Attributes:
        canary_ingresses: Ingresses that a Rollout makes, and the Rollout's name.
        routes: VirtualServices and HTTPRoutes whose weights a Rollout sets.
        replicas: objects whose `spec.replicas` somebody else sets.
    """

    canary_ingresses: tuple[tuple[ResourceKey, str], ...] = ()
    routes: tuple[ResourceKey, ...] = ()
    replicas: tuple[ResourceKey, ...] = ()


def read_delivery(objects: Iterable[tuple[ResourceKey, Manifest]]) -> Delivery:
    """Return what the Rollouts and autoscalers among these objects steer."""
    found = Delivery()
    for key, manifest in objects:
        if is_rollout(manifest):
            found = _join(found, _of_rollout(key, manifest))
        elif (key.group, key.kind) in _SCALERS:
            target = _target(key, _at(manifest, "spec", "scaleTargetRef"))
            found = _join(found, Delivery(replicas=target))
    return found


def owned_paths(
    key: ResourceKey, declared: Manifest, live: Manifest, of: Delivery
) -> tuple[Path, ...]:
    """Return the fields of a live object whose value is not Git's to decide."""
    paths: list[Path] = []
    if key.group == "" and key.kind == "Service":
        paths += _service_paths(declared, live)
    if is_rollout(live):
        paths += _rollout_paths(declared, live)
    if key in of.replicas:
        paths.append(_REPLICAS)
    return tuple(paths)


def may_be_contended(key: ResourceKey, declared: Manifest, of: Delivery) -> bool:
    """Tell whether somebody may begin to own a field of this object at any moment.

    A Service gets its hash when a canary begins, a Rollout is paused when a person decides so.
    """
    if key.group == "" and key.kind == "Service":
        return True
    if key in of.replicas or key in of.routes:
        return True
    if not is_rollout(declared):
        return False
    stated = any(lookup(declared, path) is not ABSENT for path in _HUMAN_FIELDS)
    return stated or bool(_annotation_paths(_REQUEST_PREFIXES, declared, {}))


def maker_of_canary(key: ResourceKey, live: Manifest | None, of: Delivery) -> str:
    """Return the Rollout that makes this Ingress as its canary; empty when none does."""
    if key.kind != "Ingress":
        return ""
    for owner in (((live or {}).get("metadata") or {}).get("ownerReferences")) or []:
        if is_rollout(owner):
            return str(owner.get("name", ""))
    return next((rollout for ingress, rollout in of.canary_ingresses if ingress == key), "")


def spared_from_take_over(declared: Manifest, live: Manifest) -> tuple[Path, ...]:
    """Return the fields people set by hand on purpose, which stay theirs."""
    if not is_rollout(live):
        return ()
    spared = [path for path in _HUMAN_FIELDS if lookup(live, path) is not ABSENT]
    return (*spared, *_annotation_paths(_REQUEST_PREFIXES, declared, live))


def _service_paths(declared: Manifest, live: Manifest) -> list[Path]:
    """The hash stays whatever Git says of it, also while the Rollout itself is elsewhere.

    A Service that Git gives no selector has none: the hash alone would select wrong pods.
    """
    paths: list[Path] = []
    hash_path = ("spec", "selector", HASH_LABEL)
    known = any(lookup(each, hash_path) is not ABSENT for each in (declared, live))
    if known and lookup(declared, hash_path[:-1]) is not ABSENT:
        paths.append(hash_path)
    return [*paths, *_annotation_paths((MANAGED_BY,), declared, live)]


def _rollout_paths(declared: Manifest, live: Manifest) -> list[Path]:
    """Operational fields: those that a person has set since the last apply, and requests.

    A value that we own is Git's own earlier value, and one that is absent was never touched:
    both follow Git, so that `paused` can be committed as well.
    """
    paths = [path for path in _HUMAN_FIELDS if _is_set_by_others(live, path)]
    return [*paths, *_annotation_paths(_REQUEST_PREFIXES, declared, live)]


def _is_set_by_others(live: Manifest, path: Path) -> bool:
    if lookup(live, path) is ABSENT:
        return False
    return not any(
        entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply"
        for entry in owners(live, path)
    )


def _annotation_paths(prefixes: tuple[str, ...], declared: Manifest, live: Manifest) -> list[Path]:
    names: dict[str, None] = {}
    for manifest in (declared, live):
        notes = (manifest.get("metadata") or {}).get("annotations") or {}
        names.update(dict.fromkeys(name for name in notes if name.startswith(prefixes)))
    return [("metadata", "annotations", name) for name in sorted(names)]


def _of_rollout(key: ResourceKey, rollout: Manifest) -> Delivery:
    spec = rollout.get("spec") or {}
    routing = _at(spec, "strategy", "canary", "trafficRouting")
    nginx = _at(routing, "nginx")
    stable = [nginx.get("stableIngress"), *(nginx.get("stableIngresses") or [])]
    ingresses = tuple(
        (
            ResourceKey(
                "networking.k8s.io",
                "Ingress",
                key.namespace,
                f"{key.name}-{name}-canary"[:_INGRESS_NAME_LENGTH_MAX],
            ),
            key.name,
        )
        for name in stable
        if isinstance(name, str) and name
    )
    return Delivery(ingresses, _routes(key, routing), _referenced_workload(key, spec))


def _routes(key: ResourceKey, routing: Manifest) -> tuple[ResourceKey, ...]:
    istio, gateway = _at(routing, "istio"), _at(routing, "plugins", _GATEWAY_PLUGIN)
    names = _names([istio.get("virtualService"), *(istio.get("virtualServices") or [])])
    # A VirtualService of another namespace is written `name.namespace`.
    split = [name.partition(".") for name in names]
    found = [
        ResourceKey("networking.istio.io", "VirtualService", namespace or key.namespace, name)
        for name, _, namespace in split
    ]
    space = str(gateway.get("namespace") or key.namespace)
    routes = [gateway.get("httpRoute"), *(_names(gateway.get("httpRoutes")))]
    found += [
        ResourceKey("gateway.networking.k8s.io", "HTTPRoute", space, str(name))
        for name in routes
        if name
    ]
    return tuple(one for one in found if one.name)


def _referenced_workload(key: ResourceKey, spec: Manifest) -> tuple[ResourceKey, ...]:
    """A Deployment under `workloadRef` is scaled down by the Rollout that took its place."""
    return _target(key, _at(spec, "workloadRef"))


def _target(key: ResourceKey, ref: Manifest) -> tuple[ResourceKey, ...]:
    kind, name = str(ref.get("kind") or "Deployment"), str(ref.get("name") or "")
    group, slash, _ = str(ref.get("apiVersion") or "apps/v1").partition("/")
    return (ResourceKey(group if slash else "", kind, key.namespace, name),) if name else ()


def _join(one: Delivery, other: Delivery) -> Delivery:
    return replace(
        one,
        canary_ingresses=one.canary_ingresses + other.canary_ingresses,
        routes=one.routes + other.routes,
        replicas=one.replicas + other.replicas,
    )


def _at(value: Any, *path: str) -> Manifest:
    """Return the map at a path; an empty one when something else stands there."""
    found = lookup(value, path)
    return found if isinstance(found, dict) else {}


def _names(items: Any) -> list[str]:
    return [
        str(item.get("name", ""))
        for item in (items if isinstance(items, list) else [])
        if isinstance(item, dict)
    ]

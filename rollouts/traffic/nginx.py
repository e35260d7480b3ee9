"""ingress-nginx: one canary Ingress beside each stable Ingress, which is only ever read.

The canary Ingress copies the paths that lead to the stable Service, points them at the canary
Service and carries the weight as an annotation.

Differs from the peer: paths that lead elsewhere are not copied (argo-rollouts#3541), rules
without `http` and resource backends are passed over, and annotations that the Rollout no longer
asks for are removed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from rollouts.api.problems import Problem
from rollouts.api.refs import INGRESS, ROLLOUT, Manifest, ObjectRef

INGRESS_CLASS = "kubernetes.io/ingress.class"
OUR_ANNOTATIONS = "rollouts.dev/canary-annotations"
"""On a canary Ingress: the keys that we set, so that stale ones can be told from foreign ones."""

NAME_LENGTH_MAX = 253


@dataclass(frozen=True, slots=True)
class Target:
    """What the router works for: the Rollout's identity and its nginx settings.

    `stable_ingresses` is in the order of the spec; `max_weight` is None unless the spec sets it.
    """

    namespace: str
    name: str
    uid: str
    stable_service: str
    canary_service: str
    stable_ingresses: tuple[str, ...]
    prefix: str
    additional_annotations: Mapping[str, str]
    canary_annotations: Mapping[str, str]
    max_weight: int | None

    def canary_ingress(self, stable_ingress: str) -> str:
        """Return the name of the canary Ingress beside a stable one."""
        return f"{self.name}-{stable_ingress}-canary"[:NAME_LENGTH_MAX]


@dataclass(frozen=True, slots=True)
class Write:
    """One write that brings a canary Ingress to a weight.

    Without a `resource_version` the body is a whole object to create, else a merge patch.
    """

    ref: ObjectRef
    body: Manifest
    resource_version: str


@dataclass(frozen=True, slots=True)
class InForce:
    """What the live canary Ingresses do together; see `rollouts.core.facts.RouteFacts`."""

    weight: int
    is_uniform: bool
    is_in_sync: bool


def check(target: Target, live: Mapping[str, Manifest]) -> tuple[Problem, ...]:
    """Return what stands in the way of routing: missing, unfit or foreign Ingresses.

    Args:
        live: the Ingresses that exist, by name.
    """
    base = "spec.strategy.canary.trafficRouting.nginx"
    problems = []
    for index, name in enumerate(target.stable_ingresses):
        one = len(target.stable_ingresses) == 1
        path = f"{base}.stableIngress" if one else f"{base}.stableIngresses[{index}]"
        stable = live.get(name)
        if stable is None:
            text = f'ingress "{name}" was not found in namespace "{target.namespace}"; create it'
            problems.append(Problem(path, text, name))
        elif not _canary_rules(target, stable):
            text = (
                f'ingress "{name}" has no rule with a path to the stable service '
                f'"{target.stable_service}"; add one with a host and that backend'
            )
            problems.append(Problem(path, text, name))
        canary = live.get(target.canary_ingress(name))
        if canary is not None and not _is_ours(target, canary):
            taken = target.canary_ingress(name)
            text = (
                f'ingress "{taken}" exists and is not controlled by this Rollout; '
                "delete or rename it"
            )
            problems.append(Problem(path, text, name))
    return tuple(problems)


def observe(target: Target, live: Mapping[str, Manifest]) -> InForce:
    """Read the canary weight in force; a missing canary Ingress routes nothing to the canary."""
    weights: list[int] = []
    in_sync = True
    for name in target.stable_ingresses:
        canary = live.get(target.canary_ingress(name))
        weight = 0 if canary is None else _weight(target, canary)
        weights.append(weight)
        in_sync = in_sync and _write(target, weight, name, live) is None
    highest = max(weights, default=0)
    return InForce(highest, all(weight == highest for weight in weights), in_sync)


def render(target: Target, weight: int, live: Mapping[str, Manifest]) -> tuple[Write, ...]:
    """Return the writes that bring every canary Ingress to this weight; none when all are."""
    writes = (_write(target, weight, name, live) for name in target.stable_ingresses)
    return tuple(write for write in writes if write is not None)


def _write(
    target: Target, weight: int, stable_name: str, live: Mapping[str, Manifest]
) -> Write | None:
    stable = live.get(stable_name)
    if stable is None:
        return None
    name = target.canary_ingress(stable_name)
    canary = live.get(name)
    annotations, spec = _annotations(target, weight, stable), _spec(target, stable)
    ref = ObjectRef(INGRESS, target.namespace, name)
    if canary is None:
        return Write(ref, _manifest(target, name, annotations, spec), "")
    return _patch(ref, canary, annotations, spec)


def _patch(
    ref: ObjectRef, canary: Manifest, annotations: dict[str, str], spec: Manifest
) -> Write | None:
    """Return the merge patch from the live canary Ingress to the wanted one, None when equal."""
    live = canary["metadata"].get("annotations") or {}
    changed: dict[str, str | None] = {
        key: value for key, value in annotations.items() if live.get(key) != value
    }
    for key in _recorded(live):
        if key not in annotations and key in live:
            changed[key] = None
    if set(changed) == {OUR_ANNOTATIONS} and OUR_ANNOTATIONS not in live:
        changed = {}  # The peer made it so; our record of it can wait until something changes.
    body: Manifest = {}
    if changed:
        body["metadata"] = {"annotations": changed}
    live_spec = canary.get("spec") or {}
    fields = {
        field: spec.get(field)
        for field in ("rules", "tls", "ingressClassName")
        if live_spec.get(field) != spec.get(field)
    }
    if fields:
        body["spec"] = fields
    if not body:
        return None
    return Write(ref, body, str(canary["metadata"].get("resourceVersion", "")))


def _recorded(annotations: Mapping[str, str]) -> tuple[str, ...]:
    try:
        keys = json.loads(annotations.get(OUR_ANNOTATIONS, "[]"))
    except ValueError:
        return ()
    return tuple(key for key in keys if isinstance(key, str)) if isinstance(keys, list) else ()


def _annotations(target: Target, weight: int, stable: Manifest) -> dict[str, str]:
    """Return the wanted annotations; later ones win over earlier ones."""
    prefix = target.prefix
    wanted: dict[str, str] = {}
    stable_class = (stable["metadata"].get("annotations") or {}).get(INGRESS_CLASS)
    if stable_class is not None:
        wanted[INGRESS_CLASS] = stable_class
    for key, value in target.additional_annotations.items():
        wanted[key if key.startswith(f"{prefix}/") else f"{prefix}/{key}"] = value
    wanted.update(target.canary_annotations)
    wanted[f"{prefix}/canary"] = "true"
    wanted[f"{prefix}/canary-weight"] = str(weight)
    if target.max_weight is not None:
        wanted[f"{prefix}/canary-weight-total"] = str(target.max_weight)
    wanted[OUR_ANNOTATIONS] = json.dumps(sorted(wanted), separators=(",", ":"))
    return wanted


def _spec(target: Target, stable: Manifest) -> Manifest:
    spec = stable.get("spec") or {}
    wanted: Manifest = {"rules": _canary_rules(target, stable)}
    for field in ("tls", "ingressClassName"):
        if spec.get(field):
            wanted[field] = spec[field]
    return wanted


def _canary_rules(target: Target, stable: Manifest) -> list[Manifest]:
    """Return the rules that lead to the stable Service, leading to the canary Service."""
    rules = []
    for rule in (stable.get("spec") or {}).get("rules") or ():
        paths = [
            _to_canary(target, path)
            for path in (rule.get("http") or {}).get("paths") or ()
            if _service_of(path) == target.stable_service
        ]
        if paths:
            rules.append({**rule, "http": {"paths": paths}})
    return rules


def _to_canary(target: Target, path: Manifest) -> Manifest:
    service = {**path["backend"]["service"], "name": target.canary_service}
    return {**path, "backend": {**path["backend"], "service": service}}


def _service_of(path: Manifest) -> str:
    return ((path.get("backend") or {}).get("service") or {}).get("name") or ""


def _weight(target: Target, canary: Manifest) -> int:
    """Return the weight that ingress-nginx would use: what it cannot parse counts as 0."""
    annotations = canary["metadata"].get("annotations") or {}
    if annotations.get(f"{target.prefix}/canary") != "true":
        return 0
    text = annotations.get(f"{target.prefix}/canary-weight", "0")
    return int(text) if text.isascii() and text.isdigit() else 0


def _is_ours(target: Target, canary: Manifest) -> bool:
    owners = canary["metadata"].get("ownerReferences") or ()
    return any(each.get("controller") and each.get("uid") == target.uid for each in owners)


def _manifest(target: Target, name: str, annotations: dict[str, str], spec: Manifest) -> Manifest:
    owner = {
        "apiVersion": ROLLOUT.api_version,
        "kind": ROLLOUT.kind,
        "name": target.name,
        "uid": target.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "apiVersion": INGRESS.api_version,
        "kind": INGRESS.kind,
        "metadata": {
            "name": name,
            "namespace": target.namespace,
            "annotations": annotations,
            "ownerReferences": [owner],
        },
        "spec": spec,
    }

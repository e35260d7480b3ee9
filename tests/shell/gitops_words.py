"""Short words for tests of GitOps: units, declared and live objects, one thing overridden."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rollouts.api.refs import CONFIG_MAP, DEPLOYMENT, INGRESS, ROLLOUT, SERVICE, ObjectRef
from rollouts.gitops.inventory import inventory_of
from rollouts.gitops.model import (
    FIELD_MANAGER,
    Comparison,
    Declared,
    Drift,
    Family,
    ResourceKey,
    SyncUnit,
    UnitId,
)
from rollouts.gitops.options import read_options
from rollouts.gitops.plan import Observed, State
from rollouts.gitops.prepare import Prepared
from rollouts.gitops.tracking import with_mark

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
KINDS = {kind.kind: kind for kind in (CONFIG_MAP, DEPLOYMENT, INGRESS, ROLLOUT, SERVICE)}
APP = UnitId(Family.APPLICATION, "argocd", "web")
FLUX = UnitId(Family.KUSTOMIZATION, "flux-system", "web")


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def unit(unit_id=APP, **fields):
    fields = {"destination": "shop", "automated": True, "prune": True, "self_heal": True, **fields}
    return SyncUnit(unit_id, unit_id.name, **fields)


def manifest(kind="ConfigMap", name="a", *, annotations=None, labels=None, **rest):
    metadata = {"name": name, "namespace": "shop"}
    if annotations:
        metadata["annotations"] = annotations
    if labels:
        metadata["labels"] = labels
    return {
        "apiVersion": KINDS[kind].api_version,
        "kind": kind,
        "metadata": metadata,
        **rest,
    }


def key(kind="ConfigMap", name="a", namespace="shop"):
    return ResourceKey(KINDS[kind].group, kind, namespace, name)


def declared(kind="ConfigMap", name="a", *, unit_id=APP, **rest):
    plain = manifest(kind, name, **rest)
    this = key(kind, name)
    marked = with_mark(plain, unit_id, this, name=unit_id.name, destination="shop")
    return Declared(
        this,
        ObjectRef(KINDS[kind], "shop", name),
        marked,
        "app.yaml document 1",
        read_options(plain),
    )


def live(of, *, version="7", managers=(), **changes):
    """Return a live object that equals a declared one but for these changes."""
    metadata = {
        **of.manifest["metadata"],
        "resourceVersion": version,
        "uid": f"uid-{of.key.name}",
        "generation": 1,
    }
    if managers:
        metadata["managedFields"] = list(managers)
    return {**of.manifest, "metadata": metadata, **changes}


def managed(manager, fields, operation="Update", **rest):
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        **rest,
    }


def ours(fields):
    return managed(FIELD_MANAGER, fields, "Apply")


def synced(one):
    return Comparison(one.key, Drift.SYNCED)


def differs(one, **fields):
    fields = {"paths": ("/data/a",), "payload": one.manifest, **fields}
    return Comparison(one.key, Drift.OUT_OF_SYNC, **fields)


def absent(one):
    return Comparison(one.key, Drift.OUT_OF_SYNC, one.manifest, absent=True)


def inventory(*objects):
    return inventory_of((one.key, one.ref.kind.version) for one in objects)


def observed(objects=(), *, compared=None, there=None, had=(), errors=(), attempt=None, **fields):
    """Return an observation in which everything declared exists and is in sync."""
    compared = {one.key: synced(one) for one in objects} | {
        each.key: each for each in (compared or ())
    }
    found = {one.key: live(one) for one in objects} | {one.key: live(one) for one in had}
    found |= there or {}
    kinds = {one.key: one.ref.kind for one in had}
    return Observed(
        revision="c" * 40,
        digest="now",
        prepared=Prepared(tuple(objects), errors=tuple(errors)),
        compared=compared,
        live=found,
        state=State(inventory(*had), attempt),
        kinds=kinds,
        control_namespace="argocd",
        **fields,
    )

"""Rules of ConfigMaps, Secrets, claims, budgets, autoscalers and access."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rollouts.emulator.errors import Cause, forbidden_field, invalid, required
from rollouts.emulator.patches import equal
from rollouts.emulator.rules.common import (
    above_zero,
    count_or_percent,
    immutable,
    is_unchanged,
    not_negative,
)

if TYPE_CHECKING:
    from rollouts.emulator.resources import Manifest

CONTENT_SIZE_MAX = 1024 * 1024
_KEY_LENGTH_MAX = 253
_KEY_RULE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
    "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_FROZEN = "field is immutable when `immutable` is set"


def check_config_map(manifest: Manifest, old: Manifest | None) -> list[Cause]:
    """Return everything wrong with a ConfigMap."""
    data, binary = manifest.get("data") or {}, manifest.get("binaryData") or {}
    causes = _frozen(manifest, old, ("data", "binaryData"))
    causes += _keys("data", data) + _keys("binaryData", binary)
    causes += [
        invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
        for key in data
        if key in binary
    ]
    return causes + _size("", [*data.values(), *binary.values()])


def check_secret(manifest: Manifest, old: Manifest | None) -> list[Cause]:
    """Return everything wrong with a Secret; values never appear in what it returns."""
    data = manifest.get("data") or {}
    causes = _keys("data", data) + _size("data", [each or "" for each in data.values()])
    if old is not None:
        causes += immutable("type", manifest.get("type"), old.get("type"))
    return causes + _frozen(manifest, old, ("data",))


def _keys(path: str, data: dict[str, Any]) -> list[Cause]:
    causes = []
    for key in data:
        where = f"{path}[{key}]"
        if len(key) > _KEY_LENGTH_MAX:
            causes.append(invalid(where, key, f"must be no more than {_KEY_LENGTH_MAX} characters"))
        if not re.fullmatch(r"[-._a-zA-Z0-9]+", key):
            causes.append(invalid(where, key, _KEY_RULE))
        elif key in (".", "..") or key.startswith(".."):
            causes.append(invalid(where, key, "must not start with '..'"))
    return causes


def _size(path: str, values: list[str]) -> list[Cause]:
    if sum(len(value.encode()) for value in values) <= CONTENT_SIZE_MAX:
        return []
    message = f"Too long: may not be more than {CONTENT_SIZE_MAX} bytes"
    return [Cause("FieldValueTooLong", path, message)]


def _frozen(manifest: Manifest, old: Manifest | None, keys: tuple[str, ...]) -> list[Cause]:
    if old is None or not old.get("immutable"):
        return []
    causes = []
    if not manifest.get("immutable"):
        causes.append(forbidden_field("immutable", _FROZEN))
    causes += [
        forbidden_field(key, _FROZEN) for key in keys if not equal(manifest.get(key), old.get(key))
    ]
    return causes


def check_claim(manifest: Manifest, old: Manifest | None) -> list[Cause]:
    """Return everything wrong with a PersistentVolumeClaim."""
    if is_unchanged(manifest, old):
        return []
    spec = manifest["spec"]
    causes: list[Cause] = []
    if not spec.get("accessModes"):
        causes.append(required("spec.accessModes", "at least 1 access mode is required"))
    if "storage" not in ((spec.get("resources") or {}).get("requests") or {}):
        causes.append(required("spec.resources[storage]"))
    if old is not None:
        allowed = ("resources", "volumeName", "volumeAttributesClassName")
        fixed = {key: value for key, value in spec.items() if key not in allowed}
        known = {key: value for key, value in old["spec"].items() if key not in allowed}
        if not equal(fixed, known):
            detail = (
                "spec is immutable after creation except resources.requests and "
                "volumeAttributesClassName for bound claims"
            )
            causes.append(forbidden_field("spec", detail))
    return causes


def check_budget(manifest: Manifest, old: Manifest | None) -> list[Cause]:
    """Return everything wrong with a PodDisruptionBudget."""
    if is_unchanged(manifest, old):
        return []
    spec = manifest.get("spec") or {}
    low, high = spec.get("minAvailable"), spec.get("maxUnavailable")
    causes: list[Cause] = []
    if low is not None and high is not None:
        detail = "minAvailable and maxUnavailable cannot be both set"
        causes.append(invalid("spec", spec, detail))
    for name, value in (("minAvailable", low), ("maxUnavailable", high)):
        if value is not None:
            causes += count_or_percent(f"spec.{name}", value)
    return causes


def check_autoscaler(manifest: Manifest, old: Manifest | None) -> list[Cause]:
    """Return everything wrong with a HorizontalPodAutoscaler."""
    if is_unchanged(manifest, old):
        return []
    spec = manifest["spec"]
    low, high = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    causes = above_zero("spec.minReplicas", low)
    causes += above_zero("spec.maxReplicas", high)
    if low is not None and high < low:
        detail = "must be greater than or equal to `minReplicas`"
        causes.append(invalid("spec.maxReplicas", high, detail))
    target = spec.get("scaleTargetRef") or {}
    causes += [
        required(f"spec.scaleTargetRef.{key}") for key in ("kind", "name") if not target.get(key)
    ]
    return causes


def check_binding(manifest: Manifest, old: Manifest | None) -> list[Cause]:
    """Return everything wrong with a RoleBinding or ClusterRoleBinding."""
    ref = manifest.get("roleRef") or {}
    causes = [] if ref.get("name") else [required("roleRef.name")]
    if old is not None and not equal(ref, old.get("roleRef")):
        causes.append(invalid("roleRef", ref, "cannot change roleRef"))
    return causes


def check_lease(manifest: Manifest, old: Manifest | None) -> list[Cause]:
    """Return everything wrong with a Lease."""
    if is_unchanged(manifest, old):
        return []
    spec = manifest.get("spec") or {}
    causes = above_zero("spec.leaseDurationSeconds", spec.get("leaseDurationSeconds"))
    causes += not_negative("spec.leaseTransitions", spec.get("leaseTransitions"))
    if spec.get("holderIdentity") == "":
        causes.append(invalid("spec.holderIdentity", "", "must not be empty"))
    return causes


def check_event(manifest: Manifest, old: Manifest | None) -> list[Cause]:
    """Return what is wrong with where an Event says it happened."""
    del old
    namespace = manifest["metadata"].get("namespace", "")
    involved = manifest.get("involvedObject") or manifest.get("regarding") or {}
    about = involved.get("namespace", "")
    if about == namespace or (not about and namespace == "default"):
        return []
    detail = "does not match event.namespace"
    return [invalid("involvedObject.namespace", about, detail)]

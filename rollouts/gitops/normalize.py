"""Makes two copies of one object comparable: drops what the server writes, evens out spellings."""

from __future__ import annotations

import base64
from typing import Any

from rollouts.api.quantity import canonical_quantity
from rollouts.api.refs import Manifest
from rollouts.gitops.fields import with_value

_SERVER_METADATA = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)

_QUANTITY_MAPS = ("limits", "requests")


def comparable(manifest: Manifest) -> Manifest:
    """Return what of an object counts for drift.

    Status and what the server writes into metadata go. Quantities in a Rollout's pod template
    are spelled canonically: the server does that for built-in workloads, not for custom kinds.
    """
    metadata = manifest.get("metadata") or {}
    kept = {
        key: value
        for key, value in metadata.items()
        # Empty and absent maps are one to a server; a dry run may show either.
        if key not in _SERVER_METADATA and value not in ({}, [], None)
    }
    slim = {key: value for key, value in manifest.items() if key != "status"}
    slim["metadata"] = kept
    if is_rollout(manifest):
        return _with_canonical_quantities(slim)
    return slim


def is_rollout(manifest: Manifest) -> bool:
    """Tell whether an object is a Rollout, of any served version."""
    group = str(manifest.get("apiVersion", "")).partition("/")[0]
    return manifest.get("kind") == "Rollout" and group == "argoproj.io"


def fold_secret(manifest: Manifest) -> Manifest:
    """Return a Secret with its `stringData` folded into `data`, as the server will store it.

    Other objects are returned as they are. Without this, a server-side apply owns `stringData`,
    which the server never shows, and a removed key would stay for ever.
    """
    if manifest.get("kind") != "Secret" or manifest.get("apiVersion") != "v1":
        return manifest
    text = manifest.get("stringData")
    if not isinstance(text, dict):
        return manifest
    folded = {
        key: base64.b64encode(str(value).encode()).decode() for key, value in sorted(text.items())
    }
    rest = {key: value for key, value in manifest.items() if key != "stringData"}
    return {**rest, "data": {**(manifest.get("data") or {}), **folded}}


def _with_canonical_quantities(manifest: Manifest) -> Manifest:
    spec = ((manifest.get("spec") or {}).get("template") or {}).get("spec")
    if not isinstance(spec, dict):
        return manifest
    even = dict(spec)
    for field in ("containers", "initContainers"):
        if isinstance(spec.get(field), list):
            even[field] = [_even_container(item) for item in spec[field]]
    if isinstance(spec.get("volumes"), list):
        even["volumes"] = [_even_volume(item) for item in spec["volumes"]]
    if isinstance(spec.get("overhead"), dict):
        even["overhead"] = _even_map(spec["overhead"])
    return with_value(manifest, ("spec", "template", "spec"), even)  # type: ignore[no-any-return]


def _even_container(container: Any) -> Any:
    resources = container.get("resources") if isinstance(container, dict) else None
    if not isinstance(resources, dict):
        return container
    even = {
        key: _even_map(value) if key in _QUANTITY_MAPS and isinstance(value, dict) else value
        for key, value in resources.items()
    }
    return {**container, "resources": even}


def _even_volume(volume: Any) -> Any:
    scratch = volume.get("emptyDir") if isinstance(volume, dict) else None
    if not isinstance(scratch, dict) or "sizeLimit" not in scratch:
        return volume
    return {**volume, "emptyDir": {**scratch, "sizeLimit": _even(scratch["sizeLimit"])}}


def _even_map(quantities: dict[str, Any]) -> dict[str, Any]:
    return {name: _even(value) for name, value in quantities.items()}


def _even(value: Any) -> Any:
    """Return a quantity in its canonical spelling; what is no quantity stays as it is."""
    try:
        return canonical_quantity(value)
    except (ValueError, TypeError):
        return value

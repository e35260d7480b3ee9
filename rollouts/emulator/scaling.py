"""The scale subresource: an autoscaling/v1 Scale in front of wherever a type keeps replicas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollouts.emulator.errors import (
    MODIFIED,
    Cause,
    bad_request,
    conflict,
    internal_error,
    invalid,
    not_found,
    unprocessable,
)
from rollouts.emulator.patching import change, check_patch_type
from rollouts.emulator.resources import ScalePaths
from rollouts.emulator.selectors import format_label_selector, read_label_selector
from rollouts.emulator.writing import replace

if TYPE_CHECKING:
    from rollouts.emulator.engine import Engine, Request
    from rollouts.emulator.models import Model
    from rollouts.emulator.resources import Manifest, ResourceType

_BUILTIN = ScalePaths(("spec", "replicas"), ("status", "replicas"), ("spec", "selector"))


def get_scale(engine: Engine, rt: ResourceType, namespace: str, name: str) -> Manifest:
    """Return the Scale of an object.

    Raises:
        ApiError: 404.
    """
    manifest = engine.table(rt).get(namespace, name)
    if manifest is None:
        raise not_found(rt, name)
    return _show(rt, manifest)


def _show(rt: ResourceType, manifest: Manifest) -> Manifest:
    paths = rt.scale or _BUILTIN
    metadata = manifest["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    replicas = _read(manifest, paths.spec_replicas)
    if rt.custom and replicas is None:
        where = "." + ".".join(paths.spec_replicas)
        raise internal_error(f"the spec replicas field {where!r} does not exist")
    wanted = replicas or 0
    status: dict[str, Any] = {"replicas": _read(manifest, paths.status_replicas) or 0}
    selector = _read_selector(rt, manifest, paths)
    if selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "spec": {"replicas": wanted} if wanted else {},
        "status": status,
    }


def _read(manifest: Manifest, path: tuple[str, ...]) -> Any:
    value: Any = manifest
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _read_selector(rt: ResourceType, manifest: Manifest, paths: ScalePaths) -> str:
    if not paths.label_selector:
        return ""
    found = _read(manifest, paths.label_selector)
    if rt.custom:
        return found if isinstance(found, str) else ""
    if rt.kind == "ReplicationController":
        found = {"matchLabels": found or {}}
    selector = read_label_selector(found)
    return "" if selector is None else format_label_selector(selector)


def update_scale(engine: Engine, request: Request, scale: Manifest) -> Manifest:
    """Set the wanted replicas from a whole Scale."""
    if scale.get("kind") != "Scale":
        raise bad_request(
            f"expected input object type to be Scale, but {scale.get('kind') or 'none'} was given"
        )
    return _write(engine, request, lambda _: scale)


def patch_scale(engine: Engine, request: Request, body: Any, patch_type: str) -> Manifest:
    """Change the wanted replicas by a patch of the Scale."""
    content_type = check_patch_type(request, patch_type)
    model = engine.model(request.rt)
    return _write(engine, request, lambda shown: _patched(model, content_type, shown, body))


def _patched(model: Model, content_type: str, shown: Manifest, body: Any) -> Manifest:
    if content_type.startswith("application/apply"):
        content_type = "application/merge-patch+json"
    return change(model, content_type, shown, body)


def _write(engine: Engine, request: Request, make: Any) -> Manifest:
    rt = request.rt
    old = engine.table(rt).get(request.namespace, request.name)
    if old is None:
        raise not_found(rt, request.name)
    shown = _show(rt, old)
    wanted = make(shown)
    metadata = wanted.get("metadata") or {}
    version = metadata.get("resourceVersion")
    if version and version != old["metadata"]["resourceVersion"]:
        raise conflict(rt, request.name, MODIFIED)
    replicas = (wanted.get("spec") or {}).get("replicas", 0)
    if isinstance(replicas, bool) or not isinstance(replicas, int):
        raise bad_request(
            'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal value '
            "into Go struct field ScaleSpec.spec.replicas of type int32"
        )
    if replicas < 0:
        cause: Cause = invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise unprocessable(rt, request.name, [cause])
    paths = rt.scale or _BUILTIN
    changed = replace(
        engine, request, old, lambda before: _put(before, paths.spec_replicas, replicas)
    )
    return _show(rt, changed)


def _put(manifest: Manifest, path: tuple[str, ...], value: Any) -> Manifest:
    if _read(manifest, path) == value:
        return manifest
    step, rest = path[0], path[1:]
    inner = _put(manifest.get(step) or {}, rest, value) if rest else value
    return {**manifest, step: inner}

"""The scale subresource: an autoscaling/v1 Scale in front of wherever a type keeps replicas."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from rollouts.emulator.apply import apply_conflict
from rollouts.emulator.errors import (
    ApiError,
    Undecodable,
    bad_request,
    internal_error,
    invalid,
    not_found,
    unprocessable,
    unreadable_patch,
)
from rollouts.emulator.fields import Trie, intersection
from rollouts.emulator.metadata import check_name, check_namespace, read_metadata
from rollouts.emulator.ownership import (
    APPLY,
    BEFORE_FIRST_APPLY,
    UPDATE,
    Managed,
    Manager,
    Share,
    disown,
    find_conflicts,
    read_managed,
    with_managed,
    write_equal,
)
from rollouts.emulator.patching import (
    APPLY_PATCH,
    STRATEGIC_PATCH,
    change,
    check_patch_type,
    missing_manager,
)
from rollouts.emulator.resources import ResourceType, ScalePaths
from rollouts.emulator.selectors import format_label_selector, read_label_selector
from rollouts.emulator.typed import Comparison
from rollouts.emulator.writing import check_uid, check_version, replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollouts.emulator.engine import Engine, Request
    from rollouts.emulator.resources import Manifest

_API_VERSION = "autoscaling/v1"
_SCALE = ResourceType("autoscaling", "v1", "Scale", "scales", "scale")
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


def _show(rt: ResourceType, manifest: Manifest, *, is_written: bool = False) -> Manifest:
    paths = rt.scale or _BUILTIN
    metadata = manifest["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    replicas = _read(manifest, paths.spec_replicas)
    if rt.custom and replicas is None and not is_written:
        where = "." + ".".join(paths.spec_replicas)
        raise internal_error(f"the spec replicas field {where!r} does not exist")
    wanted = replicas or 0
    status: dict[str, Any] = {"replicas": _read(manifest, paths.status_replicas) or 0}
    selector = _read_selector(rt, manifest, paths)
    if selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": _API_VERSION,
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
    """Set the wanted replicas from a whole Scale.

    Raises:
        ApiError: 400, 404, 409, 422.
    """
    kind = scale.get("kind", "" if request.rt.custom else "Scale")
    if kind != "Scale":
        raise bad_request(f"expected input object type to be Scale, but {kind or 'none'} was given")
    metadata = read_metadata(scale)
    if not metadata.get("name"):
        raise bad_request(
            f"the name of the object ({request.name} based on URL) was undeterminable: "
            "name must be provided"
        )
    check_name(metadata, request.name)
    check_namespace(request.rt, metadata, request.namespace)
    return _write(engine, request, lambda _: scale)


def patch_scale(  # as `patch`
    engine: Engine, request: Request, body: Any, patch_type: str, *, force: bool = False
) -> Manifest:
    """Change the wanted replicas by a patch of the Scale.

    Raises:
        ApiError: 400, 404, 409, 415, 422.
    """
    content_type = check_patch_type(request, patch_type)
    if content_type == APPLY_PATCH:
        return _apply(engine, request, body, force=force)
    model = engine.model(request.rt)
    try:
        return _write(engine, request, lambda shown: change(model, content_type, shown, body))
    except Undecodable as error:
        raise unreadable_patch(error, is_strategic=content_type == STRATEGIC_PATCH) from None


def _apply(engine: Engine, request: Request, body: Any, *, force: bool) -> Manifest:
    """Set the wanted replicas as one of their owners."""
    if not isinstance(body, dict):
        raise bad_request("error decoding patch: the patch must be a JSON object")
    if not request.field_manager:
        raise missing_manager()
    version = body.get("apiVersion", "")
    if version != _API_VERSION:
        raise bad_request(
            "Incorrect version specified in apply patch. "
            f"Specified patch version: {version}, expected: {_API_VERSION}"
        )
    check_name(read_metadata(body), request.name)
    old = _stored(engine, request)
    paths = request.rt.scale or _BUILTIN
    wanted = (body.get("spec") or {}).get("replicas")
    if wanted is not None:
        _check_replicas(request, body)

    def apply(before: Manifest) -> Manifest:
        scaled = before if wanted is None else _put(before, paths.spec_replicas, wanted)
        if not engine.track_ownership:
            return scaled
        managed = _shares(request, before, wanted, is_new=scaled is not before, force=force)
        if write_equal(managed, before):
            return scaled
        return with_managed(scaled, managed)

    return _show(request.rt, replace(engine, request, old, apply, applied=True))


def _shares(
    request: Request, before: Manifest, wanted: int | None, *, is_new: bool, force: bool
) -> Managed:
    """Return who owns what after the replicas were applied.

    Raises:
        ApiError: 409, somebody else owns the replicas and wants another number.
    """
    managed = read_managed(before["metadata"])
    path = (request.rt.scale or _BUILTIN).spec_replicas
    field = _field_of(path)
    manager = Manager(request.field_manager, APPLY, "", request.subresource)
    if not _has_owner(managed, field) and _read(before, path):
        # Whatever is there before anybody applied it has an owner to conflict with.
        version = before["apiVersion"]
        earlier = Manager(BEFORE_FIRST_APPLY, UPDATE, version, request.subresource)
        managed[earlier] = Share(field, version, "")
    if is_new:
        changed = Comparison(removed={}, modified=field, added={})
        conflicts = {
            # Through the scale every owner is seen as one of its own version.
            dataclasses.replace(each, api_version=_API_VERSION): _field_of(_BUILTIN.spec_replicas)
            for each in find_conflicts(managed, changed, but=manager)
        }
        if conflicts and not force:
            raise apply_conflict(conflicts)
        if conflicts and request.rt.custom:
            # The real server cannot do it: it takes the Scale for a version of the resource.
            message = (
                f"failed to convert new object (/{request.name}; {_API_VERSION}, Kind=Scale) to "
                "proper version: request to convert CR to an invalid group/version: "
                f"{_API_VERSION}"
            )
            raise ApiError(500, "", message)
        managed = disown(managed, changed, but=manager)
    if wanted is None:
        managed.pop(manager, None)
    elif manager not in managed:
        managed[manager] = Share(field, before["apiVersion"], "")
    return managed


def _has_owner(managed: Managed, field: Trie) -> bool:
    return any(intersection(share.fields, field) for share in managed.values())


def _field_of(path: tuple[str, ...]) -> Trie:
    fields: Trie = {}
    for name in reversed(path):
        fields = {f"f:{name}": fields}
    return fields


def _stored(engine: Engine, request: Request) -> Manifest:
    old = engine.table(request.rt).get(request.namespace, request.name)
    if old is None:
        raise not_found(request.rt, request.name)
    return old


def _check_replicas(request: Request, wanted: Manifest) -> int:
    """Return the replicas that a Scale asks for.

    Raises:
        Undecodable: they are no number.
        ApiError: 422, they are negative; of a custom resource its schema has to say so.
    """
    replicas = (wanted.get("spec") or {}).get("replicas")
    if replicas is None:
        return 0
    if isinstance(replicas, bool) or not isinstance(replicas, int):
        found = {str: "string", bool: "bool", float: "number"}.get(type(replicas), "object")
        field = "Go struct field ScaleSpec.spec.replicas of type int32"
        raise Undecodable(_SCALE, wanted, f"json: cannot unmarshal {found} into {field}")
    if replicas < 0 and not request.rt.custom:
        cause = invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise unprocessable(_SCALE, request.name, [cause])
    return replicas


def _write(engine: Engine, request: Request, make: Callable[[Manifest], Manifest]) -> Manifest:
    rt = request.rt
    old = _stored(engine, request)
    wanted = make(_show(rt, old, is_written=True))
    metadata = wanted.get("metadata") or {}
    check_version(rt, request.name, metadata.get("resourceVersion"), old["metadata"])
    if uid := metadata.get("uid"):
        check_uid(request, uid, old["metadata"]["uid"])
    replicas = _check_replicas(request, wanted)
    path = (rt.scale or _BUILTIN).spec_replicas

    def write(before: Manifest) -> Manifest:
        scaled = _put(before, path, replicas)
        managed, field = read_managed(before["metadata"]), _field_of(path)
        if scaled is before or not _has_owner(managed, field):
            # Replicas that nobody owns are not owned by who writes them either.
            return scaled
        nobody = Manager("", "", "")
        managed = disown(managed, Comparison(removed={}, modified=field, added={}), but=nobody)
        if replicas:
            # An empty number is not written into a Scale, so nobody owns it.
            version = before["apiVersion"]
            manager = Manager(request.field_manager, UPDATE, version, request.subresource)
            managed[manager] = Share(field, version, "")
        return with_managed(scaled, managed)

    return _show(rt, replace(engine, request, old, write, applied=True))


def _put(manifest: Manifest, path: tuple[str, ...], value: Any) -> Manifest:
    if _read(manifest, path) == value:
        return manifest
    step, rest = path[0], path[1:]
    inner = _put(manifest.get(step) or {}, rest, value) if rest else value
    return {**manifest, step: inner}

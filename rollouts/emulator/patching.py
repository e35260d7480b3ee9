"""The patch verb: one entry for the four content types."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rollouts.emulator.apply import apply_configuration
from rollouts.emulator.errors import (
    ApiError,
    Undecodable,
    bad_request,
    conflict,
    invalid_options,
    not_found,
    required,
    unreadable_patch,
    unsupported_media_type,
)
from rollouts.emulator.metadata import check_name, check_namespace, read_metadata
from rollouts.emulator.patches import json_patch, merge_patch
from rollouts.emulator.strategic import strategic_merge
from rollouts.emulator.typed import merge
from rollouts.emulator.writing import insert, replace

if TYPE_CHECKING:
    from rollouts.emulator.engine import Engine, Request
    from rollouts.emulator.models import Model
    from rollouts.emulator.resources import Manifest

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)


def patch(
    engine: Engine, request: Request, body: Any, patch_type: str, *, force: bool = False
) -> Manifest:
    """Change an object by a patch.

    Args:
        body: the decoded patch, or its JSON text.
        patch_type: the content type; parameters after a semicolon are ignored.

    Raises:
        ApiError: 400, 404, 409, 415 (patch type), 422.
    """
    content_type = check_patch_type(request, patch_type)
    if isinstance(body, str | bytes):
        body = _parse(body)
    if content_type == APPLY_PATCH:
        return _apply(engine, request, body, force=force)
    old = engine.table(request.rt).get(request.namespace, request.name)
    if old is None:
        raise not_found(request.rt, request.name)
    model = engine.model(request.rt)
    try:
        return replace(
            engine,
            request,
            old,
            lambda before: _in_place(request, model, content_type, before, body),
        )
    except Undecodable as error:
        raise unreadable_patch(error, is_strategic=content_type == STRATEGIC_PATCH) from None


def _in_place(  # noqa: PLR0917  # a patch and what it is for
    request: Request, model: Model, content_type: str, before: Manifest, body: Any
) -> Manifest:
    """Return a changed object, which must not have become another one."""
    changed = change(model, content_type, before, body)
    metadata = read_metadata(changed)
    if metadata is not before["metadata"]:
        check_name(metadata, request.name)
        check_namespace(request.rt, metadata, request.namespace)
    return changed


def check_patch_type(request: Request, patch_type: str) -> str:
    """Return the bare content type.

    Raises:
        ApiError: 415, the resource does not take such patches.
    """
    content_type = patch_type.partition(";")[0].strip()
    if content_type not in PATCH_TYPES or (content_type == STRATEGIC_PATCH and request.rt.custom):
        if not request.rt.custom:
            message = "415: Unsupported Media Type"
            raise ApiError(415, "UnsupportedMediaType", message, {})
        raise unsupported_media_type(each for each in PATCH_TYPES if each != STRATEGIC_PATCH)
    return content_type


def change(model: Model, content_type: str, before: Manifest, body: Any) -> Manifest:
    """Return an object with a JSON, merge or strategic merge patch carried out."""
    changed: Any
    if content_type == JSON_PATCH:
        changed = json_patch(before, body)
    elif not isinstance(body, dict):
        raise bad_request("error decoding patch: the patch must be a JSON object")
    elif content_type == STRATEGIC_PATCH:
        changed = strategic_merge(model.root, before, body)
    else:
        changed = merge_patch(before, body)
    if not isinstance(changed, dict):
        raise bad_request("the patch does not leave a JSON object")
    return changed


def _parse(body: str | bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise bad_request(f"error decoding patch: {error}") from None


def _apply(engine: Engine, request: Request, body: Any, *, force: bool) -> Manifest:
    rt = request.rt
    model = engine.model(rt)
    if not isinstance(body, dict):
        raise bad_request("error decoding patch: the patch must be a JSON object")
    if not request.field_manager:
        raise missing_manager()
    metadata = read_metadata(body)
    check_name(metadata, request.name)
    check_namespace(rt, metadata, request.namespace)
    applied = {**body, "metadata": {**metadata, "name": request.name}}
    old = engine.table(rt).get(request.namespace, request.name)
    try:
        if old is None:
            return _apply_new(engine, request, model, applied, force=force)
        return replace(
            engine,
            request,
            old,
            lambda before: _applied(
                engine, request, model, before=before, applied=applied, force=force
            ),
            applied=True,
        )
    except Undecodable as error:
        kind = f"{rt.group}/{rt.version}, Kind={rt.kind}"
        message = (
            f"failed to convert new object (/{request.name}; {kind}) to proper version: unable to "
            f"convert unstructured object to {kind}: error decoding from json: {error.why}"
        )
        raise ApiError(500, "", message) from None


def _applied(
    engine: Engine,
    request: Request,
    model: Model,
    *,
    before: Manifest | None,
    applied: Manifest,
    force: bool,
) -> Manifest:
    if engine.track_ownership:
        now = engine.now()
        return apply_configuration(model, before, applied, request, force=force, now=now)
    # Without ownership there is nobody to conflict with and nothing known to remove.
    merged: Manifest = merge(model.root, model.blank() if before is None else before, applied)
    return merged


def _apply_new(
    engine: Engine, request: Request, model: Model, applied: Manifest, *, force: bool
) -> Manifest:
    rt = request.rt
    if request.subresource:
        raise not_found(rt, request.name)
    uid = applied["metadata"].get("uid")
    if uid:
        why = (
            f"uid mismatch: the provided object specified uid {uid}, "
            "and no existing object was found"
        )
        raise conflict(rt, request.name, why)
    made = _applied(engine, request, model, before=None, applied=applied, force=force)
    return insert(engine, request, model, made, applied=True)


def missing_manager() -> ApiError:
    """Return the 422 of an apply patch by nobody."""
    cause = required("fieldManager", "is required for apply patch")
    return invalid_options("PatchOptions", [cause])

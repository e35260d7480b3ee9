"""Create, update and patch: from what a client sent to what is stored.

The order is that of the real server: decode and default, keep the parts this (sub)resource may not
touch, record ownership, fill in what the server allocates, validate, and only then store. A result
equal to what is stored is not written.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rollouts.emulator.crds import CRD_TABLE
from rollouts.emulator.draining import finish, is_container
from rollouts.emulator.errors import (
    MODIFIED,
    ApiError,
    Undecodable,
    already_exists,
    bad_request,
    conflict,
    forbidden,
    invalid,
    no_such_resource,
    not_found,
    required,
    unprocessable,
)
from rollouts.emulator.metadata import (
    check_name,
    check_namespace,
    fresh_metadata,
    immutable_causes,
    kept_metadata,
    metadata_causes,
    read_metadata,
    unique_owners,
)
from rollouts.emulator.ownership import without_managed
from rollouts.emulator.patches import equal

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollouts.emulator.engine import Engine, Request
    from rollouts.emulator.models import Model
    from rollouts.emulator.resources import Manifest, ResourceType


def create(engine: Engine, request: Request, manifest: Manifest) -> Manifest:
    """Store a new object.

    Raises:
        ApiError: 400, 403, 404 (namespace), 409 (exists), 422.
    """
    rt = request.rt
    model = engine.model(rt)
    metadata = read_metadata(manifest)
    check_type(rt, manifest)
    check_namespace(rt, metadata, request.namespace)
    if metadata.get("resourceVersion"):
        message = "resourceVersion should not be set on objects to be created"
        raise ApiError(500, "", message)
    return insert(engine, request, model, manifest, applied=False)


def insert(
    engine: Engine, request: Request, model: Model, manifest: Manifest, *, applied: bool
) -> Manifest:
    """Finish and store an object that is not there yet; `applied` says its owner is recorded."""
    rt = request.rt
    namespace = request.namespace if rt.namespaced else ""
    metadata = unique_owners(request, read_metadata(manifest))
    name, generated = _choose_name(engine, request, metadata, namespace)
    if not name:
        cause = required("metadata.name", "name or generateName is required")
        raise unprocessable(rt, name, [cause])
    check_open_namespace(engine, rt, namespace, name)
    if rt.custom and f"{CRD_TABLE}/{rt.stored_as}" in engine.terminating:
        message = "create not allowed while custom resource definition is terminating"
        raise ApiError(405, "MethodNotAllowed", message)
    decoded = decode(request, model, {**manifest, "metadata": {**metadata, "name": name}}, None)
    fresh = fresh_metadata(
        decoded["metadata"],
        namespace=namespace,
        name=name,
        uid=engine.next_uid(),
        now=engine.now(),
    )
    new = {**decoded, "metadata": fresh}
    new = model.scope_create(new)
    if engine.track_ownership and not applied:
        new = model.own(new, None, request, engine.now())
    elif not engine.track_ownership:
        new = without_managed(new)
    new = model.prepare_create(new, engine)
    causes = model.validate(new, None) + metadata_causes(new["metadata"], None)
    if causes:
        # A real server looks at an object from its metadata on.
        causes.sort(key=lambda cause: not cause.field.startswith("metadata."))
        raise unprocessable(rt, name, causes)
    there = engine.table(rt).get(namespace, name)
    if there is not None:
        error = already_exists(rt, name)
        if "deletionTimestamp" in there["metadata"]:
            error.message = f"object is being deleted: {error.message}"
        if generated:
            error.message = (
                f"{error.message}, the server was not able to generate a unique name for the object"
            )
        raise error
    stored_form = model.to_storage(new)
    if request.dry_run:
        return new
    return model.from_storage(engine.commit(request, stored_form, None))


def _choose_name(
    engine: Engine, request: Request, metadata: dict[str, Any], namespace: str
) -> tuple[str, bool]:
    name = metadata.get("name") or ""
    if name or not isinstance(name, str):
        return str(name), False
    prefix = metadata.get("generateName") or ""
    if not prefix:
        return "", False
    return engine.next_name(str(prefix), engine.table(request.rt), namespace), True


def check_type(rt: ResourceType, manifest: Manifest) -> None:
    """Refuse a manifest of another type than the one the request is about.

    An absent `apiVersion` or `kind` is taken from the request for built-in types.
    """
    api_version, kind = manifest.get("apiVersion"), manifest.get("kind")
    if rt.custom and not kind:
        raise bad_request(
            f"the object provided is unrecognized (must be of type {rt.kind}): "
            f"Object 'Kind' is missing in {json.dumps(manifest)!r}"
        )
    if rt.custom and api_version != rt.api_version:
        raise bad_request(
            f"the API version in the data ({api_version or ''}) does not match "
            f"the expected API version ({rt.api_version})"
        )
    why = wrong_type_of(rt, manifest)
    if why:
        raise bad_request(
            f'{kind or rt.kind} in version "{rt.version}" cannot be handled as a {rt.kind}: {why}'
        )


def wrong_type_of(rt: ResourceType, manifest: Manifest) -> str:
    """Say why a manifest is none of this type; an absent type is taken from the request."""
    api_version, kind = manifest.get("apiVersion"), manifest.get("kind")
    if api_version and api_version != rt.api_version and not rt.custom:
        return (
            f'no kind "{kind or rt.kind}" is registered for version "{api_version}" '
            'in scheme "pkg/runtime/scheme.go:111"'
        )
    if kind and kind != rt.kind:
        inner = rt.group.partition(".")[0] or "core"
        return f"converting ({rt.version}.{kind}) to ({inner}.{rt.kind}): unknown conversion"
    return ""


def check_open_namespace(engine: Engine, rt: ResourceType, namespace: str, name: str) -> None:
    """Refuse to create in a namespace that is absent or going away."""
    if not rt.namespaced:
        return
    if not namespace:
        raise bad_request("an empty namespace may not be set during creation")
    if engine.store.tables["namespaces"].get("", namespace) is None:
        namespaces = engine.registry.by_path("", "v1", "namespaces")
        raise not_found(namespaces, namespace)
    if f"namespaces/{namespace}" in engine.terminating:
        error = forbidden(
            rt,
            name,
            f"unable to create new content in namespace {namespace} because it is being terminated",
        )
        error.details["causes"] = [
            {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
        ]
        raise error


def decode(request: Request, model: Model, manifest: Manifest, known: Manifest | None) -> Manifest:
    """Read an object into the form of its type; what to do about unknown fields is the client's.

    Raises:
        ApiError: 400, a value does not fit its type, or unknown fields under Strict validation.
    """
    decoded, unknown = model.decode(manifest, known)
    if unknown and request.field_validation == "Strict":
        listed = ", ".join(f'unknown field "{path}"' for path in unknown)
        raise Undecodable(request.rt, manifest, f"strict decoding error: {listed}")
    if request.field_validation == "Warn":
        for path in unknown:
            request.warn(f'unknown field "{path}"')
    return decoded


def update(engine: Engine, request: Request, manifest: Manifest) -> Manifest:
    """Replace an object.

    Raises:
        ApiError: 400, 404, 409, 422.
    """
    rt = request.rt
    model = engine.model(rt)
    metadata = read_metadata(manifest)
    check_type(rt, manifest)
    check_name(metadata, request.name)
    check_namespace(rt, metadata, request.namespace)
    old = engine.table(rt).get(request.namespace, request.name)
    if old is None:
        if model.create_on_update and not request.subresource:
            if uid := metadata.get("uid"):
                raise conflict(rt, request.name, _other_uid(rt, request, uid))
            return insert(
                engine,
                request,
                model,
                {**manifest, "metadata": {**metadata, "name": request.name}},
                applied=False,
            )
        decode(request, model, manifest, None)  # What cannot be read is refused first.
        raise not_found(rt, request.name)
    if uid := metadata.get("uid"):
        check_uid(request, uid, old["metadata"]["uid"])
    if not metadata.get("resourceVersion") and not model.unconditional_update:
        cause = invalid("metadata.resourceVersion", 0, "must be specified for an update")
        error = unprocessable(rt, request.name, [cause])
        # The generic registry names the resource here, where everything else names the kind.
        error.message = f'{rt.group_resource} "{request.name}" is invalid: {cause}'
        error.details["kind"] = rt.plural
        raise error
    proposed = {**manifest, "metadata": {**metadata, "name": request.name}}
    return replace(engine, request, old, lambda _: proposed)


def _other_uid(rt: ResourceType, request: Request, uid: str) -> str:
    """Say that an object of this uid is gone, in the words of the storage of the real server."""
    folder = "services/specs" if rt.plural == "services" else rt.plural
    return (
        f"StorageError: invalid object, Code: 4, Key: /registry/{folder}/{request.namespace}/"
        f"{request.name}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: "
        f"UID in precondition: {uid}, UID in object meta: "
    )


def check_uid(request: Request, uid: str, known: str) -> None:
    """Refuse a write that was meant for an earlier object of the same name.

    Raises:
        ApiError: 409.
    """
    if uid != known:
        raise conflict(request.rt, request.name, _other_uid(request.rt, request, uid) + known)


def replace(
    engine: Engine,
    request: Request,
    old: Manifest,
    change: Callable[[Manifest], Manifest],
    *,
    applied: bool = False,
) -> Manifest:
    """Change a stored object; `change` works on the form of the requested version."""
    model = engine.model(request.rt)
    before = model.from_storage(old)
    proposed = change(before)
    if proposed is before:
        return before
    after = settle(engine, request, model, before=before, proposed=proposed, applied=applied)
    if after is before:
        return before
    if request.dry_run:
        return after
    stored_form = model.to_storage(after)
    if _is_finished(old, after):
        if is_container(request.rt):
            # It goes when its content has gone; until then the change is one like any other.
            after = model.from_storage(engine.commit(request, stored_form, old))
            finish(engine, request.rt, request.name)
        else:
            engine.remove(request, old, stored_form)
        return after
    return model.from_storage(engine.commit(request, stored_form, old))


def _is_finished(old: Manifest, after: Manifest) -> bool:
    """Tell whether an object that is being deleted has lost its last finalizer."""
    known = old["metadata"]
    return (
        "deletionTimestamp" in known
        and not after["metadata"].get("finalizers")
        and not known.get("deletionGracePeriodSeconds")
    )


def settle(
    engine: Engine,
    request: Request,
    model: Model,
    *,
    before: Manifest,
    proposed: Manifest,
    applied: bool,
) -> Manifest:
    """Return the object to store, or `before` itself when nothing would change.

    Raises:
        ApiError: 400, 409 (stale resourceVersion), 422.
    """
    rt, name = request.rt, request.name
    if why := wrong_type_of(rt, proposed):
        raise Undecodable(rt, proposed, why)
    check_type(rt, proposed)
    metadata = unique_owners(request, read_metadata(proposed))
    known = before["metadata"]
    check_version(rt, name, metadata.get("resourceVersion"), known)
    if metadata is not known:
        proposed = {**proposed, "metadata": kept_metadata(metadata, known)}
    new = model.scope_update(decode(request, model, proposed, before), before, request.subresource)
    if not engine.track_ownership:
        new = without_managed(new)
    elif not applied:
        new = model.own(new, before, request, engine.now())
    new = model.prepare_update(new, before, engine)
    if equal_objects(new, before):
        return before
    new = _count_generation(model, new, before)
    causes = immutable_causes(new["metadata"], known) + metadata_causes(new["metadata"], known)
    causes += model.validate(new, before)
    if causes:
        raise unprocessable(rt, name, causes)
    return new


def check_version(rt: ResourceType, name: str, version: Any, known: dict[str, Any]) -> None:
    """Refuse a write that was made from another version; "0" is any, as an absent one is.

    Raises:
        ApiError: 409, or 500 for something that is no version, as the server has it.
    """
    if not version or version in (known["resourceVersion"], "0"):
        return
    if not str(version).isdigit():
        raise ApiError(500, "", f'strconv.ParseUint: parsing "{version}": invalid syntax')
    raise conflict(rt, name, MODIFIED)


def _count_generation(model: Model, new: Manifest, before: Manifest) -> Manifest:
    if "generation" not in before["metadata"] or not model.is_new_generation(new, before):
        return new
    generation = before["metadata"]["generation"] + 1
    return {**new, "metadata": {**new["metadata"], "generation": generation}}


def equal_objects(new: Manifest, old: Manifest) -> bool:
    """Compare two states, not minding the times in `managedFields`."""
    if equal(new, old):
        return True
    fields, known = new["metadata"].get("managedFields"), old["metadata"].get("managedFields")
    if fields is None or known is None:
        return False
    return equal(_timeless(new), _timeless(old))


def _timeless(manifest: Manifest) -> Manifest:
    metadata = manifest["metadata"]
    entries = [
        {key: value for key, value in entry.items() if key != "time"}
        for entry in metadata["managedFields"]
    ]
    return {**manifest, "metadata": {**metadata, "managedFields": entries}}


def check_subresource(rt: ResourceType, subresource: str) -> None:
    """Refuse a subresource that the type does not have.

    Raises:
        ApiError: 404.
    """
    if subresource and not rt.has_subresource(subresource):
        raise no_such_resource(custom=rt.custom)

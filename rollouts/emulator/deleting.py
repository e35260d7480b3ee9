"""Delete: preconditions, propagation, finalizers, graceful pods, and what goes with a namespace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rollouts.emulator.errors import (
    conflict,
    forbidden,
    invalid_options,
    not_found,
    unsupported,
)
from rollouts.emulator.metadata import FOREGROUND, ORPHAN, format_time

if TYPE_CHECKING:
    from rollouts.emulator.engine import Engine, Request
    from rollouts.emulator.models import Model
    from rollouts.emulator.resources import Manifest, ResourceType

_PROPAGATIONS = ("", "Background", "Foreground", "Orphan")
_POD_GRACE_SECONDS = 30  # What the API defaults `terminationGracePeriodSeconds` to.
_KEPT_NAMESPACES = ("default", "kube-system", "kube-public")


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """How to delete. Empty preconditions are none; `propagation` "" is the type's own default."""

    propagation: str = "Background"
    uid: str = ""
    resource_version: str = ""
    grace_seconds: int | None = None


def delete(engine: Engine, request: Request, options: DeleteOptions) -> Manifest:
    """Delete an object, or mark it as being deleted while something still holds it.

    Returns:
        The object where it lives on for now (and for the few types that always show it), else a
        Status that reports success.

    Raises:
        ApiError: 400, 404, 409 (preconditions).
    """
    model = engine.model(request.rt)
    marked, is_pending = deletion_mark(engine, request, options)
    old = engine.table(request.rt).spaces[request.namespace][request.name]
    if is_pending:
        if marked is old or request.dry_run:
            return model.from_storage(marked)
        return model.from_storage(engine.commit(request, marked, old))
    last = (
        marked if request.dry_run else engine.remove(request, old, marked_last(model, marked, old))
    )
    return model.from_storage(last) if model.shows_deleted else deleted_status(request.rt, old)


def marked_last(model: Model, marked: Manifest, old: Manifest) -> Manifest:
    """Return what is shown of an object as it goes: one that may linger bears the mark."""
    return marked if model.graceful else old


def deletion_mark(
    engine: Engine, request: Request, options: DeleteOptions
) -> tuple[Manifest, bool]:
    """Return the object as a delete request marks it, and whether it stays for now.

    Raises:
        ApiError: 400, 403, 404, 409 (preconditions).
    """
    rt = request.rt
    if options.propagation not in _PROPAGATIONS:
        cause = unsupported(
            "propagationPolicy",
            options.propagation,
            ("Foreground", "Background", "Orphan", "nil"),
        )
        raise invalid_options("DeleteOptions", [cause])
    old = engine.table(rt).get(request.namespace, request.name)
    if old is None:
        raise not_found(rt, request.name)
    _check_preconditions(rt, request.name, options, old)
    if rt.stored_as == "namespaces" and request.name in _KEPT_NAMESPACES:
        raise forbidden(rt, request.name, "this namespace may not be deleted")
    return _mark(engine, engine.model(rt), options, old)


def _check_preconditions(
    rt: ResourceType, name: str, options: DeleteOptions, old: Manifest
) -> None:
    metadata = old["metadata"]
    why = ""
    if options.uid and options.uid != metadata["uid"]:
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record "
            f"({metadata['uid']}). The object might have been deleted and then recreated"
        )
    elif options.resource_version and options.resource_version != metadata["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({options.resource_version}) does not match "
            f"the ResourceVersion in record ({metadata['resourceVersion']}). "
            "The object might have been modified"
        )
    if why:
        error = conflict(rt, name, why)
        # The real server names the kind here, not the resource.
        kind = f"{rt.kind}.{rt.group}" if rt.group else rt.kind
        error.message = f'Operation cannot be fulfilled on {kind} "{name}": {why}'
        error.details["kind"] = rt.kind
        raise error


def _mark(
    engine: Engine, model: Model, options: DeleteOptions, old: Manifest
) -> tuple[Manifest, bool]:
    """Return the object as deletion leaves it, and whether it stays for now."""
    metadata = old["metadata"]
    grace = _grace(model, options, old)
    deleting = "deletionTimestamp" in metadata
    held = metadata.get("deletionGracePeriodSeconds") or 0
    if deleting and held and (options.grace_seconds is None or grace >= held):
        # A graceful deletion under way can only be shortened.
        return old, True
    finalizers = _finalizers(model, options, metadata.get("finalizers") or [])
    changes: dict[str, Any] = {}
    if finalizers != (metadata.get("finalizers") or []):
        changes["finalizers"] = finalizers
    if not deleting or grace != metadata.get("deletionGracePeriodSeconds"):
        when = engine.clock() + timedelta(seconds=grace)
        if not deleting or grace < (metadata.get("deletionGracePeriodSeconds") or 0):
            changes["deletionTimestamp"] = format_time(when)
        changes["deletionGracePeriodSeconds"] = grace
        if not deleting and "generation" in metadata:
            changes["generation"] = metadata["generation"] + 1
    is_pending = bool(finalizers or grace)
    if not changes:
        return old, is_pending
    merged = {**metadata, **changes}
    if not finalizers:
        merged.pop("finalizers", None)
    return {**old, "metadata": merged}, is_pending


def _grace(model: Model, options: DeleteOptions, old: Manifest) -> int:
    if not model.graceful:
        return 0
    spec = old.get("spec") or {}
    seconds = options.grace_seconds
    if seconds is None:
        seconds = spec.get("terminationGracePeriodSeconds", _POD_GRACE_SECONDS)
    if not spec.get("nodeName") or (old.get("status") or {}).get("phase") in (
        "Failed",
        "Succeeded",
    ):
        # Nobody runs this pod, so nobody has to be given time to stop it.
        return 0
    return max(1, seconds) if seconds < 0 else int(seconds)


def _finalizers(model: Model, options: DeleteOptions, present: list[str]) -> list[str]:
    propagation = options.propagation
    if not propagation:
        if ORPHAN in present or FOREGROUND in present:
            return present
        propagation = model.default_propagation
    kept = [each for each in present if each not in (ORPHAN, FOREGROUND)]
    added = {"Orphan": [ORPHAN], "Foreground": [FOREGROUND]}.get(propagation, [])
    wanted = kept + added
    return present if sorted(wanted) == sorted(present) else wanted


def deleted_status(rt: ResourceType, old: Manifest) -> Manifest:
    """Return the Status that answers a finished deletion."""
    details: dict[str, Any] = {"name": old["metadata"]["name"]}
    if rt.group:
        details["group"] = rt.group
    details |= {"kind": rt.plural, "uid": old["metadata"]["uid"]}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    }

"""CustomResourceDefinitions: which types one serves, and what its status says.

Differs from the real server: a definition is established within the write that creates it, not
moments later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollouts.emulator.resources import ResourceType, ScalePaths

if TYPE_CHECKING:
    from rollouts.emulator.engine import Engine
    from rollouts.emulator.resources import Manifest

CRD_TABLE = "customresourcedefinitions.apiextensions.k8s.io"


def definition_types(definition: Manifest) -> tuple[ResourceType, ...]:
    """Return the types that a definition serves, one for each served version."""
    spec = definition["spec"]
    versions = spec["versions"]
    storage = next(each["name"] for each in versions if each.get("storage"))
    served = tuple(each["name"] for each in versions if each.get("served"))
    return tuple(
        _version_type(spec, version, storage=storage, served=served)
        for version in versions
        if version.get("served")
    )


def _version_type(
    spec: dict[str, Any],
    version: dict[str, Any],
    *,
    storage: str,
    served: tuple[str, ...],
) -> ResourceType:
    names = spec["names"]
    subresources = version.get("subresources") or {}
    present = [name for name in ("status", "scale") if subresources.get(name) is not None]
    return ResourceType(
        spec["group"],
        version["name"],
        names["kind"],
        names["plural"],
        names.get("singular") or names["kind"].lower(),
        namespaced=spec["scope"] == "Namespaced",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=frozenset(present),
        list_kind=names.get("listKind") or "",
        schema=(version.get("schema") or {}).get("openAPIV3Schema"),
        printer_columns=tuple(version.get("additionalPrinterColumns") or ()),
        storage_version=storage,
        served_versions=served,
        custom=True,
        scale=_scale_paths(subresources.get("scale")),
        selectable_fields=tuple(
            each["jsonPath"].lstrip(".") for each in version.get("selectableFields") or ()
        ),
    )


def _scale_paths(scale: dict[str, Any] | None) -> ScalePaths | None:
    if scale is None:
        return None
    return ScalePaths(
        _path(scale["specReplicasPath"]),
        _path(scale["statusReplicasPath"]),
        _path(scale.get("labelSelectorPath") or ""),
    )


def _path(text: str) -> tuple[str, ...]:
    return tuple(step for step in text.split(".") if step)


def establish(definition: Manifest, engine: Engine) -> Manifest:
    """Return a definition with the status that its spec has earned."""
    spec = definition["spec"]
    known = definition.get("status") or {}
    storage = next((each["name"] for each in spec["versions"] if each.get("storage")), None)
    stored = list(known.get("storedVersions") or ())
    if storage is not None and storage not in stored:
        stored.append(storage)
    trouble = _name_trouble(spec, engine)
    conditions = list(known.get("conditions") or ())
    if trouble:
        conditions = _set(conditions, engine, kind="NamesAccepted", status="False", why=trouble)
        if not _is_true(conditions, "Established"):
            why = ("NotAccepted", "not all names are accepted")
            conditions = _set(conditions, engine, kind="Established", status="False", why=why)
    else:
        why = ("NoConflicts", "no conflicts found")
        conditions = _set(conditions, engine, kind="NamesAccepted", status="True", why=why)
        why = ("InitialNamesAccepted", "the initial names have been accepted")
        conditions = _set(conditions, engine, kind="Established", status="True", why=why)
    accepted = known.get("acceptedNames") or {"plural": "", "kind": ""}
    status = {
        **known,
        "conditions": conditions,
        "acceptedNames": accepted if trouble else spec["names"],
        "storedVersions": stored,
    }
    return {**definition, "status": status}


def reestablish(new: Manifest, before: Manifest, engine: Engine) -> Manifest:
    """Return a changed definition with its status brought up to date."""
    return new if new["spec"] is before["spec"] else establish(new, engine)


def _name_trouble(spec: dict[str, Any], engine: Engine) -> tuple[str, str] | None:
    """Return reason and message when another type of the group has taken a name."""
    group, names = spec["group"], spec["names"]
    own = f"{names['plural']}.{group}"
    for rt in engine.registry:
        if rt.group != group or (rt.custom and rt.stored_as == own):
            continue
        if rt.kind == names["kind"]:
            return "KindConflict", f'"{rt.kind}" is already in use'
        if rt.plural == names["plural"]:
            return "PluralConflict", f'"{rt.plural}" is already in use'
    return None


def _is_true(conditions: list[dict[str, Any]], kind: str) -> bool:
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)


def _set(
    conditions: list[dict[str, Any]],
    engine: Engine,
    *,
    kind: str,
    status: str,
    why: tuple[str, str],
) -> list[dict[str, Any]]:
    reason, message = why
    old = next((each for each in conditions if each["type"] == kind), None)
    since = engine.now()
    if old is not None and old["status"] == status:
        since = old.get("lastTransitionTime") or since
    made = {
        "type": kind,
        "status": status,
        "lastTransitionTime": since,
        "reason": reason,
        "message": message,
    }
    if old is None:
        return [*conditions, made]
    return [made if each is old else each for each in conditions]


def mark_terminating(definition: Manifest, engine: Engine) -> Manifest:
    """Return a definition that says its instances are being deleted."""
    status = definition.get("status") or {}
    why = ("InstanceDeletionInProgress", "CustomResource deletion is in progress")
    conditions = _set(
        list(status.get("conditions") or ()), engine, kind="Terminating", status="True", why=why
    )
    return {**definition, "status": {**status, "conditions": conditions}}


def install_definition(engine: Engine, old: Manifest | None, new: Manifest | None) -> None:
    """Serve what a stored definition says, and stop serving what it no longer says."""
    before = () if old is None or not _serves(old) else definition_types(old)
    after = () if new is None or not _serves(new) else definition_types(new)
    if old is not None and new is not None and old["spec"] is new["spec"] and before and after:
        return
    kept = {rt.key for rt in after}
    for rt in before:
        if rt.key not in kept:
            engine.uninstall(rt)
    for rt in after:
        engine.install(rt)
    if before and after:
        _reread(engine, after)
    if new is None and old is not None:
        engine.store.drop(old["metadata"]["name"])


def _serves(definition: Manifest) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or []
    return _is_true(conditions, "Established")


def _reread(engine: Engine, types: tuple[ResourceType, ...]) -> None:
    """Show stored objects through a changed schema, which is what reading them does."""
    storage = next((rt for rt in types if rt.version == rt.storage_version), None)
    if storage is None:
        return
    model = engine.model(storage)
    engine.store.table(storage.stored_as).rewrite(lambda stored: model.decode(stored, None)[0])

"""Turns rendered manifests into declared objects: namespace, mark, options, duplicates, hooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rollouts.api.refs import CRD, NAMESPACE, Kind, Manifest, ObjectRef
from rollouts.gitops.hooks import SKIPPED, phases_of
from rollouts.gitops.kinds import kinds_of_crd
from rollouts.gitops.model import (
    ApplyMode,
    Condition,
    Declared,
    Family,
    ObjectOptions,
    ResourceKey,
    SyncUnit,
)
from rollouts.gitops.normalize import fold_secret
from rollouts.gitops.options import read_options
from rollouts.gitops.order import DELETION_PHASES, PHASES
from rollouts.gitops.render.collect import place
from rollouts.gitops.render.model import RenderedObject
from rollouts.gitops.tracking import with_mark

_SHOWN = 5  # Names in one message; the count says how many more there are.

_SERVER_METADATA = (
    "creationTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a unit declares.

    Attributes:
        objects: in the order of the render.
        hooks: objects that run at a moment of a sync or of the deletion instead of being kept.
        held: objects that are left alone and not pruned either.
        errors: objects that cannot be applied, named with file and document.
        conditions: what a person should know about the rest.
    """

    objects: tuple[Declared, ...] = ()
    hooks: tuple[Declared, ...] = ()
    held: tuple[ResourceKey, ...] = ()
    errors: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()


def types_of(rendered: Iterable[RenderedObject]) -> tuple[tuple[str, str], ...]:
    """Return each `apiVersion` and `kind` once, sorted, for resolving them."""
    found = {
        (str(each.manifest.get("apiVersion", "")), str(each.manifest.get("kind", ""))): None
        for each in rendered
    }
    return tuple(sorted(found))


def declared_kinds(rendered: Iterable[RenderedObject]) -> dict[tuple[str, str], Kind]:
    """Return the kinds whose CustomResourceDefinitions are among the rendered objects."""
    return {
        (kind.api_version, kind.kind): kind
        for each in rendered
        if each.manifest.get("kind") == CRD.kind
        for kind in kinds_of_crd(each.manifest)
    }


def prepare(
    unit: SyncUnit,
    rendered: Iterable[RenderedObject],
    served: Mapping[tuple[str, str], Kind | None],
) -> Prepared:
    """Return what the unit declares.

    Args:
        served: the kinds the server serves or the render itself defines; None for one that is
            neither.
    """
    objects: dict[ResourceKey, Declared] = {}
    hooks: list[Declared] = []
    unrun: list[str] = []
    held: list[ResourceKey] = []
    errors: list[str] = []
    repeated: list[str] = []
    for each in rendered:
        one = _declare(unit, each, served)
        if isinstance(one, str):
            errors.append(one)
        elif one.options.hook:
            left_out = _left_out(unit, one)
            if left_out:
                unrun.append(f"{one.key} ({left_out})")
            else:
                hooks.append(one)
        elif _is_of_flux_itself(one.manifest):
            held.append(one.key)
        else:
            if one.key in objects:
                repeated.append(f"{one.key} ({objects.pop(one.key).source} and {one.source})")
            objects[one.key] = one
    if unit.create_namespace and unit.destination:
        objects = _with_namespace(unit, objects)
    hooks, again = _unrepeated(hooks)
    repeated += again
    conditions = [*_hook_conditions(unrun), *_held_conditions(held)]
    if repeated and unit.duplicates_fail:
        errors.append(f"declared more than once: {_listed(repeated)}; keep one of each")
    elif repeated:
        text = f"declared more than once, the last one counts: {_listed(repeated)}"
        conditions.append(Condition("RepeatedResourceWarning", text))
    return Prepared(
        tuple(objects.values()), tuple(hooks), tuple(held), tuple(errors), tuple(conditions)
    )


def _declare(
    unit: SyncUnit, each: RenderedObject, served: Mapping[tuple[str, str], Kind | None]
) -> Declared | str:
    """Return one object as it will be sent, or why it cannot be."""
    manifest = each.manifest
    api_version, name_of_kind = str(manifest.get("apiVersion", "")), str(manifest.get("kind", ""))
    metadata = manifest.get("metadata") or {}
    options = read_options(manifest)
    name = str(metadata.get("name") or "")
    if not name and options.hook:
        name = str(metadata.get("generateName") or "")
    kind = served.get((api_version, name_of_kind))
    if kind is None:
        return (
            f"{each.where}: {name_of_kind}/{name}: the cluster serves no kind {name_of_kind} in "
            f"{api_version}; install its CustomResourceDefinition or add it to this source"
        )
    placed = place(manifest, kind, unit.destination, override=unit.override_namespace)
    metadata = placed.get("metadata") or {}
    namespace = str(metadata.get("namespace") or "")
    if kind.namespaced and not namespace:
        return (
            f"{each.where}: {name_of_kind}/{name} states no namespace and {unit.id} "
            "has no destination namespace; state one of them"
        )
    key = ResourceKey(kind.group, kind.kind, namespace, name)
    kept = {field: value for field, value in metadata.items() if field not in _SERVER_METADATA}
    body = {field: value for field, value in placed.items() if field != "status"}
    marked = with_mark(
        fold_secret({**body, "metadata": kept}),
        unit.id,
        key,
        name=unit.tracking_name,
        destination=unit.destination,
    )
    return Declared(key, ObjectRef(kind, namespace, name), marked, each.where, options)


def _with_namespace(
    unit: SyncUnit, objects: dict[ResourceKey, Declared]
) -> dict[ResourceKey, Declared]:
    """Add the destination's namespace, unless Git declares it.

    It is never marked, so that it outlives the unit: other things may live in it by then.
    """
    key = ResourceKey("", NAMESPACE.kind, "", unit.destination)
    if key in objects:
        return objects
    metadata: Manifest = {"name": unit.destination}
    if unit.namespace_labels:
        metadata["labels"] = dict(unit.namespace_labels)
    if unit.namespace_annotations:
        metadata["annotations"] = dict(unit.namespace_annotations)
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    managed = bool(unit.namespace_labels or unit.namespace_annotations)
    mode = ApplyMode.OVERRIDE if managed else ApplyMode.IF_NOT_PRESENT
    options = ObjectOptions(prune=False, delete=False, mode=mode)
    ref = ObjectRef(NAMESPACE, "", unit.destination)
    made = Declared(key, ref, manifest, "CreateNamespace=true", options, tracked=False)
    return {key: made, **objects}


def _is_of_flux_itself(manifest: Manifest) -> bool:
    """Tell whether an object is a controller or a CRD of Flux, from a bootstrapped repository.

    Applying them would start a second engine on the same objects.
    """
    labels = (manifest.get("metadata") or {}).get("labels") or {}
    of_flux = labels.get("app.kubernetes.io/part-of") == "flux"
    return of_flux and manifest.get("kind") in ("Deployment", CRD.kind)


def _left_out(unit: SyncUnit, one: Declared) -> str:
    """Return why a hook does not run, naming the phases it asks for; empty when it does."""
    if unit.id.family is not Family.APPLICATION:
        return f"{one.options.hook}: only Applications have hooks"
    known = (*PHASES, *DELETION_PHASES, SKIPPED)
    unknown = [each for each in phases_of(one.options.hook) if each not in known]
    if not unknown:
        return ""
    return f"{', '.join(unknown)}: no such phase; write one of {', '.join(known)}"


def _unrepeated(hooks: list[Declared]) -> tuple[list[Declared], list[str]]:
    """Return hooks, of those with one name the last, and what was declared more than once."""
    kept: dict[ResourceKey, Declared] = {}
    repeated: list[str] = []
    for one in hooks:
        if one.key in kept:
            repeated.append(f"{one.key} ({kept.pop(one.key).source} and {one.source})")
        kept[one.key] = one
    return list(kept.values()), repeated


def _hook_conditions(names: list[str]) -> list[Condition]:
    if not names:
        return []
    text = f"hooks that do not run are left out: {_listed(names)}"
    return [Condition("ExcludedResourceWarning", text)]


def _held_conditions(held: list[ResourceKey]) -> list[Condition]:
    if not held:
        return []
    names = [str(key) for key in held]
    text = f"controllers and definitions of Flux itself are not applied: {_listed(names)}"
    return [Condition("ExcludedResourceWarning", text)]


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    more = len(names) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown

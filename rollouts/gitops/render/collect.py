"""Turns documents into declared objects: flattens lists, finds what is missing or there twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import orjson

from rollouts.api.documents import Document
from rollouts.api.refs import Kind, Manifest
from rollouts.gitops.model import ResourceKey
from rollouts.gitops.render.model import OBJECTS_MAX, Rendered, RenderedObject, RenderError

Duplicates: TypeAlias = Literal["last-wins", "error"]

_HOOKS = ("argocd.argoproj.io/hook", "helm.sh/hook")
_KUSTOMIZE_GROUP = "kustomize.config.k8s.io/"


@dataclass(frozen=True, slots=True)
class Collected:
    """The objects of a set of documents.

    Attributes:
        problems: what makes the set unusable, all of it, each naming file and document.
        repeated: objects declared more than once, of which the last one counts.
    """

    objects: tuple[RenderedObject, ...]
    problems: tuple[str, ...]
    repeated: tuple[str, ...] = ()


def collect(
    documents: Iterable[Document],
    *,
    duplicates: Duplicates,
    namespace: str = "",
    hooks: bool = True,
) -> Collected:
    """Return the objects that documents declare, in their order.

    Args:
        duplicates: what two objects of one group, kind, namespace and name mean.
        namespace: where objects go that name none; it decides which are the same.
        hooks: hook objects may have `generateName` instead of a name.
    """
    objects: list[RenderedObject] = []
    problems: list[str] = []
    for document in documents:
        for item, manifest in _flatten(document.manifest):
            where = f"{document.source} document {document.index}{item}"
            faults = _faults(manifest, hooks=hooks)
            problems += [f"{where}: {fault}" for fault in faults]
            if not faults:
                objects.append(RenderedObject(manifest, document.source, document.index))
    if len(objects) > OBJECTS_MAX:
        problems.append(f"{len(objects)} objects are declared; at most {OBJECTS_MAX} are allowed")
    kept, repeated = _unique(objects, namespace)
    if duplicates == "error":
        return Collected(tuple(objects), (*problems, *repeated))
    return Collected(kept, tuple(problems), repeated)


def concatenate(
    parts: Iterable[Rendered], *, duplicates: Duplicates, namespace: str = ""
) -> Rendered:
    """Return several renders as one, later ones winning over earlier: multi-source units.

    Raises:
        RenderError: two declare the same object, and `duplicates` makes that an error.
    """
    parts = tuple(parts)
    objects = [each for part in parts for each in part.objects]
    kept, repeated = _unique(objects, namespace)
    problems = repeated if duplicates == "error" else ()
    if len(kept) > OBJECTS_MAX:
        problems += (f"{len(kept)} objects are declared; at most {OBJECTS_MAX} are allowed",)
    if problems:
        raise RenderError(*problems)
    return Rendered(
        kept,
        tuple(each for part in parts for each in part.tree_ids),
        tuple(each for part in parts for each in part.warnings),
        (*(each for part in parts for each in part.repeated), *repeated),
    )


def _flatten(manifest: Any) -> Iterator[tuple[str, Any]]:
    """Yield a document, or the items of a List in it, with a word on which item it is."""
    pending: list[tuple[str, Any]] = [("", manifest)]
    while pending:
        place, current = pending.pop()
        if _is_list(current):
            items = current["items"] or []
            pending.extend(
                (f"{place} item {number}", _named(items[number - 1], current))
                for number in range(len(items), 0, -1)
            )
        elif current is not None:  # An empty document declares nothing.
            yield place, current


def _is_list(manifest: Any) -> bool:
    """Tell whether a manifest is a `List`, or a typed one such as `ConfigMapList`.

    A list of no objects may be written `items: null`, but a kind whose name merely ends so and
    that has a spec of its own is an object.
    """
    return (
        isinstance(manifest, dict)
        and str(manifest.get("kind", "")).endswith("List")
        and "items" in manifest
        and isinstance(manifest["items"], list | None)
        and "spec" not in manifest
    )


def _named(item: Any, parent: Manifest) -> Any:
    """Return an item of a typed list with the kind it is too short to state itself."""
    kind = parent["kind"].removesuffix("List")
    if not kind or not isinstance(item, dict) or "kind" in item or "apiVersion" in item:
        return item
    return {"apiVersion": parent.get("apiVersion"), "kind": kind, **item}


def _faults(manifest: Any, *, hooks: bool) -> list[str]:
    """Return what keeps a manifest from naming an object, in words."""
    if not isinstance(manifest, dict):
        return [f"is a {type(manifest).__name__}, not an object; it needs apiVersion and kind"]
    if str(manifest.get("apiVersion", "")).startswith(_KUSTOMIZE_GROUP):
        return ["is for kustomize, not for the cluster; point the path at its directory"]
    faults = [
        f"{field} {_said(manifest.get(field))}; write one such as {example}"
        for field, example in (("apiVersion", "apps/v1"), ("kind", "Deployment"))
        if not _is_text(manifest.get(field))
    ]
    metadata = manifest.get("metadata")
    if not isinstance(metadata, dict):
        return [*faults, f"metadata {_said(metadata)}; it needs at least a name"]
    if "name" in metadata or not metadata.get("generateName"):
        if not _is_text(metadata.get("name")):
            faults.append(f"metadata.name {_said(metadata.get('name'))}")
    elif not hooks or not _is_hook(metadata):
        faults.append("metadata.generateName names no object; only hooks may go without a name")
    if metadata.get("namespace") is not None and not isinstance(metadata["namespace"], str):
        faults.append(f"metadata.namespace {_said(metadata['namespace'])}")
    return faults


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _said(value: object) -> str:
    if value is None or value == "":
        return "is missing"
    written = orjson.dumps(value, default=str).decode()
    return f"is {written:.80}, not a text; quote it if it is meant to be one"


def _is_hook(metadata: Manifest) -> bool:
    annotations = metadata.get("annotations")
    return isinstance(annotations, dict) and any(annotations.get(hook) for hook in _HOOKS)


def _unique(
    objects: Iterable[RenderedObject], namespace: str
) -> tuple[tuple[RenderedObject, ...], tuple[str, ...]]:
    """Return the objects, the last of each key at the place of the first, and what was twice."""
    kept: dict[ResourceKey | int, RenderedObject] = {}
    repeated: list[str] = []
    for position, each in enumerate(objects):
        if not each.manifest["metadata"].get("name"):
            kept[position] = each  # Its name comes later; it equals nothing.
            continue
        key = key_of(each.manifest, namespace)
        before = kept.get(key)
        if before is not None:
            repeated.append(f"{key} is declared in {before.where} and again in {each.where}")
        kept[key] = each
    return tuple(kept.values()), tuple(repeated)


def key_of(manifest: Manifest, namespace: str = "") -> ResourceKey:
    """Return the key of a declared object; `namespace` stands for one that is not stated."""
    group = manifest["apiVersion"].rpartition("/")[0]
    metadata = manifest["metadata"]
    return ResourceKey(
        group, manifest["kind"], metadata.get("namespace") or namespace, metadata["name"]
    )


def place(manifest: Manifest, kind: Kind, namespace: str, *, override: bool = False) -> Manifest:
    """Return the object in the namespace it belongs to.

    A stated namespace is kept unless `override` (Flux's `targetNamespace`); a cluster-scoped
    object has none, whatever the manifest says.
    """
    metadata = manifest.get("metadata") or {}
    stated = metadata.get("namespace") or ""
    wanted = (
        (namespace if override and namespace else stated or namespace) if kind.namespaced else ""
    )
    if wanted == stated:
        return manifest
    rest = {key: value for key, value in metadata.items() if key != "namespace"}
    return {**manifest, "metadata": {**rest, "namespace": wanted} if wanted else rest}


def with_metadata(
    manifest: Manifest, labels: Iterable[tuple[str, str]], annotations: Iterable[tuple[str, str]]
) -> Manifest:
    """Return the object with labels and annotations added, winning over its own."""
    metadata = dict(manifest.get("metadata") or {})
    for field, pairs in (("labels", dict(labels)), ("annotations", dict(annotations))):
        if pairs:
            metadata[field] = {**(metadata.get(field) or {}), **pairs}
    return {**manifest, "metadata": metadata}

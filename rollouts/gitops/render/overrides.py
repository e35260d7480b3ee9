"""Merges what a unit's spec says about kustomize into the kustomization of its directory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rollouts.api.refs import Manifest


@dataclass(frozen=True, slots=True)
class Overrides:
    """Fields of a kustomization that a unit sets from outside, spelled as kustomize does.

    Attributes:
        images: `{name, newName?, newTag?, digest?}`, see `parse_image`.
        replicas: `{name, count}`.
        labels: added to all objects; also to selectors unless `labels_without_selectors`.
        force: labels and annotations may replace those the kustomization sets itself.
        patches: `{patch | path, target?, options?}`, after the kustomization's own.
        components: directories, after the kustomization's own.
    """

    name_prefix: str = ""
    name_suffix: str = ""
    namespace: str = ""
    images: tuple[Manifest, ...] = ()
    replicas: tuple[Manifest, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    labels_without_selectors: bool = False
    labels_in_templates: bool = False
    annotations: tuple[tuple[str, str], ...] = ()
    force: bool = False
    patches: tuple[Manifest, ...] = ()
    components: tuple[str, ...] = ()
    ignore_missing_components: bool = False
    build_metadata: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is set from outside."""
        return self == _NONE


_NONE = Overrides()


def parse_image(text: str) -> Manifest:
    """Read Argo CD's image override `[name=]image[:tag][@digest]` as kustomize's fields."""
    name, equals, image = text.partition("=")
    if not equals:
        name, image = "", text
    image, _, digest = image.partition("@")
    host, slash, rest = image.rpartition("/")  # A colon before the last slash is a port.
    base, _, tag = rest.partition(":")
    plain = f"{host}{slash}{base}"
    entry: Manifest = {"name": name or plain}
    if name and plain != name:
        entry["newName"] = plain
    return entry | ({"digest": digest} if digest else {"newTag": tag} if tag else {})


def conflicts(kustomization: Manifest, overrides: Overrides) -> tuple[str, ...]:
    """Return which labels and annotations would silently replace others, in words."""
    if overrides.force:
        return ()
    problems = []
    for field_name, pairs in (
        ("commonLabels", overrides.labels),
        ("commonAnnotations", overrides.annotations),
    ):
        present = kustomization.get(field_name) or {}
        problems += [
            f"{field_name} of the kustomization already sets {key!r}; remove one, or force it"
            for key, value in pairs
            if key in present and present[key] != value
        ]
    return tuple(problems)


def merge(kustomization: Manifest, overrides: Overrides) -> Manifest:
    """Return the kustomization with the overrides in it.

    Single values replace, entries of one name are merged, lists are continued: what
    `kustomize edit` does for Argo CD and what Flux writes.
    """
    merged: dict[str, Any] = dict(kustomization)
    singles = {
        "namePrefix": overrides.name_prefix,
        "nameSuffix": overrides.name_suffix,
        "namespace": overrides.namespace,
    }
    merged |= {key: value for key, value in singles.items() if value}
    if overrides.images:
        merged["images"] = _merge_named(merged.get("images") or (), overrides.images)
    if overrides.replicas:
        merged["replicas"] = _merge_named(merged.get("replicas") or (), overrides.replicas)
    for key, items in (
        ("patches", overrides.patches),
        ("components", overrides.components),
        ("buildMetadata", overrides.build_metadata),
    ):
        if items:
            present = list(merged.get(key) or ())
            merged[key] = [*present, *(item for item in items if item not in present)]
    if overrides.annotations:
        present_notes = merged.get("commonAnnotations") or {}
        merged["commonAnnotations"] = {**present_notes, **dict(overrides.annotations)}
    return _merge_labels(merged, overrides)


def _merge_labels(merged: Manifest, overrides: Overrides) -> Manifest:
    if not overrides.labels:
        return merged
    pairs = dict(overrides.labels)
    if not overrides.labels_without_selectors:
        return {**merged, "commonLabels": {**(merged.get("commonLabels") or {}), **pairs}}
    entry = {
        "pairs": pairs,
        "includeSelectors": False,
        "includeTemplates": overrides.labels_in_templates,
    }
    return {**merged, "labels": [*(merged.get("labels") or ()), entry]}


def _merge_named(present: Iterable[Manifest], added: Iterable[Manifest]) -> list[Manifest]:
    """Return entries keyed by name; a later one replaces what it states."""
    entries: dict[str, Manifest] = {}
    for entry in (*present, *added):
        name = str(entry.get("name"))
        before = entries.get(name, {})
        if "digest" in entry or "newTag" in entry:  # kustomize takes one of them.
            before = {key: before[key] for key in before if key not in ("digest", "newTag")}
        entries[name] = {**before, **entry}
    return list(entries.values())

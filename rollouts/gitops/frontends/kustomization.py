"""Reads a Kustomization: its sync unit, its source, what it depends on, what it remembers."""

from __future__ import annotations

from datetime import timedelta

from rollouts.api.base import Model
from rollouts.api.git_repository import GitRepository
from rollouts.api.kustomization import Kustomization
from rollouts.api.refs import Manifest
from rollouts.gitops.contents import Wish
from rollouts.gitops.fields import parse_pointer
from rollouts.gitops.inventory import parse_inventory
from rollouts.gitops.model import (
    Attempt,
    Condition,
    Family,
    IgnoreRule,
    Phase,
    RetryPolicy,
    SyncUnit,
    UnitId,
)
from rollouts.gitops.plan import State
from rollouts.gitops.render import Overrides, RenderOptions
from rollouts.gitops.source import RevisionRef

REQUESTED_AT = "reconcile.fluxcd.io/requestedAt"
ALLOW_EMPTY = "kustomize.toolkit.fluxcd.io/allow-empty"
FINALIZER = "finalizers.fluxcd.io"

_UNSUPPORTED = (
    ("post_build", "postBuild: variables are not filled in by this version"),
    ("force", "force: objects are never recreated by this version"),
)


def read_unit(kustomization: Kustomization) -> SyncUnit:
    """Return the sync unit of a Kustomization."""
    spec, metadata = kustomization.spec, kustomization.metadata
    return SyncUnit(
        id=UnitId(Family.KUSTOMIZATION, metadata.namespace, metadata.name),
        tracking_name=metadata.name,
        # Objects that name no namespace go where Flux puts them.
        destination=spec.target_namespace or "default",
        override_namespace=bool(spec.target_namespace),
        automated=True,
        prune=spec.prune,
        self_heal=True,
        allow_empty=metadata.annotations.get(ALLOW_EMPTY) == "true",
        duplicates_fail=True,
        ignore=tuple(
            IgnoreRule(
                group=(rule.target.group or "*") if rule.target else "*",
                kind=(rule.target.kind or "*") if rule.target else "*",
                name=rule.target.name if rule.target else "",
                namespace=rule.target.namespace if rule.target else "",
                pointers=tuple(each for each in rule.paths if _is_pointer(each)),
                patterns=True,
            )
            for rule in (*spec.ignore, *spec.drift_ignore_rules)
            if not (rule.target and (rule.target.label_selector or rule.target.annotation_selector))
        ),
        retry=RetryPolicy(limit=0, slow=kustomization.retry_interval),
        deadline=kustomization.timeout,
    )


def read_wish(kustomization: Kustomization, source: GitRepository, commit: str) -> Wish:
    """Return what to render: a directory of the commit that the source has stored."""
    spec = kustomization.spec
    common = spec.common_metadata
    return Wish(
        url=source.spec.url,
        ref=RevisionRef(commit=commit),
        path=spec.path,
        options=RenderOptions(
            family=Family.KUSTOMIZATION,
            overrides=Overrides(
                name_prefix=spec.name_prefix,
                name_suffix=spec.name_suffix,
                namespace=spec.target_namespace,
                images=tuple(each.manifest() for each in spec.images),
                labels=tuple(sorted(common.labels.items())) if common else (),
                labels_without_selectors=True,
                annotations=tuple(sorted(common.annotations.items())) if common else (),
                force=common is not None,
                patches=_patches(kustomization),
                components=spec.components,
                ignore_missing_components=spec.ignore_missing_components,
                build_metadata=spec.build_metadata,
            ),
            namespace=spec.target_namespace or "default",
        ),
        hidden=source.spec.ignore,
        flux=True,
    )


def limits(kustomization: Kustomization) -> tuple[Condition, ...]:
    """Return what of the spec this version takes no notice of."""
    spec = kustomization.spec
    found = [Condition("Unsupported", text) for field, text in _UNSUPPORTED if getattr(spec, field)]
    if any(each.ready_expr for each in spec.depends_on):
        found.append(Condition("Unsupported", "dependsOn.readyExpr: expressions are not evaluated"))
    selectors = any(
        rule.target and (rule.target.label_selector or rule.target.annotation_selector)
        for rule in (*spec.ignore, *spec.drift_ignore_rules)
    )
    if selectors:
        text = "ignore rules with label or annotation selectors are not evaluated"
        found.append(Condition("Unsupported", text))
    return tuple(found)


def read_state(manifest: Manifest, remembered: Attempt | None) -> State:
    """Return what a Kustomization's status remembers.

    The status has no place for the last operation itself, so a process that has just started
    knows only whether it succeeded; it tries a failed one again at once.
    """
    status = manifest.get("status") or {}
    inventory = parse_inventory(status.get("inventory"))
    if remembered is not None:
        return State(inventory, remembered)
    applied = str(status.get("lastAppliedRevision") or "")
    if not applied:
        return State(inventory)
    return State(inventory, Attempt(Phase.SUCCEEDED, applied.rpartition(":")[2]))


def commit_of(revision: str) -> str:
    """Return the commit in an artifact's revision (`main@sha1:<hex>`); empty when it has none."""
    _, found, commit = revision.rpartition("sha1:")
    return commit if found else ""


def is_unmet(
    kustomization: Kustomization, other: Manifest | None, *, same_source_revision: str
) -> str:
    """Return why a dependency is not met; empty when it is.

    Args:
        other: the Kustomization that is depended on.
        same_source_revision: when both have one source, the revision it must have applied.
    """
    if other is None:
        return "does not exist"
    metadata, status = other.get("metadata") or {}, other.get("status") or {}
    ready = next(
        (
            each
            for each in status.get("conditions") or []
            if isinstance(each, dict) and each.get("type") == "Ready"
        ),
        {},
    )
    if status.get("observedGeneration") != metadata.get("generation"):
        return "has not seen its latest spec"
    if ready.get("status") != "True":
        return "is not ready"
    shared = (other.get("spec") or {}).get("sourceRef") == _source_ref(kustomization)
    if shared and status.get("lastAppliedRevision") != same_source_revision:
        return f"has not applied revision {same_source_revision} yet"
    return ""


def retry_at_most(kustomization: Kustomization) -> timedelta:
    """Return the time from a failure to the next try."""
    return max(kustomization.retry_interval, timedelta(seconds=1))


def _source_ref(kustomization: Kustomization) -> Manifest:
    return kustomization.spec.source_ref.manifest()


def _patches(kustomization: Kustomization) -> tuple[Manifest, ...]:
    """Return all patches as kustomize spells them now, those of v1beta2 included."""
    import orjson

    spec = kustomization.spec
    found = [_plain(each) for each in spec.patches]
    found += [{"patch": orjson.dumps(each).decode()} for each in spec.patches_strategic_merge]
    for each in spec.patches_json6902:
        target = each.target.manifest() if each.target else {}
        found.append({"patch": orjson.dumps(list(each.patch)).decode(), "target": target})
    return tuple(found)


def _plain(model: Model) -> Manifest:
    return {key: value for key, value in model.manifest().items() if value is not None}


def _is_pointer(text: str) -> bool:
    try:
        parse_pointer(text)
    except ValueError:
        return False
    return True

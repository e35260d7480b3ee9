"""Reads what an object says itself: what its annotations ask of a sync, and whether it goes."""

from __future__ import annotations

from rollouts.api.refs import Manifest
from rollouts.gitops.model import ApplyMode, ObjectOptions

SYNC_OPTIONS = "argocd.argoproj.io/sync-options"
COMPARE_OPTIONS = "argocd.argoproj.io/compare-options"
HOOK = "argocd.argoproj.io/hook"
HELM_HOOK = "helm.sh/hook"
HELM_POLICY = "helm.sh/resource-policy"
FLUX_SSA = "kustomize.toolkit.fluxcd.io/ssa"
FLUX_PRUNE = "kustomize.toolkit.fluxcd.io/prune"
FLUX_RECONCILE = "kustomize.toolkit.fluxcd.io/reconcile"
HELM_DRIFT = "helm.toolkit.fluxcd.io/driftDetection"

_DISABLED = "disabled"
_HELM_ORDINARY = ("crd-install",)  # Helm 2's word for an object that must come first.


def is_doomed(live: Manifest) -> bool:
    """Tell whether an object is being deleted."""
    return bool((live.get("metadata") or {}).get("deletionTimestamp"))


def annotations_of(manifest: Manifest) -> dict[str, str]:
    """Return the annotations of an object as text."""
    found = (manifest.get("metadata") or {}).get("annotations")
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def read_options(manifest: Manifest) -> ObjectOptions:
    """Return the options of an object. Values that mean nothing are as good as absent."""
    notes = annotations_of(manifest)
    sync = words(notes.get(SYNC_OPTIONS, ""))
    mode = notes.get(FLUX_SSA, "")
    return ObjectOptions(
        # `confirm` waits for a person; this version cannot ask, so it keeps the object.
        prune=not _is_kept(sync, "Prune") and notes.get(FLUX_PRUNE) != _DISABLED,
        delete=not _is_kept(sync, "Delete")
        and notes.get(HELM_POLICY) != "keep"
        and notes.get(FLUX_PRUNE) != _DISABLED,
        reconcile=_DISABLED not in (notes.get(FLUX_RECONCILE), notes.get(HELM_DRIFT)),
        ignore_extraneous="IgnoreExtraneous" in words(notes.get(COMPARE_OPTIONS, "")),
        mode=next((known for known in ApplyMode if known.lower() == mode.lower()), _OVERRIDE),
        hook=_hook(notes),
    )


_OVERRIDE = ApplyMode.OVERRIDE


def _is_kept(options: tuple[str, ...], name: str) -> bool:
    return f"{name}=false" in options or f"{name}=confirm" in options


def words(text: str) -> tuple[str, ...]:
    """Return the words of a comma list."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _hook(notes: dict[str, str]) -> str:
    """Return the hook phases; Argo's word hides Helm's, as the peer has it."""
    if HOOK in notes:
        return ",".join(words(notes[HOOK]))
    helm = tuple(word for word in words(notes.get(HELM_HOOK, "")) if word not in _HELM_ORDINARY)
    return ",".join(helm)

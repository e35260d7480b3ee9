"""Health of kinds that nobody knows: by the conditions that most controllers write."""

from __future__ import annotations

from rollouts.api.refs import Manifest
from rollouts.gitops.health.model import (
    Health,
    conditions_of,
    count,
    degraded,
    healthy,
    is_true,
    metadata_of,
    number,
    progressing,
    said,
    status_of,
)


def generic(manifest: Manifest) -> Health | None:
    """Assess an object of an unknown kind, or return None when it says nothing about itself.

    `Stalled` and `Degraded` speak first, then `Reconciling`, then `Ready` and `Available`. One
    that is not Ready is Progressing, not Degraded: most controllers say so while they work.
    """
    conditions = conditions_of(manifest)
    for name in ("Stalled", "Degraded"):
        if is_true(conditions.get(name)):
            return degraded(said(conditions[name], f"condition {name} is True"))
    spoken = tuple(name for name in ("Ready", "Available") if name in conditions)
    observed = number(status_of(manifest).get("observedGeneration"))
    generation = count(metadata_of(manifest).get("generation"))
    if spoken and observed is not None and observed < generation:
        return progressing("the latest spec is not observed yet")
    if is_true(conditions.get("Reconciling")):
        return progressing(said(conditions["Reconciling"], "reconciliation is under way"))
    if not spoken:
        return None
    condition = conditions[spoken[0]]
    if is_true(condition):
        return healthy(said(condition))
    return progressing(said(condition, f"condition {spoken[0]} is not True"))

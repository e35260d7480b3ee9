"""Health of PersistentVolumeClaims, CustomResourceDefinitions and HorizontalPodAutoscalers."""

from __future__ import annotations

import orjson

from rollouts.api.refs import Manifest
from rollouts.gitops.health.model import (
    Health,
    Status,
    annotations_of,
    conditions_of,
    degraded,
    healthy,
    is_false,
    is_true,
    items,
    progressing,
    said,
    spec_of,
    status_of,
)

_SELECTED_NODE = "volume.kubernetes.io/selected-node"
_V1_CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"

_CANNOT_SCALE = ("FailedGetScale", "FailedUpdateScale")
_CANNOT_MEASURE = (
    *("FailedGetResourceMetric", "FailedGetObjectMetric", "FailedGetPodsMetric"),
    *("FailedGetExternalMetric", "FailedGetContainerResourceMetric"),
    *("FailedComputeMetricsReplicas", "InvalidSelector"),
)


def claim(manifest: Manifest, *, first_consumer_classes: tuple[str, ...]) -> Health:
    """Assess a PersistentVolumeClaim.

    Differs from the peer: a claim of a class that binds when the first pod needs it is Healthy
    as long as no pod does. Once one is scheduled, the claim names the node it was.
    """
    match status_of(manifest).get("phase"):
        case "Bound":
            return healthy()
        case "Lost":
            return degraded("the volume of the claim is lost")
        case "Pending":
            unclaimed = _SELECTED_NODE not in annotations_of(manifest)
            if spec_of(manifest).get("storageClassName") in first_consumer_classes and unclaimed:
                return healthy("binds when the first pod uses it")
            return progressing("the claim is not bound yet")
        case phase:
            return Health(Status.UNKNOWN, f"phase {phase!r} of the claim is not known")


def definition(manifest: Manifest) -> Health:
    """Assess a CustomResourceDefinition."""
    conditions = conditions_of(manifest)
    if not conditions:
        return progressing("the definition is not seen by the API server yet")
    if is_true(conditions.get("Terminating")):
        return progressing(said(conditions["Terminating"], "the definition is being removed"))
    established = conditions.get("Established")
    if is_false(conditions.get("NamesAccepted")):
        return degraded(said(conditions["NamesAccepted"], "the names are taken"))
    if is_true(conditions.get("NonStructuralSchema")):
        return degraded(said(conditions["NonStructuralSchema"], "the schema is not structural"))
    if is_true(established):
        return healthy(said(established))
    if established is not None and established.get("reason") == "Installing":
        return progressing(said(established, "the definition is being installed"))
    return degraded(said(established, "the definition is not established"))


def autoscaler(manifest: Manifest) -> Health:
    """Assess a HorizontalPodAutoscaler of any version."""
    conditions = conditions_of(manifest) or _conditions_of_v1(manifest)
    able, active = conditions.get("AbleToScale"), conditions.get("ScalingActive")
    if is_false(able) and able is not None and able.get("reason") in _CANNOT_SCALE:
        return degraded(said(able))
    if is_false(active) and active is not None and active.get("reason") in _CANNOT_MEASURE:
        return degraded(said(active))
    for name in ("AbleToScale", "ScalingLimited"):
        if is_true(conditions.get(name)):
            return healthy(said(conditions[name]))
    return progressing("waiting for the first decision of the autoscaler")


def _conditions_of_v1(manifest: Manifest) -> dict[str, Manifest]:
    """Return the conditions that version 1 keeps as JSON in an annotation."""
    try:
        found = orjson.loads(str(annotations_of(manifest).get(_V1_CONDITIONS, "")))
    except orjson.JSONDecodeError:
        return {}
    return {str(each.get("type", "")): each for each in items(found)}

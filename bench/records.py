"""From what the embedded API server sees to records that benches count."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bench.calls import Call, Commit
from rollouts.api.refs import INGRESS, REPLICA_SET, ROLLOUT, Manifest
from rollouts.emulator import WriteRecord
from rollouts.emulator.http import RequestRecord

WEIGHT_ANNOTATION = "nginx.ingress.kubernetes.io/canary-weight"


def call_of(at: datetime, record: RequestRecord) -> Call:
    """Return the record of an HTTP request."""
    # No two kinds that a controller of ours touches share a plural: the group says nothing more.
    resource = record.resource.partition(".")[0]
    return Call(
        at,
        record.verb if resource else "discover",
        resource or record.name,
        record.subresource,
        record.namespace,
        record.name,
        record.code,
        record.user_agent,
    )


def commit_of(at: datetime, record: WriteRecord) -> Commit:
    """Return the record of a change in the store."""
    return Commit(
        at,
        record.verb,
        record.rt.plural,
        record.subresource,
        record.namespace,
        record.name,
        record.field_manager,
        facts_of(record.rt.plural, record.new or {}),
    )


def facts_of(plural: str, manifest: Manifest) -> dict[str, Any]:
    """Return the few fields of an object that benches look at."""
    metadata = manifest.get("metadata") or {}
    spec, status = manifest.get("spec") or {}, manifest.get("status") or {}
    if plural == INGRESS.plural:
        return {"weight": (metadata.get("annotations") or {}).get(WEIGHT_ANNOTATION)}
    if plural == REPLICA_SET.plural:
        return {"wanted": spec.get("replicas"), "pods": status.get("replicas", 0)}
    if plural == ROLLOUT.plural:
        pauses: list[Manifest] = status.get("pauseConditions") or [{}]
        return {
            "phase": status.get("phase"),
            "is_fresh": status.get("observedGeneration") == str(metadata.get("generation")),
            "step": status.get("currentStepIndex"),
            "pause_started_at": pauses[0].get("startTime"),
            "stable": status.get("stableRS"),
            "current": status.get("currentPodHash"),
        }
    return {}


def is_healthy(facts: Mapping[str, Any]) -> bool:
    """Tell whether a Rollout's facts say that its present spec is rolled out."""
    return facts["phase"] == "Healthy" and bool(facts["is_fresh"])

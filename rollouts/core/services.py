"""Which ReplicaSet each Service selects."""

from __future__ import annotations

from dataclasses import dataclass

from rollouts.actions import SwitchService
from rollouts.api.refs import SERVICE, ObjectRef
from rollouts.core.facts import HASH_LABEL, MANAGED_BY, ServiceFacts
from rollouts.core.situation import Situation, is_available
from rollouts.core.weights import may_switch_canary


@dataclass(frozen=True, slots=True)
class Switches:
    """The Services to switch in this pass, and what the canary Service selects after it."""

    stable: SwitchService | None
    canary: SwitchService | None
    canary_hash: str


def switch_services(situation: Situation, weight: int) -> Switches:
    """Decide about both Services.

    Args:
        weight: the canary weight that this pass brings into force.
    """
    canary = _switch_canary_service(situation, weight)
    service = situation.canary_service
    seen = service.pod_hash if service else ""
    after = canary.pod_template_hash if canary else seen
    return Switches(_switch_stable_service(situation), canary, after)


def _switch_stable_service(situation: Situation) -> SwitchService | None:
    """Return the write that points the stable Service at the stable set, if it is due.

    A Service is never pointed at a set without an available pod.
    """
    service, stable = situation.stable_service, situation.revisions.stable
    if service is None:
        return None
    if stable is not None:
        if not is_available(stable):
            return None
        return _switch(situation, service, stable.pod_hash, "the stable Service serves stable")
    current = situation.revisions.current
    is_stale = bool(service.pod_hash) and service.pod_hash == situation.progress.stable_hash
    if current is None or not is_stale or not is_available(current):
        return None  # A hash that we never set may select somebody's pods: wait until promoted.
    why = "the stable Service selects pods that are gone"
    return _switch(situation, service, current.pod_hash, why)


def _switch_canary_service(situation: Situation, weight: int) -> SwitchService | None:
    """Return the write that points the canary Service at its set, if it is due."""
    service, revisions = situation.canary_service, situation.revisions
    if service is None or revisions.is_first:
        return None
    if situation.is_aborted:
        is_free = weight == 0 or not situation.spec.is_routed
        if revisions.stable is None or not is_available(revisions.stable) or not is_free:
            return None
        why = "nothing must reach an aborted canary"
        return _switch(situation, service, revisions.stable.pod_hash, why)
    current = revisions.current
    if current is None or not may_switch_canary(situation):
        return None
    return _switch(situation, service, current.pod_hash, "the canary Service serves the canary")


def _switch(
    situation: Situation, service: ServiceFacts, pod_hash: str, why: str
) -> SwitchService | None:
    if service.pod_hash == pod_hash:
        return None
    rollout = situation.observed.rollout
    body = {
        "metadata": {"annotations": {MANAGED_BY: rollout.name}},
        "spec": {"selector": {HASH_LABEL: pod_hash}},
    }
    ref = ObjectRef(SERVICE, service.namespace, service.name)
    return SwitchService(ref, pod_hash, body, service.resource_version, why)

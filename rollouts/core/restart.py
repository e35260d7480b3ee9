"""Restart: evict pods made before `restartAt`, a few at a time, stable ones first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rollouts.actions import Action, Evict
from rollouts.api.refs import POD, ObjectRef
from rollouts.core.advance import Move
from rollouts.core.facts import ReplicaSetFacts
from rollouts.core.progress import Progress
from rollouts.core.situation import Situation

RECHECK = timedelta(seconds=10)
"""How soon to look again for pods that a disruption budget protects; pods are not watched."""


@dataclass(frozen=True, slots=True)
class Restart:
    """What a restart needs now."""

    progress: Progress
    actions: tuple[Action, ...] = ()
    wake_at: datetime | None = None


def is_restart_due(restart_at: datetime | None, progress: Progress, now: datetime) -> bool:
    """Tell whether pods have to be looked at because a restart has begun and is not done."""
    return restart_at is not None and restart_at != progress.restarted_at and now >= restart_at


def plan_restart(situation: Situation, move: Move) -> Restart:
    """Evict what `maxUnavailable` allows; remember the restart once no old pod is left."""
    restart_at, progress = situation.spec.restart_at, move.progress
    if restart_at is None or restart_at == progress.restarted_at:
        return Restart(progress)
    if situation.now < restart_at:
        return Restart(progress, wake_at=restart_at)
    pods = situation.observed.pods
    if pods is None:
        return Restart(progress)
    parts = {each.pod_hash: rank for rank, each in enumerate(_stable_first(situation))}
    old = sorted(
        (each for each in pods if each.created_at < restart_at and each.pod_hash in parts),
        key=lambda each: (parts[each.pod_hash], each.created_at, each.name),
    )
    if not old:
        return Restart(replace(progress, restarted_at=restart_at))
    ready = sum(1 for each in pods if each.is_ready and not each.is_deleted)
    wanted = sum(each.replicas for each in situation.revisions.all)
    budget = max(1, situation.spec.max_unavailable) - max(0, wanted - ready)
    namespace = situation.observed.rollout.namespace
    candidates = [each for each in old if not each.is_deleted]
    broken = [each for each in candidates if not each.is_ready]
    whole = [each for each in candidates if each.is_ready]
    chosen = (*broken, *whole[: max(0, budget)])
    actions = tuple(
        Evict(ObjectRef(POD, namespace, each.name), each.uid, "restart of the rollout")
        for each in chosen
    )
    return Restart(progress, actions, situation.now + RECHECK)


def _stable_first(situation: Situation) -> tuple[ReplicaSetFacts, ...]:
    revisions = situation.revisions
    return tuple(sorted(revisions.all, key=lambda each: each is not revisions.stable))

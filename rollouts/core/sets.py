"""The ReplicaSets: make them, size them, take old ones down, forget the oldest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rollouts.actions import Action, Create, Delete, Event, Patch, Scale
from rollouts.api.refs import REPLICA_SET, ROLLOUT, Manifest, ObjectRef
from rollouts.core.advance import Move, keep_for_service
from rollouts.core.facts import (
    DESIRED_REPLICAS,
    HASH_LABEL,
    REVISION,
    REVISION_HISTORY,
    SCALE_DOWN_DEADLINE,
    ReplicaSetFacts,
)
from rollouts.core.replicas import (
    Sizes,
    drain_basic,
    routed_canary_size,
    split_pods,
    step_towards,
    weight_at,
)
from rollouts.core.requests import PREFIX
from rollouts.core.situation import Situation

NOT_INHERITED = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "notified.notifications.argoproj.io",
    REVISION,
    REVISION_HISTORY,
    DESIRED_REPLICAS,
)
"""Annotations of a Rollout that say nothing about its ReplicaSets."""


@dataclass(frozen=True, slots=True)
class SetPlan:
    """Writes to ReplicaSets, apart by whether they must come before or after traffic moves.

    `deadlines` is the whole new map of when sets that lost their traffic may lose their pods.
    """

    grow: tuple[Action, ...] = ()
    shrink: tuple[Action, ...] = ()
    events: tuple[Event, ...] = ()
    deadlines: Mapping[str, datetime] = field(default_factory=dict)
    wake_at: datetime | None = None


def plan_sets(situation: Situation, move: Move, canary_hash: str) -> SetPlan:
    """Plan all writes to ReplicaSets for where the rollout now stands.

    Args:
        canary_hash: what the canary Service selects once this pass is carried out.
    """
    sizes, deadlines = _wanted_sizes(situation, move, canary_hash)
    grow: list[Action] = []
    shrink: list[Action] = []
    events: list[Event] = []
    if situation.revisions.current is None:
        create = _create(situation, sizes.get(situation.revisions.current_hash, 0))
        grow.append(create)
    for each in situation.revisions.all:
        wanted = sizes.get(each.pod_hash, each.replicas)
        if wanted != each.replicas:
            (grow if wanted > each.replicas else shrink).append(_scale(situation, each, wanted))
            if each in situation.revisions.others and wanted == 0:
                events.append(_scaled_down(each))
        elif (patch := _patch_metadata(situation, each)) is not None:
            grow.append(patch)
    shrink.extend(_forget_oldest(situation))
    pending = {
        pod_hash: at
        for pod_hash, at in deadlines.items()
        if (owner := situation.with_hash(pod_hash)) is not None
        and sizes.get(pod_hash, owner.replicas) > 0
    }
    return SetPlan(
        grow=tuple(grow),
        shrink=tuple(shrink),
        events=tuple(events),
        deadlines=pending,
        wake_at=min(pending.values(), default=None),
    )


def _wanted_sizes(
    situation: Situation, move: Move, canary_hash: str
) -> tuple[dict[str, int], dict[str, datetime]]:
    """Return sizes and scale-down deadlines, both by pod template hash."""
    if situation.spec.is_routed:
        return _routed_sizes(situation, move, canary_hash)
    return _basic_sizes(situation, move), {}


def _routed_sizes(
    situation: Situation, move: Move, canary_hash: str
) -> tuple[dict[str, int], dict[str, datetime]]:
    spec, revisions = situation.spec, situation.revisions
    sizes: dict[str, int] = {}
    deadlines: dict[str, datetime] = {}
    if revisions.stable is not None:
        sizes[revisions.stable.pod_hash] = spec.replicas
    if not revisions.is_promoted:
        size, deadline = _routed_current(situation, move)
        sizes[revisions.current_hash] = size
        if deadline is not None:
            deadlines[revisions.current_hash] = deadline
    delayed = 0
    for each in revisions.others:
        if each.replicas == 0 or _is_referenced(situation, each, canary_hash, move.weight):
            continue
        deadline = _deadline(situation, each)
        limit = spec.scale_down_delay_revision_limit
        is_over_limit = limit is not None and delayed >= limit
        if each.available == 0 or is_over_limit or situation.now >= deadline:
            sizes[each.pod_hash] = 0
        else:
            deadlines[each.pod_hash] = deadline
            delayed += 1
    return sizes, deadlines


def _routed_current(situation: Situation, move: Move) -> tuple[int, datetime | None]:
    """Return the canary's size, and when an aborted one may lose its pods."""
    spec, current = situation.spec, situation.revisions.current
    if situation.is_aborted:
        return _aborted_size(situation, move)
    now_size = current.replicas if current else 0
    if spec.paused and (current is None or current.desired == spec.replicas):
        return now_size, None
    if situation.revisions.is_first:
        return spec.replicas, None
    size = routed_canary_size(spec, move.progress.index or 0)
    if move.progress.promote_full:
        size = spec.replicas
    is_still_loaded = move.weight > weight_at(spec, move.progress.index or 0)
    return (max(size, now_size) if is_still_loaded else size), None


def _aborted_size(situation: Situation, move: Move) -> tuple[int, datetime | None]:
    """Keep an aborted canary until its traffic is gone, stable is whole and the delay is over."""
    spec, current, stable = situation.spec, situation.revisions.current, situation.revisions.stable
    if current is None or current.replicas == 0:
        return 0, None
    is_whole = stable is not None and stable.available >= spec.replicas
    is_free = move.weight == 0 and not _is_selected(situation, current)
    if not (is_whole and is_free) or spec.abort_scale_down_delay is None:
        return current.replicas, None
    deadline = situation.progress.scale_down_deadlines.get(current.pod_hash)
    if deadline is None or _loses_traffic_now(situation, current):
        deadline = situation.now + spec.abort_scale_down_delay
    if situation.now >= deadline:
        return 0, None
    return current.replicas, deadline


def _is_selected(situation: Situation, replica_set: ReplicaSetFacts) -> bool:
    """Tell whether the stable Service leads to a set; without a hash it leads to all of them."""
    service = situation.stable_service
    return service is not None and service.pod_hash in {"", replica_set.pod_hash}


def _is_referenced(
    situation: Situation, replica_set: ReplicaSetFacts, canary_hash: str, weight: int
) -> bool:
    """Tell whether users' requests can still reach a set once this pass is carried out."""
    is_loaded = weight > 0 and canary_hash == replica_set.pod_hash
    # Right after a promotion proxies still know the former set under the stable Service.
    is_unsettled = situation.revisions.is_promoted and weight > 0
    return _is_selected(situation, replica_set) or is_loaded or is_unsettled


def _loses_traffic_now(situation: Situation, replica_set: ReplicaSetFacts) -> bool:
    """Tell whether requests still reach a set that is to have none after this pass."""
    service = situation.canary_service
    is_selected = service is not None and service.pod_hash == replica_set.pod_hash
    return is_selected and situation.route.weight > 0


def _deadline(situation: Situation, replica_set: ReplicaSetFacts) -> datetime:
    """Return when a set that lost its traffic may lose its pods.

    Differs from the peer: a canary that was overtaken by a newer revision keeps its pods for
    the same delay, because proxies may still be sending requests to them.
    """
    fresh = situation.now + situation.spec.scale_down_delay
    if _loses_traffic_now(situation, replica_set):
        return fresh  # An older deadline is void.
    known = situation.progress.scale_down_deadlines.get(replica_set.pod_hash)
    return known or replica_set.scale_down_deadline or fresh


def _basic_sizes(situation: Situation, move: Move) -> dict[str, int]:
    spec, revisions = situation.spec, situation.revisions
    current, stable = revisions.current, revisions.stable
    if stable is None or stable is current:
        sizes = {revisions.current_hash: spec.replicas}
        kept: tuple[ReplicaSetFacts, ...] = (current,) if current else ()
    else:
        index = move.progress.index or 0
        weight = 0 if situation.is_aborted else weight_at(spec, index)
        canary_size, stable_size = split_pods(spec, weight)
        target = Sizes(canary_size, keep_for_service(situation, stable_size))
        if spec.paused and not situation.is_aborted:
            target = _frozen(situation, target)
        step = step_towards(spec, current, stable, others=revisions.others, target=target)
        sizes = {revisions.current_hash: step.canary, stable.pod_hash: step.stable}
        kept = (current, stable) if current else (stable,)
    loose = tuple(each for each in revisions.others if not _is_selected(situation, each))
    drained = drain_basic(spec, kept, loose)
    sizes.update({each.pod_hash: drained[each.name] for each in loose if each.name in drained})
    return sizes


def _frozen(situation: Situation, target: Sizes) -> Sizes:
    """Hold both sizes while a person has paused, unless the rollout itself was resized."""
    current, stable = situation.revisions.current, situation.revisions.stable
    assert stable is not None, "only an update can be frozen"
    if stable.desired != situation.spec.replicas and stable.desired is not None:
        return target
    return Sizes(current.replicas if current else 0, stable.replicas)


def _create(situation: Situation, size: int) -> Create:
    """Return the ReplicaSet of the wanted template, at its first size."""
    rollout, spec = situation.observed.rollout, situation.spec
    pod_hash = situation.revisions.current_hash
    template = spec.template
    metadata = template.get("metadata") or {}
    labels = {**(metadata.get("labels") or {}), HASH_LABEL: pod_hash}
    selector = {
        **spec.selector,
        "matchLabels": {**(spec.selector.get("matchLabels") or {}), HASH_LABEL: pod_hash},
    }
    inherited = {
        key: value
        for key, value in rollout.annotations.items()
        if key not in NOT_INHERITED and not key.startswith(PREFIX)
    }
    number = situation.revisions.number
    manifest: Manifest = {
        "apiVersion": REPLICA_SET.api_version,
        "kind": REPLICA_SET.kind,
        "metadata": {
            "name": f"{rollout.name}-{pod_hash}",
            "namespace": rollout.namespace,
            "labels": labels,
            "annotations": {
                **inherited,
                REVISION: str(number),
                DESIRED_REPLICAS: str(spec.replicas),
            },
            "ownerReferences": [
                {
                    "apiVersion": ROLLOUT.api_version,
                    "kind": ROLLOUT.kind,
                    "name": rollout.name,
                    "uid": rollout.uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "replicas": size,
            "selector": selector,
            "template": {**template, "metadata": {**metadata, "labels": labels}},
        },
    }
    if spec.min_ready_seconds:
        manifest["spec"]["minReadySeconds"] = spec.min_ready_seconds
    return Create(REPLICA_SET, manifest, f"revision {number} needs its ReplicaSet")


def _scale(situation: Situation, replica_set: ReplicaSetFacts, wanted: int) -> Scale:
    annotations: dict[str, str | None] = {}
    if replica_set.revision:
        annotations[DESIRED_REPLICAS] = str(situation.spec.replicas)
        annotations.update(_new_number(situation, replica_set))
    if replica_set.scale_down_deadline is not None:
        annotations[SCALE_DOWN_DEADLINE] = None
    word = "up" if wanted > replica_set.replicas else "down"
    return Scale(
        ref=_ref(replica_set),
        replicas=wanted,
        previous=replica_set.replicas,
        uid=replica_set.uid,
        why=f"scale {word} revision {replica_set.revision} from {replica_set.replicas} to {wanted}",
        annotations=annotations,
    )


def _new_number(situation: Situation, replica_set: ReplicaSetFacts) -> dict[str, str | None]:
    """Return the annotations of a former revision that is wanted again, else nothing."""
    number = situation.revisions.number
    if replica_set is not situation.revisions.current or replica_set.revision == number:
        return {}
    history = [replica_set.revision_history] if replica_set.revision_history else []
    history.append(str(replica_set.revision))
    return {REVISION: str(number), REVISION_HISTORY: ",".join(history)}


def _patch_metadata(situation: Situation, replica_set: ReplicaSetFacts) -> Patch | None:
    """Return the write for what changes without a change of size, None when there is nothing."""
    number = _new_number(situation, replica_set)
    is_kept = replica_set in (situation.revisions.current, situation.revisions.stable)
    wanted = situation.spec.min_ready_seconds
    body: Manifest = {"metadata": {"uid": replica_set.uid}}
    if number:
        body["metadata"]["annotations"] = number
    if is_kept and replica_set.min_ready_seconds != wanted:
        body["spec"] = {"minReadySeconds": wanted}
    if not number and "spec" not in body:
        return None
    return Patch(_ref(replica_set), body, "", "bring the ReplicaSet up to date")


def _forget_oldest(situation: Situation) -> list[Action]:
    """Delete the oldest empty sets beyond the history limit; never one that has a part or pods."""
    limit = situation.spec.revision_history_limit
    empty = [
        each
        for each in situation.revisions.others
        if each.replicas == 0 and each.current == 0 and not _is_selected(situation, each)
    ]
    return [
        Delete(_ref(each), each.uid, f"history keeps {limit} former revisions")
        for each in empty[limit:]
    ]


def _scaled_down(replica_set: ReplicaSetFacts) -> Event:
    text = (
        f"Scaled down ReplicaSet {replica_set.name} (revision {replica_set.revision}) "
        f"from {replica_set.replicas} to 0"
    )
    return Event("ScalingReplicaSet", text)


def _ref(replica_set: ReplicaSetFacts) -> ObjectRef:
    return ObjectRef(REPLICA_SET, replica_set.namespace, replica_set.name)

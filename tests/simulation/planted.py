"""Bugs planted in the planner: each is a small change of what it is told or of what it answers.

They are made at the planner's public face, `plan_rollout(observed, now)`, so that they survive
its refactoring. The production check of plans is switched off with them: it would refuse most of
these plans, and here the simulator's own judges have to see them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from math import ceil

from rollouts.actions import Create, Delete, Patch, Plan, Route, Scale, SwitchService
from rollouts.api.refs import REPLICA_SET, ObjectRef
from rollouts.controller import reconcile
from rollouts.controller.views import Views
from rollouts.core.facts import REVISION, Observed, ReplicaSetFacts

ACCEPTED = "rollouts.dev/accepted"
honest = reconcile.plan_rollout

Planner = Callable[[Observed, object], Plan]
PLANTED: dict[str, Planner] = {}


def planted(planner: Planner) -> Planner:
    """Add a bug to the list, named by its function."""
    PLANTED[planner.__name__.replace("_", " ")] = planner
    return planner


def install(monkeypatch, planner: Planner) -> None:
    """Put a bug in place of the honest planner."""
    monkeypatch.setattr(reconcile, "plan_rollout", planner)
    monkeypatch.setattr(reconcile, "check_plan", lambda _observed, _plan: ())


# What bugs are made of


def current_of(observed: Observed) -> ReplicaSetFacts | None:
    wanted = observed.rollout.pod_hash
    return next((each for each in observed.replica_sets if each.pod_hash == wanted), None)


def stable_of(observed: Observed) -> ReplicaSetFacts | None:
    stable = observed.rollout.status.get("stableRS")
    return next((each for each in observed.replica_sets if each.pod_hash == stable), None)


def is_updating(observed: Observed) -> bool:
    stable = stable_of(observed)
    return stable is not None and stable.pod_hash != observed.rollout.pod_hash


def weight_of(observed: Observed) -> int:
    return observed.route.weight if observed.route else 0


def believing(observed: Observed, pod_hash: str | None, available: int) -> Observed:
    """Return what is seen with another number of available pods in one set."""
    sets = tuple(
        replace(each, available=available, ready=available) if each.pod_hash == pod_hash else each
        for each in observed.replica_sets
    )
    return replace(observed, replica_sets=sets)


def with_status(observed: Observed, **changes: object) -> Observed:
    """Return what is seen with another status; None removes a field."""
    status = {**observed.rollout.status, **changes}
    status = {key: value for key, value in status.items() if value is not None}
    return replace(observed, rollout=replace(observed.rollout, status=status))


def reporting(observed: Observed, plan: Plan, **changes: object) -> Plan:
    """Return the plan with other fields in the status that it writes."""
    if plan.status is None:
        return plan
    status = {**plan.status, **changes}
    return replace(plan, status=None if status == observed.rollout.status else status)


def scale(replica_set: ReplicaSetFacts, replicas: int) -> Scale:
    ref = ObjectRef(REPLICA_SET, replica_set.namespace, replica_set.name)
    return Scale(ref, replicas, replica_set.replicas, replica_set.uid, "planted")


# Traffic


@planted
def traffic_before_capacity(observed, now):
    current = current_of(observed)
    if current is not None and is_updating(observed):
        observed = believing(observed, current.pod_hash, max(current.replicas, current.available))
    return honest(observed, now)


@planted
def a_service_is_pointed_at_nothing(observed, now):
    plan = honest(observed, now)
    current = current_of(observed)
    service = observed.rollout.spec and observed.services.get(observed.rollout.spec.canary_service)
    if not service or not current or service.pod_hash in ("", current.pod_hash):
        return plan
    body = {"spec": {"selector": {"rollouts-pod-template-hash": current.pod_hash}}}
    ref = ObjectRef(reconcile_service_kind(), service.namespace, service.name)
    early = SwitchService(ref, current.pod_hash, body, "", "planted")
    others = tuple(each for each in plan.actions if not _is_switch(each, service.name))
    return replace(plan, actions=(early, *others))


@planted
def a_dead_canary_is_ignored(observed, now):
    current = current_of(observed)
    if current is not None and weight_of(observed) > 0 and current.available == 0:
        observed = believing(observed, current.pod_hash, current.replicas)
    return honest(observed, now)


@planted
def the_weight_is_not_reset_after_promotion(observed, now):
    stable = stable_of(observed)
    if observed.route and stable and stable.pod_hash == observed.rollout.pod_hash:
        observed = replace(observed, route=replace(observed.route, weight=0))
    return honest(observed, now)


@planted
def the_weight_is_a_little_too_high(observed, now):
    plan = honest(observed, now)
    actions = tuple(
        replace(each, weight=each.weight + 1)
        if isinstance(each, Route) and 0 < each.weight < observed.rollout.spec.max_weight
        else each
        for each in plan.actions
    )
    return replace(plan, actions=actions)


@planted
def an_aborted_weight_falls_faster_than_stable_can_carry(observed, now):
    stable = stable_of(observed)
    if stable is not None and is_updating(observed) and weight_of(observed) > 0:
        observed = believing(observed, stable.pod_hash, stable.replicas)
    return honest(observed, now)


@planted
def the_weight_falls_before_the_stable_service_moves(observed, now):
    plan = honest(observed, now)
    service = observed.rollout.spec and observed.rollout.spec.stable_service
    if weight_of(observed) > 0 and any(_is_switch(each, service) for each in plan.actions):
        return replace(plan, actions=(Route(0, "planted"), *plan.actions))
    return plan


# Pods


@planted
def an_abort_removes_pods_before_traffic(observed, now):
    plan = honest(observed, now)
    current = current_of(observed)
    is_aborted = bool((plan.status or observed.rollout.status).get("abort"))
    if is_aborted and is_updating(observed) and current and current.replicas:
        return replace(plan, actions=(scale(current, 0), *plan.actions))
    return plan


@planted
def an_old_set_is_scaled_down_at_once(observed, now):
    deadlines = observed.rollout.status.get("scaleDownDeadlines") or {}
    passed = dict.fromkeys(deadlines, "2026-01-01T00:00:00Z")
    return honest(with_status(observed, scaleDownDeadlines=passed or None), now)


@planted
def stable_shrinks_while_the_canary_grows(observed, now):
    plan = honest(observed, now)
    stable = stable_of(observed)
    if not (stable and is_updating(observed) and weight_of(observed)):
        return plan
    spec = observed.rollout.spec
    left = spec.replicas - ceil(spec.replicas * weight_of(observed) / spec.max_weight)
    if stable.replicas > left:
        return replace(plan, actions=(*plan.actions, scale(stable, left)))
    return plan


@planted
def pods_alone_ignore_surge_and_unavailability(observed, now):
    plan = honest(observed, now)
    spec = observed.rollout.spec
    if spec is None or spec.is_routed or not is_updating(observed):
        return plan
    stable = stable_of(observed)
    actions = tuple(
        replace(each, replicas=0)
        if isinstance(each, Scale)
        and each.ref.name == stable.name
        and each.replicas < each.previous
        else each
        for each in plan.actions
    )
    return replace(plan, actions=actions)


@planted
def history_forgets_sets_that_are_in_use(observed, now):
    plan = honest(observed, now)
    current = current_of(observed)
    old = [each for each in observed.replica_sets if each not in (current, stable_of(observed))]
    deletes = tuple(
        Delete(ObjectRef(REPLICA_SET, each.namespace, each.name), each.uid, "planted")
        for each in old
        if each.current
    )
    return replace(plan, actions=(*plan.actions, *deletes))


@planted
def a_revision_number_is_used_twice(observed, now):
    plan = honest(observed, now)
    return replace(plan, actions=tuple(_renumber(each) for each in plan.actions))


# Steps


@planted
def a_pause_is_two_seconds_shorter(observed, now):
    is_paused = bool(observed.rollout.status.get("pauseConditions"))
    early = honest(observed, now + timedelta(seconds=2)) if is_paused else None
    if early and early.status:
        before = observed.rollout.status.get("currentStepIndex")
        if early.status.get("currentStepIndex") != before:
            return early
    plan = honest(observed, now)
    if is_paused and plan.wake_at is not None:
        return replace(
            plan, wake_at=max(now + timedelta(milliseconds=1), plan.wake_at - timedelta(seconds=2))
        )
    return plan


@planted
def a_pause_is_kept_in_memory(observed, now):
    pauses = observed.rollout.status.get("pauseConditions") or ()
    known = Views.remembered_pauses
    told = [
        {**each, "startTime": known.setdefault(each["startTime"], f"{now:%Y-%m-%dT%H:%M:%S.%fZ}")}
        for each in pauses
    ]
    plan = honest(with_status(observed, pauseConditions=told or None), now)
    if plan.status and plan.status.get("pauseConditions") == told and pauses:
        plan = reporting(observed, plan, pauseConditions=list(pauses))
    for each in (plan.status or {}).get("pauseConditions") or ():
        known.setdefault(each["startTime"], each["startTime"])
    return plan


@planted
def a_step_is_skipped(observed, now):
    plan = honest(observed, now)
    was = observed.rollout.status.get("currentStepIndex")
    moved = (plan.status or {}).get("currentStepIndex")
    if was is not None and moved == was + 1 and moved < len(observed.rollout.spec.steps):
        return reporting(observed, plan, currentStepIndex=moved + 1)
    return plan


@planted
def a_promotion_comes_one_step_early(observed, now):
    plan = honest(observed, now)
    if not (plan.status and is_updating(observed)):
        return plan
    count = len(observed.rollout.spec.steps)
    if plan.status.get("currentStepIndex") == count - 1 and not plan.status.get("abort"):
        pod_hash = plan.status["currentPodHash"]
        return reporting(observed, plan, currentStepIndex=count, stableRS=pod_hash)
    return plan


@planted
def a_person_who_paused_is_ignored(observed, now):
    spec = observed.rollout.spec
    if spec is not None and spec.paused and is_updating(observed):
        rollout = replace(observed.rollout, spec=replace(spec, paused=False))
        return honest(replace(observed, rollout=rollout), now)
    return honest(observed, now)


# Requests and reports


@planted
def a_request_to_promote_is_carried_out_twice(observed, now):
    import json

    annotations = dict(observed.rollout.annotations)
    if ACCEPTED in annotations:
        accepted = json.loads(annotations[ACCEPTED])
        accepted["step"] = observed.rollout.status.get("currentStepIndex")
        annotations[ACCEPTED] = json.dumps(accepted, sort_keys=True)
        rollout = replace(observed.rollout, annotations=annotations)
        observed = with_status(replace(observed, rollout=rollout), lastRequest=None)
    return honest(observed, now)


@planted
def a_request_is_forgotten_in_a_crash(observed, now):
    plan = honest(observed, now)
    actions = tuple(_without_acceptance(each) for each in plan.actions)
    if actions == plan.actions:
        return plan
    return replace(plan, actions=actions, finish=())


@planted
def a_rollout_is_called_healthy_too_early(observed, now):
    plan = honest(observed, now)
    if plan.status and plan.status.get("stableRS") == plan.status.get("currentPodHash"):
        return reporting(observed, plan, phase="Healthy", message=None)
    return plan


@planted
def the_next_wake_up_is_forgotten(observed, now):
    return replace(honest(observed, now), wake_at=None)


def reconcile_service_kind():
    from rollouts.api.refs import SERVICE

    return SERVICE


def _is_switch(action, service: str) -> bool:
    return isinstance(action, SwitchService) and action.ref.name == service


def _renumber(action):
    if not isinstance(action, Create) or action.kind != REPLICA_SET:
        return action
    metadata = action.manifest["metadata"]
    number = max(1, int(metadata["annotations"][REVISION]) - 1)
    annotations = {**metadata["annotations"], REVISION: str(number)}
    manifest = {**action.manifest, "metadata": {**metadata, "annotations": annotations}}
    return replace(action, manifest=manifest)


def _without_acceptance(action):
    if not isinstance(action, Patch):
        return action
    annotations = (action.body.get("metadata") or {}).get("annotations") or {}
    if ACCEPTED not in annotations:
        return action
    left = {key: value for key, value in annotations.items() if key != ACCEPTED}
    return replace(action, body={**action.body, "metadata": {"annotations": left}})


def names() -> Iterator[str]:
    """Return what the bugs are called."""
    yield from PLANTED

"""The rollout planner: one observed snapshot in, one plan out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from rollouts.actions import Action, Create, Event, Patch, Plan, Route
from rollouts.api.problems import Problem
from rollouts.api.refs import ROLLOUT, Manifest, ObjectRef
from rollouts.core.advance import Move, advance, sync_revision
from rollouts.core.conditions import (
    Conditions,
    Deadline,
    Transition,
    check_deadline,
    find,
    report_conditions,
    set_condition,
)
from rollouts.core.facts import REVISION, Observed
from rollouts.core.gates import blocking_problems, judge_gates
from rollouts.core.progress import read_progress
from rollouts.core.requests import Taken, abort, take_requests
from rollouts.core.restart import plan_restart
from rollouts.core.revisions import classify
from rollouts.core.runs import RunPlan, plan_runs
from rollouts.core.services import Switches, switch_services
from rollouts.core.sets import SetPlan, plan_sets
from rollouts.core.situation import Situation
from rollouts.core.status import COUNTERS, report_status
from rollouts.core.weights import settles_at

ARRIVAL = timedelta(seconds=2)
"""How long a new Rollout waits for objects that were applied together with it to be seen."""


def plan_rollout(observed: Observed, now: datetime) -> Plan:
    """Decide what to do now, what to report, and when to look again.

    Args:
        observed: one look at the Rollout and all that concerns it.
        now: wall clock, UTC.

    Returns:
        Everything that is safe now. Carried out and observed again, the same `now` gives an
        empty plan once the rollout waits for something.
    """
    rollout = observed.rollout
    if rollout.is_deleted:
        return Plan()
    if observed.missing and not rollout.status and now < rollout.created_at + ARRIVAL:
        return Plan(wake_at=rollout.created_at + ARRIVAL)
    if rollout.spec is None or observed.missing:
        return _plan_invalid(observed, now)
    remembered = read_progress(rollout.status)
    revisions = classify(observed, remembered)
    progress, is_new = sync_revision(observed, rollout.spec, remembered, revisions)
    situation = Situation(observed, rollout.spec, progress, revisions, is_new, now)
    if revisions.current is None and (blocked := blocking_problems(situation)):
        # Nothing of this revision runs yet, and what should be measured of it cannot be.
        return _plan_invalid(observed, now, blocked)
    taken = take_requests(situation)
    if taken.is_final:
        return Plan(actions=taken.actions, events=taken.events)
    spec = replace(rollout.spec, paused=False) if taken.is_unpaused else rollout.spec
    return _plan_pass(replace(situation, spec=spec, progress=taken.progress), taken)


def _plan_pass(situation: Situation, taken: Taken) -> Plan:
    conditions: Conditions = tuple(situation.observed.rollout.status.get("conditions") or ())
    situation, verdicts = _apply_gates(situation)
    situation, deadline, events = _apply_deadline(situation, conditions)
    blocked = blocking_problems(situation)
    is_step_done = taken.is_step_done and not situation.progress.abort
    move = advance(situation, is_step_done=is_step_done, is_blocked=bool(blocked))
    move = _track_high_water(situation, move)
    switches = switch_services(situation, move.weight)
    sets = plan_sets(situation, move, switches.canary_hash)
    restart = plan_restart(situation, move)
    runs = plan_runs(situation, replace(move, progress=restart.progress))
    move = replace(move, progress=runs.progress)
    transition = replace(_describe_transition(situation, move, sets), deadline=deadline)
    known = find(conditions, "InvalidSpec")
    conditions = report_conditions(situation, move, conditions, transition)
    if blocked:
        text = _invalid_text(situation.observed, blocked)
        conditions = (*conditions, known) if known else conditions
        conditions = _invalid_condition(conditions, text, situation.now)
    status = report_status(situation, move, sets, conditions, canary_hash=switches.canary_hash)
    settles = _lowers_at(situation, move)
    old = situation.observed.rollout.status
    is_changed = status != old
    actions = (
        *taken.actions,
        *_order_actions(situation, move, sets, switches=switches, runs=runs),
        *restart.actions,
        *_number_rollout(situation, taken),
    )
    return Plan(
        actions=actions,
        status=status if is_changed else None,
        events=(
            *verdicts,
            *events,
            *taken.events,
            *_start_event(situation),
            *move.events,
            *sets.events,
        ),
        wake_at=_earliest(
            situation,
            move.wake_at,
            sets.wake_at,
            deadline.at,
            restart.wake_at,
            settles,
        ),
        counters_only=is_changed and _is_counters_only(status, old),
        finish=(*taken.finish, *runs.stop),
    )


def _apply_gates(situation: Situation) -> tuple[Situation, tuple[Event, ...]]:
    """Abort what was measured as bad, and have a person look at what could not be told."""
    verdict = judge_gates(situation)
    if verdict.failed is None:
        return replace(situation, progress=verdict.progress), verdict.events
    run = verdict.failed
    text = run.message or f"analysis run {run.name} is {run.phase.lower()}"
    stopped = abort(situation.progress, situation.now, text)
    number = situation.revisions.number
    event = Event(
        "RolloutAborted", f"Rollout aborted update to revision {number}: {text}", warning=True
    )
    return replace(situation, progress=stopped), (*verdict.events, event)


def _apply_deadline(
    situation: Situation, conditions: Conditions
) -> tuple[Situation, Deadline, tuple[Event, ...]]:
    """Check the progress deadline; abort the update if the user wants that."""
    deadline = check_deadline(situation, conditions, is_progress=_is_progress(situation))
    if not deadline.is_exceeded:
        return situation, deadline, ()
    is_news = all(each.get("reason") != "ProgressDeadlineExceeded" for each in conditions)
    current = situation.revisions.current
    name = current.name if current else situation.revisions.current_hash
    text = f'ReplicaSet "{name}" has timed out progressing.'
    if situation.spec.progress_deadline_abort and situation.is_updating:
        stopped = abort(situation.progress, situation.now, text)
        event = Event("RolloutAborted", f"Rollout aborted: {text}", warning=True)
        return replace(situation, progress=stopped), Deadline(), (event,)
    event = Event("ProgressDeadlineExceeded", text, warning=True)
    return situation, deadline, (event,) if is_news else ()


def _lowers_at(situation: Situation, move: Move) -> datetime | None:
    """Return when a weight that is held for proxies to settle will fall, None if none will."""
    settled = settles_at(situation)
    if settled is None or move.weight == 0:
        return None
    later = advance(replace(situation, progress=move.progress, now=settled), is_step_done=False)
    return settled if later.weight < move.weight else None


def _is_progress(situation: Situation) -> bool:
    current = situation.revisions.current
    return current is not None and current.available > situation.progress.high_water


def _track_high_water(situation: Situation, move: Move) -> Move:
    """Remember the most canary pods available in this step, so that flapping is no progress."""
    current = situation.revisions.current
    available = current.available if current else 0
    is_fresh = move.is_step_completed or situation.is_new_revision
    mark = available if is_fresh else max(available, situation.progress.high_water)
    return replace(move, progress=replace(move.progress, high_water=mark))


def _describe_transition(situation: Situation, move: Move, sets: SetPlan) -> Transition:
    index = (
        (situation.observed.rollout.status.get("currentStepIndex"))
        if situation.step_count
        else None
    )
    is_moved = index is not None and index != move.progress.index
    return Transition(
        is_new_revision=situation.is_new_revision,
        is_created=any(isinstance(each, Create) for each in sets.grow),
        is_retried=bool(situation.observed.rollout.status.get("abort")) and not move.progress.abort,
        is_moved=is_moved or move.is_promoted_now,
        is_progress=_is_progress(situation),
    )


def _order_actions(
    situation: Situation,
    move: Move,
    sets: SetPlan,
    *,
    switches: Switches,
    runs: RunPlan,
) -> Iterable[Action]:
    """Make capacity before moving traffic, and move traffic before removing capacity.

    Nothing is measured before the traffic that it is about has moved.
    """
    yield from sets.grow
    if switches.stable is not None:
        yield switches.stable
    # A canary Service leads to new pods before requests do, and away from aborted ones after.
    if switches.canary is not None and not situation.is_aborted:
        yield switches.canary
    if situation.spec.is_routed:
        route = situation.route
        if route.weight != move.weight:
            yield Route(move.weight, f"canary weight from {route.weight} to {move.weight}")
        elif not (route.is_uniform and route.is_in_sync):
            yield Route(move.weight, "the canary routes are not as they should be")
    if switches.canary is not None and situation.is_aborted:
        yield switches.canary
    yield from runs.drop
    yield from runs.start
    yield from sets.shrink


def _number_rollout(situation: Situation, taken: Taken) -> Iterable[Action]:
    """Copy the revision number to the Rollout, where the peer's clients look for it."""
    rollout, number = situation.observed.rollout, str(situation.revisions.number)
    if rollout.annotations.get(REVISION) == number or taken.actions:
        return
    body: Manifest = {"metadata": {"annotations": {REVISION: number}}}
    ref = ObjectRef(ROLLOUT, rollout.namespace, rollout.name)
    yield Patch(ref, body, rollout.resource_version, f"this is revision {number}")


def _start_event(situation: Situation) -> Iterable[Event]:
    if not situation.is_new_revision:
        return
    revisions = situation.revisions
    if revisions.is_promoted and situation.step_count:
        yield Event("SkipSteps", "Rollback to stable: all steps are skipped")
        return
    made = "found" if revisions.current else "created"
    name = f"{situation.observed.rollout.name}-{revisions.current_hash}"
    name = revisions.current.name if revisions.current else name
    text = f"Rollout updated to revision {revisions.number}: {made} ReplicaSet {name}"
    yield Event("RolloutUpdated", text)


def _earliest(situation: Situation, *times: datetime | None) -> datetime | None:
    pending = [each for each in times if each is not None and each > situation.now]
    return min(pending, default=None)


def _is_counters_only(status: Manifest, old: Manifest) -> bool:
    """Tell whether a status differs only in what may lag a moment behind."""
    if status.get("phase") != old.get("phase"):
        return False
    if set(status.get("scaleDownDeadlines") or ()) - set(old.get("scaleDownDeadlines") or ()):
        return False
    return _without_counters(status) == _without_counters(old)


def _without_counters(status: Manifest) -> dict[str, Any]:
    rest = {key: value for key, value in status.items() if key not in COUNTERS}
    canary = rest.get("canary") or {}
    rest["canary"] = {key: value for key, value in canary.items() if key != "availableHighWater"}
    rest["conditions"] = [
        {key: value for key, value in each.items() if key != "lastUpdateTime"}
        for each in rest.get("conditions") or ()
    ]
    return rest


def _invalid_text(observed: Observed, problems: Iterable[Problem]) -> str:
    details = "; ".join(each.peer_text for each in problems)
    return f'The Rollout "{observed.rollout.name}" is invalid: {details}'


def _invalid_condition(conditions: Conditions, text: str, now: datetime) -> Conditions:
    return set_condition(
        conditions, "InvalidSpec", status="True", reason="InvalidSpec", message=text, now=now
    )


def _plan_invalid(observed: Observed, now: datetime, blocking: tuple[Problem, ...] = ()) -> Plan:
    """Report every problem and touch nothing else: the running version stays as it is."""
    rollout = observed.rollout
    text = _invalid_text(observed, (*rollout.problems, *observed.missing, *blocking))
    conditions: Conditions = tuple(rollout.status.get("conditions") or ())
    conditions = _invalid_condition(conditions, text, now)
    status = {
        **rollout.status,
        "conditions": list(conditions),
        "phase": "Degraded",
        "message": f"InvalidSpec: {text}",
        "observedGeneration": str(rollout.generation),
    }
    if status == rollout.status:
        return Plan()
    return Plan(status=status, events=(Event("InvalidSpec", text, warning=True),))

"""Bugs planted where the planner asks for measurements and believes them.

Like those beside it, each changes what the planner is told or what it answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from simulation.planted import Planner, current_of, honest, is_updating, reporting, with_status

from rollouts.actions import Create, Delete, Patch, Plan
from rollouts.api.refs import ANALYSIS_RUN
from rollouts.core.facts import Observed, RunFacts
from rollouts.core.spec import Analysis

OF_RUNS: dict[str, Planner] = {}
ENOUGH = 3
"""Runs after which a bug that makes too many has been seen, and only costs time."""

ENDED = ("Successful", "Failed", "Error", "Inconclusive")


def planted(planner: Planner) -> Planner:
    """Add a bug to the list, named by its function."""
    OF_RUNS[planner.__name__.replace("_", " ")] = planner
    return planner


def believing_runs(observed: Observed, change: Callable[[RunFacts], RunFacts]) -> Observed:
    """Return what is seen with every run of this Rollout changed."""
    uid = observed.rollout.uid
    runs = tuple(change(each) if each.owner_uid == uid else each for each in observed.runs)
    return replace(observed, runs=runs)


def unnamed(observed: Observed) -> Observed:
    """Return what is seen without the names of the runs that decide."""
    canary = dict(observed.rollout.status.get("canary") or {})
    for field in ("currentStepAnalysisRunStatus", "currentBackgroundAnalysisRunStatus"):
        canary.pop(field, None)
    return with_status(observed, canary=canary or None)


def is_end(action: object) -> bool:
    return isinstance(action, Patch) and action.ref.kind == ANALYSIS_RUN


@planted
def a_run_of_the_former_revision_decides(observed, now):
    current = current_of(observed)
    if current is None:
        return honest(observed, now)

    def adopt(run: RunFacts) -> RunFacts:
        return replace(run, pod_hash=current.pod_hash, revision=current.revision)

    return honest(believing_runs(observed, adopt), now)


@planted
def a_missing_run_counts_as_success(observed, now):
    plan = honest(observed, now)
    spec, status = observed.rollout.spec, plan.status or observed.rollout.status
    index = status.get("currentStepIndex")
    if spec is None or index is None or index >= len(spec.steps) or status.get("abort"):
        return plan
    is_asked = any(each.step_index == index for each in observed.runs)
    if not isinstance(spec.steps[index], Analysis) or is_asked or not is_updating(observed):
        return plan
    actions = tuple(each for each in plan.actions if not _is_start(each))
    plan = replace(plan, actions=actions, status=status)
    return reporting(observed, plan, currentStepIndex=index + 1)


@planted
def a_run_that_was_ended_early_counts_as_success(observed, now):
    def flatter(run: RunFacts) -> RunFacts:
        if not run.is_terminated or run.phase not in ENDED:
            return run
        return replace(run, phase="Successful", is_measured=True, is_terminated=False)

    return honest(believing_runs(observed, flatter), now)


@planted
def success_without_a_measurement_counts(observed, now):
    def flatter(run: RunFacts) -> RunFacts:
        return replace(run, is_measured=True) if run.phase == "Successful" else run

    return honest(believing_runs(observed, flatter), now)


@planted
def an_inconclusive_run_counts_as_success(observed, now):
    def flatter(run: RunFacts) -> RunFacts:
        if run.phase != "Inconclusive" or run.is_terminated:
            return run
        return replace(run, phase="Successful", is_measured=True)

    return honest(believing_runs(observed, flatter), now)


@planted
def a_failure_in_a_step_is_ignored(observed, now):
    return honest(believing_runs(observed, lambda run: _never_failed(run, "Step")), now)


@planted
def a_failure_beside_the_steps_is_ignored(observed, now):
    return honest(believing_runs(observed, lambda run: _never_failed(run, "Background")), now)


@planted
def nothing_needs_to_be_measured_before_the_promotion(observed, now):
    def flatter(run: RunFacts) -> RunFacts:
        return replace(run, is_measured=True) if run.role == "Background" else run

    return honest(believing_runs(observed, flatter), now)


@planted
def a_run_is_made_in_each_pass(observed, now):
    if len(observed.runs) >= ENOUGH:
        return honest(observed, now)
    stale = believing_runs(observed, lambda run: replace(run, attempt=-1))
    return honest(unnamed(stale), now)


@planted
def an_abort_leaves_runs_open(observed, now):
    plan = honest(observed, now)
    if not (plan.status or observed.rollout.status).get("abort"):
        return plan
    return replace(
        plan,
        actions=tuple(each for each in plan.actions if not is_end(each)),
        finish=tuple(each for each in plan.finish if not is_end(each)),
    )


@planted
def runs_of_former_revisions_go_on(observed, now):
    plan = honest(observed, now)
    kept = {each.name for each in observed.runs if each.pod_hash == observed.rollout.pod_hash}

    def is_wrong(action: object) -> bool:
        return is_end(action) and action.ref.name not in kept

    return _without(plan, is_wrong)


@planted
def a_run_is_ended_before_status_says_why(observed, now):
    plan = honest(observed, now)
    ends = tuple(each for each in plan.finish if is_end(each))
    rest = tuple(each for each in plan.finish if not is_end(each))
    return replace(plan, actions=(*plan.actions, *ends), finish=rest)


@planted
def a_run_that_could_not_be_named_is_forgotten(observed, now):
    canary = observed.rollout.status.get("canary") or {}
    named = {
        (canary.get(field) or {}).get("name")
        for field in ("currentStepAnalysisRunStatus", "currentBackgroundAnalysisRunStatus")
    }

    def forget(run: RunFacts) -> RunFacts:
        return run if run.name in named else replace(run, attempt=-1)

    return honest(believing_runs(observed, forget), now)


@planted
def all_runs_are_kept_for_ever(observed, now):
    plan = honest(observed, now)
    return _without(plan, lambda each: isinstance(each, Delete) and each.ref.kind == ANALYSIS_RUN)


def _never_failed(run: RunFacts, role: str) -> RunFacts:
    is_bad = run.role == role and run.phase in ("Failed", "Error")
    return replace(run, phase="Running") if is_bad else run


def _is_start(action: object) -> bool:
    return isinstance(action, Create) and action.kind == ANALYSIS_RUN


def _without(plan: Plan, is_wrong: Callable[[object], bool]) -> Plan:
    return replace(
        plan,
        actions=tuple(each for each in plan.actions if not is_wrong(each)),
        finish=tuple(each for each in plan.finish if not is_wrong(each)),
    )

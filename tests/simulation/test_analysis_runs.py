"""Histories of AnalysisRuns under faults, crashes at every call, and bugs that must be found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from effort import EFFORT
from simulation.analysis_oracle import Oracle
from simulation.analysis_world import World, draw

from rollouts.analysis import intake
from rollouts.analysis.phase import Phase
from rollouts.analysis.sample import Sample
from rollouts.controller import reconcile_run

SWARM = 40 * EFFORT
SEED_COUNT = 400
"""Planted bugs are found within this many; most within ten."""

honest = reconcile_run.plan_analysis_run


@pytest.mark.parametrize("part", range(4))
def test_no_history_breaks_a_rule(part):
    for seed in range(part * SWARM, (part + 1) * SWARM):
        assert [] == World(seed, oracle=Oracle).run()


@pytest.mark.parametrize("seed", [3, 11, 24, 42])
def test_a_crash_around_any_call_breaks_no_rule(seed):
    scenario = replace(draw(seed), crash_at=None)
    calls = World(seed, scenario, oracle=Oracle)
    assert [] == calls.run()

    for crash_at in range(1, min(calls.calls, 40) + 1):
        for served in (False, True):
            crashing = replace(scenario, crash_at=crash_at, crash_served=served)
            assert [] == World(seed, crashing, oracle=Oracle).run()


def test_the_same_seed_is_the_same_history():
    def history():
        world = World(7, oracle=Oracle)
        world.run()
        return world.calls, world.passes, world.oracle.last

    assert history() == history()


def test_histories_end_in_every_way():
    ends = set()
    for seed in range(60):
        world = World(seed, oracle=Oracle)
        world.run()
        ends.add(world.oracle.last["phase"])

    assert {"Successful", "Failed", "Error", "Inconclusive"} == ends


# Bugs: small changes of what the planner is told, or of what it answers.

PLANTED = {}


def planted(planner):
    PLANTED[planner.__name__.replace("_", " ")] = planner
    return planner


def told(observed, change):
    return replace(observed, answers=tuple(change(each) for each in observed.answers))


def as_good(answer):
    return replace(answer, outcome=Sample(0.99, "0.99"))


def is_sample(answer):
    return isinstance(answer.outcome, Sample)


def with_metrics(observed, **changes):
    program = observed.run.program
    metrics = tuple(replace(each, **changes) for each in program.metrics)
    return replace(observed, run=replace(observed.run, program=replace(program, metrics=metrics)))


@planted
def no_data_is_good(observed, now):
    def change(answer):
        return as_good(answer) if is_sample(answer) and answer.outcome.gaps else answer

    return honest(told(observed, change), now)


@planted
def an_error_is_good(observed, now):
    return honest(told(observed, lambda each: each if is_sample(each) else as_good(each)), now)


@planted
def an_old_answer_is_as_good_as_a_new_one(observed, now):
    def renewed(answer):
        return replace(answer, finished_at=now)

    return honest(told(observed, renewed), now)


@planted
def answers_are_kept_and_counted_again(observed, now):
    moved = told(observed, lambda each: replace(each, started_at=now, finished_at=now))
    return replace(honest(moved, now), taken=())


@planted
def failures_do_not_count(observed, now):
    return honest(with_metrics(observed, failure_limit=-1), now)


@planted
def nothing_is_ever_inconclusive(observed, now):
    return honest(with_metrics(observed, inconclusive_limit=10**6), now)


@planted
def intervals_are_half_as_long(observed, now):
    program = observed.run.program
    metrics = tuple(
        replace(each, interval=None if each.interval is None else each.interval / 2)
        for each in program.metrics
    )
    run = replace(observed.run, program=replace(program, metrics=metrics))
    return honest(replace(observed, run=run), now)


@planted
def a_delay_is_forgotten(observed, now):
    return honest(with_metrics(observed, initial_delay=timedelta(0)), now)


@planted
def one_measurement_is_enough(observed, now):
    return honest(with_metrics(observed, count=1), now)


@planted
def a_terminated_run_is_a_success(observed, now):
    plan = honest(observed, now)
    if plan.status is None or not observed.run.program.terminate:
        return plan
    return replace(plan, status={**plan.status, "phase": "Successful"})


@planted
def a_finished_run_is_looked_at_again(observed, now):
    if not observed.run.phase.is_finished:
        return honest(observed, now)
    status = {**observed.run.status, "phase": "Running"}
    status.pop("completedAt", None)
    return honest(replace(observed, run=replace(observed.run, status=status)), now)


@planted
def an_image_that_cannot_be_had_is_a_success(observed, now):
    jobs = tuple(
        replace(each, phase=Phase.SUCCESSFUL) if each.pull_problem else each
        for each in observed.jobs
    )
    return honest(replace(observed, jobs=jobs), now)


@planted
def nobody_wakes(observed, now):
    return replace(honest(observed, now), wake_at=None)


@planted
def a_run_dies_young(observed, now):
    return honest(observed, now + timedelta(seconds=50) if observed.run.phase.is_finished else now)


@planted
def jobs_are_left_behind(observed, now):
    plan = honest(observed, now)
    kept = tuple(each for each in plan.finish if each.ref.kind.kind != "Job")
    return replace(plan, finish=kept)


@planted
def several_series_are_one(observed, now):
    def change(answer):
        if not is_sample(answer):
            return answer
        return replace(answer, outcome=replace(answer.outcome, gaps=()))

    return honest(told(observed, change), now)


@planted
def what_is_bad_waits_like_a_success(observed, now):
    plan = honest(observed, now)
    if plan.status is None or plan.status["phase"] != "Running" or not observed.run.status:
        return plan
    return replace(plan, is_written=False, wake_at=now + timedelta(seconds=4))


@planted
def a_verdict_waits_like_a_success(observed, now):
    plan = honest(observed, now)
    ends = plan.status is not None and plan.status["phase"] != "Running"
    if not ends or observed.run.phase is not Phase.RUNNING or observed.run.unsaved is not None:
        return plan
    return replace(plan, status=None, taken=(), finish=(), wake_at=now + timedelta(seconds=4))


@planted
def what_waits_is_forgotten(observed, now):
    plan = honest(observed, now)
    if plan.status is None or plan.is_written:
        return plan
    return replace(plan, status=None)


@planted
def what_waits_is_never_written(observed, now):
    plan = honest(observed, now)
    if plan.status is not None and observed.run.unsaved is not None:
        return replace(plan, is_written=False, wake_at=now + timedelta(seconds=60))
    return plan


@planted
def what_is_booked_begins_at_once(observed, now):
    plan = honest(observed, now)
    return replace(plan, start=tuple(replace(each, at=now) for each in plan.start))


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug, monkeypatch):
    monkeypatch.setattr(reconcile_run, "plan_analysis_run", PLANTED[bug])
    monkeypatch.setattr(reconcile_run, "check_run_plan", lambda *_: ())

    assert any(World(seed, oracle=Oracle).run() for seed in range(SEED_COUNT))


def test_an_answer_that_is_in_already_would_be_counted_twice(monkeypatch):
    """A lost answer to a write is the one way to see this bug, which lies inside the planner."""
    monkeypatch.setattr("rollouts.analysis.planner.is_outdated", lambda *_: False)
    monkeypatch.setattr(reconcile_run, "check_run_plan", lambda *_: ())
    assert intake.is_outdated

    assert any(World(seed, oracle=Oracle).run() for seed in range(SEED_COUNT))


@pytest.mark.parametrize(
    "bug",
    [
        "no data is good",
        "a terminated run is a success",
        "intervals are half as long",
        "what is bad waits like a success",
        "what is booked begins at once",
    ],
)
def test_production_refuses_the_plan_of_a_planted_bug(bug, monkeypatch):
    monkeypatch.setattr(reconcile_run, "plan_analysis_run", PLANTED[bug])

    def swarm():
        for seed in range(SEED_COUNT):
            World(seed, oracle=Oracle).run()

    with pytest.raises(reconcile_run.BrokenRule):
        swarm()

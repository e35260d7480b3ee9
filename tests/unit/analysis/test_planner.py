"""When a run measures, what it writes, and what survives what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from analysis_runs import (
    EMPTY,
    NAN,
    STALE,
    START,
    Play,
    after,
    compile_condition,
    facts,
    job_metric,
    metric,
    run_manifest,
    sample,
)

from rollouts.analysis.compile import compile_program
from rollouts.analysis.facts import Answer, ObservedRun
from rollouts.analysis.invariants import check_run_plan
from rollouts.analysis.phase import Phase
from rollouts.analysis.planner import GATHER, plan_analysis_run
from rollouts.analysis.results import read_results

GOOD, BAD = 0.95, 0.1


def seconds(play):
    return [round(when, 6) for _, when in play.starts]


def test_without_interval_and_count_there_is_one_measurement():
    play = Play(run_manifest(metric()), {"success-rate": [GOOD]}).until()

    assert ([0], "Successful") == (seconds(play), play.phase)


def test_an_interval_counts_from_the_end_of_a_measurement():
    fields = {"count": 3, "interval": "10s"}
    play = Play(run_manifest(metric(**fields)), {"success-rate": [GOOD] * 3}, seconds=2.5).until()

    assert [0, 12.5, 25] == seconds(play)


def test_an_error_is_tried_again_after_ten_seconds_whatever_the_interval():
    for fields in ({}, {"count": 1, "interval": "1s"}, {"count": 1, "interval": "5m"}):
        outcomes = {"success-rate": ["refused", GOOD]}
        play = Play(run_manifest(metric(**fields)), outcomes, seconds=1).until()

        assert ([0, 11], "Successful") == (seconds(play), play.phase)


def test_an_interval_without_a_count_measures_for_ever():
    fields = {"interval": "10s"}
    play = Play(run_manifest(metric(**fields)), {"success-rate": [GOOD] * 999}).until(3600)

    assert (361, "Running") == (len(play.starts), play.phase)
    assert 10 == len(play.result()["measurements"])
    assert 361 == play.result()["count"] == play.result()["successful"]


def test_an_initial_delay_is_waited_for_from_the_beginning_that_is_remembered():
    play = Play(run_manifest(metric(initialDelay="30s")), {"success-rate": [GOOD]})
    plan = play.look()

    assert (after(30), ()) == (plan.wake_at, plan.start)
    assert "2026-03-01T06:00:00.000000Z" == play.status["startedAt"]

    play.restart()
    play.now = after(29.999999)
    assert (after(30), True) == (play.look().wake_at, play.plan.is_quiet)
    play.now = after(30)
    assert ["success-rate"] == [each.name for each in play.look().start]


def test_the_first_write_comes_with_the_first_answer():
    play = Play(run_manifest(metric()), {"success-rate": [GOOD]}, seconds=5)
    play.look()
    assert [] == play.writes

    play.until()
    assert 1 == len(play.writes)
    assert "2026-03-01T06:00:00.000000Z" == play.status["startedAt"]
    assert "2026-03-01T06:00:05.000000Z" == play.status["completedAt"]


def test_one_write_for_each_round_and_none_between():
    runs = run_manifest(metric("a", count=5, interval="10s"), metric("b", count=5, interval="10s"))
    play = Play(runs, {"a": [GOOD] * 5, "b": [GOOD] * 5}, seconds=0.3).until()

    assert (5, 10) == (len(play.writes), len(play.starts))
    assert play.look().is_quiet


def flying(play, name, ends):
    flight, _ = play.flights[name]
    play.flights[name] = flight, ends


def test_the_first_answer_of_a_round_waits_a_moment_for_the_others():
    runs = run_manifest(metric("a", interval="9s"), metric("b", interval="9s"))
    play = Play(runs, {"a": [GOOD], "b": [GOOD]}, seconds=1)
    play.look()
    flying(play, "b", after(20))
    play.now = after(1)
    play.land()

    assert (None, after(1) + GATHER) == (play.look().status, play.plan.wake_at)

    play.now = after(1) + GATHER
    assert play.look().status is not None
    assert ["a"] == [each["name"] for each in play.status["metricResults"]]
    assert after(10) == play.plan.wake_at


def test_an_answer_that_ends_the_run_waits_for_nobody():
    play = Play(run_manifest(metric("a"), metric("b")), {"a": [BAD]}, seconds=1)
    play.look()
    flying(play, "b", after(20))
    play.now = after(1)
    play.land()

    assert ("b",) == play.look().cancel
    assert "Failed" == play.phase
    assert {} == play.flights


def test_a_slow_metric_does_not_hold_up_the_others():
    runs = run_manifest(metric("a", count=3, interval="5s"), metric("b"))
    play = Play(runs, {"a": [GOOD] * 3, "b": [GOOD]}, seconds=0)
    play.look()
    flying(play, "b", after(30))
    play.until()

    assert "Successful" == play.phase
    assert [("a", 0), ("b", 0)] == play.starts[:2]
    assert 10 <= play.starts[3][1] <= 10.1


def test_a_measurement_that_a_dead_controller_was_taking_is_taken_again():
    play = Play(run_manifest(metric()), {"success-rate": [GOOD]}, seconds=5)
    play.look()
    play.restart()
    play.now = after(3)
    play.until()

    assert ([0, 3], "Successful") == (seconds(play), play.phase)
    assert 1 == play.result()["count"]


def test_an_open_measurement_of_another_controller_is_taken_again():
    stored = {"phase": "Running", "startedAt": "2026-03-01T05:59:59Z"}
    result = {"name": "success-rate", "phase": "Running", "measurements": [stored]}
    status = {"phase": "Running", "startedAt": "2026-03-01T05:59:59Z", "metricResults": [result]}
    play = Play(run_manifest(metric(), status=status), {"success-rate": [GOOD]}).until()

    assert (["Successful"], "Successful") == (play.phases(), play.phase)


def test_an_answer_that_is_in_status_already_does_not_count_twice():
    fields = {"interval": "10s", "count": 2}
    play = Play(run_manifest(metric(**fields)), {"success-rate": [GOOD] * 2}, seconds=1)
    play.look()
    play.now = after(1)
    play.land()
    again = list(play.answers)
    play.look()
    play.answers = again  # The write has happened, its answer was lost.
    plan = play.look()

    assert (1, tuple(again)) == (play.result()["count"], plan.taken)


@pytest.mark.parametrize("late", [61, 3600])
def test_an_answer_that_could_not_be_written_for_long_is_measured_again(late):
    play = Play(run_manifest(metric()), {"success-rate": [GOOD, BAD]}, seconds=1)
    play.look()
    play.now = after(1)
    play.land()
    play.now = after(1 + late)
    play.until()

    assert "Failed" == play.phase


def test_an_answer_to_another_question_is_dropped():
    play = Play(run_manifest(metric()), {"success-rate": [BAD]}, seconds=1)
    play.look()
    play.now = after(1)
    play.land()
    play.set(metrics=[metric(successCondition=">= 0.05")])
    plan = play.look()

    assert ["success-rate"] == [each.name for each in plan.start]
    assert (None, 1) == (plan.status, len(plan.taken))


def test_a_clock_that_was_set_back_does_not_stop_measuring():
    fields = {"interval": "10s", "count": 3}
    play = Play(run_manifest(metric(**fields)), {"success-rate": [GOOD] * 3})
    play.until(10)
    play.now = START - timedelta(hours=1)
    plan = play.look()

    assert ["success-rate"] == [each.name for each in plan.start]
    assert "Successful" == play.until().phase


def test_a_beginning_in_the_future_is_moved_to_now():
    status = {"phase": "Running", "startedAt": "2026-03-01T09:00:00Z"}
    play = Play(run_manifest(metric(initialDelay="30s"), status=status), {"success-rate": [GOOD]})

    assert after(30) == play.look().wake_at
    assert [30] == seconds(play.until())


def test_measurements_are_kept_as_many_as_are_asked_for():
    for limit, kept in ((None, 10), (1, 1), (3, 3), (20, 15)):
        retention = [{"metricName": "success", "limit": limit}] if limit else []
        fields = {"interval": "10s", "count": 15}
        manifest = run_manifest(metric(**fields), measurementRetention=retention)
        play = Play(manifest, {"success-rate": [GOOD] * 15}).until()

        assert (kept, 15) == (len(play.phases()), play.result()["count"])


@pytest.mark.parametrize(
    ("strategy", "outcome", "lives"),
    [
        ({}, GOOD, None),
        ({"secondsAfterCompletion": 60}, GOOD, 60),
        ({"secondsAfterCompletion": 0}, GOOD, 0),
        ({"secondsAfterCompletion": 60, "secondsAfterSuccess": 5}, GOOD, 5),
        ({"secondsAfterCompletion": 60, "secondsAfterSuccess": 5}, BAD, 60),
        ({"secondsAfterFailure": 7}, BAD, 7),
        ({"secondsAfterFailure": 7}, GOOD, None),
        ({"secondsAfterFailure": 7, "secondsAfterCompletion": 9}, "no", 9),
    ],
)
def test_a_finished_run_goes_when_its_time_is_over(strategy, outcome, lives):
    fields = {"consecutiveErrorLimit": 0}
    manifest = run_manifest(metric(**fields), ttlStrategy=strategy)
    play = Play(manifest, {"success-rate": [outcome]})
    play.until()

    assert (lives is not None) == play.is_gone
    if lives is not None:
        assert after(lives) == play.now


def test_a_run_that_is_being_deleted_is_left_alone():
    play = Play(run_manifest(metric()), {"success-rate": [GOOD]}, seconds=9)
    play.look()
    metadata = play.manifest["metadata"] | {"deletionTimestamp": "2026-03-01T06:00:00Z"}
    play.manifest = play.manifest | {"metadata": metadata}

    assert ("success-rate",) == play.look().cancel
    assert (True, []) == (play.look().is_quiet, play.writes)


def test_bad_input_is_refused_before_anything_is_measured():
    play = Play(run_manifest(metric(successCondition="??", interval="soon"))).until()

    assert ("Error", []) == (play.phase, play.starts)
    assert "spec.metrics[0].interval" in play.status["message"]
    assert "spec.metrics[0].successCondition" in play.status["message"]


def test_a_plan_is_quiet_until_exactly_its_wake_time():
    fields = {"interval": "10s", "count": 2, "initialDelay": "7s"}
    play = Play(run_manifest(metric(**fields)), {"success-rate": [GOOD] * 2}, seconds=0.4)
    play.look()
    for _ in range(2):
        wake_at = play.plan.wake_at
        play.now = wake_at - timedelta(microseconds=1)
        assert (True, wake_at) == (play.look().is_quiet, play.plan.wake_at)
        play.now = wake_at
        assert play.look().start
        play.now = wake_at + timedelta(seconds=0.4)
        play.land()
        play.look()

    assert "Successful" == play.phase


# Jobs


def test_a_job_is_made_recorded_and_waited_for():
    play = Play(run_manifest(job_metric()))
    plan = play.look()

    name = "uid-canary.load.1"
    assert [name] == [each.manifest["metadata"]["name"] for each in plan.actions]
    opened = play.result("load")["measurements"][0]
    assert {"job-name": name, "job-namespace": "shop"} == opened["metadata"]
    assert ("Running", "Running") == (opened["phase"], play.phase)

    play.restart()
    assert (True, None) == (play.look().is_quiet, play.plan.wake_at)
    play.now = after(99)
    play.finish_job(name, Phase.SUCCESSFUL)
    play.look()
    assert ("Successful", ["Successful"]) == (play.phase, play.phases("load"))


def test_a_failed_job_is_a_failed_measurement():
    play = Play(run_manifest(job_metric()))
    play.look()
    play.finish_job("uid-canary.load.1", Phase.FAILED, message="back-off limit")
    play.look()

    assert "Failed" == play.phase
    assert play.status["message"].endswith('"Error Message: back-off limit"')


def test_a_job_whose_image_cannot_be_had_is_inconclusive_and_taken_away():
    play = Play(run_manifest(job_metric()))
    play.look()
    play.finish_job("uid-canary.load.1", Phase.RUNNING, pull_problem="load: ErrImagePull")
    play.until()

    assert ("Inconclusive", ["uid-canary.load.1"]) == (play.phase, play.deleted)


def test_a_job_that_somebody_deleted_is_an_error_and_made_again():
    play = Play(run_manifest(job_metric()))
    play.look()
    play.jobs.clear()
    play.look()
    assert (["Error"], after(10)) == (play.phases("load"), play.plan.wake_at)

    play.now = after(10)
    play.look()
    assert ["uid-canary.load.2"] == list(play.jobs)


def test_termination_takes_a_running_job_away_and_calls_it_inconclusive():
    play = Play(run_manifest(job_metric()))
    play.look()
    play.set(terminate=True)
    play.until()

    assert ("Inconclusive", ["Inconclusive"]) == (play.phase, play.phases("load"))
    assert ["uid-canary.load.1"] == play.deleted


def test_the_job_of_a_measurement_that_is_no_longer_kept_goes():
    retention = [{"metricName": "load", "limit": 1}]
    manifest = run_manifest(job_metric(count=2, interval="5s"), measurementRetention=retention)
    play = Play(manifest)
    play.look()
    play.finish_job("uid-canary.load.1", Phase.SUCCESSFUL)
    play.look()
    assert [] == play.deleted

    play.now = after(5)
    play.look()
    assert (["uid-canary.load.1"], ["uid-canary.load.2"]) == (play.deleted, list(play.jobs))


# The rules themselves


def refused(observed, plan, now=START):
    return " ".join(check_run_plan(observed, plan, now))


def test_the_rules_see_a_success_out_of_nothing():
    run = facts(run_manifest(metric()))
    answer = Answer("success-rate", run.program.metrics[0].fingerprint, START, START, sample(GOOD))
    honest = ObservedRun(run, answers=(answer,))
    plan = plan_analysis_run(honest, START)

    assert "" == refused(honest, plan)
    for outcome in ("refused", EMPTY, NAN, STALE):
        lying = replace(honest, answers=(replace(answer, outcome=outcome),))
        assert "nobody has measured" in refused(lying, plan)
    assert "counts 1 new measurements where 0" in refused(honest, replace(plan, taken=()))


def test_results_survive_being_written_and_read():
    fields = {"interval": "10s", "count": 4, "failureLimit": 2}
    outcomes = {"success-rate": [GOOD, BAD, "no", GOOD, GOOD]}
    play = Play(run_manifest(metric(**fields)), outcomes).until()
    results = read_results(play.status)

    assert play.status["metricResults"] == [each.to_manifest() for each in results.values()]


def test_a_status_that_nobody_could_have_written_breaks_nothing():
    result = {"name": "success-rate", "phase": "Odd", "measurements": [{"startedAt": "noon"}]}
    status = {"phase": "Odd", "startedAt": "yesterday", "metricResults": [result]}
    play = Play(run_manifest(metric(), status=status), {"success-rate": [GOOD]}).until()

    assert "Successful" == play.phase


@pytest.mark.parametrize(
    ("word", "value"),
    [("count", "many"), ("interval", "soon"), ("failureLimit", "1.5"), ("initialDelay", "-3s")],
)
def test_an_argument_that_is_no_number_or_time_is_refused(word, value):
    fields = {"count": 2, "interval": "5s", word: "{{args.x}}"}
    manifest = run_manifest(metric(**fields), args=[{"name": "x", "value": value}])

    assert [f"spec.metrics[0].{word}"] == [each.path for each in facts(manifest).program.problems]


@pytest.mark.parametrize(
    "spec",
    [
        None,
        {},
        [],
        "x",
        {"metrics": None},
        {"metrics": "x"},
        {"metrics": [None]},
        {"metrics": [{}]},
    ],
)
def test_a_spec_of_any_shape_is_refused_and_breaks_nothing(spec):
    manifest = run_manifest() | {"spec": spec}

    assert facts(manifest).program.problems


def test_a_program_with_two_metrics_of_one_name_or_none_is_refused():
    for metrics in ([], [metric(), metric()]):
        assert compile_program(run_manifest(*metrics), compile_condition).problems

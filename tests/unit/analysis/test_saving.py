"""Which news of a run wait for the next write, for how long, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from analysis_runs import START, Play, after, facts, metric, run_manifest

from rollouts.analysis.invariants import check_run_plan
from rollouts.analysis.results import read_results
from rollouts.analysis.saving import SAVE_EVERY_MAX, UNSAVED_AGE_MAX, save_every, save_time

GOOD, BAD = 0.95, 0.1
CROWD = 500
"""Runs that are being measured: as many as make the wait as long as it gets."""


def measured(fields=None, outcomes=(), *, seconds=0.02, crowd=CROWD, **spec):
    manifest = run_manifest(metric(**({"interval": "1s"} | (fields or {}))), **spec)
    brought = {"success-rate": [*outcomes, *[GOOD] * 999]}
    return Play(manifest, brought, seconds=seconds, crowd=crowd)


def waits(play):
    return play.run.unsaved is not None


def stored(play):
    return play.result().get("count", 0)


def go_on(play, seconds=0.25):
    return play.until((play.now - START).total_seconds() + seconds)


def go_until_something_waits(play):
    for _ in range(100):
        if waits(go_on(play)):
            return play
    raise AssertionError("nothing waits")


def test_successes_that_decide_nothing_share_a_write():
    play = measured().until(60)

    assert 58 <= len(play.starts) <= 60
    assert 6 <= len(play.writes) <= 9
    assert 10 == len(play.result()["measurements"])


def test_the_first_success_is_written_at_once():
    play = measured().until(0.5)

    assert (1, 1) == (len(play.writes), stored(play))


@pytest.mark.parametrize("interval", ["10s", "10001ms", "30s", "1m"])
def test_intervals_that_are_no_shorter_than_the_wait_are_written_one_by_one(interval):
    play = measured({"interval": interval}, seconds=0).until(300)

    assert len(play.writes) == stored(play)
    assert not waits(play)


@pytest.mark.parametrize("interval", ["10ms", "300ms", "1s", "4900ms", "9900ms"])
def test_no_success_waits_longer_than_it_may(interval):
    play = measured({"interval": interval, "measurementRetention": 99})
    for _ in range(60):
        since = go_on(play).run.unsaved_since
        assert since is None or play.now - since < SAVE_EVERY_MAX


@pytest.mark.parametrize("outcome", [BAD, "refused", float("nan")])
def test_what_is_no_success_is_written_at_once_with_all_that_waited(outcome):
    limits = {"failureLimit": 9, "inconclusiveLimit": 9, "consecutiveErrorLimit": 9}
    play = go_until_something_waits(measured(limits))
    play.outcomes["success-rate"].insert(0, outcome)
    count = len(play.writes)
    for _ in range(8):
        if len(play.writes) == count:
            go_on(play)

    assert "Successful" != play.phases()[-1]
    assert not waits(play)


def test_the_success_that_ends_a_run_is_written_at_once():
    play = measured({"count": 4}).until()

    assert ("Successful", 4) == (play.phase, stored(play))
    ended = play.result()["measurements"][-1]["finishedAt"]
    assert ended == play.status["completedAt"]


def test_nothing_is_pushed_out_of_status_that_it_has_never_shown():
    for limit in (1, 2, 3):
        rules = [{"metricName": ".*", "limit": limit}]
        play = measured(measurementRetention=rules).until(30)
        shown = {
            each["startedAt"]
            for status in play.writes
            for each in status["metricResults"][0]["measurements"]
        }

        assert stored(play) == len(shown)


def test_what_waits_is_what_status_will_say():
    play = go_until_something_waits(measured())

    assert play.run.results == read_results(play.run.status)
    assert stored(play) < play.run.results["success-rate"].count


def test_what_waits_is_written_in_time_even_if_no_answer_comes():
    play = go_until_something_waits(measured())
    count, wake_at = len(play.writes), play.plan.wake_at
    assert save_time("uid-canary", play.run.unsaved_since, SAVE_EVERY_MAX) == wake_at

    [(name, (flight, _))] = play.flights.items()
    play.flights[name] = flight, play.now + timedelta(hours=1)
    play.now = wake_at - timedelta(microseconds=1)
    assert (True, wake_at) == (play.look().is_quiet, play.plan.wake_at)

    play.now = wake_at
    play.look()
    assert (count + 1, False) == (len(play.writes), waits(play))


def test_a_process_that_dies_loses_what_waited_and_measures_it_again():
    play = go_until_something_waits(measured({"count": 9}))
    lost = play.run.results["success-rate"].count - stored(play)
    play.restart()
    play.until()

    assert lost
    assert ("Successful", 9) == (play.phase, stored(play))
    assert 9 + lost == len(play.starts)


def test_what_waits_outlives_a_change_of_something_else():
    play = go_until_something_waits(measured())
    count = play.run.results["success-rate"].count
    metadata = play.manifest["metadata"] | {"resourceVersion": "99", "labels": {"seen": "yes"}}
    play.manifest = play.manifest | {"metadata": metadata}

    assert (True, "99", count) == (
        waits(play),
        play.run.resource_version,
        play.run.results["success-rate"].count,
    )


def test_whoever_else_writes_the_status_is_believed():
    play = go_until_something_waits(measured())
    metadata = play.manifest["metadata"] | {"resourceVersion": "99"}
    status = play.status | {"message": "mine"}
    play.manifest = play.manifest | {"metadata": metadata, "status": status}

    assert (False, status) == (waits(play), play.run.status)


def test_what_could_not_be_written_for_long_is_given_up():
    play = go_until_something_waits(measured())
    since = play.run.unsaved_since
    play.now = since + UNSAVED_AGE_MAX
    assert waits(play)

    play.now += timedelta(microseconds=1)
    assert not waits(play)


def test_a_clock_that_was_set_back_ends_the_wait():
    play = go_until_something_waits(measured())
    count = len(play.writes)
    play.now -= timedelta(hours=1)
    play.look()

    assert (count + 1, False) == (len(play.writes), waits(play))


def test_a_run_that_is_ended_keeps_what_waited():
    play = go_until_something_waits(measured())
    count = play.run.results["success-rate"].count
    play.manifest = play.manifest | {
        "metadata": play.manifest["metadata"] | {"resourceVersion": "99"}
    }
    play.set(terminate=True)
    play.look()

    assert ("Inconclusive", count) == (play.phase, stored(play))


def test_runs_of_one_moment_are_written_at_different_times():
    times = {save_time(f"uid-{number}", START, SAVE_EVERY_MAX) for number in range(100)}

    assert 90 <= len(times)
    assert all(START < each <= START + SAVE_EVERY_MAX for each in times)


@pytest.mark.parametrize(
    ("crowd", "seconds"),
    [(0, 0.02), (1, 0.02), (50, 1), (499, 9.98), (500, 10), (501, 10), (100_000, 10)],
)
def test_the_more_runs_are_measured_the_longer_a_success_may_wait(crowd, seconds):
    assert timedelta(seconds=seconds) == save_every(crowd)


@pytest.mark.parametrize("crowd", [1, 10, 50])
def test_few_runs_are_written_after_each_measurement(crowd):
    play = measured(crowd=crowd).until(30)

    assert len(play.writes) == stored(play) >= 29


def test_a_crowd_that_comes_and_goes_moves_the_end_of_the_wait():
    play = go_until_something_waits(measured())
    play.crowd = 1
    count = len(play.writes)
    play.look()

    assert (count + 1, False) == (len(play.writes), waits(play))


def test_another_metric_that_is_still_delayed_keeps_nothing_from_waiting():
    slow = metric("slow", interval="1s", initialDelay="1h")
    manifest = run_manifest(metric("fast", interval="1s"), slow)
    play = Play(manifest, {"fast": [GOOD] * 99}, seconds=0.02, crowd=CROWD).until(30)

    assert len(play.writes) <= 9
    assert 28 <= len(play.starts)


def test_the_rules_let_nothing_else_wait():
    run = facts(run_manifest(metric(interval="1s")))
    play = measured({"failureLimit": 9}, [GOOD, BAD])
    play.until(0.5)
    play.now = after(1.04)
    play.land()
    observed = play.observed()
    plan = play.look()
    assert (True, run.name) == (plan.is_written, observed.run.name)

    waiting = replace(plan, is_written=False)
    broken = " ".join(check_run_plan(observed, waiting, play.now))
    assert "it would wait that metric 'success-rate' is 1 failed" in broken
    assert "without an end" in broken

    over = replace(waiting, status={**plan.status, "phase": "Failed", "message": "why"}, start=())
    assert "it would wait that the run is Failed" in " ".join(
        check_run_plan(observed, over, play.now)
    )

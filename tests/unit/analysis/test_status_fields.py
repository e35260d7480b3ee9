"""What each field of a run's status says, and when."""

from __future__ import annotations

from analysis_runs import EMPTY, Play, after, metric, run_manifest, sample

from rollouts.api.times import parse_time

GOOD, BAD = 0.95, 0.1
FORGIVING = {"interval": "10s", "failureLimit": -1, "inconclusiveLimit": 1}
COUNTERS = (
    "count",
    "successful",
    "failed",
    "inconclusive",
    "error",
    "consecutiveError",
    "consecutiveSuccess",
)


def played(*outcomes, seconds=0.0, until=None, **fields):
    manifest = run_manifest(metric(**(FORGIVING | fields)))
    return Play(manifest, {"success-rate": list(outcomes)}, seconds=seconds).until(until)


def counters(play):
    return {word: play.result().get(word, 0) for word in COUNTERS}


def test_a_run_is_running_from_its_first_look_and_says_when_it_began_and_ended():
    play = Play(run_manifest(metric(**FORGIVING, count=2)), {"success-rate": [GOOD] * 2}, seconds=1)
    play.until(1)
    first = dict(play.status)
    play.until()

    assert (first["phase"], "completedAt" in first) == ("Running", False)
    assert (play.phase, play.status["startedAt"]) == ("Successful", first["startedAt"])
    assert parse_time(play.status["startedAt"]) == after(0)
    assert parse_time(play.status["completedAt"]) == after(12)


def test_a_metric_counts_each_kind_of_answer_and_errors_apart():
    play = played(GOOD, BAD, EMPTY, "no", GOOD, count=4)

    assert counters(play) == {
        "count": 4,
        "successful": 2,
        "failed": 1,
        "inconclusive": 1,
        "error": 1,
        "consecutiveError": 0,
        "consecutiveSuccess": 1,
    }


def test_errors_and_successes_in_a_row_are_counted_until_something_else_comes():
    errors = played("no", "no", GOOD, until=15)
    successes = played(GOOD, GOOD, GOOD, BAD, GOOD, until=25)

    assert counters(errors)["consecutiveError"] == 2
    assert counters(successes)["consecutiveSuccess"] == 3
    assert counters(errors.until(25))["consecutiveError"] == 0
    assert counters(successes.until(35))["consecutiveSuccess"] == 0
    assert counters(successes.until(45))["consecutiveSuccess"] == 1


def test_a_metric_has_a_phase_and_a_message_of_its_own():
    runs = run_manifest(metric("good"), metric("bad", successCondition="error"), name="canary")
    outcomes = {"good": [GOOD], "bad": [GOOD] * 5}
    play = Play(runs, outcomes).until()

    assert (play.result("good")["phase"], "message" in play.result("good")) == ("Successful", False)
    assert play.result("bad")["phase"] == "Error"
    assert "cannot compare" in play.result("bad")["measurements"][-1]["message"]
    assert "consecutiveErrors (5) > consecutiveErrorLimit (4)" in play.status["message"]
    assert [each["name"] for each in play.status["metricResults"]] == ["good", "bad"]


def test_a_measurement_says_when_it_was_taken_what_it_brought_and_what_that_means():
    play = played(GOOD, "refused", BAD, seconds=2, count=2)
    good, error, bad = play.result()["measurements"]

    assert (good["phase"], good["value"], "message" in good) == ("Successful", "0.95", False)
    assert (parse_time(good["startedAt"]), parse_time(good["finishedAt"])) == (after(0), after(2))
    assert (error["phase"], error["message"], "value" in error) == ("Error", "refused", False)
    assert (bad["phase"], bad["value"]) == ("Failed", "0.1")
    assert parse_time(error["startedAt"]) == after(12)


def test_what_a_provider_adds_stands_beside_its_value_and_the_query_once_for_the_metric():
    asked = {"ResolvedPrometheusQuery": "up", "X": "y"}
    play = played(sample(GOOD, metadata=asked, warnings=("store down", "slow")), count=1)
    (measurement,) = play.result()["measurements"]

    assert play.result()["metadata"] == {"ResolvedPrometheusQuery": "up"}
    assert measurement["metadata"]["X"] == "y"
    assert "store down; slow" in measurement["metadata"].values()


def test_metrics_are_summed_up_by_how_they_ended_and_dry_ones_apart():
    metrics = [metric(name, consecutiveErrorLimit=0) for name in ("a", "b", "c", "d", "dry")]
    play = Play(
        run_manifest(*metrics, dryRun=[{"metricName": "dry"}]),
        {"a": [GOOD], "b": [BAD], "c": [EMPTY], "d": ["no"], "dry": ["no"]},
    ).until()

    assert play.status["runSummary"] == {
        "count": 4,
        "successful": 1,
        "failed": 1,
        "inconclusive": 1,
        "error": 1,
    }
    assert play.status["dryRunSummary"] == {"count": 1, "error": 1}


def test_a_moment_to_look_again_is_never_written():
    """Ours are measured anew after a death, and Jobs are followed by their watch."""
    play = played(GOOD, seconds=5, until=2)

    assert "resumeAt" not in str(play.status)

"""What counted measurements say."""

from __future__ import annotations

import pytest
from analysis_runs import EMPTY, Play, metric, run_manifest

GOOD, BAD = 0.95, 0.1
INTERVAL = {"interval": "10s"}


def played(*outcomes, dry=(), terminate_at=None, **fields):
    dry_run = [{"metricName": name} for name in dry]
    manifest = run_manifest(metric(**(INTERVAL | fields)), dryRun=dry_run)
    play = Play(manifest, {"success-rate": list(outcomes)})
    if terminate_at is not None:
        play.until(terminate_at)
        play.set(terminate=True)
    return play.until()


@pytest.mark.parametrize(
    ("outcomes", "fields", "phase"),
    [
        # failureLimit: below, at, above
        ([GOOD, GOOD, GOOD], {"count": 3}, "Successful"),
        ([GOOD, BAD], {"count": 3}, "Failed"),
        ([BAD, GOOD, GOOD], {"count": 3, "failureLimit": 1}, "Successful"),
        ([BAD, GOOD, BAD], {"count": 3, "failureLimit": 1}, "Failed"),
        ([BAD, BAD, GOOD], {"count": 3, "failureLimit": -1}, "Successful"),
        ([BAD, GOOD], {"count": "2", "failureLimit": "1"}, "Successful"),
        # inconclusiveLimit
        ([EMPTY], {"count": 3}, "Inconclusive"),
        ([EMPTY, GOOD], {"count": 2, "inconclusiveLimit": 1}, "Successful"),
        ([EMPTY, EMPTY], {"count": 3, "inconclusiveLimit": 1}, "Inconclusive"),
        # consecutiveErrorLimit: default 4, so the fifth ends it
        (["no"] * 4 + [GOOD], {"count": 1}, "Successful"),
        (["no"] * 5, {"count": 1}, "Error"),
        (["no"], {"count": 1, "consecutiveErrorLimit": 0}, "Error"),
        (["no", GOOD, "no", GOOD], {"count": 2, "consecutiveErrorLimit": 1}, "Successful"),
        # consecutiveSuccessLimit
        ([BAD, GOOD, GOOD], {"consecutiveSuccessLimit": 2, "failureLimit": -1}, "Successful"),
        (
            [GOOD, BAD, GOOD],
            {"count": 3, "consecutiveSuccessLimit": 2, "failureLimit": 1},
            "Inconclusive",
        ),
        (
            [GOOD, BAD, GOOD],
            {"count": 3, "consecutiveSuccessLimit": 2, "failureLimit": -1},
            "Failed",
        ),
        # Forgiving every measurement is no success.
        ([BAD, BAD], {"count": 2, "failureLimit": 2}, "Failed"),
        ([BAD, BAD], {"count": 2, "failureLimit": -1}, "Failed"),
        ([EMPTY, EMPTY], {"count": 2, "inconclusiveLimit": 2}, "Inconclusive"),
    ],
)
def test_limits_and_counts_decide_about_a_metric(outcomes, fields, phase):
    play = played(*outcomes, **fields)

    assert phase == play.phase
    assert phase == play.result()["phase"]
    assert len(outcomes) == len(play.starts)


@pytest.mark.parametrize(
    ("outcomes", "fields", "message"),
    [
        ([BAD], {}, 'Metric "success-rate" assessed Failed due to failed (1) > failureLimit (0)'),
        (
            ["connection refused"],
            {"consecutiveErrorLimit": 0},
            (
                'Metric "success-rate" assessed Error due to consecutiveErrors (1) > '
                'consecutiveErrorLimit (0): "Error Message: connection refused"'
            ),
        ),
        (
            [EMPTY],
            {},
            (
                'Metric "success-rate" assessed Inconclusive due to inconclusive (1) >'
                ' inconclusiveLimit (0): "Error Message: no data: the answer is empty, which counts'
                ' as inconclusive"'
            ),
        ),
        (
            [GOOD, BAD],
            {"count": 2, "consecutiveSuccessLimit": 2, "failureLimit": 1},
            (
                'Metric "success-rate" assessed Inconclusive due to consecutiveSuccess (0) < 2'
                " after all of count"
            ),
        ),
    ],
)
def test_the_message_says_which_limit_and_by_how_much(outcomes, fields, message):
    assert message == played(*outcomes, **fields).status["message"]


def test_a_good_end_has_no_message():
    assert "message" not in played(GOOD, count=1).status


def test_the_worst_metric_decides_and_says_why():
    runs = run_manifest(metric("a"), metric("b"), metric("c"))
    play = Play(runs, {"a": [EMPTY], "b": [BAD], "c": [GOOD]}).until()

    assert "Failed" == play.phase
    assert play.status["message"].startswith('Metric "b" assessed Failed')
    expected = {"count": 3, "successful": 1, "failed": 1, "inconclusive": 1}
    assert expected == play.status["runSummary"]


def test_what_is_stopped_by_another_metrics_end_is_inconclusive_and_not_the_reason():
    runs = run_manifest(metric("slow", interval="1m"), metric("bad", interval="10s"))
    play = Play(runs, {"slow": [GOOD] * 9, "bad": [GOOD, EMPTY]}).until()

    assert "Inconclusive" == play.phase
    assert play.status["message"].startswith('Metric "bad" assessed Inconclusive')
    assert "Inconclusive" == play.result("slow")["phase"]


def test_a_dry_run_is_recorded_waited_for_and_does_not_count():
    runs = run_manifest(metric("a"), metric("b"), dryRun=[{"metricName": "^b$"}])
    play = Play(runs, {"a": [GOOD], "b": [BAD]}, seconds=1).until()

    assert "Successful" == play.phase
    assert "Failed" == play.result("b")["phase"]
    assert play.result("b")["dryRun"] is True
    assert {"count": 1, "successful": 1} == play.status["runSummary"]
    assert {"count": 1, "failed": 1} == play.status["dryRunSummary"]


def test_a_run_of_dry_runs_alone_says_that_nothing_was_decided():
    play = played(BAD, count=1, dry=[".*"])

    assert ("Successful", "all metrics are dry runs: nothing was decided") == (
        play.phase,
        play.status["message"],
    )


def test_a_run_that_is_terminated_is_never_a_success():
    before_any = Play(run_manifest(metric(initialDelay="1m"), terminate=True)).until()
    good_so_far = played(*[GOOD] * 9, terminate_at=25)
    bad_before = played(BAD, *[GOOD] * 9, failureLimit=0, terminate_at=0)

    assert ("Inconclusive", "Run Terminated") == (before_any.phase, before_any.status["message"])
    assert ("Inconclusive", "Run Terminated") == (good_so_far.phase, good_so_far.status["message"])
    assert "Failed" == bad_before.phase


def test_a_last_success_that_comes_with_the_termination_does_not_save_the_run():
    play = Play(run_manifest(metric()), {"success-rate": [GOOD]}, seconds=5)
    play.look()
    play.set(terminate=True)
    play.now = play.now.replace(second=5)
    play.land()
    play.look()

    assert ("Inconclusive", "Run Terminated") == (play.phase, play.status["message"])


def test_a_run_of_dry_runs_that_is_terminated_is_no_success_either():
    assert "Inconclusive" == played(GOOD, GOOD, dry=[".*"], terminate_at=5).phase

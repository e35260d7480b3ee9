"""What the demo's timeline says of steps and of analysis runs."""

from __future__ import annotations

from rollouts.cli.demo_timeline import changes


def run(*measurements, phase="Running", **status):
    result = {"name": "error-share", "phase": phase, "measurements": list(measurements)}
    return {
        "kind": "AnalysisRun",
        "metadata": {"name": "myapp-abc-2-1"},
        "status": {"phase": phase, "metricResults": [result], **status},
    }


def measured(number, value, phase="Successful", **more):
    at = f"2026-03-01T12:00:{number:02}Z"
    return {"startedAt": at, "finishedAt": at, "value": value, "phase": phase, **more}


def test_a_measurement_is_told_once_with_its_value_and_what_it_counts_as():
    first, second = measured(1, "[0.01]"), measured(2, "[0.4]", "Failed")

    assert changes(run(), run(first)) == ("measured error-share = [0.01]: Successful",)
    assert changes(run(first), run(first, second)) == ("measured error-share = [0.4]: Failed",)
    assert changes(run(first), run(first)) == ()


def test_a_measurement_under_way_is_told_when_it_has_ended():
    begun = {"startedAt": "2026-03-01T12:00:01Z", "phase": "Running"}

    assert changes(run(), run(begun)) == ()
    assert changes(run(begun), run(measured(1, "1"))) == ("measured error-share = 1: Successful",)


def test_an_error_is_told_by_its_message():
    error = measured(1, "", "Error", message="no answer within 1s")

    assert changes(run(), run(error)) == ("measured error-share = no answer within 1s: Error",)


def test_the_verdict_is_told_once_with_its_message():
    failed = run(phase="Failed", message="too many errors")

    assert changes(run(), failed) == ("analysis myapp-abc-2-1 is Failed: too many errors",)
    assert changes(failed, failed) == ()
    assert changes(run(), run(phase="Successful")) == ("analysis myapp-abc-2-1 is Successful",)


def test_a_deleted_run_is_told():
    assert changes(run(), None) == ("analysis myapp-abc-2-1 deleted",)


def rollout(**status):
    steps = [{"setWeight": 20}, {"pause": {}}]
    return {
        "kind": "Rollout",
        "metadata": {"name": "myapp", "generation": 1},
        "spec": {"strategy": {"canary": {"steps": steps}}},
        "status": {"phase": "Progressing", **status},
    }


def test_a_step_is_told_when_it_begins():
    assert changes(rollout(), rollout(currentStepIndex=0)) == ("step 1/2: setWeight 20",)
    assert changes(rollout(currentStepIndex=0), rollout(currentStepIndex=0)) == ()
    assert changes(rollout(currentStepIndex=1), rollout(currentStepIndex=2)) == ()


def test_an_abort_begins_no_step():
    before, after = rollout(currentStepIndex=1), rollout(currentStepIndex=0, abort=True)

    assert changes(before, after) == ()

"""A run told line by line."""

from __future__ import annotations

from analysis_runs import after, metric, run_manifest

from rollouts.analysis.results import exact_time
from rollouts.cli.run_story import tell


def run(phase="Running", results=(), message=""):
    status = {"phase": phase, "metricResults": list(results), "message": message}
    return run_manifest(metric("errors"), status=status)


def measured(seconds, phase="Successful", value="1", **fields):
    at = exact_time(after(seconds))
    return {"phase": phase, "startedAt": at, "finishedAt": at, "value": value} | fields


def result(*measurements, phase="Running"):
    return {"name": "errors", "phase": phase, "measurements": list(measurements)}


def test_what_is_known_already_is_told_first():
    assert list(tell(None, run(results=[result(measured(0), measured(1, value="2"))]))) == [
        "canary is ◌ Running",
        "06:00:00Z  errors: ✔ Successful  1",
        "06:00:01Z  errors: ✔ Successful  2",
    ]


def test_a_measurement_is_told_once_and_when_it_has_ended():
    first, opened = measured(0), measured(1, "Running")
    failed = measured(1, "Failed", value="9", message="too\nmany")

    assert list(tell(run(results=[result(first)]), run(results=[result(first, opened)]))) == []
    assert list(
        tell(run(results=[result(first, opened)]), run(results=[result(first, failed)]))
    ) == ["06:00:01Z  errors: ✖ Failed  9  too many"]


def test_measurements_that_status_no_longer_keeps_are_not_missed():
    before = run(results=[result(measured(0), measured(1))])
    after_trim = run(results=[result(measured(1), measured(2))])

    assert list(tell(before, after_trim)) == ["06:00:02Z  errors: ✔ Successful  1"]


def test_the_verdict_of_a_metric_goes_before_that_of_the_run():
    before = run(results=[result(measured(0))])
    end = run("Failed", [result(measured(0), phase="Failed")], message="\x1b broke")

    assert list(tell(before, end)) == ["errors is ✖ Failed", "canary is ✖ Failed: \\x1b broke"]


def test_a_run_that_nobody_has_taken_up_is_pending():
    assert list(tell(None, run() | {"status": {}})) == ["canary is ◌ Pending"]
    assert list(tell(run() | {"status": {}}, run() | {"status": {}})) == []

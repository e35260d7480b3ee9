"""What analysis measured, as metrics."""

from __future__ import annotations

import pytest
from analysis_runs import facts, metric, run_manifest

from rollouts.telemetry.analysis import AnalysisMetrics, read_value, samples_of


def status(value="0.9", phase="Running", started_at="2026-03-01T06:00:00Z", **counts):
    result = {
        "name": "success-rate",
        "phase": phase,
        "measurements": [{"phase": "Successful", "value": value}],
    }
    return {"phase": phase, "startedAt": started_at, "metricResults": [result | counts]}


def run(**more):
    return facts(run_manifest(metric(), owner="web", status=status(**more)))


def lines(metrics, *runs):
    samples = [each for one in runs for each in samples_of(one)]
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in metrics.collect(samples)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.9", 0.9), ("[0.9]", 0.9), ("[0.9 0.1]", None), ("", None), (None, None), ("ok", None)],
)
def test_a_value_is_exported_where_it_is_one_number(text, value):
    assert value == read_value(text)


def test_the_newest_run_speaks_for_its_rollout():
    older = run(value="0.1", started_at="2026-03-01T05:00:00Z")
    found = lines(AnalysisMetrics(), run(value="0.9"), older)

    assert 0.9 == found["rollouts_analysis_value", "shop", "web", "success-rate"]


def test_only_what_is_new_in_a_status_is_counted():
    metrics = AnalysisMetrics()
    metrics.count("shop", "web", {}, status(successful=1))
    metrics.count("shop", "web", status(successful=1), status(successful=1, failed=1))
    metrics.count("shop", "web", status(), status(phase="Failed"))
    metrics.count("shop", "web", status(phase="Failed"), status(phase="Failed"))
    found = lines(metrics)

    name = "rollouts_analysis_measurements_total"
    assert 1 == found[name, "shop", "web", "success-rate", "Successful"]
    assert 1 == found[name, "shop", "web", "success-rate", "Failed"]
    assert 1 == found["rollouts_analysis_runs_total", "shop", "web", "Failed"]


def test_what_is_forgotten_leaves_nothing_behind():
    metrics = AnalysisMetrics()
    metrics.count("shop", "web", {}, status(phase="Failed", failed=1))
    metrics.forget("shop", "other")
    assert lines(metrics)

    metrics.forget("shop", "web")
    assert {} == lines(metrics)


def test_label_sets_are_bounded():
    metrics = AnalysisMetrics(series_count_max=2)
    for number in range(5):
        metrics.count("shop", f"web-{number}", {}, status(phase="Failed", failed=1))

    assert 4 == len(lines(metrics))  # two of each family

"""The forecast: what a Rollout will do and when, from its manifest alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rollouts.api.problems import InvalidSpec
from rollouts.simulate.forecast import forecast

START = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def manifest(*steps, replicas=5, routed=True, **canary):
    canary["steps"] = list(steps)
    if routed:
        canary["stableService"], canary["canaryService"] = "shop-stable", "shop-canary"
        canary["trafficRouting"] = {"nginx": {"stableIngress": "shop"}}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "shop"},
        "spec": {"replicas": replicas, "strategy": {"canary": canary}},
    }


def told(rows):
    return [
        (
            str(row.elapsed),
            f"{row.step}/{row.step_count}",
            row.stable_pods,
            row.canary_pods,
            row.weight,
        )
        for row in rows
    ]


def test_a_routed_canary_is_told_step_by_step():
    rows = forecast(
        manifest({"setWeight": 10}, {"pause": {"duration": "10m"}}, {"setWeight": 50}),
        start=START,
        ready_seconds=10,
    )

    assert told(rows) == [
        ("0:00:00", "1/3", 5, 0, 0),
        ("0:00:10", "2/3", 5, 1, 10),
        ("0:10:10", "3/3", 5, 1, 10),
        ("0:10:20", "3/3", 5, 3, 50),
        ("0:10:30", "3/3", 5, 5, 100),
        ("0:10:32", "3/3", 5, 5, 0),
        ("0:11:02", "3/3", 0, 5, 0),
    ]
    assert rows[1].what == "1 pod of the canary ready; canary weight from 0 to 10; pause of 10m"
    assert rows[-1].at == START + timedelta(minutes=11, seconds=2)


def test_pods_alone_are_told_without_a_weight():
    rows = forecast(
        manifest({"setWeight": 40}, {"pause": {"duration": 60}}, routed=False, replicas=5),
        start=START,
    )

    assert {row.weight for row in rows} == {None}
    assert any((row.stable_pods, row.canary_pods) == (3, 2) for row in rows)
    assert (rows[-1].stable_pods, rows[-1].canary_pods) == (0, 5)


def test_a_pause_without_an_end_is_shown_and_promoted_with_a_note():
    rows = forecast(manifest({"setWeight": 20}, {"pause": {}}), start=START)
    noted = [row for row in rows if row.note]

    assert [(row.what.split("; ")[-1], row.note) for row in noted] == [
        ("pause until promoted", "promoted here automatically")
    ]
    assert rows[-1].canary_pods == 5


def test_a_rollout_without_steps_is_told_too():
    rows = forecast(manifest(), start=START)

    assert rows[-1].step_count == 0
    assert (rows[-1].stable_pods, rows[-1].canary_pods) == (0, 5)


def test_slow_pods_make_it_longer():
    quick, slow = (
        forecast(manifest({"setWeight": 50}), start=START, ready_seconds=seconds)[-1].elapsed
        for seconds in (1, 60)
    )

    assert slow - quick == timedelta(seconds=118)


def test_no_replicas_and_one_replica_come_to_an_end():
    for replicas in (0, 1):
        rows = forecast(manifest({"setWeight": 50}, replicas=replicas), start=START)

        assert rows[-1].canary_pods == replicas
        assert "nothing more happens" not in rows[-1].what


def test_a_month_of_pause_takes_no_time():
    rows = forecast(manifest({"setWeight": 5}, {"pause": {"duration": "720h"}}), start=START)

    assert rows[-1].elapsed > timedelta(days=30)


def test_the_same_manifest_is_told_the_same_way():
    steps = ({"setWeight": 20}, {"pause": {"duration": 5}}, {"setCanaryScale": {"replicas": 4}})

    assert forecast(manifest(*steps), start=START) == forecast(manifest(*steps), start=START)


def test_an_invalid_manifest_is_refused_with_all_its_problems():
    with pytest.raises(InvalidSpec) as refused:
        forecast(manifest({"setWeight": 101}, {"pause": {"duration": "soon"}}), start=START)

    assert len(refused.value.problems) == 2


def test_analysis_is_named_and_taken_as_a_success():
    analysis = {"templates": [{"templateName": "errors"}]}
    steps = ({"setWeight": 20}, {"analysis": analysis}, {"setWeight": 60})
    rows = forecast(manifest(*steps, analysis=analysis), start=START)
    (row,) = [each for each in rows if "analysis decides" in each.what]

    assert "taken as a success at once" == row.note
    assert any("healthy" in each.what for each in rows)

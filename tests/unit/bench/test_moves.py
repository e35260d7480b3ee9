"""From commits to what the benches measure."""

from __future__ import annotations

from datetime import timedelta

import pytest
from unit.bench.words import START, at, call, commit

from bench.cold import count_passes, right_writes
from bench.controller import LaboratoryError
from bench.lateness import find_moves
from bench.processes import Busyness
from bench.writes import WEIGHTS, judge
from rollouts.api.times import format_time

PAUSE = timedelta(seconds=8)


def status(seconds, pause_started_at=None, **facts):
    started = None if pause_started_at is None else format_time(at(pause_started_at))
    facts = {"phase": "Progressing", "is_fresh": True, **facts}
    return commit("rollouts", seconds=seconds, pause_started_at=started, **facts)


def weight(seconds, value, **words):
    return commit("ingresses", seconds=seconds, weight=value, **words)


def test_a_move_is_as_late_as_it_is_after_the_stored_start_and_the_pause():
    moves = find_moves([weight(1, "10"), status(1, 1), weight(9.25, "30"), status(9.3)], PAUSE)

    assert [move.late_seconds for move in moves] == [0.25]


def test_a_move_before_the_end_of_its_pause_has_a_negative_lateness():
    moves = find_moves([status(1, 1), weight(8.5, "30")], PAUSE)

    assert [move.late_seconds for move in moves] == [-0.5]


def test_counters_written_during_a_pause_change_nothing():
    moves = find_moves([status(1, 1), status(3, 1), weight(10, "30")], PAUSE)

    assert [move.late_seconds for move in moves] == [1.0]


def test_a_weight_that_no_pause_came_before_is_not_measured():
    assert find_moves([weight(1, "10"), status(2), weight(3, "0")], PAUSE) == ()


def test_pauses_are_numbered_for_each_rollout_on_its_own():
    commits = [
        status(1, 1),
        weight(9, "30"),
        status(9, 9),
        weight(17, "50"),
        commit("rollouts", namespace="other", pause_started_at=format_time(START)),
        weight(8, "30", namespace="other"),
    ]

    found = [(move.namespace, move.pause_index) for move in find_moves(commits, PAUSE)]

    assert found == [("shop", 0), ("shop", 1), ("other", 0)]


def canary(weights=WEIGHTS):
    moves = [weight(1 + index, value) for index, value in enumerate(weights)]
    healthy = [status(0, phase="Healthy", is_fresh=True), status(7, phase="Healthy")]
    return [*moves, *healthy, commit("replicasets", seconds=9, wanted=0, pods=0)]


def test_calls_of_a_canary_are_cut_where_its_former_pods_end():
    calls = [call("patch", "ingresses", seconds=second) for second in (1, 5, 9.5)]
    calls.append(call("patch", "rollouts", subresource="status", seconds=7.01))
    calls.append(call("patch", "replicasets", seconds=8))

    judged = judge(calls, canary(), START)

    assert (judged.until_end.writes, judged.after.writes) == (4, 1)
    assert judged.until_healthy.writes == 3


def test_a_canary_that_skipped_a_weight_gives_no_figures():
    with pytest.raises(LaboratoryError, match="the weights were"):
        judge([], canary(weights=("10", "50", "100", "0")), START)


def test_the_right_write_is_our_own_and_of_the_next_size():
    commits = [
        commit("replicasets", seconds=1, wanted=1, namespace="small"),
        commit("replicasets", seconds=2, wanted=2, namespace="copied", manager="unknown"),
        commit("replicasets", seconds=3, wanted=2, namespace="due"),
        commit("replicasets", seconds=4, wanted=2, namespace="due"),
        commit("rollouts", seconds=5, wanted=2, namespace="other"),
    ]

    assert right_writes(commits) == {"due": at(3).timestamp()}


def test_passes_are_counted_once_for_each_rollout_that_had_one():
    text = (
        'rollout_reconcile_bucket{namespace="a",name="x",le="+Inf"} 3.0\n'
        'rollout_reconcile_count{namespace="a",name="x"} 3.0\n'
        'rollout_reconcile_count{namespace="b",name="x"} 1.0\n'
        'rollout_reconcile_count{namespace="c",name="x"} 0.0\n'
        'rollout_reconcile_sum{namespace="a",name="x"} 0.1\n'
    )

    assert count_passes(text) == 2


def test_others_had_what_the_machine_was_busy_with_beside_us(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})

    share = Busyness(110.0, 1012.0, 57.0).strangers_percent(Busyness(100.0, 1000.0, 50.0))

    assert share == pytest.approx(25.0)


def test_a_share_of_others_is_never_negative():
    later = Busyness(110.0, 1000.0, 60.0)

    assert later.strangers_percent(Busyness(100.0, 1000.0, 50.0)) == 0

"""Virtual time: only the scheduler moves it, and ties are broken by the seed."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from rollouts.simulate.clock import EPOCH, Clock, HostClock, format_elapsed, to_ms, to_wall
from rollouts.simulate.scheduler import Scheduler
from rollouts.simulate.seeds import Seeds


def never():
    return False


def run(seed, *timers):
    clock, log = Clock(), []
    scheduler = Scheduler(clock, Random(seed))
    for at_ms, name in timers:
        scheduler.at(at_ms, lambda name=name: log.append((clock.ms, name)))
    scheduler.run_until(1000, stop=never)
    return log, clock.ms


def test_timers_run_in_order_of_time_and_the_clock_moves_to_each():
    log, end = run(1, (30, "c"), (10, "a"), (20, "b"))

    assert log == [(10, "a"), (20, "b"), (30, "c")]
    assert end == 1000


def test_a_timer_at_the_limit_runs_and_one_behind_it_does_not():
    log, _ = run(1, (1000, "at"), (1001, "behind"))

    assert log == [(1000, "at")]


def test_ties_depend_on_the_seed_alone():
    timers = [(5, name) for name in "abcdefgh"]
    orders = {"".join(name for _, name in run(seed, *timers)[0]) for seed in range(20)}

    assert len(orders) > 10
    assert run(3, *timers) == run(3, *timers)


def test_a_cancelled_timer_does_not_run_and_may_be_cancelled_twice():
    clock, log = Clock(), []
    scheduler = Scheduler(clock, Random(1))
    timer = scheduler.at(5, lambda: log.append("ran"))
    timer.cancel()
    timer.cancel()
    scheduler.run_until(10, stop=never)

    assert log == []
    assert scheduler.event_count == 0


def test_a_timer_in_the_past_runs_now():
    clock = Clock(50)
    scheduler = Scheduler(clock, Random(1))
    timer = scheduler.at(10, lambda: None)

    assert timer.at_ms == 50


def test_running_stops_as_soon_as_it_is_told_to():
    clock, log = Clock(), []
    scheduler = Scheduler(clock, Random(1))
    for at_ms in (1, 2, 3):
        scheduler.at(at_ms, lambda at_ms=at_ms: log.append(at_ms))
    scheduler.run_until(10, stop=lambda: len(log) == 2)

    assert log == [1, 2]
    assert clock.ms == 2


def test_the_clock_never_runs_backwards():
    clock = Clock(10)

    with pytest.raises(AssertionError, match="step back"):
        clock.move_to(9)


def test_a_host_clock_is_wrong_by_its_offset_and_knows_when_it_will_show_a_time():
    world = Clock(1000)
    host = HostClock(world, offset_ms=250)

    assert host.now() == EPOCH + timedelta(milliseconds=1250)
    assert host.to_world_ms(EPOCH + timedelta(seconds=2)) == 1750


@pytest.mark.parametrize(
    ("microseconds", "ms"), [(0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2), (-1, 0)]
)
def test_wall_times_are_rounded_up_to_milliseconds(microseconds, ms):
    assert to_ms(EPOCH + timedelta(microseconds=microseconds)) == ms


def test_wall_and_world_time_are_inverse():
    assert to_ms(to_wall(123_456)) == 123_456


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "0:00:00.000"), (61_001, "0:01:01.001"), (36_000_000, "10:00:00.000")]
)
def test_elapsed_time_reads_as_a_clock(ms, text):
    assert format_elapsed(ms) == text


def test_each_actor_has_luck_of_its_own():
    seeds = Seeds(7)

    assert seeds.child("pods").random() == Seeds(7).child("pods").random()
    assert seeds.child("pods").random() != seeds.child("people").random()
    assert seeds.child("pods").random() != Seeds(8).child("pods").random()

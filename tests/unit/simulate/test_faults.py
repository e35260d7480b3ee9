"""Faults: most are off, the rest come and go, and calm ends all of them."""

from __future__ import annotations

import itertools
from random import Random

from rollouts.api.refs import SERVICE
from rollouts.kube.errors import Unknown
from rollouts.simulate.clock import HOUR, SECOND, Clock
from rollouts.simulate.driver import Call, Verb
from rollouts.simulate.faults import OF_ANALYSIS, SERVED, Fault, Rates, Weather, draw_rates

WRITE = Call(Verb.PATCH, SERVICE, "shop", "web")
READ = Call(Verb.GET, SERVICE, "shop", "web")


def weather(**rates):
    clock = Clock()
    of = {Fault(name.replace("_", "-")): rate for name, rate in rates.items()}
    return Weather(Rates(of), clock, Random(1)), clock


def test_a_tenth_of_the_runs_has_no_faults_and_most_have_few():
    drawn = [draw_rates(Random(seed)).of for seed in range(500)]
    without = sum(not rates for rates in drawn)
    most = sum(len(rates) > 14 for rates in drawn)

    assert 30 < without < 80
    assert 20 < most < 100
    assert {fault for rates in drawn for fault in rates} == set(Fault) - set(OF_ANALYSIS)


def test_no_rate_exceeds_one_and_a_fault_that_is_off_is_absent():
    rates = [rate for seed in range(200) for rate in draw_rates(Random(seed)).of.values()]

    assert min(rates) > 0
    assert max(rates) <= 1


def test_without_faults_every_call_is_served():
    calm, _ = weather()

    assert all(calm.judge(call) is SERVED for call in (WRITE, READ) for _ in range(100))


def test_a_fault_comes_and_goes_in_spells():
    storm, clock = weather(conflict=1.0)
    seen = []
    while clock.ms < HOUR:
        seen.append(storm.rate(Fault.CONFLICT) > 0)
        clock.move_to(clock.ms + SECOND)
    changes = sum(before != after for before, after in itertools.pairwise(seen))

    assert 20 < changes < 300
    assert 0.2 < sum(seen) / len(seen) < 0.8


def test_a_lost_answer_was_performed_or_not():
    storm, clock = weather(lost_answer=1.0)
    performed = set()
    while clock.ms < HOUR:
        verdict = storm.judge(WRITE)
        if verdict.refused is not None:
            assert isinstance(verdict.refused, Unknown)
            performed.add(verdict.is_performed)
        clock.move_to(clock.ms + SECOND)

    assert performed == {True, False}
    assert storm.struck[Fault.LOST_ANSWER] > 10


def test_a_read_is_never_lost_and_never_kills():
    storm, clock = weather(lost_answer=1.0, crash_before=1.0, crash_after=1.0, conflict=1.0)
    while clock.ms < HOUR:
        assert storm.judge(READ) is SERVED
        clock.move_to(clock.ms + SECOND)


def test_calm_ends_everything_for_good():
    storm, clock = weather(conflict=1.0, slow_call=1.0, crash_idle=1.0)
    storm.calm()
    while clock.ms < HOUR:
        assert storm.judge(WRITE) is SERVED
        assert storm.latency_ms() < 20
        clock.move_to(clock.ms + SECOND)

    assert storm.next_incident_ms(Fault.CRASH_IDLE) is None


def test_rates_read_as_one_line():
    assert str(Rates()) == "none"
    assert str(Rates({Fault.CONFLICT: 0.5})) == "conflict=0.50"

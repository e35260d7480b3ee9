"""Counting calls."""

from __future__ import annotations

from unit.bench.words import call

from bench.calls import tally


def test_nothing_counts_nothing():
    counted = tally([])

    assert (counted.writes, counted.events, counted.reads, counted.by_call) == (0, 0, 0, ())


def test_the_lease_is_in_no_number_but_its_own():
    calls = [call("get", "leases"), call("update", "leases"), call("update", "leases", code=409)]

    counted = tally(calls)

    assert counted.leases == 3
    assert (counted.writes, counted.reads, counted.failures) == (0, 0, 0)


def test_events_are_counted_apart_from_other_writes():
    counted = tally([call("create", "events"), call("create", "replicasets")])

    assert (counted.writes, counted.events) == (1, 1)


def test_watches_and_discovery_are_no_writes_and_a_watch_is_no_read():
    calls = [call("watch", "services"), call("list", "services"), call("discover", "/version")]

    counted = tally(calls)

    assert (counted.watches, counted.reads, counted.writes) == (1, 2, 0)


def test_a_refused_write_is_a_write_and_a_failure():
    counted = tally([call("patch", "rollouts", subresource="status", code=409)])

    assert (counted.writes, counted.failures) == (1, 1)


def test_writes_are_broken_down_by_verb_and_subresource_the_most_frequent_first():
    calls = [
        call("patch", "services"),
        call("patch", "rollouts", subresource="status"),
        call("patch", "rollouts", subresource="status"),
        call("create", "events"),
    ]

    assert tally(calls).by_call == (
        ("patch rollouts/status", 2),
        ("create events", 1),
        ("patch services", 1),
    )

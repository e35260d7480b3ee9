"""When a unit is synced: requests, automation, self-heal and retries."""

from dataclasses import replace
from datetime import timedelta

import pytest
from shell.gitops_words import NOW, at, key, unit

from rollouts.gitops.decide import End, Hold, Situation, Sync, backoff, decide, may_retry
from rollouts.gitops.model import Attempt, Phase, Request, RetryPolicy

A, B = key(name="a"), key(name="b")


def seen(**fields):
    fields = {"revision": "r2", "digest": "d2", "declared_count": 3, **fields}
    return Situation(**fields)


def attempt(phase=Phase.SUCCEEDED, digest="d2", finished=NOW, **fields):
    fields = {"started_at": NOW, **fields}
    return Attempt(phase, "r2", digest, finished_at=finished, **fields)


def test_nothing_differs_so_nothing_is_done():
    assert decide(unit(), seen(), NOW) == Hold()


def test_without_automation_nothing_is_done_unasked():
    assert decide(unit(automated=False), seen(drifted=(A,)), NOW) == Hold()


def test_a_new_revision_is_applied():
    for last in (
        None,
        attempt(digest="d1"),
        attempt(Phase.FAILED, "d1"),
        attempt(Phase.RUNNING, "d1"),
    ):
        decision = decide(unit(), seen(drifted=(A,), attempt=last), at(1))
        assert decision == Sync(prune=True, started_at=at(1))


def test_no_two_syncs_begin_in_one_second():
    decision = decide(unit(), seen(drifted=(A,), attempt=attempt(digest="d1")), NOW)

    assert decision == Sync(prune=True, started_at=at(1))


def test_what_takes_the_place_of_an_unfinished_sync_is_one_even_without_a_difference():
    unfinished = seen(attempt=attempt(Phase.RUNNING, "d1", finished=None))

    assert decide(unit(), unfinished, at(5)) == Sync(prune=True, started_at=at(5))
    assert decide(unit(), seen(attempt=attempt(digest="d1")), at(5)) == Hold()


def test_a_failed_sync_with_hooks_for_that_case_goes_on_with_them():
    failing = attempt(Phase.RUNNING, finished=None, failure="a failed", retries=5)

    assert decide(unit(), seen(attempt=failing), at(1)).failure == "a failed"


def test_only_a_whole_sync_runs_hooks():
    whole = Sync(prune=True, started_at=NOW)

    assert whole.runs_hooks
    assert not replace(whole, only=(A,)).runs_hooks
    assert not replace(whole, dry_run=True).runs_hooks
    assert not replace(whole, hooks=False).runs_hooks


def test_only_something_to_prune_and_no_pruning_is_left_alone():
    assert decide(unit(prune=False), seen(stale=(A,)), NOW) == Hold()
    assert isinstance(decide(unit(prune=True), seen(stale=(A,)), NOW), Sync)


def test_drift_of_an_applied_revision_waits_for_self_heal():
    assert decide(unit(self_heal=False), seen(drifted=(A,), attempt=attempt()), NOW) == Hold()


def test_a_heal_is_partial():
    decision = decide(unit(), seen(drifted=(A,), stale=(B,), attempt=attempt()), at(1))

    assert decision == Sync(prune=True, started_at=at(1), only=(A, B), heals=1)


@pytest.mark.parametrize(
    ("heals", "delay"), [(0, 0), (1, 2), (2, 6), (3, 18), (4, 54), (5, 162), (6, 300), (60, 300)]
)
def test_heals_in_a_row_wait_longer_and_longer(heals, delay):
    situation = seen(drifted=(A,), attempt=attempt(heals=heals))

    if delay:
        assert decide(unit(), situation, at(delay - 1)) == Hold(at(delay))
    decision = decide(unit(), situation, at(delay))
    assert isinstance(decision, Sync)
    assert decision.heals == heals + 1


def test_heals_are_forgotten_after_ten_clean_minutes():
    situation = seen(drifted=(A,), attempt=attempt(heals=5))

    assert decide(unit(), situation, at(599)).heals == 6
    assert decide(unit(), situation, at(600)).heals == 1


def test_a_failed_try_goes_on_after_its_backoff():
    situation = seen(drifted=(A,), attempt=attempt(Phase.RUNNING, retries=2))

    assert decide(unit(), situation, at(9)) == Hold(at(10))
    assert decide(unit(), situation, at(10)) == Sync(
        prune=True, started_at=NOW, continues=True, retries=2
    )


def test_a_waiting_sync_goes_on_at_once():
    situation = seen(drifted=(A,), attempt=attempt(Phase.RUNNING, finished=None))

    assert decide(unit(), situation, at(1)) == Sync(prune=True, started_at=NOW, continues=True)


def test_a_waiting_sync_ends_even_when_nothing_is_left_to_do():
    situation = seen(attempt=attempt(Phase.RUNNING, finished=None))

    assert isinstance(decide(unit(), situation, NOW), Sync)


def test_a_sync_that_used_up_its_tries_goes_on_slowly_and_says_so():
    last = attempt(Phase.FAILED, retries=5, message="no luck")
    situation = seen(drifted=(A,), attempt=last)

    held = decide(unit(), situation, at(599))

    assert held.wake_at == at(600)
    assert "no luck (tried 6 times)" in held.conditions[0].message
    assert decide(unit(), situation, at(600)) == Sync(prune=True, started_at=at(600), retries=6)


def test_a_person_does_not_wait_for_a_backoff():
    for phase, fields in (
        (Phase.FAILED, {}),
        (Phase.RUNNING, {"retries": 9}),
        (Phase.SUCCEEDED, {"heals": 9}),
    ):
        situation = seen(drifted=(A,), attempt=attempt(phase, **fields), forced=True)
        assert isinstance(decide(unit(), situation, at(1)), Sync)


def test_everything_gone_from_git_deletes_nothing():
    situation = seen(stale=(A, B), declared_count=0)

    held = decide(unit(), situation, NOW)

    assert isinstance(held, Hold)
    assert held.conditions[0].type == "SyncError"
    assert "all 2" in held.conditions[0].message
    assert isinstance(decide(unit(allow_empty=True), situation, NOW), Sync)


def test_one_object_left_in_git_is_no_wipe_out():
    assert isinstance(decide(unit(), seen(stale=(A, B), declared_count=1), NOW), Sync)


def test_a_request_may_not_wipe_out_either():
    situation = seen(stale=(A,), declared_count=0, request=Request(prune=True))

    assert isinstance(decide(unit(automated=False), situation, NOW), End)
    harmless = seen(stale=(A,), declared_count=0, request=Request())
    assert isinstance(decide(unit(automated=False), harmless, NOW), Sync)


def test_a_request_is_carried_out_as_it_says():
    request = Request(prune=True, dry_run=True, only=(A,))

    decision = decide(unit(automated=False), seen(request=request), NOW)

    assert decision == Sync(prune=True, started_at=NOW, automated=False, dry_run=True, only=(A,))


def test_a_request_takes_the_place_of_an_automated_sync():
    running = attempt(Phase.RUNNING, finished=None, retries=3)

    decision = decide(unit(), seen(request=Request(), attempt=running), at(5))

    assert decision == Sync(prune=False, started_at=at(5), automated=False)


def test_a_request_goes_on_until_git_says_something_else():
    running = attempt(Phase.RUNNING, finished=None, automated=False)

    assert decide(unit(), seen(request=Request(), attempt=running), at(5)).continues
    other = replace(seen(request=Request(), attempt=running), digest="other")
    assert decide(unit(), other, at(5)) == Sync(prune=False, started_at=at(5), automated=False)


def test_a_request_is_retried_by_its_own_policy():
    running = attempt(Phase.RUNNING, automated=False, retries=1)
    request = Request(retry=RetryPolicy(limit=3, delay=timedelta(seconds=20)))
    situation = seen(request=request, attempt=running)

    assert decide(unit(), situation, at(19)) == Hold(at(20))
    assert decide(unit(), situation, at(20)).retries == 1


def test_termination_ends_an_operation_before_anything_else():
    terminating = attempt(Phase.TERMINATING, automated=False)

    assert isinstance(decide(unit(), seen(request=Request(), attempt=terminating), NOW), End)


def test_automation_that_is_switched_off_ends_its_sync():
    running = attempt(Phase.RUNNING, finished=None)

    assert isinstance(decide(unit(automated=False), seen(attempt=running), NOW), End)


def test_the_record_of_a_peer_counts_by_its_revision():
    same = Attempt(Phase.SUCCEEDED, "r2", finished_at=NOW)
    other = Attempt(Phase.SUCCEEDED, "r1", finished_at=NOW)

    assert decide(unit(), seen(drifted=(A,), attempt=same), NOW).only == (A,)
    assert decide(unit(), seen(drifted=(A,), attempt=other), NOW).only is None


@pytest.mark.parametrize(
    ("tries", "seconds"), [(-1, 5), (0, 5), (1, 10), (5, 160), (6, 180), (7, 180), (10**6, 180)]
)
def test_backoff_doubles_up_to_its_limit(tries, seconds):
    assert backoff(RetryPolicy(), tries) == timedelta(seconds=seconds)


def test_backoff_survives_enormous_factors():
    policy = RetryPolicy(factor=10**9, delay_max=timedelta(days=1))

    assert backoff(policy, 30) == timedelta(days=1)


@pytest.mark.parametrize(
    ("limit", "retries", "expected"),
    [(0, 0, False), (5, 4, True), (5, 5, False), (-1, 10**6, True)],
)
def test_retries_are_limited(limit, retries, expected):
    assert may_retry(RetryPolicy(limit=limit), retries) is expected

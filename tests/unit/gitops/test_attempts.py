"""How an operation stands after a pass."""

from datetime import timedelta

from shell.gitops_words import NOW, at, key, unit

from rollouts.gitops.attempts import attempt_after, begin, wake_after
from rollouts.gitops.decide import Sync
from rollouts.gitops.model import Outcome, Phase, RetryPolicy, SyncResult
from rollouts.gitops.outcome import Applied, Waiting

UNIT = unit()
QUICK = RetryPolicy(limit=2)


def started(**fields):
    return begin(Sync(prune=True, started_at=NOW, **fields), revision="r", digest="d")


def after(applied, now=NOW, retry=QUICK, **fields):
    return attempt_after(UNIT, started(**fields), applied, retry=retry, now=now)


def test_a_done_sync_has_succeeded_and_says_what_it_did():
    results = [SyncResult(key(), "v1", outcome) for outcome in (Outcome.CREATED, Outcome.PRUNED)]

    attempt = after(Applied(results=results), at(3))

    assert (attempt.phase, attempt.finished_at) == (Phase.SUCCEEDED, at(3))
    assert attempt.message == "successfully synced (1 created, 1 pruned)"
    assert wake_after(UNIT, attempt, None, QUICK) is None


def test_a_failed_try_is_followed_by_a_quick_one():
    attempt = after(Applied(errors=["x failed"]))

    assert (attempt.phase, attempt.retries, attempt.finished_at) == (Phase.RUNNING, 1, NOW)
    assert wake_after(UNIT, attempt, None, QUICK) == at(5)


def test_the_last_quick_try_fails_for_good_and_goes_on_slowly():
    attempt = after(Applied(errors=["x failed"]), retries=2)

    assert (attempt.phase, attempt.retries) == (Phase.FAILED, 2)
    assert wake_after(UNIT, attempt, None, QUICK) == at(600)


def test_what_only_git_can_cure_is_not_tried_quickly():
    attempt = after(Applied(errors=["field is wrong"], fatal=True))

    assert (attempt.phase, attempt.fatal, attempt.retries) == (Phase.FAILED, True, 0)


def test_waiting_keeps_the_operation_running_until_its_deadline():
    applied = Applied(waiting=Waiting("waiting for wave 0"))

    attempt = after(applied, at(599))

    assert (attempt.phase, attempt.finished_at) == (Phase.RUNNING, None)
    assert wake_after(UNIT, attempt, applied.waiting, QUICK) == at(600)
    late = after(applied, at(600), retry=RetryPolicy(limit=0))
    assert late.phase is Phase.FAILED
    assert "timed out after 10 minutes" in late.message


def test_rollouts_are_waited_for_as_long_as_they_take():
    applied = Applied(waiting=Waiting("canary", unhurried=True))

    attempt = after(applied, NOW + timedelta(days=3))

    assert attempt.phase is Phase.RUNNING
    assert wake_after(UNIT, attempt, applied.waiting, QUICK) is None


def test_a_failed_object_ends_the_waiting():
    applied = Applied(waiting=Waiting("failed in wave 0", failed=True))

    assert after(applied, retry=RetryPolicy(limit=0)).phase is Phase.FAILED


def test_many_errors_are_counted_not_listed():
    attempt = after(Applied(errors=[f"error {n}" for n in range(8)]), retry=RetryPolicy(limit=0))

    assert attempt.message.endswith("error 4; and 3 more")


def test_heals_are_carried_along():
    assert after(Applied(), heals=4).heals == 4

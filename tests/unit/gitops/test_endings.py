"""How a sync ends that a person asked for, or ends, while Git cannot be read."""

import pytest
from shell.gitops_words import NOW, at, unit

from rollouts.api.refs import Kind
from rollouts.gitops.endings import end_without_content, must_end
from rollouts.gitops.hook_release import Recorded
from rollouts.gitops.model import Attempt, HookRecord, Phase, ResourceKey
from rollouts.gitops.tracking import with_mark

JOB = Kind("batch", "v1", "Job", "jobs")
KEY = ResourceKey("batch", "Job", "shop", "migrate")


def attempt(phase, *, automated=True):
    return Attempt(phase, "abc", started_at=at(-60), automated=automated)


def recorded(*, verdict=""):
    """A hook that is recorded as running, and its Job."""
    conditions = [{"type": verdict, "status": "True"}] if verdict else []
    manifest = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": "migrate",
            "namespace": "shop",
            "finalizers": ["argocd.argoproj.io/hook-finalizer"],
        },
        "status": {"conditions": conditions},
    }
    one = unit()
    live = with_mark(manifest, one.id, KEY, name=one.tracking_name, destination="shop")
    return Recorded((HookRecord(KEY, "v1", "PreSync"),), {KEY: live}, {KEY: JOB})


def end(last, hooks=None, now=NOW):
    return end_without_content(
        unit(),
        last,
        hooks or Recorded(),
        error="no such revision",
        revision="def",
        now=now,
        control_namespace="argocd",
    )


@pytest.mark.parametrize(
    ("phase", "asked", "ends"),
    [
        (None, False, False),
        (None, True, True),
        (Phase.RUNNING, False, False),
        (Phase.RUNNING, True, True),
        (Phase.TERMINATING, False, True),
        (Phase.FAILED, False, False),
    ],
)
def test_only_what_a_person_wants_has_to_end(phase, asked, ends):
    last = attempt(phase) if phase else None

    assert must_end(last, asked=asked) is ends


def test_a_request_ends_with_the_reason():
    found = end(None)

    assert (found.attempt.phase, found.attempt.message) == (Phase.ERROR, "no such revision")
    assert found.attempt.started_at == NOW
    assert found.answered


def test_it_begins_in_a_later_second_than_the_last_one():
    last = Attempt(Phase.SUCCEEDED, "abc", started_at=NOW)

    assert end(last).attempt.started_at == at(1)


def test_a_sync_of_ours_goes_on_and_the_request_is_taken_back():
    found = end(attempt(Phase.RUNNING), recorded())

    assert (found.attempt, found.releases, found.answered) == (None, (), True)
    assert found.refusal == "a sync that was asked for did not begin: no such revision"


@pytest.mark.parametrize("last", [attempt(Phase.RUNNING, automated=False), attempt(Phase.FAILED)])
def test_a_request_waits_for_hooks_that_run(last):
    found = end(last, recorded())

    assert (found.attempt, found.releases, found.answered) == (None, (), False)
    assert "PreSync hook Job/shop/migrate" in found.waits_for.message


def test_hooks_that_have_ended_are_let_go():
    found = end(attempt(Phase.RUNNING, automated=False), recorded(verdict="Complete"))

    assert found.attempt.phase is Phase.ERROR
    assert [(each.key, each.delete) for each in found.releases] == [(KEY, False)]
    assert found.hooks == ()


def test_what_a_person_ends_has_failed_and_its_hooks_are_deleted():
    found = end(attempt(Phase.TERMINATING), recorded())

    assert found.attempt.phase is Phase.FAILED
    assert found.attempt.started_at == at(-60)
    assert [(each.key, each.delete) for each in found.releases] == [(KEY, True)]
    assert [each.key for each in found.hooks] == [KEY]

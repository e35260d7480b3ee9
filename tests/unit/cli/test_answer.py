"""Whether a request was carried out, told from the object and the Events about it."""

from __future__ import annotations

import pytest

from rollouts.cli.answer import find_refusal, is_carried_out, is_waiting

UID = "rollout-uid"


def rollout(version, *, annotations=None, last_request="", **spec):
    return {
        "metadata": {
            "uid": UID,
            "resourceVersion": str(version),
            "annotations": annotations or {},
        },
        "spec": {"template": "first", **spec},
        "status": {"lastRequest": last_request} if last_request else {},
    }


def refusal(message, version, *, uid=UID, reason="RequestRefused"):
    return {
        "reason": reason,
        "message": message,
        "involvedObject": {"uid": uid, "resourceVersion": str(version)},
    }


ASKED = rollout(100)


@pytest.mark.parametrize(
    ("annotations", "waits"),
    [
        ({}, False),
        ({"rollouts.dev/promote": "true"}, True),
        ({"rollouts.dev/accepted": "{}"}, True),
        ({"rollouts.dev/abort": "true"}, False),
    ],
)
def test_a_request_waits_while_it_or_its_acceptance_stands_there(annotations, waits):
    assert is_waiting(rollout(100, annotations=annotations), "promote") is waits


@pytest.mark.parametrize(
    ("verb", "value", "now", "is_done"),
    [
        ("promote", "true", rollout(103, last_request="promote-100"), True),
        ("promote", "true", rollout(103, last_request="promote-99"), False),
        ("promote", "true", rollout(103, last_request="nonsense"), False),
        ("promote", "true", rollout(103), False),
        ("abort", "errors", rollout(103, last_request="abort-101"), True),
        ("pause", "true", rollout(103, paused=True), True),
        ("pause", "true", rollout(103), False),
        ("pause", "false", rollout(103), False),
        ("pause", "false", rollout(103, last_request="promote-100"), True),
        ("rollback", "previous", rollout(103, template="second"), True),
        ("rollback", "previous", rollout(103), False),
        ("restart", "true", rollout(103, restartAt="2026-01-31T12:00:00Z"), True),
        ("restart", "true", rollout(103), False),
    ],
)
def test_what_was_done_shows_in_the_object(verb, value, now, is_done):
    assert is_carried_out(verb, value, asked=ASKED, now=now) is is_done


def test_a_rollout_that_was_paused_before_shows_nothing():
    paused = rollout(100, paused=True)

    assert not is_carried_out("pause", "true", asked=paused, now=rollout(103, paused=True))
    assert is_carried_out("pause", "false", asked=paused, now=rollout(103, paused=False))


def test_a_restart_at_a_time_that_stood_there_already_is_done():
    asked = rollout(100, restartAt="2026-01-31T12:00:00Z")
    now = rollout(103, restartAt="2026-01-31T12:00:00Z")

    assert is_carried_out("restart", "2026-01-31T13:00:00+01:00", asked=asked, now=now)
    assert not is_carried_out("restart", "true", asked=asked, now=now)


def test_the_event_about_this_version_says_why_a_request_is_refused():
    message = "rollouts.dev/retry='true' is refused: the rollout is not aborted"
    events = [
        refusal("rollouts.dev/abort='true' is refused: nothing to abort", 100),
        refusal("rollouts.dev/retry='true' is refused: of somebody else", 100, uid="other"),
        refusal("rollouts.dev/retry='true' of another kind", 100, reason="RolloutRetry"),
        refusal(message, 100),
    ]

    assert find_refusal(events, "retry", "true", asked=ASKED) == message


def test_an_equal_refusal_of_a_moment_ago_counts_because_equal_events_are_one():
    message = "rollouts.dev/retry='true' is refused: the rollout is not aborted"

    assert find_refusal([refusal(message, 20)], "retry", "true", asked=ASKED) == message


def test_an_older_refusal_of_another_value_does_not_count():
    events = [refusal("rollouts.dev/rollback='9' is refused: no such revision", 20)]

    assert find_refusal(events, "rollback", "previous", asked=ASKED) == ""


def test_events_without_a_version_or_an_object_do_no_harm():
    message = "rollouts.dev/retry='true' is refused: the rollout is not aborted"
    bare = {"reason": "RequestRefused", "message": message}
    unversioned = {**bare, "involvedObject": {"uid": UID}}

    assert find_refusal([bare], "retry", "true", asked=ASKED) == ""
    assert find_refusal([unversioned], "retry", "true", asked=ASKED) == message

"""What is ours in status survives a server that drops it, and nothing else is made of it."""

from __future__ import annotations

import json

import pytest

from rollouts.core.memory import MEMORY, memory_change, own_part, recall, without_own
from rollouts.core.progress import read_progress

PAUSE = {"reason": "CanaryPauseStep", "startTime": "2026-01-01T00:00:00.500000Z"}
WHOLE = {
    "phase": "Paused",
    "currentPodHash": "new",
    "lastRequest": "promote-7",
    "attempt": 2,
    "promotedAt": "2026-01-01T00:00:00Z",
    "abortMessage": "errors",
    "scaleDownDeadlines": {"old": "2026-01-01T00:00:30Z"},
    "pauseConditions": [PAUSE | {"stepIndex": 3}],
    "canary": {"weights": {"canary": {"weight": 40}}, "availableHighWater": 2},
}
PRUNED = {
    "phase": "Paused",
    "currentPodHash": "new",
    "pauseConditions": [PAUSE],
    "canary": {"weights": {"canary": {"weight": 40}}},
}


def _memory(status):
    return memory_change(PRUNED, status, {})


def test_what_was_dropped_is_remembered_whole():
    assert recall(PRUNED, _memory(WHOLE)) == WHOLE


def test_a_server_that_keeps_our_fields_needs_no_annotation():
    assert memory_change(WHOLE, WHOLE, {}) == {}


def test_a_status_without_anything_of_ours_needs_none_either():
    assert memory_change(PRUNED, PRUNED, {}) == {}


def test_what_is_remembered_already_is_not_written_again():
    assert memory_change(PRUNED, WHOLE, _memory(WHOLE)) == {}


def test_a_memory_goes_once_the_definition_is_ours():
    assert memory_change(WHOLE, WHOLE, _memory(WHOLE)) == {MEMORY: None}


def test_a_memory_goes_when_nothing_is_left_to_remember():
    assert memory_change(PRUNED, PRUNED, _memory(WHOLE)) == {MEMORY: None}


def test_what_status_says_itself_wins():
    newer = WHOLE | {"lastRequest": "abort-9", "canary": {"availableHighWater": 5}}

    assert recall(newer, _memory(WHOLE)) == newer


def test_of_a_former_revision_only_deadlines_and_the_request_are_remembered():
    found = recall(PRUNED | {"currentPodHash": "newer"}, _memory(WHOLE))

    assert set(found) - set(PRUNED) == {"lastRequest", "scaleDownDeadlines"}
    assert found["canary"] == PRUNED["canary"]


def test_the_step_of_another_pause_is_not_given_to_this_one():
    """The peer, or a crash between two writes, may have recorded a later pause."""
    later = PRUNED | {"pauseConditions": [PAUSE | {"startTime": "2026-01-01T00:05:00Z"}]}

    assert "stepIndex" not in recall(later, _memory(WHOLE))["pauseConditions"][0]


def test_without_a_memory_a_status_is_itself():
    assert recall(PRUNED, {"team": "shop"}) is PRUNED


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", "7", '{"podHash": 1}', "{}",
        json.dumps({"podHash": "new", "promotedAt": "soon", "scaleDownDeadlines": {"a": 1},
                    "availableHighWater": "2", "pausedSteps": [1], "phase": "Healthy",
                    "lastRequest": None}),
    ],
)  # fmt: skip
def test_what_somebody_wrote_by_hand_does_no_harm(text):
    found = recall(PRUNED, {MEMORY: text})

    assert found == PRUNED
    read_progress(found)


def test_nothing_of_ours_is_nothing():
    assert own_part(PRUNED) == {}


def test_without_our_part_a_status_is_what_the_server_leaves_of_it():
    assert without_own(WHOLE) == PRUNED

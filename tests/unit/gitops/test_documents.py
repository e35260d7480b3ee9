"""Status documents: differences, times and bounds."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shell.gitops_words import NOW, at

from rollouts.api.times import format_time
from rollouts.gitops.frontends.documents import (
    MESSAGE_LENGTH_MAX,
    STATUS_BYTES_MAX,
    bound,
    condition,
    condition_list,
    merge_patch,
    problem_list,
    shorten,
    without_none,
)
from rollouts.gitops.model import Condition

JSON = st.recursive(
    st.integers() | st.text(max_size=3) | st.booleans(),
    lambda inner: (
        st.dictionaries(st.text(max_size=2), inner, max_size=3) | st.lists(inner, max_size=2)
    ),
    max_leaves=8,
)
MAPS = st.dictionaries(st.text(max_size=2), JSON, max_size=4)


def merged(target, patch):
    """Apply a merge patch as RFC 7386 says."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found


@given(MAPS, MAPS)
def test_a_merge_patch_turns_the_one_into_the_other(old, new):
    assert merged(old, merge_patch(old, new)) == new


@given(MAPS)
def test_no_difference_is_no_patch(document):
    assert merge_patch(document, document) == {}


def test_a_missing_status_is_an_empty_one():
    assert merge_patch(None, {"a": 1}) == {"a": 1}


@pytest.mark.parametrize("length", [0, MESSAGE_LENGTH_MAX - 1, MESSAGE_LENGTH_MAX])
def test_short_messages_stay(length):
    assert shorten("x" * length) == "x" * length


def test_a_long_message_is_cut_at_the_bound():
    assert len(shorten("x" * (MESSAGE_LENGTH_MAX + 1))) == MESSAGE_LENGTH_MAX


def test_a_problem_keeps_the_time_it_was_first_seen():
    first = problem_list(None, [Condition("SyncError", "x")], NOW)
    again = problem_list(first, [Condition("SyncError", "x"), Condition("Other", "y")], at(60))

    assert first == [{"type": "SyncError", "message": "x", "lastTransitionTime": format_time(NOW)}]
    assert again[1] == first[0]
    assert again[0]["lastTransitionTime"] == format_time(at(60))


def test_problems_of_one_type_are_told_together_and_once():
    found = problem_list([], [Condition("E", "b"), Condition("E", "a"), Condition("E", "b")], NOW)

    assert [each["message"] for each in found] == ["b; a"]


def test_a_condition_changes_its_time_with_its_status_only():
    ready = condition("Ready", "True", "Done", "x", generation=1)
    first = condition_list([], [ready], NOW)
    same = condition_list(first, [{**ready, "message": "y"}], at(60))
    other = condition_list(first, [{**ready, "status": "False"}], at(60))

    assert same[0]["lastTransitionTime"] == format_time(NOW)
    assert other[0]["lastTransitionTime"] == format_time(at(60))


def huge(count):
    rows = [
        {
            "kind": "ConfigMap",
            "namespace": "shop",
            "name": f"a-config-map-with-a-rather-long-name-{number:05}",
            "status": "Synced",
            "health": {"status": "Healthy"},
        }
        for number in range(count)
    ]
    results = [{**row, "message": "configured " * 5} for row in rows]
    failed = {"kind": "ConfigMap", "name": "bad", "status": "SyncFailed", "message": "why"}
    hook = {"kind": "Job", "name": "migrate", "hookType": "PreSync", "hookPhase": "Succeeded"}
    return {
        "conditions": [{"type": "SyncError", "message": "kept"}],
        "inventory": {"entries": [{"id": f"shop_{n}__ConfigMap", "v": "v1"} for n in range(count)]},
        "resources": rows,
        "operationState": {
            "phase": "Failed",
            "syncResult": {"resources": [*results, failed, hook]},
        },
    }


@pytest.mark.parametrize("count", [0, 1, 2000, 5000])
def test_a_status_stays_below_its_bound_and_keeps_what_matters(count):
    status = huge(count)

    small = bound(status)

    assert len(orjson.dumps(small)) <= STATUS_BYTES_MAX
    assert small["conditions"] == status["conditions"]
    assert small["inventory"] == status["inventory"]
    results = small["operationState"]["syncResult"]["resources"]
    failed = [each for each in results if each.get("status") == "SyncFailed"]
    assert [each["message"] for each in failed] == ["why"]
    assert [each["name"] for each in results if each.get("hookType")] == ["migrate"]


def test_a_small_status_is_left_alone():
    status = huge(3)

    assert bound(status) is status


def test_empty_fields_are_left_out_but_zero_and_false_stay():
    assert without_none({"a": None, "b": "", "c": [], "d": {}, "e": 0, "f": False}) == {
        "e": 0,
        "f": False,
    }

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.emulator.objects import refused

from rollouts.emulator.patches import (
    OPERATIONS_MAX,
    diff_merge_patch,
    equal,
    json_patch,
    merge_patch,
)

RFC_7386 = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]

RFC_6902 = [
    ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
    (
        {"foo": ["bar", "baz"]},
        [{"op": "add", "path": "/foo/1", "value": "qux"}],
        {"foo": ["bar", "qux", "baz"]},
    ),
    ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
    ({"foo": ["a", "b", "c"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["a", "c"]}),
    (
        {"baz": "qux", "foo": "bar"},
        [{"op": "replace", "path": "/baz", "value": "boo"}],
        {"baz": "boo", "foo": "bar"},
    ),
    (
        {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
        [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
        {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
    ),
    (
        {"foo": ["all", "grass", "cows", "eat"]},
        [{"op": "move", "from": "/foo/1", "path": "/foo/3"}],
        {"foo": ["all", "cows", "eat", "grass"]},
    ),
    (
        {"baz": "qux", "foo": ["a", 2, "c"]},
        [
            {"op": "test", "path": "/baz", "value": "qux"},
            {"op": "test", "path": "/foo/1", "value": 2},
        ],
        {"baz": "qux", "foo": ["a", 2, "c"]},
    ),
    (
        {"foo": "bar"},
        [{"op": "add", "path": "/child", "value": {"grandchild": {}}}],
        {"foo": "bar", "child": {"grandchild": {}}},
    ),
    (
        {"foo": "bar"},
        [{"op": "add", "path": "/baz", "value": 1, "xyz": 2}],
        {"foo": "bar", "baz": 1},
    ),
    ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
    (
        {"foo": ["bar"]},
        [{"op": "add", "path": "/foo/-", "value": ["abc", "def"]}],
        {"foo": ["bar", ["abc", "def"]]},
    ),
    ({"a": 1}, [{"op": "add", "path": "", "value": {"b": 2}}], {"b": 2}),
    ({"a": {"b": 1}}, [{"op": "copy", "from": "/a", "path": "/c"}], {"a": {"b": 1}, "c": {"b": 1}}),
    ({"a": [1, 2]}, [{"op": "remove", "path": "/a/-1"}], {"a": [1]}),
]

RFC_6902_REFUSED = [
    ({"baz": "qux"}, [{"op": "test", "path": "/baz", "value": "bar"}]),
    ({"foo": "bar"}, [{"op": "add", "path": "/baz/bat", "value": "qux"}]),
    ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": "10"}]),
    ({"foo": ["a"]}, [{"op": "add", "path": "/foo/2", "value": "b"}]),
    ({"foo": ["a"]}, [{"op": "remove", "path": "/foo/1"}]),
    ({"foo": ["a"]}, [{"op": "remove", "path": "/foo/-"}]),
    ({"foo": 1}, [{"op": "remove", "path": "/bar"}]),
    ({"foo": 1}, [{"op": "add", "path": "/bar"}]),
    ({"foo": 1}, [{"op": "spam", "path": "/foo"}]),
    ({"foo": 1}, [{"path": "/foo", "value": 2}]),
    ({"foo": 1}, [{"op": "add", "path": "foo", "value": 2}]),
    ({"foo": {"a": 1}}, [{"op": "move", "from": "/foo", "path": "/foo/a"}]),
    ({"foo": True}, [{"op": "test", "path": "/foo", "value": 1}]),
]

scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b"])
keys = st.sampled_from(["a", "b", "c", "~", "/", "0"])
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
solid = st.recursive(
    st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(keys, solid, max_size=4)


@pytest.mark.parametrize(("target", "patch", "expected"), RFC_7386)
def test_a_merge_patch_gives_what_rfc_7386_says(target, patch, expected):
    before = copy.deepcopy(target)

    assert expected == merge_patch(target, patch)
    assert before == target


@pytest.mark.parametrize(("document", "operations", "expected"), RFC_6902)
def test_a_json_patch_gives_what_rfc_6902_says(document, operations, expected):
    before = copy.deepcopy(document)

    assert expected == json_patch(document, operations)
    assert before == document


@pytest.mark.parametrize(("document", "operations"), RFC_6902_REFUSED)
def test_a_json_patch_that_cannot_be_applied_is_refused(document, operations):
    message = "the server rejected our request due to an error in our request"

    with refused(422, reason="Invalid", message=message):
        json_patch(document, operations)


def test_a_failing_operation_undoes_the_ones_before_it():
    document = {"a": 1}

    with refused(422):
        json_patch(
            document,
            [{"op": "add", "path": "/b", "value": 2}, {"op": "test", "path": "/a", "value": 9}],
        )
    assert {"a": 1} == document


def test_replace_adds_an_absent_member_as_the_real_library_does():
    assert {"a": 1} == json_patch({}, [{"op": "replace", "path": "/a", "value": 1}])


def test_a_json_patch_may_hold_the_limit_of_operations_and_no_more():
    operation = {"op": "test", "path": "/a", "value": 1}

    assert {"a": 1} == json_patch({"a": 1}, [operation] * OPERATIONS_MAX)
    with refused(413, reason="RequestEntityTooLarge"):
        json_patch({"a": 1}, [operation] * (OPERATIONS_MAX + 1))


@pytest.mark.parametrize("body", [{}, "text", [1], None])
def test_what_is_not_a_list_of_operations_is_a_bad_request(body):
    with refused(400, reason="BadRequest"):
        json_patch({}, body)


def test_an_empty_json_patch_changes_nothing():
    document = {"a": [1]}

    assert json_patch(document, []) is document


def test_a_merge_patch_that_changes_nothing_returns_the_very_object():
    target = {"a": {"b": [1, {"c": 2}]}, "d": "e"}

    assert merge_patch(target, {"a": {"b": [1, {"c": 2}]}, "x": None}) is target


def test_a_merge_patch_shares_what_it_does_not_touch():
    target = {"a": {"b": 1}, "c": {"d": 2}}

    patched = merge_patch(target, {"a": {"b": 3}})

    assert patched["c"] is target["c"]


def test_true_is_not_one():
    assert not equal({"a": [True]}, {"a": [1]})
    assert not equal(1, 1.0)
    assert equal({"a": [1]}, {"a": [1]})
    assert {"a": 1} == merge_patch({"a": True}, {"a": 1})


@given(objects, objects)
def test_the_difference_of_two_objects_leads_from_one_to_the_other(before, after):
    assert equal(after, merge_patch(before, diff_merge_patch(before, after)))


@given(objects, objects)
def test_a_difference_is_empty_only_between_equals(before, after):
    assert equal(before, after) == (diff_merge_patch(before, after) == {})


@given(documents, documents)
def test_a_merge_patch_never_changes_its_target(target, patch):
    before = copy.deepcopy(target)

    merge_patch(target, patch)

    assert before == target


@given(objects, keys, solid)
def test_an_added_member_can_be_taken_back(document, key, value):
    pointer = "/" + key.replace("~", "~0").replace("/", "~1")
    added = json_patch(document, [{"op": "add", "path": pointer, "value": value}])
    back = (
        {"op": "replace", "path": pointer, "value": document[key]}
        if key in document
        else {"op": "remove", "path": pointer}
    )

    assert equal(document, json_patch(added, [back]))


@given(st.lists(solid, min_size=1, max_size=5), st.data())
def test_a_removed_item_can_be_put_back(items, data):
    position = data.draw(st.integers(0, len(items) - 1))
    pointer = f"/items/{position}"
    document = {"items": items}
    removed = json_patch(document, [{"op": "remove", "path": pointer}])

    put_back = [{"op": "add", "path": pointer, "value": items[position]}]
    assert equal(document, json_patch(removed, put_back))

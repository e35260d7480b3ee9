"""Paths into JSON."""

import pytest

from rollouts.gitops.fields import (
    ABSENT,
    differences,
    format_pointer,
    lookup,
    parse_pointer,
    strip,
    with_value,
    without,
)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/spec/replicas", ("spec", "replicas")),
        ("/metadata/annotations/a.b~1c", ("metadata", "annotations", "a.b/c")),
        ("/a~0b", ("a~b",)),
        ("/a~01", ("a~1",)),
        ("/spec/ports/0/port", ("spec", "ports", "0", "port")),
        ("/a//b", ("a", "", "b")),
    ],
)
def test_pointers_are_read_and_written_alike(text, path):
    assert path == parse_pointer(text)
    assert text == format_pointer(path)


@pytest.mark.parametrize("text", ["", "/", "spec/replicas", None, 3])
def test_what_is_no_pointer_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="/spec/replicas"):
        parse_pointer(text)


def test_looking_up_what_is_not_there_is_absent_not_none():
    document = {"a": [{"b": None}]}

    assert lookup(document, ("a", "0", "b")) is None
    assert lookup(document, ("a", "1", "b")) is ABSENT
    assert lookup(document, ("a", "x")) is ABSENT
    assert lookup(document, ("a", "0", "b", "c")) is ABSENT


def test_removing_changes_a_copy_and_only_what_is_named():
    document = {"a": {"b": 1, "c": 2}, "d": [1, 2, 3]}

    assert without(document, ("a", "b")) == {"a": {"c": 2}, "d": [1, 2, 3]}
    assert without(document, ("d", "1")) == {"a": {"b": 1, "c": 2}, "d": [1, 3]}
    assert without(document, ("x", "y")) is document
    assert document == {"a": {"b": 1, "c": 2}, "d": [1, 2, 3]}


def test_setting_makes_maps_on_the_way_but_never_list_items():
    assert with_value({}, ("a", "b"), 1) == {"a": {"b": 1}}
    assert with_value({"l": [{"a": 1}]}, ("l", "0", "a"), 2) == {"l": [{"a": 2}]}
    assert with_value({"l": []}, ("l", "0", "a"), 2) == {"l": []}


def test_several_list_items_are_removed_as_they_were_named():
    items = [str(number) for number in range(12)]
    paths = [("l", "2"), ("l", "10"), ("l", "9")]

    assert strip({"l": items}, paths) == {"l": [i for i in items if i not in ("2", "9", "10")]}


def test_differences_name_the_topmost_place():
    left = {"a": {"b": 1, "same": 1}, "list": [1, 2], "gone": 1}
    right = {"a": {"b": 2, "same": 1}, "list": [1, 2, 3], "new": {}}

    assert differences(left, right) == (("a", "b"), ("gone",), ("list",), ("new",))


def test_true_differs_from_one():
    assert differences({"a": True}, {"a": 1}) == (("a",),)
    assert differences({"a": 1}, {"a": 1.0}) == ()


def test_differences_are_bounded():
    assert len(differences({str(n): 1 for n in range(50)}, {}, limit=3)) == 3

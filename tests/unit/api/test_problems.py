"""Problems name the place, show the value and never a secret."""

from rollouts.api.problems import (
    PROBLEMS_MAX,
    SHOWN_VALUE_MAX,
    Finding,
    InvalidSpec,
    Problem,
    in_order,
    render_path,
    show_value,
)


def test_a_path_reads_as_people_write_it():
    path = ("spec", "steps", 2, "pause", "duration")

    assert render_path(path) == "spec.steps[2].pause.duration"


def test_a_key_with_dots_stands_in_brackets():
    path = ("metadata", "labels", "app.kubernetes.io/name")

    assert render_path(path) == "metadata.labels[app.kubernetes.io/name]"


def test_a_problem_shows_the_value_that_was_found():
    problem = Problem("spec.replicas", "must be 0 or more", -1)

    assert str(problem) == "spec.replicas: must be 0 or more (found -1)"
    assert problem.peer_text == "spec.replicas: Invalid value: -1: must be 0 or more"


def test_a_missing_field_has_no_value_to_show():
    problem = Problem("spec.selector", "is required")

    assert str(problem) == "spec.selector: is required"
    assert problem.peer_text == "spec.selector: Required value: is required"


def test_an_invalid_spec_says_all_its_problems():
    error = InvalidSpec((Problem("a", "is bad"), Problem("b", "is worse")))

    assert str(error) == "a: is bad; b: is worse"


def test_a_long_value_is_cut():
    shown = show_value("x" * 1000)

    assert len(shown) == SHOWN_VALUE_MAX
    assert shown.endswith("…")


def test_a_number_too_long_to_write_out_is_described():
    assert show_value(10**5000) == "a number of thousands of digits"


def test_what_is_in_a_map_or_list_is_not_shown():
    assert show_value({"token": "s3cret", "user": "me"}) == "{token, user}"
    assert show_value(["s3cret"]) == "a list of 1"
    assert show_value({}) == "{}"


def test_a_huge_map_is_cut():
    assert len(show_value({str(index): 0 for index in range(100_000)})) == SHOWN_VALUE_MAX


def test_a_password_in_an_address_is_never_shown():
    assert show_value("https://me:pa@ss@host/x") == '"https://***@host/x"'


def test_problems_come_in_the_order_of_the_manifest():
    manifest = {"b": [1, {"y": 1, "x": 2}], "a": 3}
    findings = [
        Finding(("a",), "third"),
        Finding(("b", 1, "x"), "second"),
        Finding(("b", 0), "first"),
    ]

    assert [each.message for each in in_order(manifest, findings)] == ["first", "second", "third"]


def test_a_missing_field_comes_after_its_siblings():
    findings = [Finding(("z",), "m2"), Finding(("c",), "m1"), Finding(("b",), "there")]

    assert [each.message for each in in_order({"b": 1}, findings)] == ["there", "m1", "m2"]


def test_the_same_problem_is_said_once():
    findings = [Finding(("a",), "bad"), Finding(("a",), "bad"), Finding(("a",), "also bad")]

    assert [each.message for each in in_order({"a": 1}, findings)] == ["bad", "also bad"]


def test_as_many_problems_as_the_limit_are_all_said():
    findings = [Finding(("a", index), "bad") for index in range(PROBLEMS_MAX)]

    assert len(in_order({"a": [0] * PROBLEMS_MAX}, findings)) == PROBLEMS_MAX


def test_more_problems_than_the_limit_are_counted():
    findings = [Finding(("a", index), "bad") for index in range(PROBLEMS_MAX + 1)]
    problems = in_order({"a": [0] * (PROBLEMS_MAX + 1)}, findings)

    assert len(problems) == PROBLEMS_MAX
    assert problems[-1].message == "2 more problems are not listed; mend these first"

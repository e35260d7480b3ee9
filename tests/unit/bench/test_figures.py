"""Figures beside their targets."""

from __future__ import annotations

import doctest

import pytest

from bench import figures
from bench.figures import Figure, Target, format_number, percentile, render_table


@pytest.mark.parametrize(
    ("relation", "met"),
    [
        ("<", (True, False, False)),
        ("<=", (True, True, False)),
        ("=", (False, True, False)),
        (">=", (False, True, True)),
        (">", (False, False, True)),
    ],
)
def test_a_target_is_judged_below_at_and_above_its_bound(relation, met):
    target = Target(relation, 10)

    assert tuple(target.is_met(value) for value in (9.99, 10, 10.01)) == met


def test_a_figure_without_a_target_is_neither_met_nor_missed():
    assert Figure("a", "b", 1).is_met is None


@pytest.mark.parametrize(
    ("percent", "value"), [(1, 1), (50, 50), (50.5, 51), (99, 99), (99.1, 100), (100, 100)]
)
def test_a_percentile_is_the_value_of_the_nearest_rank(percent, value):
    assert percentile(range(100, 0, -1), percent) == value


def test_every_percentile_of_one_value_is_that_value():
    assert {percentile([7.0], percent) for percent in (0.1, 50, 100)} == {7.0}


@pytest.mark.parametrize("percent", [0, -1, 100.1])
def test_a_percentage_out_of_range_is_refused(percent):
    with pytest.raises(ValueError, match="above 0 and at most 100"):
        percentile([1.0], percent)


def test_no_values_have_no_percentile():
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (0.0004321, "0.000432"),
        (1.0, "1"),
        (9.999, "10.00"),
        (99.94, "99.9"),
        (100.4, "100"),
        (1234567.8, "1,234,568"),
        (-3.14159, "-3.14"),
    ],
)
def test_numbers_have_three_digits_and_integers_all_of_theirs(number, text):
    assert format_number(number) == text


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(figures).failed == 0


def test_the_table_lines_up_and_shouts_what_is_missed():
    lines = render_table(
        [
            Figure("writes", "of a canary", 22, "", Target("<=", 22)),
            Figure("lateness", "p99", 123.4, "ms", Target("<", 100)),
            Figure("cold", "ready", 1.5, "s"),
        ]
    )

    assert lines == (
        "bench     figure       measured    target  met",
        "--------  -----------  --------  --------  ---",
        "writes    of a canary        22     <= 22  yes",
        "lateness  p99            123 ms  < 100 ms  NO",
        "cold      ready          1.50 s",
    )


def test_a_table_of_nothing_has_its_headings():
    assert render_table([])[0] == "bench  figure  measured  target  met"


def test_a_figure_is_written_to_a_file_with_its_target_in_words():
    made = Figure("lateness", "p99", 12.5, "ms", Target("<", 100)).as_json()

    assert made == {
        "bench": "lateness",
        "figure": "p99",
        "measured": 12.5,
        "unit": "ms",
        "target": "< 100",
        "met": True,
    }

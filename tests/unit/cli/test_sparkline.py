"""Measured values in one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollouts.cli.sparkline import BLOCKS, GAP, WIDTH_MAX, number_in, sparkline


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.97", 0.97),
        ("5", 5.0),
        ("-3", -3.0),
        ("1e308", 1e308),
        ("[0.97]", 0.97),
        ('"0.97"', 0.97),
        (' ["7"] ', 7.0),
        ("", None),
        ("[]", None),
        ("[0.97,0.5]", None),
        ("[[1]]", None),
        ("NaN", None),
        ("[NaN]", None),
        ("+Inf", None),
        ("Infinity", None),
        ('"inf"', None),
        ("1e999", None),
        ("true", None),
        ("null", None),
        ("up", None),
        ('{"a": 1}', None),
        ("9" * 400, None),
        ("9" * 5000, None),
        ("[" * 300, None),
    ],
)
def test_a_value_is_a_number_if_it_is_one_alone(text, number):
    assert number_in(text) == number


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([], ""),
        ([None], ""),
        ([None, None], ""),
        ([1.0], "▄"),
        ([3.0, 3.0, 3.0], "▄▄▄"),
        ([0.0, 1.0], "▁█"),
        ([1.0, 0.0], "█▁"),
        ([0.0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([0.0, None, 1.0], "▁·█"),
        ([-1e308, 1e308], "▁█"),
        ([0.0, 5e-324], "▄▄"),
        ([1e308, 1e308, -1e308], "██▁"),
    ],
)
def test_the_lowest_and_the_highest_value_are_the_bounds(values, drawn):
    assert sparkline(values) == drawn


def test_only_the_latest_values_are_drawn():
    assert sparkline([9.0] * 30 + [0.0, 1.0], 2) == "▁█"
    assert len(sparkline([float(each) for each in range(100)])) == WIDTH_MAX
    assert sparkline([1.0], 0) == ""


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=40))
def test_whatever_was_measured_is_drawn_in_order(values):
    drawn = sparkline(values)
    shown = values[-WIDTH_MAX:]

    if not any(each is not None for each in shown):
        assert drawn == ""
        return
    assert [sign == GAP for sign in drawn] == [each is None for each in shown]
    numbers = [
        (value, BLOCKS.index(sign)) for value, sign in zip(shown, drawn, strict=True) if sign != GAP
    ]
    levels = [level for _, level in sorted(numbers)]
    assert levels == sorted(levels)

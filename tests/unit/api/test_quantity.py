"""Quantities are held to what apimachinery's Go code answers; see tools/podschema."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollouts.api.quantity import BadQuantity, canonical_quantity, parse_quantity

GOLDEN = Path(__file__).parents[2] / "golden" / "quantities.json"
CASES = json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_every_text_reads_as_in_go():
    wrong = []
    for case in CASES:
        try:
            answer = canonical_quantity(case["text"]), parse_quantity(case["text"])
        except BadQuantity:
            answer = None
        expected = (case["canonical"], Fraction(case["nano"])) if "canonical" in case else None
        if answer != expected:
            wrong.append((case, answer))

    assert wrong == []
    assert len(CASES) >= 1000


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.1", "100m"),
        ("16Mi", "16Mi"),
        ("1024Ki", "1Mi"),
        ("1e3", "1e3"),
        (" 5m ", "5m"),
        (2, "2"),
        (0.5, "500m"),
        (1000.0, "1k"),
        (1e21, "1e+21"),
        (1.5e-7, "150e-9"),
    ],
)
def test_numbers_and_texts_have_one_canonical_form(value, text):
    assert canonical_quantity(value) == text


def test_equal_values_compare_equal_whatever_their_suffix():
    assert parse_quantity("1Gi") == parse_quantity("1073741824") == parse_quantity(2**30)
    assert parse_quantity("0.5") == parse_quantity("500m") == Fraction(1, 2)
    assert parse_quantity("1Ki") > parse_quantity("1k")


def test_finer_than_nano_rounds_away_from_zero():
    assert parse_quantity("0.1n") == Fraction(1, 10**9)
    assert parse_quantity("-0.1n") == Fraction(-1, 10**9)
    assert parse_quantity("1.1n") == Fraction(2, 10**9)


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "abc", "1 Gi", "1.2.3", "--1", "1K", "Ki1", "१", "1e1000", "0" * 257),
        *(True, float("nan"), float("inf")),
    ],
)
def test_what_is_no_quantity_is_refused_with_an_example(value):
    with pytest.raises(BadQuantity, match="500m"):
        parse_quantity(value)
    with pytest.raises(BadQuantity, match="500m"):
        canonical_quantity(value)


def test_a_refusal_does_not_repeat_a_megabyte():
    with pytest.raises(BadQuantity) as refusal:
        parse_quantity("x" * 10**6)

    assert len(str(refusal.value)) < 200


@given(st.integers(-(10**15), 10**15), st.sampled_from(["", "m", "k", "Mi", "e3"]))
def test_the_canonical_text_keeps_the_value_and_is_final(number, suffix):
    text = f"{number}{suffix}"
    canonical = canonical_quantity(text)

    assert parse_quantity(canonical) == parse_quantity(text)
    assert canonical_quantity(canonical) == canonical

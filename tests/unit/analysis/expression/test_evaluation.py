"""What a condition says about values, and what it cannot say."""

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from expressions import value_of

from rollouts.analysis.expression import ANY, EvaluationError, compile_condition
from rollouts.analysis.expression.problems import Misplaced

NOW = datetime(2026, 8, 14, 10, 20, 30, tzinfo=UTC)


def evaluate(source, result=None):
    return compile_condition(source, {"result": ANY}).evaluate({"result": result}, now=NOW)


@pytest.mark.parametrize(
    ("source", "result", "expected"),
    [
        ("result[0] >= 0.95", (0.95,), True),
        ("result[0] >= 0.95", (math.nan,), False),
        ("result[0] < 0.05", (math.nan,), False),
        ("result[0] == result[0]", (math.nan,), False),
        ("result[0] in result", (math.nan,), False),
        ("isNaN(result[0])", (math.nan,), True),
        ("isInf(result)", -math.inf, True),
        ("all(result, # > 1)", (), True),
        ("any(result, # > 1)", (), False),
        ("len(result) == 0 || result[0] > 1", (), True),
        ("result.a?.b == nil", {"a": None}, True),
        ("result.a?.b.c == nil", {}, True),
        ("result.ok", {"ok": True}, True),
        ("result[1.0] == 2", (1, 2), True),
        ("result in ['a', 'b']", "b", True),
        ("default(result, 5) == 5", None, True),
        ("default(result, 5) == 0", 0, True),
        ("result == {a: [1, 2.0]}", {"a": (1.0, 2)}, True),
        ("result == [1]", [1], True),
        ("true or result > 1", "x", True),
        ("false and result > 1", "x", False),
    ],
)
def test_a_condition_says_yes_or_no(source, result, expected):
    assert evaluate(source, result) is expected


@pytest.mark.parametrize(
    ("source", "result", "column", "words"),
    [
        ("result[0] > 1", (), 7, "the index 0 is out of range: the list has 0 elements"),
        ("result[-3] > 1", (1, 2), 7, "the index -3 is out of range"),
        ("result[result[0]] > 1", (0.5,), 7, "an index is a whole number, not float 0.5"),
        ("result > 1", "high", 8, "> is not defined between string 'high' and int 1"),
        ("result == 500", "500", 8, "== is not defined between string '500' and int 500"),
        ("result == 1", True, 8, "== is not defined between bool true and int 1"),
        ("result + 1 == 2", True, 8, "+ is not defined between bool true"),
        ("result.a > 1", None, 8, "nil has no field 'a'; write ?."),
        ("result.a > 1", (1,), 8, "array of length 1 has no field 'a'"),
        ("result.a.b > 1", {"a": None}, 10, "nil has no field 'b'"),
        ("result", 1, 1, "must give a bool, not int 1"),
        ("result ? true : false", 1, 1, "must be a bool, not int 1"),
        ("result and true", None, 1, "the left side of and must be a bool, not nil"),
        ("true and result", "x", 10, "the right side of and must be a bool"),
        ("not result", 0, 5, "must be a bool, not int 0"),
        ("all(result, # > 1)", None, 1, "all takes a list, not nil"),
        ("all(result, #)", (1,), 13, "the predicate of all must be a bool, not int 1"),
        ("count(result) > 1", (1,), 1, "must be a bool"),
        ("sum(result) > 1", ("a",), 1, "sum takes numbers; string 'a' is among them"),
        ("max(result) > 1", ("a",), 1, "max takes numbers"),
        ("sort(result) == []", (1, "a"), 1, "< is not defined between"),
        ("sort(result, 'up') == []", (1, 2), 1, "an order is 'asc' or 'desc'"),
        ("reduce(result, #acc + #) > 1", (), 1, "a first value"),
        ("len(result) > 1", 5, 5, "len takes a string or an array or a map here, not int 5"),
        ("asInt(result) > 1", "1.5", 1, "'1.5' is no integer"),
        ("asInt(result) > 1", " 1", 1, "is no integer"),
        ("asInt(result) > 1", "1_0", 1, "is no integer"),
        ("asFloat(result) > 1", "0,5", 1, "is no number"),
        ("asFloat(result) > 1", "1e999", 1, "too large"),
        ("int(result) > 1", math.nan, 1, "NaN has no integer part"),
        ("int(result) > 1", 1e300, 1, "does not fit"),
        ("result + 1 > 0", (1 << 63) - 1, 8, "64 bits"),
        ("result * result > 0", 1 << 40, 8, "64 bits"),
        ("-result > 0", -(1 << 63), 1, "64 bits"),
        ("10 % result > 0", 0, 4, "% by zero"),
        ("fromJSON(result).a == 1", "{", 1, "fromJSON cannot read"),
        ("fromJSON(result) == 1", "NaN", 1, "NaN is not JSON"),
        ("fromJSON(result) == 1", "[" * 100 + "]" * 100, 1, "deeper than 64"),
        ("toJSON(result) == ''", math.inf, 1, "JSON has no number for float +Inf"),
        ("fromBase64(result) == ''", "?", 1, "is no Base64"),
        ("'a' matches result", "(", 5, "is no regular expression"),
        ("result matches 'a'", "\ud800", 8, "half of a character"),
        ("duration(result) > duration('1s')", "5", 1, "is no duration"),
        ("duration(result) > duration('1s')", "9999999h", 1, "64 bits"),
        ("date(result) > now()", "12.5.2026", 1, "is no date"),
        ("date(result) > now()", "02 Jan 06 15:04 CEST", 1, "the offset of the time zone CEST"),
        ("now().AddDate(result, 0, 0) > now()", 9000, 7, "outside of the years"),
        ("join(result) == ''", (1,), 1, "join takes a list of strings"),
        ("repeat('a', result) == ''", -1, 1, "zero or more"),
        ("bitshl(1, result) == 1", -1, 1, "zero or more"),
        ("{(result): 1} == {}", 1, 1, "a key must be a string"),
        ("{}[result] == 1", (1,), 3, "cannot be the key"),
        ("fromPairs([[1, 2], [result, 3]]) == {}", True, 1, "keys of one map are int and bool"),
        ("result.Year() == 1", 1, 8, "int 1 has no method 'Year'"),
    ],
)
def test_what_cannot_be_told_is_an_error_with_its_place(source, result, column, words):
    with pytest.raises(EvaluationError) as caught:
        evaluate(source, result)

    assert words in caught.value.message
    assert (caught.value.line, caught.value.column) == (1, column)
    assert "\n" not in str(caught.value)


def test_a_value_that_is_not_given_is_an_error():
    condition = compile_condition("result > 1", {"result": ANY})

    with pytest.raises(EvaluationError, match="there is no value for 'result'"):
        condition.evaluate({}, now=NOW)


def test_a_value_of_a_foreign_type_is_an_error():
    with pytest.raises(EvaluationError, match="a value of the type set"):
        evaluate("result == 1", {1})


def test_the_time_is_the_one_that_is_given():
    east = timezone(timedelta(hours=2))
    condition = compile_condition("now().Hour() == 10", {})

    assert condition.evaluate({}, now=NOW.astimezone(east))


def test_a_time_without_an_offset_is_our_bug():
    with pytest.raises(AssertionError):
        compile_condition("true", {}).evaluate({}, now=datetime(2026, 1, 1))  # noqa: DTZ001


def test_keys_of_one_kind_stay_apart_from_those_of_another():
    assert value_of("groupBy([1, 2], # > 1)[true]") == (2,)
    assert value_of("groupBy([1, 2], # > 1)[1]") is None


def test_a_condition_can_be_used_again_after_an_error():
    condition = compile_condition("all(result, {let x = #; x > 1})", {"result": ANY})

    with pytest.raises(EvaluationError):
        condition.evaluate({"result": ("a",)}, now=NOW)
    assert condition.evaluate({"result": (2, 3)}, now=NOW)


def test_inner_predicates_do_not_disturb_the_outer_one():
    source = "map([[1, 2], [3]], {let n = #index; sum(#, # * 10) + n + len(#)})"

    assert value_of(source) == (32, 32)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("0 ** -1", math.inf),
        ("-0.0 ** 3", -0.0),
        ("(-8) ** 0.5", math.nan),
        ("10.0 ** 400", math.inf),
        ("(-10.0) ** 401", -math.inf),
        ("-1 / 0", -math.inf),
        ("0 / 0", math.nan),
        ("mean([1, 0 / 0])", math.nan),
        ("median([1, 0 / 0])", math.nan),
        ("ceil(1 / 0)", math.inf),
    ],
)
def test_floats_end_as_they_do_in_go(source, expected):
    found = value_of(source)

    assert found == expected or (math.isnan(found) and math.isnan(expected))


def test_a_loop_stops_where_the_answer_is_known():
    assert value_of("any([1, 'a'], # > 0)") is True
    with pytest.raises(Misplaced):
        value_of("any([0, 'a'], # > 0)")

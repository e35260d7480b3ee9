"""What is wrong with a condition is told before it runs, all of it, each with its place."""

import pytest

from rollouts.analysis.expression import (
    ANY,
    BOOL,
    FLOAT,
    INT,
    NUMBER,
    PROMETHEUS,
    STRING,
    ConditionError,
    ListOf,
    MapOf,
    check_condition,
    check_metric_condition,
    compile_condition,
    either,
)

FLOATS = ListOf(FLOAT)


def messages(source, result=ANY):
    return [problem.message for problem in check_condition(source, result)]


@pytest.mark.parametrize(
    ("source", "column", "words"),
    [
        ("", 1, "empty"),
        ("  // nothing", 1, "empty"),
        ("result >", 9, "expected a value, not the end"),
        ("result > 1)", 11, "expected an operator or the end, not ')'"),
        ("(result > 1", 12, "to close the parenthesis"),
        ("result[0 > 1", 13, "after the index"),
        ("result not > 1", 8, "`not` between two values"),
        ("result ?? 1 > 0", 13, "cannot be mixed"),
        ("true; false", 5, "would decide nothing"),
        ("let x = 1", 10, "after the value of `let`"),
        ("let true = 1; x", 5, "the name of a variable"),
        ("if true { true }", 17, "needs an `else`"),
        ("true ? 1", 9, "between the two values of ?"),
        ("# > 1", 1, "only inside of a predicate"),
        (".a > 1", 1, "only inside of a predicate"),
        ("all(result, #x)", 13, "#x is unknown"),
        ("all(result, #acc > 1)", 13, "only inside of reduce"),
        ("all(result)", 1, "takes a list and a predicate, not 1 values"),
        ("all(result, true, 1)", 1, "takes a list and a predicate, not 3 values"),
        ("result.", 8, "expected the name of a field"),
        ("result?.[0:1] == []", 7, "cannot be optional"),
        ("result | 5", 10, "expected a call after |"),
        ("{1.5.2: 1} == {}", 5, "':' after the key"),
        ("{[1]: 1} == {}", 2, "expected a key"),
        ("1x > 0", 1, "goes into a name"),
        ("0x > 0", 1, "is no number"),
        ("9223372036854775808 > 0", 1, "too large for an integer"),
        ("1e999 > 0", 1, "too large for a float"),
        ('"a\\q" == ""', 3, "is no escape"),
        ('"\\uD800" == ""', 2, "is no character"),
        ('"abc', 1, "no end"),
        ("/* abc", 1, "no end"),
        ("true & false", 6, "write && or and"),
        ("“a” == “b”", 1, "is no quote"),
        ("true @ false", 6, "U+0040"),
        ("1 > 0\n and x", 6, "there is no variable 'x'"),
        ("len > 0", 1, "write len(…)"),
        ("lenn(result) > 0", 1, "did you mean len?"),
        ("timezone(result) == 1", 1, "UTC"),
        ("let len = 1; true", 5, "is a function"),
        ("let x = 1; let x = 2; true", 16, "exists already"),
        ("let result = 1; true", 5, "exists already"),
        ("len(result, 1) > 0", 1, "len takes 1 argument, not 2"),
        ("trim() == ''", 1, "trim takes 1 to 2 arguments, not 0"),
        ("now(1) > now()", 1, "now takes no arguments, not 1"),
        ("max() > 0", 1, "at least 1"),
        ("'a' matches '('", 5, "is no regular expression"),
        ("result matches '(?=a)'", 8, "is no regular expression"),
        ("result % 0 == 1", 8, "% by zero"),
        ("duration('5 minutes') > now() - now()", 1, "is no duration"),
        ("date('tomorrow') > now()", 1, "is no date"),
        ("now().Yeer() == 1", 7, "did you mean Year?"),
        ("now().Year == 1", 7, "with parentheses"),
        ("now().Add(1) > now()", 11, "Add takes a time.Duration here, not int"),
        ("duration('1h').Hours(1) > 0", 16, "Hours takes no arguments, not 1"),
    ],
)
def test_a_broken_condition_is_refused_at_its_place(source, column, words):
    problem = check_condition(source, ANY)[0]

    assert words in problem.message
    assert problem.column == column


@pytest.mark.parametrize(
    ("source", "type_", "words"),
    [
        ("result < 0.05", FLOATS, "take an element"),
        ("result > 1", STRING, "asFloat() reads a number"),
        ("result == 'ok'", PROMETHEUS, "== is not defined between float or array of float"),
        ("result[0] == 'ok'", FLOATS, "== is not defined between float and string"),
        ("result['a'] > 1", FLOATS, "by a whole number, not by string"),
        ("result[1.5] > 1", FLOATS, "by a whole number, not by float"),
        ("result[:'a'] == []", FLOATS, "a slice goes by whole numbers"),
        ("result[:1] == 1", FLOAT, "cannot be sliced"),
        ("result[0] == 'a'", STRING, "take a part, such as [0:1]"),
        ("result.code == 200", FLOATS, "choose an element first"),
        ("result.code == 200", FLOAT, "float has no field 'code'"),
        ("result.code > 'a'", MapOf(INT), "> is not defined between int or nil and string"),
        ("result + 1 > 1", BOOL, "+ is not defined between bool and int"),
        ("result == 1", BOOL, "== is not defined between bool and int"),
        ("-result > 0", STRING, "- is not defined for string"),
        ("not result", NUMBER, "must be a bool, not int or float"),
        ("result and true", FLOAT, "the left side of and must be a bool"),
        ("result ? true : false", FLOAT, "must be a bool"),
        ("all(result, # > 1)", FLOAT, "all takes a list, not float"),
        ("all(result, #)", FLOATS, "predicate of all must give a bool, not float"),
        ("count(result) > 1", FLOATS, "predicate of count must give a bool"),
        ("sum(result) > 1", ListOf(STRING), "sum takes numbers, not string"),
        ("sortBy(result, #, 1) == []", FLOATS, "an order is"),
        ("len(result) > 1", FLOAT, "len takes a string or an array or a map here, not float"),
        ("any(result, .ms > 1)", FLOATS, "float has no field 'ms'"),
        ("result", FLOAT, "must give a bool, not float"),
        ("result[0] ?? 1", FLOATS, "must give a bool, not float or int"),
        ("{(result): 1} == {}", FLOAT, "a key must be a string"),
        ("result % 2 == 0", FLOAT, "% is not defined between float and int"),
    ],
)
def test_kinds_that_cannot_go_together_are_known_before_a_run(source, type_, words):
    assert any(words in message for message in messages(source, type_))


@pytest.mark.parametrize(
    ("source", "type_"),
    [
        ("result < 0.05", PROMETHEUS),
        ("result[0] < 0.05", PROMETHEUS),
        ("len(result) == 0 || result[0] < 0.05", PROMETHEUS),
        ("default(result, 0) < 1", either(FLOAT, ListOf(FLOAT))),
        ("result.a.b[0].c == 'x' and result[0] > 1", ANY),
        ("find(result, # > 1) > 1", FLOATS),
        ("result", BOOL),
        ("result", ANY),
        ("nil == result", FLOAT),
        ("first(result) ?? 0 | max(1) == 1", FLOATS),
    ],
)
def test_what_may_be_right_is_let_pass(source, type_):
    assert messages(source, type_) == []


def test_all_problems_are_told_at_once_in_their_order():
    problems = check_condition("foo > 1 and\n  len(1) > bar or upper(2) == 'A'", ANY)

    assert [(each.line, each.column) for each in problems] == [(1, 1), (2, 7), (2, 12), (2, 25)]


def test_a_problem_inside_of_another_is_told_once():
    assert len(check_condition("(foo + 1) * 2 > 3", ANY)) == 1


def test_all_unreadable_characters_are_told():
    assert len(check_condition("@ $ § true", ANY)) == 3


def test_no_more_than_twenty_problems_are_told():
    assert len(check_condition(" and ".join(["foo"] * 30), ANY)) == 20


def test_a_metric_is_checked_by_what_its_provider_gives():
    assert check_metric_condition("result[0] == 'ok'", "prometheus")
    assert check_metric_condition("result[0] == 'ok'", "web") == ()


def test_the_error_shows_a_caret_below_the_place():
    with pytest.raises(ConditionError) as caught:
        compile_condition("result > 1 and\n result < foo", {"result": FLOAT})

    assert str(caught.value).endswith("(2:11)\n |  result < foo\n | ..........^")
    assert (caught.value.line, caught.value.column, caught.value.offset) == (2, 11, 25)
    assert "foo" in caught.value.message


def test_the_excerpt_of_a_long_line_stays_short():
    (problem,) = check_condition("true and " * 80 + "foo", ANY)

    assert len(problem.excerpt) < 260
    assert "foo" in problem.excerpt

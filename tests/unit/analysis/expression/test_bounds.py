"""A condition can take neither the time nor the memory of the controller."""

import pytest
from expressions import NOW

from rollouts.analysis.expression import ANY, ConditionError, EvaluationError, compile_condition
from rollouts.analysis.expression.bounds import (
    DEPTH_MAX,
    LIST_LENGTH_MAX,
    NESTING_MAX,
    NODES_MAX,
    PATTERN_LENGTH_MAX,
    SOURCE_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    VALUE_DEPTH_MAX,
)


def evaluate(source, result=None):
    return compile_condition(source, {"result": ANY}).evaluate({"result": result}, now=NOW)


def nested(depth):
    value = ()
    for _ in range(depth):
        value = (value,)
    return value


@pytest.mark.parametrize(
    "source",
    [
        "true" + " " * (SOURCE_LENGTH_MAX - 4),
        "(" * (NESTING_MAX - 1) + "true" + ")" * (NESTING_MAX - 1),
        "true" + " and true" * (DEPTH_MAX - 1),
        f"{[True] * (NODES_MAX - 4)} == nil".lower().replace("== nil", "!= nil"),
        f"len(1..{LIST_LENGTH_MAX}) == {LIST_LENGTH_MAX}",
        f"len(repeat('a', {TEXT_LENGTH_MAX})) == {TEXT_LENGTH_MAX}",
        f"repeat('a', {TEXT_LENGTH_MAX}) matches '^a+$'",
        f"'a' matches '{'a?' * (PATTERN_LENGTH_MAX // 2)}'",
    ],
    ids=lambda source: source[:20],
)
def test_what_is_at_a_bound_is_allowed(source):
    assert evaluate(source) is True


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("true" + " " * (SOURCE_LENGTH_MAX - 3), "characters"),
        ("(" * NESTING_MAX + "true" + ")" * NESTING_MAX, "nested deeper"),
        ("(" * 8000, "nested deeper"),
        ("[" * 8000, "nested deeper"),
        ("-" * 8000, "nested deeper"),
        ("!" * 8000, "nested deeper"),
        ("1**" * 2000, "nested deeper"),
        ("true?" * 1000, "nested deeper"),
        ("let a=" * 1000, "nested deeper"),
        ("all([]," * 1000, "nested deeper"),
        ("{a:" * 2000, "nested deeper"),
        ("true" + " and true" * DEPTH_MAX, "too deep"),
        ("result" + ".a" * 2000, "too deep"),
        ("result" + "[0]" * 2000, "too deep"),
        ("result" + "|len()" * 1000, "too deep"),
        (f"[{','.join(['1'] * NODES_MAX)}] == nil", "too large"),
        (f"'a' matches '{'a' * (PATTERN_LENGTH_MAX + 1)}'", "pattern"),
        ("'a' matches '((((a{100}){10}){10}){10})'", "is no regular expression"),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_beyond_a_bound_is_refused_before_it_runs(source, words):
    with pytest.raises(ConditionError, match=words):
        compile_condition(source, {"result": ANY})


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("len(1..result) > 1", "too long"),
        ("len(-result..result) > 1", "too long"),
        ("repeat('ab', result) == ''", "too long"),
        ("let a = repeat('a', 60000); a + a == ''", "too long"),
        ("reduce(1..100, #acc + #acc, 'a') == ''", "too long"),
        ("len(reduce(1..100, concat(#acc, #acc), [1])) > 1", "too long|steps"),
        ("replace(repeat('a', 50000), 'a', 'aaa') == ''", "too long"),
        ("len(split(repeat('a', 50000), '')) > 1", "too long"),
        ("join(map(1..1000, repeat('a', 1000))) == ''", "steps|too long"),
        ("any(1..1000, {let x = #; any(1..1000, # + x < 0)})", "steps"),
        ("any(1..10000, {let x = #; none(1..10000, # == x)})", "steps"),
        ("len(uniq(1..10000)) > 1", "steps"),
        ("none(1..1000, 'x' in map(1..1000, 'y'))", "steps"),
        ("reduce(1..60, [#acc, #acc], [1]) == reduce(1..60, [#acc, #acc], [1])", "steps"),
        ("len(flatten(reduce(1..60, [#acc, #acc], [1]))) > 1", "steps|too long"),
        ("len(string(reduce(1..60, [#acc, #acc], [1]))) > 1", "steps|too long"),
        ("len(toJSON(reduce(1..60, {{a: #acc, b: #acc}}, [1]))) > 1", "steps|too long"),
        ("max(reduce(1..60, [#acc, #acc], [1])) > 1", "steps"),
        ("reduce(1..100, [#acc], [1]) == reduce(1..100, [#acc], [1])", "deeper"),
        ("len(flatten(reduce(1..100, [#acc], [1]))) > 1", "deeper"),
        ("string(reduce(1..5000, [#acc], [1])) == ''", "deeper"),
        ("toJSON(reduce(1..5000, {{a: #acc}}, [1])) == ''", "deeper"),
        ("mean(reduce(1..100, [#acc], [1])) > 1", "deeper"),
        ("any(map(1..5000, string(#)), 'a' matches #)", "steps"),
        ("trim(repeat('a', 90000), repeat('b', 90000)) == ''", "steps"),
        ("lastIndexOf(repeat('a', 90000), 'b' + repeat('a', 45000)) > 1", "steps"),
        ("any(1..5000, repeat('a', 90000) contains 'b')", "steps"),
        ("any(1..5000, repeat('a', 90000) matches '(x+x+)+y')", "steps"),
    ],
)
def test_work_that_explodes_is_stopped(source, words):
    with pytest.raises(EvaluationError, match=words):
        evaluate(source, 1 << 40)


def test_deep_values_of_a_provider_are_refused_where_they_are_walked():
    assert evaluate("result == result", nested(VALUE_DEPTH_MAX - 1))
    with pytest.raises(EvaluationError, match="deeper"):
        evaluate("result == result", nested(VALUE_DEPTH_MAX + 2))


def test_a_pattern_that_is_evil_elsewhere_is_harmless():
    assert evaluate("not (result matches '^(a+)+$')", "a" * 5_000 + "b")

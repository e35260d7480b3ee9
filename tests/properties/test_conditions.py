"""What holds for any condition and any value."""

import math
from contextlib import suppress
from datetime import UTC, datetime

from condition_printer import is_name, render
from expressions import value_of
from hypothesis import given
from hypothesis import strategies as st

from rollouts.analysis.expression import (
    ANY,
    ConditionError,
    EvaluationError,
    compile_condition,
)
from rollouts.analysis.expression.functions import FUNCTIONS, METHODS
from rollouts.analysis.expression.kinds import Kind
from rollouts.analysis.expression.operators import RULES
from rollouts.analysis.expression.parser import parse
from rollouts.analysis.expression.problems import Misplaced
from rollouts.analysis.expression.signatures import LOOP_SHAPES
from rollouts.analysis.expression.tree import (
    Binary,
    Call,
    Chain,
    Conditional,
    Environment,
    Field,
    Index,
    Let,
    ListLiteral,
    Literal,
    Loop,
    MapLiteral,
    Method,
    Name,
    Pointer,
    Slice,
    Unary,
)

NOW = datetime(2026, 8, 14, 10, 20, 30, tzinfo=UTC)
VARIABLES = {"result": ANY, "other": ANY}

WORDS = [
    *FUNCTIONS,
    *LOOP_SHAPES,
    *RULES,
    *(name for methods in METHODS.values() for name in methods),
    *("result", "other", "let x =", "x", ";", "(", ")", "[", "]", "{", "}", ",", ".", "?.", "?"),
    *(":", "|", "#", "#index", "#acc", "??", "and", "or", "not", "nil", "true", "1", "-1", "2.5"),
    *("''", "'a'", '"2026-08-14"', "'1h'", "$env", "if", "else", "\n", "// c\n", "/*", "`"),
]

NUMBERS = st.one_of(
    st.integers(min_value=-(1 << 70), max_value=1 << 70),
    st.floats(),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ),
    max_leaves=8,
)

LITERALS = st.one_of(
    st.just(Literal(Kind.NIL, None)),
    st.booleans().map(lambda value: Literal(Kind.BOOL, value)),
    st.integers(0, (1 << 63) - 1).map(lambda value: Literal(Kind.INT, value)),
    st.floats(0, allow_nan=False, allow_infinity=False).map(
        lambda value: Literal(Kind.FLOAT, abs(value))
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6).map(
        lambda value: Literal(Kind.STRING, value)
    ),
)
KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
FIELDS = st.one_of(KEYS.filter(is_name), st.sampled_from(["a", "b", "not", "in", "let"]))


@st.composite
def chains(draw, inner):
    """A `?.` somewhere, and whatever follows it."""
    node = Field(draw(inner), draw(FIELDS), optional=True)
    for _ in range(draw(st.integers(0, 2))):
        node = draw(
            st.sampled_from(
                [
                    Field(node, "f"),
                    Field(node, "f", optional=True),
                    Index(node, Literal(Kind.INT, 0)),
                    Index(node, Literal(Kind.INT, 0), optional=True),
                    Slice(node, None, Literal(Kind.INT, 1)),
                    Method(node, "Year", (), optional=True),
                ]
            )
        )
    return Chain(node)


def composed(inner):
    pairs = st.tuples(KEYS.map(lambda text: Literal(Kind.STRING, text)), inner)
    few = st.lists(inner, max_size=3).map(tuple)
    maybe = st.one_of(st.none(), inner)
    return st.one_of(
        st.builds(Unary, st.sampled_from(["-", "+", "not"]), inner),
        st.builds(Binary, st.sampled_from([*RULES, "and", "or", "??"]), inner, inner),
        st.builds(Conditional, inner, inner, inner),
        st.builds(ListLiteral, few),
        st.builds(MapLiteral, st.lists(pairs, max_size=2).map(tuple)),
        st.builds(Index, inner, inner),
        st.builds(Field, inner, FIELDS),
        st.builds(Slice, inner, maybe, maybe),
        chains(inner),
        st.builds(Method, inner, st.sampled_from(["Year", "Hours", "Sub"]), few),
        st.builds(Call, st.sampled_from(list(FUNCTIONS)), few),
        st.builds(
            Loop,
            st.sampled_from([name for name in LOOP_SHAPES if LOOP_SHAPES[name].allowed == 2]),
            inner,
            st.one_of(inner, st.sampled_from([Pointer(), Pointer("index"), Pointer("acc")])),
        ),
        st.builds(Let, st.sampled_from(["x", "y"]), inner, inner),
    )


TREES = st.recursive(
    st.one_of(LITERALS, st.sampled_from([Name("result"), Name("other"), Environment()])),
    composed,
    max_leaves=12,
)


def judge(source, values):
    """Return a verdict, or None where one of our two errors was raised."""
    try:
        return compile_condition(source, VARIABLES).evaluate(values, now=NOW)
    except (ConditionError, EvaluationError):
        return None


@given(st.text(max_size=60))
def test_random_text_is_judged_or_refused(source):
    assert judge(source, {"result": 1.0, "other": None}) in {True, False, None}


@given(st.lists(st.sampled_from(WORDS), max_size=25), VALUES)
def test_random_words_are_judged_or_refused(words, value):
    assert judge(" ".join(words), {"result": value, "other": 1}) in {True, False, None}


@given(TREES)
def test_a_printed_tree_parses_to_an_equal_tree(tree):
    assert parse(render(tree)) == tree


@given(TREES, VALUES, VALUES)
def test_a_random_tree_gives_a_value_or_one_of_our_errors(tree, one, other):
    source = f"[{render(tree)}] != nil"

    assert judge(source, {"result": one, "other": other}) in {True, False, None}


@given(
    st.sampled_from([*FUNCTIONS]),
    st.lists(VALUES, max_size=4),
)
def test_every_function_takes_or_refuses_any_values(name, values):
    names = [f"v{index}" for index in range(len(values))]
    source = f"[{name}({', '.join(names)})] != nil"
    try:
        condition = compile_condition(source, dict.fromkeys(names, ANY))
    except ConditionError:
        return
    with suppress(EvaluationError):
        assert condition.evaluate(dict(zip(names, values, strict=True)), now=NOW)


@given(st.sampled_from([*RULES]), VALUES, VALUES)
def test_every_operator_takes_or_refuses_any_values(operator, left, right):
    judge(f"[result {operator} other] != nil", {"result": left, "other": right})


@given(st.sampled_from([*LOOP_SHAPES]), st.lists(VALUES, max_size=4).map(tuple), VALUES)
def test_every_loop_takes_or_refuses_any_values(name, items, other):
    for body in ("#", "# == other", "other"):
        judge(f"[{name}(result, {body})] != nil", {"result": items, "other": other})


@given(
    st.sampled_from("+-*"),
    st.integers(min_value=-(1 << 63), max_value=(1 << 63) - 1),
    st.integers(min_value=-(1 << 63), max_value=(1 << 63) - 1),
)
def test_integers_are_exact_or_refused(operator, left, right):
    expected = {"+": left + right, "-": left - right, "*": left * right}[operator]
    try:
        found = value_of(f"result {operator} other", {"result": left, "other": right})
    except Misplaced:
        assert not -(1 << 63) <= expected < 1 << 63
    else:
        assert (type(found), found) == (int, expected)


@given(st.floats(), st.floats(), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
def test_floats_compare_as_ieee_says(left, right, operator):
    found = value_of(f"result {operator} other", {"result": left, "other": right})

    assert found is eval(f"left {operator} right", {"left": left, "right": right})


@given(st.integers(-(1 << 53), 1 << 53), st.integers(-(1 << 53), 1 << 53).filter(bool))
def test_a_remainder_has_the_sign_of_the_dividend(left, right):
    found = value_of("result % other", {"result": left, "other": right})

    assert found == math.fmod(left, right)


@given(st.lists(st.floats(allow_nan=False), max_size=20).map(tuple))
def test_lists_are_ordered_as_python_orders_them(items):
    assert value_of("sort(result)", {"result": items}) == tuple(sorted(items))


@given(st.text(max_size=20), st.integers(-25, 25), st.integers(-25, 25))
def test_slices_are_those_of_python(text, start, stop):
    assert value_of(f"result[{start}:{stop}]", {"result": text}) == text[start:stop]

"""docs/conditions.md: every line of it is evaluated, and every function has one."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rollouts.analysis.expression import (
    ANY,
    FLOAT,
    ConditionError,
    EvaluationError,
    ListOf,
    bounds,
    compile_condition,
)
from rollouts.analysis.expression.functions import FUNCTIONS, METHODS
from rollouts.analysis.expression.operators import RULES
from rollouts.analysis.expression.signatures import LOOP_SHAPES

PAGE = (Path(__file__).parents[2] / "docs" / "conditions.md").read_text()
NOW = datetime(2026, 8, 14, 10, 20, 30, tzinfo=UTC)
TYPES = {"result": ListOf(FLOAT), "body": ANY}
VALUES = {
    "result": (0.97, 0.99),
    "body": {"status": "ok", "errors": 3, "items": ({"ms": 120}, {"ms": 80})},
}


def lines(language: str) -> list[str]:
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


EXAMPLES = lines("expr")


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_true(example):
    assert compile_condition(example, TYPES).evaluate(VALUES, now=NOW) is True


@pytest.mark.parametrize("example", lines("expr-error"))
def test_what_is_said_to_be_refused_is_refused(example):
    source, _, reason = example.partition("  // ")

    with pytest.raises((ConditionError, EvaluationError)) as caught:
        compile_condition(source, TYPES).evaluate(VALUES, now=NOW)

    assert reason.strip() in str(caught.value)


def test_the_lines_for_python_run():
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

    exec(block, {})


@pytest.mark.parametrize("name", [*FUNCTIONS, *LOOP_SHAPES])
def test_every_function_has_an_example(name):
    assert any(re.search(rf"\b{name}\(", example.partition(" // ")[0]) for example in EXAMPLES)


@pytest.mark.parametrize("name", [name for methods in METHODS.values() for name in methods])
def test_every_method_has_an_example(name):
    assert any(f".{name}(" in example for example in EXAMPLES)


@pytest.mark.parametrize("operator", RULES)
def test_every_operator_has_an_example(operator):
    assert any(f" {operator} " in example or "1..3" in example for example in EXAMPLES)


@pytest.mark.parametrize(
    "bound",
    [
        bounds.SOURCE_LENGTH_MAX,
        bounds.NODES_MAX,
        bounds.STEPS_MAX,
        bounds.LIST_LENGTH_MAX,
        bounds.TEXT_LENGTH_MAX,
        bounds.PATTERN_LENGTH_MAX,
        bounds.NESTING_MAX,
        bounds.DEPTH_MAX,
        bounds.VALUE_DEPTH_MAX,
    ],
)
def test_every_bound_is_named(bound):
    assert f"{bound:,}" in PAGE.partition("## Bounds")[2]


def test_the_problem_that_is_shown_is_the_one_that_people_get():
    (shown,) = re.findall(r"```text\n(.*?)\n```", PAGE, re.DOTALL)

    with pytest.raises(ConditionError) as caught:
        compile_condition("result < 0.05", TYPES)

    assert str(caught.value) == shown

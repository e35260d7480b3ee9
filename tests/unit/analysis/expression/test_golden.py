"""The language computes what the peer's library computes."""

from pathlib import Path

import pytest
import yaml
from condition_printer import render
from expressions import value_of

from rollouts.analysis.expression import ANY, check_condition
from rollouts.analysis.expression.parser import parse

GOLDEN = Path(__file__).parents[3] / "golden" / "expressions.yaml"
CASES = yaml.safe_load(GOLDEN.read_text())


def plain(value):
    """As JSON has it: Go's encoder does not tell 2.0 from 2, so neither does the table."""
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return value


@pytest.mark.parametrize("case", CASES, ids=[case["expression"] for case in CASES])
def test_an_expression_has_the_value_that_the_peer_gives_it(case):
    found = plain(value_of(case["expression"], {"result": None}))

    assert found == case["value"]
    assert isinstance(found, bool) is isinstance(case["value"], bool)


@pytest.mark.parametrize("case", CASES, ids=[case["expression"] for case in CASES])
def test_the_checker_lets_pass_what_evaluates(case):
    source = f"isNil({case['expression']}) or true"
    if ";" in case["expression"] or "if " in case["expression"] or "//" in case["expression"]:
        source = f"let it = ({case['expression']}\n); true"

    assert check_condition(source, ANY) == ()


@pytest.mark.parametrize("case", CASES, ids=[case["expression"] for case in CASES])
def test_a_printed_expression_parses_to_the_same_tree(case):
    tree = parse(case["expression"])

    assert parse(render(tree)) == tree

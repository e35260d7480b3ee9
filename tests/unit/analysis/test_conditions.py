"""Conditions as the run planner asks them."""

from __future__ import annotations

import pytest
from builders import NOW

from rollouts.analysis.conditions import compile_condition
from rollouts.analysis.facts import ConditionError


def test_a_condition_is_compiled_for_what_its_provider_gives():
    condition = compile_condition("result[0] >= 0.95", "prometheus")

    assert condition.evaluate((0.97,), now=NOW)
    assert not condition.evaluate((0.5,), now=NOW)
    assert condition.reads_only_first


def test_a_condition_that_is_none_is_refused_with_its_place():
    with pytest.raises(ValueError, match="1:10") as caught:
        compile_condition("result > ", "web")
    assert caught.value.line == 1


def test_a_condition_that_cannot_be_told_is_an_error():
    condition = compile_condition("result[0] >= 0.95", "prometheus")

    with pytest.raises(ConditionError):
        condition.evaluate((), now=NOW)

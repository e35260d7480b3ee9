"""Conditions of metrics, compiled for what their provider measures, as the planner asks them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from rollouts.analysis import expression
from rollouts.analysis.expression.series import RESULT
from rollouts.analysis.facts import ConditionError

if TYPE_CHECKING:
    from rollouts.analysis.facts import Condition
    from rollouts.analysis.sample import Value

CONDITIONS_KEPT = 1024
"""Compiled conditions that are shared: the runs of one template ask the same, again and again."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A condition on `result`, as the run planner asks it."""

    condition: expression.Condition

    @property
    def reads_only_first(self) -> bool:
        return self.condition.reads_only_first

    def evaluate(self, result: Value, *, now: datetime) -> bool:
        try:
            return self.condition.evaluate({RESULT: result}, now=now)
        except expression.EvaluationError as error:
            raise ConditionError(str(error)) from error


@lru_cache(maxsize=CONDITIONS_KEPT)
def compile_condition(text: str, provider: str) -> Condition:
    """Return a condition on what a provider measures.

    Raises:
        expression.ConditionError: the text is no condition; a ValueError that says where.
    """
    types = {RESULT: expression.type_of_result(provider)}
    return _Compiled(expression.compile_condition(text, types))

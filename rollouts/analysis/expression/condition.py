"""The door of this package: a condition is compiled once and evaluated many times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from rollouts.analysis.expression.checker import check
from rollouts.analysis.expression.compiler import compile_tree
from rollouts.analysis.expression.kinds import ANY, FLOAT, ListOf, Type, either
from rollouts.analysis.expression.loops import Code
from rollouts.analysis.expression.parser import parse
from rollouts.analysis.expression.problems import (
    ConditionError,
    EvaluationError,
    Misplaced,
    Problem,
    locate,
)
from rollouts.analysis.expression.series import RESULT, reads_only_first
from rollouts.analysis.expression.values import Run, show
from rollouts.analysis.sample import Value

PROMETHEUS: Final = either(FLOAT, ListOf(FLOAT))
"""What Prometheus answers with: a scalar, or one number for each series."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was parsed and checked.

    Attributes:
        source: its text.
        reads_only_first: `result` is used as a scalar or by the index 0 and in no other way, so
            that a second series would go unnoticed.
    """

    source: str
    reads_only_first: bool
    _code: Code = field(repr=False, compare=False)
    _slot_count: int = field(repr=False, compare=False)

    def evaluate(self, environment: Mapping[str, Value], *, now: datetime) -> bool:
        """Return what the condition says about these values.

        Args:
            environment: a value for each variable; lists as tuples.
            now: what `now()` gives; aware.

        Raises:
            EvaluationError: it cannot be told: an index out of range, kinds that do not go
                together, a result that is no bool, more work than is allowed.
        """
        assert now.tzinfo is not None, "now is aware of its offset"
        run = Run(environment, now.astimezone(UTC), self._slot_count)
        try:
            value = self._code(run)
        except Misplaced as error:
            problem = locate(self.source, error.offset, error.message)
            raise EvaluationError(problem) from None
        if value is True or value is False:
            return bool(value)
        message = f"the condition must give a bool, not {show(value)}"
        raise EvaluationError(locate(self.source, 0, message))


def compile_condition(source: str, variables: Mapping[str, Type]) -> Condition:
    """Return a condition that is ready to be evaluated.

    Args:
        source: its text.
        variables: the variables that it may use, with the types that are known of them.

    Raises:
        ConditionError: it does not parse, or cannot be right with these types. All problems that
            are known are in it.
    """
    node = parse(source)
    if problems := check(node, source, variables):
        raise ConditionError(problems)
    code, slot_count = compile_tree(node)
    return Condition(source, reads_only_first(node), code, slot_count)


def type_of_result(provider: str) -> Type:
    """Return what is known of `result` by the wire name of a metric's provider."""
    return PROMETHEUS if provider == "prometheus" else ANY


def check_metric_condition(source: str, provider: str) -> tuple[Problem, ...]:
    """Return everything that is known to be wrong with a condition of a provider's metric."""
    return check_condition(source, type_of_result(provider))


def check_condition(source: str, result_type: Type) -> tuple[Problem, ...]:
    """Return everything that is known to be wrong with a condition on `result`; offline."""
    try:
        compile_condition(source, {RESULT: result_type})
    except ConditionError as error:
        return error.problems
    return ()

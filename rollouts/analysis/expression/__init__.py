"""The condition language: what `successCondition` and `failureCondition` are written in.

It is that of the peer (expr-lang 1.17) with a parser of our own; docs/conditions.md describes it
for users and lists where it differs.

    condition = compile_condition("result[0] >= 0.95", {"result": PROMETHEUS})
    condition.evaluate({"result": (0.97,)}, now=now)

Law: text and values in, a bool out. No `eval`, no clock (`now` is given), no I/O. Everything has
a bound (see `bounds`): size and depth of a condition, steps of an evaluation, what it may make.
What cannot be told is an error with its place, never a verdict. It imports nothing of ours but
the `Value` of `analysis.sample`.
"""

from rollouts.analysis.expression.condition import (
    PROMETHEUS,
    Condition,
    check_condition,
    check_metric_condition,
    compile_condition,
    type_of_result,
)
from rollouts.analysis.expression.kinds import (
    ANY,
    BOOL,
    FLOAT,
    INT,
    LIST,
    MAP,
    NIL,
    NUMBER,
    STRING,
    Either,
    ListOf,
    MapOf,
    Type,
    either,
)
from rollouts.analysis.expression.problems import ConditionError, EvaluationError, Problem

__all__ = [
    "ANY",
    "BOOL",
    "FLOAT",
    "INT",
    "LIST",
    "MAP",
    "NIL",
    "NUMBER",
    "PROMETHEUS",
    "STRING",
    "Condition",
    "ConditionError",
    "Either",
    "EvaluationError",
    "ListOf",
    "MapOf",
    "Problem",
    "Type",
    "check_condition",
    "check_metric_condition",
    "compile_condition",
    "either",
    "type_of_result",
]

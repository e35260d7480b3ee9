"""How long a compiled condition takes to judge one measurement."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from bench.figures import Figure, Report, Target
from rollouts.analysis.expression import ANY, PROMETHEUS, Condition, compile_condition
from rollouts.analysis.sample import Value

MICROSECONDS_MAX = 50

_NOW = datetime(2026, 8, 14, 10, 20, 30, tzinfo=UTC)
_SERIES: Value = tuple(0.9 + index / 1000 for index in range(20))
_BODY: Value = {"status": "ok", "errors": 3, "items": tuple({"ms": 80 + i} for i in range(10))}

CASES = (
    ("result[0] >= 0.95", PROMETHEUS, (0.97,)),
    ("len(result) == 0 || isNaN(result[0]) || result[0] >= 0.95", PROMETHEUS, (0.97,)),
    ("result.status == 'ok' and result.errors / 100 < 0.05", ANY, _BODY),
    ("result.status matches '^(ok|degraded)$' && result.errors in 0..5", ANY, _BODY),
    ("all(result, # >= 0.9) and mean(result) > 0.9", PROMETHEUS, _SERIES),
    ("count(result.items, .ms > 85) * 2 <= len(result.items)", ANY, _BODY),
)
"""Conditions as people write them, from one comparison to walks over twenty series."""


def run(*, quick: bool) -> Report:
    """Measure one evaluation of each condition, and one compilation."""
    rounds = 500 if quick else 5000
    conditions = [
        (compile_condition(source, {"result": type_}), value) for source, type_, value in CASES
    ]
    costs = [_microseconds(condition, value, rounds) for condition, value in conditions]
    target = Target("<", MICROSECONDS_MAX)
    return Report(
        (
            Figure("conditions", "the usual condition, compiled", costs[0], "µs", target),
            Figure("conditions", "the dearest of six conditions", max(costs), "µs", target),
            Figure("conditions", "compiling a condition", _compile_microseconds(rounds), "µs"),
        ),
        tuple(
            f"conditions: {cost:.1f} µs: {source}"
            for cost, (source, _, _) in zip(costs, CASES, strict=True)
        ),
    )


def _microseconds(condition: Condition, value: Value, rounds: int) -> float:
    """Return the processor time of one evaluation, the best of five series."""
    environment = {"result": value}
    assert condition.evaluate(environment, now=_NOW), condition.source
    series = []
    for _ in range(5):
        started = time.process_time()
        for _ in range(rounds):
            condition.evaluate(environment, now=_NOW)
        series.append((time.process_time() - started) / rounds * 1e6)
    return min(series)


def _compile_microseconds(rounds: int) -> float:
    started = time.process_time()
    for _ in range(rounds // 50):
        for source, type_, _ in CASES:
            compile_condition(source, {"result": type_})
    return (time.process_time() - started) / (rounds // 50 * len(CASES)) * 1e6

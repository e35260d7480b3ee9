"""What operators do, by the kinds of both operands: one table for checking and for running."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from rollouts.analysis.expression.kinds import (
    Kind,
    ListOf,
    Scalar,
    Type,
    alternatives,
    either,
    kind_of_type,
    type_of_kind,
)
from rollouts.analysis.expression.patterns import search
from rollouts.analysis.expression.problems import Fault
from rollouts.analysis.expression.values import (
    Duration,
    Run,
    bounded,
    contains_key,
    equal,
    kind_of,
    show,
)

Operation: TypeAlias = Callable[[Run, Any, Any], Any]
Rules: TypeAlias = dict[tuple[Kind, Kind], tuple[Kind, Operation]]

_NUMBERS: Final = (Kind.INT, Kind.FLOAT)
_NUMBER_PAIRS: Final = tuple((left, right) for left in _NUMBERS for right in _NUMBERS)


def to_float(number: float) -> float:
    """Return a number as a float; integers beyond its range become infinite."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def operate(run: Run, name: str, left: Any, right: Any) -> Any:
    """Apply an operator to two values.

    Raises:
        Fault: the operator is not defined for these kinds, or not for these values.
    """
    rule = RULES[name].get((kind_of(left), kind_of(right)))
    if rule is None:
        raise Fault(f"{name} is not defined between {show(left)} and {show(right)}")
    return rule[1](run, left, right)


def result_type(name: str, left: Type, right: Type) -> Type | None:
    """Return the type that an operator gives; None when it is defined for no alternative."""
    rules = RULES[name]
    found = [
        type_of_kind(result)
        for one in alternatives(left)
        for other in alternatives(right)
        for result in _results(rules, kind_of_type(one), kind_of_type(other))
    ]
    if not found:
        return None
    return ListOf(Scalar(Kind.INT)) if name == ".." else either(*found)


def negate(_run: Run, value: Any) -> Any:
    """Change the sign of a number."""
    if type(value) is int:
        return bounded(-value)
    if type(value) is float:
        return -value
    raise Fault(f"- is not defined for {show(value)}")


def assert_sign(_run: Run, value: Any) -> Any:
    """Return a number as it is: the prefix `+`."""
    if type(value) in {int, float}:
        return value
    raise Fault(f"+ is not defined for {show(value)}")


def _results(rules: Rules, left: Kind | None, right: Kind | None) -> Iterable[Kind]:
    for (one, other), (result, _) in rules.items():
        if left in {None, one} and right in {None, other}:
            yield result


def _remainder(_run: Run, left: int, right: int) -> int:
    if right == 0:
        raise Fault("% by zero")
    return bounded(int(math.copysign(1, left)) * (abs(left) % abs(right))) if left else 0


def _divide(_run: Run, left: float, right: float) -> float:
    dividend, divisor = to_float(left), to_float(right)
    if divisor != 0:
        return dividend / divisor
    if dividend == 0 or math.isnan(dividend):
        return math.nan
    return math.copysign(math.inf, dividend) * math.copysign(1, divisor)


def _power(_run: Run, left: float, right: float) -> float:
    base, exponent = to_float(left), to_float(right)
    is_odd = exponent.is_integer() and exponent % 2 == 1
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -math.inf if base < 0 and is_odd else math.inf
    except ValueError:  # zero to a negative power, or a negative base with a broken exponent
        if base != 0:
            return math.nan
        return math.copysign(math.inf, base) if is_odd else math.inf


def _float_operation(function: Callable[[float, float], float]) -> Operation:
    return lambda _run, left, right: function(to_float(left), to_float(right))


def _int_operation(function: Callable[[int, int], int]) -> Operation:
    return lambda _run, left, right: bounded(function(left, right))


def _arithmetic(function: Callable[[Any, Any], Any]) -> Rules:
    rules: Rules = {pair: (Kind.FLOAT, _float_operation(function)) for pair in _NUMBER_PAIRS}
    rules[Kind.INT, Kind.INT] = (Kind.INT, _int_operation(function))
    return rules


def _moment(moment: datetime, nanoseconds: int) -> datetime:
    try:
        return moment + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        raise Fault("the date lies outside of the years 1 to 9999") from None


def _concatenate(run: Run, left: str, right: str) -> str:
    run.check_text(len(left) + len(right))
    return left + right


def _between(_run: Run, left: datetime, right: datetime) -> Duration:
    return span(left - right)


def span(delta: timedelta) -> Duration:
    """Return a difference of times as a duration of 64 bits."""
    microseconds = (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    return Duration(bounded(microseconds * 1000))


def _scale(_run: Run, left: Any, right: Any) -> Duration:
    amount, factor = (
        (left.nanoseconds, right) if isinstance(left, Duration) else (right.nanoseconds, left)
    )
    if type(factor) is float:
        product = amount * factor
        if not math.isfinite(product):
            raise Fault("the duration is not finite")
        return Duration(bounded(int(product)))
    return Duration(bounded(amount * factor))


def _compares(function: Callable[[Any, Any], bool]) -> Rules:
    def ordered(_run: Run, left: Any, right: Any) -> bool:
        return function(left, right)

    def texts(run: Run, left: str, right: str) -> bool:
        run.spend_text(min(len(left), len(right)))
        return function(left, right)

    rules: Rules = dict.fromkeys(_NUMBER_PAIRS, (Kind.BOOL, ordered))
    rules[Kind.STRING, Kind.STRING] = (Kind.BOOL, texts)
    for kind in (Kind.TIME, Kind.DURATION):
        rules[kind, kind] = (Kind.BOOL, ordered)
    return rules


def _equality(*, is_wanted: bool) -> Rules:
    def compare(run: Run, left: Any, right: Any) -> bool:
        return equal(run, left, right) is is_wanted

    pairs = {*_NUMBER_PAIRS, *((kind, kind) for kind in Kind)}
    pairs |= {pair for kind in Kind for pair in ((kind, Kind.NIL), (Kind.NIL, kind))}
    return dict.fromkeys(sorted(pairs), (Kind.BOOL, compare))


def _in_list(run: Run, left: Any, right: tuple[Any, ...]) -> bool:
    return any(equal(run, each, left) for each in right)


def _in_map(run: Run, left: Any, right: Mapping[Any, Any]) -> bool:
    run.spend(1 if type(left) is str else len(right))
    return contains_key(right, left)


def _membership() -> Rules:
    rules: Rules = {(kind, Kind.LIST): (Kind.BOOL, _in_list) for kind in Kind}
    rules |= {
        (kind, Kind.MAP): (Kind.BOOL, _in_map)
        for kind in (Kind.STRING, Kind.INT, Kind.FLOAT, Kind.BOOL)
    }
    rules |= {(kind, Kind.NIL): (Kind.BOOL, lambda _run, _left, _right: False) for kind in Kind}
    return rules


def _on_texts(function: Callable[[str, str], bool]) -> Rules:
    def apply(run: Run, left: str, right: str) -> bool:
        run.spend_text(len(left))
        return function(left, right)

    return {(Kind.STRING, Kind.STRING): (Kind.BOOL, apply)}


def _range(run: Run, left: int, right: int) -> tuple[int, ...]:
    run.check_list(max(0, right - left + 1))
    return tuple(range(left, right + 1))


def _add_duration(sign: int) -> Operation:
    return lambda _run, left, right: Duration(bounded(left.nanoseconds + sign * right.nanoseconds))


RULES: Final[dict[str, Rules]] = {
    "+": {
        **_arithmetic(operator.add),
        (Kind.STRING, Kind.STRING): (Kind.STRING, _concatenate),
        (Kind.TIME, Kind.DURATION): (
            Kind.TIME,
            lambda _run, left, right: _moment(left, right.nanoseconds),
        ),
        (Kind.DURATION, Kind.TIME): (
            Kind.TIME,
            lambda _run, left, right: _moment(right, left.nanoseconds),
        ),
        (Kind.DURATION, Kind.DURATION): (Kind.DURATION, _add_duration(1)),
    },
    "-": {
        **_arithmetic(operator.sub),
        (Kind.TIME, Kind.TIME): (Kind.DURATION, _between),
        (Kind.TIME, Kind.DURATION): (
            Kind.TIME,
            lambda _run, left, right: _moment(left, -right.nanoseconds),
        ),
        (Kind.DURATION, Kind.DURATION): (Kind.DURATION, _add_duration(-1)),
    },
    "*": {
        **_arithmetic(operator.mul),
        **{
            pair: (Kind.DURATION, _scale)
            for kind in _NUMBERS
            for pair in ((Kind.DURATION, kind), (kind, Kind.DURATION))
        },
    },
    "/": dict.fromkeys(_NUMBER_PAIRS, (Kind.FLOAT, _divide)),
    "%": {(Kind.INT, Kind.INT): (Kind.INT, _remainder)},
    "**": dict.fromkeys(_NUMBER_PAIRS, (Kind.FLOAT, _power)),
    "<": _compares(operator.lt),
    "<=": _compares(operator.le),
    ">": _compares(operator.gt),
    ">=": _compares(operator.ge),
    "==": _equality(is_wanted=True),
    "!=": _equality(is_wanted=False),
    "in": _membership(),
    "contains": _on_texts(lambda text, part: part in text),
    "startsWith": _on_texts(str.startswith),
    "endsWith": _on_texts(str.endswith),
    "matches": {(Kind.STRING, Kind.STRING): (Kind.BOOL, search)},
    "..": {(Kind.INT, Kind.INT): (Kind.LIST, _range)},
}
"""The kind of the result and what computes it, by operator and kinds of the operands."""

LOGICAL: Final = frozenset({"and", "or"})

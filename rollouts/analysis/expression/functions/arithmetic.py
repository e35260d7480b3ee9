"""Functions on numbers, on lists of numbers and on bits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Final

from rollouts.analysis.expression.bounds import VALUE_DEPTH_MAX
from rollouts.analysis.expression.kinds import (
    ANY,
    BOOL,
    FLOAT,
    INT,
    NIL,
    NUMBER,
    Kind,
    Type,
    either,
    element_of,
    kinds,
    type_of_kind,
)
from rollouts.analysis.expression.operators import to_float
from rollouts.analysis.expression.problems import Fault
from rollouts.analysis.expression.signatures import LISTS, NUMBERS, WHOLE, Function, gives
from rollouts.analysis.expression.values import Run, bounded, kind_of, show

_NUMBERS_OR_LISTS = NUMBERS | LISTS
_SIGN_BIT: Final = 1 << 63
_WORD: Final = (1 << 64) - 1


def numbers_in(run: Run, name: str, values: tuple[Any, ...], depth: int = 0) -> Iterator[float]:
    """Yield the numbers among the values and in the lists among them, in order."""
    if depth > VALUE_DEPTH_MAX:
        raise Fault(f"the lists are nested deeper than {VALUE_DEPTH_MAX} levels")
    for value in values:
        run.spend(1)
        kind = kind_of(value)
        if kind is Kind.LIST:
            yield from numbers_in(run, name, value, depth + 1)
        elif kind in NUMBERS:
            yield value
        else:
            raise Fault(f"{name} takes numbers; {show(value)} is among them")


def _largest(run: Run, *values: Any) -> float | None:
    best: float | None = None
    for number in numbers_in(run, "max", values):
        if best is None or best < number:
            best = number
    return best


def _smallest(run: Run, *values: Any) -> float | None:
    best: float | None = None
    for number in numbers_in(run, "min", values):
        if best is None or best > number:
            best = number
    return best


def _mean(run: Run, *values: Any) -> float:
    numbers = [to_float(number) for number in numbers_in(run, "mean", values)]
    return _sum(numbers) / len(numbers) if numbers else 0.0


def _median(run: Run, *values: Any) -> float:
    numbers = sorted(to_float(number) for number in numbers_in(run, "median", values))
    if any(math.isnan(number) for number in numbers):
        return math.nan
    if not numbers:
        return 0.0
    middle = len(numbers) // 2
    if len(numbers) % 2:
        return numbers[middle]
    return (numbers[middle - 1] + numbers[middle]) / 2


def _sum(numbers: list[float]) -> float:
    total = 0.0
    for number in numbers:  # one after the other, as Go does: `fsum` rounds differently
        total += number
    return total


def _abs(_run: Run, number: float) -> float:
    return bounded(abs(number)) if type(number) is int else abs(number)


def _round_by(function: Callable[[float], float]) -> Callable[[Run, float], float]:
    def apply(_run: Run, number: float) -> float:
        exact = to_float(number)
        return float(function(exact)) if math.isfinite(exact) else exact

    return apply


def _half_away(number: float) -> float:
    whole = math.trunc(number)
    return whole + math.copysign(1, number) if abs(number - whole) >= 0.5 else whole


def _is_nan(_run: Run, number: float) -> bool:
    return number != number  # noqa: PLR0124 - only NaN differs from itself


def _is_infinite(_run: Run, number: float) -> bool:
    return math.isinf(to_float(number))


def _signed(word: int) -> int:
    word &= _WORD
    return word - (_WORD + 1) if word & _SIGN_BIT else word


def _bits(function: Callable[[int, int], int]) -> Callable[[Run, int, int], int]:
    return lambda _run, left, right: _signed(function(left & _WORD, right & _WORD))


def _shift(name: str, function: Callable[[int, int], int]) -> Callable[[Run, int, int], int]:
    def apply(_run: Run, number: int, count: int) -> int:
        if count < 0:
            raise Fault(f"{name} takes a count of zero or more, not {count}")
        return _signed(function(bounded(number), min(count, 64)))

    return apply


def _type_of_best(arguments: tuple[Type, ...]) -> Type:
    found = []
    for argument in arguments:
        if argument == ANY or Kind.LIST in kinds(argument):
            inner = element_of(argument)
            found += [NUMBER if kinds(inner) - NUMBERS else inner, NIL]
        found += [type_of_kind(kind) for kind in sorted(kinds(argument) & NUMBERS)]
    return either(*found)


def _type_of_abs(arguments: tuple[Type, ...]) -> Type:
    return either(*(type_of_kind(kind) for kind in sorted(kinds(arguments[0]) & NUMBERS)))


FUNCTIONS: Final = (
    Function("max", (_NUMBERS_OR_LISTS,), _type_of_best, _largest, has_rest=True),
    Function("min", (_NUMBERS_OR_LISTS,), _type_of_best, _smallest, has_rest=True),
    Function("mean", (_NUMBERS_OR_LISTS,), gives(FLOAT), _mean, has_rest=True),
    Function("median", (_NUMBERS_OR_LISTS,), gives(FLOAT), _median, has_rest=True),
    Function("abs", (NUMBERS,), _type_of_abs, _abs),
    Function("ceil", (NUMBERS,), gives(FLOAT), _round_by(math.ceil)),
    Function("floor", (NUMBERS,), gives(FLOAT), _round_by(math.floor)),
    Function("round", (NUMBERS,), gives(FLOAT), _round_by(_half_away)),
    Function("isNaN", (NUMBERS,), gives(BOOL), _is_nan),
    Function("isInf", (NUMBERS,), gives(BOOL), _is_infinite),
    Function("bitand", (WHOLE, WHOLE), gives(INT), _bits(lambda one, other: one & other)),
    Function("bitor", (WHOLE, WHOLE), gives(INT), _bits(lambda one, other: one | other)),
    Function("bitxor", (WHOLE, WHOLE), gives(INT), _bits(lambda one, other: one ^ other)),
    Function("bitnand", (WHOLE, WHOLE), gives(INT), _bits(lambda one, other: one & ~other)),
    Function("bitnot", (WHOLE,), gives(INT), lambda _run, number: _signed(~number)),
    Function("bitshl", (WHOLE, WHOLE), gives(INT), _shift("bitshl", lambda n, by: n << by)),
    Function("bitshr", (WHOLE, WHOLE), gives(INT), _shift("bitshr", lambda n, by: n >> by)),
    Function(
        "bitushr",
        (WHOLE, WHOLE),
        gives(INT),
        _shift("bitushr", lambda number, by: (number & _WORD) >> by),
    ),
)

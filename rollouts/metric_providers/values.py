"""Turns what servers say into what conditions compute with."""

from __future__ import annotations

import math
from typing import Any

import orjson

from rollouts.analysis.sample import Gap, Value

TEXT_LENGTH_MAX = 1024
"""Of a value in status: every measurement that is kept has one."""

_NOT_A_NUMBER = frozenset({"nan", "+nan", "-nan"})
_INFINITE = frozenset({"inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"})


def freeze(value: Any) -> Value:
    """Return a JSON value with its lists as tuples."""
    match value:
        case list():
            return tuple(freeze(item) for item in value)
        case dict():
            return {key: freeze(item) for key, item in value.items()}
        case _:
            return value  # type: ignore[no-any-return]  # a JSON scalar, by construction


def gaps_of(value: Value) -> frozenset[Gap]:
    """Return what keeps a single value from being plain data."""
    match value:
        case None | () | "":
            return frozenset({Gap.EMPTY})
        case float() if math.isnan(value):
            return frozenset({Gap.NOT_A_NUMBER})
        case float() if math.isinf(value):
            return frozenset({Gap.INFINITE})
        case str() if value.strip().lower() in _NOT_A_NUMBER:
            return frozenset({Gap.NOT_A_NUMBER})
        case str() if value.strip().lower() in _INFINITE:
            return frozenset({Gap.INFINITE})
        case tuple():
            return frozenset(gap for item in value for gap in gaps_of(item) if gap != Gap.EMPTY)
    return frozenset()


def in_order(gaps: frozenset[Gap] | set[Gap]) -> tuple[Gap, ...]:
    """Return gaps in the order of their declaration."""
    return tuple(gap for gap in Gap if gap in gaps) if gaps else ()


def json_text(value: Any) -> str:
    """Return a value as JSON."""
    return orjson.dumps(value).decode()

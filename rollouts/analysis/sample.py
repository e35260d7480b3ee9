"""What a metric provider brings home: a sample that nobody has judged yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

Value: TypeAlias = "bool | int | float | str | tuple[Value, ...] | Mapping[str, Value] | None"
"""What conditions compute with: JSON values, lists as tuples."""


def as_it_is(text: str) -> str:
    """Return a text in which nothing has to be hidden."""
    return text


class Gap(StrEnum):
    """Why a sample is not data that a condition could be trusted with."""

    EMPTY = "empty"
    NOT_A_NUMBER = "nan"
    INFINITE = "infinite"
    SEVERAL = "several"
    """More than one series where the question was about one."""
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer of a provider.

    Attributes:
        result: what conditions see as `result`.
        text: the value as `status.metricResults[].measurements[].value` shows it.
        gaps: everything that keeps it from being plain data, in the order of `Gap`.
        metadata: what the provider adds to the measurement, such as the query as it was sent.
        warnings: what the provider's server complained about although it answered.
        hide: returns a text without what must not be shown of the result. Conditions are asked
            about the result as it is; what is said of it goes through here.
    """

    result: Value
    text: str
    gaps: tuple[Gap, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    hide: Callable[[str], str] = field(default=as_it_is, repr=False, compare=False)


LEAVES_MAX = 1000
"""Texts of a result that are looked through: what is said of a larger one says nothing of it."""


def hidden_result(sample: Sample) -> Value:
    """Return a result with every text in it as it may be shown.

    Raises:
        ValueError: it holds more texts than are looked through.
    """
    return _Hider(sample.hide).of(sample.result)


@dataclass(slots=True)
class _Hider:
    """Walks through a result and counts the texts in it."""

    hide: Callable[[str], str]
    count: int = 0

    def of(self, value: Value) -> Value:
        if isinstance(value, str):
            self.count += 1
            if self.count > LEAVES_MAX:
                raise ValueError("holds too many texts")
            return self.hide(value)
        if isinstance(value, tuple):
            return tuple(self.of(each) for each in value)
        if isinstance(value, Mapping):
            return {self.hide(key): self.of(each) for key, each in value.items()}
        return value


class MeasurementError(Exception):
    """A measurement could not be had. It counts as an error, never as a failure or a success.

    Its message is shown to people: it names the provider and what was wrong, and no secret.
    """

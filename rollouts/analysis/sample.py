"""What a metric provider brings home: a sample that nobody has judged yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

Value: TypeAlias = "bool | int | float | str | tuple[Value, ...] | Mapping[str, Value] | None"
"""What conditions compute with: JSON values, lists as tuples."""


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
    """

    result: Value
    text: str
    gaps: tuple[Gap, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class MeasurementError(Exception):
    """A measurement could not be had. It counts as an error, never as a failure or a success.

    Its message is shown to people: it names the provider and what was wrong, and no secret.
    """

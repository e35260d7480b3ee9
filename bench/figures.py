"""Figures, their targets, and the table that shows both."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

RELATIONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}

HEADINGS = ("bench", "figure", "measured", "target", "met")


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure is held to: a relation of `RELATIONS` and a bound."""

    relation: str
    bound: float

    def is_met(self, measured: float) -> bool:
        """Tell whether a figure keeps it."""
        return RELATIONS[self.relation](measured, self.bound)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    Attributes:
        unit: behind the number; empty for a count.
        target: None for a figure that only informs.
    """

    bench: str
    name: str
    measured: float
    unit: str = ""
    target: Target | None = None

    @property
    def is_met(self) -> bool | None:
        """Tell whether the target is kept; None without one."""
        return None if self.target is None else self.target.is_met(self.measured)

    def as_json(self) -> dict[str, Any]:
        """Return the figure as it is written to a file."""
        target = self.target
        return {
            "bench": self.bench,
            "figure": self.name,
            "measured": self.measured,
            "unit": self.unit,
            "target": None
            if target is None
            else f"{target.relation} {format_number(target.bound)}",
            "met": self.is_met,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What one bench found: its figures, and lines of detail below the table."""

    figures: tuple[Figure, ...]
    details: tuple[str, ...] = ()


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that is not exceeded by `percent` % of all (nearest rank).

    Raises:
        ValueError: there are no values, or the percentage is not above 0 and at most 100.
    """
    if not values:
        raise ValueError("there is no percentile of no values")
    if not 0 < percent <= 100:
        raise ValueError(f"a percentile is above 0 and at most 100, not {percent:g}")
    rank = math.ceil(percent / 100 * len(values))
    return sorted(values)[rank - 1]


def format_number(number: float) -> str:
    """Return a number with no more digits than a measurement deserves: three, or all of an integer.

    >>> format_number(12345.6), format_number(0.01234), format_number(22), format_number(0)
    ('12,346', '0.0123', '22', '0')
    """
    if number == int(number):
        return f"{int(number):,}"
    if abs(number) >= 100:
        return f"{number:,.0f}"
    digits = 2 - math.floor(math.log10(abs(number)))
    return f"{number:.{digits}f}"


def render_table(figures: Iterable[Figure]) -> tuple[str, ...]:
    """Return the lines of the table."""
    rows = [HEADINGS, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return tuple(lines)


def _row(figure: Figure) -> tuple[str, ...]:
    unit = f" {figure.unit}" if figure.unit else ""
    target = figure.target
    met = {True: "yes", False: "NO", None: ""}[figure.is_met]
    return (
        figure.bench,
        figure.name,
        format_number(figure.measured) + unit,
        "" if target is None else f"{target.relation} {format_number(target.bound)}{unit}",
        met,
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        # The two columns of numbers line up at their right ends.
        text.rjust(width) if HEADINGS[column] in {"measured", "target"} else text.ljust(width)
        for column, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()

"""Draw measured values in one line: `▁▃▅█`, one sign for each measurement."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
GAP = "·"
"""Stands for a measurement whose value is no number: an error, no data, a list of several."""

WIDTH_MAX = 20
"""Most measurements that one line shows, the latest: more do not fit beside other words."""

NUMBER_LENGTH_MAX = 400
"""Longest text that is read as a number: a float has 309 digits before its point at most."""


def number_in(text: str) -> float | None:
    """Return the one number that a measured value is; None when it is none or several.

    A list of one number is that number: so Prometheus answers.
    """
    if len(text) > NUMBER_LENGTH_MAX:
        return None
    try:
        value = json.loads(text)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        number = float(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    try:
        number = float(number)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def sparkline(values: Sequence[float | None], width_max: int = WIDTH_MAX) -> str:
    """Return one sign for each value, the lowest and the highest of those shown as the bounds.

    Values that are all the same stand in the middle. Without any number there is nothing to draw.
    """
    shown = values[-width_max:] if width_max > 0 else ()
    numbers = [each for each in shown if each is not None]
    if not numbers:
        return ""
    low, high = min(numbers), max(numbers)
    return "".join(GAP if each is None else BLOCKS[_level(each, low, high)] for each in shown)


def _level(value: float, low: float, high: float) -> int:
    """Return which block a value gets; halves keep the span of huge values from overflowing."""
    span = high / 2 - low / 2
    if span <= 0:
        return len(BLOCKS) // 2 - 1
    share = (value / 2 - low / 2) / span
    return min(int(share * len(BLOCKS)), len(BLOCKS) - 1)

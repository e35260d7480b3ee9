"""Ages as kubectl shows them: `45s`, `5m12s`, `3h`, `2d4h`."""

from __future__ import annotations

from datetime import datetime

UNKNOWN = "<unknown>"
MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 365 * 86400

_STEPS = (
    # Below this many seconds: this unit, then this smaller one when it is not zero.
    (2 * MINUTE, 1, "s", 0, ""),
    (10 * MINUTE, MINUTE, "m", 1, "s"),
    (3 * HOUR, MINUTE, "m", 0, ""),
    (8 * HOUR, HOUR, "h", MINUTE, "m"),
    (2 * DAY, HOUR, "h", 0, ""),
    (8 * DAY, DAY, "d", HOUR, "h"),
    (2 * YEAR, DAY, "d", 0, ""),
    (8 * YEAR, YEAR, "y", DAY, "d"),
)


def format_age(seconds: float) -> str:
    """Write a duration with at most two units; coarser the longer it is."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    whole = max(0, whole)
    for limit, unit, letter, small, small_letter in _STEPS:
        if whole < limit:
            text = f"{whole // unit}{letter}"
            rest = whole % unit // small if small else 0
            return f"{text}{rest}{small_letter}" if rest else text
    return f"{whole // YEAR}y"


def age_of(stamp: str | None, now: datetime) -> str:
    """Return the age of an API time, or `<unknown>` when it is missing or cannot be read."""
    if not stamp:
        return UNKNOWN
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return UNKNOWN
    if moment.tzinfo is None:
        return UNKNOWN
    return format_age((now - moment).total_seconds())

"""Reads the moments of a range query, such as `now() - duration("1h")`, and the step between."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from rollouts.api.times import parse_duration, parse_time

TEXT_LENGTH_MAX = 256

_PART = re.compile(
    r"""\s*(?:(now)\(\s*\)|(duration|date)\(\s*(?:"([^"]*)"|'([^']*)')\s*\)|([+-]))\s*"""
)
_LONG_UNITS = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?((?:\d.*)?)")
_EXAMPLE = 'write one such as now() - duration("1h")'


def read_moment(text: str, now: datetime) -> datetime:
    """Return the moment that an expression means: times and durations, added and subtracted.

    Raises:
        ValueError: it is no such expression, or no moment; the message says what to write.
    """
    if len(text) > TEXT_LENGTH_MAX:
        raise ValueError(f"is longer than {TEXT_LENGTH_MAX} characters")
    total: datetime | timedelta | None = None
    sign = ""
    for part in _parts(text, now):
        if isinstance(part, str):
            if sign or total is None:
                raise ValueError(f"has {part} where a time or a duration belongs; {_EXAMPLE}")
            sign = part
        elif total is None:
            total = part
        elif not sign:
            raise ValueError(f"needs + or - between its parts; {_EXAMPLE}")
        else:
            total, sign = _sum(total, sign, part), ""
    if sign or not isinstance(total, datetime):
        raise ValueError(f"is no moment; {_EXAMPLE}")
    return total


def read_step(text: str) -> timedelta:
    """Return the step of a range query: `1m`, `1h30m`, `1d`, or a number of seconds.

    Raises:
        ValueError: it is none, or not positive.
    """
    found = _LONG_UNITS.fullmatch(text.strip()) if len(text) <= TEXT_LENGTH_MAX else None
    if found is None:
        raise ValueError("is no step; write one such as 1m")
    years, weeks, days = (int(part or 0) for part in found.groups()[:3])
    try:
        # The units that Prometheus has beside those of Go.
        step = timedelta(days=365 * years + 7 * weeks + days)
        step += parse_duration(found[4]) if found[4] else timedelta()
    except (ValueError, OverflowError):
        raise ValueError("is no step; write one such as 1m") from None
    if step <= timedelta():
        raise ValueError("must be longer than nothing; write one such as 1m")
    return step


def _parts(text: str, now: datetime) -> Iterator[datetime | timedelta | str]:
    position = 0
    while position < len(text):
        found = _PART.match(text, position)
        if found is None:
            raise ValueError(
                f"cannot be read from {text[position : position + 40]!r} on; {_EXAMPLE}"
            )
        position = found.end()
        is_now, function, quoted, single, sign = found.groups()
        argument = quoted if quoted is not None else single
        if is_now:
            yield now
        elif function == "duration":
            yield parse_duration(argument)
        elif function == "date":
            yield _read_date(argument)
        else:
            yield sign


def _read_date(text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError:
        try:
            return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            raise ValueError(
                f"holds {text!r:.80}, which is no date; write one such as 2026-01-31T12:00:00Z"
            ) from None


def _sum(
    left: datetime | timedelta, sign: str, right: datetime | timedelta
) -> datetime | timedelta:
    try:
        match left, sign, right:
            case datetime(), "-", datetime():
                return left - right
            case _, "-", timedelta():
                return left - right
            case datetime() | timedelta(), "+", timedelta():
                return left + right
            case timedelta(), "+", datetime():
                return right + left
    except OverflowError:
        raise ValueError("is out of the range of times") from None
    raise ValueError(f"combines times as they cannot be; {_EXAMPLE}")

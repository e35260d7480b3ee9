"""Times and durations as the wire writes them: RFC 3339 and Go's `1h30m`."""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

DURATION_MAX = timedelta(seconds=9_223_372_036)
"""Go's longest duration (2^63 nanoseconds, 292 years), in whole seconds."""

DURATION_LENGTH_MAX = 64
"""Longest text of a duration: more than any sensible one, and a bound for the expression."""

_UNIT_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5, the micro sign
    "μs": 1_000,  # U+03BC, the Greek letter; Go takes both
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60 * 1_000_000_000,
    "h": 3600 * 1_000_000_000,
}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)"
)


def parse_duration(value: str | int) -> timedelta:
    """Read a duration: Go's syntax (`1h30m`, `1.5s`), or a bare number, which means seconds.

    Nanoseconds are cut to microseconds.

    Raises:
        ValueError: the text is no duration, or it is longer than `DURATION_MAX`.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("is not a duration; write seconds or text such as 30s")  # noqa: TRY004  # one error for all bad values
    if isinstance(value, int):
        return _bounded(Fraction(value))
    if len(value) > DURATION_LENGTH_MAX:
        raise ValueError("is too long for a duration; write text such as 30s, 10m or 1h30m")
    if _WHOLE_NUMBER.fullmatch(value):
        return _bounded(Fraction(int(value)))
    return _bounded(_go_seconds(value))


def _go_seconds(text: str) -> Fraction:
    """Return the seconds of Go duration text; ValueError when it is none."""
    negative = text.startswith("-")
    rest = text[1:] if text[:1] in ("-", "+") else text
    total, end = Fraction(0), 0
    for part in _PART.finditer(rest):
        if part.start() != end:
            break
        number, unit = part.groups()
        total += Fraction(number) * _UNIT_NANOSECONDS[unit]
        end = part.end()
    if end == 0 or end != len(rest):
        raise ValueError("is not a duration; write text such as 30s, 10m or 1h30m")
    seconds = total / 1_000_000_000
    return -seconds if negative else seconds


def _bounded(seconds: Fraction) -> timedelta:
    """Return the seconds as a timedelta; ValueError when Go could not hold them."""
    if abs(seconds) > DURATION_MAX // timedelta(seconds=1):
        raise ValueError("is too long; the longest duration is 2562047h")
    return timedelta(microseconds=int(seconds * 1_000_000))


def format_duration(duration: timedelta) -> str:
    """Return the shortest Go duration text: `1h30m`, `10s`, `1.5s`, `0s`.

    Differs from Go's own printing, which keeps zero parts (`1h30m0s`): people write the short
    form. Both read back as the same duration.
    """
    microseconds = duration // timedelta(microseconds=1)
    sign, microseconds = ("-", -microseconds) if microseconds < 0 else ("", microseconds)
    minutes, microseconds = divmod(microseconds, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    seconds, fraction = divmod(microseconds, 1_000_000)
    parts = [f"{hours}h"] if hours else []
    if minutes:
        parts.append(f"{minutes}m")
    if fraction:
        parts.append(f"{seconds}.{fraction:06d}".rstrip("0") + "s")
    elif seconds or not parts:
        parts.append(f"{seconds}s")
    return sign + "".join(parts)


TIMES_KEPT = 4096
"""Times read lately that are kept: a status is read again and again with the same times in it."""


def parse_time(text: str) -> datetime:
    """Read an RFC 3339 time into an aware datetime in UTC.

    Raises:
        ValueError: the text is no RFC 3339 time with a zone.
    """
    if not isinstance(text, str):
        raise ValueError(  # noqa: TRY004  # the contract of all readers of wire values
            f"{text!r:.80} is not a time; write one such as 2026-01-31T12:00:00Z"
        )
    return _read_time(text)


@functools.lru_cache(maxsize=TIMES_KEPT)
def _read_time(text: str) -> datetime:
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r:.80} is not a time; write one such as 2026-01-31T12:00:00Z")
    *digits, fraction, zone = match.groups()
    if zone == "Z" and digits[-1] < "60":
        try:
            return datetime.fromisoformat(text)
        except ValueError as error:
            raise ValueError(f"{text!r} is not a time: {error}") from error
    year, month, day, hour, minute, second = (int(part) for part in digits)
    microsecond = int((fraction or "").ljust(6, "0")[:6])
    try:
        # A leap second is a valid RFC 3339 time that datetime cannot hold: the second before it.
        local = datetime(
            year, month, day, hour, minute, min(second, 59), microsecond, tzinfo=_zone(zone)
        )
        return local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is not a time: {error}") from error


def _zone(text: str) -> timezone:
    """Return the zone of `Z` or `+hh:mm`."""
    if text in ("Z", "z"):
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return timezone(-offset if text[0] == "-" else offset)


def format_time(time: datetime) -> str:
    """Return an aware datetime as RFC 3339 in UTC with whole seconds, as Kubernetes does."""
    assert time.tzinfo is not None, "times on the wire are aware"
    utc = time.astimezone(UTC)
    return (
        f"{utc:%Y-%m-%dT%H:%M:%SZ}" if utc.year >= 1000 else f"{utc.year:04d}-{utc:%m-%dT%H:%M:%SZ}"
    )

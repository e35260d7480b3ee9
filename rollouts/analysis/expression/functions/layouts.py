"""Times as text, by Go's layouts: the text of Monday, January 2 of 2006, 15:04:05 in MST."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from rollouts.analysis.expression.problems import Fault

MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_LAYOUT_LENGTH_MAX: Final = 100
_TEXT_LENGTH_MAX: Final = 200

_PIECE: Final = re.compile(
    r"January|Jan|Monday|Mon|MST|2006|Z07:00|Z0700|-07:00|-0700|-07"
    r"|[.,]0+(?![0-9])|[.,]9+(?![0-9])|01|02|_2|03|04|05|06|15|PM|pm|1|2|3|4|5"
)

_NAMES: Final = {
    "January": MONTHS,
    "Jan": tuple(name[:3] for name in MONTHS),
    "Monday": DAYS,
    "Mon": tuple(name[:3] for name in DAYS),
}

_PATTERNS: Final = {
    **{piece: f"({'|'.join(names)})" for piece, names in _NAMES.items()},
    "MST": "([A-Z]{3,4})",
    "2006": "([0-9]{4})",
    **dict.fromkeys(("Z07:00", "-07:00"), "(Z|[+-][0-9]{2}:[0-9]{2})"),
    **dict.fromkeys(("Z0700", "-0700"), "(Z|[+-][0-9]{4})"),
    "-07": "([+-][0-9]{2})",
    **dict.fromkeys(("01", "02", "03", "04", "06", "15"), "([0-9]{2})"),
    "05": r"([0-9]{2}(?:[.,][0-9]{1,9})?)",
    "_2": "[ ]?([0-9]{1,2})",
    "5": r"([0-9]{1,2}(?:[.,][0-9]{1,9})?)",
    **dict.fromkeys(("1", "2", "3", "4"), "([0-9]{1,2})"),
    "PM": "(AM|PM)",
    "pm": "(am|pm)",
}

_FIELDS: Final = {
    "2006": "year",
    "06": "short_year",
    **dict.fromkeys(("January", "Jan", "01", "1"), "month"),
    **dict.fromkeys(("02", "_2", "2"), "day"),
    "15": "hour",
    **dict.fromkeys(("03", "3"), "half_day_hour"),
    **dict.fromkeys(("04", "4"), "minute"),
    **dict.fromkeys(("05", "5"), "second"),
    **dict.fromkeys(("PM", "pm"), "half"),
    **dict.fromkeys(("Z07:00", "-07:00", "Z0700", "-0700", "-07"), "offset"),
    "MST": "zone",
}


def read_time(text: str, layout: str) -> datetime | None:
    """Read a time by its layout, in UTC where the text names no offset; None when it differs.

    Raises:
        Fault: text or layout are too long, or the zone is known by its abbreviation only.
    """
    if len(layout) > _LAYOUT_LENGTH_MAX or len(text) > _TEXT_LENGTH_MAX:
        raise Fault("the date or its layout is too long")
    pieces: list[str] = []
    pattern = []
    position = 0
    for found in _PIECE.finditer(layout):
        pattern.append(re.escape(layout[position : found.start()]))
        position = found.end()
        if found.group()[0] in ".,":  # already read together with the seconds
            continue
        pieces.append(found.group())
        pattern.append(_PATTERNS[found.group()])
    pattern.append(re.escape(layout[position:]))
    matched = re.fullmatch("".join(pattern), text)
    if matched is None:
        return None
    return _assemble(dict(zip(pieces, matched.groups(), strict=True)))


def write_time(moment: datetime, layout: str) -> str:
    """Write a time by a layout."""
    if len(layout) > _LAYOUT_LENGTH_MAX:
        raise Fault("the layout is too long")
    return _PIECE.sub(lambda found: _write_piece(moment, found.group()), layout)


def _assemble(values: dict[str, str]) -> datetime | None:
    fields: dict[str, str] = {}
    for piece, value in values.items():
        if piece in {"January", "Jan"}:
            fields["month"] = str(_NAMES[piece].index(value) + 1)
        elif piece in _FIELDS:
            fields[_FIELDS[piece]] = value
    seconds, _, fraction = fields.get("second", "0").replace(",", ".").partition(".")
    try:
        return datetime(
            _year(fields),
            int(fields.get("month", "1")),
            int(fields.get("day", "1")),
            _hour(fields),
            int(fields.get("minute", "0")),
            int(seconds),
            int(fraction[:6].ljust(6, "0")) if fraction else 0,
            tzinfo=_zone(fields),
        )
    except (ValueError, OverflowError):
        return None


def _year(fields: dict[str, str]) -> int:
    if "short_year" in fields:
        short = int(fields["short_year"])
        return short + (1900 if short >= 69 else 2000)
    return int(fields.get("year", "1"))  # Go says year 0, which does not exist here


def _hour(fields: dict[str, str]) -> int:
    hour = int(fields.get("hour", fields.get("half_day_hour", "0")))
    match fields.get("half", "").upper():
        case "PM" if hour < 12:
            return hour + 12
        case "AM" if hour == 12:
            return 0
        case _:
            return hour


def _zone(fields: dict[str, str]) -> timezone:
    offset = fields.get("offset", "Z").replace(":", "")
    if offset != "Z":
        minutes = int(offset[1:3]) * 60 + int(offset[3:5] or "0")
        return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
    zone = fields.get("zone", "UTC")
    if zone not in {"UTC", "GMT"} and "offset" not in fields:
        # Differs from the peer, which takes an unknown abbreviation for UTC.
        raise Fault(f"the offset of the time zone {zone} is unknown; write +01:00 or use UTC")
    return UTC


def _write_piece(moment: datetime, piece: str) -> str:
    if piece[0] in ".,":
        digits = f"{moment.microsecond:06d}000"[: len(piece) - 1]
        if piece[1] == "9":
            digits = digits.rstrip("0")
        return piece[0] + digits if digits else ""
    return _WRITERS[piece](moment)


def _offset(separator: str, *, utc: str | None) -> Callable[[datetime], str]:
    def write(moment: datetime) -> str:
        minutes = int((moment.utcoffset() or timedelta()).total_seconds()) // 60
        if not minutes and utc is not None:
            return utc
        sign = "-" if minutes < 0 else "+"
        return f"{sign}{abs(minutes) // 60:02d}{separator}{abs(minutes) % 60:02d}"

    return write


def _half_day_hour(moment: datetime) -> int:
    return moment.hour % 12 or 12


_WRITERS: Final[dict[str, Callable[[datetime], str]]] = {
    "January": lambda moment: MONTHS[moment.month - 1],
    "Jan": lambda moment: MONTHS[moment.month - 1][:3],
    "Monday": lambda moment: DAYS[moment.weekday()],
    "Mon": lambda moment: DAYS[moment.weekday()][:3],
    "MST": _offset("", utc="UTC"),
    "2006": lambda moment: f"{moment.year:04d}",
    "06": lambda moment: f"{moment.year % 100:02d}",
    "01": lambda moment: f"{moment.month:02d}",
    "1": lambda moment: str(moment.month),
    "02": lambda moment: f"{moment.day:02d}",
    "_2": lambda moment: f"{moment.day:2d}",
    "2": lambda moment: str(moment.day),
    "15": lambda moment: f"{moment.hour:02d}",
    "03": lambda moment: f"{_half_day_hour(moment):02d}",
    "3": lambda moment: str(_half_day_hour(moment)),
    "04": lambda moment: f"{moment.minute:02d}",
    "4": lambda moment: str(moment.minute),
    "05": lambda moment: f"{moment.second:02d}",
    "5": lambda moment: str(moment.second),
    "PM": lambda moment: "PM" if moment.hour >= 12 else "AM",
    "pm": lambda moment: "pm" if moment.hour >= 12 else "am",
    "Z07:00": _offset(":", utc="Z"),
    "Z0700": _offset("", utc="Z"),
    "-07:00": _offset(":", utc=None),
    "-0700": _offset("", utc=None),
    "-07": lambda moment: _offset("", utc=None)(moment)[:3],
}

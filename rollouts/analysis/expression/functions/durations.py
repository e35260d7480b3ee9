"""Durations as text, by Go's rules, and what they can be asked."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from rollouts.analysis.expression.kinds import DURATION, FLOAT, INT, STRING, Kind
from rollouts.analysis.expression.problems import Fault
from rollouts.analysis.expression.signatures import TEXT, Function, gives
from rollouts.analysis.expression.values import Duration, Run, bounded

NANOSECONDS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_TEXT_LENGTH_MAX: Final = 100
_PART: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")


def read_duration(text: str) -> Duration:
    """Read `1h30m` and the like.

    Raises:
        Fault: it is no duration, or one that does not fit into 64 bits of nanoseconds.
    """
    refusal = Fault(f"{text[:40]!r} is no duration; write 30s, 5m, 1h30m or 250ms")
    plain = text[1:] if text[:1] in {"+", "-"} else text
    if plain == "0":
        return Duration(0)
    if not plain or len(plain) > _TEXT_LENGTH_MAX:
        raise refusal
    total = Fraction(0)
    position = 0
    while position < len(plain):
        found = _PART.match(plain, position)
        if found is None or not (found[1] or found[2]):
            raise refusal
        amount = Fraction(int(found[1] or "0"))
        if found[2]:
            amount += Fraction(int(found[2]), 10 ** len(found[2]))
        total += int(amount * NANOSECONDS[found[3]])
        position = found.end()
    return Duration(bounded(-int(total) if text[0] == "-" else int(total)))


def write_duration(duration: Duration) -> str:
    """Write a duration as Go does: 1h30m0s, 1.5s, 20ms."""
    total = abs(duration.nanoseconds)
    sign = "-" if duration.nanoseconds < 0 else ""
    if total == 0:
        return "0s"
    if total < NANOSECONDS["s"]:
        unit = "ns" if total < 1_000 else "µs" if total < 1_000_000 else "ms"
        return f"{sign}{_decimal(total, NANOSECONDS[unit])}{unit}"
    minutes, rest = divmod(total, NANOSECONDS["m"])
    hours, minutes = divmod(minutes, 60)
    shown = f"{_decimal(rest, NANOSECONDS['s'])}s"
    if hours:
        shown = f"{hours}h{minutes}m{shown}"
    elif minutes:
        shown = f"{minutes}m{shown}"
    return sign + shown


def _decimal(amount: int, unit: int) -> str:
    whole, rest = divmod(amount, unit)
    digits = str(rest).rjust(len(str(unit)) - 1, "0").rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)


def _in_units(unit: int) -> Function:
    return Function("", (), gives(FLOAT), lambda _run, duration: duration.nanoseconds / unit)


def _in_whole(unit: int) -> Function:
    def count(_run: Run, duration: Duration) -> int:
        whole = abs(duration.nanoseconds) // unit
        return whole if duration.nanoseconds >= 0 else -whole

    return Function("", (), gives(INT), count)


def _truncate(_run: Run, duration: Duration, unit: Duration) -> Duration:
    if unit.nanoseconds <= 0:
        return duration
    whole = abs(duration.nanoseconds) // unit.nanoseconds * unit.nanoseconds
    return Duration(whole if duration.nanoseconds >= 0 else -whole)


def _round(_run: Run, duration: Duration, unit: Duration) -> Duration:
    """Round to a multiple, halves away from zero."""
    if unit.nanoseconds <= 0:
        return duration
    total = abs(duration.nanoseconds)
    whole = (2 * total + unit.nanoseconds) // (2 * unit.nanoseconds) * unit.nanoseconds
    return Duration(bounded(whole if duration.nanoseconds >= 0 else -whole))


_SPAN = frozenset({Kind.DURATION})

METHODS: Final = {
    "Hours": _in_units(NANOSECONDS["h"]),
    "Minutes": _in_units(NANOSECONDS["m"]),
    "Seconds": _in_units(NANOSECONDS["s"]),
    "Milliseconds": _in_whole(NANOSECONDS["ms"]),
    "Microseconds": _in_whole(NANOSECONDS["us"]),
    "Nanoseconds": _in_whole(1),
    "Abs": Function(
        "", (), gives(DURATION), lambda _run, duration: Duration(bounded(abs(duration.nanoseconds)))
    ),
    "Truncate": Function("", (_SPAN,), gives(DURATION), _truncate),
    "Round": Function("", (_SPAN,), gives(DURATION), _round),
    "String": Function("", (), gives(STRING), lambda _run, duration: write_duration(duration)),
}
"""What a duration can be asked; each takes the duration first."""

FUNCTIONS: Final = (
    Function("duration", (TEXT,), gives(DURATION), lambda _run, text: read_duration(text)),
)

"""Functions on times, and what a time can be asked. The clock is not read: `now` is given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from rollouts.analysis.expression.functions.layouts import read_time, write_time
from rollouts.analysis.expression.kinds import BOOL, DURATION, INT, STRING, TIME, Kind
from rollouts.analysis.expression.operators import operate, span
from rollouts.analysis.expression.problems import Fault
from rollouts.analysis.expression.signatures import TEXT, WHOLE, Function, gives
from rollouts.analysis.expression.values import Duration, Run

_LAYOUTS: Final = (
    "2006-01-02",
    "15:04:05",
    "2006-01-02 15:04:05",
    "2006-01-02T15:04:05Z07:00",
    "02 Jan 06 15:04 MST",
    "Monday, 02-Jan-06 15:04:05 MST",
    "Mon, 02 Jan 2006 15:04:05 MST",
)
"""What `date` reads without a layout: a day, a time of day, both, RFC 3339, 822, 850 and 1123."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _date(run: Run, text: str, layout: str | None = None, zone: str = "UTC") -> datetime:
    run.spend(50)
    if zone not in {"UTC", "GMT"}:
        raise Fault(f"time zones other than UTC are not known here, {zone[:40]!r} neither")
    for each in _LAYOUTS if layout is None else (layout,):
        if (moment := read_time(text, each)) is not None:
            return moment
    wanted = f"of the layout {layout!r}" if layout else "such as 2026-08-14 or 2026-08-14T10:00:00Z"
    raise Fault(f"{text[:60]!r} is no date {wanted}")


def _unix(unit: int) -> Function:
    return _asks(lambda moment: span(moment - _EPOCH).nanoseconds // unit)


def _asks(question: object) -> Function:
    assert callable(question)
    return Function("", (), gives(INT), lambda _run, moment: question(moment))


def _add(run: Run, moment: datetime, duration: Duration) -> datetime:
    added: datetime = operate(run, "+", moment, duration)
    return added


def _subtract(_run: Run, moment: datetime, other: datetime) -> Duration:
    return span(moment - other)


def _add_date(_run: Run, moment: datetime, years: int, months: int, days: int) -> datetime:
    """Add years, months and days; a day that the month lacks goes on into the next month."""
    index = (moment.year + years) * 12 + moment.month - 1 + months
    try:
        first = moment.replace(year=index // 12, month=index % 12 + 1, day=1)
        return first + timedelta(days=moment.day - 1 + days)
    except (OverflowError, ValueError):
        raise Fault("the date lies outside of the years 1 to 9999") from None


def _compare(moment: datetime, other: datetime) -> int:
    return (moment > other) - (moment < other)


_MOMENT = frozenset({Kind.TIME})
_SPAN = frozenset({Kind.DURATION})

METHODS: Final = {
    "Year": _asks(lambda moment: moment.year),
    "Month": _asks(lambda moment: moment.month),
    "Day": _asks(lambda moment: moment.day),
    "Hour": _asks(lambda moment: moment.hour),
    "Minute": _asks(lambda moment: moment.minute),
    "Second": _asks(lambda moment: moment.second),
    "Nanosecond": _asks(lambda moment: moment.microsecond * 1000),
    "Weekday": _asks(lambda moment: moment.isoweekday() % 7),
    "YearDay": _asks(lambda moment: moment.timetuple().tm_yday),
    "Unix": _unix(1_000_000_000),
    "UnixMilli": _unix(1_000_000),
    "UnixMicro": _unix(1_000),
    "UnixNano": _unix(1),
    "UTC": Function("", (), gives(TIME), lambda _run, moment: moment.astimezone(UTC)),
    "Add": Function("", (_SPAN,), gives(TIME), _add),
    "AddDate": Function("", (WHOLE, WHOLE, WHOLE), gives(TIME), _add_date),
    "Sub": Function("", (_MOMENT,), gives(DURATION), _subtract),
    "Before": Function("", (_MOMENT,), gives(BOOL), lambda _run, one, other: one < other),
    "After": Function("", (_MOMENT,), gives(BOOL), lambda _run, one, other: one > other),
    "Equal": Function("", (_MOMENT,), gives(BOOL), lambda _run, one, other: one == other),
    "Compare": Function("", (_MOMENT,), gives(INT), lambda _run, *both: _compare(*both)),
    "Format": Function(
        "", (TEXT,), gives(STRING), lambda _run, moment, layout: write_time(moment, layout)
    ),
}
"""What a time can be asked; each takes the time first."""

FUNCTIONS: Final = (
    Function("now", (), gives(TIME), lambda run: run.now, is_constant=False),
    Function("date", (TEXT, TEXT, TEXT), gives(TIME), _date, 1),
)

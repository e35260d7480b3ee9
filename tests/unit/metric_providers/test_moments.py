"""The moments and the step of a range query."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rollouts.metric_providers.moments import read_moment, read_step

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now()", NOW),
        (" now( ) ", NOW),
        ('now() - duration("1h")', NOW - timedelta(hours=1)),
        ("now()-duration('90s')", NOW - timedelta(seconds=90)),
        ('now() - duration("1h") + duration("30m")', NOW - timedelta(minutes=30)),
        ('duration("1m") + now()', NOW + timedelta(minutes=1)),
        ('date("2026-01-02T03:04:05Z")', datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ('date("2026-01-02")', datetime(2026, 1, 2, tzinfo=UTC)),
        ('date("2026-01-02") + duration("1h")', datetime(2026, 1, 2, 1, tzinfo=UTC)),
    ],
)
def test_moments(text, expected):
    assert read_moment(text, NOW) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "now() -",
        "- now()",
        "now() now()",
        "now() - - now()",
        "now() + now()",
        "now() - now()",
        'duration("1h")',
        'duration("1h") - now()',
        'duration("soon") + now()',
        'now() - duration("1h',
        'date("tomorrow")',
        'date("2026-13-01")',
        'now() * duration("1h")',
        "now()" + ' - duration("2500000h")' * 8,
        "__import__('os')",
        "now()" * 60,
    ],
)
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        read_moment(text, NOW)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15", 15),
        ("1m", 60),
        ("1h30m", 5400),
        ("500ms", 0.5),
        ("1d", 86_400),
        ("1w2d", 777_600),
        ("1y", 31_536_000),
        ("1d12h", 129_600),
    ],
)
def test_steps(text, seconds):
    assert read_step(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "0", "0s", "-1m", "1x", "m", "1d1d", "9" * 300, "9999999y"])
def test_what_is_no_step_is_refused(text):
    with pytest.raises(ValueError, match="write one such as 1m"):
        read_step(text)

"""Durations and times are read as Go and Kubernetes read them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollouts.api.times import (
    DURATION_MAX,
    format_duration,
    format_time,
    parse_duration,
    parse_time,
)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("10m", 600),
        ("1h30m", 5400),
        ("1h0m0s", 3600),
        ("1.5s", 1.5),
        (".5h", 1800),
        ("250ms", 0.25),
        ("7us", 0.000007),
        ("7µs", 0.000007),
        ("999ns", 0),
        ("-5s", -5),
        ("+5s", 5),
        ("0", 0),
        ("30", 30),
        (30, 30),
        (0, 0),
        (-1, -1),
    ],
)
def test_a_duration_is_go_text_or_a_number_of_seconds(written, seconds):
    assert timedelta(seconds=seconds) == parse_duration(written)


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "s",
        "5 m",
        "5m ",
        "1d",
        "1h30",
        "ten",
        "--5s",
        "5m5",
        "1,5s",
        "∞",
        "１s",
        "5S",
        True,
    ],
)
def test_text_that_go_refuses_is_refused(written):
    with pytest.raises(ValueError, match="duration"):
        parse_duration(written)


def test_a_duration_may_be_as_long_as_go_can_hold_and_no_longer():
    longest = int(DURATION_MAX.total_seconds())

    assert parse_duration(longest) == DURATION_MAX
    with pytest.raises(ValueError, match="too long"):
        parse_duration(longest + 1)


@pytest.mark.parametrize("written", ["9" * 63 + "h", "9" * 5000, 10**99])
def test_a_huge_number_is_refused_and_not_computed(written):
    with pytest.raises(ValueError, match="too long"):
        parse_duration(written)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(seconds=10), "10s"),
        (timedelta(minutes=10), "10m"),
        (timedelta(hours=1, minutes=30), "1h30m"),
        (timedelta(seconds=3601), "1h1s"),
        (timedelta(milliseconds=1500), "1.5s"),
        (timedelta(seconds=-90), "-1m30s"),
        (timedelta(days=2), "48h"),
    ],
)
def test_a_duration_is_written_without_empty_parts(duration, text):
    assert text == format_duration(duration)


@given(st.timedeltas(min_value=-DURATION_MAX, max_value=DURATION_MAX))
def test_a_written_duration_reads_back_as_itself(duration):
    assert duration == parse_duration(format_duration(duration))


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00Z",
        "2026-01-31T13:00:00+01:00",
        "2026-01-31T07:00:00-05:00",
        "2026-01-31t12:00:00z",
        "2026-01-31T12:00:00.000Z",
    ],
)
def test_a_time_is_read_into_utc(text):
    expected = datetime(2026, 1, 31, 12, tzinfo=UTC)

    assert expected == parse_time(text)
    assert parse_time(text).tzinfo is UTC


def test_a_fraction_of_a_second_is_kept_to_microseconds():
    assert parse_time("2026-01-31T12:00:00.123456789Z").microsecond == 123456


def test_a_leap_second_is_read_as_the_second_before():
    assert datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC) == parse_time("2016-12-31T23:59:60Z")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-02-30T12:00:00Z",
        "2026-01-31T25:00:00Z",
        "2026-01-31T12:00:00+99:99",
        "0001-01-01T00:00:00+10:00",
        "yesterday",
        "2026-01-31T12:00:00Z\n",
    ],
)
def test_what_is_no_time_with_a_zone_is_refused(text):
    with pytest.raises(ValueError, match="is not a time"):
        parse_time(text)


def test_a_time_is_written_in_utc_with_whole_seconds():
    moment = datetime(2026, 1, 31, 13, 0, 0, 999999, tzinfo=timezone(timedelta(hours=1)))

    assert format_time(moment) == "2026-01-31T12:00:00Z"


def test_an_early_year_keeps_four_digits():
    assert format_time(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00Z"


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_written_time_reads_back_to_the_second(moment):
    assert moment.replace(microsecond=0) == parse_time(format_time(moment))

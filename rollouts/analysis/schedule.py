"""Say when a metric is to be measured next: an exact time that depends on stored facts alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rollouts.analysis.facts import JOB_PROVIDER, Metric
from rollouts.analysis.phase import Phase
from rollouts.analysis.results import Result

ERROR_RETRY = timedelta(seconds=10)
"""From the end of a measurement that could not be had to the next try, whatever the interval."""

BOOK_AHEAD = timedelta(seconds=5)
"""A measurement that follows its predecessor that soon is booked by the look at the predecessor,
and needs no look of its own."""


@dataclass(frozen=True, slots=True)
class Start:
    """A metric to measure, and when: now, or in a moment."""

    metric: Metric
    at: datetime

    @property
    def name(self) -> str:
        """Return the name of the metric."""
        return self.metric.name


def may_be_booked(metric: Metric, result: Result) -> bool:
    """Tell whether the next measurement may begin without another look at the run.

    Not the first one: when its delay began is to be remembered, which is a matter of status.
    """
    last = result.last
    is_soon = last is not None and pause_after(metric, last.phase) <= BOOK_AHEAD
    return is_soon and metric.provider != JOB_PROVIDER


def next_due(
    metric: Metric, result: Result, *, started_at: datetime, now: datetime
) -> datetime | None:
    """Return when to begin the next measurement; a time that is not in the future means now.

    Args:
        result: without a measurement that is being taken.
        started_at: when the run began.
        now: tells whether the clock was set back, and nothing else: a measurement that ended in
            the future has lost its meaning as a beginning of an interval, and waiting out the
            step would leave a bad version to its users for as long.

    Returns:
        None when nothing is left to measure.

    Source: the peer's analysis.go. It compares with "after"; a wake-up at exactly that time makes
    progress here instead of planning another wait.
    """
    if result.phase.is_finished or is_used_up(metric, result):
        return None
    last = result.last
    if last is None:
        return started_at + metric.initial_delay
    finished_at = last.finished_at or last.started_at
    if finished_at is None or finished_at > now:
        return now
    return finished_at + pause_after(metric, last.phase)


def pause_after(metric: Metric, phase: Phase) -> timedelta:
    """Return how long after the end of a measurement the next one begins."""
    if phase is Phase.ERROR or metric.interval is None:
        return ERROR_RETRY
    return metric.interval


def is_used_up(metric: Metric, result: Result) -> bool:
    """Tell whether all measurements of a metric have been had; errors are none."""
    return metric.count is not None and result.count >= metric.count

"""Say which news of a run may wait for the next write: successes that decide nothing.

Many runs that are measured every second would cost the API server hundreds of writes a second, of
which nearly all tell nobody anything. So all that are measured so fast share a budget, and the more
there are, the longer a success may wait: one run alone is written after each measurement. What
changes a phase, and everything that is no success, is written at once. What waits lives in memory
alone: a process that dies loses it, and measures it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zlib import crc32

from rollouts.analysis.facts import Metric, RunFacts, Unsaved
from rollouts.analysis.phase import Phase
from rollouts.analysis.results import Result
from rollouts.api.refs import Manifest

SAVE_EVERY_EACH = timedelta(milliseconds=20)
"""How long a success may wait, for each run that is being measured: fifty writes a second."""

SAVE_EVERY_MAX = timedelta(seconds=10)
"""How long it may wait at most. Intervals that are no shorter are written one by one."""

UNSAVED_AGE_MAX = timedelta(seconds=60)
"""An answer, or a success that waits, which could not be written for longer speaks of a past that
nobody should act on."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def decide(
    run: RunFacts,
    found: Iterable[tuple[Metric, Result]],
    *,
    is_news: bool,
    next_answer: datetime | None,
    crowd: int,
    now: datetime,
) -> tuple[bool, datetime | None]:
    """Decide whether status is written now and, if it is not, when it has to be at the latest.

    Args:
        found: what a plan has come to, for each metric.
        is_news: whether that is more than was known.
        next_answer: when the next measurement will probably have ended; None where nobody knows.
        crowd: how many runs are being measured.
    """
    since = run.unsaved_since
    if since is None and not is_news:
        return False, None
    save_at = save_time(run.uid, now if since is None else since, save_every(crowd))
    if since is not None and not since <= now < save_at:
        # A wait that has not begun yet tells that the clock was set back.
        return True, None
    if is_news and not (_is_under_way(run, next_answer, save_at) and _are_calm(run, found)):
        return True, None
    return False, save_at


def save_every(crowd: int) -> timedelta:
    """Return how long a success may wait while so many runs are being measured."""
    return min(max(crowd, 1) * SAVE_EVERY_EACH, SAVE_EVERY_MAX)


def save_time(run_uid: str, since: datetime, every: timedelta) -> datetime:
    """Return when to write what has waited since a moment.

    Each run has its own beat, or runs that were made in one moment would all write in one.
    """
    beat = timedelta(milliseconds=crc32(run_uid.encode()))
    return since + every - (since - _EPOCH - beat) % every


def _is_under_way(run: RunFacts, next_answer: datetime | None, save_at: datetime) -> bool:
    """Tell whether a run goes on as it did, and more news of it will come before a moment."""
    is_known = run.phase is Phase.RUNNING and "startedAt" in run.status
    is_plain = is_known and "message" not in run.status
    return is_plain and next_answer is not None and next_answer < save_at


def _are_calm(run: RunFacts, found: Iterable[tuple[Metric, Result]]) -> bool:
    return all(_is_calm(run, metric, result) for metric, result in found)


def _is_calm(run: RunFacts, metric: Metric, result: Result) -> bool:
    """Tell whether a metric has had nothing but successes since it was stored, and still runs."""
    known = run.results.get(metric.name)
    if known is result or (known is None and not result.measurements):
        return True
    if known is None or known.phase is not Phase.RUNNING or result.phase is not known.phase:
        return False
    grown = result.successful - known.successful
    only_successes = result.count - known.count == grown and result.error == known.error
    is_open = known.is_open or result.is_open
    return only_successes and not is_open and _has_room(run, metric, result)


def _has_room(run: RunFacts, metric: Metric, result: Result) -> bool:
    """Tell whether one more measurement would push none out of status that it has never shown."""
    saved = run.saved_results.get(metric.name)
    waiting = result.successful - (saved.successful if saved is not None else 0)
    return waiting < metric.retention


def with_unsaved(stored: RunFacts, known: RunFacts, now: datetime) -> RunFacts:
    """Return a run as it is stored, with what is known beyond that and still holds.

    Whoever else has written the status meanwhile is believed.

    Args:
        known: the run when something of it was last left to wait.
    """
    unsaved = known.unsaved
    if unsaved is None or now - unsaved.since > UNSAVED_AGE_MAX:
        return stored
    if stored.resource_version == known.resource_version:
        return known
    if stored.status != unsaved.status:
        return stored
    return replace(stored, status=known.status, results=known.results, unsaved=unsaved)


def leave_waiting(
    run: RunFacts, status: Manifest, results: Mapping[str, Result], now: datetime
) -> RunFacts:
    """Return a run that has come to a status which is not written yet."""
    unsaved = run.unsaved or Unsaved(since=now, status=run.status, results=run.results)
    return replace(run, status=status, results=results, unsaved=unsaved)

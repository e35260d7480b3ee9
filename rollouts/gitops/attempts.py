"""What becomes of an operation after a pass: done, waiting, to be tried again, or failed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from rollouts.gitops.decide import Sync, backoff, may_retry
from rollouts.gitops.model import Attempt, Phase, RetryPolicy, SyncUnit
from rollouts.gitops.outcome import Applied, Waiting

SOON = timedelta(seconds=1)
"""When to look again at what takes the server a moment."""

_ERRORS_SHOWN = 5


def attempt_after(
    unit: SyncUnit, started: Attempt, applied: Applied, *, retry: RetryPolicy, now: datetime
) -> Attempt:
    """Return how an operation stands after a pass.

    Args:
        started: the operation as it stood when the pass began.
        retry: of the request, or of the unit for an automated sync.
    """
    if started.failure:
        return _after_failure(started, applied, now)
    if applied.is_done:
        return replace(started, phase=Phase.SUCCEEDED, finished_at=now, message=_summary(applied))
    waiting = applied.waiting
    if waiting is not None and not waiting.failed:
        overdue = _deadline(unit, started, waiting)
        if overdue is None or now < overdue:
            return replace(started, phase=Phase.RUNNING, finished_at=None, message=waiting.message)
        text = f"timed out after {_minutes(unit.deadline)} minutes while {waiting.message}"
        return _failed(replace(started, message=text), retry, now, fatal=False)
    text = waiting.message if waiting is not None else _listed(applied.errors)
    return _failed(replace(started, message=text), retry, now, fatal=applied.fatal)


def ended(attempt: Attempt, phase: Phase, message: str, now: datetime) -> Attempt:
    """Return an operation that ends here without success."""
    return replace(
        attempt,
        phase=phase,
        started_at=attempt.started_at or now,
        finished_at=now,
        fatal=False,
        failure="",
        message=message,
    )


def calling_for_hooks(failed: Attempt) -> Attempt:
    """Return an operation that has failed and goes on with the hooks for that case."""
    text = f"{failed.message}; running the SyncFail hooks"
    return replace(
        failed, phase=Phase.RUNNING, finished_at=None, failure=failed.message, message=text
    )


def _after_failure(started: Attempt, applied: Applied, now: datetime) -> Attempt:
    """Return how an operation stands whose failure has called for hooks; they change no verdict."""
    if applied.waiting is not None:
        return replace(started, message=f"{started.failure}; {applied.waiting.message}")
    text = "; ".join([started.failure, *([_listed(applied.errors)] if applied.errors else [])])
    return replace(started, phase=Phase.FAILED, finished_at=now, failure="", message=text)


def wake_after(
    unit: SyncUnit, attempt: Attempt, waiting: Waiting | None, retry: RetryPolicy
) -> datetime | None:
    """Return when an operation needs another pass unasked; None when only a change can move it."""
    if attempt.phase is Phase.FAILED and attempt.automated:
        return (attempt.finished_at or _start(attempt)) + unit.retry.slow
    if attempt.phase is not Phase.RUNNING:
        return None
    if attempt.finished_at is not None:
        return attempt.finished_at + backoff(retry, attempt.retries - 1)
    if waiting is None or waiting.failed:
        return None
    return _deadline(unit, attempt, waiting)


def begin(sync: Sync, *, revision: str, digest: str) -> Attempt:
    """Return the record of a sync that is about to run."""
    return Attempt(
        phase=Phase.RUNNING,
        revision=revision,
        digest=digest,
        started_at=sync.started_at,
        automated=sync.automated,
        retries=sync.retries,
        heals=sync.heals,
        failure=sync.failure,
    )


def _failed(attempt: Attempt, retry: RetryPolicy, now: datetime, *, fatal: bool) -> Attempt:
    """Return a failed try: still running while quick tries are left, else failed.

    What the manifests alone are to blame for is not tried again quickly: nothing would change.
    """
    if not fatal and may_retry(retry, attempt.retries):
        return replace(
            attempt, phase=Phase.RUNNING, finished_at=now, retries=attempt.retries + 1, fatal=False
        )
    return replace(attempt, phase=Phase.FAILED, finished_at=now, fatal=fatal)


def _deadline(unit: SyncUnit, attempt: Attempt, waiting: Waiting) -> datetime | None:
    """Return when waiting ends; None for what takes as long as it takes."""
    return None if waiting.unhurried else _start(attempt) + unit.deadline


def _start(attempt: Attempt) -> datetime:
    assert attempt.started_at is not None, "an operation has begun at some time"
    return attempt.started_at


def _summary(applied: Applied) -> str:
    counts: dict[str, int] = {}
    for result in applied.results:
        counts[result.outcome] = counts.get(result.outcome, 0) + 1
    parts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    return f"successfully synced ({parts or 'nothing to do'})"


def _listed(errors: list[str]) -> str:
    shown = "; ".join(errors[:_ERRORS_SHOWN])
    more = len(errors) - _ERRORS_SHOWN
    return f"{shown}; and {more} more" if more > 0 else shown


def _minutes(length: timedelta) -> str:
    return f"{length.total_seconds() / 60:g}"

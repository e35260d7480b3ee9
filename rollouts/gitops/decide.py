"""Decides whether a unit is synced now, and why not: requests, automation, heals and retries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from rollouts.gitops.model import (
    Attempt,
    Condition,
    Phase,
    Request,
    ResourceKey,
    RetryPolicy,
    SyncUnit,
)

HEAL_DELAYS = tuple(timedelta(seconds=s) for s in (0, 2, 6, 18, 54, 162, 300))
"""Wait before the n-th self-heal in a row, counted from the end of the last sync."""

HEALS_FORGOTTEN_AFTER = timedelta(minutes=10)
"""After this long without a heal the next one counts as the first."""

TERMINATED = "operation terminated on request"

_BACKOFF_EXPONENT_MAX = 32  # 5 s times 2^32 is beyond any `delay_max`; bounds the power.


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when deciding.

    Attributes:
        digest: of what Git declares; equal digests are one attempt whatever the commit.
        drifted: declared objects that differ, in order of their keys.
        stale: objects that would be pruned.
        declared_count: how many objects Git declares.
        forced: a person asked for it, so no backoff is waited out.
    """

    revision: str
    digest: str
    drifted: tuple[ResourceKey, ...] = ()
    stale: tuple[ResourceKey, ...] = ()
    declared_count: int = 0
    attempt: Attempt | None = None
    request: Request | None = None
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Sync:
    """Sync now.

    Attributes:
        only: a partial sync of these objects; None for all.
        heals: self-heals in a row, this one included; 0 when it is none.
        started_at: when the operation began; earlier than now when it goes on. No two
            operations begin in the same second, so that status can tell them apart.
        continues: it is the operation that status shows, not a new one.
        hooks: hooks are wanted.
        failure: the operation has failed for this reason; hooks for that case are all that is left.
    """

    prune: bool
    started_at: datetime
    continues: bool = False
    hooks: bool = True
    failure: str = ""
    automated: bool = True
    dry_run: bool = False
    only: tuple[ResourceKey, ...] | None = None
    heals: int = 0
    retries: int = 0

    @property
    def runs_hooks(self) -> bool:
        """Tell whether hooks run; a sync of some objects, a heal for one, has none."""
        return self.hooks and self.only is None and not self.dry_run


@dataclass(frozen=True, slots=True)
class Hold:
    """Do not sync now; look again at `wake_at` (None: when something changes)."""

    wake_at: datetime | None = None
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    """End the running operation without success.

    Attributes:
        is_interrupted: a person has ended it, so its hooks end too.
    """

    phase: Phase
    message: str
    is_interrupted: bool = False


Decision: TypeAlias = Sync | Hold | End


def decide(unit: SyncUnit, seen: Situation, now: datetime) -> Decision:
    """Decide whether to sync."""
    attempt = seen.attempt
    if attempt is not None and attempt.phase is Phase.TERMINATING:
        return End(Phase.FAILED, TERMINATED, is_interrupted=True)
    if seen.request is not None:
        return _decide_request(unit, seen, seen.request, now)
    if not unit.automated:
        if attempt is not None and attempt.phase is Phase.RUNNING:
            return End(Phase.FAILED, "automated sync was switched off while it was running")
        return Hold()
    return _decide_automated(unit, seen, now)


def _decide_request(unit: SyncUnit, seen: Situation, request: Request, now: datetime) -> Decision:
    running = seen.attempt
    if running is None or running.phase is not Phase.RUNNING or running.automated:
        running = None
    elif not _is_same(running, seen):
        running = None  # Its hooks have run for other content.
    if running is not None and running.finished_at is not None:
        wake_at = running.finished_at + backoff(request.retry, running.retries - 1)
        if now < wake_at:
            return Hold(wake_at)
    if request.prune and _wipes_out(unit, seen):
        return End(Phase.FAILED, _wipe_out_message(seen))
    return Sync(
        prune=request.prune,
        started_at=(running.started_at if running else None) or start_after(seen.attempt, now),
        continues=running is not None,
        hooks=request.hooks,
        failure=running.failure if running else "",
        automated=False,
        dry_run=request.dry_run,
        only=request.only,
        retries=running.retries if running else 0,
    )


def _decide_automated(unit: SyncUnit, seen: Situation, now: datetime) -> Decision:
    attempt = seen.attempt
    unfinished = attempt is not None and attempt.phase is Phase.RUNNING
    if attempt is not None and not _is_same(attempt, seen):
        attempt = None  # Another content: whatever became of the earlier one, it is over.
    running = attempt is not None and unfinished
    prunes = seen.stale if unit.prune else ()
    # What takes the place of an unfinished sync is one too, even if it finds nothing to write.
    if not seen.drifted and not prunes and not unfinished:
        return Hold()
    if prunes and _wipes_out(unit, seen):
        return Hold(conditions=(Condition("SyncError", _wipe_out_message(seen)),))
    if attempt is None:
        return Sync(prune=unit.prune, started_at=start_after(seen.attempt, now))
    if running:
        wake_at = _retry_at(unit.retry, attempt)
        if wake_at is not None and now < wake_at and not seen.forced:
            return Hold(wake_at)
        return Sync(
            prune=unit.prune,
            started_at=attempt.started_at or now,
            continues=attempt.started_at is not None,
            failure=attempt.failure,
            only=(*seen.drifted, *prunes) if attempt.heals else None,
            heals=attempt.heals,
            retries=attempt.retries,
        )
    if attempt.phase is not Phase.SUCCEEDED:
        return _decide_after_failure(unit, seen, attempt, now)
    return _decide_heal(unit, seen, attempt, now)


def _is_same(attempt: Attempt, seen: Situation) -> bool:
    """Tell whether an attempt was about what Git declares now.

    A peer's record has no digest; its revision has to do.
    """
    if attempt.digest:
        return attempt.digest == seen.digest
    return attempt.revision == seen.revision


def _decide_after_failure(
    unit: SyncUnit, seen: Situation, attempt: Attempt, now: datetime
) -> Decision:
    """Go on at a slow pace: a failure that needs a person must not need a second one to restart."""
    wake_at = (attempt.finished_at or now) + unit.retry.slow
    if now < wake_at and not seen.forced:
        text = f"{attempt.message or 'the sync failed'} (tried {attempt.retries + 1} times)"
        return Hold(wake_at, (Condition("SyncError", text),))
    return Sync(
        prune=unit.prune, started_at=start_after(seen.attempt, now), retries=attempt.retries + 1
    )


def _decide_heal(unit: SyncUnit, seen: Situation, attempt: Attempt, now: datetime) -> Decision:
    if not unit.self_heal:
        return Hold()
    finished_at = attempt.finished_at or now
    heals = 0 if now - finished_at >= HEALS_FORGOTTEN_AFTER else attempt.heals
    wake_at = finished_at + HEAL_DELAYS[min(heals, len(HEAL_DELAYS) - 1)]
    if now < wake_at and not seen.forced:
        return Hold(wake_at)
    prunes = seen.stale if unit.prune else ()
    return Sync(
        prune=unit.prune,
        started_at=start_after(seen.attempt, now),
        only=(*seen.drifted, *prunes),
        heals=heals + 1,
    )


def start_after(last: Attempt | None, now: datetime) -> datetime:
    """Return when a new operation begins: in a later second than the last one did."""
    began_at = last.started_at if last is not None else None
    return now if began_at is None else max(now, began_at + timedelta(seconds=1))


def backoff(retry: RetryPolicy, tries: int) -> timedelta:
    """Return the wait after the n-th failed try (0 is the first)."""
    factor = max(retry.factor, 1) ** min(max(tries, 0), _BACKOFF_EXPONENT_MAX)
    # Compared as numbers: the product may exceed what a timedelta holds.
    if retry.delay.total_seconds() * factor >= retry.delay_max.total_seconds():
        return retry.delay_max
    wait: timedelta = retry.delay * factor
    return wait


def may_retry(retry: RetryPolicy, retries: int) -> bool:
    """Tell whether one more quick try is allowed after this many."""
    return retry.limit < 0 or retries < retry.limit


def _retry_at(retry: RetryPolicy, attempt: Attempt) -> datetime | None:
    """Return when a running operation tries again; None while it merely goes on."""
    if attempt.finished_at is None:
        return None
    return attempt.finished_at + backoff(retry, attempt.retries - 1)


def _wipes_out(unit: SyncUnit, seen: Situation) -> bool:
    """Tell whether pruning would delete everything because Git declares nothing."""
    return not unit.allow_empty and seen.declared_count == 0 and bool(seen.stale)


def _wipe_out_message(seen: Situation) -> str:
    return (
        f"the source declares no object, so pruning would delete all {len(seen.stale)}; nothing "
        "was deleted: restore the manifests, or allow it with allowEmpty"
    )

"""Decides how a sync ends that a person asked for, or asked to end, when Git cannot be read.

The operation that runs is no less real for that: its hooks are awaited, or ended with it, and an
operation of ours that only waits is not thrown away for somebody's typing error.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rollouts.gitops.attempts import ended
from rollouts.gitops.decide import TERMINATED, start_after
from rollouts.gitops.hook_release import Recorded, Release, releases, still_running, unfinished
from rollouts.gitops.model import Attempt, Condition, HookRecord, Phase, SyncUnit


@dataclass(frozen=True, slots=True)
class Ending:
    """What becomes of it.

    Attributes:
        attempt: the operation as status is to show it; None when that does not change.
        hooks: what status is to show of its hooks.
        releases: instances to let go once that is stored.
        answered: the request is taken back.
        refusal: why a request came to nothing while another operation runs.
        waits_for: what keeps the request from its end.
    """

    attempt: Attempt | None = None
    hooks: tuple[HookRecord, ...] = ()
    releases: tuple[Release, ...] = ()
    answered: bool = False
    refusal: str = ""
    waits_for: Condition | None = None


def must_end(last: Attempt | None, *, asked: bool) -> bool:
    """Tell whether there is anything to end: a request, or an operation that a person ends."""
    return asked or (last is not None and last.phase is Phase.TERMINATING)


def end_without_content(
    unit: SyncUnit,
    last: Attempt | None,
    recorded: Recorded,
    *,
    error: str,
    revision: str,
    now: datetime,
    control_namespace: str,
) -> Ending:
    """Return how a request ends that cannot be carried out for an error.

    Args:
        last: the operation that status shows, with what it has recorded of its hooks.
    """
    if last is not None and last.phase is Phase.TERMINATING:
        attempt = ended(last, Phase.FAILED, TERMINATED, now)
        interrupted = True
    elif last is not None and last.phase is Phase.RUNNING and last.automated:
        return Ending(answered=True, refusal=f"a sync that was asked for did not begin: {error}")
    else:
        running = unfinished(recorded.records, recorded.live, now)
        if running:
            return Ending(waits_for=still_running(running, recorded.live))
        attempt = Attempt(
            Phase.ERROR,
            revision,
            started_at=start_after(last, now),
            finished_at=now,
            automated=False,
            message=error,
        )
        interrupted = False
    letting_go = releases(
        recorded,
        unit,
        now=now,
        is_over=True,
        interrupted=interrupted,
        control_namespace=control_namespace,
    )
    hooks = recorded.records if interrupted else ()
    return Ending(attempt, hooks, letting_go, answered=True)

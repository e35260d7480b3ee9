"""Decide what counted measurements say: the phase of a metric, then that of the run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rollouts.analysis.facts import Metric
from rollouts.analysis.phase import Phase
from rollouts.analysis.results import Result
from rollouts.analysis.schedule import is_used_up
from rollouts.api.refs import Manifest

TERMINATED = "Run Terminated"
"""The peer's message of a run that somebody has ended."""

_BADNESS = (
    Phase.SUCCESSFUL,
    Phase.RUNNING,
    Phase.PENDING,
    Phase.INCONCLUSIVE,
    Phase.ERROR,
    Phase.FAILED,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The phase of a metric or of a run, and why."""

    phase: Phase
    reason: str = ""


_PENDING = Verdict(Phase.PENDING)
_RUNNING = Verdict(Phase.RUNNING)


def is_worse(phase: Phase, than: Phase) -> bool:
    """Tell whether a phase is worse than another."""
    return _BADNESS.index(phase) > _BADNESS.index(than)


def assess_metric(metric: Metric, result: Result) -> Verdict:
    """Return the phase that a metric has earned by its measurements so far.

    A verdict that was once stored is never changed.
    """
    if result.phase.is_finished:
        return Verdict(result.phase, _limit_broken(metric, result).reason)
    if not result.measurements:
        return _PENDING
    if result.is_open:
        return _RUNNING
    broken = _limit_broken(metric, result)
    if broken.phase.is_bad:
        return broken
    wanted = metric.consecutive_success_limit
    if wanted is not None and result.consecutive_success >= wanted:
        return Verdict(Phase.SUCCESSFUL)
    if is_used_up(metric, result):
        return _assess_used_up(metric, result)
    return _RUNNING


def _limit_broken(metric: Metric, result: Result) -> Verdict:
    """Return the limit that is exceeded; the last one wins, as in the peer.

    Source: the peer's assessMetricFailureInconclusiveOrError.
    """
    found = _RUNNING
    if 0 <= metric.failure_limit < result.failed:
        words = f"failed ({result.failed}) > failureLimit ({metric.failure_limit})"
        found = Verdict(Phase.FAILED, words)
    if result.inconclusive > metric.inconclusive_limit:
        limit = metric.inconclusive_limit
        words = f"inconclusive ({result.inconclusive}) > inconclusiveLimit ({limit})"
        found = Verdict(Phase.INCONCLUSIVE, words)
    if result.consecutive_error > metric.consecutive_error_limit:
        words = (
            f"consecutiveErrors ({result.consecutive_error})"
            f" > consecutiveErrorLimit ({metric.consecutive_error_limit})"
        )
        found = Verdict(Phase.ERROR, words)
    return found


def _assess_used_up(metric: Metric, result: Result) -> Verdict:
    """Decide about a metric all of whose measurements were had within its limits.

    Differs from the peer: limits that forgive every single measurement are no success. With
    `count: 3` and `failureLimit: 3` its run is Successful although all three have failed.
    """
    wanted = metric.consecutive_success_limit
    if wanted is not None:
        words = f"consecutiveSuccess ({result.consecutive_success}) < {wanted} after all of count"
        phase = Phase.FAILED if metric.failure_limit < 0 else Phase.INCONCLUSIVE
        return Verdict(phase, words)
    if result.successful:
        return Verdict(Phase.SUCCESSFUL)
    if result.failed:
        return Verdict(Phase.FAILED, f"failed ({result.failed}) and nothing was successful")
    words = f"inconclusive ({result.inconclusive}) and nothing was successful"
    return Verdict(Phase.INCONCLUSIVE, words)


def stop_metric(metric: Metric, result: Result) -> Verdict:
    """Return the phase of a metric that is stopped before it has come to an end of its own.

    Differs from the peer, where such a metric is Successful: a gate that was taken away has not
    been passed.
    """
    earned = assess_metric(metric, result)
    if earned.phase.is_finished:
        return earned
    return Verdict(Phase.INCONCLUSIVE)


def is_ending(program_terminate: bool, metrics: Iterable[tuple[Metric, Phase]]) -> bool:
    """Tell whether a run takes no more measurements: ended by somebody, or by a bad metric."""
    return program_terminate or any(
        phase.is_bad for metric, phase in metrics if not metric.is_dry_run
    )


def assess_run(
    metrics: Iterable[tuple[Metric, Verdict, Result]], *, is_terminated: bool
) -> Verdict:
    """Return the phase of a run: that of its worst metric once all have ended.

    Metrics of a dry run are waited for and do not count.
    """
    worst: Verdict | None = None
    message = ""
    for metric, verdict, result in metrics:
        if not verdict.phase.is_finished:
            return _RUNNING
        if metric.is_dry_run:
            continue
        words = message_of(metric, verdict, result)
        if worst is None or is_worse(verdict.phase, worst.phase):
            worst, message = verdict, words
        elif verdict.phase is worst.phase and words and not message:
            # The one that says why goes before one that was merely stopped.
            message = words
    if is_terminated and (worst is None or worst.phase is Phase.SUCCESSFUL):
        # Even where the last measurement came in the same moment: a gate that was taken away is
        # never a gate that was passed.
        return Verdict(Phase.INCONCLUSIVE, TERMINATED)
    if worst is None:
        return Verdict(Phase.SUCCESSFUL, "all metrics are dry runs: nothing was decided")
    return Verdict(worst.phase, message or (TERMINATED if is_terminated else ""))


def message_of(metric: Metric, verdict: Verdict, result: Result) -> str:
    """Return why a metric has not ended well, in the peer's words; empty where it has."""
    if not verdict.reason:
        return ""
    words = f'Metric "{metric.name}" assessed {verdict.phase} due to {verdict.reason}'
    return f'{words}: "Error Message: {result.message}"' if result.message else words


def summarize(phases: Iterable[Phase]) -> Manifest:
    """Return how many metrics have ended how; zeros are left out."""
    found = tuple(phases)
    words = {
        "count": len(found),
        "successful": found.count(Phase.SUCCESSFUL),
        "failed": found.count(Phase.FAILED),
        "inconclusive": found.count(Phase.INCONCLUSIVE),
        "error": found.count(Phase.ERROR),
    }
    return {word: count for word, count in words.items() if count}

"""Write a run's status, whole, and the events that its changes are worth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from rollouts.actions import Event
from rollouts.analysis.facts import Metric, RunFacts
from rollouts.analysis.phase import Phase
from rollouts.analysis.results import Result, cut, exact_time, read_time
from rollouts.analysis.verdict import Verdict, summarize
from rollouts.api.refs import Manifest

RETENTION = 10
"""Measurements that are kept of a metric which asks for nothing else."""


def run_status(
    run: RunFacts,
    results: tuple[tuple[Metric | None, Result], ...],
    whole: Verdict,
    *,
    started_at: datetime,
    completed_at: datetime | None,
) -> Manifest:
    """Return the whole status; fields that we do not know stay as they are.

    Args:
        results: of which status keeps as many measurements as each metric wants.
    """
    status = dict(run.status)
    status["phase"] = whole.phase.value
    _put(status, "message", cut(whole.reason))
    kept = (_trim(metric, result) for metric, result in results)
    _put(status, "metricResults", [result.to_manifest() for result in kept])
    if read_time(status.get("startedAt")) != started_at:
        status["startedAt"] = exact_time(started_at)
    if completed_at is not None:
        status["completedAt"] = exact_time(completed_at)
    phases = {result.name: result.phase for _, result in results}
    counting = [each for each in run.program.metrics if not each.is_dry_run]
    dry = [each for each in run.program.metrics if each.is_dry_run]
    status["runSummary"] = summarize(phases.get(each.name, Phase.PENDING) for each in counting)
    _put(status, "dryRunSummary", summarize(phases.get(each.name, Phase.PENDING) for each in dry))
    return status


def _trim(metric: Metric | None, result: Result) -> Result:
    kept = RETENTION if metric is None else metric.retention
    if len(result.measurements) <= kept:
        return result
    return replace(result, measurements=result.measurements[-kept:])


def _put(status: Manifest, word: str, value: object) -> None:
    if value:
        status[word] = value
    else:
        status.pop(word, None)


def completion_events(before: Manifest, after: Manifest) -> tuple[Event, ...]:
    """Return an event for each metric, and one for the run, that has come to its end just now."""
    return tuple(_events(before, after))


def _events(before: Manifest, after: Manifest) -> Iterator[Event]:
    phases = {each.get("name"): each.get("phase") for each in before.get("metricResults") or ()}
    for result in after.get("metricResults") or ():
        phase = Phase(result["phase"])
        if phase.is_finished and phases.get(result["name"]) != result["phase"]:
            words = f"Metric '{result['name']}' Completed. Result: {phase}"
            yield Event(f"Metric{phase}", words, warning=_is_warning(phase))
    phase = Phase(after["phase"])
    if phase.is_finished and before.get("phase") != after["phase"]:
        words = f"Analysis Completed. Result: {phase}"
        yield Event(f"AnalysisRun{phase}", words, warning=_is_warning(phase))


def _is_warning(phase: Phase) -> bool:
    return phase in {Phase.FAILED, Phase.ERROR}

"""Turn what came back, from a provider or from a Job, into a measurement that counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from rollouts.analysis.facts import Answer, JobFacts, Metric
from rollouts.analysis.jobs import find_job, is_job, job_outcome
from rollouts.analysis.judge import judge
from rollouts.analysis.phase import Phase
from rollouts.analysis.results import Measurement, Result, exact_time
from rollouts.analysis.sample import Sample
from rollouts.analysis.saving import UNSAVED_AGE_MAX

QUERY_METADATA = "ResolvedPrometheusQuery"
"""What the peer keeps once for each metric and not with every measurement."""

WARNINGS_METADATA = "warnings"


def is_outdated(answer: Answer, result: Result, now: datetime) -> bool:
    """Tell whether an answer must not count: it is in already, was overtaken, or is too old.

    It is in already when a write has happened whose own answer was lost. It was overtaken when
    another controller has led, and measured, meanwhile. A stored time in the future means that
    the clock was set back, and proves nothing.
    """
    last = result.last
    begun_last = last.started_at if last is not None else None
    if begun_last is None or answer.started_at <= begun_last:
        begun = exact_time(answer.started_at)
        if any(each.get("startedAt") == begun for each in result.measurements):
            return True
        if begun_last is not None and answer.started_at < begun_last <= now:
            return True
    return now - answer.finished_at > UNSAVED_AGE_MAX


def take_answer(metric: Metric, result: Result, answer: Answer) -> Result:
    """Return a result with what a provider has brought home."""
    outcome = answer.outcome
    if not isinstance(outcome, Sample):
        return result.put(_measurement(answer, Phase.ERROR, message=outcome))
    judgement = judge(outcome, metric, answer.finished_at)
    metadata = {key: text for key, text in outcome.metadata.items() if key != QUERY_METADATA}
    if outcome.warnings:
        metadata[WARNINGS_METADATA] = "; ".join(outcome.warnings)
    measurement = _measurement(
        answer, judgement.phase, message=judgement.message, value=outcome.text, metadata=metadata
    )
    if QUERY_METADATA in outcome.metadata:
        query = {QUERY_METADATA: outcome.metadata[QUERY_METADATA]}
        result = replace(result, metadata={**result.metadata, **query})
    return result.put(measurement, retention=metric.retention)


def _measurement(
    answer: Answer,
    phase: Phase,
    *,
    message: str,
    value: str = "",
    metadata: Mapping[str, str] | None = None,
) -> Measurement:
    # A clock that was set back in mid-measurement must not make it end before it began.
    finished_at = max(answer.started_at, answer.finished_at)
    return Measurement(phase, answer.started_at, finished_at, value, message, metadata or {})


def take_job(metric: Metric, result: Result, jobs: Iterable[JobFacts], now: datetime) -> Result:
    """Return a result with what became of the Job that is measuring, if there is one.

    What another provider was measuring when the controller died is forgotten: it is measured
    again.
    """
    opened = result.open
    if opened is None or result.phase.is_finished:
        return result
    if not is_job(metric):
        return result.drop_open()
    phase, message = job_outcome(find_job(jobs, opened.metadata), opened.metadata)
    if phase is Phase.RUNNING:
        return result
    started_at = opened.started_at or now
    ended = replace(opened, phase=phase, message=message, finished_at=max(started_at, now))
    return result.put(ended)

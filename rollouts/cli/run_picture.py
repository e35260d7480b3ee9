"""Draw AnalysisRuns: one with all its measurements, or a row for each in a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from rollouts.analysis.facts import Metric
from rollouts.analysis.intake import QUERY_METADATA, WARNINGS_METADATA
from rollouts.analysis.jobs import JOB_NAME
from rollouts.analysis.phase import Phase
from rollouts.analysis.results import Measurement, read_time
from rollouts.api.problems import show_value
from rollouts.api.spot import Spot
from rollouts.cli.picture import age_of, icon_of, say_duration
from rollouts.cli.plain_text import one_line
from rollouts.cli.run_view import (
    MetricView,
    RunView,
    draw_values,
    is_dry,
    say_counts,
    template_of,
)

KIND = "AnalysisRun"
MEASUREMENT_COLUMNS = ("MEASURED", "AGO", "RESULT", "VALUE", "MESSAGE")
COLUMNS = ("NAME", "ROLLOUT", "WHERE", "STATUS", "AGE", "METRICS")
WIDE_COLUMNS = (*COLUMNS, "REVISION", "MEASUREMENTS", "MESSAGE")

VALUE_LENGTH_MAX = 40
"""Longest value in a table; `-o json` has all that status keeps."""

MEASUREMENTS_MAX = 10
"""Most measurements of a metric that are drawn, the latest: as many as status keeps by default."""

QUERY_LENGTH_MAX = 300
CONDITION_LENGTH_MAX = 200
WIDE_MESSAGE_MAX = 120


@dataclass(frozen=True, slots=True)
class MetricBlock:
    """One metric in full: its facts, and a row for each measurement, the latest first."""

    name: str
    status: str
    facts: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, str, str, str, str], ...]


@dataclass(frozen=True, slots=True)
class RunPicture:
    """Everything to show of one run."""

    facts: tuple[tuple[str, str], ...]
    phase: str
    metrics: tuple[MetricBlock, ...]


def draw_run(run: RunView, now: datetime) -> RunPicture:
    """Draw one run with all that status keeps of its measurements."""
    blocks = tuple(_block(run, each, now) for each in run.metrics)
    return RunPicture(tuple(_facts(run, now)), run.phase.value, blocks)


def _facts(run: RunView, now: datetime) -> Iterator[tuple[str, str]]:
    yield "Name", run.name
    yield "Namespace", run.namespace
    ending = ", and about to be ended" if run.is_ending else ""
    yield "Status", f"{icon_of(run.phase.value, KIND)} {run.phase.value}{ending}"
    if run.message:
        yield "Message", one_line(run.message)
    yield "Owner", _owner(run)
    yield "Age", _age(run, now)
    args = list(_arguments(run))
    for index, words in enumerate(args):
        yield "" if index else "Arguments", words
    if run.phase in {Phase.PENDING, Phase.ERROR}:
        # What is measured was accepted, by a controller that may know more providers than we do.
        for index, problem in enumerate(run.facts.program.problems):
            yield "" if index else "Problems", one_line(problem)


def _owner(run: RunView) -> str:
    if run.owner:
        revision = f", revision {run.revision}" if run.revision else ""
        return f"Rollout/{run.owner}{revision}, {run.place}"
    template = template_of(run.manifest)
    return f"none, made from {template}" if template else "none: it stands alone"


def _age(run: RunView, now: datetime) -> str:
    age = age_of(run.manifest, now)
    started_at = read_time(run.facts.status.get("startedAt"))
    completed_at = read_time(run.facts.status.get("completedAt"))
    if started_at is None:
        return f"{age}, not begun"
    if completed_at is None:
        return age
    took = say_duration(max(completed_at - started_at, timedelta(0)))
    return f"{age}, ended after {took}"


def _arguments(run: RunView) -> Iterator[str]:
    """Yield the arguments; of a secret only where it is."""
    for argument in Spot(run.manifest).at("spec", "args").each():
        name, ref = argument.at("name").text, argument.at("valueFrom", "secretKeyRef")
        if ref.given:
            yield f"{name} from Secret {ref.at('name').text}, key {ref.at('key').text}"
        else:
            yield f"{name} = {one_line(show_value(argument.at('value').value))}"


def _block(run: RunView, view: MetricView, now: datetime) -> MetricBlock:
    measurements = view.measurements[-MEASUREMENTS_MAX:][::-1]
    return MetricBlock(
        one_line(view.name),
        view.result.phase.value,
        tuple(_metric_facts(run, view)),
        tuple(_row(each, now) for each in measurements),
    )


def _metric_facts(run: RunView, view: MetricView) -> Iterator[tuple[str, str]]:
    metric, result = view.metric, view.result
    if is_dry(view):
        yield "Dry run", "it decides nothing"
    if metric is not None:
        yield "Wanted", _wanted(metric)
    if QUERY_METADATA in result.metadata:
        yield "Query", one_line(result.metadata[QUERY_METADATA], QUERY_LENGTH_MAX)
    yield "Measured", _measured(view)
    yield "Counts", "   ".join(_counts(view))
    drawn = draw_values(view, MEASUREMENTS_MAX)
    if drawn:
        numbers = [each for each in view.values[-MEASUREMENTS_MAX:] if each is not None]
        low, high = min(numbers), max(numbers)
        span = f"from {low:g} to {high:g}" if low < high else f"{low:g}"
        yield "Values", f"{drawn}  {span}"
    if result.message and result.phase.is_bad:
        yield "Message", one_line(result.message)
    if view.awaited:
        yield "Ended by" if result.phase.is_finished or run.is_finished else "Next", view.awaited


def _wanted(metric: Metric) -> str:
    """Return what makes a measurement a success, in the words of the spec."""
    words = []
    for field, verb in (("successCondition", "success"), ("failureCondition", "failure")):
        text = Spot(metric.source).at(field).text
        if text:
            words.append(f"{verb} if {one_line(text, CONDITION_LENGTH_MAX)}")
    if not words:
        job = metric.provider == "job"
        words.append("a Job that completes" if job else "any answer")
    return f"{'; '.join(words)} ({metric.provider})"


def _measured(view: MetricView) -> str:
    metric = view.metric
    if metric is None or metric.interval is None:
        return view.progress
    every = say_duration(metric.interval) if metric.interval >= _SECOND else "less than 1s"
    return f"{view.progress}, every {every}"


_SECOND = timedelta(seconds=1)


def _counts(view: MetricView) -> Iterator[str]:
    """Yield each counter with the limit that it must not exceed."""
    result, metric = view.result, view.metric
    yield f"✔ {result.successful}"
    wanted = None if metric is None else metric.consecutive_success_limit
    if wanted is not None:
        yield f"({result.consecutive_success} of {wanted} in a row end it)"
    if metric is None:
        yield f"✖ {result.failed}"
        yield f"? {result.inconclusive}"
        yield f"⚠ {result.error}"
        return
    any_number = metric.failure_limit < 0
    allowed = "any number" if any_number else str(metric.failure_limit)
    yield f"✖ {result.failed} ({allowed} allowed)"
    yield f"? {result.inconclusive} ({metric.inconclusive_limit} allowed)"
    in_a_row = f"{result.consecutive_error} in a row, " if result.consecutive_error else ""
    yield f"⚠ {result.error} ({in_a_row}{metric.consecutive_error_limit} in a row allowed)"


def _row(measurement: Measurement, now: datetime) -> tuple[str, str, str, str, str]:
    at = measurement.finished_at or measurement.started_at
    return (
        "" if at is None else say_time(at, now),
        "" if at is None else say_duration(max(now - at, timedelta(0))),
        measurement.phase.value,
        one_line(measurement.value, VALUE_LENGTH_MAX),
        one_line(_remark(measurement)),
    )


def _remark(measurement: Measurement) -> str:
    """Return why a measurement counts so; else what the provider warned of, or its Job."""
    job = measurement.metadata.get(JOB_NAME, "")
    warnings = measurement.metadata.get(WARNINGS_METADATA, "")
    return measurement.message or warnings or (f"Job {job}" if job else "")


def say_time(time: datetime, now: datetime) -> str:
    """Return a time in UTC, with its day where that is not today."""
    return f"{time:%H:%M:%SZ}" if time.date() == now.date() else f"{time:%Y-%m-%d %H:%M:%SZ}"


def list_row(run: RunView, now: datetime, *, is_wide: bool = False) -> tuple[str, ...]:
    """Return a run's row in a list; its status stands there as a bare word."""
    row = (
        run.name,
        run.owner or "-",
        run.place,
        run.phase.value,
        age_of(run.manifest, now),
        say_metrics(run.metrics),
    )
    if not is_wide:
        return row
    return (
        *row,
        str(run.revision or "-"),
        say_counts(run.metrics) or "-",
        one_line(run.message, WIDE_MESSAGE_MAX),
    )


def say_metrics(views: Iterable[MetricView]) -> str:
    """Return how many metrics are in which phase: `✔ 1 ◌ 2`."""
    phases = [each.result.phase for each in views]
    order = (Phase.SUCCESSFUL, Phase.FAILED, Phase.ERROR, Phase.INCONCLUSIVE)
    words = [f"{icon_of(each.value)} {phases.count(each)}" for each in order if each in phases]
    still = len(phases) - sum(phases.count(each) for each in order)
    return " ".join([*words, *([f"◌ {still}"] if still else [])])

"""How AnalysisRuns stand in the picture of their rollout: lines of the tree, facts, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from rollouts.analysis.phase import Phase
from rollouts.api.refs import Manifest
from rollouts.cli.picture import Line, age_of, icon_of
from rollouts.cli.plain_text import one_line
from rollouts.cli.run_picture import KIND
from rollouts.cli.run_view import MetricView, RunView, draw_values, is_dry, say_counts, view_run
from rollouts.core.progress import BACKGROUND_RUN_FIELD, INCONCLUSIVE, STEP_RUN_FIELD

METRICS_MAX = 5
"""Most metrics of one run that a rollout's picture has facts of; `analysis get` has them all."""

SPARK_WIDTH = 10
"""Measurements of a sparkline in the tree: its column is narrow."""


def view_runs(
    rollout: Manifest, manifests: Iterable[Manifest], now: datetime
) -> tuple[RunView, ...]:
    """Return the runs that a rollout made, oldest first."""
    uid = rollout["metadata"].get("uid")
    own = [each for each in manifests if uid in _owner_uids(each)]
    own.sort(key=lambda each: (each["metadata"].get("creationTimestamp", ""), _name(each)))
    return tuple(view_run(each, now) for each in own)


def _owner_uids(manifest: Manifest) -> tuple[str, ...]:
    owners = manifest["metadata"].get("ownerReferences") or ()
    return tuple(str(each.get("uid")) for each in owners if each.get("controller"))


def _name(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])


def deciding_runs(rollout: Manifest, runs: Sequence[RunView]) -> tuple[RunView, ...]:
    """Return the runs that status names: those that decide now, or have decided at the end."""
    canary = (rollout.get("status") or {}).get("canary") or {}
    fields = (STEP_RUN_FIELD, BACKGROUND_RUN_FIELD)
    names = [(canary.get(field) or {}).get("name") for field in fields]
    return tuple(each for name in names for each in runs if each.name == name)


def is_in_doubt(rollout: Manifest) -> bool:
    """Tell whether a rollout waits for a person because an analysis was inconclusive."""
    pauses = (rollout.get("status") or {}).get("pauseConditions") or ()
    return any(each.get("reason") == INCONCLUSIVE for each in pauses)


def say_choice(name: str) -> str:
    """Say what a person can do about an inconclusive analysis."""
    return f"rollouts promote {name} measures again, rollouts abort {name} gives up"


def run_lines(run: RunView, *, branch: str, rail: str, now: datetime) -> Iterator[Line]:
    """Yield the line of a run and, where several of its metrics are of interest, theirs.

    Args:
        branch: what is drawn before the run's own name.
        rail: what is drawn before the branches of its metrics.
    """
    metrics = run.metrics
    is_plain = len(metrics) <= 1 or run.phase is Phase.SUCCESSFUL or run.was_terminated
    info = _run_info(run, with_metric=len(metrics) == 1)
    yield Line(branch, run.name, KIND, run.phase.value, age_of(run.manifest, now), info)
    if is_plain:
        return
    for index, each in enumerate(metrics):
        tail = "└──" if index == len(metrics) - 1 else "├──"
        name, phase = one_line(each.name), each.result.phase.value
        yield Line(f"{rail}{tail}", name, "Metric", phase, "", _metric_info(each))


def _run_info(run: RunView, *, with_metric: bool) -> str:
    rest = _metric_info(run.metrics[0]) if with_metric else say_counts(run.counting)
    end = "about to be ended" if run.is_ending else "terminated" if run.was_terminated else ""
    return "  ".join(part for part in (run.place, rest, end) if part)


def _metric_info(view: MetricView) -> str:
    """Return how a metric stands; when it is measured next stands among the facts."""
    dry = "dry run" if is_dry(view) else ""
    parts = (dry, say_counts((view,)), draw_values(view, SPARK_WIDTH))
    return "  ".join(part for part in parts if part)


def analysis_facts(rollout: Manifest, runs: Sequence[RunView]) -> Iterator[tuple[str, str]]:
    """Yield a fact for each metric of the runs that decide, and for what they have decided."""
    words = _say_deciding(rollout, runs, with_times=True)
    for index, each in enumerate(words):
        yield "" if index else "  Analysis", each


def say_runs(
    rollout: Manifest, runs: Sequence[RunView], *, with_times: bool = True
) -> tuple[str, ...]:
    """Return, line by line, what is measured for a rollout now, and what a person can do.

    Args:
        with_times: say when something is measured next, too; a moment later that is different.
    """
    words = [*_say_deciding(rollout, runs, with_times=with_times)]
    if is_in_doubt(rollout):
        words.append(say_choice(rollout["metadata"]["name"]))
    return tuple(words)


def _say_deciding(rollout: Manifest, runs: Sequence[RunView], *, with_times: bool) -> Iterator[str]:
    told = str((rollout.get("status") or {}).get("message") or "")
    for run in deciding_runs(rollout, runs):
        yield from say_run(run, told=told, with_times=with_times)


def say_run(run: RunView, *, told: str = "", with_times: bool = True) -> Iterator[str]:
    """Yield what is to be said of a run in lines: its verdict, or how its metrics stand.

    Args:
        told: what the reader was told already; the run's message is not repeated from there.
        with_times: say when something is measured next, too.
    """
    if run.is_finished:
        yield _say_verdict(run, told)
        if run.phase.is_bad:
            yield f"to see it: rollouts analysis get {run.name}"
        return
    if not run.metrics:
        yield f"{run.place}: not begun"
    for each in run.metrics[:METRICS_MAX]:
        yield f"{run.place}: {_say_metric(each, with_times=with_times)}"
    rest = len(run.metrics) - METRICS_MAX
    if rest > 0:
        yield f"{run.place}: {rest} more: rollouts analysis get {run.name}"


def _say_verdict(run: RunView, told: str) -> str:
    verdict = f"{run.place}: {icon_of(run.phase.value, KIND)} {run.phase.value}"
    if run.message and run.message not in told:
        return f"{verdict}: {one_line(run.message)}"
    counts = say_counts(run.counting)
    drawn = draw_values(run.metrics[0]) if len(run.metrics) == 1 else ""
    return "  ".join(part for part in (verdict, counts, drawn) if part)


def _say_metric(view: MetricView, *, with_times: bool) -> str:
    is_endless = view.metric is None or view.metric.count is None
    parts = (
        f"{one_line(view.name)} (dry run)" if is_dry(view) else one_line(view.name),
        "" if is_endless else f"{view.progress} measured",
        say_counts((view,)),
        draw_values(view, SPARK_WIDTH),
        view.awaited if with_times else "",
    )
    return "  ".join(part for part in parts if part)


def what_analysis_awaits(
    rollout: Manifest, runs: Sequence[RunView], *, follows: str, step_number: int
) -> str:
    """Say what a rollout that waits for an analysis goes on with, and when.

    Args:
        follows: what comes after the step.
        step_number: of the step, counted from 1.
    """
    deciding = deciding_runs(rollout, runs)
    if any(each.is_ending for each in deciding):
        return f"a person's choice: the analysis of step {step_number} is about to be ended"
    return f"{follows}, once the analysis of step {step_number} has succeeded"

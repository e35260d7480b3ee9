"""What an AnalysisRun says to a person: whose it is, what was measured, and what is awaited."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rollouts.analysis.facts import Metric, RunFacts
from rollouts.analysis.phase import Phase
from rollouts.analysis.results import Measurement, Result, read_measurement, read_results, read_time
from rollouts.analysis.schedule import next_due
from rollouts.analysis.verdict import assess_metric
from rollouts.api.refs import ROLLOUT, Manifest
from rollouts.api.spot import Spot
from rollouts.cli.picture import say_duration
from rollouts.cli.sparkline import number_in, sparkline

REVISION = "rollout.argoproj.io/revision"
ROLE, STEP_INDEX = "rollout-type", "step-index"
PLACES = {"Step": "step", "Background": "background"}
STAND_ALONE = "stand-alone"

LATE = timedelta(seconds=60)
"""Nothing measures longer without a reason: the slowest provider is given half of it by default."""

COUNTED = (("✔", "successful"), ("✖", "failed"), ("?", "inconclusive"), ("⚠", "error"))
"""Signs of the counters of measurements, as the peer's plugin has them."""


@dataclass(frozen=True, slots=True)
class MetricView:
    """One metric of a run.

    Attributes:
        metric: as it is measured; None where the run's spec is refused.
        awaited: when it is measured next, or what has ended it; empty when nothing is to be said.
    """

    result: Result
    metric: Metric | None = None
    awaited: str = ""

    @property
    def name(self) -> str:
        """Return the name of the metric."""
        return self.result.name

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """Return the measurements that status keeps, oldest first."""
        return tuple(read_measurement(each) for each in self.result.measurements)

    @property
    def values(self) -> tuple[float | None, ...]:
        """Return what was measured, oldest first; None for what is no number."""
        over = (each for each in self.measurements if each.phase.is_finished)
        return tuple(number_in(each.value) for each in over)

    @property
    def progress(self) -> str:
        """Return how many of the wanted measurements there are: `2 of 5`."""
        count = None if self.metric is None else self.metric.count
        return f"{self.result.count}" if count is None else f"{self.result.count} of {count}"


@dataclass(frozen=True, slots=True)
class RunView:
    """One AnalysisRun.

    Attributes:
        owner: the Rollout that it belongs to; empty when it stands alone.
        place: where in the rollout it measures: `step 3`, `background`, or `stand-alone`.
        revision: of the Rollout; 0 for none.
        is_ending: somebody has asked to end it, and no controller has done so yet.
    """

    name: str
    namespace: str
    phase: Phase
    message: str
    owner: str
    place: str
    revision: int
    metrics: tuple[MetricView, ...]
    facts: RunFacts
    manifest: Manifest
    is_ending: bool = False

    @property
    def is_finished(self) -> bool:
        """Tell whether its phase is its last."""
        return self.phase.is_finished

    @property
    def was_terminated(self) -> bool:
        """Tell whether somebody, or the rollout that went on, has ended it."""
        return self.facts.program.terminate and self.is_finished

    @property
    def counting(self) -> tuple[MetricView, ...]:
        """Return the metrics that decide; those of dry runs alone where no other decides."""
        return tuple(each for each in self.metrics if not is_dry(each)) or self.metrics


def is_dry(view: MetricView) -> bool:
    """Tell whether a metric decides nothing."""
    return view.result.is_dry_run or (view.metric is not None and view.metric.is_dry_run)


def view_run(manifest: Manifest, now: datetime) -> RunView:
    """Return what a run says at a moment."""
    from rollouts.analysis.compile import compile_program, read_run
    from rollouts.analysis.conditions import compile_condition
    from rollouts.api.analysis_metric import named_providers
    from rollouts.api.analysis_providers import EXECUTED_PROVIDERS

    metadata = manifest["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    # The controller may know more providers than are installed here.
    providers = (*EXECUTED_PROVIDERS, *named_providers(manifest))
    facts = read_run(manifest, compile_program(manifest, compile_condition, providers))
    is_ending = facts.program.terminate and not facts.phase.is_finished
    revision = str(annotations.get(REVISION, ""))
    owner = owner_of(manifest)
    return RunView(
        name=metadata["name"],
        namespace=metadata.get("namespace", ""),
        phase=facts.phase,
        message=str(facts.status.get("message") or ""),
        owner=owner,
        place=_place(str(labels.get(ROLE, "")), str(labels.get(STEP_INDEX, "")), owner),
        revision=int(revision) if revision.isascii() and revision.isdigit() else 0,
        metrics=_metric_views(facts, manifest, now),
        facts=facts,
        manifest=manifest,
        is_ending=is_ending,
    )


def owner_of(manifest: Manifest) -> str:
    """Return the name of the Rollout that a run belongs to; empty for none."""
    owners = manifest["metadata"].get("ownerReferences") or ()
    names = (str(each.get("name", "")) for each in owners if each.get("kind") == ROLLOUT.kind)
    return next(names, "")


def template_of(manifest: Manifest) -> str:
    """Return the template that a stand-alone run was made from; empty when that is not known."""
    from rollouts.analysis.compile import TEMPLATE_ANNOTATION

    annotations = manifest["metadata"].get("annotations") or {}
    return str(annotations.get(TEMPLATE_ANNOTATION, ""))


def _place(role: str, step: str, owner: str) -> str:
    if not owner:
        return STAND_ALONE
    if role == "Step" and step.isascii() and step.isdigit():
        return f"step {int(step) + 1}"
    return PLACES.get(role, role or ROLLOUT.kind)


def _metric_views(facts: RunFacts, manifest: Manifest, now: datetime) -> tuple[MetricView, ...]:
    """Return the metrics in the order of the spec, then those that status alone knows."""
    results = read_results(facts.status)
    metrics = {each.name: each for each in facts.program.metrics}
    wanted = (each.at("name").text for each in Spot(manifest).at("spec", "metrics").each())
    names = dict.fromkeys([*wanted, *results])
    views = []
    for name in names:
        metric, result = metrics.get(name), results.get(name) or Result(name)
        awaited = "" if metric is None else say_awaited(facts, metric, result, now)
        views.append(MetricView(result, metric, awaited))
    return tuple(views)


def say_awaited(facts: RunFacts, metric: Metric, result: Result, now: datetime) -> str:
    """Say when a metric is measured next, or what has ended it."""
    if result.phase.is_finished or facts.phase.is_finished:
        return _ended_by(metric, result)
    if facts.program.terminate:
        return "about to be ended"
    opened = result.open
    if opened is not None:
        begun = opened.started_at
        return f"measuring for {_since(begun, now)}" if begun else "measuring now"
    started_at = read_time(facts.status.get("startedAt"))
    if started_at is None:
        return "not begun"
    due = next_due(metric, result, started_at=started_at, now=now)
    if due is None:
        return ""
    if due > now:
        last = result.last
        word = "first" if last is None else "again" if last.phase is Phase.ERROR else "next"
        return f"{word} in {say_duration(due - now + _ALMOST)}"
    if now - due > LATE:
        return f"due for {say_duration(now - due)}: is the controller running?"
    return "measuring now"


_ALMOST = timedelta(milliseconds=999)
"""A wait is rounded up: nothing is measured "in 0s"."""


def _since(time: datetime, now: datetime) -> str:
    return say_duration(max(now - time, timedelta(0)))


def _ended_by(metric: Metric, result: Result) -> str:
    """Return the limit that has ended a metric; empty when all its measurements were had."""
    earned = assess_metric(metric, replace(result, phase=Phase.RUNNING))
    if earned.phase is not result.phase:
        # Not by itself: the run was ended, by somebody or by another metric.
        return "ended with the run" if result.phase is not Phase.SUCCESSFUL else ""
    wanted = metric.consecutive_success_limit
    if result.phase is Phase.SUCCESSFUL and wanted is not None:
        return f"{result.consecutive_success} successes in a row"
    return earned.reason


def say_counts(views: Iterable[MetricView]) -> str:
    """Return how many measurements ended how, over all metrics: `✔ 4 ✖ 1`."""
    results = [each.result for each in views]
    sums = ((sign, sum(getattr(each, word) for each in results)) for sign, word in COUNTED)
    return " ".join(f"{sign} {number}" for sign, number in sums if number)


def draw_values(view: MetricView, width_max: int = 10) -> str:
    """Return the sparkline of a metric; empty when nothing was measured that is a number."""
    return sparkline(view.values, width_max)

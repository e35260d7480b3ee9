"""Count and expose what analysis measured: values, measurements and verdicts.

Labels name a Rollout (or template) and a metric, never a run: runs come and go with every update.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

if TYPE_CHECKING:
    from rollouts.analysis.facts import RunFacts
    from rollouts.api.refs import Manifest

SUBJECT = ("namespace", "subject")
"""Whose analysis it is: the Rollout, else the template that a run was made from."""

SERIES_COUNT_MAX = 10_000
"""Label sets of each family; what is beyond is left out rather than drown a Prometheus."""

FINISHED = ("Successful", "Failed", "Error", "Inconclusive")
_COUNTERS = tuple((phase, phase.lower()) for phase in FINISHED)

_Name: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunSample:
    """What one metric of one run has measured last."""

    namespace: str
    subject: str
    metric: str
    phase: str
    value: float | None
    started_at: str


def samples_of(run: RunFacts) -> Iterator[RunSample]:
    """Describe each metric of a run."""
    started_at = str(run.status.get("startedAt") or "")
    for result in run.status.get("metricResults") or ():
        measurements = result.get("measurements") or ()
        shown = measurements[-1].get("value") if measurements else None
        yield RunSample(
            namespace=run.namespace,
            subject=run.subject,
            metric=result.get("name", ""),
            phase=result.get("phase", ""),
            value=read_value(shown),
            started_at=started_at,
        )


def read_value(text: str | None) -> float | None:
    """Return a measured value that is one number, alone or in a list; None for anything else."""
    if not text:
        return None
    inner = text[1:-1].strip() if text.startswith("[") and text.endswith("]") else text
    try:
        return float(inner)
    except ValueError:
        return None


class AnalysisMetrics:
    """What was measured, counted by Rollout and metric for as long as there is a run of it."""

    def __init__(self, *, series_count_max: int = SERIES_COUNT_MAX) -> None:
        self._series_count_max = series_count_max
        self._measurements: dict[_Name, int] = {}
        self._runs: dict[_Name, int] = {}

    def count(self, namespace: str, subject: str, before: Manifest, after: Manifest) -> None:
        """Count what a written status says that the one before did not."""
        known = {each.get("name"): each for each in before.get("metricResults") or ()}
        for result in after.get("metricResults") or ():
            old = known.get(result["name"]) or {}
            for phase, word in _COUNTERS:
                grown = int(result.get(word) or 0) - int(old.get(word) or 0)
                if grown > 0:
                    key: _Name = (namespace, subject, result["name"], phase)
                    self._add(self._measurements, key, grown)
        phase = after.get("phase", "")
        if phase in FINISHED and before.get("phase") != phase:
            verdict: _Name = (namespace, subject, phase)
            self._add(self._runs, verdict, 1)

    def forget(self, namespace: str, subject: str) -> None:
        """Drop what was counted for a Rollout or template that has no run any more."""
        for table in (self._measurements, self._runs):
            for key in [each for each in table if each[:2] == (namespace, subject)]:
                del table[key]

    def collect(self, samples: Iterable[RunSample]) -> Iterator[Metric]:
        """Put everything into the library's form; of several runs the newest speaks."""
        newest: dict[_Name, RunSample] = {}
        name: _Name
        for each in samples:
            name = (each.namespace, each.subject, each.metric)
            known = newest.get(name)
            if known is None or each.started_at >= known.started_at:
                newest[name] = each
        labels = (*SUBJECT, "metric")
        value = GaugeMetricFamily(
            "rollouts_analysis_value", "The value that was measured last", labels=labels
        )
        phase = GaugeMetricFamily(
            "rollouts_analysis_metric_phase",
            "1 for the phase that a metric is in",
            labels=(*labels, "phase"),
        )
        for name, sample in tuple(newest.items())[: self._series_count_max]:
            if sample.value is not None:
                value.add_metric(list(name), sample.value)
            phase.add_metric([*name, sample.phase], 1)
        yield value
        yield phase
        yield _counter(
            "rollouts_analysis_measurements",
            "Measurements by what they counted as",
            (*labels, "phase"),
            self._measurements,
        )
        yield _counter(
            "rollouts_analysis_runs", "Finished runs by verdict", (*SUBJECT, "phase"), self._runs
        )

    def copy(self) -> AnalysisMetrics:
        """Return the counts as of now."""
        copied = AnalysisMetrics(series_count_max=self._series_count_max)
        copied._measurements.update(self._measurements)
        copied._runs.update(self._runs)
        return copied

    def _add(self, table: dict[_Name, int], key: _Name, count: int) -> None:
        if key in table or len(table) < self._series_count_max:
            table[key] = table.get(key, 0) + count


def _counter(
    name: str, documentation: str, labels: tuple[str, ...], values: dict[_Name, int]
) -> Metric:
    family = CounterMetricFamily(name, documentation, labels=labels)
    for key, count in values.items():
        family.add_metric(list(key), count)
    return family

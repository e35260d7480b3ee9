"""Count and expose: names and labels of the peer's metrics, and our own under `rollouts_`.

What describes objects (`rollout_info` and the like) is read from the caches when it is asked for,
so that it is never stale and a deleted object leaves nothing behind.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from rollouts import __version__
from rollouts.telemetry.analysis import AnalysisMetrics, RunSample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

RECONCILE_BUCKETS_SECONDS = (0.01, 0.15, 0.25, 0.5, 1.0)
"""The peer's, so that its dashboards keep working."""

LATENESS_BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)

OBJECT = ("namespace", "name")


@dataclass(frozen=True, slots=True)
class RolloutSample:
    """What `rollout_info` and its family say about one Rollout."""

    namespace: str
    name: str
    strategy: str
    traffic_router: str
    phase: str
    desired: int
    available: int
    unavailable: int
    updated: int


@dataclass(frozen=True, slots=True)
class AppSample:
    """What `argocd_app_info` says about one Application (or Kustomization)."""

    namespace: str
    name: str
    project: str
    repo: str
    dest_namespace: str
    sync_status: str
    health_status: str
    operation: str = ""


class _Durations:
    """A histogram of one label set: six numbers instead of the library's nine objects."""

    __slots__ = ("counts", "errors", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(RECONCILE_BUCKETS_SECONDS) + 1)
        self.total = 0.0
        self.errors = 0

    def copy(self) -> tuple[tuple[int, ...], float, int]:
        return tuple(self.counts), self.total, self.errors


_Name = tuple[str, ...]


class Metrics:
    """Everything that is counted, in a registry of its own."""

    def __init__(
        self,
        *,
        rollouts: Callable[[], Iterable[RolloutSample]] = tuple,
        apps: Callable[[], Iterable[AppSample]] = tuple,
        runs: Callable[[], Iterable[RunSample]] = tuple,
    ) -> None:
        """Start at zero; the arguments describe what there is at the moment of asking."""
        self.registry = CollectorRegistry(auto_describe=False)
        self._rollouts = rollouts
        self._apps = apps
        self._runs = runs
        self.analysis = AnalysisMetrics()
        self._durations: dict[_Name, _Durations] = {}
        self._events: dict[_Name, int] = {}
        self._syncs: dict[_Name, int] = {}
        self._requests = Counter(
            "rollouts_api_requests",
            "Requests to the API server; code is lost when no answer came",
            ("verb", "resource", "code"),
            registry=self.registry,
        )
        self._depth = Gauge(
            "rollouts_queue_depth",
            "Objects that wait for a worker",
            ("queue",),
            registry=self.registry,
        )
        self.lateness = Histogram(
            "rollouts_wake_lateness_seconds",
            "How long after its time a timed step was taken up",
            buckets=LATENESS_BUCKETS_SECONDS,
            registry=self.registry,
        )
        self.leader = Gauge(
            "rollouts_leader", "1 on the instance that leads, else 0", registry=self.registry
        )
        version = Gauge("rollouts_build_info", "Always 1", ("version",), registry=self.registry)
        version.labels(__version__).set(1)
        ProcessCollector(registry=self.registry)

    def count_request(self, verb: str, resource: str, code: str) -> None:
        """Count a request to the API server."""
        self._requests.labels(verb, resource, code).inc()

    def watch_depth(self, queue: str, depth: Callable[[], int]) -> None:
        """Ask how many keys of a queue wait, whenever somebody wants to know."""
        self._depth.labels(queue).set_function(depth)

    def observe_pass(self, namespace: str, name: str, seconds: float, *, failed: bool) -> None:
        """Count a pass over one Rollout."""
        durations = self._durations.get((namespace, name))
        if durations is None:
            durations = self._durations[(namespace, name)] = _Durations()
        durations.counts[bisect_left(RECONCILE_BUCKETS_SECONDS, seconds)] += 1
        durations.total += seconds
        durations.errors += failed

    def count_event(self, namespace: str, name: str, event_type: str, reason: str) -> None:
        """Count an Event about one Rollout."""
        key = (namespace, name, event_type, reason)
        self._events[key] = self._events.get(key, 0) + 1

    def count_sync(self, namespace: str, name: str, project: str, phase: str) -> None:
        """Count a finished sync of one Application or Kustomization."""
        key = (namespace, name, project, phase)
        self._syncs[key] = self._syncs.get(key, 0) + 1

    def forget(self, namespace: str, name: str) -> None:
        """Drop what was counted for an object that is gone."""
        self._durations.pop((namespace, name), None)
        for table in (self._events, self._syncs):
            for key in [each for each in table if each[:2] == (namespace, name)]:
                del table[key]

    def prepare(self) -> Callable[[], bytes]:
        """Copy everything now; the result writes it out and may run in another thread."""
        copy = _Copy(
            rollouts=tuple(self._rollouts()),
            apps=tuple(self._apps()),
            durations=tuple((name, each.copy()) for name, each in self._durations.items()),
            events=tuple(self._events.items()),
            syncs=tuple(self._syncs.items()),
            runs=tuple(self._runs()),
            analysis=self.analysis.copy(),
        )
        once = CollectorRegistry(auto_describe=False)
        once.register(copy)
        return lambda: generate_latest(self.registry) + generate_latest(once)


@dataclass(frozen=True, slots=True)
class _Copy(Collector):
    """What was counted by object, at one moment."""

    rollouts: tuple[RolloutSample, ...]
    apps: tuple[AppSample, ...]
    durations: tuple[tuple[_Name, tuple[tuple[int, ...], float, int]], ...]
    events: tuple[tuple[_Name, int], ...]
    syncs: tuple[tuple[_Name, int], ...]
    runs: tuple[RunSample, ...]
    analysis: AnalysisMetrics

    def collect(self) -> Iterator[Metric]:
        """Put everything into the library's form."""
        yield from self._collect_rollouts()
        yield from self._collect_durations()
        labels = (*OBJECT, "type", "reason")
        yield _counter("rollout_events_total", "Events about a Rollout", labels, self.events)
        yield from self._collect_apps()
        yield from self.analysis.collect(self.runs)

    def _collect_rollouts(self) -> Iterator[Metric]:
        labels = (*OBJECT, "strategy", "traffic_router", "phase")
        info = GaugeMetricFamily("rollout_info", "A Rollout and its phase", labels=labels)
        older = (*OBJECT, "strategy", "phase")
        phase = GaugeMetricFamily("rollout_phase", "The same, in an older form", labels=older)
        counts = {
            side: GaugeMetricFamily(
                f"rollout_info_replicas_{side}", f"Pods of a Rollout: {side}", labels=OBJECT
            )
            for side in ("available", "unavailable", "desired", "updated")
        }
        for each in self.rollouts:
            name = [each.namespace, each.name]
            info.add_metric([*name, each.strategy, each.traffic_router, each.phase], 1)
            phase.add_metric([*name, each.strategy, each.phase], 1)
            for side, family in counts.items():
                family.add_metric(name, getattr(each, side))
        yield info
        yield phase
        yield from counts.values()

    def _collect_durations(self) -> Iterator[Metric]:
        histogram = HistogramMetricFamily(
            "rollout_reconcile", "Seconds of a pass over a Rollout", labels=OBJECT
        )
        bounds = [*(str(bound) for bound in RECONCILE_BUCKETS_SECONDS), "+Inf"]
        for name, (counts, total, _) in self.durations:
            running = 0
            buckets = []
            for bound, count in zip(bounds, counts, strict=True):
                running += count
                buckets.append((bound, running))
            histogram.add_metric(list(name), buckets, total)
        yield histogram
        errors = ((name, each[2]) for name, each in self.durations)
        yield _counter("rollout_reconcile_error", "Passes that failed", OBJECT, errors)

    def _collect_apps(self) -> Iterator[Metric]:
        labels = (
            *OBJECT,
            "project",
            "repo",
            "dest_namespace",
            "sync_status",
            "health_status",
            "operation",
        )
        info = GaugeMetricFamily("argocd_app_info", "An Application and its state", labels=labels)
        for each in self.apps:
            info.add_metric([getattr(each, label) for label in labels], 1)
        yield info
        counted = (*OBJECT, "project", "phase")
        yield _counter("argocd_app_sync_total", "Finished syncs", counted, self.syncs)


def _counter(
    name: str, documentation: str, labels: tuple[str, ...], values: Iterable[tuple[_Name, int]]
) -> Metric:
    # The library's own counters insist on a name that ends in `_total`; the peer's do not all.
    family = Metric(name, documentation, "unknown")
    for key, value in values:
        family.add_sample(name, dict(zip(labels, key, strict=True)), value)
    return family

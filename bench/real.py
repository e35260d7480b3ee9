"""On a true API server: 1, 100 and 500 Rollouts that get a new image in the same moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.calls import Tally, tally
from bench.controller import Controller
from bench.figures import Figure, Report, Target
from bench.real_cluster import RealCluster
from bench.records import facts_of, is_healthy
from bench.workloads import example, image_change
from rollouts.api.refs import ROLLOUT

CROWDS = (1, 100, 500)
PAUSE_SECONDS = 5.0
SCALE_DOWN_SECONDS = 30
"""The API's default: the former pods outlive the measurement, as in that of the peer."""

IDLE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Effort:
    """What something cost the controller, and how long it took by the wall clock."""

    calls: Tally
    cpu_seconds: float
    seconds: float


def run(*, quick: bool) -> Report:
    """Measure each crowd on a control plane of its own."""
    crowds = CROWDS[:2] if quick else CROWDS
    reports = [_measure(count) for count in crowds]
    return Report(
        tuple(figure for report in reports for figure in report.figures),
        tuple(line for report in reports for line in report.details),
    )


def _measure(count: int) -> Report:
    namespaces = [f"real-{index:03}" for index in range(count)]
    with RealCluster() as cluster, cluster.controller() as controller:
        for namespace in namespaces:
            cluster.create(_example(namespace)[:1])
        cluster.create([each for name in namespaces for each in _example(name)[1:-1]])
        cluster.create([_example(name)[-1] for name in namespaces])
        _wait_until_healthy(cluster, count)
        cluster.wait_until_quiet(5, at_most=120)
        idle = _effort(cluster, controller, lambda: time.sleep(IDLE_SECONDS))
        memory = controller.memory_mib()[0]

        def update() -> None:
            cluster.patch_rollouts(namespaces, image_change())
            _wait_until_healthy(cluster, count)

        storm = _effort(cluster, controller, update)
        peak = controller.memory_mib()[1]
    return _report(count, idle, storm, memory=(memory, peak))


def _example(namespace: str) -> tuple[dict[str, object], ...]:
    return example(namespace, pause_seconds=PAUSE_SECONDS, scale_down_seconds=SCALE_DOWN_SECONDS)


def _effort(cluster: RealCluster, controller: Controller, do: Callable[[], None]) -> Effort:
    since, cpu, began = len(cluster.calls()), controller.cpu_seconds(), time.monotonic()
    do()
    seconds = time.monotonic() - began
    cpu = controller.cpu_seconds() - cpu
    return Effort(tally(cluster.calls(since)), cpu, seconds)


def _wait_until_healthy(cluster: RealCluster, count: int) -> None:
    def are_healthy() -> bool:
        facts = [facts_of(ROLLOUT.plural, each) for each in cluster.rollouts()]
        return [is_healthy(each) for each in facts].count(True) == count

    # Pods are the slow part: the scheduler and KWOK share the cores with everything else.
    cluster.wait_until(are_healthy, at_most=120 + count, what=f"{count} Rollouts to be healthy")


def _report(count: int, idle: Effort, storm: Effort, *, memory: tuple[float, float]) -> Report:
    calls = storm.calls
    name = f"{count} at once" if count > 1 else "one alone"
    figures = (
        Figure("real", f"{name}: writes of a canary to Healthy", calls.writes / count),
        Figure("real", f"{name}: the same with Events", (calls.writes + calls.events) / count),
        Figure("real", f"{name}: reads of a canary", calls.reads / count),
        Figure(
            "real", f"{name}: processor time of a canary", 1000 * storm.cpu_seconds / count, "ms"
        ),
        Figure("real", f"{name}: time until all are Healthy", storm.seconds, "s"),
        Figure("real", f"{name}: memory, idle", memory[0], "MiB"),
        Figure("real", f"{name}: memory, peak", memory[1], "MiB"),
        Figure(
            "real",
            f"{name}: calls besides the Lease while nothing changes",
            idle.calls.writes + idle.calls.events + idle.calls.reads,
            "",
            Target("=", 0),
        ),
        Figure(
            "real", f"{name}: idle, share of a core", 100 * idle.cpu_seconds / idle.seconds, "%"
        ),
    )
    details = (
        f"real: {count} canaries at once on a true API server",
        *(f"  {number:5}  {call}" for call, number in calls.by_call),
        f"  refused (409 and the like): {calls.failures}; watches opened again: {calls.watches}",
    )
    return Report(figures, details)

"""The workload that the peer was measured with: two hundred canaries of the first example."""

from __future__ import annotations

import time

from bench.calls import Call, tally
from bench.figures import Figure, Report, Target
from bench.laboratory import Laboratory
from bench.records import is_healthy
from bench.workloads import NAME, example, image_change
from rollouts.api.refs import ROLLOUT

ROLLOUTS = 200
POD_READY_SECONDS = 0.3
PAUSE_SECONDS = 5.0
SCALE_DOWN_SECONDS = 30
"""The API's default: the former pods outlive the measurement, as in that of the peer."""


def run(*, quick: bool) -> Report:
    """Update two hundred Rollouts in one moment and wait until all of them are Healthy."""
    count = 20 if quick else ROLLOUTS
    namespaces = [f"storm-{index:03}" for index in range(count)]
    with (
        Laboratory(pod_ready_seconds=POD_READY_SECONDS) as laboratory,
        laboratory.controller() as controller,
    ):
        for namespace in namespaces:
            laboratory.create(
                example(
                    namespace, pause_seconds=PAUSE_SECONDS, scale_down_seconds=SCALE_DOWN_SECONDS
                )
            )
        _wait_until_healthy(laboratory, count, at_most=60)
        laboratory.wait_until_quiet(3, at_most=30)
        laboratory.settle()
        since, cpu, began = laboratory.call_count(), controller.cpu_seconds(), time.monotonic()
        before = laboratory.busyness()
        laboratory.patch(ROLLOUT, NAME, namespaces, image_change())
        _wait_until_healthy(laboratory, count, at_most=100)
        seconds = time.monotonic() - began
        others = laboratory.busyness().strangers_percent(before)
        cpu = controller.cpu_seconds() - cpu
        calls = laboratory.calls(since)
        memory = controller.memory_mib()[1]
    course = f"{seconds:.0f} s; other work had {others:.0f} % of the cores meanwhile"
    return _report(calls, count, cpu=cpu, memory=memory, course=course)


def _wait_until_healthy(laboratory: Laboratory, count: int, *, at_most: float) -> None:
    def are_healthy() -> bool:
        return [is_healthy(each) for each in laboratory.facts(ROLLOUT)].count(True) == count

    laboratory.wait_until(
        are_healthy, at_most=at_most, what=f"{count} Rollouts to be healthy", look=0.5
    )


def _report(calls: list[Call], count: int, *, cpu: float, memory: float, course: str) -> Report:
    counted = tally(calls)
    return Report(
        (
            Figure("storm", "writes of a canary to Healthy", counted.writes / count),
            Figure("storm", "the same with Events", (counted.writes + counted.events) / count),
            Figure("storm", "reads of a canary", counted.reads / count, "", Target("=", 0)),
            Figure("storm", "processor time of a canary", 1000 * cpu / count, "ms"),
            Figure("storm", "memory, peak", memory, "MiB"),
        ),
        (
            f"storm: {count} canaries at once, all Healthy after {course}",
            *(f"  {number:5}  {call}" for call, number in counted.by_call),
            f"  refused (409 and the like): {counted.failures}",
        ),
    )

"""What five hundred AnalysisRuns cost that measure every second, and how late they are."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import time
from collections.abc import Iterator
from datetime import timedelta

from bench.calls import Call
from bench.figures import Figure, Report, Target, percentile
from bench.laboratory import Laboratory, LaboratoryError
from bench.processes import cpu_seconds
from bench.workloads import make_namespace
from rollouts.analysis.saving import SAVE_EVERY_MAX
from rollouts.api.refs import ANALYSIS_RUN, Manifest
from rollouts.api.times import parse_time

RUNS = 500
NAMESPACE = "measured"
INTERVAL = timedelta(seconds=1)
WINDOW_SECONDS = 30.0
IDLE_SECONDS = 10.0

FLAGS = ("--metric-allowed-addresses", "127.0.0.0/8", "--no-gitops")
"""Numbers come from this machine, and nothing but analysis is measured."""

LATE_MS_MAX = 250.0
CPU_PERCENT_MAX = 60.0


def run(*, quick: bool) -> Report:
    """Measure five hundred runs every second for a while, then let them wait for an hour."""
    window = 10.0 if quick else WINDOW_SECONDS
    with Laboratory(pod_ready_seconds=None) as laboratory, _answers() as url:
        laboratory.create((make_namespace(NAMESPACE),))
        with laboratory.controller(*FLAGS) as controller:
            pid = controller.pid
            laboratory.create(tuple(_run(index, url) for index in range(RUNS)))
            laboratory.wait_until(
                lambda: len(_measured(laboratory)) == RUNS, at_most=60, what="first measurements"
            )
            time.sleep(SAVE_EVERY_MAX.total_seconds())  # Until writes are spread as they stay.
            laboratory.settle()
            cpu, before = cpu_seconds(pid), _taken(laboratory.objects(ANALYSIS_RUN))
            since = laboratory.call_count()
            busy = laboratory.busyness()
            time.sleep(window)
            others = laboratory.busyness().strangers_percent(busy)
            cpu = cpu_seconds(pid) - cpu
            runs = laboratory.objects(ANALYSIS_RUN)
            calls = laboratory.calls(since)
        rounds = _taken(runs) - before
        idle = _idle_writes(laboratory, url)
    return _report(calls, runs, rounds=rounds, window=window, cpu=cpu, others=others, idle=idle)


def _idle_writes(laboratory: Laboratory, url: str) -> int:
    """Return what is written for runs that all wait for a far time."""
    for index in range(RUNS):
        laboratory.create((_run(RUNS + index, url, interval="1h"),))
    with laboratory.controller(*FLAGS):
        laboratory.wait_until(
            lambda: len(_measured(laboratory)) == 2 * RUNS, at_most=60, what="measurements"
        )
        for index in range(RUNS):
            laboratory.delete(ANALYSIS_RUN, NAMESPACE, f"run-{index:04}")
        time.sleep(3)
        since = laboratory.call_count()
        time.sleep(IDLE_SECONDS)
        return len(_writes(laboratory.calls(since)))


def _run(index: int, url: str, *, interval: str = "1s") -> Manifest:
    metric = {
        "name": "success-rate",
        "interval": interval,
        "successCondition": "result >= 0.95",
        "provider": {"web": {"url": url}},
    }
    metadata = {
        "name": f"run-{index:04}",
        "namespace": NAMESPACE,
        "labels": {"rollout-type": "Background"},
    }
    return {
        "apiVersion": ANALYSIS_RUN.api_version,
        "kind": ANALYSIS_RUN.kind,
        "metadata": metadata,
        "spec": {"metrics": [metric]},
    }


def _measured(laboratory: Laboratory) -> list[Manifest]:
    runs = laboratory.objects(ANALYSIS_RUN)
    return [each for each in runs if (each.get("status") or {}).get("metricResults")]


def lateness_ms(runs: list[Manifest]) -> list[float]:
    """Return how late each measurement was that status still holds, by the one before it."""
    late: list[float] = []
    for run in runs:
        for result in (run.get("status") or {}).get("metricResults") or ():
            measurements = result["measurements"]
            for before, after in itertools.pairwise(measurements):
                due = parse_time(before["finishedAt"]) + INTERVAL
                late.append(1000 * (parse_time(after["startedAt"]) - due).total_seconds())
    return late


def _taken(runs: list[Manifest]) -> int:
    """Return how many measurements have been counted in all."""
    return sum(
        int(result.get("count") or 0)
        for run in runs
        for result in (run.get("status") or {}).get("metricResults") or ()
    )


def _writes(calls: list[Call]) -> list[Call]:
    return [each for each in calls if each.verb in {"patch", "update", "create", "delete"}
            and each.resource != "leases"]  # fmt: skip


def _report(
    calls: list[Call],
    runs: list[Manifest],
    *,
    rounds: int,
    window: float,
    cpu: float,
    others: float,
    idle: int,
) -> Report:
    late = lateness_ms(runs)
    if not late:
        raise LaboratoryError("no run has measured twice")
    writes = _writes(calls)
    # To two digits: a few writes fall between the two looks at either end of the window.
    by_round = round(len(writes) / rounds, 2)
    figures = (
        Figure("analysis", f"lateness p50, {RUNS} runs", percentile(late, 50), "ms"),
        Figure("analysis", "lateness p99", percentile(late, 99), "ms", Target("<", LATE_MS_MAX)),
        Figure("analysis", "latest", max(late), "ms"),
        Figure("analysis", "measurements that began early", sum(each < 0 for each in late), "",
               Target("=", 0)),
        Figure("analysis", "processor, of one core", 100 * cpu / window, "%",
               Target("<", CPU_PERCENT_MAX)),
        Figure("analysis", "API writes of a round", by_round, "", Target("<=", 1)),
        Figure("analysis", "API writes while nothing is due", idle, "", Target("=", 0)),
    )  # fmt: skip
    lines = (
        (
            f"analysis: {RUNS} runs, an interval of 1 s, watched for {window:g} s;"
            f" other work had {others:.0f} % of the cores meanwhile"
        ),
        (
            f"  {len(writes)} writes, {rounds} rounds, {len(late)} latenesses read,"
            f" {1000 * cpu / rounds:.2f} ms of CPU for a round"
        ),
    )
    return Report(figures, lines)


@contextlib.contextmanager
def _answers() -> Iterator[str]:
    """Serve numbers; yields the address."""
    from bench import answers

    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=answers.main, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(20):
            raise LaboratoryError("the source of numbers does not come up")
        yield f"http://127.0.0.1:{ours.recv()}/"
    finally:
        with contextlib.suppress(OSError):
            ours.send("close")
        process.join(5)
        if process.is_alive():
            process.kill()
            process.join()

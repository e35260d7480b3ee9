"""How many simulated histories this machine gets through, all its cores together."""

from __future__ import annotations

import logging
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from bench.figures import Figure, Report, Target
from rollouts.simulate import simulate

SEEDS_PER_SECOND_MIN = 300
PORTION = 25
"""Seeds that a worker takes at once: enough to forget the cost of asking, few enough to balance."""


@dataclass(frozen=True, slots=True)
class Portion:
    """What one worker did."""

    seeds: int
    violations: int
    calls: int
    cpu_seconds: float


def run(*, quick: bool) -> Report:
    """Run fresh seeds on every core."""
    workers = len(os.sched_getaffinity(0))
    count = 200 if quick else 1000
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_prepare) as pool:
        # One portion for each worker first: imports and caches are paid once, in a run of any size.
        tuple(pool.map(run_portion, range(-workers, 0)))
        started = time.perf_counter()
        done = tuple(pool.map(run_portion, range(count // PORTION)))
        seconds = time.perf_counter() - started
    seeds = sum(each.seeds for each in done)
    cpu_seconds = sum(each.cpu_seconds for each in done)
    violations = sum(each.violations for each in done)
    return Report(
        (
            Figure(
                "simulator",
                f"histories on {workers} cores",
                seeds / seconds,
                "/s",
                Target(">", SEEDS_PER_SECOND_MIN),
            ),
            Figure("simulator", "processor time of a history", 1000 * cpu_seconds / seeds, "ms"),
            Figure("simulator", "histories that break a rule", violations, "", Target("=", 0)),
        ),
        (
            (
                f"simulator: {seeds} seeds, {sum(each.calls for each in done):,} API calls;"
                f" the workers had {100 * cpu_seconds / seconds / workers:.0f} % of the cores"
            ),
        ),
    )


def run_portion(index: int) -> Portion:
    """Run the seeds of one portion."""
    started = time.process_time()
    outcomes = [simulate(seed=seed) for seed in range(index * PORTION, (index + 1) * PORTION)]
    return Portion(
        seeds=len(outcomes),
        violations=sum(bool(outcome.violations) for outcome in outcomes),
        calls=sum(outcome.calls for outcome in outcomes),
        cpu_seconds=time.process_time() - started,
    )


def _prepare() -> None:
    # Simulated accidents are logged as real ones would be; nobody reads them here.
    logging.disable(logging.CRITICAL)

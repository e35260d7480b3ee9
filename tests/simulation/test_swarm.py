"""Random histories, on all processors: no rule breaks, and everything occurred."""

from __future__ import annotations

import logging
import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from effort import EFFORT

from rollouts.simulate import simulate
from rollouts.simulate.faults import Fault
from rollouts.simulate.measured import MEDDLING
from rollouts.simulate.workload import DEEDS

SEED_COUNT = 200 * EFFORT
BATCH_SIZE = 50

MUST_OCCUR = {
    *(f"fault:{fault}" for fault in Fault),
    *(f"act:{deed}" for deed in DEEDS if deed != "stable-image"),
    "act:create",
    "step:setWeight",
    "step:setCanaryScale",
    "step:pause",
    "step:pause timed",
    "promotion",
    "abort",
    "phase:Healthy",
    "phase:Progressing",
    "phase:Paused",
    "phase:Degraded",
    "call:create replicasets",
    "call:patch replicasets",
    "call:delete replicasets",
    "call:patch services",
    "call:create ingresses",
    "call:patch ingresses",
    "call:patch rollouts",
    "call:get rollouts",
    "call:create events",
    "step:analysis",
    "call:create analysisruns",
    "call:patch analysisruns",
    "call:delete analysisruns",
    *(f"run:{phase}" for phase in ("Successful", "Failed", "Error", "Inconclusive")),
    "run:Successful stopped",
    "run:Inconclusive stopped",
    "doubt",
    "measured again",
    *(f"act:{deed}" for deed in MEDDLING if deed != "late-template"),
    "act:create-template",
}
"""Coverage that matters: each fault, each deed, each kind of step, each action of the plan."""


def run_batch(first: int) -> tuple[list[str], Counter[str]]:
    """Run some seeds in a process of their own."""
    logging.disable(logging.CRITICAL)
    failures: list[str] = []
    coverage: Counter[str] = Counter()
    for seed in range(first, first + BATCH_SIZE):
        outcome = simulate(seed=seed)
        coverage.update(outcome.coverage)
        if outcome.violations:
            failures.append(outcome.explain())
    return failures, coverage


def test_no_rule_breaks_in_histories_in_which_everything_occurs():
    failures: list[str] = []
    coverage: Counter[str] = Counter()
    # Fresh processes: a fork would copy the threads and loops of other tests.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(mp_context=context) as pool:
        for broken, seen in pool.map(run_batch, range(0, SEED_COUNT, BATCH_SIZE)):
            failures += broken
            coverage += seen

    assert not failures, "\n\n".join([f"{len(failures)} seeds fail", *failures[:3]])
    assert MUST_OCCUR - set(coverage) == set()

"""A seed means one history: on every machine, in every process, in every order."""

from __future__ import annotations

import os
import subprocess
import sys

from rollouts.simulate import simulate

PROGRAM = """
import hashlib, logging
logging.disable(logging.CRITICAL)
from rollouts.simulate import simulate
digest = hashlib.sha256()
for seed in range(5):
    outcome = simulate(seed=seed)
    digest.update("\\n".join(outcome.trace).encode())
    digest.update(repr((outcome.violations, outcome.writes, outcome.events)).encode())
print(digest.hexdigest())
"""


def digest_with(hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_traces_do_not_depend_on_the_hash_seed():
    first, *others = (digest_with(hash_seed) for hash_seed in ("0", "1", "4711"))

    assert others == [first, first]


def test_a_run_leaves_nothing_behind_that_changes_the_next_one():
    before = simulate(seed=7)
    simulate(seed=8)
    after = simulate(seed=7)

    assert after.trace == before.trace


def test_different_seeds_are_different_histories():
    assert simulate(seed=1).trace != simulate(seed=2).trace

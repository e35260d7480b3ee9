"""Tests of the tests: every planted bug is found within a fixed number of seeds."""

from __future__ import annotations

import pytest
from simulation.planted import PLANTED, honest, install
from simulation.planted_runs import OF_RUNS

from rollouts.controller.views import Views
from rollouts.simulate import simulate
from rollouts.simulate.run import drawn

SEED_COUNT = 600
"""Most are found within ten; the rarest need a crash in one certain place."""


def first_seed_that_breaks(seed_count: int, *, is_measured: bool = False) -> int | None:
    """Return the first seed that finds a bug; with `is_measured`, among those with analysis."""
    for seed in range(seed_count):
        scenario = drawn(seed)
        if is_measured and not scenario.is_measured:
            continue
        if simulate(seed=seed, scenario=scenario).violations:
            return seed
    return None


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug, monkeypatch):
    made = Views.__init__

    def forget_and_make(self):
        Views.remembered_pauses = {}
        made(self)

    monkeypatch.setattr(Views, "__init__", forget_and_make)
    monkeypatch.setattr(Views, "remembered_pauses", {}, raising=False)
    install(monkeypatch, PLANTED[bug])

    assert first_seed_that_breaks(SEED_COUNT) is not None


@pytest.mark.parametrize("bug", OF_RUNS)
def test_a_planted_bug_of_analysis_is_found(bug, monkeypatch):
    install(monkeypatch, OF_RUNS[bug])

    assert first_seed_that_breaks(SEED_COUNT, is_measured=True) is not None


def test_the_same_seeds_find_nothing_in_the_honest_planner(monkeypatch):
    install(monkeypatch, honest)

    assert first_seed_that_breaks(30) is None

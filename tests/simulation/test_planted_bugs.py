"""Tests of the tests: every planted bug is found within a fixed number of seeds."""

from __future__ import annotations

import pytest
from simulation.planted import PLANTED, honest, install

from rollouts.controller.views import Views
from rollouts.simulate import simulate

SEED_COUNT = 600
"""Most are found within ten; the rarest need a crash in one certain place."""


def first_seed_that_breaks(seed_count: int) -> int | None:
    for seed in range(seed_count):
        if simulate(seed=seed).violations:
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


def test_the_same_seeds_find_nothing_in_the_honest_planner(monkeypatch):
    install(monkeypatch, honest)

    assert first_seed_that_breaks(30) is None

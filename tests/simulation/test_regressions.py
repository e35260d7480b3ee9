"""Every bug that the simulator found left a file here; none of them comes back."""

from __future__ import annotations

import pytest
from simulation.scenarios import files, read

from rollouts.simulate import simulate


@pytest.mark.parametrize("path", files("regressions"), ids=lambda path: path.stem)
def test_a_bug_that_was_found_stays_fixed(path):
    scenario, seed = read(path)

    outcome = simulate(seed=seed, scenario=scenario)

    assert not outcome.violations, outcome.explain()

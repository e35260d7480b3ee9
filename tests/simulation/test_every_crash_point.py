"""Each scenario, run once for every place where the controller may die.

Before a call is served, after it was served but not answered, and while idle afterwards: the
rules hold on the way, and the end is the same as without the crash. At each change the three take
turns, so that every call sees one of them; with more effort every call sees all three.
"""

from __future__ import annotations

import pytest
from effort import EFFORT
from simulation.scenarios import files, read

from rollouts.simulate import simulate
from rollouts.simulate.process import CrashPoint, Moment

SCENARIOS = files("scenarios")


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_ends_well_without_any_crash(path):
    scenario, seed = read(path)

    outcome = simulate(seed=seed, scenario=scenario)

    assert not outcome.violations, outcome.explain()
    assert outcome.final["phase"] == "Healthy"


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_crash_anywhere_changes_nothing_in_the_end(path, moment):
    scenario, seed = read(path)
    undisturbed = simulate(seed=seed, scenario=scenario)

    turns = list(Moment)
    first, stride = (turns.index(moment), len(turns)) if EFFORT == 1 else (0, 1)
    for call_index in range(first, undisturbed.calls, stride):
        point = CrashPoint(call_index, moment)
        outcome = simulate(seed=seed, scenario=scenario, crash_point=point)

        assert not outcome.violations, f"{point}\n{outcome.explain()}"
        assert outcome.final == undisturbed.final, f"{point}\n{outcome.explain()}"

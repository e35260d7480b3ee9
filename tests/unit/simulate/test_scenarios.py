"""Scenarios: drawn ones are valid, files can be written and read back, failures shrink."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from rollouts.api.checks import check_rollout
from rollouts.simulate import reduce as reducing
from rollouts.simulate.faults import OF_ANALYSIS, Fault, Rates
from rollouts.simulate.measured import MEDDLING
from rollouts.simulate.measurer import Answer
from rollouts.simulate.pods import Habit, Image
from rollouts.simulate.run import drawn
from rollouts.simulate.scenario import Act, Scenario, read_scenario, write_scenario
from rollouts.simulate.seeds import Seeds
from rollouts.simulate.workload import DEEDS, draw_scenario


def test_every_drawn_rollout_is_valid():
    for seed in range(300):
        scenario = draw_scenario(Random(seed))

        assert check_rollout(scenario.rollout()) == (), seed
        for act in scenario.acts:
            if act.do == "set-steps":
                edited = replace(scenario, steps=tuple(act.value))
                assert check_rollout(edited.rollout()) == (), seed


def test_every_drawn_rollout_with_analysis_is_valid():
    for seed in range(300):
        scenario = drawn(seed)

        assert check_rollout(scenario.rollout()) == (), seed
        for act in scenario.acts:
            if act.do == "set-steps":
                edited = replace(scenario, steps=tuple(act.value))
                assert check_rollout(edited.rollout()) == (), seed


def test_analysis_is_drawn_in_all_its_places_and_leaves_the_others_as_they_are():
    scenarios = [drawn(seed) for seed in range(600)]
    measured = [each for each in scenarios if each.is_measured]
    places = {
        (any("analysis" in step for step in each.steps), "analysis" in each.canary)
        for each in measured
    }
    answers = {answer for each in measured for answer in each.answers}
    done = {act.do for each in measured for act in each.acts}
    faults = {fault for each in measured for fault in each.rates.of}

    assert places == {(True, False), (False, True), (True, True)}
    assert answers == set(Answer)
    assert done >= {*MEDDLING, "create-template"} - {"late-template"}
    assert faults >= set(OF_ANALYSIS)
    for seed, each in enumerate(scenarios):
        if not each.is_measured:
            assert each == draw_scenario(Seeds(seed).child("scenario"))


def test_the_grammar_reaches_all_that_it_speaks_of():
    drawn = [draw_scenario(Random(seed)) for seed in range(600)]
    done = {act.do for scenario in drawn for act in scenario.acts}
    habits = {image.habit for scenario in drawn for image in scenario.images.values()}

    assert done == {*DEEDS, "create"} - {"stable-image"}
    assert habits == set(Habit)
    assert {scenario.is_routed for scenario in drawn} == {True, False}
    assert {scenario.replicas for scenario in drawn} >= {1, 2, 10}


def test_a_scenario_survives_its_file():
    for seed in range(50):
        scenario = drawn(seed)
        text = write_scenario(scenario, seed, why="because")

        assert read_scenario(text) == (scenario, seed)


def test_a_file_may_leave_out_nearly_everything():
    scenario, seed = read_scenario("steps: [{setWeight: 10}]\nacts: [{at: 2m, do: abort}]\n")

    assert seed == 0
    assert scenario == Scenario(
        name="unnamed", steps=({"setWeight": 10},), acts=(Act(120_000, "abort"),)
    )


@pytest.mark.parametrize(
    ("text", "ms"), [("250ms", 250), ("1.5s", 1500), ("2m", 120_000), ("3", 3000)]
)
def test_times_are_written_with_their_unit(text, ms):
    scenario, _ = read_scenario(f"acts: [{{at: {text}, do: abort}}]")

    assert scenario.acts[0].at_ms == ms


def test_a_field_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="unknown fields: replica"):
        read_scenario("replica: 3")


def test_a_failure_is_reduced_to_what_it_needs(monkeypatch):
    """The rule breaks whenever somebody aborts while calls conflict, whatever else there is."""

    def breaks(_seed, scenario, _rule):
        return Fault.CONFLICT in scenario.rates.of and any(
            act.do == "abort" for act in scenario.acts
        )

    monkeypatch.setattr(reducing, "breaks", breaks)
    scenario = Scenario(
        replicas=4,
        steps=({"setWeight": 10}, {"pause": {}}),
        canary={"maxSurge": 1},
        spec={"minReadySeconds": 1},
        images={"web:7": Image()},
        acts=(Act(1, "promote"), Act(2, "abort"), Act(3, "retry")),
        rates=Rates({Fault.CONFLICT: 0.5, Fault.SLOW_CALL: 0.5}),
    )

    smallest = reducing.reduce_scenario(1, scenario, "S1")

    assert smallest == Scenario(
        replicas=1,
        acts=(Act(2, "abort"),),
        rates=Rates({Fault.CONFLICT: 0.5}),
        is_tended=False,
    )

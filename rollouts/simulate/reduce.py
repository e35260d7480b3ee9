"""Makes a failing scenario smaller while it still fails, so that a person can read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rollouts.simulate.faults import Rates
from rollouts.simulate.run import simulate
from rollouts.simulate.scenario import Scenario

TRIES_MAX = 400
"""Runs that one reduction may take; each is some milliseconds."""


def reduce_scenario(seed: int, scenario: Scenario, rule: str) -> Scenario:
    """Return a smaller scenario that breaks the same rule under the same seed.

    Faults are dropped first, then acts, then fields of the spec, then steps, until nothing more
    can go.
    """
    tries = 0
    is_smaller = True
    while is_smaller and tries < TRIES_MAX:
        is_smaller = False
        for candidate in _smaller(scenario):
            tries += 1
            if breaks(seed, candidate, rule):
                scenario, is_smaller = candidate, True
                break
    return scenario


def breaks(seed: int, scenario: Scenario, rule: str) -> bool:
    """Tell whether a run breaks this rule, be it among others."""
    outcome = simulate(seed=seed, scenario=scenario)
    return any(violation.rule == rule for violation in outcome.violations)


def _smaller(scenario: Scenario) -> Iterator[Scenario]:
    rates = scenario.rates.of
    if rates:
        yield replace(scenario, rates=Rates())
    for fault in rates:
        left = {other: rate for other, rate in rates.items() if other is not fault}
        yield replace(scenario, rates=Rates(left))
    for index in reversed(range(len(scenario.acts))):
        yield replace(scenario, acts=scenario.acts[:index] + scenario.acts[index + 1 :])
    for name in scenario.spec:
        left_spec = {key: value for key, value in scenario.spec.items() if key != name}
        yield replace(scenario, spec=left_spec)
    for name in scenario.canary:
        left_canary = {key: value for key, value in scenario.canary.items() if key != name}
        yield replace(scenario, canary=left_canary)
    for index in reversed(range(len(scenario.steps))):
        yield replace(scenario, steps=scenario.steps[:index] + scenario.steps[index + 1 :])
    for index in reversed(range(len(scenario.answers))):
        left_answers = scenario.answers[:index] + scenario.answers[index + 1 :]
        yield replace(scenario, answers=left_answers)
    if scenario.replicas > 1:
        yield replace(scenario, replicas=scenario.replicas - 1)
    if scenario.is_tended:
        yield replace(scenario, is_tended=False)
    used = {str(act.value) for act in scenario.acts}
    for name in scenario.images:
        if name not in used:
            left_images = {key: value for key, value in scenario.images.items() if key != name}
            yield replace(scenario, images=left_images)

"""Adds analysis to some drawn scenarios: what is measured, what comes of it, who meddles.

It draws from luck of its own: a scenario without analysis stays as it was drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from rollouts.api.refs import Manifest
from rollouts.simulate.clock import SECOND
from rollouts.simulate.faults import Rates, draw_rates_of_analysis
from rollouts.simulate.measurer import Answer
from rollouts.simulate.scenario import Act, Scenario

CHANCE = 0.35
"""How many of the drawn scenarios measure anything."""

TEMPLATES = ("error-rate", "latency")

PLACES = ((True, False), (True, False), (False, True), (True, True))
"""Whether something is measured in steps, and beside them."""

ANSWERS = (
    *(Answer.SUCCESSFUL,) * 7,
    *(Answer.INCONCLUSIVE,) * 2,
    *(Answer.FAILED,) * 2,
    Answer.ERROR,
    Answer.EMPTY,
    Answer.ENDLESS,
    Answer.SILENT,
)
"""What becomes of runs; what stands here more often happens more often."""

MEDDLING = (
    "terminate-run",
    "delete-run",
    "forge-run",
    "change-template",
    "delete-template",
    "late-template",
)
PASSING = ("promote", "plugin-promote", "abort", "plugin-retry", "retry", "promote-full")


def with_analysis(scenario: Scenario, random: Random) -> Scenario:
    """Return the scenario with analysis in its steps or beside them, or as it is."""
    if random.random() >= CHANCE:
        return scenario
    is_in_steps, is_beside = random.choice(
        ((True, False), (True, False), (False, True), (True, True))
    )
    canary, spec = dict(scenario.canary), dict(scenario.spec)
    steps = scenario.steps
    if is_in_steps:
        steps = _with_steps(steps, random)
    if is_beside:
        canary["analysis"] = _draw_wanted(random)
        if random.random() < 0.6:
            canary["analysis"]["startingStep"] = random.randrange(len(steps))
    if random.random() < 0.3:
        spec["analysis"] = {
            "successfulRunHistoryLimit": random.randrange(3),
            "unsuccessfulRunHistoryLimit": random.randrange(3),
        }
    needed = canary.get("analysis", {}).get("startingStep", 0) + 1
    acts = [_measured_act(act, random, needed) for act in scenario.acts]
    meddling = list(_draw_meddling(scenario, random))
    late = [str(act.value) for act in meddling if act.do == "create-template"]
    deleted = {act.value for act in meddling if act.do == "delete-template"}
    rates = scenario.rates.of
    if rates:
        rates = {**rates, **draw_rates_of_analysis(random).of}
    return replace(
        scenario,
        steps=steps,
        canary=canary,
        spec=spec,
        templates=tuple(each for each in TEMPLATES if each not in late or each in deleted),
        answers=tuple(str(random.choice(ANSWERS)) for _ in range(random.randrange(1, 7))),
        acts=tuple(sorted((*acts, *meddling), key=lambda act: act.at_ms)),
        rates=Rates(rates),
    )


def _with_steps(steps: tuple[Manifest, ...], random: Random) -> tuple[Manifest, ...]:
    found = list(steps)
    for _ in range(random.choice((1, 1, 2))):
        found.insert(random.randrange(len(found) + 1), {"analysis": _draw_wanted(random)})
    return tuple(found)


def _draw_wanted(random: Random) -> Manifest:
    names = random.choice((TEMPLATES[:1], TEMPLATES[1:], TEMPLATES))
    return {"templates": [{"templateName": name} for name in names]}


def _measured_act(act: Act, random: Random, needed: int) -> Act:
    """Add analysis to edited steps, of which there have to be enough for the startingStep."""
    if act.do != "set-steps":
        return act
    steps = tuple(act.value) if random.random() < 0.3 else _with_steps(tuple(act.value), random)
    return Act(act.at_ms, act.do, [*steps, *({"setWeight": 100},) * (needed - len(steps))])


def _draw_meddling(scenario: Scenario, random: Random) -> Iterator[Act]:
    first_ms = scenario.acts[0].at_ms
    for _ in range(random.randrange(4)):
        at_ms = first_ms + random.randrange(1, 50 * SECOND)
        do = random.choice((*MEDDLING, *PASSING))
        value: Any = random.choice(TEMPLATES) if do.endswith("template") else None
        again_ms = at_ms + random.randrange(1, 20 * SECOND)
        if do == "delete-template":
            yield Act(at_ms, do, value)
            yield Act(again_ms, "create-template", value)
        elif do == "late-template":
            yield Act(at_ms, "create-template", value)
        else:
            yield Act(at_ms, do, value)

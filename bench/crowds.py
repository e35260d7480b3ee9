"""A thousand Rollouts in a state that the real controller has brought one of them to."""

from __future__ import annotations

from typing import TypeAlias

from bench.laboratory import Laboratory
from bench.workloads import NAME, example, image_change
from rollouts.api.refs import ROLLOUT, Kind, Manifest

SIZE = 1000

TEMPLATE_NAMESPACE = "template"

Objects: TypeAlias = list[tuple[Kind, Manifest]]


def make_template(*, is_paused: bool, pause_seconds: float = 600) -> Objects:
    """Return the objects of the first example, Healthy or in the pause after its first weight."""
    with Laboratory() as laboratory, laboratory.controller():
        laboratory.create(
            example(TEMPLATE_NAMESPACE, pause_seconds=pause_seconds, scale_down_seconds=30)
        )
        _wait_for_phase(laboratory, "Healthy")
        if is_paused:
            laboratory.wait_until_quiet(3, at_most=20)
            laboratory.patch(ROLLOUT, NAME, [TEMPLATE_NAMESPACE], image_change())
            _wait_for_phase(laboratory, "Paused")
        laboratory.wait_until_quiet(3, at_most=20)
        return laboratory.rollout_objects(TEMPLATE_NAMESPACE)


def namespaces(prefix: str, count: int) -> list[str]:
    """Return the names of namespaces."""
    return [f"{prefix}-{index:04}" for index in range(count)]


def _wait_for_phase(laboratory: Laboratory, phase: str) -> None:
    def is_there() -> bool:
        facts = laboratory.facts(ROLLOUT)
        return bool(facts) and facts[0]["phase"] == phase and facts[0]["is_fresh"]

    laboratory.wait_until(is_there, at_most=30, what=f"the template to be {phase}")

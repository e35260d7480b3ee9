"""The grammar from which scenarios are drawn: what is deployed and what people do to it."""

from __future__ import annotations

from random import Random
from typing import Any

from rollouts.api.refs import Manifest
from rollouts.simulate.clock import SECOND
from rollouts.simulate.faults import draw_rates
from rollouts.simulate.pods import Habit, Image
from rollouts.simulate.scenario import FIRST_IMAGE, Act, Scenario

REPLICAS = (1, 1, 2, 2, 3, 3, 4, 5, 7, 10)
WEIGHTS = (5, 10, 20, 25, 33, 40, 50, 60, 75, 90, 100)

PROMOTIONS = ("promote", "plugin-promote", "resume")
DEEDS = (
    *("set-image",) * 5,
    *PROMOTIONS,
    "plugin-skip",
    "promote-full",
    "plugin-promote-full",
    *("abort", "plugin-abort") * 2,
    *("retry", "plugin-retry") * 2,
    "rollback",
    *("pause", "plugin-pause"),
    *("plugin-resume",) * 2,
    *("scale",) * 3,
    "set-steps",
    "stable-image",
    "delete",
)
"""What people do; what stands here more often is done more often."""


def draw_scenario(random: Random) -> Scenario:
    """Draw a scenario: two to five steps, a handful of acts, and the faults."""
    is_routed = random.random() < 0.65
    replicas = random.choice(REPLICAS)
    images = {FIRST_IMAGE: Image(ready_ms=random.randrange(200, 3000))}
    acts = _draw_acts(random, images, is_routed=is_routed)
    return Scenario(
        replicas=replicas,
        is_routed=is_routed,
        steps=_draw_steps(random, is_routed=is_routed),
        canary=_draw_canary(random, is_routed=is_routed),
        spec=_draw_spec(random),
        images=images,
        acts=tuple(acts),
        rates=draw_rates(random),
        is_tended=random.random() < 0.6,
    )


def _draw_steps(random: Random, *, is_routed: bool) -> tuple[Manifest, ...]:
    steps: list[Manifest] = []
    for _ in range(random.randrange(1, 5)):
        luck = random.random()
        if luck < 0.45:
            steps.append({"setWeight": random.choice(WEIGHTS)})
        elif luck < 0.7:
            steps.append({"pause": {"duration": _draw_duration(random)}})
        elif luck < 0.85 or not is_routed:
            steps.append({"pause": {}})
        else:
            steps.append({"setCanaryScale": _draw_scale(random)})
    if random.random() < 0.7:
        # Most people raise the weight as they go, and begin with one.
        weights = sorted(step["setWeight"] for step in steps if "setWeight" in step)
        steps = [{"setWeight": weights.pop(0)} if "setWeight" in step else step for step in steps]
    if random.random() < 0.6 and "setWeight" not in steps[0]:
        steps.insert(0, {"setWeight": random.choice((10, 20, 25))})
    return tuple(steps)


def _draw_duration(random: Random) -> Any:
    seconds = random.choice((2, 3, 5, 10, 20, 40))
    return random.choice((seconds, f"{seconds}s", str(seconds)))


def _draw_scale(random: Random) -> Manifest:
    luck = random.random()
    if luck < 0.4:
        return {"replicas": random.randrange(1, 5)}
    if luck < 0.7:
        return {"weight": random.choice((10, 25, 50, 100))}
    return {"matchTrafficWeight": True}


def _draw_canary(random: Random, *, is_routed: bool) -> Manifest:
    canary: Manifest = {}
    if random.random() < 0.4:
        canary["maxSurge"] = random.choice((0, 1, 2, "25%", "50%"))
        canary["maxUnavailable"] = random.choice(
            (1, 2, "25%") if canary["maxSurge"] == 0 else (0, 1)
        )
    if not is_routed:
        return canary
    if random.random() < 0.1:
        canary["trafficRouting"] = {"maxTrafficWeight": 200}
    if random.random() < 0.4:
        canary["scaleDownDelaySeconds"] = random.choice((0, 5, 15, 60))
    if random.random() < 0.4:
        canary["abortScaleDownDelaySeconds"] = random.choice((0, 0, 5, 15, 60))
    return canary


def _draw_spec(random: Random) -> Manifest:
    spec: Manifest = {}
    if random.random() < 0.3:
        spec["revisionHistoryLimit"] = random.choice((0, 1, 2))
    if random.random() < 0.3:
        spec["progressDeadlineSeconds"] = random.choice((20, 45, 90))
        spec["progressDeadlineAbort"] = random.random() < 0.5
    if random.random() < 0.15:
        spec["minReadySeconds"] = random.choice((1, 3, 8))
    return spec


def _draw_image(random: Random) -> Image:
    luck = random.random()
    if luck < 0.8:
        return Image(ready_ms=random.choice((100, 1000, 2000, 5000, 15000)))
    return Image(random.choice((Habit.NEVER_READY, Habit.READY_THEN_NOT, Habit.CRASH_LOOP)))


def _draw_acts(random: Random, images: dict[str, Image], *, is_routed: bool) -> list[Act]:
    at_ms = random.randrange(1 * SECOND, 12 * SECOND)
    acts = [Act(at_ms, "set-image", _next_image(random, images))]
    for _ in range(random.randrange(6)):
        at_ms += random.choice((random.randrange(2 * SECOND), random.randrange(30 * SECOND)))
        do = random.choice(DEEDS)
        value: Any = None
        if do == "set-image":
            value = _next_image(random, images)
        elif do == "stable-image":
            do, value = "set-image", FIRST_IMAGE
        elif do == "scale":
            value = random.choice((0, 1, 2, 3, 5, 8))
        elif do == "set-steps":
            value = list(_draw_steps(random, is_routed=is_routed))
        acts.append(Act(at_ms, do, value))
        if do == "delete":
            at_ms += random.randrange(100, 5 * SECOND)
            acts.append(Act(at_ms, "create"))
        elif do == "scale" and value == 0:
            acts.append(Act(at_ms + random.randrange(20 * SECOND), "scale", 3))
    return acts


def _next_image(random: Random, images: dict[str, Image]) -> str:
    name = f"web:{len(images) + 1}"
    images[name] = _draw_image(random)
    return name

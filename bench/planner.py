"""How fast plans are made: each look at one canary, planned again and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from bench.figures import Figure, Report, Target
from bench.workloads import NAME, NEXT_IMAGE, example
from rollouts.api.refs import ROLLOUT
from rollouts.controller.observe import observe
from rollouts.controller.reconcile import reconcile_rollout
from rollouts.controller.views import Key, Views
from rollouts.core.facts import Observed
from rollouts.core.invariants import check_plan
from rollouts.core.planner import plan_rollout
from rollouts.kube.cluster import Cluster
from rollouts.simulate.clock import SECOND
from rollouts.simulate.run import Course
from rollouts.simulate.scenario import Act, Scenario
from rollouts.simulate.seeds import Seeds
from rollouts.simulate.world import World

PLANS_PER_SECOND_MIN = 5000
PAUSE_SECONDS = 600.0
SEED = 1


def run(*, quick: bool) -> Report:
    """Measure plans, and whole decisions, per second of one core."""
    looks = record_looks()
    seconds = 1.0 if quick else 4.0
    plans = _rate(lambda: [plan_rollout(seen, now) for seen, now in looks], len(looks), seconds)
    checked = _rate(
        lambda: [check_plan(seen, plan_rollout(seen, now)) for seen, now in looks],
        len(looks),
        seconds,
    )
    target = Target(">", PLANS_PER_SECOND_MIN)
    return Report(
        (
            Figure("planner", "plans on one core", plans, "/s", target),
            Figure("planner", "plans with their safety check", checked, "/s"),
        ),
        (f"planner: {len(looks)} looks of one canary of the first example, without faults",),
    )


def record_looks() -> tuple[tuple[Observed, datetime], ...]:
    """Simulate one canary of the first example and return what the controller saw each time."""
    looks: list[tuple[Observed, datetime]] = []

    async def reconcile(
        key: Key, views: Views, cluster: Cluster, clock: Callable[[], datetime]
    ) -> datetime | None:
        now = clock()
        seen = observe(views, key)
        if seen is not None:
            looks.append((seen, now))
        return await reconcile_rollout(key, views, cluster, clock)

    seeds = Seeds(SEED)
    world = World(_scenario(), seeds, reconcile=reconcile)
    world.begin()
    Course(world, seeds).run()
    assert not world.witness.violations, world.witness.violations
    return tuple(looks)


def _scenario() -> Scenario:
    rollout = next(
        each
        for each in example(NAME, pause_seconds=PAUSE_SECONDS, scale_down_seconds=30)
        if each["kind"] == ROLLOUT.kind
    )
    return Scenario(
        name="first example",
        replicas=rollout["spec"]["replicas"],
        steps=tuple(rollout["spec"]["strategy"]["canary"]["steps"]),
        acts=(Act(60 * SECOND, "set-image", NEXT_IMAGE),),
        spec={"revisionHistoryLimit": 10},
    )


def _rate(work: Callable[[], object], count: int, seconds: float) -> float:
    """Return how often `count` things are done per second of processor time."""
    work()
    rounds = 0
    started = time.process_time()
    while time.process_time() - started < seconds:
        work()
        rounds += 1
    return rounds * count / (time.process_time() - started)

"""Runs a world to its end: mischief, calm, and the proof that it comes to rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rollouts.simulate.analysts import STRANGE_OWNER
from rollouts.simulate.asked import pause_ms
from rollouts.simulate.clock import HOUR, MINUTE, SECOND
from rollouts.simulate.measured import with_analysis
from rollouts.simulate.process import CrashPoint
from rollouts.simulate.scenario import NAME, Scenario
from rollouts.simulate.seeds import Seeds
from rollouts.simulate.share import selected_hash, weight_of
from rollouts.simulate.snapshot import hash_of, image_of, owner_uid, replicas_of, set_with_hash
from rollouts.simulate.tender import Tender
from rollouts.simulate.trace import LINES_SHOWN
from rollouts.simulate.witness import Violation
from rollouts.simulate.workload import draw_scenario
from rollouts.simulate.world import World

QUIET_MS = 2 * HOUR
"""The stretch at the end in which a finished world must not see a single call."""

SETTLING_MS = 3 * MINUTE
"""What a calm world needs beside pauses, deadlines and delays: pods and back-off; generous."""

LOOK_MS = 5 * SECOND
"""How often somebody who tends a rollout looks at it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one run.

    Attributes:
        writes: served write calls of controllers, Kubernetes Events left out.
        calls: all served calls of controllers.
        events: how many things the scheduler ran.
        coverage: how often each thing worth testing occurred.
        final: the end state without names and times, to compare runs by.
    """

    seed: int
    scenario: Scenario
    violations: tuple[Violation, ...]
    trace: tuple[str, ...]
    writes: int
    calls: int
    events: int
    elapsed_ms: int
    coverage: Mapping[str, int]
    final: Mapping[str, object]

    def explain(self) -> str:
        """Return what a failing test prints: the rule, the last lines, and how to replay."""
        broken = "\n".join(f"  {violation}" for violation in self.violations) or "  nothing"
        lines = "\n".join(self.trace[-LINES_SHOWN:])
        return (
            f"seed {self.seed} ({self.scenario.name}) broke:\n{broken}\n"
            f"faults: {self.scenario.rates}\n{lines}\n"
            f"replay: rollouts simulate --seed {self.seed}"
        )


def simulate(
    *,
    seed: int,
    scenario: Scenario | None = None,
    until_ms: int | None = None,
    crash_point: CrashPoint | None = None,
) -> Outcome:
    """Run one world to its end, or to its first broken rule.

    Args:
        seed: all of the run's luck, including the scenario unless one is given.
        until_ms: stop here and owe nothing more; None runs to calm, then to rest.
        crash_point: where the controller dies, for runs through every call.
    """
    seeds = Seeds(seed)
    scenario = scenario or drawn(seed)
    world = World(scenario, seeds, crash_point=crash_point)
    world.begin()
    if until_ms is not None:
        world.run_until(until_ms)
    else:
        Course(world, seeds).run()
    return _outcome(world, seed)


def drawn(seed: int) -> Scenario:
    """Return the scenario that a seed stands for."""
    seeds = Seeds(seed)
    return with_analysis(draw_scenario(seeds.child("scenario")), seeds.child("analysis"))


class Course:
    """The course of a run after its beginning."""

    def __init__(self, world: World, seeds: Seeds) -> None:
        self._world = world
        self._witness = world.witness
        self._random = seeds.child("course")
        self._tender = Tender(world.people, world.images, seeds.child("tender"))

    def run(self) -> None:
        """Let things happen until calm, then see them come to rest."""
        world, scenario = self._world, self._world.scenario
        calm_ms = scenario.calm_ms
        if calm_ms is None:
            calm_ms = scenario.last_act_ms + self._random.randrange(20 * SECOND, 60 * SECOND)
        world.run_until(calm_ms)
        if self._is_broken():
            return
        world.calm()
        if scenario.is_tended:
            self._tend()
        self._rest()

    def _is_broken(self) -> bool:
        return bool(self._witness.violations)

    def _tend(self) -> None:
        """Let a sensible person bring the rollout to an end, within a bound."""
        world = self._world
        bound = world.clock.ms + self._bound_ms()
        while world.clock.ms < bound and not self._is_broken():
            world.run_until(world.clock.ms + LOOK_MS)
            rollout = self._witness.live.rollouts.get(NAME)
            asked = self._witness.asked(rollout) if rollout else None
            if rollout and self._is_healthy():
                return
            stable_hash = ((rollout or {}).get("status") or {}).get("stableRS", "")
            stable = set_with_hash(self._witness.live, stable_hash)
            done = self._tender.act(rollout, asked, image_of(stable) if stable else "")
            if done:
                self._witness.note("tender", done)
                bound = max(bound, world.clock.ms + self._bound_ms())
        if not self._is_broken():
            self._witness.report("L1", "a good revision is not healthy within its bound")

    def _is_healthy(self) -> bool:
        live = self._witness.live
        rollout = live.rollouts[NAME]
        status = rollout.get("status") or {}
        generation = str(rollout["metadata"]["generation"])
        asked = self._witness.asked(rollout)
        if asked.replicas == 0 or self._tender.is_bad(asked.image) or asked.is_paused:
            return False
        return status.get("phase") == "Healthy" and status.get("observedGeneration") == generation

    def _bound_ms(self) -> int:
        """Return how long the present revision may take: pauses, delays and some settling."""
        bound = SETTLING_MS
        rollout = self._witness.live.rollouts.get(NAME)
        if rollout is None:
            return bound
        asked = self._witness.asked(rollout)
        for step in asked.steps:
            bound += (pause_ms(step) or 0) if "pause" in step else 0
        return bound + asked.delay_ms + (asked.abort_delay_ms or 0)

    def _rest(self) -> None:
        """See that the world comes to rest and stays there without a single call."""
        world, witness = self._world, self._witness
        deadline = int(world.scenario.spec.get("progressDeadlineSeconds", 600)) * SECOND
        world.run_until(world.clock.ms + self._bound_ms() + deadline)
        if self._is_broken():
            return
        calls = witness.call_count
        traffic = witness.traffic()
        world.run_until(world.clock.ms + QUIET_MS)
        if self._is_broken():
            return
        if witness.call_count != calls:
            witness.report("L6", f"{witness.call_count - calls} calls in a quiet stretch")
        if witness.traffic() != traffic:
            witness.report("L6", "traffic moves in a quiet stretch")
        self._judge_end()

    def _judge_end(self) -> None:
        """Check the end state: requests are answered, and nothing is left lying about."""
        witness = self._witness
        live, names = witness.live, witness.names
        rollout = live.rollouts.get(NAME)
        if rollout is None:
            self._judge_deleted()
            return
        asked, status = witness.asked(rollout), rollout.get("status") or {}
        phase = status.get("phase")
        if self._world.scenario.is_tended and phase != "Healthy":
            witness.report("L1", f"the end is {phase}: {status.get('message')}")
        stable = set_with_hash(live, status.get("stableRS", ""))
        stable_is_good = stable is not None and not self._tender.is_bad(image_of(stable))
        # Without a router a bad canary gets requests as soon as one of its pods is ready once.
        is_spread = not names.is_routed and self._tender.is_bad(asked.image)
        if asked.replicas and stable_is_good and not is_spread and witness.traffic().lost:
            witness.report("L1", f"{witness.traffic().lost} of the requests are lost in the end")
        if status.get("abort") and weight_of(live, names).canary and stable_is_good:
            witness.report("L2", "an aborted canary keeps traffic")
        if phase == "Healthy":
            self._judge_healthy_end(status.get("stableRS", ""))

    def _judge_healthy_end(self, stable: str) -> None:
        witness = self._witness
        live, names = witness.live, witness.names
        asked = witness.asked(live.rollouts[NAME])
        for replica_set in live.sets.values():
            wanted = asked.replicas if hash_of(replica_set) == stable else 0
            if replicas_of(replica_set) != wanted:
                name = image_of(replica_set)
                witness.report("L1", f"{name} has {replicas_of(replica_set)} pods, not {wanted}")
        if asked.replicas and witness.traffic().share(stable) != 1:
            witness.report("L1", "Healthy, but stable does not get all traffic")
        if names.is_routed and weight_of(live, names).canary:
            witness.report("S14", "Healthy with a canary weight")
        is_served = asked.replicas > 0  # A Service is never pointed at a set without pods.
        if names.is_routed and is_served and selected_hash(live, names.stable_service) != stable:
            witness.report("S14", "Healthy, but the stable Service selects something else")

    def _judge_deleted(self) -> None:
        witness = self._witness
        left = [*witness.live.sets, self._witness.names.canary_ingress]
        for name in left:
            if name in witness.live.sets or name in witness.live.ingresses:
                witness.report("L7", f"{name} outlives the Rollout")
        for name, run in witness.live.runs.items():
            if owner_uid(run) not in {"", STRANGE_OWNER}:
                witness.report("L7", f"{name} outlives the Rollout")


def _outcome(world: World, seed: int) -> Outcome:
    witness = world.witness
    coverage = dict(witness.coverage)
    for fault, count in world.weather.struck.items():
        coverage[f"fault:{fault}"] = count
    return Outcome(
        seed=seed,
        scenario=world.scenario,
        violations=tuple(witness.violations),
        trace=witness.trace.lines(),
        writes=witness.write_count,
        calls=witness.call_count,
        events=world.scheduler.event_count,
        elapsed_ms=world.clock.ms,
        coverage=coverage,
        final=_final_state(world),
    )


def _final_state(world: World) -> Mapping[str, object]:
    live, names = world.witness.live, world.witness.names
    rollout = live.rollouts.get(NAME)
    if rollout is None:
        return {}
    status = rollout.get("status") or {}
    images = {hash_of(each): image_of(each) for each in live.sets.values()}
    return {
        "phase": status.get("phase"),
        "message": status.get("message"),
        "step": status.get("currentStepIndex"),
        "stable": images.get(status.get("stableRS", "")),
        "sizes": sorted((image_of(each), replicas_of(each)) for each in live.sets.values()),
        "weight": weight_of(live, names).canary if names.is_routed else None,
        "services": [
            images.get(selected_hash(live, name))
            for name in (names.stable_service, names.canary_service)
        ],
    }

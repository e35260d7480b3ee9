"""One world: everything of a run wired together, and the course that it takes."""

from __future__ import annotations

from rollouts.api.refs import ANALYSIS_RUN, INGRESS, REPLICA_SET
from rollouts.controller.reconcile import reconcile_rollout
from rollouts.controller.views import Views
from rollouts.simulate.clock import SECOND, Clock
from rollouts.simulate.cluster import NAMESPACE, SimCluster
from rollouts.simulate.faults import Fault, Weather
from rollouts.simulate.garbage import Garbage
from rollouts.simulate.ghosts import Ghosts
from rollouts.simulate.history import History
from rollouts.simulate.incidents import Incidents
from rollouts.simulate.measurer import Measurer
from rollouts.simulate.mirror import Mirror
from rollouts.simulate.people import People
from rollouts.simulate.pods import Pods
from rollouts.simulate.process import CrashPoint, Process, Reconcile, key_of
from rollouts.simulate.scenario import FIRST_IMAGE, NAME, Act, Scenario
from rollouts.simulate.scheduler import Scheduler
from rollouts.simulate.seeds import Seeds
from rollouts.simulate.settled import Settled
from rollouts.simulate.witness import Witness

OWNED = (REPLICA_SET, INGRESS, ANALYSIS_RUN)
"""Kinds of what goes after a Rollout that is deleted."""


class World:
    """Everything of one run; built anew for each, so that nothing outlives it.

    It is a `Watcher` of its processes: what they do goes to the witness, and it decides when a
    dead process comes back.
    """

    def __init__(
        self,
        scenario: Scenario,
        seeds: Seeds,
        *,
        crash_point: CrashPoint | None = None,
        reconcile: Reconcile = reconcile_rollout,
    ) -> None:
        self.scenario = scenario
        self.clock = Clock(seeds.child("start").randrange(2 * SECOND))
        self.scheduler = Scheduler(self.clock, seeds.child("ties"))
        self.cluster = SimCluster(self.clock.now, uid_seed=NAME, kinds=scenario.kinds)
        self.weather = Weather(scenario.rates, self.clock, seeds.child("weather"))
        self.history = History(scenario.kinds)
        self.mirror = Mirror(self.cluster, self.clock, self.history)
        self.witness = Witness(scenario, self.scheduler, self.mirror)
        self.people = People(self.cluster, scenario)
        self.images = dict(scenario.images)
        self.pods = Pods(
            self.cluster,
            self.scheduler,
            seeds.child("pods"),
            images=self.images,
            slowness=self._slowness,
            on_ready=self.witness.pods_changed,
        )
        self.measurer = self._make_measurer(seeds) if scenario.is_measured else None
        self.random = seeds.child("world")
        self._seeds = seeds
        self._crash_point = crash_point
        self._reconcile = reconcile
        self._settled = Settled(self.witness.names, self.witness.ledger, self.witness.report)
        self._ghosts = Ghosts(reconcile, self.witness.report, seeds.child("ghosts"))
        owned = tuple(kind for kind in scenario.kinds if kind in OWNED)
        self._garbage = Garbage(self.cluster, self.scheduler, seeds.child("garbage"), owned)
        self._started_count = 0
        self._connect()

    def begin(self) -> None:
        """Deploy the first version, start a controller and let things take their course."""
        self.people.create_surroundings()
        self.start_process()
        self.scheduler.after(
            self.random.randrange(500), lambda: self.people.create_rollout(FIRST_IMAGE)
        )
        for act in self.scenario.acts:
            self._plan_act(act)
        Incidents(
            self.witness,
            start_process=self.start_process,
            names=self.witness.names,
            people=self.people,
            pods=self.pods,
            measurer=self.measurer,
            scheduler=self.scheduler,
            weather=self.weather,
            random=self._seeds.child("incidents"),
        ).begin()

    def run_until(self, until_ms: int) -> None:
        """Let time pass, up to the first broken rule."""
        violations = self.witness.violations
        self.scheduler.run_until(until_ms, stop=lambda: bool(violations))

    def start_process(self) -> Process:
        """Start one more controller."""
        name = "abcdefgh"[self._started_count % 8]
        self._started_count += 1
        process = Process(
            name,
            key_of(NAMESPACE, NAME),
            cluster=self.cluster,
            scheduler=self.scheduler,
            history=self.history,
            weather=self.weather,
            random=self._seeds.child(f"process/{self._started_count}"),
            reconcile=self._reconcile,
            make_views=Views,
            watcher=self.witness,
            crash_point=self._crash_point,
        )
        self.witness.processes.append(process)
        process.start()
        return process

    def calm(self) -> None:
        """End all faults: one healthy controller, whole watches, pods that can come up."""
        self.weather.calm()
        self.witness.note("world", "calm")
        for process in self.witness.processes[1:]:
            process.crash("it lost the lease")
        del self.witness.processes[1:]
        for process in self.witness.processes:
            if process.feed is not None:
                process.feed.mend()
        self.pods.heal()
        if self.measurer is not None:
            self.measurer.calm()

    def _connect(self) -> None:
        self.mirror.pods = self.pods
        self.witness.on_settled = self._judge_settled
        self.witness.on_death = self._bring_back
        self.cluster.server.on_write.append(self.witness.wrote)
        self.cluster.server.on_write.append(self._garbage.wrote)
        if self.measurer is not None:
            self.cluster.server.on_write.append(self.measurer.wrote)

    def _plan_act(self, act: Act) -> None:
        self.scheduler.at(act.at_ms, lambda: self._act(act))

    def _act(self, act: Act) -> None:
        done = self.people.act(act.do, act.value)
        self.witness.note("person", done)
        self.witness.cover(f"act:{act.do}")

    def _bring_back(self, process: Process) -> None:
        """Restart a dead controller after a while, unless it was deposed meanwhile."""
        if process not in self.witness.processes:
            return
        longest = 1 * SECOND if self.weather.is_calm else 15 * SECOND

        def restart() -> None:
            if process in self.witness.processes and not process.is_alive:
                process.start()

        self.scheduler.after(self.random.randrange(50, longest), restart)

    def _judge_settled(self, process: Process) -> None:
        rollout = self.witness.live.rollouts.get(NAME)
        if rollout is None:
            return
        self._settled.judge(
            self.witness.live,
            self.witness.asked(rollout),
            host_ms=self.clock.ms + process.clock.offset_ms,
            wake_at=process.wake_at,
        )
        self._ghosts.judge(process)

    def _make_measurer(self, seeds: Seeds) -> Measurer:
        random = seeds.child("measurer")

        def slowness() -> float:
            return random.uniform(3, 12) if self.weather.strikes(Fault.RUNS_SLOW) else 1.0

        return Measurer(
            self.cluster,
            self.scheduler,
            random,
            answers=self.scenario.answers,
            slowness=slowness,
            note=self.witness.note,
        )

    def _slowness(self) -> float:
        if self.weather.strikes(Fault.PODS_SLOW):
            return self.random.uniform(3, 12)
        return 1.0

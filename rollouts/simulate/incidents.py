"""Faults that happen by themselves, at random moments: to processes, watches, pods and objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Protocol

from rollouts.api.refs import INGRESS
from rollouts.emulator.errors import ApiError
from rollouts.simulate.clock import SECOND
from rollouts.simulate.faults import INCIDENTS, SKEW_MS_MAX, Fault, Weather
from rollouts.simulate.measurer import Measurer
from rollouts.simulate.people import People
from rollouts.simulate.pods import Fleet, Pods
from rollouts.simulate.process import Process
from rollouts.simulate.scheduler import Scheduler
from rollouts.simulate.share import CANARY_WEIGHT, Names
from rollouts.simulate.snapshot import HASH_LABEL, Snapshot, replicas_of


class Stage(Protocol):
    """What incidents happen to."""

    live: Snapshot
    processes: list[Process]

    def note(self, actor: str, what: str) -> None:
        """Write a line into the trace."""
        ...


class Incidents:
    """Lets every switched-on incident happen again and again until calm."""

    def __init__(
        self,
        stage: Stage,
        *,
        start_process: Callable[[], Process],
        names: Names,
        people: People,
        pods: Pods,
        measurer: Measurer | None,
        scheduler: Scheduler,
        weather: Weather,
        random: Random,
    ) -> None:
        self._stage = stage
        self._start_process = start_process
        self._names = names
        self._people = people
        self._pods = pods
        self._measurer = measurer
        self._scheduler = scheduler
        self._weather = weather
        self._random = random
        self._happen: Mapping[Fault, Callable[[], str]] = {
            Fault.CRASH_IDLE: self._crash,
            Fault.TWO_LEADERS: self._two_leaders,
            Fault.LONG_STOP: self._stall,
            Fault.BROKEN_WATCH: self._break_watch,
            Fault.SPURIOUS_WAKE: self._wake,
            Fault.CLOCK_STEP: self._step_clock,
            Fault.PODS_UNREADY: self._some_pods_fall,
            Fault.PODS_ALL_DIE: self._all_pods_fall,
            Fault.PODS_CRASH_LOOP: self._pods_flap,
            Fault.INGRESS_EDITED: self._edit_ingress,
            Fault.INGRESS_DELETED: self._delete_ingress,
            Fault.SELECTOR_EDITED: self._edit_selector,
            Fault.SCALED_BY_HAND: self._scale_by_hand,
            Fault.MEASURER_DIES: self._measurer_dies,
            Fault.RUN_DELETED: lambda: self._meddle("delete-run"),
            Fault.RUN_TERMINATED: lambda: self._meddle("terminate-run"),
            Fault.RUN_FORGED: lambda: self._meddle("forge-run"),
            Fault.TEMPLATE_CHANGED: lambda: self._meddle("change-template", self._template()),
            Fault.TEMPLATE_DELETED: self._delete_template,
        }
        assert self._happen.keys() == INCIDENTS.keys()

    def begin(self) -> None:
        """Schedule the first of each."""
        for fault in INCIDENTS:
            self._schedule(fault)

    def _schedule(self, fault: Fault) -> None:
        delay_ms = self._weather.next_incident_ms(fault)
        if delay_ms is not None:
            self._scheduler.after(delay_ms, lambda: self._strike(fault))

    def _strike(self, fault: Fault) -> None:
        if self._weather.is_calm:
            return
        try:
            what = self._happen[fault]()
        except ApiError as error:
            what = f"nothing: {error.reason}"
        if what:
            self._weather.note(fault)
            self._stage.note("incident", f"{fault}: {what}")
        self._schedule(fault)

    def _alive(self) -> Process | None:
        alive = [process for process in self._stage.processes if process.is_alive]
        return self._random.choice(alive) if alive else None

    def _crash(self) -> str:
        process = self._alive()
        if process is None or process.current is not None:
            return ""
        process.crash("while idle")
        return process.name

    def _two_leaders(self) -> str:
        if len(self._stage.processes) > 1:
            return ""
        old = self._stage.processes[0]
        new = self._start_process()
        loser = self._random.choice((old, new))
        self._scheduler.after(
            self._random.randrange(1 * SECOND, 40 * SECOND), lambda: self._depose(loser)
        )
        return f"{new.name} beside {old.name}"

    def _depose(self, loser: Process) -> None:
        if len(self._stage.processes) > 1 and loser in self._stage.processes:
            self._stage.processes.remove(loser)
            loser.crash("it lost the lease")

    def _stall(self) -> str:
        process = self._alive()
        if process is None:
            return ""
        process.stall(self._random.randrange(2 * SECOND, 60 * SECOND))
        return process.name

    def _break_watch(self) -> str:
        process = self._alive()
        if process is None or process.feed is None:
            return ""
        kind = self._random.choice(process.feed.kinds)
        process.feed.break_watch(kind, self._random.randrange(1 * SECOND, 20 * SECOND))
        return f"{process.name} {kind.plural}"

    def _wake(self) -> str:
        process = self._alive()
        if process is None:
            return ""
        process.wake()
        return process.name

    def _step_clock(self) -> str:
        process = self._alive()
        if process is None:
            return ""
        process.clock.offset_ms = self._random.randrange(-SKEW_MS_MAX, SKEW_MS_MAX + 1)
        return f"{process.name} is {process.clock.offset_ms} ms ahead"

    def _fleet(self) -> Fleet | None:
        fleets = [fleet for fleet in self._pods.fleets.values() if fleet.ready]
        return self._random.choice(fleets) if fleets else None

    def _some_pods_fall(self) -> str:
        fleet = self._fleet()
        if fleet is None:
            return ""
        self._pods.fall(fleet, self._random.randrange(1, fleet.ready + 1))
        return fleet.image

    def _all_pods_fall(self) -> str:
        fleet = self._fleet()
        if fleet is None:
            return ""
        self._pods.fall(fleet, fleet.ready)
        return fleet.image

    def _pods_flap(self) -> str:
        fleet = self._fleet()
        if fleet is None:
            return ""
        for delay_s in (0, 7, 14, 21):
            self._scheduler.after(delay_s * SECOND, lambda: self._flap(fleet))
        return fleet.image

    def _flap(self, fleet: Fleet) -> None:
        if not self._weather.is_calm:
            self._pods.fall(fleet, fleet.ready)

    def _edit_ingress(self) -> str:
        if self._names.canary_ingress not in self._stage.live.ingresses:
            return ""
        weight = self._random.randrange(101)
        self._people.tamper_weight(self._names.canary_ingress, CANARY_WEIGHT, weight)
        return f"weight {weight}"

    def _delete_ingress(self) -> str:
        if self._names.canary_ingress not in self._stage.live.ingresses:
            return ""
        self._people.remove(INGRESS, self._names.canary_ingress)
        return self._names.canary_ingress

    def _edit_selector(self) -> str:
        names = [name for name in (self._names.stable_service, self._names.canary_service) if name]
        if not self._names.is_routed:
            return ""
        name = self._random.choice(names)
        hashes = [None, *sorted({fleet.pod_hash for fleet in self._pods.fleets.values()})]
        pod_hash = self._random.choice(hashes)
        self._people.tamper_selector(name, {HASH_LABEL: pod_hash})
        return f"{name} selects {pod_hash}"

    def _scale_by_hand(self) -> str:
        sets = sorted(self._stage.live.sets)
        if not sets:
            return ""
        name = self._random.choice(sets)
        before = replicas_of(self._stage.live.sets[name])
        replicas = self._random.randrange(before + 3)
        self._people.scale_set(name, replicas)
        return f"{name} from {before} to {replicas}"

    def _measurer_dies(self) -> str:
        if self._measurer is None:
            return ""
        duration_ms = self._random.randrange(1 * SECOND, 40 * SECOND)
        self._measurer.die(duration_ms)
        return f"for {duration_ms // SECOND} s"

    def _template(self) -> str:
        templates = sorted(self._stage.live.templates)
        return self._random.choice(templates) if templates else ""

    def _meddle(self, deed: str, value: str | None = None) -> str:
        done = self._people.act(deed, value)
        return "" if done.endswith("NotFound") else done

    def _restore_template(self, name: str) -> None:
        self._meddle("create-template", name)

    def _delete_template(self) -> str:
        name = self._template()
        if not name:
            return ""
        again_ms = self._random.randrange(1 * SECOND, 25 * SECOND)
        self._scheduler.after(again_ms, lambda: self._restore_template(name))
        return self._meddle("delete-template", name)

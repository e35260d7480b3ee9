"""Sees every write and every pass, keeps the true state, and has both judged.

Nothing here decides what is right: it hands each deed to the rules and collects what they say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rollouts.api.refs import (
    ANALYSIS_RUN,
    ANALYSIS_TEMPLATE,
    EVENT,
    REPLICA_SET,
    ROLLOUT,
    Kind,
    Manifest,
)
from rollouts.emulator.engine import WriteRecord
from rollouts.simulate.asked import Asked, asked_of
from rollouts.simulate.deed import Deed
from rollouts.simulate.driver import Call
from rollouts.simulate.ledger import PREFIX, Ledger, doubts
from rollouts.simulate.mirror import Mirror, watched_kind
from rollouts.simulate.oracles import Oracles
from rollouts.simulate.people import PERSON
from rollouts.simulate.pods import Fleet
from rollouts.simulate.process import Process
from rollouts.simulate.scenario import NAME, Scenario
from rollouts.simulate.scheduler import Scheduler
from rollouts.simulate.share import CANARY_WEIGHT, Traffic, traffic_of, weight_of
from rollouts.simulate.snapshot import WATCHED, as_planned, image_of, replicas_of
from rollouts.simulate.trace import Glance, Trace

CONTROLLER = "rollouts"

PASS_COUNT_MAX = 2000
"""Passes of one run; a few hundred are many, and more is a loop that feeds itself."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule."""

    rule: str
    at_ms: int
    text: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.text}"


class Witness:
    """The true state of a world, and everything that was found wrong with it."""

    def __init__(self, scenario: Scenario, scheduler: Scheduler, mirror: Mirror) -> None:
        self.names = scenario.names
        self.mirror = mirror
        self.live = mirror.live
        self.processes = mirror.processes
        self.ledger = Ledger(self.names)
        self.violations: list[Violation] = []
        self.coverage: dict[str, int] = {}
        self.write_count = 0
        self.call_count = 0
        self.on_settled: Callable[[Process], None] = lambda _: None
        self.on_death: Callable[[Process], None] = lambda _: None
        self.trace = Trace(self._glance)
        self._scheduler = scheduler
        self._writer: Process | None = None
        self._pass_count = 0
        self._oracles = Oracles(self.names, self.ledger, self.report)
        self._asked: dict[tuple[str, int], Asked] = {}
        self._traffic: Traffic | None = None

    # What rules and actors say

    def report(self, rule: str, text: str) -> None:
        """Collect a broken rule."""
        now = self._scheduler.clock.ms
        self.violations.append(Violation(rule, now, text))
        self.trace.add(now, "judge", f"BROKEN {rule}: {text}")

    def note(self, actor: str, what: str) -> None:
        """Write a line into the trace."""
        self.trace.add(self._scheduler.clock.ms, actor, what)

    def cover(self, what: str) -> None:
        """Count that something worth testing occurred."""
        self.coverage[what] = self.coverage.get(what, 0) + 1

    def asked(self, rollout: Manifest) -> Asked:
        """Read a Rollout's spec, once for each generation."""
        metadata = rollout["metadata"]
        key = (metadata["uid"], metadata["generation"])
        found = self._asked.get(key)
        if found is None:
            found = self._asked[key] = asked_of(rollout)
        return found

    # What the store says

    def wrote(self, record: WriteRecord) -> None:
        """Take in one write to the store."""
        if record.dry_run:
            return
        kind = watched_kind(record)
        if record.field_manager == CONTROLLER and self._writer is not None:
            self._judge(kind or _other(record), record)
        if kind is None:
            return
        self.mirror.take(kind, record)
        if kind == ROLLOUT:
            self._hear_rollout(record.field_manager, record.old, record.new)
        elif kind == ANALYSIS_RUN:
            self._hear_run(record.field_manager, record.old, record.new)
        elif kind == ANALYSIS_TEMPLATE:
            pass  # It holds no traffic and no answer.
        elif kind != REPLICA_SET or record.subresource != "status":
            self._traffic = None
            writer = self._writer.current if self._writer else None
            decided_ms = writer.started_ms if writer else self._scheduler.clock.ms
            self.ledger.hear_traffic(self.live, decided_ms, is_ours=writer is not None)
        self.mirror.announce(kind)

    def pods_changed(self, fleet: Fleet) -> None:
        """Take in that pods became ready, fell or vanished."""
        self._traffic = None
        self.note("pods", f"{fleet.image} has {fleet.ready} of {fleet.wanted} ready")

    def _hear_rollout(self, manager: str, old: Manifest | None, new: Manifest | None) -> None:
        if manager == CONTROLLER:
            if old is not None and new is not None:
                self.ledger.hear_controller(old, new)
                self._cover_progress(old, new)
        elif manager == PERSON or new is None:
            self.ledger.hear_person(old, new)

    def _hear_run(self, manager: str, old: Manifest | None, new: Manifest | None) -> None:
        truth = self.ledger.runs.hear(old, new, is_ours=manager == CONTROLLER)
        if truth.need and truth.has_ended and new and _run_phase(old) != truth.phase:
            self.cover(f"run:{truth.phase}{' stopped' if truth.is_stopped else ''}")

    def _judge(self, kind: Kind, record: WriteRecord) -> None:
        old, new = record.old, record.new
        process = self._writer
        assert process is not None
        current = process.current
        assert current is not None
        rollout = current.seen.rollouts.get(NAME)
        if rollout is None:
            if kind != EVENT:
                self.report("S13", f"wrote {kind.kind}/{record.name} of a Rollout it does not know")
            return
        after = current.seen
        if kind in WATCHED:
            after = current.seen.copy()
            if new is None:
                after.drop(kind, record.name)
            else:
                after.put(kind, as_planned(current.seen, kind, new))
        self._oracles.judge(
            Deed(
                kind=kind,
                old=old,
                new=new,
                is_status=record.subresource == "status",
                seen=current.seen,
                after=after,
                live=self.live,
                rollout=rollout,
                asked=self.asked(rollout),
                now_ms=self._scheduler.clock.ms,
                started_ms=current.started_ms,
                planned_ms=current.planned_ms,
                recorded=self.ledger.goal(rollout),
            )
        )
        if kind == ROLLOUT and new is not None:
            asked = self.asked(rollout)
            self.ledger.learn_goal(new, (asked.image, asked.steps))

    def _cover_progress(self, old: Manifest, new: Manifest) -> None:
        before, after = old.get("status") or {}, new.get("status") or {}
        was, is_ = before.get("currentStepIndex"), after.get("currentStepIndex")
        if was is not None and is_ is not None and is_ == was + 1:
            step = self.asked(old).steps[was] if was < self.asked(old).step_count else {}
            for name in step:
                timed = name == "pause" and bool((step[name] or {}).get("duration"))
                self.cover(f"step:{name}{' timed' if timed else ''}")
        if before.get("stableRS") and before.get("stableRS") != after.get("stableRS"):
            self.cover("promotion")
        if after.get("abort") and not before.get("abort"):
            self.cover("abort")
        was_in_doubt, is_in_doubt = doubts(before), doubts(after)
        if was_in_doubt != is_in_doubt and not after.get("abort"):
            self.cover("doubt" if is_in_doubt else "measured again")
        if after.get("phase") != before.get("phase"):
            self.cover(f"phase:{after.get('phase')}")

    # What processes do

    def about_to_serve(self, process: Process) -> None:
        """Remember who causes the next writes."""
        self._writer = process

    def served(self, process: Process, call: Call, outcome: str) -> None:
        """Record a call and how it ended."""
        self._writer = None
        self.call_count += 1
        if call.is_write and call.kind != EVENT:
            self.write_count += 1
        if not outcome:
            self.cover(f"call:{call.verb} {call.kind.plural}")
        if call.kind != EVENT:
            what = f"{call}{_detail(call)}"
            self.note(process.name, f"{what} -> {outcome[:60]}" if outcome else what)

    def pass_ended(self, process: Process, outcome: str) -> None:
        """Count a pass, and record one that failed."""
        self._pass_count += 1
        if self._pass_count > PASS_COUNT_MAX:
            self.report("L6", f"{self._pass_count} passes and no end")
        if outcome:
            self.note(process.name, f"pass fails: {outcome[:80]}")

    def settled(self, process: Process) -> None:
        """Judge the world at rest, if this is its only controller."""
        if len(self.processes) == 1:
            self.on_settled(process)

    def process_changed(self, process: Process, what: str) -> None:
        """Record the life of a process."""
        self.note(process.name, what)
        if not process.is_alive:
            self.on_death(process)

    def broke(self, process: Process, error: Exception) -> None:
        """Report a reconcile that raised what it may not raise."""
        self.report("S0", f"{process.name} raised {type(error).__name__}: {error}")

    def traffic(self) -> Traffic:
        """Return where requests go now, in truth."""
        if self._traffic is None:
            self._traffic = traffic_of(self.live, self.names, self.mirror.pods.ready)
        return self._traffic

    def _glance(self) -> Glance:
        rollout = self.live.rollouts.get(NAME)
        status = (rollout or {}).get("status") or {}
        weight = weight_of(self.live, self.names).canary if self.names.is_routed else None
        return Glance(
            weight=weight,
            traffic=self.traffic(),
            images={fleet.pod_hash: fleet.image for fleet in self.mirror.pods.fleets.values()},
            index=status.get("currentStepIndex"),
            phase=status.get("phase", ""),
        )


def _run_phase(run: Manifest | None) -> str:
    return str(((run or {}).get("status") or {}).get("phase") or "")


def _other(record: WriteRecord) -> Kind:
    rt = record.rt
    return Kind(rt.group, rt.version, rt.kind, rt.plural, rt.namespaced)


def _detail(call: Call) -> str:
    """Return the few words that matter in a write: size, weight, selector or requests."""
    body = call.body
    if isinstance(body, list):
        return "".join(
            f" {each['path'].rsplit('/', 1)[-1]}={each['value']}"
            for each in body
            if each["op"] == "replace" and not isinstance(each["value"], dict)
        )
    if not isinstance(body, dict):
        return ""
    spec, annotations = (
        body.get("spec") or {},
        (body.get("metadata") or {}).get("annotations") or {},
    )
    words = [
        f" {key.removeprefix(PREFIX)}={value}"[:48]
        for key, value in annotations.items()
        if key.startswith(PREFIX)
    ]
    if CANARY_WEIGHT in annotations:
        words = [f" weight={annotations[CANARY_WEIGHT]}"]
    if "selector" in spec and "template" not in spec:
        words.append(f" hash={next(iter(spec['selector'].values()), '')}")
    if "template" in spec:
        words.append(f" {image_of(body)} x{replicas_of(body)}")
    status = body.get("status") or {}
    words.extend(
        f" {key}={status[key]}"
        for key in ("currentStepIndex", "stableRS", "abort", "phase", "availableReplicas")
        if key in status
    )
    return "".join(words)

"""What each step of a Rollout will do and when: the real controller in virtual time, no cluster.

A world without faults is made around the manifest: its Services and Ingresses, a first revision
that is healthy already, and pods that take a given time to get ready. Then a new revision is
deployed and everything visible is written down.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rollouts.api.checks import check_rollout
from rollouts.api.problems import InvalidSpec
from rollouts.api.refs import INGRESS, ROLLOUT, SERVICE, Kind, Manifest
from rollouts.api.times import format_duration, parse_duration
from rollouts.controller.reconcile import reconcile_rollout
from rollouts.controller.views import Views
from rollouts.emulator.engine import WriteRecord
from rollouts.kube.cluster import PatchType
from rollouts.simulate.clock import HOUR, SECOND, Clock
from rollouts.simulate.cluster import NAMESPACE, SimCluster
from rollouts.simulate.driver import Call
from rollouts.simulate.faults import Rates, Weather
from rollouts.simulate.history import History
from rollouts.simulate.ledger import PREFIX
from rollouts.simulate.mirror import Mirror, watched_kind
from rollouts.simulate.people import PERSON
from rollouts.simulate.pods import Fleet, Image, Pods
from rollouts.simulate.process import Process, key_of
from rollouts.simulate.scenario import ingress, service
from rollouts.simulate.scheduler import Scheduler
from rollouts.simulate.seeds import Seeds
from rollouts.simulate.snapshot import hash_of, image_of, replicas_of

LONGEST_MS = 400 * 24 * HOUR
"""Where a forecast ends even if the rollout does not."""

ROW_COUNT_MAX = 1000
"""More rows than this nobody reads; a rollout that makes them goes in circles."""


@dataclass(frozen=True, slots=True)
class Row:
    """One visible change.

    Attributes:
        elapsed: since the new revision was deployed, in whole seconds.
        at: the same as a date.
        step: the step the rollout is at, counted from 1; the last one at the end.
        what: what happened, for people.
        stable_pods: ready pods of the revision that was stable at the beginning.
        canary_pods: ready pods of the new revision.
        weight: the canary weight in force; None without a router.
        note: what a person would have to do here, else empty.
    """

    elapsed: timedelta
    at: datetime
    step: int
    step_count: int
    what: str
    stable_pods: int
    canary_pods: int
    weight: int | None
    note: str = ""


UNTIL_PROMOTED = "until promoted"
ANALYSIS = "analysis"
NOTES = {
    UNTIL_PROMOTED: "promoted here automatically",
    ANALYSIS: "taken as a success at once",
}
_PAUSE_WORDS = {UNTIL_PROMOTED: "pause until promoted", ANALYSIS: "analysis decides"}


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything that a row is about, as it is at one moment."""

    index: int
    weight: int | None
    stable_wanted: int
    stable_pods: int
    canary_wanted: int
    canary_pods: int
    is_promoted: bool
    phase: str
    pause: str


def forecast(rollout: Manifest, *, start: datetime, ready_seconds: float = 10.0) -> tuple[Row, ...]:
    """Return what a new revision of this Rollout will go through, in order of time.

    Pauses without an end are shown and then promoted, with a note; so are steps of analysis,
    because nobody can measure a version that does not run yet.

    Args:
        rollout: the manifest; a missing selector or template is completed.
        start: when the new revision is deployed.
        ready_seconds: how long a pod takes from its creation to ready.

    Raises:
        InvalidSpec: the manifest has problems.
    """
    rollout = complete(rollout)
    problems = check_rollout(rollout)
    if problems:
        raise InvalidSpec(problems)
    stage = Stage(_without_analysis(rollout), ready_ms=int(ready_seconds * SECOND))
    stage.analysis_steps = analysis_steps(rollout)
    stage.deploy_first()
    stage.deploy_second()
    return tuple(replace(row, at=start + row.elapsed) for row in stage.rows)


def complete(rollout: Manifest) -> Manifest:
    """Return a Rollout that stands on its own: named, not paused, with a selector and template."""
    metadata, spec = rollout.get("metadata") or {}, dict(rollout.get("spec") or {})
    name = metadata.get("name") or "rollout"
    spec.pop("paused", None)
    selector = spec.setdefault("selector", {"matchLabels": {"app": name}})
    if "workloadRef" not in spec:
        labels = (selector or {}).get("matchLabels") or {"app": name}
        container = {"name": "app", "image": "app"}
        spec.setdefault(
            "template", {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        )
    return {
        "apiVersion": rollout.get("apiVersion", ROLLOUT.api_version),
        "kind": rollout.get("kind", ROLLOUT.kind),
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    }


def analysis_steps(rollout: Manifest) -> tuple[int, ...]:
    """Return the positions of the steps in which something is measured."""
    canary = rollout["spec"]["strategy"]["canary"] or {}
    return tuple(
        index for index, step in enumerate(canary.get("steps") or ()) if "analysis" in step
    )


def _without_analysis(rollout: Manifest) -> Manifest:
    """Put pauses in the place of analysis."""
    spec, measured = rollout["spec"], analysis_steps(rollout)
    canary = {
        key: each for key, each in (spec["strategy"]["canary"] or {}).items() if key != "analysis"
    }
    if measured:
        canary["steps"] = [
            {"pause": {}} if index in measured else step
            for index, step in enumerate(canary["steps"])
        ]
    return {**rollout, "spec": {**spec, "strategy": {**spec["strategy"], "canary": canary}}}


class Stage:
    """The world of one forecast, and the watcher of its one controller."""

    def __init__(self, rollout: Manifest, *, ready_ms: int) -> None:
        self.rows: list[Row] = []
        self.analysis_steps: tuple[int, ...] = ()
        self._rollout = rollout
        self._name: str = rollout["metadata"]["name"]
        self._canary: Manifest = rollout["spec"]["strategy"]["canary"] or {}
        self._steps: list[Manifest] = list(self._canary.get("steps") or ())
        nginx = (self._canary.get("trafficRouting") or {}).get("nginx") or {}
        one = nginx.get("stableIngress")
        self._ingresses: list[str] = [one] if one else list(nginx.get("stableIngresses") or ())
        prefix = nginx.get("annotationPrefix") or "nginx.ingress.kubernetes.io"
        self._weight_key = f"{prefix}/canary-weight"
        seeds = Seeds("forecast")
        self._clock = Clock()
        self._scheduler = Scheduler(self._clock, seeds.child("ties"))
        self._cluster = SimCluster(self._clock.now, uid_seed="forecast")
        self._mirror = Mirror(self._cluster, self._clock, history := History())
        self._mirror.pods = self._pods = Pods(
            self._cluster,
            self._scheduler,
            seeds.child("pods"),
            images={image_of(rollout): Image(ready_ms=ready_ms)},
            on_ready=self._pods_changed,
            spread=0,
        )
        self._cluster.server.on_write.append(self._wrote)
        self._process = Process(
            "controller",
            key_of(NAMESPACE, self._name),
            cluster=self._cluster,
            scheduler=self._scheduler,
            history=history,
            weather=Weather(Rates(), self._clock, seeds.child("weather")),
            random=seeds.child("process"),
            reconcile=reconcile_rollout,
            make_views=Views,
            watcher=self,
        )
        self._mirror.processes.append(self._process)
        self._first_hash = ""
        self._began_ms: int | None = None
        self._last: Sight | None = None
        self._promoted: set[int] = set()

    def deploy_first(self) -> None:
        """Bring the first revision up, as it stands before the forecast begins."""
        canary, metadata = self._canary, self._rollout["spec"]["template"].get("metadata") or {}
        selector = metadata.get("labels") or {}
        for name in (canary.get("stableService"), canary.get("canaryService")):
            if name:
                manifest = service(name)
                manifest["spec"]["selector"] = dict(selector)
                self._create(SERVICE, manifest)
        for name in self._ingresses:
            self._create(INGRESS, ingress(name, canary.get("stableService", "")))
        self._create(ROLLOUT, self._rollout)
        self._process.start()
        self._scheduler.run_until(LONGEST_MS, stop=self._is_done)
        self._first_hash = self._status().get("stableRS", "")

    def deploy_second(self) -> None:
        """Deploy a new revision and write down what happens until nothing does."""
        self._last = self._look()
        self._began_ms = self._clock.ms
        mark = {"metadata": {"annotations": {f"{PREFIX}forecast": "new revision"}}}
        self._edit({"spec": {"template": mark}})
        self._scheduler.run_until(self._began_ms + LONGEST_MS, stop=self._is_done)
        if not self._is_done() and self._last is not None:
            why = self._status().get("message") or "the rollout waits for something"
            self._add_row(self._last, f"nothing more happens: {why}")

    def _is_done(self) -> bool:
        status = self._status()
        return len(self.rows) >= ROW_COUNT_MAX or (
            self._process.is_settled
            and self._process.wake_at is None
            and status.get("phase") == "Healthy"
            and status.get("stableRS") not in {"", self._first_hash}
            and not any(fleet.wanted != len(fleet.pods) for fleet in self._pods.fleets.values())
        )

    # What the controller does

    def about_to_serve(self, process: Process) -> None:
        """Nothing needs to be known before a call."""

    def served(self, process: Process, call: Call, outcome: str) -> None:
        """Calls are seen by what they write."""

    def process_changed(self, process: Process, what: str) -> None:
        """The one controller starts once and never dies."""

    def broke(self, _process: Process, error: Exception, /) -> None:
        """Let a bug of the controller end the forecast loudly."""
        raise error

    def pass_ended(self, process: Process, outcome: str) -> None:
        """What counts is what a pass leaves behind, not that it ended."""

    def settled(self, _process: Process, /) -> None:
        """Write down what has changed whenever the controller comes to rest."""
        if self._began_ms is not None:
            self._compare()

    def _wrote(self, record: WriteRecord) -> None:
        kind = watched_kind(record)
        if kind is not None:
            self._mirror.take(kind, record)
            self._mirror.announce(kind)

    def _pods_changed(self, fleet: Fleet) -> None:
        """Pods are looked at when the controller has answered to them."""

    def _create(self, kind: Kind, manifest: Manifest) -> None:
        rt = self._cluster.type_of(kind)
        self._cluster.server.create(rt, NAMESPACE, manifest, field_manager=PERSON)

    def _edit(self, body: Manifest) -> None:
        rt = self._cluster.type_of(ROLLOUT)
        patch_type = str(PatchType.MERGE)
        self._cluster.server.patch(
            rt, NAMESPACE, self._name, body, patch_type, field_manager=PERSON
        )

    # What is written down

    def _status(self) -> Manifest:
        rollout = self._mirror.live.rollouts.get(self._name) or {}
        return rollout.get("status") or {}

    def _look(self) -> Sight:
        status = self._status()
        wanted, ready = [0, 0], [0, 0]
        for replica_set in self._mirror.live.sets.values():
            side = 0 if hash_of(replica_set) == self._first_hash else 1
            wanted[side] += replicas_of(replica_set)
            ready[side] += min(self._pods.ready(replica_set), replicas_of(replica_set))
        index = int(status.get("currentStepIndex") or 0)
        return Sight(
            index=index,
            weight=self._weight(),
            stable_wanted=wanted[0],
            stable_pods=ready[0],
            canary_wanted=wanted[1],
            canary_pods=ready[1],
            is_promoted=status.get("stableRS") != self._first_hash,
            phase=status.get("phase", ""),
            pause=self._describe_pause(index) if status.get("pauseConditions") else "",
        )

    def _weight(self) -> int | None:
        if not self._ingresses:
            return None
        name = f"{self._name}-{self._ingresses[0]}-canary"[:253]
        live = self._mirror.live.ingresses.get(name) or {"metadata": {}}
        return int((live["metadata"].get("annotations") or {}).get(self._weight_key) or 0)

    def _describe_pause(self, index: int) -> str:
        if index in self.analysis_steps:
            return ANALYSIS
        step = self._steps[index] if index < len(self._steps) else {}
        duration = (step.get("pause") or {}).get("duration")
        return UNTIL_PROMOTED if duration is None else format_duration(parse_duration(duration))

    def _compare(self) -> None:
        last, now = self._last, self._look()
        assert last is not None
        self._last = now
        what = "; ".join(_changes(last, now))
        is_open = now.pause in NOTES and now.index not in self._promoted
        if is_open:
            self._promoted.add(now.index)
            self._scheduler.after(
                0, lambda: self._edit({"metadata": {"annotations": {f"{PREFIX}promote": "true"}}})
            )
        if what:
            self._add_row(now, what, NOTES[now.pause] if is_open else "")

    def _add_row(self, sight: Sight, what: str, note: str = "") -> None:
        assert self._began_ms is not None
        elapsed = timedelta(seconds=(self._clock.ms - self._began_ms) // SECOND)
        count = len(self._steps)
        self.rows.append(
            Row(
                elapsed=elapsed,
                at=self._clock.now(),
                step=min(sight.index + 1, count),
                step_count=count,
                what=what,
                stable_pods=sight.stable_pods,
                canary_pods=sight.canary_pods,
                weight=sight.weight,
                note=note,
            )
        )


def _changes(last: Sight, now: Sight) -> list[str]:
    """Return in words what is different now."""
    words = []
    if now.canary_wanted != last.canary_wanted:
        words.append(f"canary scaled from {last.canary_wanted} to {_pods(now.canary_wanted)}")
    if now.canary_pods > last.canary_pods:
        words.append(f"{_pods(now.canary_pods)} of the canary ready")
    if now.weight != last.weight:
        words.append(f"canary weight from {last.weight} to {now.weight}")
    if now.is_promoted and not last.is_promoted:
        words.append("new revision is stable")
    if now.pause and (now.index, now.pause) != (last.index, last.pause):
        words.append(_PAUSE_WORDS.get(now.pause, f"pause of {now.pause}"))
    elif last.pause and not now.pause:
        words.append("analysis is over" if last.pause == ANALYSIS else "pause is over")
    if now.stable_wanted != last.stable_wanted:
        words.append(f"old revision scaled from {last.stable_wanted} to {now.stable_wanted}")
    elif now.stable_pods < last.stable_pods:
        words.append(f"{_pods(now.stable_pods)} of the old revision left")
    if now.phase == "Healthy" != last.phase:
        words.append("healthy")
    return words


def _pods(count: int) -> str:
    return "1 pod" if count == 1 else f"{count} pods"

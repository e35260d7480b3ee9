"""One AnalysisRun in virtual time: bad providers, a failing server, a process that dies.

The real pass is driven call by call. What providers truly brought is kept apart, so that an oracle
can hold what is stored against it.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from analysis_runs import EMPTY, INFINITE, NAN, SEVERAL, STALE, compile_condition, sample
from shell.front import definition

from rollouts.analysis.facts import Answer, Flight
from rollouts.api.refs import ANALYSIS_RUN, CRD, JOB, NAMESPACE, POD
from rollouts.controller.reconcile_run import Bench, reconcile_run
from rollouts.controller.run_views import RunViews
from rollouts.emulator import ApiError, ApiServer
from rollouts.kube.errors import ClusterError, Unavailable, Unknown
from rollouts.simulate.cluster import as_cluster_error
from rollouts.simulate.driver import Calls, Driver, Finished, Verb

EPOCH = datetime(2026, 3, 1, 6, 0, 0, tzinfo=UTC)
KEY = (ANALYSIS_RUN.kind, "shop", "canary")
MERGE = "application/merge-patch+json"
HOUR = 3_600_000
QUIET_AFTER = HOUR
END = 4 * HOUR

KINDS = {
    "good": lambda: sample(0.99),
    "bad": lambda: sample(0.1),
    "empty": lambda: EMPTY,
    "nan": lambda: NAN,
    "infinite": lambda: INFINITE,
    "several": lambda: SEVERAL,
    "stale": lambda: STALE,
    "error": lambda: "connection refused",
    "hangs": lambda: "no answer within 30s",
}


@dataclass(slots=True)
class Episode:
    """One measurement as it truly was."""

    metric: str
    kind: str
    started_at: datetime
    status: dict
    stepped: bool
    process: int
    ended_at: datetime | None = None
    delay_ms: int = 0


@dataclass(frozen=True)
class Scenario:
    """All that is drawn from a seed before anything happens."""

    manifest: dict
    crash_at: int | None = None  # the n-th call is the last of the first process
    crash_served: bool = False
    trouble: float = 0.1
    steps: tuple = ()  # (when, by how many ms the clock jumps)
    terminate_at: int | None = None
    weights: dict = field(default_factory=dict)
    crowd: int = 1  # runs that are being measured; the others are not played


def draw(seed):
    random = Random(f"scenario {seed}")
    metrics = [_draw_metric(random, index) for index in range(random.choice((1, 1, 2, 3)))]
    names = [each["name"] for each in metrics]
    spec = {"metrics": metrics}
    if random.random() < 0.2:
        spec["dryRun"] = [{"metricName": f"^{names[0]}$"}]
    if random.random() < 0.3:
        spec["ttlStrategy"] = {"secondsAfterCompletion": random.choice((0, 60, 600))}
    if random.random() < 0.3:
        spec["measurementRetention"] = [{"metricName": ".*", "limit": random.choice((1, 2, 30))}]
    bad = random.choice((0.0, 0.02, 0.1, 0.4))
    weights = dict.fromkeys(KINDS, bad) | {"good": 1.0}
    steps = ()
    if random.random() < 0.25:
        jump = random.choice((-HOUR, -5000, 5000, HOUR))
        steps = ((random.randrange(200_000), jump),)
    manifest = {
        "apiVersion": ANALYSIS_RUN.api_version,
        "kind": ANALYSIS_RUN.kind,
        "metadata": {
            "name": "canary",
            "namespace": "shop",
            "labels": {"rollout-type": "Background"},
            "annotations": random.choice(
                ({}, {}, {"rollouts.dev/no-data": "failure"}, {"rollouts.dev/no-data": "error"})
            ),
        },
        "spec": spec,
    }
    return Scenario(
        manifest=manifest,
        crash_at=random.choice((None, random.randrange(1, 20))),
        crash_served=random.random() < 0.5,
        trouble=random.choice((0.0, 0.05, 0.3)),
        steps=steps,
        terminate_at=random.choice((None, None, None, random.randrange(120_000))),
        weights=weights,
        crowd=random.choice((1, 150, 500, 5000)),
    )


def _draw_metric(random, index):
    name = ("latency", "errors", "load")[index]
    count = random.choice((1, 1, 2, 5, 12))
    made = {
        "name": name,
        "count": count,
        "successCondition": random.choice((">= 0.9", "first: >= 0.9")),
        "provider": {"web": {"url": "http://127.0.0.1/"}},
    }
    if count > 1 or random.random() < 0.3:
        made["interval"] = random.choice(("1s", "10s", "1m"))
    if random.random() < 0.3:
        made["initialDelay"] = random.choice(("5s", "30s"))
    for word in ("failureLimit", "inconclusiveLimit"):
        if random.random() < 0.3:
            made[word] = random.randrange(count + 1)
    if random.random() < 0.1:
        made["failureLimit"] = -1
    if random.random() < 0.2:
        made["consecutiveErrorLimit"] = random.randrange(3)
    if random.random() < 0.2:
        made["consecutiveSuccessLimit"] = random.randrange(1, count + 1)
    if random.random() < 0.25:
        pod = {"restartPolicy": "Never", "containers": [{"name": "load", "image": "load:1"}]}
        made["provider"] = {"job": {"spec": {"template": {"spec": pod}}}}
        del made["successCondition"]
    return made


class SimCluster(Calls):
    """The embedded cluster; calls are yielded and served on demand."""

    def __init__(self, clock):
        self.server = ApiServer(clock, track_ownership=False, uid_seed="analysis")
        crd = definition(ANALYSIS_RUN)
        del crd["spec"]["versions"][0]["subresources"]
        self.server.create(self.type_of(CRD), "", crd)
        self.server.create(self.type_of(NAMESPACE), "", {"metadata": {"name": "shop"}})

    def type_of(self, kind):
        return self.server.resource(kind.group, kind.version, kind.plural)

    def serve(self, call):
        rt, server = self.type_of(call.kind), self.server
        try:
            match call.verb:
                case Verb.PATCH:
                    return server.patch(
                        rt, "shop", call.name, call.body, MERGE, subresource=call.subresource
                    )
                case Verb.CREATE:
                    return server.create(rt, "shop", call.body)
                case Verb.GET:
                    return server.get(rt, "shop", call.name)
                case Verb.DELETE:
                    server.delete(rt, "shop", call.name, uid=call.uid)
                    return None
        except ApiError as error:
            raise as_cluster_error(error, call) from error
        raise AssertionError(f"nobody asks that: {call}")

    def find(self, kind, name):
        try:
            return self.server.get(self.type_of(kind), "shop", name)
        except ApiError:
            return None

    def all_jobs(self):
        return self.all(JOB)

    def all(self, kind):
        return self.server.list(self.type_of(kind), "shop").items


class Instruments:
    """Measures in virtual time; lost with its process."""

    def __init__(self, world):
        self.world = world
        self.taking = {}
        self.done = []
        self.is_dead = False

    def crowd(self):
        return self.world.scenario.crowd

    def flights(self, _uid):
        return tuple(flight for flight, _ in self.taking.values())

    def answers(self, _uid):
        return tuple(self.done)

    def start(self, _run, metric, at):
        delay = (at - self.world.wall()) // timedelta(milliseconds=1)
        self.taking[metric.name] = Flight(metric.name, metric.fingerprint, at, delay > 0), None
        if delay > 0:
            flight, _ = self.taking[metric.name]
            self.world.after(delay, lambda: self._begin_booked(metric, flight))
        else:
            self._begin(metric)

    def _begin_booked(self, metric, flight):
        known = self.taking.get(metric.name)
        if not self.is_dead and known is not None and known[0] is flight:
            self._begin(metric)

    def _begin(self, metric):
        world, random = self.world, self.world.random
        kinds, weights = zip(*world.scenario.weights.items(), strict=True)
        kind = random.choices(kinds, weights)[0]
        took = 30_000 if kind == "hangs" else random.choice((0, 1, 40, 900, 12_000))
        episode = world.begin(metric.name, kind)
        flight = Flight(metric.name, metric.fingerprint, episode.started_at)
        self.taking[metric.name] = flight, episode
        world.after(took, lambda: self._land(metric, episode))

    def _land(self, metric, episode):
        known = self.taking.get(metric.name)
        if self.is_dead or known is None or known[1] is not episode:
            return
        del self.taking[metric.name]
        episode.ended_at = self.world.wall()
        outcome = KINDS[episode.kind]()
        self.done.append(
            Answer(
                metric.name,
                metric.fingerprint,
                episode.started_at,
                episode.ended_at,
                outcome,
            )
        )
        self.world.wake()

    def cancel(self, _uid, metric):
        self.taking.pop(metric, None)

    def report(self, _uid, answer):
        self.done.append(answer)

    def forget(self, _uid, answers):
        self.done = [each for each in self.done if each not in answers]

    def drop(self, _key):
        self.taking.clear()
        self.done.clear()


class World:
    """Runs a scenario to its end; `oracle.violations` says what went wrong."""

    def __init__(self, seed, scenario=None, *, oracle):
        self.seed = seed
        self.scenario = scenario or draw(seed)
        self.random = Random(f"world {seed}")
        self.ms = 0
        self.offset = 0
        self.stepped = 0
        self.heap = []
        self.order = itertools.count()
        self.calls = 0
        self.passes = 0
        self.boots = 0
        self.episodes = []
        self.cluster = SimCluster(self.wall)
        self.cluster.server.on_write.append(self._wrote)
        self.oracle = oracle(self)
        self.cluster.server.create(
            self.cluster.type_of(ANALYSIS_RUN), "shop", self.scenario.manifest
        )
        self._boot()
        for when, jump in self.scenario.steps:
            self.after(when, lambda jump=jump: self._step(jump))
        if self.scenario.terminate_at is not None:
            self.after(self.scenario.terminate_at, self._terminate)

    # Time

    def wall(self):
        return EPOCH + timedelta(milliseconds=self.ms + self.offset)

    def after(self, delay, call):
        heapq.heappush(self.heap, (self.ms + delay, next(self.order), call))

    def run(self):
        while self.heap and self.heap[0][0] <= END and not self.oracle.violations:
            self.ms, _, call = heapq.heappop(self.heap)
            call()
            if self.passes > 5000:
                self.oracle.report("spin", f"{self.passes} passes")
        self.oracle.at_end()
        return self.oracle.violations

    def _step(self, jump):
        self.offset += jump
        self.stepped += 1
        self.wake()

    def _look_at_clock(self):
        self.planned_at = self.wall()
        return self.planned_at

    # The process

    def _boot(self):
        self.boots += 1
        self.views = RunViews(compile_condition)
        self.instruments = Instruments(self)
        self.driver = None
        self.dirty = False
        self.failures = 0
        self.wake_id = 0
        self.bench = Bench(
            views=self.views,
            cluster=self.cluster,
            instruments=self.instruments,
            clock=self._look_at_clock,
        )
        for kind, store in self._stores():
            store.replace(self.cluster.all(kind))
        self.wake()

    def _stores(self):
        return (
            (ANALYSIS_RUN, self.views.runs),
            (JOB, self.views.jobs),
            (POD, self.views.pods),
        )

    def crash(self):
        self.instruments.is_dead = True
        if self.driver is not None:
            self.driver.crash()
        self._boot()

    def wake(self):
        if self.driver is not None:
            self.dirty = True
            return
        self.wake_id += 1
        self.passes += 1
        self.driver = Driver(reconcile_run(KEY, self.bench))
        self._go(self.driver, self.driver.start)

    def _wake_at(self, when):
        mine = self.wake_id
        delay = max(0, -((self.wall() - when) // timedelta(milliseconds=1)))

        def ring():
            if mine == self.wake_id and self.driver is None:
                # A clock that was set back: the queue looks at the wall clock, too.
                self._wake_at(when) if self.wall() < when else self.wake()

        self.after(min(delay, 60_000), ring)

    def _go(self, driver, move):
        if driver is not self.driver:
            return
        try:
            step = move()
        except ClusterError:
            self._ended(None, failed=True)
            return
        if isinstance(step, Finished):
            self._ended(step.value, failed=False)
            return
        self.after(self.random.choice((0, 1, 5, 40)), lambda: self._serve(driver, step))

    def _ended(self, wake_at, *, failed):
        self.driver = None
        self.failures = self.failures + 1 if failed else 0
        if self.dirty:
            self.dirty = False
            self.after(500 if failed else 0, self._wake_if_idle)
        elif failed:
            self.after(min(200 * 2**self.failures, 30_000), self._wake_if_idle)
        if wake_at is not None:
            self._wake_at(wake_at)

    def _wake_if_idle(self):
        if self.driver is None:
            self.wake()

    def _serve(self, driver, call):
        if driver is not self.driver:
            return
        self.calls += 1
        is_last = self.calls == self.scenario.crash_at
        if is_last and not self.scenario.crash_served:
            self.crash()
            return
        trouble = self.scenario.trouble if self.ms < QUIET_AFTER else 0.0
        if self.random.random() < trouble:
            self._make_trouble(driver, call)
            return
        try:
            answer = self.cluster.serve(call)
        except ClusterError as error:
            if is_last:
                self.crash()
                return
            failed = error
            self._go(driver, lambda: driver.fail(failed))
            return
        if is_last:
            self.crash()
            return
        self._go(driver, lambda: driver.answer(answer))

    def _make_trouble(self, driver, call):
        match self.random.randrange(4):
            case 0:
                self._go(driver, lambda: driver.fail(Unavailable("busy")))
            case 1:  # done, but the answer is lost
                try:
                    self.cluster.serve(call)
                except ClusterError as error:
                    failed = error
                    self._go(driver, lambda: driver.fail(failed))
                else:
                    self._go(driver, lambda: driver.fail(Unknown("lost")))
            case 2:  # somebody else writes first
                self._touch()
                self._serve_plain(driver, call)
            case _:  # the server takes its time
                self.after(self.random.choice((2_000, 70_000)), lambda: self._late(driver, call))

    def _late(self, driver, call):
        if driver is self.driver:
            self._serve_plain(driver, call)

    def _serve_plain(self, driver, call):
        try:
            answer = self.cluster.serve(call)
        except ClusterError as error:
            failed = error
            self._go(driver, lambda: driver.fail(failed))
        else:
            self._go(driver, lambda: driver.answer(answer))

    # Everybody else

    def _touch(self):
        if self.cluster.find(ANALYSIS_RUN, "canary") is not None:
            body = {"metadata": {"annotations": {"touched": str(self.calls)}}}
            rt = self.cluster.type_of(ANALYSIS_RUN)
            self.cluster.server.patch(rt, "shop", "canary", body, MERGE)

    def _terminate(self):
        if self.cluster.find(ANALYSIS_RUN, "canary") is not None:
            rt = self.cluster.type_of(ANALYSIS_RUN)
            body = {"spec": {"terminate": True}}
            self.cluster.server.patch(rt, "shop", "canary", body, MERGE)

    def _wrote(self, record):
        kind = next(
            (each for each in (ANALYSIS_RUN, JOB, POD) if each.plural == record.rt.plural),
            None,
        )
        if kind is None:
            return
        old, new = record.old, record.new
        if kind == ANALYSIS_RUN:
            self.oracle.saw(old, new)
        elif kind == JOB and old is None:
            self._play_job(new)
        manifest = new if new is not None else old
        event = "DELETED" if new is None else "MODIFIED"
        views = self.views if hasattr(self, "views") else None
        self.after(
            self.random.choice((0, 0, 20, 300)), lambda: self._tell(views, kind, event, manifest)
        )

    def _tell(self, views, kind, event, manifest):
        if views is not self.views:
            return
        store = dict(self._stores())[kind]
        metadata = manifest["metadata"]
        if event == "DELETED":
            change = store.forget(metadata["namespace"], metadata["name"])
        else:
            change = store.observe(event, manifest)
        if change is not None and not (kind == ANALYSIS_RUN and views.is_echo(change)):
            self.wake()

    def _play_job(self, job):
        name = job["metadata"]["name"]
        kind = self.random.choices(
            ("good", "bad", "pull", "gone"), (6, *[6 * self.scenario.weights["bad"]] * 3)
        )[0]
        metric = job["metadata"]["annotations"]["analysisrun.argoproj.io/metric-name"]
        self.begin(metric, kind).status["job"] = name
        self.after(self.random.choice((50, 4000, 40_000)), lambda: self._end_job(name, kind))

    def _end_job(self, name, kind):
        server, rt = self.cluster.server, self.cluster.type_of(JOB)
        job = self.cluster.find(JOB, name)
        if job is None:
            return
        if kind == "gone":
            server.delete(rt, "shop", name)
            return
        if kind == "pull":
            self._break_pod(job)
            return
        now = self.wall().strftime("%Y-%m-%dT%H:%M:%SZ")
        words = (
            ("SuccessCriteriaMet", "Complete") if kind == "good" else ("FailureTarget", "Failed")
        )
        conditions = [{"type": word, "status": "True", "lastTransitionTime": now} for word in words]
        status = {"startTime": now, "conditions": conditions}
        if kind == "good":
            status |= {"completionTime": now, "succeeded": 1}
        server.patch(rt, "shop", name, {"status": status}, MERGE, subresource="status")

    def _break_pod(self, job):
        server, rt = self.cluster.server, self.cluster.type_of(POD)
        metadata = job["metadata"]
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": metadata["name"]}
        pod = {
            "metadata": {
                "name": f"pod-{next(self.order)}",
                "namespace": "shop",
                "labels": {
                    "analysisrun.argoproj.io/uid": metadata["labels"]["analysisrun.argoproj.io/uid"]
                },
                "ownerReferences": [owner | {"uid": metadata["uid"], "controller": True}],
            },
            "spec": {"containers": [{"name": "load", "image": "load:1"}]},
        }
        made = server.create(rt, "shop", pod)
        state = {"waiting": {"reason": "ImagePullBackOff"}}
        container = {"name": "load", "state": state, "ready": False, "restartCount": 0}
        status = {"containerStatuses": [container | {"image": "", "imageID": ""}]}
        name = made["metadata"]["name"]
        server.patch(rt, "shop", name, {"status": status}, MERGE, subresource="status")

    def begin(self, metric, kind):
        run = self.cluster.find(ANALYSIS_RUN, "canary") or {}
        episode = Episode(
            metric=metric,
            kind=kind,
            started_at=self.wall(),
            status={"seen": run.get("status") or {}},
            stepped=bool(self.stepped),
            process=self.boots,
        )
        self.episodes.append(episode)
        self.oracle.begun(episode, run)
        return episode

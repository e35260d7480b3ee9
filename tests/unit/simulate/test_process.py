"""A controller process: queue, back-off, wake-ups, crashes, and how news reaches it.

A toy reconcile copies the number of replicas into an annotation; it looks at nothing else.
"""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from rollouts.api.refs import ROLLOUT, SERVICE, ObjectRef
from rollouts.kube.errors import Conflict, NotFound, Unavailable
from rollouts.simulate.clock import MINUTE, SECOND, Clock
from rollouts.simulate.cluster import NAMESPACE, SimCluster
from rollouts.simulate.driver import Call, Verb
from rollouts.simulate.faults import SERVED, Fault, Rates, Verdict, Weather
from rollouts.simulate.history import History
from rollouts.simulate.mirror import Mirror, watched_kind
from rollouts.simulate.process import BACK_OFF_MS, CrashPoint, Moment, Process, key_of
from rollouts.simulate.scenario import Scenario, service
from rollouts.simulate.scheduler import Scheduler

REF = ObjectRef(ROLLOUT, NAMESPACE, "web")


class ToyViews:
    def __init__(self):
        self.held = {}
        self.objects = {}
        self.fed = []

    def feed(self, kind, event_type, manifest):
        self.fed.append((kind.kind, event_type))
        self.objects[kind.kind] = manifest
        return (key_of(NAMESPACE, "web"),) if kind == ROLLOUT else ()

    def wrote(self, kind, manifest):
        self.objects[kind.kind] = manifest

    def relist(self, kind, manifests):
        self.fed.append((kind.kind, "LIST"))
        for manifest in manifests:
            self.objects[kind.kind] = manifest
        return (key_of(NAMESPACE, "web"),) if manifests else ()


async def copy_replicas(key, views, cluster, clock):
    now = clock()
    rollout = views.objects.get("Rollout")
    if rollout is None:
        return None
    wanted = str(rollout["spec"]["replicas"])
    if (rollout["metadata"].get("annotations") or {}).get("copy") != wanted:
        views.wrote(
            ROLLOUT, await cluster.patch(REF, {"metadata": {"annotations": {"copy": wanted}}})
        )
    return now + timedelta(minutes=1)


class NoPods:
    def observe(self, old, new):
        """There are none."""


class Bench:
    """One process over a store, and a note of all that it does."""

    def __init__(self, reconcile=copy_replicas, crash_point=None, **rates):
        self.clock = Clock()
        self.scheduler = Scheduler(self.clock, Random(1))
        self.cluster = SimCluster(self.clock.now)
        self.history = History()
        self.mirror = Mirror(self.cluster, self.clock, self.history)
        self.mirror.pods = NoPods()
        self.cluster.server.on_write.append(self.wrote)
        of = {Fault(name.replace("_", "-")): rate for name, rate in rates.items()}
        self.weather = Weather(Rates(of), self.clock, Random(2))
        self.log = []
        self.made = []
        self.process = Process(
            "a",
            key_of(NAMESPACE, "web"),
            cluster=self.cluster,
            scheduler=self.scheduler,
            history=self.history,
            weather=self.weather,
            random=Random(3),
            reconcile=reconcile,
            make_views=self.make_views,
            watcher=self,
            crash_point=crash_point,
        )
        self.mirror.processes.append(self.process)

    def make_views(self):
        self.made.append(ToyViews())
        return self.made[-1]

    def wrote(self, record):
        kind = watched_kind(record)
        if kind is not None:
            self.mirror.take(kind, record)
            self.mirror.announce(kind)

    def about_to_serve(self, process):
        self.log.append("serves")

    def served(self, process, call, outcome):
        self.log.append((str(call), outcome))

    def pass_ended(self, process, outcome):
        self.log.append(("pass", outcome))

    def settled(self, process):
        self.log.append("settled")

    def process_changed(self, process, what):
        self.log.append(what)

    def broke(self, process, error):
        self.log.append(("broke", repr(error)))

    def create(self, replicas=3):
        manifest = Scenario(replicas=replicas).rollout()
        self.cluster.server.create(self.cluster.type_of(ROLLOUT), NAMESPACE, manifest)

    def scale(self, replicas):
        body = {"spec": {"replicas": replicas}}
        self.cluster.serve(Call(Verb.PATCH, ROLLOUT, NAMESPACE, "web", body, field_manager="me"))

    def run(self, ms):
        self.scheduler.run_until(self.clock.ms + ms, stop=lambda: False)

    def copy(self):
        return (self.cluster.find(REF)["metadata"].get("annotations") or {}).get("copy")

    def passes(self):
        return [entry for entry in self.log if entry[0] == "pass"]


def started(**facts):
    bench = Bench(**facts)
    bench.create()
    bench.process.start()
    return bench


def test_a_process_lists_everything_plans_it_and_settles():
    bench = started()
    bench.run(SECOND)

    assert bench.copy() == "3"
    assert bench.log[-1] == "settled"
    assert bench.process.is_settled


def test_a_change_is_heard_and_planned():
    bench = started()
    bench.run(SECOND)
    bench.scale(5)
    bench.run(SECOND)

    assert bench.copy() == "5"


def test_a_wake_up_comes_when_it_was_asked_for():
    bench = started()
    bench.run(SECOND)
    count = len(bench.passes())
    bench.run(58 * SECOND)
    before = len(bench.passes())
    bench.run(2 * SECOND)

    assert before == count
    assert len(bench.passes()) == count + 1


def test_a_host_that_is_behind_wakes_later():
    bench = started()
    bench.process.clock.offset_ms = -2 * SECOND
    bench.run(SECOND)
    bench.process.clock.offset_ms = -3 * SECOND
    woken = bench.process.wake_at

    assert bench.process.clock.to_world_ms(woken) > bench.clock.ms + 60 * SECOND


@pytest.mark.parametrize(("moment", "copied"), [(Moment.BEFORE, None), (Moment.AFTER, "3")])
def test_a_crash_comes_before_or_after_the_write(moment, copied):
    bench = started(crash_point=CrashPoint(0, moment))
    bench.run(SECOND)

    assert not bench.process.is_alive
    assert bench.copy() == copied
    assert bench.log[-1] == "dies: in the middle of a pass"


def test_a_crash_while_idle_comes_once_the_pass_is_over():
    bench = started(crash_point=CrashPoint(0, Moment.IDLE))
    bench.run(SECOND)

    assert bench.copy() == "3"
    assert bench.log[-1] == "dies: while idle"


def test_a_restart_knows_nothing_and_finishes_the_work():
    bench = started(crash_point=CrashPoint(0, Moment.BEFORE))
    bench.run(SECOND)
    bench.process.start()
    bench.run(SECOND)

    assert len(bench.made) == 2
    assert bench.copy() == "3"


def test_the_dead_hear_nothing():
    bench = started()
    bench.run(SECOND)
    bench.process.crash("for a test")
    bench.scale(7)
    bench.run(MINUTE)

    assert bench.copy() == "3"
    assert bench.process.wake_at is None


class Refusing:
    """Weather that refuses the first calls."""

    def __init__(self, weather, *verdicts):
        self._weather = weather
        self._verdicts = list(verdicts)

    def judge(self, call):
        return self._verdicts.pop(0) if self._verdicts else SERVED

    def __getattr__(self, name):
        return getattr(self._weather, name)


@pytest.mark.parametrize("error", [Conflict("409"), Unavailable("503")])
def test_a_failed_pass_is_tried_again_after_a_pause_that_grows(error):
    bench = started()
    refused = Verdict(refused=error, is_performed=False)
    bench.process._weather = Refusing(bench.weather, *[refused] * 3)
    bench.run(SECOND)

    assert bench.passes()[:3] == [("pass", str(error))] * 3
    assert bench.copy() == "3"
    assert list(BACK_OFF_MS) == sorted(BACK_OFF_MS)


def test_a_lost_answer_leaves_the_write():
    lost = Verdict(refused=Unavailable("lost"))
    bench = started()
    bench.process._weather = Refusing(bench.weather, lost)
    bench.run(20)

    assert bench.copy() == "3"
    assert bench.passes()[0] == ("pass", "lost")


def test_a_stalled_process_goes_on_later_with_what_it_was_about_to_do():
    bench = started()
    bench.process.stall(10 * SECOND)
    bench.run(9 * SECOND)
    stalled = bench.copy()
    bench.run(2 * SECOND)

    assert stalled is None
    assert bench.copy() == "3"


def test_a_broken_watch_loses_events_and_a_list_makes_good():
    bench = started()
    bench.run(SECOND)
    bench.process.feed.break_watch(ROLLOUT, 5 * SECOND)
    bench.scale(9)
    bench.run(4 * SECOND)
    before = bench.copy()
    bench.run(2 * SECOND)

    assert before == "3"
    assert bench.copy() == "9"
    assert bench.made[0].fed[-2:] == [("Rollout", "LIST"), ("Rollout", "MODIFIED")]


def test_a_process_with_a_broken_watch_is_not_settled():
    bench = started()
    bench.run(SECOND)
    bench.process.feed.break_watch(SERVICE, 5 * SECOND)

    assert not bench.process.is_settled


def test_events_of_one_kind_arrive_in_their_order_however_late():
    bench = started(lagging_view=1.0)
    for replicas in range(4, 10):
        bench.scale(replicas)
        bench.run(SECOND)
    bench.run(MINUTE)

    assert bench.copy() == "9"


def test_a_first_list_may_come_from_the_past_and_the_rest_follows():
    bench = Bench(stale_list=1.0)
    bench.create()
    rt = bench.cluster.type_of(SERVICE)
    bench.cluster.server.create(rt, NAMESPACE, service("web"))
    bench.process.start()
    bench.run(5 * SECOND)

    assert bench.copy() == "3"
    assert bench.weather.struck[Fault.STALE_LIST] >= 1


def test_a_bug_is_reported_and_does_not_stop_the_world():
    async def broken(key, views, cluster, clock):
        raise KeyError("spec")

    bench = started(reconcile=broken)
    bench.run(SECOND)

    assert ("broke", "KeyError('spec')") in bench.log
    assert not bench.process.is_settled


def test_a_wake_up_in_the_past_lets_time_pass():
    async def hurried(key, views, cluster, clock):
        return clock() - timedelta(hours=1)

    bench = started(reconcile=hurried)
    bench.run(100)

    assert 20 < len(bench.passes()) <= 100


def test_what_a_pass_has_seen_is_fixed_when_it_looks_at_the_clock():
    seen = []

    async def slow(key, views, cluster, clock):
        clock()
        for _ in range(3):
            await cluster.get(REF)
            seen.append(bench.process.current.seen.rollouts["web"]["spec"]["replicas"])

    bench = started(reconcile=slow)
    bench.scheduler.at(6, lambda: bench.scale(8))
    bench.run(SECOND)

    assert seen[0] == 3


def test_an_object_that_is_gone_is_forgotten():
    async def looks(key, views, cluster, clock):
        clock()
        try:
            await cluster.get(REF)
        except NotFound:
            return None
        return clock() + timedelta(seconds=1)

    bench = started(reconcile=looks)
    bench.run(SECOND)
    bench.cluster.server.delete(bench.cluster.type_of(ROLLOUT), NAMESPACE, "web")
    bench.run(5 * SECOND)

    assert bench.process.feed.seen.rollouts == {}
    assert bench.process.is_settled

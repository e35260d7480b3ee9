"""The whole controller against the emulated API server over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import aiohttp
import pytest
from shell.front import serve_front, until

from rollouts.api.refs import (
    ANALYSIS_TEMPLATE,
    CLUSTER_ANALYSIS_TEMPLATE,
    CONFIG_MAP,
    LEASE,
    ROLLOUT,
    Kind,
    ObjectRef,
)
from rollouts.controller.app import Controller
from rollouts.controller.settings import Settings
from rollouts.kube.errors import ClusterError, Forbidden, NotFound, Unavailable
from rollouts.kube.store import Store

FAST = {"lease_duration": 1.5, "renew_deadline": 1.0, "retry_period": 0.1}


class Sweeper:
    """A loop over ConfigMaps: each pass marks one as seen."""

    def __init__(self):
        self.hub = None
        self.log = []
        self.gate = None
        self.store = Store(lambda each: each)

    def install(self, hub):
        self.hub = hub
        hub.serve(CONFIG_MAP.kind, self.work, lane="sweep", workers=2, keys=self.keys)
        hub.follow(CONFIG_MAP, self.store, self.wake)

    def keys(self):
        for each in self.store.items():
            yield (CONFIG_MAP.kind, each["metadata"]["namespace"], each["metadata"]["name"])

    def wake(self, change):
        self.hub.wake((CONFIG_MAP.kind, change.namespace, change.name))

    async def work(self, key):
        self.log.append(key[2])
        known = self.store.get(key[1], key[2])
        if known is None or "seen" in (known["metadata"].get("annotations") or {}):
            return
        if self.gate is not None:
            await self.gate.wait()
        body = {"metadata": {"annotations": {"seen": "yes"}}}
        ref = ObjectRef(CONFIG_MAP, key[1], key[2])
        self.store.wrote(await self.hub.cluster.patch(ref, body))


class Running:
    def __init__(self, front, controller, stop, task, loop):
        self.front = front
        self.controller = controller
        self.stop = stop
        self.task = task
        self.loop = loop

    async def end(self):
        self.stop.set()
        await asyncio.wait_for(self.task, 20)

    async def fetch(self, name, path):
        url = f"http://127.0.0.1:{self.controller.probes.ports[name]}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status, await answer.text()

    def lease(self):
        spec = self.front.get(LEASE, "default", "rollouts-controller")["spec"]
        return {"holderIdentity": ""} | spec

    def seen(self, name):
        metadata = self.front.get(CONFIG_MAP, "default", name)["metadata"]
        return "seen" in (metadata.get("annotations") or {})


def config_map(name):
    return {"metadata": {"namespace": "default", "name": name}}


@contextlib.asynccontextmanager
async def controller(front, path, **settings):
    loop = Sweeper()
    ports = {"health_port": 0, "metrics_port": 0}
    made = Controller(
        Settings(kubeconfig=front.kubeconfig(path), **(FAST | ports | settings)),
        extensions=(loop.install,),
        probe_host="127.0.0.1",
    )
    made.probes._wanted = {"health": 0, "metrics": 0}  # any free port
    stop = asyncio.Event()
    task = asyncio.create_task(made.run(stop))
    running = Running(front, made, stop, task, loop)
    try:
        yield running
    finally:
        stop.set()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def _own_namespace(monkeypatch):
    monkeypatch.delenv("POD_NAMESPACE", raising=False)


def alone(tmp_path, story, **settings):
    async def main():
        async with serve_front() as front:
            front.install(ROLLOUT, ANALYSIS_TEMPLATE, CLUSTER_ANALYSIS_TEMPLATE)
            async with controller(front, tmp_path / "config", **settings) as running:
                return await story(running)

    return asyncio.run(main())


def test_it_takes_the_lease_works_and_gives_the_lease_up(tmp_path):
    async def story(running):
        running.front.create(CONFIG_MAP, config_map("a"))
        await until(lambda: running.seen("a"))
        held = running.lease()["holderIdentity"]
        await running.end()
        return held, running.lease()["holderIdentity"]

    held, released = alone(tmp_path, story)

    assert held
    assert released == ""


def test_everything_that_exists_is_looked_at_when_work_begins(tmp_path):
    async def main():
        async with serve_front() as front:
            front.install(ROLLOUT)
            for name in "abc":
                front.create(CONFIG_MAP, config_map(name))
            async with controller(front, tmp_path / "config") as running:
                await until(lambda: all(running.seen(name) for name in "abc"))

    asyncio.run(main())


def test_nothing_is_asked_of_the_server_while_nothing_changes_but_the_lease(tmp_path):
    async def story(running):
        for name in "abc":
            running.front.create(CONFIG_MAP, config_map(name))
        await until(lambda: all(running.seen(name) for name in "abc"))
        await asyncio.sleep(0.5)
        running.front.requests.clear()
        await asyncio.sleep(2)
        others = [each for each in running.front.requests if "leases" not in each[1]]
        return others, len(running.front.requests)

    others, leases = alone(tmp_path, story)

    assert others == []
    assert leases >= 5


def test_a_write_of_ours_does_not_wake_us_again(tmp_path):
    async def story(running):
        running.front.create(CONFIG_MAP, config_map("a"))
        await until(lambda: running.seen("a"))
        await asyncio.sleep(0.3)
        return running.loop.log

    assert alone(tmp_path, story) == ["a"]


def test_probes_tell_life_readiness_and_leadership(tmp_path):
    async def story(running):
        await until(lambda: running.controller.probes.ports)
        await until(lambda: running.controller.metrics.leader._value.get() == 1)
        running.front.create(CONFIG_MAP, config_map("a"))
        await until(lambda: running.seen("a"))
        return (
            await running.fetch("health", "/healthz"),
            await running.fetch("health", "/readyz"),
            await running.fetch("metrics", "/metrics"),
        )

    alive, ready, metrics = alone(tmp_path, story)

    assert alive == (200, "[+] queues\n[+] watches\nok\n")
    assert ready == (200, "[+] caches\n[+] running\nok\n")
    assert "rollouts_leader 1.0" in metrics[1]
    assert (
        'rollouts_api_requests_total{code="200",resource="configmaps",verb="patch"} 1.0'
        in metrics[1]
    )


def test_it_is_not_ready_and_does_not_lead_before_it_knows_everything(tmp_path):
    async def main():
        async with serve_front() as front:
            front.install(ROLLOUT)
            front.refuse = lambda method, path: 503 if path.endswith("/services") else None
            async with controller(front, tmp_path / "config") as running:
                await until(lambda: running.controller.probes.ports)
                await asyncio.sleep(0.3)
                before = await running.fetch("health", "/readyz")
                alive = await running.fetch("health", "/healthz")
                leases = [path for _, path, _ in front.requests if "leases" in path]
                front.refuse = lambda method, path: None
                await until(lambda: any("leases" in path for _, path, _ in front.requests))
                return before, alive[0], leases

    before, alive, leases = asyncio.run(main())

    assert before[0] == 503
    assert "[-] caches: waiting for Service.v1" in before[1]
    assert alive == 200
    assert leases == []


def test_of_two_only_the_leader_works_and_the_other_takes_over_at_once(tmp_path):
    async def main():
        async with serve_front() as front:
            front.install(ROLLOUT)
            async with (
                controller(front, tmp_path / "one") as one,
                controller(front, tmp_path / "two") as two,
            ):
                await until(lambda: one.loop.store is not None and front.items(LEASE))
                front.create(CONFIG_MAP, config_map("a"))
                await until(lambda: one.loop.log or two.loop.log)
                await asyncio.sleep(0.5)
                leader, follower = (one, two) if one.loop.log else (two, one)
                idle = list(follower.loop.log)
                warm = len(follower.loop.store)
                status = (await follower.fetch("health", "/readyz"))[0]
                await leader.end()
                front.create(CONFIG_MAP, config_map("b"))
                await until(lambda: leader.seen("b"), seconds=1.0)
                return idle, warm, status, follower.loop.log

    idle, warm, status, after = asyncio.run(main())

    assert (idle, status) == ([], 200)
    assert warm >= 1
    assert sorted(dict.fromkeys(after)) == ["a", "b"]


def test_the_pass_in_hand_is_finished_before_the_end(tmp_path):
    async def story(running):
        running.loop.gate = asyncio.Event()
        running.front.create(CONFIG_MAP, config_map("a"))
        await until(lambda: running.loop.log)
        running.stop.set()
        await asyncio.sleep(0.3)
        ended = running.task.done()
        ready = await running.fetch("health", "/readyz")
        held = running.lease()["holderIdentity"]
        running.loop.gate.set()
        await running.end()
        return ended, ready, held, running.seen("a"), running.lease()["holderIdentity"]

    ended, ready, held, seen, after = alone(tmp_path, story)

    assert not ended
    assert ready == (503, "[+] caches\n[-] running: stopping\nfailed\n")
    assert held
    assert seen
    assert after == ""


def test_a_pass_that_does_not_end_is_not_waited_for_longer_than_allowed(tmp_path):
    async def story(running):
        running.loop.gate = asyncio.Event()
        running.front.create(CONFIG_MAP, config_map("a"))
        await until(lambda: running.loop.log)
        running.stop.set()
        started = asyncio.get_running_loop().time()
        await running.task
        return asyncio.get_running_loop().time() - started, running.lease()["holderIdentity"]

    seconds, holder = alone(tmp_path, story, shutdown_seconds=1.0)

    assert seconds < 3
    assert holder == ""


def test_losing_the_lease_stops_work_and_a_late_pass_may_not_write(tmp_path):
    async def story(running):
        running.loop.gate = asyncio.Event()
        running.front.create(CONFIG_MAP, config_map("a"))
        await until(lambda: running.loop.log)
        running.front.refuse = lambda method, path: 503 if "leases" in path else None
        await asyncio.sleep(2.0)  # longer than the lease
        running.loop.gate.set()
        await asyncio.sleep(0.3)
        wrote = running.seen("a")
        running.front.refuse = lambda method, path: None
        await until(lambda: running.seen("a"))
        return wrote

    assert alone(tmp_path, story) is False


def test_without_leader_election_there_is_no_lease(tmp_path):
    async def story(running):
        running.front.create(CONFIG_MAP, config_map("a"))
        await until(lambda: running.seen("a"))
        return [path for _, path, _ in running.front.requests if "leases" in path]

    assert alone(tmp_path, story, leader_elect=False) == []


def test_a_server_that_is_away_for_a_while_loses_nothing(tmp_path):
    async def story(running):
        running.front.create(CONFIG_MAP, config_map("a"))
        await until(lambda: running.seen("a"))
        running.front.refuse = lambda method, path: 503
        running.front.create(CONFIG_MAP, config_map("b"))
        running.front.lose_history()
        await asyncio.sleep(0.5)
        running.front.refuse = lambda method, path: None
        await until(lambda: running.seen("b"))

    alone(tmp_path, story, lease_duration=15.0, renew_deadline=10.0)


def test_no_cluster_is_an_error_of_its_own(tmp_path):
    async def main():
        settings = Settings(kubeconfig=str(tmp_path / "none"), health_port=0, metrics_port=0)
        await Controller(settings).run(asyncio.Event())

    with pytest.raises(ClusterError, match="there is no kubeconfig"):
        asyncio.run(main())


def test_a_cluster_that_does_not_answer_is_an_error_of_its_own(tmp_path):
    async def main():
        async with serve_front() as front:
            path = front.kubeconfig(tmp_path / "config")
        settings = Settings(kubeconfig=path, health_port=0, metrics_port=0)
        await Controller(settings).run(asyncio.Event())

    with pytest.raises(Unavailable, match="cannot connect"):
        asyncio.run(main())


def test_a_part_that_breaks_ends_the_process(tmp_path, caplog):
    async def story(running):
        async def broken():
            await asyncio.sleep(0)
            raise RuntimeError("bug")

        await until(lambda: running.controller.hub is not None and running.front.watches)
        running.controller._spawn(broken(), "broken part")
        with pytest.raises(RuntimeError, match="bug"):
            await asyncio.wait_for(running.task, 10)

    alone(tmp_path, story)
    assert any(getattr(each, "part", "") == "broken part" for each in caplog.records)


def test_a_bug_in_one_object_does_not_stop_the_others(tmp_path, caplog):
    async def story(running):
        work = running.loop.work

        async def picky(key):
            if key[2] == "bad":
                raise KeyError("bug")
            return await work(key)

        await until(lambda: running.controller.hub is not None)
        running.controller.hub.reconcilers[CONFIG_MAP.kind] = picky
        running.front.create(CONFIG_MAP, config_map("bad"))
        running.front.create(CONFIG_MAP, config_map("good"))
        await until(lambda: running.seen("good"))

    alone(tmp_path, story)
    assert any(each.message == "pass broke" for each in caplog.records)


# -- watches that are added later ----------------------------------------------------------------

SECRET_LIKE = Kind("", "v1", "ServiceAccount", "serviceaccounts")


def test_any_kind_can_be_followed_later(tmp_path):
    async def story(running):
        front, events = running.front, []
        front.create(SECRET_LIKE, config_map("a"))
        await until(lambda: running.controller.hub is not None and front.watches)
        hub = running.controller.hub

        def told(event_type, manifest):
            events.append((event_type, manifest["metadata"]["name"]))

        await hub.ensure_informer(SECRET_LIKE, told)
        at_return = list(events)
        front.create(SECRET_LIKE, config_map("b"))
        await until(lambda: len(events) == 2)
        front.delete(SECRET_LIKE, "default", "a")
        await until(lambda: len(events) == 3)
        front.create(SECRET_LIKE, config_map("c"))
        front.lose_history("serviceaccounts")
        front.delete(SECRET_LIKE, "default", "b")
        await until(lambda: ("DELETED", "b") in events and ("ADDED", "c") in events)
        late = []
        await hub.ensure_informer(
            SECRET_LIKE, lambda event_type, manifest: late.append(manifest["metadata"]["name"])
        )
        watches = [plural for _, plural in front.watches if plural == "serviceaccounts"]
        return at_return, events[1:3], late, len(watches)

    at_return, then, late, watches = alone(tmp_path, story)

    assert at_return == [("ADDED", "a")]
    assert then == [("ADDED", "b"), ("DELETED", "a")]
    assert late == ["c"]
    # It may be between two connections at this moment; a second listener must not add one.
    assert watches <= 1


def test_a_kind_that_cannot_be_followed_says_so_and_harms_nobody(tmp_path, caplog):
    nothing = Kind("x.io", "v1", "Nothing", "nothings")

    async def story(running):
        await until(lambda: running.controller.hub is not None and running.front.watches)
        hub = running.controller.hub
        with pytest.raises(NotFound):
            await hub.ensure_informer(nothing, lambda *_: None)
        running.front.refuse = lambda method, path: 403 if "secrets" in path else None
        secrets = Kind("", "v1", "Secret", "secrets")
        with pytest.raises(Forbidden):
            await hub.ensure_informer(secrets, lambda *_: None)
        running.front.create(CONFIG_MAP, config_map("a"))
        await until(lambda: running.seen("a"))
        return (await running.fetch("health", "/healthz"))[0]

    assert alone(tmp_path, story) == 200


# -- Rollouts ------------------------------------------------------------------------------------

ROLLOUT_MANIFEST = {
    "metadata": {"namespace": "default", "name": "web"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "web:1"}]},
        },
        "strategy": {"canary": {}},
    },
}


def test_a_rollout_gets_its_replica_set_status_and_metrics(tmp_path, caplog):
    from rollouts.api.refs import REPLICA_SET

    caplog.set_level(logging.INFO)

    async def story(running):
        running.front.create(ROLLOUT, ROLLOUT_MANIFEST)
        await until(lambda: running.front.items(REPLICA_SET))
        await until(lambda: "status" in running.front.get(ROLLOUT, "default", "web"))
        (replica_set,) = running.front.items(REPLICA_SET)
        metrics = await running.fetch("metrics", "/metrics")
        running.front.delete(ROLLOUT, "default", "web")
        await until(lambda: not list(running.controller._samples()))
        await asyncio.sleep(0.2)
        after = await running.fetch("metrics", "/metrics")
        return replica_set["spec"]["replicas"], metrics[1], after[1]

    replicas, metrics, after = alone(tmp_path, story)

    assert replicas == 2
    assert 'rollout_info{name="web",namespace="default"' in metrics
    assert 'rollout_reconcile_count{name="web",namespace="default"}' in metrics
    assert 'name="web"' not in after

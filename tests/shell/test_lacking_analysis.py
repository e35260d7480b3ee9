"""A cluster in which nothing can be known of analysis: what it guards is held, the rest goes on."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime

import pytest
from builders import rollout_manifest
from shell.front import Front, definition, serve_front, until

from rollouts.analysis.sample import Sample
from rollouts.api.refs import (
    ANALYSIS_RUN,
    ANALYSIS_TEMPLATE,
    CLUSTER_ANALYSIS_TEMPLATE,
    CRD,
    REPLICA_SET,
    ROLLOUT,
)
from rollouts.controller.analysis_loop import AnalysisLoop
from rollouts.controller.app import Controller
from rollouts.controller.metric_sources import compile_condition
from rollouts.controller.settings import Settings
from rollouts.emulator import ApiServer
from rollouts.kube import standing

STEP = {"analysis": {"templates": [{"templateName": "errors"}]}}
STEPS = [{"setWeight": 20}, STEP, {"setWeight": 60}]
KINDS = (ROLLOUT, ANALYSIS_TEMPLATE, CLUSTER_ANALYSIS_TEMPLATE, ANALYSIS_RUN)
RUNS, TEMPLATES = "analysisruns", "analysistemplates"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """The pauses between tries are what is waited for; how many tries it takes stays."""
    monkeypatch.setattr(standing, "REFUSED_SECONDS", (0.02,))
    monkeypatch.setattr("rollouts.kube.informer.DELAYS_SECONDS", (0.02, 0.05))
    monkeypatch.setattr("rollouts.controller.queue.DELAYS_SECONDS", (0.05, 0.1))
    monkeypatch.setattr("rollouts.controller.queue.CHANGED_SECONDS_MAX", 0.05)
    monkeypatch.delenv("POD_NAMESPACE", raising=False)


class Source:
    """A provider that answers when a test lets it."""

    def __init__(self):
        self.may_answer = asyncio.Event()
        self.asked = 0

    async def sample(self, _query):
        self.asked += 1
        await self.may_answer.wait()
        return Sample(0, "0")

    async def close(self):
        """Hold nothing."""


class World:
    def __init__(self, front, source):
        self.front, self.source = front, source

    def define(self, kind):
        made = definition(kind, namespaced=kind.namespaced)
        if kind == ANALYSIS_RUN:
            del made["spec"]["versions"][0]["subresources"]
        self.front.create(CRD, made)

    def deploy(self, name, **spec):
        manifest = rollout_manifest(nginx=False, **({"replicas": 2} | spec))
        manifest["metadata"] = {"name": name, "namespace": "default"}
        self.front.create(ROLLOUT, manifest)

    def template(self):
        metric = {
            "name": "errors",
            "successCondition": "result < 1",
            "provider": {"web": {"url": "http://127.0.0.1/"}},
        }
        metadata = {"name": "errors", "namespace": "default"}
        self.front.create(ANALYSIS_TEMPLATE, {"metadata": metadata, "spec": {"metrics": [metric]}})

    def update(self, *names):
        containers = [{"name": "shop", "image": "shop:2"}]
        body = {"spec": {"template": {"spec": {"containers": containers}}}}
        for name in names:
            self.front.patch(ROLLOUT, "default", name, body)

    def status(self, name):
        return self.front.get(ROLLOUT, "default", name).get("status") or {}

    def message(self, name):
        return self.status(name).get("message") or ""

    def images(self, name):
        return {
            each["spec"]["template"]["spec"]["containers"][0]["image"]
            for each in self.front.items(REPLICA_SET)
            if each["metadata"]["ownerReferences"][0]["name"] == name
        }

    async def healthy(self, *names, image="shop:1"):
        def is_so(name):
            status, made = self.status(name), self.front.get(ROLLOUT, "default", name)
            is_current = status.get("observedGeneration") == str(made["metadata"]["generation"])
            is_whole = status.get("currentPodHash") == status.get("stableRS")
            return is_current and is_whole and status.get("phase") == "Healthy"

        await until(lambda: all(is_so(name) and image in self.images(name) for name in names))

    def lacking(self, *plurals):
        """Take the right to read away; without plurals, give it back."""

        def refuse(method, path):
            return 403 if method == "GET" and path.rpartition("/")[2] in plurals else None

        self.front.refuse = refuse
        for plural in plurals:
            self.front.drop_watches(plural)

    async def pods(self):
        """Play the kubelet: every pod that is wanted is there."""
        while True:
            for each in self.front.items(REPLICA_SET):
                metadata, count = each["metadata"], each["spec"]["replicas"]
                status = dict.fromkeys(
                    ("replicas", "readyReplicas", "availableReplicas"), count
                ) | {"observedGeneration": metadata["generation"]}
                if {key: (each.get("status") or {}).get(key, 0) for key in status} != status:
                    self.front.patch(
                        REPLICA_SET, "default", metadata["name"], {"status": status}, "status"
                    )
            await asyncio.sleep(0.01)


def run(story, tmp_path, *, missing=None, lacking=(), **more):
    async def main():
        front = Front(ApiServer(lambda: datetime.now(UTC), track_ownership=False))
        async with serve_front(front), asyncio.timeout(30):
            source = Source()
            world = World(front, source)
            for kind in KINDS:
                if kind != missing:
                    world.define(kind)
            world.lacking(*lacking)
            loop = AnalysisLoop(providers={"web": source}, compile_condition=compile_condition)
            settings = Settings(
                kubeconfig=front.kubeconfig(tmp_path / "config"),
                gitops=False,
                leader_elect=False,
                health_port=0,
                metrics_port=0,
                **more,
            )
            stop = asyncio.Event()
            controller = Controller(settings, extensions=(loop.install,), runs=loop.samples)
            tasks = [
                asyncio.create_task(controller.run(stop)),
                asyncio.create_task(world.pods()),
            ]
            try:
                return await story(world)
            finally:
                stop.set()
                tasks[1].cancel()
                await asyncio.wait_for(tasks[0], 20)
                with contextlib.suppress(asyncio.CancelledError):
                    await tasks[1]
                await loop.close()

    return asyncio.run(main())


RIGHT = "grant get, list and watch on {}.argoproj.io in all namespaces to this controller's account"
INSTALL = "install its definition: rollouts crds | kubectl apply --server-side -f -"


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({"lacking": [RUNS]}, ("what is measured cannot be seen", RIGHT.format(RUNS))),
        ({"missing": ANALYSIS_RUN}, ("analysisruns.argoproj.io is not served", INSTALL)),
        (
            {"lacking": [TEMPLATES]},
            ("AnalysisTemplate/errors cannot be read", RIGHT.format(TEMPLATES)),
        ),
        (
            {"missing": ANALYSIS_TEMPLATE},
            ("AnalysisTemplate/errors cannot be read", "is not served by this cluster", INSTALL),
        ),
    ],
    ids=["no right to runs", "no kind of runs", "no right to templates", "no kind of templates"],
)
def test_an_update_that_is_guarded_waits_for_what_is_missing_and_the_others_do_not(
    tmp_path, what, words
):
    async def story(world):
        if what.get("missing") != ANALYSIS_TEMPLATE:
            world.template()
        world.source.may_answer.set()
        world.deploy("guarded", steps=STEPS)
        world.deploy("plain", steps=[{"setWeight": 50}])
        await world.healthy("guarded", "plain")
        world.update("guarded", "plain")
        await until(lambda: "InvalidSpec" in world.message("guarded"))
        await world.healthy("plain", image="shop:2")
        said, images = world.message("guarded"), world.images("guarded")
        world.lacking()
        if "missing" in what:
            world.define(what["missing"])
        if what.get("missing") == ANALYSIS_TEMPLATE:
            world.template()
        await world.healthy("guarded", image="shop:2")
        runs = [each["status"]["phase"] for each in world.front.items(ANALYSIS_RUN)]
        return said, images, runs, world.message("guarded")

    said, images, runs, after = run(story, tmp_path, **what)

    assert [each for each in words if each not in said] == [], said
    assert images == {"shop:1"}
    assert runs == ["Successful"]
    assert "InvalidSpec" not in after


def test_a_right_that_is_taken_away_in_mid_update_holds_it_at_its_gate_until_it_is_back(tmp_path):
    async def story(world):
        world.template()
        world.deploy("guarded", steps=STEPS)
        await world.healthy("guarded")
        world.update("guarded")
        await until(lambda: world.source.asked)
        world.lacking(RUNS)
        await until(lambda: "cannot be seen" in world.message("guarded"))
        # What the run says meanwhile is not known to the Rollout, however good it is.
        world.source.may_answer.set()
        await asyncio.sleep(0.3)
        held = world.status("guarded")
        world.lacking()
        await world.healthy("guarded", image="shop:2")
        return held, world.source.asked, len(world.front.items(ANALYSIS_RUN))

    held, asked, runs = run(story, tmp_path)

    assert held["currentStepIndex"] == 1
    assert held["canary"]["currentStepAnalysisRunStatus"]["name"]
    assert (asked, runs) == (1, 1)


def test_a_guarded_rollout_that_rests_is_scaled_whatever_is_missing(tmp_path):
    async def story(world):
        world.deploy("guarded", steps=STEPS)
        await world.healthy("guarded")
        world.front.patch(ROLLOUT, "default", "guarded", {"spec": {"replicas": 3}})
        await until(lambda: world.status("guarded").get("availableReplicas") == 3)
        await world.healthy("guarded")
        return world.status("guarded")["conditions"]

    conditions = run(story, tmp_path, lacking=[RUNS, TEMPLATES])

    assert "InvalidSpec" not in {each["type"] for each in conditions}


def test_a_controller_of_one_namespace_says_that_it_reads_no_templates_of_the_cluster(tmp_path):
    async def story(world):
        wanted = {"templateName": "errors", "clusterScope": True}
        world.deploy("guarded", steps=[{"analysis": {"templates": [wanted]}}])
        await world.healthy("guarded")
        world.update("guarded")
        await until(lambda: "InvalidSpec" in world.message("guarded"))
        return world.message("guarded")

    said = run(story, tmp_path, namespace="default")

    assert (
        "ClusterAnalysisTemplate/errors cannot be read: this controller works in namespace default "
        "alone; use an AnalysisTemplate" in said
    )

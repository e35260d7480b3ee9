"""A cluster that lacks a right, a definition or a subresource: said, worked around, recovered."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime

import aiohttp
import pytest
from builders import ingress_manifest, rollout_manifest, service_manifest
from shell.front import Front, definition, serve_front, until

from rollouts.api.refs import (
    ANALYSIS_TEMPLATE,
    CLUSTER_ANALYSIS_TEMPLATE,
    CRD,
    EVENT,
    INGRESS,
    LEASE,
    REPLICA_SET,
    ROLLOUT,
    SERVICE,
)
from rollouts.controller import operator
from rollouts.controller.app import Controller
from rollouts.controller.settings import Settings
from rollouts.emulator import ApiServer
from rollouts.kube import standing
from rollouts.kube.version import UnsupportedServer


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """The pauses between tries are what is waited for; how many tries it takes stays."""
    monkeypatch.setattr(standing, "REFUSED_SECONDS", (0.02,))
    monkeypatch.setattr(operator, "MISSING_SECONDS", (0.05,))
    monkeypatch.setattr("rollouts.kube.informer.DELAYS_SECONDS", (0.02, 0.05))
    monkeypatch.setattr("rollouts.controller.queue.DELAYS_SECONDS", (0.05, 0.1))
    monkeypatch.setattr("rollouts.controller.queue.CHANGED_SECONDS_MAX", 0.05)
    monkeypatch.delenv("POD_NAMESPACE", raising=False)


class Running:
    def __init__(self, front, controller):
        self.front = front
        self.controller = controller

    async def ready(self):
        """What the kubelet and a person with curl are told."""
        url = f"http://127.0.0.1:{self.controller.probes.ports['health']}/readyz"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status, await answer.text()

    async def until_told(self, code, words):
        async with asyncio.timeout(10):
            while True:
                told = await self.ready() if self.controller.probes.ports else (0, "")
                if told[0] == code and words in told[1]:
                    return told[1]
                await asyncio.sleep(0.02)

    def rollout(self, name, **spec):
        manifest = rollout_manifest(**spec)
        manifest["metadata"] = {"name": name, "namespace": "default"}
        self.front.create(ROLLOUT, manifest)

    def sets(self, rollout):
        return [
            each
            for each in self.front.items(REPLICA_SET)
            if each["metadata"]["ownerReferences"][0]["name"] == rollout
        ]

    def message(self, name):
        return self.front.get(ROLLOUT, "default", name).get("status", {}).get("message", "")

    def lacking(self, *plurals, verbs=("GET",)):
        """Take rights away; without plurals, give all of them back."""

        def refuse(method, path):
            parts = path.split("/")
            return 403 if method in verbs and any(each in parts for each in plurals) else None

        self.front.refuse = refuse


@contextlib.asynccontextmanager
async def running(tmp_path, *, installed=True, lacking=(), subresources=True):
    front = Front(ApiServer(lambda: datetime.now(UTC), track_ownership=False))
    async with serve_front(front):
        front.install(ANALYSIS_TEMPLATE)
        front.create(CRD, definition(CLUSTER_ANALYSIS_TEMPLATE, namespaced=False))
        if installed:
            made = definition(ROLLOUT)
            if not subresources:
                del made["spec"]["versions"][0]["subresources"]
            front.create(CRD, made)
        settings = Settings(kubeconfig=front.kubeconfig(tmp_path / "config"), gitops=False)
        controller = Controller(settings, probe_host="127.0.0.1")
        controller.probes._wanted = {"health": 0, "metrics": None}
        one = Running(front, controller)
        one.lacking(*lacking)
        stop = asyncio.Event()
        task = asyncio.create_task(controller.run(stop))
        try:
            yield one
        finally:
            stop.set()
            await asyncio.wait_for(task, 20)


def run(story, tmp_path, **options):
    async def main():
        async with running(tmp_path, **options) as one:
            return await story(one)

    return asyncio.run(main())


def test_without_the_right_to_ingresses_rollouts_without_a_router_are_served(tmp_path):
    async def story(one):
        one.rollout("plain", nginx=False)
        await until(lambda: one.sets("plain"))
        said = await one.until_told(200, "[!] cluster:")
        one.front.create(SERVICE, moved(service_manifest("shop-stable")))
        one.front.create(SERVICE, moved(service_manifest("shop-canary")))
        one.front.create(INGRESS, moved(ingress_manifest()))
        one.rollout("routed")
        await until(lambda: one.message("routed"))
        blind, sets = one.message("routed"), one.sets("routed")
        one.lacking()
        await until(lambda: one.sets("routed"))
        await one.until_told(200, "ok")
        return said, blind, sets, (await one.ready())[1]

    said, blind, sets, after = run(story, tmp_path, lacking=["ingresses"])

    assert (
        "[!] cluster: ingresses.networking.k8s.io may not be read; grant get, list and watch on "
        "ingresses.networking.k8s.io in all namespaces to this controller's account" in said
    )
    assert 'ingress "shop" cannot be read: the controller lacks a right; grant' in blind
    assert sets == []
    assert "[!]" not in after


def moved(manifest):
    kept = {"name": manifest["metadata"]["name"], "namespace": "default"}
    return manifest | {"metadata": kept}


@pytest.mark.parametrize("plural", ["replicasets", "rollouts"])
def test_without_the_right_to_what_all_rollouts_need_it_is_not_ready_and_waits(tmp_path, plural):
    async def story(one):
        one.rollout("plain", nginx=False)
        said = await one.until_told(503, "rollouts are not served")
        # It competes for the Lease all the same: other lanes may have work.
        await until(lambda: one.front.items(LEASE))
        await asyncio.sleep(0.2)
        before = one.sets("plain")
        one.lacking()
        await until(lambda: one.sets("plain"))
        await one.until_told(200, "ok")
        return said, before

    said, before = run(story, tmp_path, lacking=[plural])

    assert f"{plural}." in said
    assert "grant get, list and watch on" in said
    assert before == []


def test_a_right_that_is_taken_away_holds_all_rollouts_until_it_is_back(tmp_path):
    async def story(one):
        one.rollout("first", nginx=False)
        await until(lambda: one.sets("first"))
        one.lacking("replicasets")
        one.front.drop_watches("replicasets")
        await one.until_told(503, "rollouts are not served")
        one.rollout("second", nginx=False)
        await asyncio.sleep(0.3)
        held = one.sets("second")
        one.lacking()
        await until(lambda: one.sets("second"))
        return held

    assert run(story, tmp_path) == []


def test_a_write_that_is_refused_is_told_at_the_rollout_and_by_readyz(tmp_path):
    async def story(one):
        one.lacking("replicasets", verbs=["POST"])
        one.rollout("plain", nginx=False)
        said = await one.until_told(200, "1 refused, such as Rollout/default/plain")
        await until(lambda: one.front.items(EVENT))
        events = [each for each in one.front.items(EVENT) if each["reason"] == "RolloutRefused"]
        one.lacking()
        await until(lambda: one.sets("plain"))
        await until(lambda: not one.controller.hub.refusals)
        return said, [each["message"] for each in events]

    said, messages = run(story, tmp_path)

    assert "create ReplicaSet/default/plain-" in said
    assert messages
    assert all(each.endswith("grant this right to the controller's account") for each in messages)


def test_a_definition_without_the_status_subresource_is_named_and_may_be_mended(tmp_path):
    async def story(one):
        one.rollout("plain", nginx=False)
        said = await one.until_told(200, "does not serve rollouts/status")
        await asyncio.sleep(0.3)
        asked = one.front.count(besides=("leases",))
        one.front.server.update(
            one.front.server.resource_for_kind(CRD.api_version, CRD.kind),
            "",
            "rollouts.argoproj.io",
            one.front.get(CRD, "", "rollouts.argoproj.io") | {"spec": definition(ROLLOUT)["spec"]},
        )
        await until(lambda: one.front.get(ROLLOUT, "default", "plain").get("status"))
        await until(lambda: not one.controller.hub.refusals)
        return said, asked

    said, asked = run(story, tmp_path, subresources=False)

    assert (
        "Rollout/default/plain/status" in said or "Rollout/default/plain: the server does" in said
    )
    assert "install its definition: rollouts crds | kubectl apply --server-side -f -" in said
    # It is tried now and then, not in a loop.
    assert asked < 100


def test_a_missing_definition_is_a_note_and_goes_when_it_is_installed(tmp_path):
    async def story(one):
        said = await one.until_told(200, "[!] cluster: rollouts.argoproj.io is not served")
        one.front.install(ROLLOUT)
        one.rollout("plain", nginx=False)
        await until(lambda: one.sets("plain"))
        return said, (await one.ready())[1]

    said, after = run(story, tmp_path, installed=False)

    assert "install its definition: rollouts crds | kubectl apply --server-side -f -" in said
    assert "[!]" not in after


def test_without_the_right_to_the_lease_nobody_leads_and_it_says_why(tmp_path):
    async def story(one):
        said = await one.until_told(200, "cannot lead: get Lease/default/rollouts-controller")
        one.lacking()
        one.rollout("plain", nginx=False)
        await until(lambda: one.sets("plain"))
        return said, (await one.ready())[1]

    said, after = run(story, tmp_path, lacking=["leases"])

    assert "grant get, create and update on leases in namespace default" in said
    assert "[!]" not in after


class Old(Front):
    def __init__(self, version):
        super().__init__()
        self.version = version

    async def _route(self, request, is_watch):
        if request.path == "/version":
            return self._json({"gitVersion": self.version})
        return await super()._route(request, is_watch)


def test_a_server_that_is_far_too_old_is_refused_before_anything_is_read(tmp_path):
    async def main():
        async with serve_front(Old("v1.21.14")) as front:
            settings = Settings(kubeconfig=front.kubeconfig(tmp_path / "config"), gitops=False)
            with pytest.raises(UnsupportedServer, match=r"v1\.21\.14, and 1\.25 is the oldest"):
                await Controller(settings).run(asyncio.Event())
            return {path for _, path, _ in front.requests}

    assert asyncio.run(main()) == {"/version"}


def test_a_server_that_is_rather_old_is_worked_with_after_a_warning(tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="rollouts")

    async def main():
        async with serve_front(Old("v1.30.2")) as front:
            front.install(ROLLOUT)
            settings = Settings(
                kubeconfig=front.kubeconfig(tmp_path / "config"),
                gitops=False,
                health_port=0,
                metrics_port=0,
            )
            stop = asyncio.Event()
            task = asyncio.create_task(Controller(settings).run(stop))
            await until(lambda: front.items(LEASE))
            stop.set()
            await asyncio.wait_for(task, 20)

    asyncio.run(main())
    (warned,) = [each for each in caplog.records if each.message == "old server"]

    assert warned.levelname == "WARNING"
    assert "v1.30.2, older than 1.34" in warned.detail

"""Actors in real time behind HTTP, and the log of requests."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import aiohttp
import pytest
from shell.emulator_wire import MAPS, MERGE, Wire, config_map, read_event, with_wire

from rollouts.emulator import ApiServer
from rollouts.emulator.actors import Runs, all_actors
from rollouts.emulator.http import real_clock, serve


def replica_set(name="web", replicas=5):
    labels = {"app": name}
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "c", "image": "web:1"}]},
            },
        },
    }


SETS = "/apis/apps/v1/namespaces/default/replicasets"


async def until_ready(wire, count):
    path = f"{SETS}?watch=1"
    ready = {}
    async with wire.watch(path) as stream:
        while sum(ready.values()) < count:
            event = (await read_event(stream))["object"]
            ready[event["metadata"]["name"]] = event.get("status", {}).get("readyReplicas", 0)


def test_actors_answer_to_writes():
    async def story(wire):
        await wire.post(SETS, replica_set())
        await until_ready(wire, 5)
        return len((await wire.get("/api/v1/pods"))["items"])

    assert with_wire(story, actors=True) == 5


def test_time_can_run_faster():
    async def main():
        clock = real_clock(600)
        server = ApiServer(clock)
        actors = all_actors(server, default=Runs(ready_after=timedelta(minutes=2)))
        running = await serve(server, actors, clock=clock, time_scale=600)
        async with aiohttp.ClientSession() as session:
            wire = Wire(running, server, session)
            began = asyncio.get_running_loop().time()
            await wire.post(SETS, replica_set(replicas=1))
            await asyncio.wait_for(until_ready(wire, 1), 20)
            took = asyncio.get_running_loop().time() - began
        await running.close()
        return took

    assert 0.15 < asyncio.run(main()) < 5


@pytest.mark.parametrize("scale", [0, -1])
def test_time_does_not_stand_still_or_run_back(scale):
    with pytest.raises(ValueError, match="must be positive"):
        real_clock(scale)


def test_requests_are_counted_by_what_and_by_whom():
    seen = []

    async def story(wire):
        await wire.post(MAPS, config_map(), Authorization="Bearer ann", User_Agent="tool/1")
        await wire.ask("PATCH", f"{MAPS}/a", {}, content_type=MERGE, Impersonate_User="bob")
        await wire.get(f"{MAPS}/missing")
        await wire.get("/version")
        log = wire.running.requests
        counts = (
            log.count(),
            log.count(verb="create", resource="configmaps", user="ann", user_agent="tool/1"),
            log.count(user="bob"),
            log.count(user="carl"),
        )
        last = log.records[-2]
        log.clear()
        return counts, last, log.count()

    counts, last, cleared = with_wire(story, on_request=seen.append)

    assert counts == (4, 1, 1, 0)
    assert (last.verb, last.resource, last.name, last.code) == ("get", "configmaps", "missing", 404)
    assert cleared == 0
    assert [record.verb for record in seen] == ["create", "patch", "get", "get"]
    assert seen[1].content_type == MERGE


def test_a_kubeconfig_names_server_and_user():
    async def story(wire):
        return wire.running.url, json.loads(wire.running.kubeconfig_text(user="ann"))

    url, document = with_wire(story)

    assert document["clusters"][0]["cluster"]["server"] == url
    assert url.startswith("http://127.0.0.1:")
    assert document["users"][0]["user"] == {"token": "ann", "as": "ann"}


def test_a_container_s_log_is_told():
    async def story(wire):
        await wire.post(SETS, replica_set(replicas=1))
        await until_ready(wire, 1)
        name = (await wire.get("/api/v1/pods"))["items"][0]["metadata"]["name"]
        path = f"/api/v1/namespaces/default/pods/{name}/log"
        wrong, said = await wire.ask("GET", f"{path}?container=none")
        return await wire.get(path), wrong.status, said["message"]

    text, code, message = with_wire(story, actors=True)

    assert text == "web:1 started\n"
    assert code == 400
    assert message.startswith("container none is not valid for pod web-")

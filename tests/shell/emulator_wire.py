"""A served cluster and a plain HTTP client, for tests of the wire."""

from __future__ import annotations

import asyncio
import io

import aiohttp
import orjson

from rollouts.emulator import ApiServer
from rollouts.emulator.actors import Runs, all_actors
from rollouts.emulator.http import real_clock, serve

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
MAPS = "/api/v1/namespaces/default/configmaps"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
WIDGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {
                    "status": {},
                    "scale": {
                        "specReplicasPath": ".spec.replicas",
                        "statusReplicasPath": ".status.replicas",
                    },
                },
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {"replicas": {"type": "integer"}},
                            }
                        },
                    }
                },
            }
        ],
    },
}


class Wire:
    """A served cluster and a plain HTTP client."""

    def __init__(self, running, server, session):
        self.running = running
        self.server = server
        self.session = session

    async def ask(self, method, path, body=None, *, content_type="application/json", **headers):
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes | None) else orjson.dumps(body)
        if data is not None:
            sent["Content-Type"] = content_type
            data = io.BytesIO(data)
        async with self.session.request(
            method, self.running.url + path, data=data, headers=sent
        ) as answer:
            text = await answer.read()
            is_json = answer.content_type == "application/json" and text
            return answer, orjson.loads(text) if is_json else text.decode(errors="replace")

    async def get(self, path, **headers):
        return (await self.ask("GET", path, **headers))[1]

    async def post(self, path, body, **options):
        return (await self.ask("POST", path, body, **options))[1]

    def watch(self, path, **headers):
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.session.get(self.running.url + path, headers=sent)


def with_wire(story, *, actors=False, **options):
    async def main():
        clock = options.pop("clock", None) or real_clock()
        server = ApiServer(clock)
        played = all_actors(server, default=Runs()) if actors is True else actors or ()
        running = await serve(server, played, clock=clock, **options)
        try:
            async with aiohttp.ClientSession() as session:
                return await asyncio.wait_for(story(Wire(running, server, session)), 30)
        finally:
            await running.close()

    return asyncio.run(main())


def config_map(name="a", **data):
    return {"metadata": {"name": name}, "data": data}


async def read_event(stream):
    return orjson.loads(await stream.content.readline())

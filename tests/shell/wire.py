"""A server that answers what a test tells it to, byte for byte, and notes what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

import orjson
from aiohttp import web

from rollouts.kube.client import connect

HANG = object()
DROP = object()


@dataclass
class Asked:
    method: str
    path: str
    query: dict
    headers: dict
    body: object


@dataclass
class Answer:
    status: int = 200
    body: object = field(default_factory=dict)
    headers: dict = field(default_factory=dict)


@dataclass
class Stream:
    """Chunks of bytes, sent as they are; a number is a pause, DROP cuts the connection."""

    chunks: list


def status(code, reason="", message="", **details):
    """What the API answers instead of an object."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
        "details": details,
    }
    return Answer(code, body)


class Wire:
    def __init__(self):
        self.asked = []
        self.answers = []
        self.url = ""
        self.port = 0
        self.busy = 0
        self.busy_max = 0
        self.gate = None
        self.moved = asyncio.Event()

    async def until_busy(self, count):
        """Wait until that many requests are being served."""
        while self.busy < count:
            self.moved.clear()
            await self.moved.wait()

    async def handle(self, request):
        raw = await request.read()
        self.asked.append(
            Asked(
                request.method,
                request.raw_path.partition("?")[0],
                dict(request.query),
                dict(request.headers),
                orjson.loads(raw) if raw else None,
            )
        )
        self.busy += 1
        self.busy_max = max(self.busy_max, self.busy)
        self.moved.set()
        try:
            if self.gate is not None:
                await self.gate.wait()
            return await self._answer(request)
        finally:
            self.busy -= 1

    async def _answer(self, request):
        answer = self.answers.pop(0) if self.answers else Answer(200, {"metadata": {}})
        if answer is HANG:
            await asyncio.sleep(60)
        if answer is DROP:
            request.transport.abort()
            return web.Response()
        if isinstance(answer, Stream):
            return await self._stream(request, answer.chunks)
        body = answer.body if isinstance(answer.body, bytes) else orjson.dumps(answer.body)
        return web.Response(
            status=answer.status,
            body=body,
            headers={"Content-Type": "application/json"} | answer.headers,
        )

    async def _stream(self, request, chunks):
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in chunks:
            if chunk is DROP:
                request.transport.abort()
                return response
            if isinstance(chunk, bytes):
                await response.write(chunk)
            else:
                await asyncio.sleep(chunk)
        return response

    def kubeconfig(self, path, user=None, *, server=None):
        """Write a kubeconfig file that points here."""
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [
                {"name": "test", "context": {"cluster": "wire", "user": "someone"}},
                {"name": "other", "context": {"cluster": "nowhere", "user": "someone"}},
            ],
            "clusters": [
                {"name": "wire", "cluster": {"server": server or self.url}},
                {"name": "nowhere", "cluster": {"server": "http://127.0.0.1:1"}},
            ],
            "users": [{"name": "someone", "user": user or {}}],
        }
        path.write_bytes(orjson.dumps(document))  # JSON is YAML
        return str(path)


@contextlib.asynccontextmanager
async def serve():
    wire = Wire()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{tail:.*}", wire.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    wire.port = runner.addresses[0][1]
    wire.url = f"http://127.0.0.1:{wire.port}"
    try:
        yield wire
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def connected(path, user=None, **options):
    """A server and a client of it."""
    async with serve() as wire:
        kubeconfig = wire.kubeconfig(path, user)
        cluster = await connect(kubeconfig=kubeconfig, **options)
        try:
            yield wire, cluster
        finally:
            await cluster.close()

"""What can go wrong between a controller and its API server, played by proxies on loopback."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections import Counter
from dataclasses import dataclass
from random import Random

import aiohttp
from aiohttp import web

EVENT_BYTES_MAX = 4 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
START_SECONDS_MAX = 10.0
OUTRUNS_MAX = 2
"""How often somebody else is faster, for each object: whoever loses every race never ends."""

HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}


class InThread:
    """Runs an event loop of its own in a thread; a context manager."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self.call(self._open())
        return self

    def __exit__(self, *_):
        self.call(self._close())
        self.call(_cancel_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_SECONDS_MAX)
        self._loop.close()

    def call(self, coroutine):
        """Run a coroutine on the proxy's loop and return what it returns."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(START_SECONDS_MAX)


async def _cancel_others():
    """End what still runs on this loop: connections that nobody closes."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for each in others:
        each.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class TcpProxy(InThread):
    """Passes bytes on, unless it is told to hold them back or to cut the connections.

    Attributes:
        url: where it listens; TLS goes through to the server unseen.
    """

    def __init__(self, address):
        super().__init__()
        self.url = ""
        self._address = address
        self._flowing = None
        self._listener = None
        self._writers = {}

    async def _open(self):
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"https://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"

    async def _close(self):
        self._listener.close()
        self._flowing.set()
        await self._cut()

    def stall(self):
        """Hold back every byte, in both directions, and leave the connections open."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def flow(self):
        """Pass on what was held back, and all that comes."""
        self._loop.call_soon_threadsafe(self._flowing.set)

    def cut(self):
        """Reset every connection."""
        self.call(self._cut())

    async def _cut(self):
        for each in list(self._writers):
            each.transport.abort()

    async def _serve(self, reader, writer):
        self._writers[writer] = None
        try:
            await self._flowing.wait()
            far_reader, far_writer = await asyncio.open_connection(*self._address)
            self._writers[far_writer] = None
            ways = ((reader, far_writer), (far_reader, writer))
            try:
                await asyncio.gather(*(self._pump(*way) for way in ways))
            finally:
                self._writers.pop(far_writer, None)
                far_writer.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._writers.pop(writer, None)
            writer.transport.abort()

    async def _pump(self, reader, writer):
        while data := await reader.read(CHUNK_BYTES):
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError("one side has ended, and so does the other")


@dataclass(frozen=True)
class Faults:
    """How many of a hundred requests go wrong, and how.

    Attributes:
        too_many: 429 with Retry-After, as API priority and fairness says it.
        broken: 500 of the server, which has done nothing.
        bad_gateway: 502 of something in between.
        overloaded: 503 with the server's own Status.
        lost: carried out, but the answer never arrives.
    """

    too_many: int = 0
    broken: int = 0
    bad_gateway: int = 0
    overloaded: int = 0
    lost: int = 0


class FaultProxy(InThread):
    """An HTTP proxy in front of the API server that answers some requests itself.

    Attributes:
        url: where it listens, without TLS.
        counts: how often each fault was played, and `expired` for watches that were told 410.
        outrun: somebody else changes an object just before the first few patches of it.
    """

    def __init__(self, cluster, faults=None, *, seed=0):
        super().__init__()
        self.url = ""
        self.counts = Counter()
        self.faults = faults or Faults()
        self.outrun = False
        self._outran = Counter()
        self._credentials = cluster.credentials
        self._random = Random(seed)
        self._server = cluster.site.url
        self._trust = ssl.create_default_context(cafile=str(cluster.site.certificate("ca.crt")))
        self._expiring = set()
        self._watches = {}

    async def _open(self):
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._trust),
            auto_decompress=False,
            read_bufsize=EVENT_BYTES_MAX,
        )
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        # A request that hangs at the end of a test is not worth waiting for.
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _close(self):
        await self._runner.cleanup()
        await self._session.close()

    def expire_watches(self):
        """End each watch as a server does whose history no longer reaches back far enough."""
        self.call(self._expire())

    async def _expire(self):
        for each in list(self._watches):
            each.set()

    async def _handle(self, request):
        body = await request.read()
        is_watch = request.query.get("watch") in {"1", "true"}
        fault = self._draw()
        if fault and fault != "lost":
            self.counts[fault] += 1
            return _answer_of(fault)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP}
        if self.outrun and request.method == "PATCH":
            await self._overtake(request.path)
        try:
            async with self._session.request(
                request.method,
                self._server + request.raw_path,
                data=body or None,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=None),
            ) as answer:
                if is_watch and answer.status == 200:
                    return await self._watch(request, answer)
                text = await answer.read()
        except aiohttp.ClientError:
            request.transport.abort()
            return web.Response()
        if answer.status == 410:
            self.counts["gone"] += 1
        if fault == "lost":
            self.counts["lost"] += 1
            request.transport.abort()
            return web.Response()
        kept = {k: v for k, v in answer.headers.items() if k.lower() not in HOP_BY_HOP}
        return web.Response(status=answer.status, body=text, headers=kept)

    async def _overtake(self, path):
        target, _, _ = path.partition("/status")
        if self._outran[path] >= OUTRUNS_MAX:
            return
        self._outran[path] += 1
        mark = {"test.rollouts.dev/faster": str(sum(self._outran.values()))}
        async with self._session.patch(
            self._server + target,
            json={"metadata": {"annotations": mark}},
            headers={**self._credentials, "Content-Type": "application/merge-patch+json"},
        ) as answer:
            assert answer.status == 200, await answer.text()
        self.counts[f"outran {target.split('/')[-2]}"] += 1

    async def _watch(self, request, answer):
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        expired = asyncio.Event()
        self._watches[expired] = None
        ending = asyncio.create_task(expired.wait())
        try:
            while True:
                line = asyncio.create_task(answer.content.readline())
                await asyncio.wait({line, ending}, return_when=asyncio.FIRST_COMPLETED)
                if expired.is_set():
                    line.cancel()
                    await asyncio.gather(line, return_exceptions=True)
                    await response.write(_EXPIRED)
                    self.counts["expired"] += 1
                    break
                data = line.result()
                if not data:
                    break
                if b'"ERROR"' in data[:40] and b'"code":410' in data:
                    self.counts["gone"] += 1
                await response.write(data)
            await response.write_eof()
        except (OSError, aiohttp.ClientError):
            request.transport.abort()
        finally:
            ending.cancel()
            self._watches.pop(expired, None)
        return response

    def _draw(self):
        drawn = self._random.uniform(0, 100)
        for name in Faults.__dataclass_fields__:
            drawn -= getattr(self.faults, name)
            if drawn < 0:
                return name
        return ""


def _status(code, reason, message, **details):
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "details": details,
        "code": code,
    }


def _answer_of(fault):
    match fault:
        case "too_many":
            text = "Too many requests, please try again later."
            return web.Response(status=429, text=text, headers={"Retry-After": "1"})
        case "broken":
            return web.json_response(
                _status(500, "InternalError", "etcdserver: leader changed"), status=500
            )
        case "bad_gateway":
            return web.Response(status=502, text="<html>502 Bad Gateway</html>")
        case "overloaded":
            text = "apiserver is shutting down"
            return web.json_response(_status(503, "ServiceUnavailable", text), status=503)
        case _:
            raise ValueError(fault)


_EXPIRED = (
    json.dumps(
        {
            "type": "ERROR",
            "object": _status(410, "Expired", "too old resource version: 1 (2)"),
        }
    ).encode()
    + b"\n"
)


def through(url, kubeconfig, path):
    """Write a kubeconfig of the same user that reaches the cluster by another address."""
    document = json.loads(kubeconfig.read_text())
    server = document["clusters"][0]["cluster"]
    server["server"] = url
    if url.startswith("http:"):
        server.pop("certificate-authority", None)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(document))
    return path

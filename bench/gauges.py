"""Numbers that a bench turns bad, served apart: scraped, or asked like a Prometheus."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Mapping
from multiprocessing.connection import Connection

from aiohttp import web

NAME = "gate_errors"
_QUERY = re.compile(rf'{NAME}{{namespace="([^"]*)"}}')


def metrics_text(values: Mapping[str, int]) -> str:
    """Return the numbers in the text format of Prometheus."""
    lines = (f'{NAME}{{namespace="{key}"}} {value}' for key, value in values.items())
    return "\n".join((f"# TYPE {NAME} gauge", *lines, ""))


class Gauges:
    """One number for each namespace, 0 until it is turned to 1."""

    def __init__(self, namespaces: Iterable[str]) -> None:
        self._values = dict.fromkeys(namespaces, 0)

    def fail(self, namespace: str) -> float:
        """Turn a number bad; return when."""
        self._values[namespace] = 1
        return time.time()

    def app(self) -> web.Application:
        """Return what is served."""
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_post("/api/v1/query", self._query)
        return app

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(text=metrics_text(self._values))

    async def _query(self, request: web.Request) -> web.Response:
        """Answer as a Prometheus would that has scraped just now."""
        form = await request.post()
        found = _QUERY.fullmatch(str(form["query"]).strip())
        if found is None:
            error = {"status": "error", "errorType": "bad_data", "error": "not a known query"}
            return web.json_response(error, status=400)
        key = found[1]
        point = [float(str(form["time"])), str(self._values[key])]
        rows = [{"metric": {"namespace": key}, "value": point}]
        data = {"resultType": "vector", "result": rows}
        return web.json_response({"status": "success", "data": data})


def main(pipe: Connection, namespaces: list[str]) -> None:
    """Serve on a free loopback port and obey, until the pipe breaks or says nothing."""
    asyncio.run(_serve(pipe, Gauges(namespaces)))


async def _serve(pipe: Connection, gauges: Gauges) -> None:
    runner = web.AppRunner(gauges.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pipe.send(runner.addresses[0][1])
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def take() -> None:
        try:
            namespace = pipe.recv()
        except (EOFError, OSError):
            namespace = ""
        if namespace:
            pipe.send(gauges.fail(namespace))
        else:
            loop.remove_reader(pipe.fileno())
            done.set_result(None)

    loop.add_reader(pipe.fileno(), take)
    await done
    await runner.cleanup()

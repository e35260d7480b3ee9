"""Serve health and metrics over HTTP, each on its own port."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rollouts.telemetry.health import Health
    from rollouts.telemetry.metrics import Metrics

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class ProbeServer:
    """Answers /healthz and /readyz on one port and /metrics on another (or the same).

    A port of None switches its server off; 0 lets the system choose, see `ports`.
    """

    def __init__(
        self,
        health: Health,
        metrics: Metrics,
        *,
        host: str | None = None,
        health_port: int | None = 8080,
        metrics_port: int | None = 8090,
    ) -> None:
        """Prepare; `start` opens the ports. A `host` of None means all addresses."""
        self.ports: dict[str, int] = {}
        self._health = health
        self._metrics = metrics
        self._host = host
        self._wanted = {"health": health_port, "metrics": metrics_port}
        self._runners: list[web.AppRunner] = []
        self._scrape = asyncio.Lock()

    @property
    def paths(self) -> tuple[str, ...]:
        """Return what is answered on the port of health."""
        return tuple(self._health_routes())

    async def start(self) -> None:
        """Open the ports.

        Raises:
            OSError: one is taken; the message names it.
        """
        health, metrics = self._wanted["health"], self._wanted["metrics"]
        routes = self._health_routes()
        if health is not None and health == metrics and health != 0:
            await self._open("health", health, {**routes, "/metrics": self._expose})
            self.ports["metrics"] = self.ports["health"]
            return
        if health is not None:
            await self._open("health", health, routes)
        if metrics is not None:
            await self._open("metrics", metrics, {"/metrics": self._expose})

    async def close(self) -> None:
        """Close the ports."""
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()

    def _health_routes(self) -> dict[str, Callable[[web.Request], Awaitable[web.Response]]]:
        return {
            "/healthz": self._answer(self._health.check_alive),
            "/livez": self._answer(self._health.check_alive),
            "/readyz": self._answer(self._health.check_ready),
        }

    async def _open(
        self,
        name: str,
        port: int,
        routes: dict[str, Callable[[web.Request], Awaitable[web.Response]]],
    ) -> None:
        app = web.Application()
        for path, handler in routes.items():
            app.router.add_get(path, handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        self._runners.append(runner)
        try:
            await web.TCPSite(runner, self._host, port).start()
        except OSError as error:
            raise OSError(f"cannot serve {name} on port {port}: {error.strerror}") from error
        self.ports[name] = runner.addresses[0][1]

    def _answer(
        self, check: Callable[[], tuple[bool, str]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(_request: web.Request) -> web.Response:
            healthy, text = check()
            return web.Response(status=200 if healthy else 503, text=text)

        return handle

    async def _expose(self, _request: web.Request) -> web.Response:
        # Ten thousand lines take a while to write: not on the loop that wakes rollouts up.
        async with self._scrape:
            render = self._metrics.prepare()
            body = await asyncio.to_thread(render)
        return web.Response(body=body, headers={"Content-Type": METRICS_TYPE})

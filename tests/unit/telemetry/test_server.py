"""What the kubelet and Prometheus get over HTTP."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from rollouts.telemetry.health import Health
from rollouts.telemetry.metrics import Metrics
from rollouts.telemetry.server import ProbeServer


async def fetch(port, path):
    url = f"http://127.0.0.1:{port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


def served(ask, health=None, **ports):
    async def main():
        server = ProbeServer(health or Health(), Metrics(), host="127.0.0.1", **ports)
        await server.start()
        try:
            return await ask(server)
        finally:
            await server.close()

    return asyncio.run(main())


def test_a_process_without_checks_is_alive_and_ready():
    async def ask(server):
        port = server.ports["health"]
        return [await fetch(port, path) for path in ("/healthz", "/livez", "/readyz")]

    assert served(ask, health_port=0, metrics_port=0) == [(200, "ok\n")] * 3


def test_a_failed_check_is_named():
    health = Health()
    health.alive["queues"] = lambda: ""
    health.ready["caches"] = lambda: "waiting for Service.v1"

    async def ask(server):
        port = server.ports["health"]
        return await fetch(port, "/healthz"), await fetch(port, "/readyz")

    alive, ready = served(ask, health, health_port=0, metrics_port=0)

    assert alive == (200, "[+] queues\nok\n")
    assert ready == (503, "[-] caches: waiting for Service.v1\nfailed\n")


def test_metrics_have_a_port_of_their_own():
    async def ask(server):
        metrics = await fetch(server.ports["metrics"], "/metrics")
        return metrics, await fetch(server.ports["health"], "/metrics")

    (status, text), (other, _) = served(ask, health_port=0, metrics_port=0)

    assert (status, other) == (200, 404)
    assert "rollouts_leader 0.0" in text


def test_a_port_can_be_switched_off():
    async def ask(server):
        return tuple(server.ports)

    assert served(ask, health_port=None, metrics_port=0) == ("metrics",)
    assert served(ask, health_port=None, metrics_port=None) == ()


def test_one_port_can_serve_both():
    async def ask(server):
        port = server.ports["health"]
        await server.close()
        both = ProbeServer(
            Health(), Metrics(), host="127.0.0.1", health_port=port, metrics_port=port
        )
        await both.start()
        try:
            return [(await fetch(port, path))[0] for path in ("/healthz", "/metrics")]
        finally:
            await both.close()

    assert served(ask, health_port=0, metrics_port=None) == [200, 200]


def test_a_port_that_is_taken_is_named():
    async def ask(server):
        port = server.ports["health"]
        second = ProbeServer(
            Health(), Metrics(), host="127.0.0.1", health_port=port, metrics_port=None
        )
        try:
            with pytest.raises(OSError, match=f"cannot serve health on port {port}: "):
                await second.start()
        finally:
            await second.close()

    served(ask, health_port=0, metrics_port=None)

"""One version of the demo's workload as a program: answers requests and counts its answers.

It listens on a free loopback port, prints that port, and ends when its standard input does, so
that nothing is left behind by a demo that was killed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

REVISION_LABEL = "rollouts_pod_template_hash"
"""The pod's label as Prometheus writes it; a pod would learn it by the downward API."""

OK, BROKEN = 200, 500


def is_among(number: int, percent: int) -> bool:
    """Tell whether the n-th of a row, counted from 0, is among an evenly spread percentage."""
    return (number + 1) * percent // 100 > number * percent // 100


def metrics_text(revision: str, answers: Mapping[int, int]) -> bytes:
    """Return counted answers in the text format of Prometheus.

    A code that was never answered has no line, as with every client library.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Answers(revision, answers))
    return generate_latest(registry)


def counters(revision: str, answers: Mapping[int, int]) -> dict[str, Any]:
    """Return counted answers as a JSON document; the share of no requests is null."""
    requests, errors = sum(answers.values()), _errors(answers)
    share = round(errors / requests, 4) if requests else None
    return {"revision": revision, "requests": requests, "errors": errors, "errorShare": share}


def _errors(answers: Mapping[int, int]) -> int:
    return sum(count for code, count in answers.items() if code >= BROKEN)


class _Answers(Collector):
    """Hands counted answers to the library that writes the format."""

    def __init__(self, revision: str, answers: Mapping[int, int]) -> None:
        self._revision = revision
        self._answers = answers

    def collect(self) -> Iterable[Metric]:
        labels = (REVISION_LABEL, "code")
        family = CounterMetricFamily("http_requests", "Requests that were answered.", labels=labels)
        for code, count in sorted(self._answers.items()):
            family.add_metric((self._revision, str(code)), count)
        yield family


class Version:
    """Answers every request, a percentage of them with an error."""

    def __init__(self, image: str, revision: str, error_percent: int) -> None:
        """Begin to count."""
        self._image = image
        self._revision = revision
        self._error_percent = error_percent
        self._answers: Counter[int] = Counter()

    def app(self) -> web.Application:
        """Return what is served."""
        app = web.Application()
        app.router.add_get("/", self._answer)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/counters/{revision}", self._counters)
        return app

    async def _answer(self, _: web.Request) -> web.Response:
        is_error = is_among(self._answers.total(), self._error_percent)
        code = BROKEN if is_error else OK
        self._answers[code] += 1
        return web.Response(status=code, text=f"{self._image}\n")

    async def _metrics(self, _: web.Request) -> web.Response:
        body = metrics_text(self._revision, self._answers)
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4"})

    async def _counters(self, request: web.Request) -> web.Response:
        if request.match_info["revision"] != self._revision:
            raise web.HTTPNotFound(text=f"this is revision {self._revision}\n")
        return web.json_response(counters(self._revision, self._answers))


async def _serve(version: Version) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    # Ctrl-C reaches the whole group; whoever started us ends us in its own order.
    loop.add_signal_handler(signal.SIGINT, lambda: None)

    def hear() -> None:
        if not os.read(sys.stdin.fileno(), 1):
            loop.remove_reader(sys.stdin.fileno())
            stop.set()

    loop.add_reader(sys.stdin.fileno(), hear)
    runner = web.AppRunner(version.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await stop.wait()
    finally:
        await runner.cleanup()


def main() -> None:
    """Serve one version until standard input ends."""
    parser = argparse.ArgumentParser(description="One version of the demo's workload.")
    parser.add_argument("image")
    parser.add_argument("revision")
    parser.add_argument("error_percent", type=int)
    args = parser.parse_args()
    asyncio.run(_serve(Version(args.image, args.revision, args.error_percent)))


if __name__ == "__main__":
    main()

"""A controller that measures over plain HTTP, to be run by the bench as a process of its own.

The provider and the language of conditions are as small as can be, so that what is measured is
the loop: finding what is due, asking, judging, writing.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from dataclasses import dataclass

import aiohttp
import uvloop

from rollouts.analysis.facts import ConditionError
from rollouts.analysis.sample import MeasurementError, Sample, Value
from rollouts.cli.run import GC_THRESHOLDS
from rollouts.controller.analysis_loop import AnalysisLoop
from rollouts.controller.app import Controller
from rollouts.controller.settings import Settings
from rollouts.metric_providers.provider import Query
from rollouts.telemetry.logs import set_up


@dataclass(frozen=True, slots=True)
class AtLeast:
    """`result >= <number>`."""

    bound: float
    reads_only_first: bool = False

    def evaluate(self, result: Value) -> bool:
        """Compare."""
        if not isinstance(result, int | float):
            raise ConditionError(f"cannot compare {result!r}")
        return result >= self.bound


def compile_condition(text: str, _provider: str) -> AtLeast:
    """Read the one form of condition that the bench uses."""
    return AtLeast(float(text.removeprefix("result >= ")))


class Web:
    """Asks over one pool of connections."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def sample(self, query: Query) -> Sample:
        """Fetch a number."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200))
        try:
            async with self._session.get(query.config["url"]) as answer:
                text = await answer.text()
        except aiohttp.ClientError as error:
            raise MeasurementError(f"web: {error}") from error
        return Sample(float(text), text)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()


async def serve(kubeconfig: str) -> None:
    """Run until told to stop."""
    stop = asyncio.Event()

    def handle_signals() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    handle_signals()
    web = Web()
    loop = AnalysisLoop(providers={"web": web}, compile_condition=compile_condition)
    settings = Settings(kubeconfig=kubeconfig, health_port=0, metrics_port=0, gitops=False)
    controller = Controller(
        settings, extensions=(loop.install,), runs=loop.samples, restore_signals=handle_signals
    )
    await controller.run(stop)
    await web.close()


if __name__ == "__main__":
    set_up(level="warning", log_format="text")
    gc.set_threshold(*GC_THRESHOLDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sys.argv[1]))

"""Actors in real time: woken by writes and by exact timers, never by polling."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rollouts.emulator.actors import run_round

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rollouts.emulator.actors import Actor
    from rollouts.emulator.engine import WriteRecord
    from rollouts.emulator.server import ApiServer

logger = logging.getLogger(__name__)

SLEEP_MAX = timedelta(hours=1)
"""Longer sleeps are cut in parts: a laptop that slept may find its timers late otherwise."""


def real_clock(scale: float = 1.0) -> Callable[[], datetime]:
    """Return a clock that starts now and runs `scale` times as fast as real time.

    Raises:
        ValueError: the scale is not positive.
    """
    if scale <= 0:
        raise ValueError(f"the time scale must be positive, not {scale}")
    start = datetime.now(UTC)  # noqa: TID251  # this is the clock that others are given
    if scale == 1:
        return lambda: datetime.now(UTC)  # noqa: TID251  # see above
    return lambda: start + (datetime.now(UTC) - start) * scale  # noqa: TID251  # see above


class ActorRunner:
    """Runs actors over one server until it is closed.

    Args:
        clock: the clock of the server, which actors are told.
        scale: how many seconds of that clock pass in a real one.
    """

    def __init__(
        self,
        server: ApiServer,
        actors: Sequence[Actor],
        *,
        clock: Callable[[], datetime],
        scale: float = 1.0,
    ) -> None:
        self._server = server
        self._actors = actors
        self._clock = clock
        self._scale = scale
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Begin; the actors first look at what is there already."""
        self._server.on_write.append(self._hear)
        self._task = asyncio.create_task(self._run(), name="emulator actors")
        self._task.add_done_callback(self._note_end)

    def wake(self) -> None:
        """Have the actors look again now: their behaviour was changed without any write."""
        self._woken.set()

    async def close(self) -> None:
        """Stop the actors; what they were about to do stays undone."""
        if self._hear in self._server.on_write:
            self._server.on_write.remove(self._hear)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _hear(self, _: WriteRecord) -> None:
        self._woken.set()

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        self.failure = task.exception()
        if self.failure is not None:
            logger.error("the actors of the embedded cluster stopped", exc_info=self.failure)

    async def _run(self) -> None:
        while True:
            busy, wake = run_round(self._actors, self._clock())
            if busy:
                # Requests get their turn between two rounds, however much the actors have to do.
                await asyncio.sleep(0)
                continue
            # Nothing is pending, so what was written up to here has been seen.
            self._woken.clear()
            try:
                async with asyncio.timeout(self._delay(wake)):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def _delay(self, wake: datetime | None) -> float | None:
        """Return real seconds until `wake`, or None to sleep until a write."""
        if wake is None:
            return None
        remaining = min(wake - self._clock(), SLEEP_MAX * self._scale)
        return max(0.0, remaining.total_seconds() / self._scale)

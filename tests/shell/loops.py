"""An event loop whose time jumps to the next timer, so that tests take no time and are exact."""

from __future__ import annotations

import asyncio
import selectors
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, tzinfo=UTC)


class _Selector(selectors.DefaultSelector):
    """Waits for nothing: where a real one would sleep, the loop's time moves on instead."""

    loop: FakeLoop

    def select(self, timeout=None):
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("the test waits for something that never happens")
            self.loop.now += timeout
        return ready


class FakeLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        self.now = 0.0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self):
        return self.now


def run(coroutine):
    """Run a test's coroutine in a loop of fake time."""
    with asyncio.Runner(loop_factory=FakeLoop) as runner:
        return runner.run(coroutine)


def clock():
    """Wall time that follows the fake loop."""
    return START + timedelta(seconds=asyncio.get_running_loop().time())


def at(seconds):
    return START + timedelta(seconds=seconds)


def elapsed():
    return asyncio.get_running_loop().time()

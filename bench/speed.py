"""How fast this machine is at the moment, so that figures of CPU can be compared.

The processor's name does not say it: a virtual machine gets a share of a core, and its neighbours
take most of the cache and of the memory's bandwidth, which Python feels more than anything else.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

ADDITIONS = 5_000_000
OBJECTS = 200_000
"""More than fits into a cache."""


def describe_speed() -> str:
    """Return what an addition costs, and a look-up in memory, by CPU time."""
    return f"{addition_ns():.0f} ns an addition, {look_up_ns():.0f} ns a look-up in memory"


def addition_ns() -> float:
    """Measure additions that need no memory."""

    def add() -> None:
        total = 0
        for each in range(ADDITIONS):
            total += each

    return _cpu_ns(add) / ADDITIONS


def look_up_ns() -> float:
    """Measure look-ups of objects that lie anywhere in memory."""
    objects = [{"number": number} for number in range(OBJECTS)]
    order = list(range(OBJECTS))
    random.Random(1).shuffle(order)  # an order, no secret

    def look_up() -> None:
        total = 0
        for index in order:
            total += objects[index]["number"]

    return _cpu_ns(look_up) / OBJECTS


def _cpu_ns(work: Callable[[], None]) -> float:
    began = time.process_time_ns()
    work()
    return time.process_time_ns() - began

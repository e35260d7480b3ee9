"""What the kernel says of a process and of this machine (Linux)."""

from __future__ import annotations

import os
import platform
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench.speed import describe_speed

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used so far, in user and kernel mode."""
    # The command's name stands in parentheses and may hold anything, spaces included.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def memory_mib(pid: int) -> tuple[float, float]:
    """Return the resident memory of a process: now, and at its highest."""
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return _mib(fields["VmRSS"]), _mib(fields["VmHWM"])


@dataclass(frozen=True, slots=True)
class Busyness:
    """How busy the machine and this process's family have been up to a moment, in seconds."""

    at: float
    machine: float
    ours: float

    @classmethod
    def now(cls, *pids: int) -> Self:
        """Look at the kernel's counters.

        Args:
            pids: children of ours that still run; the others count once they have ended.
        """
        fields = Path("/proc/stat").read_text().partition("\n")[0].split()[1:]
        # user, nice, system, idle, waiting for disks, then interrupts and what a hypervisor took.
        busy = sum(int(ticks) for index, ticks in enumerate(fields[:8]) if index not in {3, 4})
        usages = [
            resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ]
        ours = sum(usage.ru_utime + usage.ru_stime for usage in usages)
        ours += sum(cpu_seconds(pid) for pid in pids)
        return cls(time.monotonic(), busy / TICKS_PER_SECOND, ours)

    def strangers_percent(self, since: Busyness) -> float:
        """Return which share of all cores others had between two moments.

        It says how far the figures can be trusted: what is late or slow by the wall clock is so
        for a machine that was not ours alone.
        """
        others = (self.machine - since.machine) - (self.ours - since.ours)
        cores = len(os.sched_getaffinity(0))
        return max(0.0, 100 * others / ((self.at - since.at) * cores))


def describe_machine() -> dict[str, str]:
    """Say what the figures were measured on."""
    one, five, _ = os.getloadavg()
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "speed": describe_speed(),
        "load": f"{one:.1f} over one minute, {five:.1f} over five, before the first bench",
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _mib(text: str) -> float:
    return int(text.split(maxsplit=1)[0]) / 1024

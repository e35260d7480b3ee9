"""The demo's workload: each version a process of its own that serves HTTP on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp

START_SECONDS_MAX = 30.0
END_SECONDS_MAX = 5.0
ASK_SECONDS_MAX = 5.0


class WorkloadFailed(OSError):
    """A process of the workload does not serve; the message says which."""


@dataclass(frozen=True, slots=True)
class Version:
    """What is served: an image, the revision that bears it, and how many answers are errors."""

    image: str
    revision: str
    error_percent: int = 0

    @property
    def tag(self) -> str:
        """Return what people call it."""
        return self.image.rpartition(":")[2]


@dataclass(frozen=True, slots=True)
class Counted:
    """Requests that a version has answered, and the errors among them."""

    requests: int = 0
    errors: int = 0

    def since(self, before: Counted) -> Counted:
        """Return what came after an earlier count."""
        return Counted(self.requests - before.requests, self.errors - before.errors)

    def __str__(self) -> str:
        if not self.requests:
            return "no requests"
        share = round(100 * self.errors / self.requests)
        return f"{self.requests} requests, {self.errors} errors ({share} %)"


@dataclass(frozen=True, slots=True)
class Served:
    """A version that is served at an address."""

    version: Version
    host: str

    @property
    def url(self) -> str:
        """Return where users' requests go."""
        return f"http://{self.host}/"

    @property
    def counters_url(self) -> str:
        """Return where its own count stands as JSON, by revision."""
        return f"http://{self.host}/counters"

    async def counted(self, session: aiohttp.ClientSession) -> Counted:
        """Ask the process for its own count."""
        url = f"{self.counters_url}/{self.version.revision}"
        async with session.get(url, timeout=aiohttp.ClientTimeout(ASK_SECONDS_MAX)) as answer:
            answer.raise_for_status()
            document = await answer.json()
        return Counted(document["requests"], document["errors"])


@contextlib.asynccontextmanager
async def serve_version(version: Version) -> AsyncIterator[Served]:
    """Run one version and end it.

    Raises:
        WorkloadFailed: it does not come up.
    """
    command = (sys.executable, "-m", "rollouts.cli.demo_version")
    words = (version.image, version.revision, str(version.error_percent))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, *words, stdin=pipe, stdout=pipe)
    try:
        yield Served(version, await _host(process, version))
    finally:
        await end(process)


async def _host(process: asyncio.subprocess.Process, version: Version) -> str:
    assert process.stdout is not None, "asked for above"
    try:
        async with asyncio.timeout(START_SECONDS_MAX):
            line = await process.stdout.readline()
    except TimeoutError:
        line = b""
    if not line.strip():
        raise WorkloadFailed(f"the program that serves {version.image} does not come up")
    return f"127.0.0.1:{int(line)}"


async def end(process: asyncio.subprocess.Process) -> None:
    """End a process that we have started, and wait until it is gone."""
    if process.stdin is not None:
        process.stdin.close()
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(END_SECONDS_MAX):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()

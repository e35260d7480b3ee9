"""A real Prometheus beside the demo: on a free loopback port, its data in a temporary folder."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from rollouts.cli.demo_workload import WorkloadFailed, end

JOB = "myapp"
ATTEMPTS_MAX = 3
"""Somebody else may take the free port before Prometheus does."""

START_SECONDS_MAX = 30.0
LOOK_SECONDS = 0.1
LOG_LINES = 5


def config_text(targets: Mapping[str, str], interval: str) -> str:
    """Return Prometheus' configuration.

    Args:
        targets: host and port of each version, by its tag.
        interval: between two scrapes.
    """
    lines = [
        f"global: {{scrape_interval: {interval}, scrape_timeout: {interval}}}",
        "scrape_configs:",
        f"- job_name: {JOB}",
        "  static_configs:",
    ]
    for tag, host in targets.items():
        lines.append(f"  - {{targets: ['{host}'], labels: {{version: '{tag}'}}}}")
    return "\n".join((*lines, ""))


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A Prometheus that runs.

    Attributes:
        url: its address.
        version: what it calls itself.
    """

    url: str
    version: str

    async def scraped(self, session: aiohttp.ClientSession) -> set[str]:
        """Return the tags of the versions whose last scrape went well."""
        async with session.get(f"{self.url}/api/v1/targets?state=active") as answer:
            found = (await answer.json())["data"]["activeTargets"]
        return {each["labels"]["version"] for each in found if each["health"] == "up"}


@contextlib.asynccontextmanager
async def run_prometheus(binary: str, folder: Path, config: str) -> AsyncIterator[Prometheus]:
    """Run a Prometheus with a configuration and end it.

    Raises:
        WorkloadFailed: it does not come up; the message ends with its log.
    """
    path, log = _prepare(folder, config)
    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        for attempt in range(ATTEMPTS_MAX):
            host = f"127.0.0.1:{_free_port()}"
            flags = (
                f"--config.file={path}",
                f"--storage.tsdb.path={folder / f'data-{attempt}'}",
                f"--web.listen-address={host}",
            )
            process = await _start(binary, flags, log)
            stack.push_async_callback(end, process)
            version = await _version(session, f"http://{host}", process)
            if version:
                yield Prometheus(f"http://{host}", version)
                return
        raise WorkloadFailed(f"prometheus does not come up: {_last_lines(log)}")


def _prepare(folder: Path, text: str) -> tuple[Path, Path]:
    folder.mkdir(parents=True)
    path = folder / "prometheus.yml"
    path.write_text(text)
    return path, folder / "log"


async def _start(binary: str, flags: Iterable[str], log: Path) -> asyncio.subprocess.Process:
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            binary, *flags, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output
        )


async def _version(
    session: aiohttp.ClientSession, url: str, process: asyncio.subprocess.Process
) -> str:
    """Return the version of a Prometheus once it is ready; empty where it has ended or hangs."""
    loop = asyncio.get_running_loop()
    until = loop.time() + START_SECONDS_MAX
    while process.returncode is None and loop.time() < until:
        try:
            async with session.get(f"{url}/-/ready") as answer:
                is_ready = answer.status == 200
            if is_ready and process.returncode is None:
                async with session.get(f"{url}/api/v1/status/buildinfo") as answer:
                    return str((await answer.json())["data"]["version"])
        except aiohttp.ClientConnectionError:
            pass  # It does not listen yet.
        await asyncio.sleep(LOOK_SECONDS)
    return ""


def _last_lines(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])

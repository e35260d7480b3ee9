"""Runs a foreign program with a deadline, a bound on its output and no chance to outlive us."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

TIMEOUT_SECONDS = 60.0
"""Default deadline of one program."""

OUTPUT_BYTES_MAX = 64 * 1024 * 1024
"""Default bound on what one program may print: far above any listing we ask for."""

_ERROR_BYTES_KEPT = 16 * 1024  # The end of stderr says why; the rest is progress.
_CHUNK_BYTES = 256 * 1024
_FAREWELL_SECONDS = 5.0  # After SIGKILL only the kernel can delay; do not wait for it for ever.


class ProcessError(Exception):
    """A program could not be run to its end."""


class CannotStart(ProcessError):
    """The program is not there, or may not be executed."""


class TimedOut(ProcessError):
    """The program did not end in time and was killed with all its children."""


class OutputTooLarge(ProcessError):
    """The program printed more than its bound and was killed with all its children."""


@dataclass(frozen=True, slots=True)
class Command:
    """One program to run.

    Attributes:
        argv: never holds a secret: other users of the machine can read it.
        env: the whole environment; nothing is inherited.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False, default_factory=dict)
    directory: str | None = None
    stdin: bytes = field(repr=False, default=b"")
    timeout_seconds: float = TIMEOUT_SECONDS
    output_bytes_max: int = OUTPUT_BYTES_MAX


@dataclass(frozen=True, slots=True)
class Completed:
    """How a program ended; `stderr` is only its last kilobytes."""

    returncode: int
    stdout: bytes
    stderr: bytes


Runner: TypeAlias = Callable[[Command], Awaitable[Completed]]


async def run_process(command: Command) -> Completed:
    """Run a program to its end in a process group of its own.

    Raises:
        ProcessError: it could not start, was too slow, or printed too much. Whatever it
            started is killed by then, also when the caller is cancelled.
    """
    program = command.argv[0]
    try:
        process = await asyncio.create_subprocess_exec(
            *command.argv,
            stdin=asyncio.subprocess.PIPE if command.stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=command.directory,
            env=dict(command.env),
            start_new_session=True,
        )
    except OSError as error:
        raise CannotStart(f"cannot start {program}: {error.strerror or error}") from error
    try:
        async with asyncio.timeout(command.timeout_seconds):
            stdout, stderr, _ = await asyncio.gather(
                _read(process, command.output_bytes_max),
                _read_end(process),
                _feed(process, command.stdin),
            )
            returncode = await process.wait()
    except TimeoutError as error:
        await _bury(process)
        raise TimedOut(
            f"{program} did not finish within {command.timeout_seconds:g} seconds"
        ) from error
    except BaseException:  # Cancelled, above all: our children must not outlive our interest.
        await _bury(process)
        raise
    if stdout is None:
        await _bury(process)  # Unread output keeps a pipe open.
        raise OutputTooLarge(f"{program} printed more than {command.output_bytes_max} bytes")
    return Completed(returncode, stdout, stderr)


async def _feed(process: asyncio.subprocess.Process, data: bytes) -> None:
    """Write stdin; a program that stops reading says why by its exit code."""
    if process.stdin is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(data)
        await process.stdin.drain()
        process.stdin.close()
        await process.stdin.wait_closed()


async def _read(process: asyncio.subprocess.Process, bytes_max: int) -> bytes | None:
    """Return all of stdout, or None as soon as it exceeds its bound (the group is killed)."""
    assert process.stdout is not None
    chunks: list[bytes] = []
    size = 0
    while chunk := await process.stdout.read(_CHUNK_BYTES):
        size += len(chunk)
        if size > bytes_max:
            _kill_group(process)
            return None
        chunks.append(chunk)
    return b"".join(chunks)


async def _read_end(process: asyncio.subprocess.Process) -> bytes:
    """Return the last kilobytes of stderr."""
    assert process.stderr is not None
    end = b""
    while chunk := await process.stderr.read(_CHUNK_BYTES):
        end = (end + chunk)[-_ERROR_BYTES_KEPT:]
    return end


def _kill_group(process: asyncio.subprocess.Process) -> None:
    """Kill the program and everything it started."""
    with contextlib.suppress(ProcessLookupError):  # It ended by itself meanwhile.
        os.killpg(process.pid, signal.SIGKILL)


async def _bury(process: asyncio.subprocess.Process) -> None:
    """Leave no process and no open pipe behind."""
    _kill_group(process)
    # A descendant that left the group may hold a pipe open for ever: close our end. The
    # standard library offers no public way.
    process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001  # see above
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), _FAREWELL_SECONDS)
    await asyncio.sleep(0)  # Closing takes one turn of the loop.

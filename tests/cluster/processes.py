"""Start and end the processes of a test cluster, each with a log of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE_SECONDS = 60.0
END_SECONDS = 10.0


class DidNotStart(Exception):
    """A process ended early or did not answer in time; the message ends with its log's end."""


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback interface that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def start(program: Path, arguments: list[str], log: Path) -> int:
    """Start a process that outlives this one, and return its id."""
    appending = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), appending, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    # Not `subprocess`: its objects complain when what they started is still there at the end.
    return os.posix_spawn(
        program, [program.name, *arguments], os.environ, file_actions=files, setsid=True
    )


def is_running(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and was not waited for does not."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def program_of(pid: int, *, below: Path) -> Path | None:
    """Return the program that a process runs; None when it is none below a folder."""
    try:
        program = Path(f"/proc/{pid}/exe").readlink()
    except OSError:
        return None
    return program if program.is_relative_to(below) else None


def end(pid: int, *, how: signal.Signals = signal.SIGTERM) -> None:
    """End a process and wait until it has gone; it is killed when it takes too long."""
    if not is_running(pid):
        return
    os.kill(pid, how)
    try:
        wait_until(lambda: not is_running(pid), at_most=END_SECONDS, what=f"process {pid} to end")
    except DidNotStart:
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_running(pid), at_most=END_SECONDS, what=f"process {pid} to end")


def wait_until(
    is_so: Callable[[], bool], *, at_most: float, what: str, log: Path | None = None
) -> None:
    """Look until something is so.

    Raises:
        DidNotStart: it was not so for `at_most` seconds.
    """
    until = time.monotonic() + at_most
    while not is_so():
        if time.monotonic() > until:
            raise DidNotStart(f"waited {at_most:g} s for {what}{_tail(log)}")
        time.sleep(0.05)


def _tail(log: Path | None, lines: int = 15) -> str:
    if log is None or not log.exists():
        return ""
    return "; its log ends with:\n" + "\n".join(
        log.read_text(errors="replace").splitlines()[-lines:]
    )

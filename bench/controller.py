"""The controller as people run it: one `rollouts run` process, watched from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from bench.processes import cpu_seconds, memory_mib
from bench.workloads import ROOT

STOP_SECONDS_MAX = 25.0
"""A controller may take 20 for a graceful end."""

OWN_VARIABLES = ("KUBECONFIG", "POD_NAMESPACE")
"""Together with ROLLOUTS_*: what would change how a controller runs."""


class LaboratoryError(Exception):
    """A bench could not be carried out; the message says what did not happen."""


class Controller:
    """One `rollouts run` process.

    Attributes:
        started_at: wall time just before the process was started.
    """

    def __init__(self, kubeconfig: Path, directory: Path, flags: tuple[str, ...]) -> None:
        self._log = directory / "controller.log"
        self._health_port, self._metrics_port = free_ports(2)
        command = [sys.executable, "-m", "rollouts", "run", "--kubeconfig", str(kubeconfig)]
        command += ["--health-port", str(self._health_port)]
        command += ["--metrics-port", str(self._metrics_port), *flags]
        with self._log.open("ab") as log:
            self.started_at = time.time()
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=_environment(), stdout=log, stderr=log
            )

    @property
    def pid(self) -> int:
        """Return the process's id."""
        return self._process.pid

    def is_ready(self) -> bool:
        """Tell whether its readiness probe says so."""
        self.check()
        try:
            return bool(self._get(self._health_port, "/readyz"))
        except (urllib.error.URLError, OSError):
            return False

    def metrics(self) -> str:
        """Return its metrics as Prometheus would read them."""
        return self._get(self._metrics_port, "/metrics")

    def cpu_seconds(self) -> float:
        """Return the processor time it has used."""
        self.check()
        return cpu_seconds(self.pid)

    def memory_mib(self) -> tuple[float, float]:
        """Return its resident memory: now, and at its highest."""
        self.check()
        return memory_mib(self.pid)

    def check(self) -> None:
        """Raise if it has ended."""
        if self._process.poll() is not None:
            raise LaboratoryError(
                f"the controller has ended with {self._process.returncode}:\n{self.log_end()}"
            )

    def log_end(self) -> str:
        """Return the last lines of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])

    def stop(self) -> None:
        """End it in good order, so that the Lease is free."""
        if self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _get(self, port: int, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return str(answer.read().decode())


def free_ports(count: int) -> tuple[int, ...]:
    """Return loopback ports that were free a moment ago, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return tuple(each.getsockname()[1] for each in sockets)


def _environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name not in OWN_VARIABLES and not name.startswith("ROLLOUTS_")
    }

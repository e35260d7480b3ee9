"""The controller as users run it: `rollouts run` in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.error
import urllib.request

from tests.cluster.processes import free_ports, wait_until

START_SECONDS_MAX = 60.0
END_SECONDS_MAX = 30.0
GIT_POLL_SECONDS = 3
MEASURED_ADDRESSES = "*,127.0.0.0/8"
"""The default, and loopback, where the tests' metrics are."""

SHORT_LEASE = {"--lease-duration": "8", "--renew-deadline": "5", "--retry-period": "1"}
"""A process that dies is replaced after eight seconds and two looks at the Lease."""


class Controller:
    """One process, until `stop` or `kill`; a context manager.

    Attributes:
        log: where its output goes.
    """

    def __init__(self, kubeconfig, folder, *, instance="", flags=None):
        folder.mkdir(parents=True, exist_ok=True)
        self.instance = instance
        self.log = folder / "controller.log"
        self._folder = folder
        self._kubeconfig = kubeconfig
        self._flags = flags or {}
        self._process = None
        self._log_offset = 0
        self.start()

    def start(self):
        """Start the process and wait until it has read what there is."""
        (port,) = free_ports(1)
        flags = {
            "--kubeconfig": str(self._kubeconfig),
            "--metrics-port": "0",
            "--health-port": str(port),
            "--git-cache": str(self._folder / "git-cache"),
            "--git-poll": str(GIT_POLL_SECONDS),
            "--lease-namespace": "rollouts",
            "--metric-allowed-addresses": MEASURED_ADDRESSES,
            **({"--instance-id": self.instance} if self.instance else {}),
            **self._flags,
        }
        self._log_offset = self.log.stat().st_size if self.log.exists() else 0
        words = [word for pair in flags.items() for word in pair]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rollouts", "run", *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        ready = f"http://127.0.0.1:{port}/readyz"
        wait_until(
            lambda: self.check() or _is_ready(ready),
            at_most=START_SECONDS_MAX,
            what="the controller to be ready",
            log=self.log,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def is_leading(self):
        """Tell whether it has the Lease, as its log says."""
        words = ("leader leading ", "leadership lost")
        told = [line for line in self.text().splitlines() if any(word in line for word in words)]
        return bool(told) and words[0] in told[-1]

    def text(self):
        """Return what it has logged since it was started last."""
        return self.log.read_bytes()[self._log_offset :].decode(errors="replace")

    def check(self):
        """Fail if it has ended by itself."""
        code = self._process.poll()
        end = "\n".join(self.text().splitlines()[-15:])
        assert code is None, f"the controller has ended with {code}; its log ends with:\n{end}"

    def kill(self):
        """End it as a node that loses its power would."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self):
        """End it as an administrator would; it has to be gone in time."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(END_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.kill()
                raise


def _is_ready(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False

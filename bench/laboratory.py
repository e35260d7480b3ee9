"""Starts a cluster and controllers as processes, waits with bounds, and ends what it started."""

from __future__ import annotations

import contextlib
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from bench import cluster
from bench.calls import Call, Commit
from bench.controller import Controller, LaboratoryError
from bench.processes import Busyness
from bench.workloads import COPIED_KINDS
from rollouts.api.refs import LEASE, Kind, Manifest

__all__ = ["Controller", "Laboratory", "LaboratoryError"]

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from types import TracebackType

COMMAND_SECONDS_MAX = 60.0
"""The longest command creates several thousand objects."""

LOOK_SECONDS = 0.05
"""Pause between two looks at what is waited for: short beside every figure that it could blur."""


class Laboratory:
    """A cluster in a process of its own; a context manager."""

    def __init__(self, *, pod_ready_seconds: float | None = 0.2) -> None:
        """Prepare.

        Args:
            pod_ready_seconds: see `cluster.main`.
        """
        self._pod_ready_seconds = pod_ready_seconds
        self._controllers: list[Controller] = []
        self._stack: contextlib.ExitStack
        self._pipe: Connection
        self._process: multiprocessing.process.BaseProcess
        self._directory: Path

    @property
    def kubeconfig(self) -> Path:
        """Return the path of a kubeconfig for the cluster."""
        return self._directory / "kubeconfig"

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            made = tempfile.TemporaryDirectory(prefix="rollouts-bench-")
            self._directory = Path(stack.enter_context(made))
            # A fresh interpreter: a forked one would carry this process's memory and locks along.
            spawn = multiprocessing.get_context("spawn")
            self._pipe, theirs = spawn.Pipe()
            arguments = (theirs, str(self.kubeconfig), self._pod_ready_seconds)
            self._process = spawn.Process(target=cluster.main, args=arguments, daemon=True)
            self._process.start()
            theirs.close()
            stack.callback(self._end)
            self._receive("start")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @contextlib.contextmanager
    def controller(self, *flags: str) -> Iterator[Controller]:
        """Run a controller and end it."""
        running = Controller(self.kubeconfig, self._directory, flags)
        self._controllers.append(running)
        try:
            yield running
        except LaboratoryError as error:
            error.add_note(f"the controller's log ends so:\n{running.log_end()}")
            raise
        finally:
            self._controllers.remove(running)
            running.stop()

    def busyness(self) -> Busyness:
        """Return how busy the machine and the laboratory with all its processes have been."""
        pids = (self._process.pid, *(controller.pid for controller in self._controllers))
        return Busyness.now(*(pid for pid in pids if pid is not None))

    # Commands; see `cluster.Desk`.

    def now(self) -> datetime:
        """Return the cluster's present."""
        answer: datetime = self._ask("now")
        return answer

    def create(self, manifests: tuple[Manifest, ...]) -> None:
        """Create objects."""
        self._ask("create", list(manifests))

    def patch(self, kind: Kind, name: str, namespaces: list[str], body: Manifest) -> datetime:
        """Patch the objects of one name in several namespaces; return when that began."""
        answer: datetime = self._ask("patch", kind, name, namespaces, body)
        return answer

    def copy(
        self,
        objects: list[tuple[Kind, Manifest]],
        namespaces: list[str],
        *,
        pause_started_at: str = "",
    ) -> None:
        """Create copies of a Rollout and all that belongs to it."""
        self._ask("copy", objects, namespaces, pause_started_at)

    def rollout_objects(self, namespace: str) -> list[tuple[Kind, Manifest]]:
        """Return everything that makes up the Rollout of a namespace."""
        return [
            (kind, manifest)
            for kind in COPIED_KINDS
            for manifest in self._ask("objects", kind, namespace)
        ]

    def objects(self, kind: Kind) -> list[Manifest]:
        """Return every object of a kind."""
        answer: list[Manifest] = self._ask("objects", kind)
        return answer

    def delete(self, kind: Kind, namespace: str, name: str) -> None:
        """Delete an object."""
        self._ask("delete", kind, namespace, name)

    def facts(self, kind: Kind) -> list[dict[str, Any]]:
        """Return the few fields that benches look at, of every object of a kind."""
        answer: list[dict[str, Any]] = self._ask("facts", kind)
        return answer

    def calls(self, since: int = 0) -> list[Call]:
        """Return the requests so far, without the first `since`."""
        answer: list[Call] = self._ask("calls", since)
        return answer

    def call_count(self) -> int:
        """Return how many requests there were."""
        answer: int = self._ask("call_count")
        return answer

    def commits(self, since: int = 0) -> list[Commit]:
        """Return the changes so far, without the first `since`."""
        answer: list[Commit] = self._ask("commits", since)
        return answer

    def commit_count(self) -> int:
        """Return how many changes there were."""
        answer: int = self._ask("commit_count")
        return answer

    def settle(self) -> None:
        """Spare the cluster's garbage collector what is here to stay."""
        self._ask("settle")

    def wait_until(
        self,
        condition: Callable[[], bool],
        *,
        at_most: float,
        what: str,
        look: float = LOOK_SECONDS,
    ) -> None:
        """Wait for something, and say what did not happen when it takes too long.

        Raises:
            LaboratoryError: it takes too long, or a controller has ended.
        """
        deadline = time.monotonic() + at_most
        while not condition():
            for controller in self._controllers:
                controller.check()
            if time.monotonic() > deadline:
                raise LaboratoryError(f"waited {at_most:g} s in vain for {what}")
            time.sleep(look)

    def wait_until_quiet(self, seconds: float, *, at_most: float) -> None:
        """Wait until nobody but the Lease's holder has asked anything for some time."""
        seen, quiet_since = self.call_count(), time.monotonic()

        def is_quiet() -> bool:
            nonlocal seen, quiet_since
            fresh = self.calls(seen)
            seen += len(fresh)
            if any(call.resource != LEASE.plural for call in fresh):
                quiet_since = time.monotonic()
            return time.monotonic() - quiet_since >= seconds

        self.wait_until(is_quiet, at_most=at_most, what="the API server to be left in peace")

    def _ask(self, command: str, *arguments: Any) -> Any:
        self._pipe.send((command, arguments))
        return self._receive(command)

    def _receive(self, command: str) -> Any:
        try:
            if not self._pipe.poll(COMMAND_SECONDS_MAX):
                raise LaboratoryError(f"the cluster does not answer {command!r}")
            is_good, answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise LaboratoryError(f"the cluster's process has ended during {command!r}") from error
        if not is_good:
            raise LaboratoryError(f"{command}: {answer}")
        return answer

    def _end(self) -> None:
        with contextlib.suppress(OSError):
            self._pipe.send(("close", ()))
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._pipe.close()

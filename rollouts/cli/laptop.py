"""A cluster and a controller in one process, for a laptop with nothing but Python and git."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rollouts.api.crd import render_crds
from rollouts.api.documents import read_documents
from rollouts.controller.app import Controller
from rollouts.controller.gitops_loop import GitOpsLoop
from rollouts.controller.metric_sources import make_analysis_loop
from rollouts.controller.settings import Settings
from rollouts.emulator import ApiServer
from rollouts.emulator.actors import Runs, all_actors
from rollouts.emulator.http import serve
from rollouts.kube.client import connect
from rollouts.kube.rest import KubeCluster

if TYPE_CHECKING:
    from types import TracebackType

POD_READY = timedelta(seconds=0.4)
"""How long the embedded cluster takes to start a pod: long enough to be seen."""

SERVER_VERSION = "v1.34.0"
"""What the embedded cluster passes for: the oldest server that the controller does not warn of."""

LOOPBACK = "127.0.0.0/8"
"""All that the demo's metrics may ask: its workload and its Prometheus are nowhere else."""

GIT_POLL = timedelta(seconds=1)
"""The demo has no webhook, so it asks its own repository often."""


class Laptop:
    """An embedded cluster over HTTP with a real controller beside it.

    Attributes:
        server: the embedded API server.
        kube: a client connection of the demo's own, as kubectl would have.
        kubeconfig: path of a kubeconfig for it.
        process: the controller, where it is a process of its own.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        is_separate: bool = False,
        restore_signals: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare.

        Args:
            directory: for the kubeconfig and the Git cache.
            is_separate: run the controller as a process of its own, which may be killed.
            restore_signals: sets the process's signal handlers again, which kopf replaces.
        """
        self._directory = directory
        self._port = port
        self._is_separate = is_separate
        self._restore_signals = restore_signals
        self._stack = AsyncExitStack()
        self._stop = asyncio.Event()
        self.server = ApiServer(lambda: datetime.now(UTC))
        self.kubeconfig = directory / "kubeconfig"
        self.kube: KubeCluster
        self.process: asyncio.subprocess.Process | None = None
        self._controller: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        install_crds(self.server)
        actors = all_actors(self.server, default=Runs(ready_after=POD_READY))
        running = await serve(self.server, actors, port=self._port, version=SERVER_VERSION)
        self._stack.push_async_callback(running.close)
        self.kubeconfig.write_text(running.kubeconfig_text(namespace="production"))
        self.kubeconfig.chmod(0o600)
        self.kube = await connect(kubeconfig=str(self.kubeconfig))
        self._stack.push_async_callback(self.kube.close)
        self._stack.push_async_callback(self._end_controller)
        if self._is_separate:
            await self.start_process()
        else:
            self._controller = asyncio.create_task(self._run_controller(), name="controller")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _run_controller(self) -> None:
        settings = Settings(
            kubeconfig=str(self.kubeconfig),
            metrics_port=0,
            health_port=0,
            git_cache=str(self._directory / "git-cache"),
            metric_allowed_addresses=LOOPBACK,
            log_level="warning",
            shutdown_seconds=5.0,
        )
        gitops = GitOpsLoop(poll=GIT_POLL)
        analysis = make_analysis_loop(settings.providers)
        controller = Controller(
            settings,
            extensions=(analysis.install, gitops.install),
            apps=gitops.samples,
            runs=analysis.samples,
            restore_signals=self._restore_signals,
        )
        try:
            await controller.run(self._stop)
        finally:
            await analysis.close()

    async def start_process(self) -> None:
        """Start the controller as `rollouts run`, with a Lease short enough to wait for."""
        flags = {
            "--kubeconfig": str(self.kubeconfig),
            "--metrics-port": "0",
            "--health-port": "0",
            "--git-cache": str(self._directory / "git-cache"),
            "--git-poll": str(GIT_POLL.total_seconds()),
            "--metric-allowed-addresses": LOOPBACK,
            "--log-level": "error",
            "--lease-duration": "2",
            "--renew-deadline": "1.5",
            "--retry-period": "0.3",
        }
        words = [word for pair in flags.items() for word in pair]
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "rollouts", "run", *words
        )

    async def restart_process(self) -> None:
        """Kill the controller without warning, as a node that dies would, and start it anew."""
        assert self.process is not None, "only a controller of its own can be killed"
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()
        await self.start_process()

    async def _end_controller(self) -> None:
        self._stop.set()
        if self._controller is not None:
            await asyncio.gather(self._controller, return_exceptions=True)
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()

    def check(self) -> None:
        """Raise what ended the controller, if something did."""
        if self._controller is not None and self._controller.done():
            self._controller.result()
            raise RuntimeError("the controller has ended")


def install_crds(server: ApiServer) -> None:
    """Install our CustomResourceDefinitions into an embedded API server."""
    kind = server.resource("apiextensions.k8s.io", "v1", "customresourcedefinitions")
    for manifest in crd_manifests():
        server.create(kind, "", manifest, field_manager="rollouts-crds")


def crd_manifests() -> Iterator[dict[str, Any]]:
    """Return the CustomResourceDefinitions as objects."""
    for name, text in sorted(render_crds().items()):
        for document in read_documents(text, name):
            yield document.manifest

"""The controller process: connect, know, lead, work, and end in good order."""

from __future__ import annotations

import asyncio
import gc
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from rollouts.controller.events import EventsAside, Recorder
from rollouts.controller.fence import FencedCluster
from rollouts.controller.follower import describe
from rollouts.controller.hub import Hub
from rollouts.controller.leader import Leader
from rollouts.controller.rollout_loop import RolloutLoop
from rollouts.controller.settings import identity
from rollouts.kube.client import connect
from rollouts.kube.retry import RetryingCluster
from rollouts.kube.version import UnsupportedServer, judge
from rollouts.telemetry.health import Health
from rollouts.telemetry.metrics import Metrics
from rollouts.telemetry.server import ProbeServer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from rollouts.api.refs import Manifest
    from rollouts.controller.settings import Settings
    from rollouts.kube.rest import KubeCluster
    from rollouts.telemetry.analysis import RunSample
    from rollouts.telemetry.metrics import AppSample

log = logging.getLogger(__name__)

SILENCE_SECONDS_MAX = 240.0
"""A watch without a sign of life for this long has stopped: it reconnects on its own after 90."""

STUCK_SECONDS_MAX = 120.0
"""A queue that does not move for this long, while keys wait, has stopped."""

STOP_SECONDS_MAX = 4.0
"""Passes that run when leadership is lost have this long to end: the Lease lasts 5 more."""

EVENTS_SECONDS_MAX = 2.0
"""Events that wait when the process ends have this long to be sent."""

Extension: TypeAlias = "Callable[[Hub], None]"
"""Plugs another loop into the hub, before anything runs."""


class Controller:
    """One controller process.

    Attributes:
        hub: where loops are plugged in; None before `run` has connected.
        probes: the ports of health and metrics, once `run` has opened them.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        extensions: Iterable[Extension] = (),
        apps: Callable[[], Iterable[AppSample]] = tuple,
        runs: Callable[[], Iterable[RunSample]] = tuple,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        restore_signals: Callable[[], None] = lambda: None,
        probe_host: str | None = None,
    ) -> None:
        """Prepare; `run` does the work.

        Args:
            extensions: called with the hub once connected.
            apps: describes Applications for the metrics.
            runs: describes AnalysisRuns for the metrics.
            restore_signals: sets the process's signal handlers again, which kopf replaces.
        """
        self.settings = settings
        self.hub: Hub | None = None
        self.health = Health()
        self._extensions = tuple(extensions)
        self._clock = clock
        self._restore_signals = restore_signals
        self._rollouts: RolloutLoop | None = None
        self.metrics = Metrics(rollouts=self._samples, apps=apps, runs=runs)
        self.probes = ProbeServer(
            self.health,
            self.metrics,
            host=probe_host,
            health_port=settings.health_port or None,
            metrics_port=settings.metrics_port or None,
        )
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._failed: asyncio.Future[BaseException] | None = None
        self._leader: Leader | None = None
        self._leader_task: asyncio.Task[None] | None = None
        self._stopping = False

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then end in good order within `shutdown_seconds`.

        Raises:
            ClusterError: there is no cluster to work with.
            OSError: a port is taken.
        """
        self._failed = asyncio.get_running_loop().create_future()
        kube = await connect(
            kubeconfig=self.settings.kubeconfig,
            context=self.settings.context,
            on_request=self.metrics.count_request,
        )
        try:
            await _check_version(kube)
            self._wire(kube)
            await self.probes.start()
            await self._work_until(stop)
        finally:
            await self._end(kube)

    def _wire(self, kube: KubeCluster) -> None:
        """Put the parts together; nothing runs yet."""
        retrying = RetryingCluster(FencedCluster(kube, self._may_write))
        recorder = Recorder(retrying, clock=self._clock, on_event=self._count_event)
        self.hub = hub = Hub(
            kube=kube,
            cluster=EventsAside(retrying, recorder),
            settings=self.settings,
            clock=self._clock,
            metrics=self.metrics,
            recorder=recorder,
            spawn=self._spawn,
            restore_signals=self._restore_signals,
        )
        self._rollouts = RolloutLoop(hub)
        self._rollouts.install()
        for extension in self._extensions:
            extension(hub)
        if self.settings.leader_elect:
            self._leader = Leader(
                kube,
                namespace=self.settings.lease_home(),
                name=self.settings.lease_name,
                identity=identity(),
                timing=self.settings.timing,
                clock=self._clock,
                on_started=self._open,
                on_stopped=self._shut,
            )
        self.health.alive.update({"queues": self._check_queues, "watches": self._check_watches})
        self.health.ready.update({"caches": self._check_caches, "running": self._check_running})
        self.health.notes.update({"cluster": self._note_troubles})

    async def _work_until(self, stop: asyncio.Event) -> None:
        assert self.hub is not None, "_wire comes first"
        assert self._failed is not None, "run comes first"
        self.hub.start()
        self._spawn(self.hub.recorder.run(), "events")
        self._spawn(self._lead(), "lead")
        stopped = asyncio.create_task(stop.wait(), name="stop")
        try:
            await asyncio.wait((stopped, self._failed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        if self._failed.done():
            # A part that must not end has ended: a fresh process is better than half of one.
            raise self._failed.result()
        log.info("stopping")

    async def _lead(self) -> None:
        """Begin to compete once everything is known, so that whoever leads can work at once."""
        assert self.hub is not None, "_wire comes first"
        await self.hub.wait_until_synced()
        # What was loaded stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        if self._leader is None:
            log.info("leading without a lease")
            self._open()
            return
        self._leader_task = asyncio.current_task()
        await self._leader.run()

    async def _end(self, kube: KubeCluster) -> None:
        """Finish the passes in hand, give the Lease up, close everything; bounded in time."""
        self._stopping = True
        try:
            async with asyncio.timeout(self.settings.shutdown_seconds):
                await self._stop_work()
                await _cancel(tuple(self._tasks))
        except TimeoutError:
            log.warning("stopped without waiting any longer")
        finally:
            await self.probes.close()
            await kube.close()

    async def _stop_work(self) -> None:
        if self.hub is None:
            return
        # While the Lease is still renewed, so that passes may take the time they need.
        await self.hub.shut(self.settings.shutdown_seconds / 3, in_order=True)
        await self.hub.recorder.drain(EVENTS_SECONDS_MAX)
        if self._leader_task is not None:
            await _cancel((self._leader_task,))

    def _spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(coroutine, name=name)
        self._tasks[task] = None
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        if task.cancelled() or self._stopping:
            return
        error = task.exception()
        if error is not None and self._failed is not None and not self._failed.done():
            log.error("part failed", extra={"part": task.get_name()}, exc_info=error)
            self._failed.set_result(error)

    def _open(self) -> None:
        assert self.hub is not None, "_wire comes first"
        self.metrics.leader.set(1)
        self.hub.open()

    async def _shut(self) -> None:
        assert self.hub is not None, "_wire comes first"
        self.metrics.leader.set(0)
        await self.hub.shut(grace_seconds=STOP_SECONDS_MAX)

    def _may_write(self) -> bool:
        return self._leader is None or self._leader.may_write()

    def _samples(self) -> Iterable[Any]:
        return self._rollouts.samples() if self._rollouts is not None else ()

    def _count_event(self, manifest: Manifest) -> None:
        about = manifest["involvedObject"]
        if about.get("kind") == "Rollout":
            self.metrics.count_event(
                about.get("namespace", ""), about["name"], manifest["type"], manifest["reason"]
            )

    def _check_queues(self) -> str:
        queues = self.hub.queues.items() if self.hub is not None else ()
        stuck = [name for name, queue in queues if queue.is_stuck(STUCK_SECONDS_MAX)]
        return f"nothing moves in {', '.join(stuck)}" if stuck else ""

    def _check_watches(self) -> str:
        now = asyncio.get_running_loop().time()
        silent = [
            str(each.scope)
            for each in (self.hub.followers if self.hub is not None else ())
            if each.contact_at is not None
            and not each.standing.missing
            and now - each.contact_at > SILENCE_SECONDS_MAX
        ]
        return f"no sign of life from {', '.join(silent)}" if silent else ""

    def _check_caches(self) -> str:
        if self.hub is None or not self.hub.required:
            return "not started"
        required = self.hub.required
        waiting = [str(each.scope) for each in required if not each.standing.settled.is_set()]
        said = [f"waiting for {', '.join(waiting)}"] if waiting else []
        # Not ready either: a new version that lacks a right must not replace an old one.
        for lane, followers in self.hub.blocked_lanes().items():
            why = "; ".join(describe(each) for each in followers)
            said.append(f"{lane} are not served: {why}")
        return "; ".join(said)

    def _note_troubles(self) -> str:
        said = self.hub.troubles() if self.hub is not None else []
        if self._leader is not None and self._leader.refusal:
            home = self.settings.lease_home()
            mend = f"grant get, create and update on leases in namespace {home}"
            said.append(f"cannot lead: {self._leader.refusal}; {mend} to this controller's account")
        return "; ".join(said)

    def _check_running(self) -> str:
        return "stopping" if self._stopping else ""


async def _check_version(kube: KubeCluster) -> None:
    """Refuse a server that is too old to work with, and warn of one that is not tested.

    Raises:
        ClusterError: it is too old, or cannot be asked.
    """
    version = await kube.version()
    verdict = judge(version)
    if verdict.refusal:
        raise UnsupportedServer(verdict.refusal)
    log.info("connected", extra={"server_version": version})
    if verdict.warning:
        log.warning("old server", extra={"server_version": version, "detail": verdict.warning})


async def _cancel(tasks: tuple[asyncio.Task[None], ...]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)

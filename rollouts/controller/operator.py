"""Follow our own kinds with kopf; the only module that knows kopf.

kopf lists, watches, reconnects and survives bad connections. It is used for raw events only: no
diff bases, progress annotations, finalizers, Events or peering, so that it never writes. What it
tells goes into a store; what it cannot tell is in `watch_session`. Each kind has an operator of
its own, so that one that is missing or forbidden does not stop the others.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import kopf

from rollouts.controller.watch_session import WatchSession
from rollouts.kube.errors import ClusterError, Forbidden
from rollouts.kube.http import CONNECT_SECONDS_MAX, REQUEST_SECONDS_MAX
from rollouts.kube.informer import DELAYS_SECONDS
from rollouts.kube.intake import Intake
from rollouts.kube.mending import INSTALL, mend
from rollouts.kube.rest import INACTIVITY_SECONDS_MAX, PAGE_SIZE
from rollouts.kube.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from rollouts.kube.http import Access
    from rollouts.kube.informer import Scope
    from rollouts.kube.rest import KubeCluster
    from rollouts.kube.store import Change, Store

T = TypeVar("T")

log = logging.getLogger(__name__)

MISSING_SECONDS = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0)
"""Pauses between looks for a definition that is missing: soon for somebody who installs it right
now, rarely for one that is never going to be there."""

RETRIES_MAX = 5
"""Retries inside kopf, which are silent; after these its operator ends, and we say why."""

STOP_SECONDS_MAX = 10.0
"""kopf gives its own parts a few seconds to end."""


class OwnKind(Generic[T]):
    """Follows one of our kinds for as long as it runs.

    Attributes:
        contact_at: loop time of the last sign of life (an answer, or an attempt); None before.
        standing: how well the scope is known.
    """

    def __init__(
        self,
        cluster: KubeCluster,
        scope: Scope,
        store: Store[T],
        on_change: Callable[[Change[T]], None],
        *,
        on_request: Callable[[str, str, str], None] | None = None,
        restore_signals: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare; `run` does the work.

        Args:
            on_change: called for each change, synchronously, after the store has it.
            restore_signals: called after kopf has started, because it takes the process's signal
                handlers for itself.
        """
        self.scope = scope
        self.store = store
        self.contact_at: float | None = None
        self.standing = Standing()
        self._cluster = cluster
        self._intake = Intake(scope.kind, store, on_change)
        self._on_request = on_request
        self._restore_signals = restore_signals
        self._failures = 0
        self._refusal: Forbidden | None = None

    @property
    def synced(self) -> asyncio.Event:
        """Return what is set once the first list is in the store, or the kind is missing."""
        return self.standing.synced

    @property
    def missing(self) -> bool:
        """Tell whether the server does not know the kind at the moment."""
        return self.standing.missing

    async def run(self) -> None:
        """Follow until cancelled, through missing definitions and failures of kopf."""
        while True:
            self._refusal = None
            try:
                await self._wait_until_served()
                await self._serve()
            except ClusterError as error:
                await self._pause(error)
            except Exception as error:  # noqa: BLE001  # kopf ends with whatever its parts raise
                await self._pause(error)

    async def _wait_until_served(self) -> None:
        looks = 0
        while not await self._cluster.serves(self.scope.kind):
            if not self.standing.missing:
                self._report_missing()
            await asyncio.sleep(MISSING_SECONDS[min(looks, len(MISSING_SECONDS) - 1)])
            looks += 1
            self._touch()
        if self.standing.missing:
            log.info("definition found", extra={"crd": _definition(self.scope)})

    def _report_missing(self) -> None:
        log.warning(
            "definition missing, objects of this kind are not served until it is installed",
            extra={
                "crd": _definition(self.scope),
                "install": INSTALL,
            },
        )
        self._touch()
        self._intake.lose_all()
        self.standing.lost()

    async def _serve(self) -> None:
        """Run an operator until it ends, which it does only by failing or by being cancelled."""
        tasks = await kopf.spawn_tasks(
            registry=self._registry(),
            settings=_settings(self.scope),
            standalone=True,
            clusterwide=not self.scope.namespace,
            namespaces=[self.scope.namespace] if self.scope.namespace else [],
            # kopf's own guess asks for the name of the user, which a container may not have.
            identity="rollouts",  # type: ignore[arg-type]  # a private new type of str
        )
        self._restore_signals()
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _stop(tasks)
        raise _cause(tasks)

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()
        kind = self.scope.kind
        kopf.on.login(registry=registry)(self._login)
        kopf.on.event(kind.group, kind.version, kind.plural, registry=registry)(self._take)
        return registry

    async def _login(self, **_: Any) -> kopf.AiohttpSession:
        access: Access = self._cluster.transport.access
        session: Any = WatchSession(
            access,
            self.scope.kind,
            self._intake,
            on_listed=self._listed,
            on_contact=self._touch,
            on_refused=self._refused,
            on_request=self._on_request,
        )
        return kopf.AiohttpSession(server=access.server, aiohttp_session=session)

    async def _take(self, event: kopf.RawEvent, **_: Any) -> None:
        # Only what is listed has no type, and lists are taken before kopf sees them.
        self._intake.take(event["type"] or "ADDED", dict(event["object"]))

    def _listed(self, count: int) -> None:
        self._failures = 0
        if not self.standing.synced.is_set():
            log.info("synced", extra={"scope": str(self.scope), "objects": count})
        self.standing.listed()

    def _refused(self, error: Forbidden) -> None:
        """Remember the server's words: what kopf raises for them says less."""
        self._refusal = error

    async def _pause(self, error: Exception) -> None:
        self._touch()
        error = self._refusal or error
        delay = DELAYS_SECONDS[min(self._failures, len(DELAYS_SECONDS) - 1)]
        self._failures += 1
        level = logging.INFO if self._failures == 1 else logging.WARNING
        facts = {"scope": str(self.scope), "error": _words(error)}
        if isinstance(error, Forbidden):
            delay, level = self.standing.refused(error), logging.ERROR
            facts["mend"] = mend(self.scope.kind, self.scope.namespace, error)
        log.log(level, "cannot follow", extra=facts | {"retry_seconds": delay})
        await asyncio.sleep(delay)

    def _touch(self) -> None:
        self.contact_at = asyncio.get_running_loop().time()


def _settings(scope: Scope) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = _NoProgress()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.process.ultimate_exiting_timeout = None
    settings.queueing.idle_timeout = 1.0
    settings.networking.request_timeout = REQUEST_SECONDS_MAX
    settings.networking.connect_timeout = CONNECT_SECONDS_MAX
    settings.networking.error_backoffs = DELAYS_SECONDS[:RETRIES_MAX]
    settings.watching.chunk_size = PAGE_SIZE
    settings.watching.inactivity_timeout = INACTIVITY_SECONDS_MAX
    if scope.label_selector:
        resource = (scope.kind.group, scope.kind.version, scope.kind.plural)
        settings.watching.label_selectors[resource] = scope.label_selector
    return settings


class _NoDiffBase(kopf.DiffBaseStorage):
    """Remembers nothing, and spares kopf five deep copies of each object for each event."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        pass


class _NoProgress(kopf.ProgressStorage):
    """Remembers nothing: there are no handlers whose progress would matter."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        pass

    def purge(self, **_: Any) -> None:
        pass

    def touch(self, **_: Any) -> None:
        pass

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence


async def _stop(tasks: Collection[asyncio.Task[None]]) -> None:
    """End an operator's tasks, and only those.

    Not by `kopf.run_tasks`: it takes all tasks begun after the operator for its own, and would
    cancel every pass, informer and probe of this process with it.
    """
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=STOP_SECONDS_MAX)


def _cause(tasks: Collection[asyncio.Task[None]]) -> BaseException:
    """Return why an operator has ended."""
    for task in tasks:
        if task.done() and not task.cancelled():
            error = task.exception()
            if error is not None:
                return error
    return RuntimeError("kopf has ended")


def _definition(scope: Scope) -> str:
    return f"{scope.kind.plural}.{scope.kind.group}"


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, ClusterError) else f"{type(error).__name__}: {error}"

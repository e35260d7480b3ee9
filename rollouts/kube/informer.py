"""Keep a store in step with one kind: list, watch, resume, and list again when history is lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from rollouts.kube.errors import ClusterError, Forbidden, Gone, NotFound, Unavailable
from rollouts.kube.intake import Intake
from rollouts.kube.mending import mend
from rollouts.kube.standing import Standing

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from rollouts.api.refs import Kind, Manifest
    from rollouts.kube.rest import Page
    from rollouts.kube.store import Change, Store

T = TypeVar("T")

log = logging.getLogger(__name__)

DELAYS_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Pauses after failures in a row; a single dropped connection costs next to nothing."""


class Watchable(Protocol):
    """What an informer needs of a cluster."""

    def pages(
        self,
        kind: Kind,
        namespace: str = "",
        label_selector: str = "",
        *,
        metadata_only: bool = False,
    ) -> AsyncGenerator[Page, None]:
        """Read all objects."""
        ...

    def watch(
        self,
        kind: Kind,
        namespace: str = "",
        label_selector: str = "",
        resource_version: str = "",
        *,
        metadata_only: bool = False,
    ) -> AsyncGenerator[tuple[str, Manifest], None]:
        """Iterate over changes."""
        ...


@dataclass(frozen=True, slots=True)
class Scope:
    """Which objects: a kind, a namespace or (empty) all of them, and a server-side selector."""

    kind: Kind
    namespace: str = ""
    label_selector: str = ""
    metadata_only: bool = False

    def __str__(self) -> str:
        where = self.namespace or "all namespaces"
        return f"{self.kind} in {where}"


class Informer(Generic[T]):
    """Follows one scope for as long as it runs.

    Attributes:
        contact_at: loop time of the last sign of life (list, event, bookmark, or an attempt that
            failed); None before.
        standing: how well the scope is known.
    """

    def __init__(
        self,
        cluster: Watchable,
        scope: Scope,
        store: Store[T],
        on_change: Callable[[Change[T]], None] = lambda _: None,
        *,
        on_manifest: Callable[[str, Manifest], None] = lambda _type, _manifest: None,
        jitter: Callable[[], float] = random.random,
        sleep: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        """Prepare; `run` does the work.

        Args:
            on_change: called for each change, synchronously and in order, after the store has it.
            on_manifest: called beside it with ADDED, MODIFIED or DELETED and the whole object, of
                which the store may keep little. For a deletion that a list has shown, there is no
                more than the type, namespace, name and the version of the list.
        """
        self.scope = scope
        self.store = store
        self.contact_at: float | None = None
        self.standing = Standing()
        self._attempted = asyncio.Event()
        self._cluster = cluster
        self._intake = Intake(scope.kind, store, on_change, on_manifest)
        self._jitter = jitter
        self._sleep = sleep
        self._resource_version = ""
        self._failures = 0

    @property
    def synced(self) -> asyncio.Event:
        """Return what is set once the first list is in the store, or the kind is missing."""
        return self.standing.synced

    @property
    def missing(self) -> bool:
        """Tell whether the server does not know the kind at the moment."""
        return self.standing.missing

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                if not self._resource_version:
                    await self._list()
                await self._watch()
            except Gone as error:
                self._resource_version = ""
                await self._fail(error)
            except ClusterError as error:
                await self._fail(error)

    async def first_result(self) -> None:
        """Wait until the kind has been listed, or could not be.

        Raises:
            ClusterError: it cannot be followed at the moment; `run` goes on trying.
        """
        await self._attempted.wait()
        if self.standing.trouble is not None:
            raise self.standing.trouble

    async def _list(self) -> None:
        scope = self.scope
        self._intake.begin()
        version = ""
        async with contextlib.aclosing(
            self._cluster.pages(
                scope.kind,
                scope.namespace,
                scope.label_selector,
                metadata_only=scope.metadata_only,
            )
        ) as pages:
            async for page in pages:
                self._touch()
                version = page.resource_version
                self._intake.take_page(page.items, version)
        count = self._intake.finish()
        self._resource_version = version
        if not self.standing.synced.is_set():
            log.info("synced", extra={"scope": str(scope), "objects": count})
        self.standing.listed()
        self._attempted.set()

    async def _watch(self) -> None:
        scope = self.scope
        async with contextlib.aclosing(
            self._cluster.watch(
                scope.kind,
                scope.namespace,
                scope.label_selector,
                self._resource_version,
                metadata_only=scope.metadata_only,
            )
        ) as events:
            async for event_type, manifest in events:
                self._touch()
                self._failures = 0
                self.standing.heard()
                self._intake.take(event_type, manifest)
                version = manifest["metadata"].get("resourceVersion", "")
                self._resource_version = version or self._resource_version
        self._touch()
        self._failures = 0
        self.standing.heard()
        # A server may end every watch at once, as while it shuts down: not in a tight loop.
        await self._sleep(DELAYS_SECONDS[0] * (1 + self._jitter()))

    async def _fail(self, error: ClusterError) -> None:
        self._touch()
        delay = DELAYS_SECONDS[min(self._failures, len(DELAYS_SECONDS) - 1)]
        delay *= 0.5 + 0.5 * self._jitter()
        if isinstance(error, Unavailable) and error.retry_after_seconds is not None:
            delay = max(delay, error.retry_after_seconds)
        if not isinstance(error, Gone):
            self.standing.trouble = error
            self._attempted.set()
        # A person has to act: install the definition, or grant the right.
        if isinstance(error, NotFound):
            delay = DELAYS_SECONDS[-1]
            self._lose()
        if isinstance(error, Forbidden):
            delay = self.standing.refused(error)
            # A watch that is granted again may be silent for long; a list says so at once.
            self._resource_version = ""
        facts = {"scope": str(self.scope), "retry_seconds": round(delay, 2), "error": str(error)}
        if what := mend(self.scope.kind, self.scope.namespace, error):
            facts["mend"] = what
        # One dropped connection is the normal life of a watch; a second failure is news.
        log.log(_level(error, self._failures), "cannot follow", extra=facts)
        self._failures += 1
        await self._sleep(delay)

    def _lose(self) -> None:
        """Take it in that the kind is not served: then no object of it exists either."""
        self._touch()
        self._intake.lose_all()
        self._resource_version = ""
        self.standing.lost()

    def _touch(self) -> None:
        self.contact_at = asyncio.get_running_loop().time()


def _level(error: ClusterError, failures: int) -> int:
    if isinstance(error, Forbidden):
        return logging.ERROR
    if isinstance(error, Gone):
        return logging.INFO
    return logging.DEBUG if failures == 0 else logging.WARNING

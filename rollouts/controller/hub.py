"""Where the parts of a controller meet: what is followed, who works on which kind, what to wake.

A loop (that of Rollouts, that of GitOps) is plugged in by calling `serve` for its kinds, `follow`
for what it needs to know, and `wake` when something changed.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from rollouts.api.analysis_providers import EXECUTED_PROVIDERS
from rollouts.controller.follower import describe
from rollouts.controller.operator import OwnKind
from rollouts.controller.queue import Key, WorkQueue
from rollouts.kube.informer import Informer, Scope
from rollouts.kube.store import Store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable
    from datetime import datetime

    from rollouts.api.refs import Kind, Manifest
    from rollouts.controller.events import Recorder
    from rollouts.controller.follower import Follower
    from rollouts.controller.settings import Settings
    from rollouts.kube.cluster import Cluster
    from rollouts.kube.rest import KubeCluster
    from rollouts.kube.standing import Standing
    from rollouts.kube.store import Change
    from rollouts.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

Reconcile: TypeAlias = "Callable[[Key], Awaitable[datetime | None]]"
"""One pass over one object; returns when to look again unasked, or None."""

HOLD_SECONDS = 5.0
"""Passes of a lane that is held have this long to end."""

Reconcilers: TypeAlias = dict[str, Reconcile]
"""Passes by the name of the kind they work on."""


@dataclass(frozen=True, slots=True)
class Served:
    """Where a kind is worked on, and how to find all its objects."""

    lane: str
    list_keys: Callable[[], Iterable[Key]]


@dataclass(frozen=True, slots=True)
class Glimpse:
    """All that an informer of a foreign kind remembers of an object: enough to notice its end."""

    uid: str
    resource_version: str


def glimpse(manifest: Manifest) -> Glimpse:
    """Reduce any object to who it is and how new."""
    metadata = manifest["metadata"]
    return Glimpse(metadata.get("uid", ""), str(metadata.get("resourceVersion", "")))


class Hub:
    """The meeting place.

    Attributes:
        cluster: for passes: fenced, retrying, and with Events put aside.
        kube: for discovery and watches; never for writes.
        reconcilers: passes by kind; filled by `serve`.
        followers: everything that is followed.
        required: those of them that must be known before work begins.
        providers: names of the metric providers that can be asked.
        refusals: objects whose last pass was refused for lack of a right or a subresource, and
            the server's words.
    """

    def __init__(
        self,
        *,
        kube: KubeCluster,
        cluster: Cluster,
        settings: Settings,
        clock: Callable[[], datetime],
        metrics: Metrics,
        recorder: Recorder,
        spawn: Callable[[Coroutine[Any, Any, None], str], None],
        restore_signals: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            spawn: runs a coroutine for as long as the controller runs; its failure ends it.
        """
        self.kube = kube
        self.cluster = cluster
        self.settings = settings
        self.clock = clock
        self.metrics = metrics
        self.recorder = recorder
        self.reconcilers: Reconcilers = {}
        self.followers: list[Follower] = []
        self.required: tuple[Follower, ...] = ()
        self.providers: tuple[str, ...] = EXECUTED_PROVIDERS
        self.refusals: dict[Key, str] = {}
        self.queues: dict[str, WorkQueue] = {}
        self._served: dict[str, Served] = {}
        self._informers: dict[Scope, _Shared] = {}
        self._listeners: dict[Kind, list[Callable[[str, Manifest], None]]] = {}
        self._sights: dict[Kind, list[Callable[[Standing], None]]] = {}
        self._spawn = spawn
        self._restore_signals = restore_signals
        self._farewells: list[Callable[[], Awaitable[None]]] = []
        self._started = False
        self._is_open = False
        # What each lane cannot work without; the lanes that work, and those that are being held.
        self._needs: dict[str, list[Follower]] = {}
        self._working: set[str] = set()
        self._holding: set[str] = set()

    def serve(
        self,
        kind_name: str,
        reconcile: Reconcile,
        *,
        lane: str,
        workers: int,
        keys: Callable[[], Iterable[Key]],
    ) -> None:
        """Have a kind worked on.

        Args:
            lane: kinds of one lane share its workers and its queue.
            keys: all objects of the kind; they are looked at when leadership begins.
        """
        if kind_name in self._served:
            raise ValueError(f"{kind_name} is served already")
        self.reconcilers[kind_name] = reconcile
        self._served[kind_name] = Served(lane, keys)
        if lane not in self.queues:
            queue = self.queues[lane] = WorkQueue(
                self._work,
                clock=self.clock,
                workers=workers,
                on_lateness=self.metrics.lateness.observe,
            )
            self.metrics.watch_depth(lane, queue.__len__)

    def wake(self, key: Key) -> None:
        """Have an object looked at as soon as possible."""
        self.queues[self._served[key[0]].lane].add(key)

    def wake_at(self, key: Key, when: datetime) -> None:
        """Have an object looked at no earlier than `when`."""
        self.queues[self._served[key[0]].lane].add_at(key, when)

    def follow_own(
        self,
        kind: Kind,
        store: Store[Any],
        on_change: Callable[[Change[Any]], None],
        *,
        needed_by: str = "",
    ) -> None:
        """Follow one of our kinds, by kopf, for objects that carry our instance id.

        Args:
            needed_by: the lane that must not work while the kind cannot be read.
        """
        scope = Scope(kind, self.settings.namespace, self.settings.instance_selector)
        follower: OwnKind[Any] = OwnKind(
            self.kube,
            scope,
            store,
            on_change,
            on_request=self.metrics.count_request,
            restore_signals=self._restore_signals,
        )
        self._begin(follower, needed_by)

    def follow(
        self,
        kind: Kind,
        store: Store[Any],
        on_change: Callable[[Change[Any]], None],
        *,
        label_selector: str = "",
        needed_by: str = "",
        on_standing: Callable[[Standing], None] = lambda _: None,
    ) -> None:
        """Follow a kind of others' that is wanted from the start.

        Args:
            needed_by: the lane that must not work while the kind cannot be read.
            on_standing: told when the kind becomes readable, blocked or missing.
        """
        scope = Scope(kind, self._namespace(kind), label_selector)

        def hear(event_type: str, manifest: Manifest) -> None:
            self.tell(kind, event_type, manifest)

        def stand(standing: Standing) -> None:
            for told in (on_standing, *self._sights.get(kind, ())):
                told(standing)

        informer = Informer(self.kube, scope, store, on_change, on_manifest=hear)
        self._begin(informer, needed_by, stand)

    def listen(
        self,
        kind: Kind,
        on_event: Callable[[str, Manifest], None],
        on_standing: Callable[[Standing], None] = lambda _: None,
    ) -> None:
        """Hear what another loop, which follows a kind, is told of it.

        Two loops that read the same objects share one watch. `on_event` is called as that of
        `ensure_informer` is, `on_standing` as that of `follow`.
        """
        self._listeners.setdefault(kind, []).append(on_event)
        self._sights.setdefault(kind, []).append(on_standing)

    def tell(self, kind: Kind, event_type: str, manifest: Manifest) -> None:
        """Tell those who listen; also of one's own writes, whose events bring no news."""
        for listener in self._listeners.get(kind, ()):
            listener(event_type, manifest)

    async def ensure_informer(
        self,
        kind: Kind,
        on_event: Callable[[str, Manifest], None],
        *,
        label_selector: str = "",
        metadata_only: bool = False,
    ) -> None:
        """Be told of changes of any kind from now on; return once its objects have been told.

        Several callers that ask for the same share one watch. Nothing is kept of the objects
        except who they are and how new, so that deletions are noticed in every case.

        Args:
            on_event: called with ADDED, MODIFIED or DELETED and the object; ADDED for each that
                exists. A deletion that was missed has type, name and namespace alone.
            metadata_only: specs and statuses are not even sent by the server.

        Raises:
            ClusterError: the kind cannot be followed now (it is not served, or a right is
                missing). It is still tried in the background.
        """
        scope = Scope(kind, self._namespace(kind), label_selector, metadata_only)
        shared = self._informers.get(scope)
        if shared is None:
            shared = self._informers[scope] = _Shared()
            shared.listeners.append(on_event)
            shared.informer = Informer(self.kube, scope, Store(glimpse), on_manifest=shared.tell)
            self._begin(shared.informer)
        elif on_event not in shared.listeners:
            shared.listeners.append(on_event)
            await self._catch_up(scope, on_event)
        assert shared.informer is not None, "set when the entry was made"
        await shared.informer.first_result()

    def start(self) -> None:
        """Run the followers, now and those that come later."""
        self._started = True
        self.required = tuple(self.followers)
        for follower in self.followers:
            self._run(follower)

    async def wait_until_synced(self) -> None:
        """Wait until what is wanted from the start is known, or cannot be for lack of a right."""
        for follower in self.required:
            await follower.standing.settled.wait()

    def open(self) -> None:
        """Begin to work, on every object there is: another may have changed any of them.

        A lane whose needs cannot be read begins once they can.
        """
        self._is_open = True
        for lane in self.queues:
            self._reconsider(lane)

    def blocked_lanes(self) -> dict[str, list[Follower]]:
        """Return what cannot be read for lack of a right, by the lane that must wait for it."""
        blocked = {
            lane: [each for each in needs if each.standing.blocked]
            for lane, needs in self._needs.items()
        }
        return {lane: followers for lane, followers in blocked.items() if followers}

    def troubles(self) -> list[str]:
        """Say of each scope that a person has to mend what is missing, and how."""
        said = [text for each in self.followers if (text := describe(each))]
        if self.refusals:
            key, text = next(iter(self.refusals.items()))
            said.append(f"{len(self.refusals)} refused, such as {'/'.join(key)}: {text}")
        return said

    def at_end(self, farewell: Callable[[], Awaitable[None]]) -> None:
        """Have something done when work ends in good order, after the last pass."""
        self._farewells.append(farewell)

    async def shut(self, grace_seconds: float, *, in_order: bool = False) -> None:
        """Stop working.

        Args:
            grace_seconds: how long passes in hand may take, and then what is left to be done.
            in_order: we may write until the end.
        """
        self._is_open = False
        self._working.clear()
        pauses = (queue.pause(grace_seconds=grace_seconds) for queue in self.queues.values())
        await asyncio.gather(*pauses)
        if not in_order:
            return
        try:
            async with asyncio.timeout(grace_seconds):
                for farewell in self._farewells:
                    await farewell()
        except TimeoutError:
            log.warning("ended without doing all that was left")

    async def _work(self, key: Key) -> datetime | None:
        return await self.reconcilers[key[0]](key)

    async def _catch_up(self, scope: Scope, on_event: Callable[[str, Manifest], None]) -> None:
        """Tell a listener that came late of the objects that the others were told of before."""
        pages = self.kube.pages(
            scope.kind, scope.namespace, scope.label_selector, metadata_only=scope.metadata_only
        )
        async for page in pages:
            for manifest in page.items:
                on_event("ADDED", manifest)

    def _reconsider(self, lane: str) -> None:
        """Start or hold a lane, as its needs stand now."""
        usable = all(each.standing.is_usable for each in self._needs.get(lane, ()))
        if not usable and lane in self._working:
            self._working.discard(lane)
            self._holding.add(lane)
            self._spawn(self._hold(lane), f"hold {lane}")
        if not usable or not self._is_open or lane in self._working or lane in self._holding:
            return
        self._working.add(lane)
        queue = self.queues[lane]
        for served in self._served.values():
            if served.lane == lane:
                for key in served.list_keys():
                    queue.add(key)
        queue.start()

    async def _hold(self, lane: str) -> None:
        """Stop a lane that has lost a right: it would decide on what may be long past."""
        log.error("lane held", extra={"lane": lane, "troubles": "; ".join(self.troubles())})
        try:
            await self.queues[lane].pause(grace_seconds=HOLD_SECONDS)
        finally:
            self._holding.discard(lane)
        self._reconsider(lane)

    def _begin(
        self,
        follower: Follower,
        needed_by: str = "",
        on_standing: Callable[[Standing], None] = lambda _: None,
    ) -> None:
        if needed_by:
            self._needs.setdefault(needed_by, []).append(follower)

        def changed() -> None:
            on_standing(follower.standing)
            if needed_by:
                self._reconsider(needed_by)

        follower.standing.on_change = changed
        self.followers.append(follower)
        if self._started:
            self._run(follower)

    def _run(self, follower: Follower) -> None:
        self._spawn(follower.run(), f"follow {follower.scope}")

    def _namespace(self, kind: Kind) -> str:
        return self.settings.namespace if kind.namespaced else ""


class _Shared:
    """The listeners of one dynamic informer."""

    def __init__(self) -> None:
        self.informer: Informer[Glimpse] | None = None
        self.listeners: list[Callable[[str, Manifest], None]] = []

    def tell(self, event_type: str, manifest: Manifest) -> None:
        for listener in tuple(self.listeners):
            listener(event_type, manifest)

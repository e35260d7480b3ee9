"""Where the parts of a controller meet: what is followed, who works on which kind, what to wake.

A loop (that of Rollouts, that of GitOps) is plugged in by calling `serve` for its kinds, `follow`
for what it needs to know, and `wake` when something changed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from rollouts.controller.operator import OwnKind
from rollouts.controller.queue import Key, WorkQueue
from rollouts.kube.informer import Informer, Scope
from rollouts.kube.store import Store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable
    from datetime import datetime

    from rollouts.api.refs import Kind, Manifest
    from rollouts.controller.events import Recorder
    from rollouts.controller.settings import Settings
    from rollouts.kube.cluster import Cluster
    from rollouts.kube.rest import KubeCluster
    from rollouts.kube.store import Change
    from rollouts.telemetry.metrics import Metrics

Reconcile: TypeAlias = "Callable[[Key], Awaitable[datetime | None]]"
"""One pass over one object; returns when to look again unasked, or None."""

Reconcilers: TypeAlias = dict[str, Reconcile]
"""Passes by the name of the kind they work on."""


class Follower(Protocol):
    """Something that keeps a store in step with a kind: an informer or an operator of kopf's."""

    scope: Scope
    synced: asyncio.Event
    contact_at: float | None
    missing: bool

    async def run(self) -> None:
        """Follow until cancelled."""
        ...


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
        self.queues: dict[str, WorkQueue] = {}
        self._served: dict[str, Served] = {}
        self._informers: dict[Scope, _Shared] = {}
        self._listeners: dict[Kind, list[Callable[[str, Manifest], None]]] = {}
        self._spawn = spawn
        self._restore_signals = restore_signals
        self._started = False

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
            self.queues[lane] = WorkQueue(
                self._work,
                clock=self.clock,
                workers=workers,
                on_depth=lambda depth: self.metrics.set_depth(lane, depth),
                on_lateness=self.metrics.lateness.observe,
            )

    def wake(self, key: Key) -> None:
        """Have an object looked at as soon as possible."""
        self.queues[self._served[key[0]].lane].add(key)

    def wake_at(self, key: Key, when: datetime) -> None:
        """Have an object looked at no earlier than `when`."""
        self.queues[self._served[key[0]].lane].add_at(key, when)

    def follow_own(
        self, kind: Kind, store: Store[Any], on_change: Callable[[Change[Any]], None]
    ) -> None:
        """Follow one of our kinds, by kopf, for objects that carry our instance id."""
        scope = Scope(kind, self.settings.namespace, self.settings.instance_selector)
        follower: OwnKind[Any] = OwnKind(
            self.kube,
            scope,
            store,
            on_change,
            on_request=self.metrics.count_request,
            restore_signals=self._restore_signals,
        )
        self._begin(follower)

    def follow(
        self,
        kind: Kind,
        store: Store[Any],
        on_change: Callable[[Change[Any]], None],
        *,
        label_selector: str = "",
    ) -> None:
        """Follow a kind of others' that is needed from the start."""
        scope = Scope(kind, self._namespace(kind), label_selector)

        def tell(event_type: str, manifest: Manifest) -> None:
            for listener in self._listeners.get(kind, ()):
                listener(event_type, manifest)

        self._begin(Informer(self.kube, scope, store, on_change, on_manifest=tell))

    def listen(self, kind: Kind, on_event: Callable[[str, Manifest], None]) -> None:
        """Hear what another loop, which follows a kind, is told of it.

        Two loops that read the same objects share one watch. `on_event` is called as that of
        `ensure_informer` is.
        """
        self._listeners.setdefault(kind, []).append(on_event)

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
        """Wait until everything that is needed from the start is known."""
        for follower in self.required:
            await follower.synced.wait()

    def open(self) -> None:
        """Begin to work, on every object there is: another may have changed any of them."""
        for served in self._served.values():
            for key in served.list_keys():
                self.queues[served.lane].add(key)
        for queue in self.queues.values():
            queue.start()

    async def shut(self, grace_seconds: float) -> None:
        """Stop working."""
        pauses = (queue.pause(grace_seconds=grace_seconds) for queue in self.queues.values())
        await asyncio.gather(*pauses)

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

    def _begin(self, follower: Follower) -> None:
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

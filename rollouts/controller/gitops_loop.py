"""Plug GitOps into the hub: its own kinds, the objects it manages, whom a change wakes."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rollouts.api.refs import (
    APPLICATION,
    GIT_REPOSITORY,
    HELM_REPOSITORY,
    KUSTOMIZATION,
    Kind,
    Manifest,
)
from rollouts.controller.capabilities import ServedCapabilities
from rollouts.gitops.redact import redact
from rollouts.gitops.render import Renderer
from rollouts.gitops.room import OwnStores
from rollouts.gitops.service import POLL, GitOps
from rollouts.gitops.source import GitCache
from rollouts.kube.store import Store
from rollouts.telemetry.metrics import AppSample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rollouts.controller.hub import Hub
    from rollouts.controller.queue import Key
    from rollouts.kube.store import Change

LANE = "gitops"
OWN_KINDS = (APPLICATION, GIT_REPOSITORY, HELM_REPOSITORY, KUSTOMIZATION)


class GitOpsLoop:
    """Works on Applications, sources and Kustomizations."""

    def __init__(self, *, poll: timedelta = POLL) -> None:
        """Prepare.

        Args:
            poll: time between two looks at the repository of an Application.
        """
        self._poll = poll
        self._stores = {kind.kind: Store(_whole) for kind in OWN_KINDS}
        self._hub: Hub
        self._gitops: GitOps
        # One listener for each kind, so that the hub knows it again.
        self._listeners: dict[Kind, Callable[[str, Manifest], None]] = {}
        self._cache: tempfile.TemporaryDirectory[str] | None = None

    def install(self, hub: Hub) -> None:
        """Follow our own kinds and serve them."""
        self._hub = hub
        git = GitCache(self._cache_directory(hub), clock=hub.clock)
        capabilities = ServedCapabilities(hub.kube, hub.clock)
        self._gitops = GitOps(
            hub.cluster,
            git,
            OwnStores(
                applications=self._stores[APPLICATION.kind],
                git_repositories=self._stores[GIT_REPOSITORY.kind],
                helm_repositories=self._stores[HELM_REPOSITORY.kind],
                kustomizations=self._stores[KUSTOMIZATION.kind],
            ),
            clock=hub.clock,
            discover=hub.kube.discover,
            renderer=Renderer(git.work, capabilities=capabilities),
            ensure_watch=self._ensure_watch,
            poll=self._poll,
        )
        for kind in OWN_KINDS:
            hub.serve(
                kind.kind,
                self._reconcile,
                lane=LANE,
                workers=hub.settings.gitops_workers,
                keys=self._keys(kind),
            )
            hub.follow_own(kind, self._stores[kind.kind], self._waker(kind))

    def samples(self) -> Iterator[AppSample]:
        """Describe all Applications for the metrics."""
        for manifest in self._stores[APPLICATION.kind].items():
            metadata, status = manifest["metadata"], manifest.get("status") or {}
            spec = manifest.get("spec") or {}
            yield AppSample(
                namespace=metadata.get("namespace", ""),
                name=metadata["name"],
                project=spec.get("project") or "default",
                repo=redact(_source(spec).get("repoURL") or ""),
                dest_namespace=(spec.get("destination") or {}).get("namespace") or "",
                sync_status=(status.get("sync") or {}).get("status") or "Unknown",
                health_status=(status.get("health") or {}).get("status") or "Unknown",
            )

    def _cache_directory(self, hub: Hub) -> str:
        if hub.settings.git_cache:
            return hub.settings.git_cache
        self._cache = tempfile.TemporaryDirectory(prefix="rollouts-git-")
        return self._cache.name

    def _keys(self, kind: Kind) -> Callable[[], Iterator[Key]]:
        def keys() -> Iterator[Key]:
            for manifest in self._stores[kind.kind].items():
                metadata = manifest["metadata"]
                yield (kind.kind, metadata.get("namespace", ""), metadata["name"])

        return keys

    def _waker(self, kind: Kind) -> Callable[[Change[Any]], None]:
        def wake(change: Change[Any]) -> None:
            self._hub.wake((kind.kind, change.namespace, change.name))
            manifest = change.old if change.new is None else change.new
            if manifest is not None:
                self._tell(kind, manifest, deleted=change.new is None)

        return wake

    async def _ensure_watch(self, kind: Kind) -> None:
        """Have changes of a managed kind wake the units that they concern."""

        def on_event(event_type: str, manifest: Manifest) -> None:
            self._tell(kind, manifest, deleted=event_type == "DELETED")

        if kind.kind in self._stores and kind in OWN_KINDS:
            return  # Followed already; their changes are told as they come.
        await self._hub.ensure_informer(kind, self._listeners.setdefault(kind, on_event))

    def _tell(self, kind: Kind, manifest: Manifest, *, deleted: bool) -> None:
        for key in self._gitops.keys_for_change(kind, manifest, deleted=deleted):
            self._hub.wake(key)

    async def _reconcile(self, key: Key) -> datetime | None:
        return await self._gitops.reconcile(key)


def _source(spec: Manifest) -> Manifest:
    sources = spec.get("sources") or [spec.get("source") or {}]
    return dict(sources[0])


def _whole(manifest: Manifest) -> Manifest:
    return manifest

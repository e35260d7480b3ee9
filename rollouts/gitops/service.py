"""GitOps as the controller plugs it in: reconcile a key, and which keys a change concerns."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from rollouts.api.refs import (
    APPLICATION,
    GIT_REPOSITORY,
    HELM_REPOSITORY,
    KUSTOMIZATION,
    SECRET,
    Kind,
    Manifest,
)
from rollouts.gitops.compare import Access
from rollouts.gitops.contents import Contents
from rollouts.gitops.engine import Engine, EnsureWatch
from rollouts.gitops.frontends.helm_index import fetch_index
from rollouts.gitops.kinds import Discover, Kinds
from rollouts.gitops.live import LiveObjects
from rollouts.gitops.login import SECRET_TYPE, Logins
from rollouts.gitops.model import Family, ResourceKey, UnitId
from rollouts.gitops.passes.application import reconcile_application
from rollouts.gitops.passes.kustomization import reconcile_kustomization
from rollouts.gitops.passes.sources import (
    FetchIndex,
    reconcile_git_repository,
    reconcile_helm_repository,
)
from rollouts.gitops.render import Renderer
from rollouts.gitops.room import Key, OwnStores, Room, error_delay
from rollouts.gitops.source import GitCache
from rollouts.gitops.tracking import marks, names_object
from rollouts.kube.cluster import Cluster
from rollouts.kube.errors import ClusterError, Conflict, NotFound
from rollouts.kube.store import Store

_LOGGER = logging.getLogger(__name__)

POLL = timedelta(seconds=60)
"""Time between two looks at the repository of an Application."""

CONTROL_NAMESPACE = "argocd"
"""Where Applications are at home: there a tracking id names them without their namespace."""

CONCURRENT_CALLS = 8

_RACE_DELAY = timedelta(seconds=1)  # For the watch to bring what we lost the race against.


class GitOps:
    """Reconciles Applications, GitRepositories, HelmRepositories and Kustomizations.

    One key is never reconciled twice at the same time; different keys may be.
    """

    def __init__(
        self,
        cluster: Cluster,
        git: GitCache,
        stores: OwnStores,
        *,
        clock: Callable[[], datetime],
        discover: Discover,
        renderer: Renderer | None = None,
        ensure_watch: EnsureWatch | None = None,
        control_namespace: str = CONTROL_NAMESPACE,
        poll: timedelta = POLL,
        at_once: int = CONCURRENT_CALLS,
        fetch_index: FetchIndex = fetch_index,
    ) -> None:
        """Take the tools.

        Args:
            stores: whole manifests of our own kinds, fed by the operator.
            clock: tells the time in UTC.
            discover: finds how a kind is served; raises `NotFound` for one that is not.
            ensure_watch: makes sure that changes of a kind reach `keys_for_change`, and returns
                once the watch stands. Without it every pass reads all objects anew.
            at_once: calls under way at the same time for one unit; 1 awaits nothing but calls.
        """
        self._live = LiveObjects()
        self._stores = stores
        self._control_namespace = control_namespace
        self._fetch_index = fetch_index
        self._room = Room(
            cluster=cluster,
            engine=Engine(
                access=Access(cluster, self._live, at_once),
                kinds=Kinds(discover),
                control_namespace=control_namespace,
                unit_exists=self._unit_exists,
                ensure_watch=ensure_watch,
            ),
            contents=Contents(git, renderer or Renderer(git.work)),
            git=git,
            logins=Logins(cluster, control_namespace),
            stores=stores,
            clock=clock,
            control_namespace=control_namespace,
            poll=poll,
        )

    async def reconcile(self, key: Key) -> datetime | None:
        """Run one pass of an object of our own.

        Returns:
            When to call again unasked; None when only a change can bring news.

        Raises:
            KeyError: the kind is not ours.
        """
        kind, namespace, name = key
        memory = self._room.memory(key)
        now = self._room.clock()
        try:
            wake_at = await self._run(kind, namespace, name)
        except (Conflict, NotFound) as error:
            # Changed or deleted under our hands; the store hears of it in a moment.
            _LOGGER.debug("key=%s/%s/%s race=%s", kind, namespace, name, error)
            memory.dirty = True
            return now + _RACE_DELAY
        except ClusterError as error:
            memory.errors += 1
            memory.dirty = True
            wake_at = now + error_delay(memory.errors)
            _LOGGER.warning(
                "key=%s/%s/%s error=%s retry=%s", kind, namespace, name, error, wake_at.isoformat()
            )
            return wake_at
        memory.errors = 0
        return wake_at

    async def _run(self, kind: str, namespace: str, name: str) -> datetime | None:
        match kind:
            case APPLICATION.kind:
                return await reconcile_application(self._room, namespace, name)
            case KUSTOMIZATION.kind:
                return await reconcile_kustomization(self._room, namespace, name)
            case GIT_REPOSITORY.kind:
                return await reconcile_git_repository(self._room, namespace, name)
            case HELM_REPOSITORY.kind:
                return await reconcile_helm_repository(
                    self._room, namespace, name, self._fetch_index
                )
            case _:
                raise KeyError(kind)

    def keys_for_change(
        self, kind: Kind, manifest: Manifest, *, deleted: bool = False
    ) -> tuple[Key, ...]:
        """Return the keys that a change concerns, and remember the object for their next pass.

        To be called for every event of a watched kind and of our own kinds: an object's units
        are those that declare it and the one its mark names; a source's are its users. A change
        of one of our own kinds does not bring its own key; the operator knows that one.
        """
        metadata = manifest.get("metadata") or {}
        key = ResourceKey(
            kind.group, kind.kind, str(metadata.get("namespace") or ""), str(metadata["name"])
        )
        # Items of a list may lack what a single object states about its type.
        typed = {"apiVersion": kind.api_version, "kind": kind.kind, **manifest}
        units = dict.fromkeys(self._live.observe(key, typed, deleted=deleted))
        for mark in marks(manifest, self._control_namespace):
            if names_object(mark, key) and mark.unit in self._live.units:
                units.setdefault(mark.unit)
        found: dict[Key, None] = {_key_of(unit): None for unit in units}
        found.update(dict.fromkeys(self._dependents(kind, key)))
        if kind == SECRET and SECRET_TYPE in (metadata.get("labels") or {}):
            self._room.logins.forget()
        for each in found:
            self._room.memory(each).dirty = True
        return tuple(found)

    def _dependents(self, kind: Kind, key: ResourceKey) -> tuple[Key, ...]:
        """Return the Kustomizations that use a source, or depend on a Kustomization."""
        if kind.kind not in (GIT_REPOSITORY.kind, KUSTOMIZATION.kind):
            return ()
        if kind.group not in (GIT_REPOSITORY.group, KUSTOMIZATION.group):
            return ()
        found: list[Key] = []
        for manifest in self._stores.kustomizations.items():
            metadata, spec = manifest["metadata"], manifest.get("spec") or {}
            namespace = str(metadata.get("namespace") or "")
            source = spec.get("sourceRef") or {}
            refs = [source] if kind.kind == GIT_REPOSITORY.kind else spec.get("dependsOn") or []
            for ref in refs:
                if kind.kind == GIT_REPOSITORY.kind and ref.get("kind") != kind.kind:
                    continue
                if (ref.get("namespace") or namespace, ref.get("name")) == (
                    key.namespace,
                    key.name,
                ):
                    found.append((KUSTOMIZATION.kind, namespace, str(metadata["name"])))
        return tuple(found)

    def _unit_exists(self, unit: UnitId) -> bool:
        store: Store[Manifest] = (
            self._stores.applications
            if unit.family is Family.APPLICATION
            else self._stores.kustomizations
        )
        return store.get(unit.namespace, unit.name) is not None


def _key_of(unit: UnitId) -> Key:
    return unit.family.value, unit.namespace, unit.name

"""The one way to write a unit's own object: the difference only, guarded by its version."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from rollouts.api.refs import Manifest, ObjectRef
from rollouts.gitops.frontends.documents import merge_patch
from rollouts.kube.cluster import Cluster, PatchType
from rollouts.kube.errors import Conflict, NotFound, Unserved
from rollouts.kube.mending import unserved
from rollouts.kube.store import Store

Aside: TypeAlias = Callable[[Manifest], Manifest]
"""Returns what to change beside the status, given the newest object; empty for nothing."""

CONFLICTS_MAX = 4


def nothing(_manifest: Manifest) -> Manifest:
    """Change nothing beside the status."""
    return {}


class StatusDoor:
    """Writes the status of one object during one pass."""

    def __init__(
        self, cluster: Cluster, store: Store[Manifest], ref: ObjectRef, manifest: Manifest
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._ref = ref
        self.manifest = manifest

    @property
    def status(self) -> Manifest:
        """Return the status as it stands in the cluster, as far as we know."""
        found = self.manifest.get("status")
        return found if isinstance(found, dict) else {}

    async def write(
        self, status: Manifest, *, aside: Aside = nothing, subresource: str = ""
    ) -> None:
        """Store a status; no difference, no call.

        A lost race is looked at again: what others changed stays, and what was to be changed
        beside the status is decided anew. A status that others changed is not written over: it
        may hold a request, and the next pass reads it.

        Raises:
            Conflict: the next pass has to try again.
        """
        for _ in range(CONFLICTS_MAX):
            change = merge_patch(self.status, status)
            body = aside(self.manifest)
            if change:
                body = {**body, "status": change}
            if not body:
                return
            metadata = {
                **(body.get("metadata") or {}),
                "resourceVersion": self.manifest["metadata"].get("resourceVersion", ""),
            }
            try:
                written = await self._cluster.patch(
                    self._ref,
                    {**body, "metadata": metadata},
                    PatchType.MERGE,
                    subresource=subresource,
                )
            except Conflict:
                before, self.manifest = self.status, await self._cluster.get(self._ref)
                self._store.wrote(self.manifest)
                if self.status != before:
                    raise
                continue
            except NotFound:
                await self._check_subresource(subresource)
                raise
            self.manifest = written
            self._store.wrote(written)
            return
        raise Conflict(f"{self._ref}: others keep writing to it; its status is written later")

    async def _check_subresource(self, subresource: str) -> None:
        """Tell an object that is gone from one whose definition has no such subresource."""
        if not subresource:
            return
        try:
            found = await self._cluster.get(self._ref)
        except NotFound:
            return
        if found["metadata"].get("uid") == self.manifest["metadata"].get("uid"):
            raise Unserved(unserved(self._ref, subresource))

"""A `Cluster` that passes every call on: the base of those that add one thing to some calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollouts.kube.cluster import PatchType

if TYPE_CHECKING:
    from rollouts.api.refs import Kind, Manifest, ObjectRef
    from rollouts.kube.cluster import Cluster


class Forward:
    """Implements `Cluster` by another one."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def get(self, ref: ObjectRef) -> Manifest:
        """Read one object."""
        return await self._cluster.get(ref)

    async def list(
        self, kind: Kind, namespace: str = "", *, label_selector: str = ""
    ) -> list[Manifest]:
        """Read all objects of a kind."""
        return await self._cluster.list(kind, namespace, label_selector=label_selector)

    async def create(self, manifest: Manifest, kind: Kind, *, dry_run: bool = False) -> Manifest:
        """Create an object."""
        return await self._cluster.create(manifest, kind, dry_run=dry_run)

    async def patch(
        self,
        ref: ObjectRef,
        body: Any,
        patch_type: PatchType = PatchType.MERGE,
        *,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Manifest:
        """Change an object."""
        return await self._cluster.patch(
            ref, body, patch_type, subresource=subresource, dry_run=dry_run
        )

    async def apply(
        self,
        ref: ObjectRef,
        manifest: Manifest,
        *,
        field_manager: str,
        force: bool = True,
        dry_run: bool = False,
    ) -> Manifest:
        """Server-side apply."""
        return await self._cluster.apply(
            ref, manifest, field_manager=field_manager, force=force, dry_run=dry_run
        )

    async def update(self, ref: ObjectRef, manifest: Manifest) -> Manifest:
        """Replace an object."""
        return await self._cluster.update(ref, manifest)

    async def delete(
        self, ref: ObjectRef, *, uid: str = "", propagation: str = "Background"
    ) -> None:
        """Delete an object."""
        await self._cluster.delete(ref, uid=uid, propagation=propagation)

    async def evict(self, ref: ObjectRef, *, uid: str = "") -> None:
        """Ask for the eviction of a pod."""
        await self._cluster.evict(ref, uid=uid)

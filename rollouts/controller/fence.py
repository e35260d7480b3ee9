"""Keep a controller that has lost its leadership from writing, whatever its passes believe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollouts.kube.cluster import PatchType
from rollouts.kube.errors import Unavailable
from rollouts.kube.forward import Forward

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollouts.api.refs import Kind, Manifest, ObjectRef
    from rollouts.kube.cluster import Cluster


class FencedCluster(Forward):
    """A `Cluster` whose writes are refused once `may_write` says no.

    A process that was frozen in the middle of a pass wakes up inside it; its next write comes
    here before it reaches the server.
    """

    def __init__(self, cluster: Cluster, may_write: Callable[[], bool]) -> None:
        super().__init__(cluster)
        self._may_write = may_write

    async def create(self, manifest: Manifest, kind: Kind, *, dry_run: bool = False) -> Manifest:
        """Create an object."""
        self._check(f"create {kind.kind}")
        return await super().create(manifest, kind, dry_run=dry_run)

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
        self._check(f"patch {ref}")
        return await super().patch(ref, body, patch_type, subresource=subresource, dry_run=dry_run)

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
        self._check(f"apply {ref}")
        return await super().apply(
            ref, manifest, field_manager=field_manager, force=force, dry_run=dry_run
        )

    async def update(self, ref: ObjectRef, manifest: Manifest) -> Manifest:
        """Replace an object."""
        self._check(f"update {ref}")
        return await super().update(ref, manifest)

    async def delete(
        self, ref: ObjectRef, *, uid: str = "", propagation: str = "Background"
    ) -> None:
        """Delete an object."""
        self._check(f"delete {ref}")
        await super().delete(ref, uid=uid, propagation=propagation)

    async def evict(self, ref: ObjectRef, *, uid: str = "") -> None:
        """Ask for the eviction of a pod."""
        self._check(f"evict {ref}")
        await super().evict(ref, uid=uid)

    def _check(self, deed: str) -> None:
        if not self._may_write():
            raise Unavailable(f"{deed}: not the leader any more")

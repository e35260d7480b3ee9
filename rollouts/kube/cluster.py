"""The door to an API server, as the deciding and syncing parts see it.

Everything a reconcile awaits is a method of `Cluster`; the Kubernetes client implements it
for production and the simulator implements it over the embedded cluster, call by call.
All methods raise the errors of `rollouts.kube.errors` and nothing else.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rollouts.api.refs import Kind, Manifest, ObjectRef


class PatchType(StrEnum):
    """Patch content types of the Kubernetes API."""

    MERGE = "application/merge-patch+json"
    JSON = "application/json-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    APPLY = "application/apply-patch+yaml"


class Cluster(Protocol):
    """Eight calls; each is one HTTP request and returns the object as the server stored it."""

    async def get(self, ref: ObjectRef) -> Manifest:
        """Read one object."""
        ...

    async def list(
        self, kind: Kind, namespace: str = "", *, label_selector: str = ""
    ) -> list[Manifest]:
        """Read all objects of a kind, of one namespace or (empty) of all of them."""
        ...

    async def create(self, manifest: Manifest, kind: Kind, *, dry_run: bool = False) -> Manifest:
        """Create an object. Raises `AlreadyExists` when the name is taken."""
        ...

    async def patch(
        self,
        ref: ObjectRef,
        body: Any,
        patch_type: PatchType = PatchType.MERGE,
        *,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Manifest:
        """Change an object. A `metadata.resourceVersion` in a merge body is a precondition.

        A failed `test` of a JSON patch is raised as `Conflict`: somebody else wrote first.
        """
        ...

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
        ...

    async def update(self, ref: ObjectRef, manifest: Manifest) -> Manifest:
        """Replace an object; `metadata.resourceVersion` inside it is a precondition."""
        ...

    async def delete(
        self, ref: ObjectRef, *, uid: str = "", propagation: str = "Background"
    ) -> None:
        """Delete an object; a `uid` is a precondition. Raises `NotFound` when it is gone."""
        ...

    async def evict(self, ref: ObjectRef, *, uid: str = "") -> None:
        """Ask for the eviction of a pod. Raises `Unavailable` when a budget forbids it now."""
        ...

"""Speak the Kubernetes API: `Cluster` over HTTP, with watches, pages and discovery."""

from __future__ import annotations

import contextlib
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import orjson

from rollouts.api.refs import LEASE, Kind, Manifest, ObjectRef
from rollouts.kube.answers import Call, read_watch_error
from rollouts.kube.cluster import PatchType
from rollouts.kube.discovery import Discovery
from rollouts.kube.errors import Gone, NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from rollouts.kube.http import Transport

FIELD_MANAGER = "rollouts"
"""The name under which the server remembers which fields our ordinary writes own."""

PAGE_SIZE = 250
"""Objects of one page of a list: what client-go uses; 5 MB of large objects at most."""

INACTIVITY_SECONDS_MAX = 90.0
"""A watch that says nothing for this long is dead: the server sends a bookmark every minute."""

METADATA_ONLY = (
    "application/json;as={what};g=meta.k8s.io;v=v1,application/json;q=0.9"  # 0.9: else as it is
)


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a list's objects, and the resourceVersion of the whole list."""

    items: tuple[Manifest, ...]
    resource_version: str


class KubeCluster:
    """A real cluster. Implements `rollouts.kube.cluster.Cluster` and, beyond it, watching."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self._discovery = Discovery(transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self.transport.close()

    async def version(self) -> str:
        """Return the server's version, such as v1.34.1; fails as any call does."""
        call = Call("GET", "discover", "server version", "version", "/version")
        return str(_object(call, await self.transport.send(call)).get("gitVersion", "unknown"))

    async def discover(self, api_version: str, kind: str) -> Kind:
        """Find how a kind is served.

        Raises:
            NotFound: it is not; its CustomResourceDefinition may be missing.
        """
        return await self._discovery.find(api_version, kind)

    async def api_versions(self) -> tuple[str, ...]:
        """Return what is served outside the core, such as apps/v1 and apps/v1/Deployment."""
        return await self._discovery.served()

    async def serves(self, kind: Kind) -> bool:
        """Ask whether a kind is served at this moment: definitions come and go."""
        await self._discovery.refresh(kind.api_version)
        try:
            found = await self._discovery.find(kind.api_version, kind.kind)
        except NotFound:
            return False
        return found.plural == kind.plural

    async def get(self, ref: ObjectRef) -> Manifest:
        """Read one object."""
        return await self._send("GET", "get", ref)

    async def list(
        self, kind: Kind, namespace: str = "", *, label_selector: str = ""
    ) -> list[Manifest]:
        """Read all objects of a kind, page by page."""
        try:
            pages = [page async for page in self.pages(kind, namespace, label_selector)]
        except Gone:
            # The list outlived the history that its pages are read from. Without pages there is
            # nothing to outlive.
            pages = [page async for page in self.pages(kind, namespace, label_selector, size=0)]
        return [item for page in pages for item in page.items]

    async def pages(
        self,
        kind: Kind,
        namespace: str = "",
        label_selector: str = "",
        *,
        size: int = PAGE_SIZE,
        metadata_only: bool = False,
    ) -> AsyncGenerator[Page, None]:
        """Read all objects of a kind; every page carries the version of the same snapshot.

        Raises:
            Gone: reading took so long that the snapshot is no longer there; begin again.
        """
        selector = [("labelSelector", label_selector)] if label_selector else []
        limit = [("limit", str(size))] if size else []
        token: list[tuple[str, str]] = []
        while True:
            call = Call(
                "GET",
                "list",
                _subject(kind, namespace),
                kind.plural,
                _path(kind, namespace),
                (*selector, *limit, *token),
                accept=_accept("PartialObjectMetadataList", metadata_only=metadata_only),
            )
            document = _object(call, await self.transport.send(call))
            metadata = document.get("metadata") or {}
            items = tuple(_typed(document.get("items") or (), kind))
            yield Page(items, metadata.get("resourceVersion", ""))
            if not metadata.get("continue"):
                return
            token = [("continue", metadata["continue"])]

    async def watch(
        self,
        kind: Kind,
        namespace: str = "",
        label_selector: str = "",
        resource_version: str = "",
        *,
        metadata_only: bool = False,
        inactivity_seconds_max: float = INACTIVITY_SECONDS_MAX,
    ) -> AsyncGenerator[tuple[str, Manifest], None]:
        """Iterate over changes after a version: type (also BOOKMARK) and object.

        Ends when the server ends the stream or has been silent for too long: watch again from
        the last version seen.

        Raises:
            Gone: that version is no longer in the history: list again.
        """
        query = [("watch", "1"), ("allowWatchBookmarks", "true")]
        if resource_version:
            query.append(("resourceVersion", resource_version))
        if label_selector:
            query.append(("labelSelector", label_selector))
        call = Call(
            "GET",
            "watch",
            _subject(kind, namespace),
            kind.plural,
            _path(kind, namespace),
            tuple(query),
            accept=_accept("PartialObjectMetadata", metadata_only=metadata_only),
        )
        stream = self.transport.stream(call, inactivity_seconds_max=inactivity_seconds_max)
        async with contextlib.aclosing(stream) as lines:
            async for line in lines:
                event = _object(call, line)
                if event.get("type") == "ERROR":
                    raise read_watch_error(call, event.get("object") or {})
                yield event["type"], event["object"]

    async def create(self, manifest: Manifest, kind: Kind, *, dry_run: bool = False) -> Manifest:
        """Create an object."""
        metadata = manifest["metadata"]
        name = metadata.get("name") or f"{metadata.get('generateName', '')}*"
        namespace = metadata.get("namespace", "")
        call = Call(
            "POST",
            "create",
            str(ObjectRef(kind, namespace, name)),
            kind.plural,
            _path(kind, namespace),
            _write_query(dry_run=dry_run),
            orjson.dumps(manifest),
            urgent=kind == LEASE,
        )
        return _object(call, await self.transport.send(call))

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
        return await self._send(
            "PATCH",
            "patch",
            ref,
            body,
            subresource=subresource,
            content_type=patch_type,
            query=_write_query(dry_run=dry_run),
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
        query = _write_query(dry_run=dry_run, field_manager=field_manager)
        return await self._send(
            "PATCH",
            "apply",
            ref,
            manifest,
            content_type=PatchType.APPLY,
            query=(*query, ("force", "true" if force else "false")),
        )

    async def update(self, ref: ObjectRef, manifest: Manifest) -> Manifest:
        """Replace an object."""
        return await self._send("PUT", "update", ref, manifest, query=_write_query())

    async def delete(
        self, ref: ObjectRef, *, uid: str = "", propagation: str = "Background"
    ) -> None:
        """Delete an object; a `uid` is a precondition."""
        options: Manifest = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
        }
        if uid:
            options["preconditions"] = {"uid": uid}
        await self._send("DELETE", "delete", ref, options)

    async def evict(self, ref: ObjectRef, *, uid: str = "") -> None:
        """Ask for the eviction of a pod; a disruption budget that forbids it is `Unavailable`."""
        options = {"deleteOptions": {"preconditions": {"uid": uid}}} if uid else {}
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"namespace": ref.namespace, "name": ref.name},
            **options,
        }
        await self._send("POST", "create", ref, eviction, subresource="eviction")

    async def _send(
        self,
        method: str,
        verb: str,
        ref: ObjectRef,
        body: Any = None,
        *,
        subresource: str = "",
        content_type: str = "application/json",
        query: tuple[tuple[str, str], ...] = (),
    ) -> Manifest:
        tail = f"/{subresource}" if subresource else ""
        call = Call(
            method,
            verb,
            f"{ref}{tail}",
            f"{ref.kind.plural}{tail}",
            f"{_path(ref.kind, ref.namespace)}/{_segment(ref.name)}{tail}",
            query,
            None if body is None else orjson.dumps(body),
            content_type,
            urgent=ref.kind == LEASE,
        )
        return _object(call, await self.transport.send(call))


def _write_query(
    *, dry_run: bool = False, field_manager: str = FIELD_MANAGER
) -> tuple[tuple[str, str], ...]:
    manager = ("fieldManager", field_manager)
    return (manager, ("dryRun", "All")) if dry_run else (manager,)


def _path(kind: Kind, namespace: str) -> str:
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    scope = f"/namespaces/{_segment(namespace)}" if namespace and kind.namespaced else ""
    return f"{root}{scope}/{kind.plural}"


@functools.lru_cache(maxsize=4096)
def _segment(name: str) -> str:
    """Return a name as a segment of a path."""
    return quote(name, safe="")


def _subject(kind: Kind, namespace: str) -> str:
    return f"{kind.kind}/{namespace}" if namespace else kind.kind


def _accept(what: str, *, metadata_only: bool) -> str:
    return METADATA_ONLY.format(what=what) if metadata_only else "application/json"


def _object(call: Call, body: bytes) -> Manifest:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        # A proxy's page, or an answer cut short.
        raise Unavailable(f"{call.verb} {call.subject}: the answer is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise Unavailable(f"{call.verb} {call.subject}: the answer is not an object")
    return document


def _typed(items: Iterable[Manifest], kind: Kind) -> Iterable[Manifest]:
    """Give the items of a list their type, which servers leave out there."""
    for item in items:
        item["apiVersion"] = kind.api_version
        item["kind"] = kind.kind
        yield item

"""Objects, lists and watch events in the form a client asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollouts.emulator.errors import bad_request
from rollouts.emulator.web.answers import JSON, not_acceptable
from rollouts.emulator.web.negotiation import PARTIAL, PARTIAL_LIST, TABLE, choose_form
from rollouts.emulator.web.tables import make_table, partial_metadata

if TYPE_CHECKING:
    from datetime import datetime

    from rollouts.emulator.reading import ListResult
    from rollouts.emulator.resources import Manifest, ResourceType
    from rollouts.emulator.watch import WatchEvent


class Renderer:
    """Renders answers about one resource for one request.

    Args:
        accept: the client's Accept header.
        include: what a table row carries of its object.

    Raises:
        ApiError: 406, none of the forms is there; 400, `include` is none of those there are.
    """

    def __init__(self, rt: ResourceType, accept: str, now: datetime, *, include: str = "") -> None:
        form = choose_form(accept or "*/*", kinds=(TABLE, PARTIAL, PARTIAL_LIST))
        if form is None:
            raise not_acceptable(JSON)
        self._rt = rt
        self._now = now
        self._kind = form.kind
        self._include = include or "Metadata"
        if self._kind == TABLE and self._include not in {"Metadata", "Object", "None"}:
            raise bad_request(
                "Unable to convert to Table as requested: includeObject: Invalid value: "
                f"\"{include}\": must be 'Metadata', 'Object', 'None', or empty"
            )
        self._headers_sent = False

    @property
    def content_type(self) -> str:
        """Return the media type of what is rendered."""
        return JSON

    def one(self, manifest: Manifest) -> Manifest:
        """Render one object; a Status stays what it is."""
        if manifest.get("kind") == "Status" or not self._kind:
            return manifest
        if self._kind == TABLE:
            version = manifest["metadata"].get("resourceVersion", "")
            return self._table((manifest,), {"resourceVersion": version})
        return partial_metadata(manifest)

    def many(self, result: ListResult) -> Manifest:
        """Render a page of a list."""
        metadata: Manifest = {"resourceVersion": result.resource_version}
        if result.continue_:
            metadata["continue"] = result.continue_
        if result.remaining is not None:
            metadata["remainingItemCount"] = result.remaining
        if self._kind == TABLE:
            return self._table(result.items, metadata)
        if self._kind:
            items = [partial_metadata(item) for item in result.items]
            kind, api_version = PARTIAL_LIST, "meta.k8s.io/v1"
        else:
            items = [self._bare(item) for item in result.items]
            kind, api_version = self._rt.list_kind, self._rt.api_version
        return {"kind": kind, "apiVersion": api_version, "metadata": metadata, "items": items}

    def event(self, event: WatchEvent) -> Manifest:
        """Render the object of a watch event."""
        if self._kind == TABLE:
            rows = () if event.type == "BOOKMARK" else (event.object,)
            metadata = {"resourceVersion": event.resource_version}
            headers, self._headers_sent = not self._headers_sent, True
            return self._table(rows, metadata, headers=headers)
        if self._kind:
            return partial_metadata(event.object)
        return event.object

    def _bare(self, item: Manifest) -> Manifest:
        """Leave the type out of items of built-in lists, as the real server does."""
        if self._rt.custom:
            return item
        return {key: item[key] for key in item if key not in {"kind", "apiVersion"}}

    def _table(
        self, items: tuple[Manifest, ...], metadata: Manifest, *, headers: bool = True
    ) -> Manifest:
        return make_table(
            self._rt,
            items,
            self._now,
            metadata=metadata,
            include=self._include,
            headers=headers,
        )

"""What the server knows about the content of a type, common to built-in and custom ones.

A model answers every question the verbs have about a type: how a manifest is read, which parts a
request may touch, what the server fills in, when the generation counts, what is invalid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollouts.emulator.fields import not_under, only_under
from rollouts.emulator.ownership import track_update
from rollouts.emulator.patches import equal

if TYPE_CHECKING:
    from rollouts.emulator.engine import Engine, Request
    from rollouts.emulator.errors import Cause
    from rollouts.emulator.fields import Trie
    from rollouts.emulator.nodes import Node
    from rollouts.emulator.resources import Manifest, ResourceType


class Model:
    """The content of one type in one version."""

    default_propagation = "Background"
    create_on_update = False
    unconditional_update = True
    graceful = False
    shows_deleted = False
    counts_generation = True
    owned_through_status: tuple[str, ...] = ("f:status",)

    def __init__(self, rt: ResourceType, root: Node) -> None:
        self.rt = rt
        self.root = root
        self.converts = rt.version != rt.storage_version
        self.has_status = rt.has_subresource("status")

    def decode(self, manifest: Manifest, known: Manifest | None) -> tuple[Manifest, list[str]]:
        """Return the object as the server keeps it, and the paths of fields it did not know.

        Raises:
            ApiError: 400, a value does not fit its type.
        """
        raise NotImplementedError

    def blank(self) -> Manifest:
        """Return the object that a new one is compared with to tell which fields were set."""
        raise NotImplementedError

    def appliable(self, fields: Trie, subresource: str) -> Trie:
        """Return the part of an applied set that this (sub)resource lets its applier own."""
        if subresource == "status":
            return only_under(fields, self.owned_through_status)
        return not_under(fields, ("f:status",)) if self.has_status else fields

    def scope_create(self, new: Manifest) -> Manifest:
        """Return a new object without what its creator may not set."""
        raise NotImplementedError

    def scope_update(self, new: Manifest, before: Manifest, subresource: str) -> Manifest:
        """Return a changed object with the parts kept that this request may not change."""
        raise NotImplementedError

    def own(self, new: Manifest, before: Manifest | None, request: Request, now: str) -> Manifest:
        """Return the object with `managedFields` brought up to date after an ordinary write."""
        return track_update(
            self.root,
            new,
            before,
            blank=self.blank() if before is None else None,
            request=request,
            now=now,
        )

    def prepare_create(self, new: Manifest, engine: Engine) -> Manifest:
        """Return a new object with what the server allocates."""
        del engine
        return new

    def prepare_update(self, new: Manifest, before: Manifest, engine: Engine) -> Manifest:
        """Return a changed object with what the server allocates."""
        del before, engine
        return new

    def is_new_generation(self, new: Manifest, before: Manifest) -> bool:
        """Tell whether the change asks for something new."""
        return any(
            not equal(new.get(key), before.get(key))
            for key in (*new, *(key for key in before if key not in new))
            if key not in ("metadata", "status")
        )

    def validate(self, manifest: Manifest, old: Manifest | None) -> list[Cause]:
        """Return everything wrong with the content."""
        raise NotImplementedError

    def from_storage(self, stored: Manifest) -> Manifest:
        """Return a stored object in this version."""
        return {**stored, "apiVersion": self.rt.api_version} if self.converts else stored

    def to_storage(self, manifest: Manifest) -> Manifest:
        """Return an object of this version as it is stored."""
        if not self.converts:
            return manifest
        version = self.rt.storage_version
        api_version = f"{self.rt.group}/{version}" if self.rt.group else version
        return {**manifest, "apiVersion": api_version}

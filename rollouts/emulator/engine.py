"""What all verbs share: types, tables, names, and the one door through which things change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollouts.emulator.catalog import model_of
from rollouts.emulator.errors import no_such_resource
from rollouts.emulator.metadata import format_time
from rollouts.emulator.names import generate_name, make_uid
from rollouts.emulator.resources import Registry
from rollouts.emulator.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rollouts.emulator.models import Model
    from rollouts.emulator.resources import Manifest, ResourceType
    from rollouts.emulator.store import Table


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """One accepted write, as observers see it.

    `verb` is create, update, patch, apply or delete; `old` is None for a new object and `new` is
    None for one that is gone. A dry run and a write that changed nothing are not recorded.
    """

    verb: str
    rt: ResourceType
    namespace: str
    name: str
    subresource: str
    old: Manifest | None
    new: Manifest | None
    field_manager: str
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """Everything about a write but its body."""

    verb: str
    rt: ResourceType
    namespace: str
    name: str = ""
    subresource: str = ""
    field_manager: str = "unknown"
    dry_run: bool = False
    field_validation: str = "Ignore"
    warnings: list[str] | None = None

    def warn(self, message: str) -> None:
        """Tell the client something that does not stop the request."""
        if self.warnings is not None and message not in self.warnings:
            self.warnings.append(message)


class Engine:
    """What the verbs work on. Only `commit` and `remove` change anything."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        track_ownership: bool,
        history_limit: int,
        uid_seed: str,
    ) -> None:
        self.clock = clock
        self.track_ownership = track_ownership
        self.registry = Registry()
        self.store = Store(history_limit)
        self.on_write: list[Callable[[WriteRecord], None]] = []
        self.after_commit: dict[str, Callable[[Manifest | None, Manifest | None], None]] = {}
        self.after_remove: list[Callable[[ResourceType, Manifest], None]] = []
        self.terminating: dict[str, None] = {}
        self._models: dict[str, Model] = {}
        self._seed = uid_seed
        self._made = 0

    def now(self) -> str:
        """Return the present as metadata holds it."""
        return format_time(self.clock())

    def next_uid(self) -> str:
        """Return a fresh uid."""
        self._made += 1
        return make_uid(self._seed, self._made)

    def next_name(self, prefix: str, table: Table, namespace: str) -> str:
        """Return a free name that begins with `prefix`."""
        while True:
            self._made += 1
            name = generate_name(prefix, self._seed, self._made)
            if table.get(namespace, name) is None:
                return name

    def install(self, rt: ResourceType) -> None:
        """Serve a type."""
        self.registry.install(rt)
        self._models[rt.key] = model_of(rt)
        self.store.table(rt.stored_as)

    def uninstall(self, rt: ResourceType) -> None:
        """Stop serving a type; its table stays until nothing is served from it."""
        self.registry.uninstall(rt)
        self._models.pop(rt.key, None)

    def model(self, rt: ResourceType) -> Model:
        """Return what is known of a type now, which may be newer than the caller's `rt`.

        Raises:
            ApiError: 404, the type is no longer served.
        """
        found = self._models.get(rt.key)
        if found is None:
            raise no_such_resource()
        return found

    def table(self, rt: ResourceType) -> Table:
        """Return the table of a served type."""
        if rt.key not in self._models:
            raise no_such_resource()
        return self.store.tables[rt.stored_as]

    def commit(self, request: Request, new: Manifest, old: Manifest | None) -> Manifest:
        """Store an object, in its stored version, and tell whoever listens."""
        table = self.store.tables[request.rt.stored_as]
        metadata = new["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        stored = self.store.put(table, namespace, name, manifest=new, old=old)
        self._record(request, namespace, name, old=old, new=stored)
        hook = self.after_commit.get(request.rt.stored_as)
        if hook is not None:
            hook(old, stored)
        return stored

    def remove(self, request: Request, old: Manifest, last: Manifest) -> Manifest:
        """Delete an object; `last` is its final state."""
        table = self.store.tables[request.rt.stored_as]
        metadata = old["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        gone = self.store.remove(table, namespace, name, last)
        self._record(request, namespace, name, old=old, new=None)
        hook = self.after_commit.get(request.rt.stored_as)
        if hook is not None:
            hook(old, None)
        for after in self.after_remove:
            after(request.rt, gone)
        return gone

    def _record(
        self,
        request: Request,
        namespace: str,
        name: str,
        *,
        old: Manifest | None,
        new: Manifest | None,
    ) -> None:
        if not self.on_write:
            return
        record = WriteRecord(
            request.verb,
            request.rt,
            namespace,
            name,
            request.subresource,
            old,
            new,
            request.field_manager,
        )
        for observer in tuple(self.on_write):
            observer(record)

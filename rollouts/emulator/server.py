"""The in-process API server: the face of the emulator that tests, simulator and HTTP share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from rollouts.emulator.builtins import BUILTIN_TYPES
from rollouts.emulator.crds import CRD_TABLE, install_definition
from rollouts.emulator.deleting import DeleteOptions, delete
from rollouts.emulator.draining import after_removal, delete_container, is_container
from rollouts.emulator.engine import Engine, Request
from rollouts.emulator.patching import patch
from rollouts.emulator.pods import bind, evict
from rollouts.emulator.reading import ListOptions, ListResult, get, list_objects, watch
from rollouts.emulator.scaling import get_scale, patch_scale, update_scale
from rollouts.emulator.writing import check_subresource, create, update

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rollouts.emulator.engine import WriteRecord
    from rollouts.emulator.resources import Manifest, ResourceType
    from rollouts.emulator.watch import Watch

    Observers: TypeAlias = list[Callable[[WriteRecord], None]]
    Warnings: TypeAlias = list[str] | None

_FIRST_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


class ApiServer:
    """A Kubernetes API server in memory.

    Objects that go in and come out are shared, not copied: never change one in place. Every
    refusal is an `ApiError`. Time comes from `clock` alone, uids and generated names from
    `uid_seed` and a counter, so two servers given the same calls hold the same bytes.

    Args:
        clock: returns the present, an aware UTC time.
        track_ownership: keep `managedFields`; without it writes are several times faster, and
            server-side apply cannot tell owners apart.
        history_limit: how many changes of one type a watch can look back, at least.
        uid_seed: makes uids and generated names differ between servers.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        track_ownership: bool = True,
        history_limit: int = 10_000,
        uid_seed: str = "",
    ) -> None:
        self._engine = Engine(
            clock,
            track_ownership=track_ownership,
            history_limit=history_limit,
            uid_seed=uid_seed,
        )
        self.on_write: Observers = self._engine.on_write
        engine = self._engine
        for rt in BUILTIN_TYPES:
            engine.install(rt)
        engine.after_commit[CRD_TABLE] = lambda old, new: install_definition(engine, old, new)
        engine.after_remove.append(lambda rt, gone: after_removal(engine, rt, gone))
        namespaces = self.resource("", "v1", "namespaces")
        for name in _FIRST_NAMESPACES:
            self.create(namespaces, "", {"metadata": {"name": name}})

    @property
    def resource_version(self) -> str:
        """Return the present resourceVersion."""
        return str(self._engine.store.rv)

    def resources(self) -> tuple[ResourceType, ...]:
        """Return every served type, each version on its own, in the order of installation."""
        return tuple(self._engine.registry)

    def resource(self, group: str, version: str, plural: str) -> ResourceType:
        """Return the type behind a URL; 404 when nothing is served there."""
        return self._engine.registry.by_path(group, version, plural)

    def resource_for_kind(self, api_version: str, kind: str) -> ResourceType:
        """Return the type of a manifest; 404 when it is not served."""
        return self._engine.registry.by_kind(api_version, kind)

    def get(
        self, rt: ResourceType, namespace: str, name: str, *, subresource: str = ""
    ) -> Manifest:
        """Return one object, or its scale."""
        if subresource:
            check_subresource(rt, subresource)
            if subresource == "scale":
                return get_scale(self._engine, rt, namespace, name)
        return get(self._engine, rt, namespace, name)

    def list(
        self,
        rt: ResourceType,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        resource_version_match: str = "",
        limit: int = 0,
        continue_: str = "",
    ) -> ListResult:
        """Return the objects of a namespace, or of all when it is empty, in key order."""
        options = ListOptions(
            namespace,
            label_selector,
            field_selector,
            resource_version,
            resource_version_match,
            limit,
            continue_,
        )
        return list_objects(self._engine, rt, options)

    def create(
        self,
        rt: ResourceType,
        namespace: str,
        manifest: Manifest,
        *,
        field_manager: str = "unknown",
        dry_run: bool = False,
        field_validation: str = "Ignore",
        warnings: Warnings = None,
    ) -> Manifest:
        """Store a new object; `warnings`, when given, collects what does not stop the request."""
        request = Request(
            "create",
            rt,
            _place(rt, namespace),
            field_manager=field_manager,
            dry_run=dry_run,
            field_validation=field_validation,
            warnings=warnings,
        )
        return create(self._engine, request, manifest)

    def update(
        self,
        rt: ResourceType,
        namespace: str,
        name: str,
        manifest: Manifest,
        *,
        subresource: str = "",
        field_manager: str = "unknown",
        dry_run: bool = False,
        field_validation: str = "Ignore",
        warnings: Warnings = None,
    ) -> Manifest:
        """Replace an object; a `resourceVersion` inside it is a precondition."""
        check_subresource(rt, subresource)
        request = Request(
            "update",
            rt,
            _place(rt, namespace),
            name,
            subresource,
            field_manager,
            dry_run,
            field_validation,
            warnings,
        )
        if subresource == "scale":
            return update_scale(self._engine, request, manifest)
        return update(self._engine, request, manifest)

    def patch(  # noqa: PLR0917  # an object, a body and its type are five facts
        self,
        rt: ResourceType,
        namespace: str,
        name: str,
        body: Any,
        patch_type: str,
        *,
        subresource: str = "",
        field_manager: str = "unknown",
        force: bool = False,
        dry_run: bool = False,
        field_validation: str = "Ignore",
        warnings: Warnings = None,
    ) -> Manifest:
        """Change an object by a patch of the given content type; an apply patch may create it."""
        check_subresource(rt, subresource)
        request = Request(
            "patch",
            rt,
            _place(rt, namespace),
            name,
            subresource,
            field_manager,
            dry_run,
            field_validation,
            warnings,
        )
        if subresource == "scale":
            return patch_scale(self._engine, request, body, patch_type, force=force)
        return patch(self._engine, request, body, patch_type, force=force)

    def delete(
        self,
        rt: ResourceType,
        namespace: str,
        name: str,
        *,
        propagation: str = "Background",
        uid: str = "",
        resource_version: str = "",
        dry_run: bool = False,
        grace_seconds: int | None = None,
        field_manager: str = "unknown",
    ) -> Manifest:
        """Delete an object, or mark it while finalizers or a grace period hold it.

        Returns the object where it lives on for now, else a Status.
        """
        request = Request(
            "delete", rt, _place(rt, namespace), name, field_manager=field_manager, dry_run=dry_run
        )
        options = DeleteOptions(propagation, uid, resource_version, grace_seconds)
        if is_container(rt):
            return delete_container(self._engine, request, options)
        return delete(self._engine, request, options)

    def evict(
        self,
        namespace: str,
        name: str,
        eviction: Manifest,
        *,
        uid: str = "",
        resource_version: str = "",
        grace_seconds: int | None = None,
        dry_run: bool = False,
    ) -> Manifest:
        """Delete a pod unless that breaks its disruption budget, which is a 429."""
        pods = self.resource("", "v1", "pods")
        request = Request("delete", pods, namespace, name, dry_run=dry_run)
        options = DeleteOptions("", uid, resource_version, grace_seconds)
        return evict(self._engine, request, eviction, options)

    def bind(self, namespace: str, name: str, binding: Manifest) -> Manifest:
        """Give a pod the node that a Binding names."""
        pods = self.resource("", "v1", "pods")
        return bind(self._engine, Request("update", pods, namespace, name), binding)

    def delete_collection(
        self,
        rt: ResourceType,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        propagation: str = "Background",
        dry_run: bool = False,
        grace_seconds: int | None = None,
    ) -> ListResult:
        """Delete everything the selectors pick, and return what was picked."""
        chosen = self.list(
            rt, namespace, label_selector=label_selector, field_selector=field_selector
        )
        for manifest in chosen.items:
            metadata = manifest["metadata"]
            self.delete(
                rt,
                metadata.get("namespace", ""),
                metadata["name"],
                propagation=propagation,
                dry_run=dry_run,
                grace_seconds=grace_seconds,
            )
        return chosen

    def watch(
        self,
        rt: ResourceType,
        namespace: str = "",
        *,
        resource_version: str = "",
        label_selector: str = "",
        field_selector: str = "",
        bookmarks: bool = False,
        send_initial_events: bool = False,
    ) -> Watch:
        """Open a watch.

        Version "" or "0" begins with an ADDED for everything there is; "N" with the first change
        after N, or 410 when that was compacted. `send_initial_events` adds the bookmark that ends
        the initial list.
        """
        options = ListOptions(namespace, label_selector, field_selector, resource_version)
        return watch(
            self._engine,
            rt,
            options,
            bookmarks=bookmarks,
            send_initial_events=send_initial_events,
        )

    def compact(self, keep: int = 0) -> None:
        """Forget watch history but the newest `keep` changes of each type; older reads get 410."""
        self._engine.store.compact(keep)

    def dependents(self, uid: str) -> tuple[tuple[ResourceType, Manifest], ...]:
        """Return every object that names `uid` among its owners, found through an index."""
        served = {rt.stored_as: rt for rt in self.resources() if rt.version == rt.storage_version}
        return tuple(
            (served[table], manifest)
            for table, manifest in self._engine.store.dependents(uid)
            if table in served
        )


def _place(rt: ResourceType, namespace: str) -> str:
    return namespace if rt.namespaced else ""

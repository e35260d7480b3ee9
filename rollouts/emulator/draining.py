"""Namespaces and definitions go last: first everything in them is deleted.

Differs from the real server: this happens within the delete call and not moments later; it waits
all the same for whatever finalizers and grace periods hold back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rollouts.emulator.crds import CRD_TABLE, mark_terminating
from rollouts.emulator.deleting import DeleteOptions, delete, deletion_mark

if TYPE_CHECKING:
    from rollouts.emulator.engine import Engine, Request
    from rollouts.emulator.resources import Manifest, ResourceType

NAMESPACES = "namespaces"
_CONTENT = DeleteOptions()


def is_container(rt: ResourceType) -> bool:
    """Tell whether objects of this type have content that goes with them."""
    return rt.stored_as in (NAMESPACES, CRD_TABLE)


def delete_container(engine: Engine, request: Request, options: DeleteOptions) -> Manifest:
    """Delete a namespace or a definition with everything in it.

    Returns:
        The object as it was marked; it may be gone by then.
    """
    model = engine.model(request.rt)
    old = engine.table(request.rt).get(request.namespace, request.name)
    marked, _ = deletion_mark(engine, request, options)
    if old is None or marked is old or request.dry_run:
        return marked
    if request.rt.stored_as == NAMESPACES:
        marked = {**marked, "status": {**(marked.get("status") or {}), "phase": "Terminating"}}
    else:
        marked = mark_terminating(marked, engine)
    engine.terminating[_place(request.rt, request.name)] = None
    marked = engine.commit(request, marked, old)
    _delete_content(engine, request)
    finish(engine, request.rt, request.name)
    return model.from_storage(marked)


def _place(rt: ResourceType, name: str) -> str:
    return f"{rt.stored_as}/{name}"


def is_terminating(engine: Engine, table: str, name: str) -> bool:
    """Tell whether a namespace or definition is on its way out."""
    return f"{table}/{name}" in engine.terminating


def _delete_content(engine: Engine, request: Request) -> None:
    for rt in _stored_types(engine):
        if request.rt.stored_as == NAMESPACES:
            content = engine.store.table(rt.stored_as).listed(request.name) if rt.namespaced else ()
        else:
            content = (
                engine.store.table(rt.stored_as).listed() if rt.stored_as == request.name else ()
            )
        for manifest in content:
            metadata = manifest["metadata"]
            inner = replace(
                request,
                verb="delete",
                rt=rt,
                namespace=metadata.get("namespace", ""),
                name=metadata["name"],
                subresource="",
            )
            delete(engine, inner, _CONTENT)


def _stored_types(engine: Engine) -> list[ResourceType]:
    """Return one type for each table that is served."""
    found: dict[str, ResourceType] = {}
    for rt in engine.registry:
        if rt.stored_as not in found or rt.version == rt.storage_version:
            found[rt.stored_as] = rt
    return list(found.values())


def finish(engine: Engine, rt: ResourceType, name: str) -> None:
    """Remove a container that is being deleted and has become empty."""
    container = engine.store.tables[rt.stored_as].get("", name)
    if container is None or not is_terminating(engine, rt.stored_as, name):
        return
    if container["metadata"].get("finalizers") or not _is_empty(engine, rt, name):
        return
    del engine.terminating[_place(rt, name)]
    request = replace_request(rt, name)
    engine.remove(request, container, container)


def replace_request(rt: ResourceType, name: str) -> Request:
    """Return the request by which the server itself removes a container."""
    from rollouts.emulator.engine import Request

    return Request("delete", rt, "", name)


def _is_empty(engine: Engine, rt: ResourceType, name: str) -> bool:
    if rt.stored_as == CRD_TABLE:
        table = engine.store.tables.get(name)
        return table is None or not table.spaces
    return not any(name in table.spaces for table in engine.store.tables.values())


def after_removal(engine: Engine, rt: ResourceType, gone: Manifest) -> None:
    """Remove what waited for this object to be gone."""
    namespace = gone["metadata"].get("namespace")
    if namespace and is_terminating(engine, NAMESPACES, namespace):
        finish(engine, engine.registry.by_path("", "v1", NAMESPACES), namespace)
    if rt.custom and is_terminating(engine, CRD_TABLE, rt.stored_as):
        definitions = engine.registry.by_path(
            "apiextensions.k8s.io", "v1", "customresourcedefinitions"
        )
        finish(engine, definitions, rt.stored_as)

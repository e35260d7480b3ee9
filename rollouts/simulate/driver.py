"""Drives a reconcile by hand: each await becomes a value that somebody else answers.

`Calls` is a `Cluster` whose methods only describe themselves. `Driver` runs a coroutine from
one such call to the next; whoever holds it decides when a call is served, what comes back, and
whether the caller is still alive by then.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from enum import StrEnum
from types import coroutine
from typing import Any, Generic, TypeVar

from rollouts.api.refs import Kind, Manifest, ObjectRef
from rollouts.kube.cluster import PatchType

T = TypeVar("T")


class Verb(StrEnum):
    """The calls of `Cluster`."""

    GET = "get"
    LIST = "list"
    CREATE = "create"
    PATCH = "patch"
    APPLY = "apply"
    UPDATE = "update"
    DELETE = "delete"
    EVICT = "evict"


@dataclass(frozen=True, slots=True)
class Call:
    """One API request that a coroutine is waiting for."""

    verb: Verb
    kind: Kind
    namespace: str
    name: str
    body: Any = None
    patch_type: PatchType = PatchType.MERGE
    subresource: str = ""
    label_selector: str = ""
    field_manager: str = "rollouts"
    force: bool = False
    dry_run: bool = False
    uid: str = ""
    propagation: str = ""

    @property
    def is_write(self) -> bool:
        """Tell whether serving it may change the store."""
        return not self.dry_run and self.verb not in {Verb.GET, Verb.LIST}

    def __str__(self) -> str:
        target = f"{self.kind.plural}/{self.name}" if self.name else self.kind.plural
        return f"{self.verb} {target}{'/' + self.subresource if self.subresource else ''}"


@coroutine
def _ask(call: Call) -> Generator[Call, Any, Any]:
    return (yield call)


class Calls:
    """A `Cluster` that yields every call to the driver instead of performing it."""

    async def get(self, ref: ObjectRef) -> Manifest:
        """Ask for one object."""
        answer: Manifest = await _ask(Call(Verb.GET, ref.kind, ref.namespace, ref.name))
        return answer

    async def list(
        self, kind: Kind, namespace: str = "", *, label_selector: str = ""
    ) -> builtins.list[Manifest]:
        """Ask for all objects of a kind."""
        answer: list[Manifest] = await _ask(
            Call(Verb.LIST, kind, namespace, "", label_selector=label_selector)
        )
        return answer

    async def create(self, manifest: Manifest, kind: Kind, *, dry_run: bool = False) -> Manifest:
        """Ask for an object to be created."""
        metadata = manifest.get("metadata") or {}
        answer: Manifest = await _ask(
            Call(
                Verb.CREATE,
                kind,
                metadata.get("namespace", ""),
                metadata.get("name", ""),
                manifest,
                dry_run=dry_run,
            )
        )
        return answer

    async def patch(
        self,
        ref: ObjectRef,
        body: Any,
        patch_type: PatchType = PatchType.MERGE,
        *,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Manifest:
        """Ask for an object to be patched."""
        answer: Manifest = await _ask(
            Call(
                Verb.PATCH,
                ref.kind,
                ref.namespace,
                ref.name,
                body,
                patch_type,
                subresource,
                dry_run=dry_run,
            )
        )
        return answer

    async def apply(
        self,
        ref: ObjectRef,
        manifest: Manifest,
        *,
        field_manager: str,
        force: bool = True,
        dry_run: bool = False,
    ) -> Manifest:
        """Ask for a server-side apply."""
        answer: Manifest = await _ask(
            Call(
                Verb.APPLY,
                ref.kind,
                ref.namespace,
                ref.name,
                manifest,
                PatchType.APPLY,
                field_manager=field_manager,
                force=force,
                dry_run=dry_run,
            )
        )
        return answer

    async def update(self, ref: ObjectRef, manifest: Manifest) -> Manifest:
        """Ask for an object to be replaced."""
        answer: Manifest = await _ask(
            Call(Verb.UPDATE, ref.kind, ref.namespace, ref.name, manifest)
        )
        return answer

    async def delete(
        self, ref: ObjectRef, *, uid: str = "", propagation: str = "Background"
    ) -> None:
        """Ask for an object to be deleted."""
        await _ask(
            Call(Verb.DELETE, ref.kind, ref.namespace, ref.name, uid=uid, propagation=propagation)
        )

    async def evict(self, ref: ObjectRef, *, uid: str = "") -> None:
        """Ask for a pod to be evicted."""
        await _ask(Call(Verb.EVICT, ref.kind, ref.namespace, ref.name, uid=uid))


@dataclass(frozen=True, slots=True)
class Finished(Generic[T]):
    """The coroutine has returned."""

    value: T


class Driver(Generic[T]):
    """One running coroutine, stopped at a call.

    Closing it is a crash: nothing after the call runs. Closing before the call was served is a
    crash before the write; closing after it was served but not answered, one just after.
    """

    __slots__ = ("_coroutine",)

    def __init__(self, pass_: Coroutine[Call, Any, T]) -> None:
        self._coroutine = pass_

    def start(self) -> Call | Finished[T]:
        """Run to the first call."""
        return self.answer(None)

    def answer(self, value: Any) -> Call | Finished[T]:
        """Give the awaited answer and run to the next call."""
        try:
            return self._coroutine.send(value)
        except StopIteration as stop:
            return Finished(stop.value)

    def fail(self, error: Exception) -> Call | Finished[T]:
        """Let the awaited call raise and run to the next call."""
        try:
            return self._coroutine.throw(error)
        except StopIteration as stop:
            return Finished(stop.value)

    def crash(self) -> None:
        """End the process that was running it."""
        self._coroutine.close()


def run_now(pass_: Coroutine[Call, Any, T], serve: Callable[[Call], Any]) -> T:
    """Run a coroutine to its end, serving each call at once.

    Raises:
        Exception: whatever the coroutine lets pass; errors raised by `serve` are thrown into it.
    """
    driver = Driver(pass_)
    step = driver.start()
    while not isinstance(step, Finished):
        try:
            answer = serve(step)
        except Exception as error:  # noqa: BLE001  # the coroutine decides, as it would in production
            step = driver.fail(error)
        else:
            step = driver.answer(answer)
    return step.value

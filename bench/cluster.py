"""The embedded cluster in a process of its own: serves, keeps records, obeys the laboratory."""

from __future__ import annotations

import asyncio
import gc
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

from bench.calls import Call, Commit
from bench.records import call_of, commit_of, facts_of
from bench.workloads import CRDS, copy_into, make_namespace, read_manifests
from rollouts.api.refs import CRD, NAMESPACE, REPLICA_SET, ROLLOUT, Kind, Manifest
from rollouts.emulator import ApiServer, ResourceType, WriteRecord
from rollouts.emulator.actors import Actor, Runs, all_actors
from rollouts.emulator.http import RequestRecord, serve

GC_THRESHOLDS = (50_000, 20, 50)
"""As the controller has them: the laboratory's own pauses should not show in the figures."""

MERGE_PATCH = "application/merge-patch+json"
STATUS_OWNERS = (ROLLOUT, REPLICA_SET)
"""Kinds whose status has to be written apart from the object."""


def main(pipe: Connection, kubeconfig: str, pod_ready_seconds: float | None) -> None:
    """Serve until told to close, or until the laboratory is gone.

    Args:
        kubeconfig: where to write one.
        pod_ready_seconds: how long pods take; None plays no controllers at all, so that objects
            stay as they were put.
    """
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        asyncio.run(_serve(pipe, kubeconfig, pod_ready_seconds))
    except (KeyboardInterrupt, EOFError):
        return  # Ctrl-C reaches the whole process group; whoever holds the pipe reports it.


async def _serve(pipe: Connection, kubeconfig: str, pod_ready_seconds: float | None) -> None:
    server = ApiServer(_now)
    books = Books(server)
    actors = _actors(server, pod_ready_seconds)
    for manifest in read_manifests(CRDS):
        server.create(_type(server, CRD), "", manifest, field_manager="laboratory")
    running = await serve(server, actors, on_request=books.note_request)
    try:
        with open(kubeconfig, "w", encoding="utf-8") as file:  # noqa: ASYNC230, PTH123  # before anybody is served
            file.write(running.kubeconfig_text())
        await _obey(pipe, Desk(server, books))
    finally:
        await running.close()


def _actors(server: ApiServer, pod_ready_seconds: float | None) -> tuple[Actor, ...]:
    if pod_ready_seconds is None:
        return ()
    return all_actors(server, default=Runs(ready_after=timedelta(seconds=pod_ready_seconds)))


async def _obey(pipe: Connection, desk: Desk) -> None:
    """Answer commands until `close`; a command runs in one go between two requests."""
    loop = asyncio.get_running_loop()
    closed: asyncio.Future[None] = loop.create_future()

    def take() -> None:
        try:
            name, arguments = pipe.recv()
        except (EOFError, OSError):
            name, arguments = "close", ()
        if name == "close":
            loop.remove_reader(pipe.fileno())
            closed.set_result(None)
            return
        try:
            answer = (True, getattr(desk, name)(*arguments))
        except Exception as error:  # noqa: BLE001  # raised again in the laboratory's process
            answer = (False, f"{type(error).__name__}: {error}")
        pipe.send(answer)

    loop.add_reader(pipe.fileno(), take)
    pipe.send((True, "serving"))
    await closed


class Books:
    """Every request and every change, in order."""

    def __init__(self, server: ApiServer) -> None:
        self.calls: list[Call] = []
        self.commits: list[Commit] = []
        server.on_write.append(self._note_write)

    def note_request(self, record: RequestRecord) -> None:
        """Keep an HTTP request."""
        self.calls.append(call_of(_now(), record))

    def _note_write(self, record: WriteRecord) -> None:
        if not record.dry_run:
            self.commits.append(commit_of(_now(), record))


class Desk:
    """The laboratory's commands, by name."""

    def __init__(self, server: ApiServer, books: Books) -> None:
        self._server = server
        self._books = books

    def now(self) -> datetime:
        """Return the present of this process's clock."""
        return _now()

    def create(self, manifests: list[Manifest]) -> None:
        """Create objects."""
        server = self._server
        for manifest in manifests:
            rt = server.resource_for_kind(manifest["apiVersion"], manifest["kind"])
            server.create(rt, manifest["metadata"].get("namespace", ""), manifest)

    def patch(self, kind: Kind, name: str, namespaces: list[str], body: Manifest) -> datetime:
        """Patch the object of this name in each of these namespaces; return when that began."""
        began = _now()
        rt = _type(self._server, kind)
        for namespace in namespaces:
            self._server.patch(rt, namespace, name, body, MERGE_PATCH, field_manager="person")
        return began

    def delete(self, kind: Kind, namespace: str, name: str) -> None:
        """Delete an object."""
        self._server.delete(_type(self._server, kind), namespace, name)

    def copy(
        self, objects: list[tuple[Kind, Manifest]], namespaces: list[str], pause_started_at: str
    ) -> None:
        """Create copies of the objects of one Rollout, in namespaces that do not exist yet."""
        for namespace in namespaces:
            self._server.create(_type(self._server, NAMESPACE), "", make_namespace(namespace))
            uids: dict[str, str] = {}
            for kind, manifest in copy_into(namespace, objects, pause_started_at=pause_started_at):
                self._put(kind, manifest, uids)

    def objects(self, kind: Kind, namespace: str = "") -> list[Manifest]:
        """Return the objects of a kind."""
        return list(self._server.list(_type(self._server, kind), namespace).items)

    def facts(self, kind: Kind) -> list[dict[str, Any]]:
        """Return the few fields that benches look at, of every object of a kind."""
        return [facts_of(kind.plural, each) for each in self.objects(kind)]

    def calls(self, since: int = 0) -> list[Call]:
        """Return the requests so far, without the first `since`."""
        return self._books.calls[since:]

    def call_count(self) -> int:
        """Return how many requests there were."""
        return len(self._books.calls)

    def commits(self, since: int = 0) -> list[Commit]:
        """Return the changes so far, without the first `since`."""
        return self._books.commits[since:]

    def commit_count(self) -> int:
        """Return how many changes there were."""
        return len(self._books.commits)

    def settle(self) -> None:
        """Spare the collector what is here to stay."""
        gc.collect()
        gc.freeze()

    def _put(self, kind: Kind, manifest: Manifest, uids: dict[str, str]) -> None:
        rt = _type(self._server, kind)
        metadata = manifest["metadata"]
        owners = [
            {**owner, "uid": uids.get(owner["name"], owner["uid"])}
            for owner in metadata.get("ownerReferences") or ()
        ]
        if owners:
            manifest = {**manifest, "metadata": {**metadata, "ownerReferences": owners}}
        made = self._server.create(rt, metadata["namespace"], manifest)
        if kind == ROLLOUT:
            uids[metadata["name"]] = made["metadata"]["uid"]
        if kind in STATUS_OWNERS:
            self._server.patch(
                rt,
                metadata["namespace"],
                metadata["name"],
                {"status": manifest["status"]},
                MERGE_PATCH,
                subresource="status",
            )


def _type(server: ApiServer, kind: Kind) -> ResourceType:
    return server.resource(kind.group, kind.version, kind.plural)


def _now() -> datetime:
    return datetime.now(UTC)

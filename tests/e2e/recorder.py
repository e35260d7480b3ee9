"""Follows a true API server and keeps every version of every object, in the order of the writes."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from dataclasses import dataclass

from rollouts.api.refs import (
    APPLICATION,
    CONFIG_MAP,
    INGRESS,
    KUSTOMIZATION,
    POD,
    REPLICA_SET,
    ROLLOUT,
    SERVICE,
)
from tests.cluster.wire import connection_to

KINDS = (APPLICATION, CONFIG_MAP, INGRESS, KUSTOMIZATION, POD, REPLICA_SET, ROLLOUT, SERVICE)
PATIENCE_SECONDS = 60.0
RECONNECT_SECONDS = 0.02


@dataclass(frozen=True)
class Version:
    """One version of an object; `is_gone` is its last."""

    number: int
    kind: str
    manifest: dict
    is_gone: bool = False

    @property
    def key(self):
        metadata = self.manifest["metadata"]
        return (self.kind, metadata.get("namespace", ""), metadata["name"])


class Recorder:
    """Watches until it is closed, through restarts of the server.

    Versions of different kinds are in one order: all come from one etcd, whose revision they bear.
    """

    def __init__(self, cluster):
        self._cluster = cluster
        self._changed = threading.Condition()
        self._versions = {}
        self._live = {}
        self._connections = {}
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._follow, args=(kind,), daemon=True) for kind in KINDS
        ]
        for each in self._threads:
            each.start()

    def close(self):
        self._closing.set()
        for connection in list(self._connections.values()):
            with contextlib.suppress(OSError, AttributeError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        for each in self._threads:
            each.join(PATIENCE_SECONDS)
        for connection in self._connections.values():
            connection.close()

    def live(self, kind, namespace):
        """Return the objects of a kind that exist, by name."""
        with self._changed:
            return {
                name: manifest
                for (is_kind, where, name), manifest in self._live.items()
                if is_kind == kind.kind and where == namespace
            }

    def get(self, kind, namespace, name):
        """Return an object as it was last seen; None when it does not exist."""
        with self._changed:
            return self._live.get((kind.kind, namespace, name))

    def history(self, namespace):
        """Return every version of every object of a namespace, oldest first."""
        with self._changed:
            kept = list(self._versions.get(namespace, {}).values())
        return sorted(kept, key=lambda each: each.number)

    def until(self, question, *, what, at_most=PATIENCE_SECONDS, check=lambda: None):
        """Wait until a question about what was seen is answered with something true."""
        end = time.monotonic() + at_most
        while True:
            found = question()
            if found:
                return found
            check()
            left = end - time.monotonic()
            assert left > 0, f"waited {at_most:g} s in vain: {what() if callable(what) else what}"
            with self._changed:
                self._changed.wait(min(left, 0.2))

    def _follow(self, kind):
        version = ""
        while not self._closing.is_set():
            try:
                version = version or self._list(kind)
                for event in self._events(kind, version):
                    if event["type"] == "ERROR":
                        version = ""
                        break
                    version = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] != "BOOKMARK":
                        self._take(kind, event["object"], is_gone=event["type"] == "DELETED")
            except (OSError, http.client.HTTPException, ValueError):
                # The server restarts, or its answer was cut: go on where we were.
                self._closing.wait(RECONNECT_SECONDS)
            except _Refused:
                version = ""
                self._closing.wait(RECONNECT_SECONDS)

    def _list(self, kind):
        with self._ask(kind, "") as answer:
            document = json.load(answer)
        names = set()
        for each in document["items"]:
            self._take(kind, each, is_gone=False)
            names.add((each["metadata"].get("namespace", ""), each["metadata"]["name"]))
        number = document["metadata"]["resourceVersion"]
        with self._changed:
            lost = [
                manifest
                for (is_kind, *place), manifest in self._live.items()
                if is_kind == kind.kind and tuple(place) not in names
            ]
        for each in lost:
            metadata = {**each["metadata"], "resourceVersion": number}
            self._take(kind, {**each, "metadata": metadata}, is_gone=True)
        return number

    def _events(self, kind, version):
        with self._ask(
            kind, f"?watch=1&allowWatchBookmarks=true&resourceVersion={version}"
        ) as lines:
            for line in lines:
                yield json.loads(line)

    def _ask(self, kind, query):
        former = self._connections.pop(kind, None)
        if former is not None:
            former.close()
        connection = self._connections[kind] = connection_to(self._cluster)
        root = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"
        connection.request("GET", f"{root}/{kind.plural}{query}", headers=self._cluster.credentials)
        answer = connection.getresponse()
        if answer.status != 200:
            answer.close()
            raise _Refused
        return answer

    def _take(self, kind, manifest, *, is_gone):
        version = Version(
            int(manifest["metadata"]["resourceVersion"]), kind.kind, manifest, is_gone=is_gone
        )
        namespace = manifest["metadata"].get("namespace", "")
        with self._changed:
            self._versions.setdefault(namespace, {})[version.number, version.key] = version
            if is_gone:
                self._live.pop(version.key, None)
            else:
                self._live[version.key] = manifest
            self._changed.notify_all()


class _Refused(Exception):
    """The server has no answer to this now, or no history."""

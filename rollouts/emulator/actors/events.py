"""Events that tell people what the actors did; equal ones are counted, not repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollouts.emulator.actors.facts import MERGE_PATCH, format_time, name_suffix
from rollouts.emulator.errors import ApiError

if TYPE_CHECKING:
    from datetime import datetime

    from rollouts.emulator.actors.view import Manifest
    from rollouts.emulator.server import ApiServer

REMEMBERED_MAX = 4096
"""Events further back than this are written anew instead of counted."""


class Recorder:
    """Writes core/v1 Events. A world without an audience leaves it out and saves the writes."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._resource = server.resource("", "v1", "events")
        self._known: dict[tuple[str, str, str], Manifest] = {}
        self._count = 0

    def record(
        self,
        about: Manifest,
        reason: str,
        message: str,
        *,
        now: datetime,
        component: str,
        kind: str = "Normal",
    ) -> None:
        """Tell that something happened to an object; `kind` is Normal or Warning.

        An event that the server refuses is dropped: its namespace is going away.
        """
        metadata = about["metadata"]
        key = (metadata["uid"], reason, message)
        try:
            event = self._repeat(key, now)
            if event is None:
                event = self._create(
                    about, reason, message, now=now, component=component, kind=kind
                )
        except ApiError:
            return
        self._known[key] = event
        if len(self._known) > REMEMBERED_MAX:
            del self._known[next(iter(self._known))]

    def _repeat(self, key: tuple[str, str, str], now: datetime) -> Manifest | None:
        event = self._known.pop(key, None)
        if event is None:
            return None
        metadata = event["metadata"]
        change = {"count": event["count"] + 1, "lastTimestamp": format_time(now)}
        try:
            return self._server.patch(
                self._resource, metadata["namespace"], metadata["name"], change, MERGE_PATCH
            )
        except ApiError as error:
            if error.code != 404:
                raise
            return None

    def _create(
        self,
        about: Manifest,
        reason: str,
        message: str,
        *,
        now: datetime,
        component: str,
        kind: str,
    ) -> Manifest:
        metadata = about["metadata"]
        self._count += 1
        suffix = name_suffix(16, metadata["uid"], reason, message, self._count)
        # Events about cluster-scoped objects live in the default namespace.
        namespace = metadata.get("namespace") or "default"
        stamp = format_time(now)
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{metadata['name'][:230]}.{suffix}", "namespace": namespace},
            "involvedObject": {
                "apiVersion": about["apiVersion"],
                "kind": about["kind"],
                "name": metadata["name"],
                "namespace": metadata.get("namespace", ""),
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
            "reason": reason,
            "message": message,
            "type": kind,
            "count": 1,
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "source": {"component": component},
            "reportingComponent": component,
            "reportingInstance": "",
        }
        return self._server.create(self._resource, namespace, event, field_manager=component)

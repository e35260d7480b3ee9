"""Tell people what happened, as Kubernetes Events: one for each thing said, never two alike."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from rollouts.api.refs import EVENT, Manifest, ObjectRef
from rollouts.api.times import format_time
from rollouts.kube.errors import AlreadyExists, ClusterError
from rollouts.kube.forward import Forward

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollouts.actions import Event
    from rollouts.api.refs import Kind
    from rollouts.kube.cluster import Cluster

log = logging.getLogger(__name__)

COMPONENT = "rollouts-controller"
"""Reported as the source of all Events; what people already filter for."""

REPEAT_AFTER = timedelta(minutes=5)
"""Equal Events within this time are one."""

MESSAGE_LENGTH_MAX = 1024
"""The API's own bound; a longer message would be refused as a whole."""

NAME_LENGTH_MAX = 253 - 17
"""Of an object's name inside an Event's name, which ends in a dot and 16 digits."""

REMEMBERED_COUNT_MAX = 10_000
WAITING_COUNT_MAX = 1_000
"""Events are a courtesy: what does not fit is dropped, and counted in the log."""


class Subject(NamedTuple):
    """The object that an Event is about."""

    ref: ObjectRef
    uid: str
    resource_version: str = ""


def event_manifest(subject: Subject, event: Event, now: datetime) -> Manifest:
    """Build the Event object. Equal Events within one window have the same name."""
    ref = subject.ref
    message = event.message
    if len(message) > MESSAGE_LENGTH_MAX:
        message = f"{message[: MESSAGE_LENGTH_MAX - 1]}…"
    # Events about objects without a namespace live in the default one, by the API's own rule.
    namespace = ref.namespace or "default"
    time = format_time(now)
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.kind,
        "metadata": {"name": _name(subject, event, now), "namespace": namespace},
        "involvedObject": {
            "apiVersion": ref.kind.api_version,
            "kind": ref.kind.kind,
            "namespace": ref.namespace,
            "name": ref.name,
            "uid": subject.uid,
            **({"resourceVersion": subject.resource_version} if subject.resource_version else {}),
        },
        "type": "Warning" if event.warning else "Normal",
        "reason": event.reason,
        "message": message,
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
    }


def _name(subject: Subject, event: Event, now: datetime) -> str:
    window = int(now.timestamp() // REPEAT_AFTER.total_seconds())
    parts = (subject.uid, str(event.warning), event.reason, event.message, str(window))
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    return f"{subject.ref.name[:NAME_LENGTH_MAX].rstrip('.-')}.{digest}"


class Recorder:
    """Sends Events in the background, in order, and never fails a pass."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        clock: Callable[[], datetime],
        on_event: Callable[[Manifest], None] = lambda _: None,
    ) -> None:
        """Prepare; `run` sends.

        Args:
            on_event: told of every Event that is not a repetition, for metrics.
        """
        self._cluster = cluster
        self._clock = clock
        self._on_event = on_event
        self._waiting: asyncio.Queue[Manifest] = asyncio.Queue(WAITING_COUNT_MAX)
        self._said: dict[tuple[str, ...], datetime] = {}
        self._dropped = 0

    def record(self, subject: Subject, event: Event) -> None:
        """Have an Event sent, unless the same was said a moment ago."""
        self.offer(event_manifest(subject, event, self._clock()))

    def offer(self, manifest: Manifest) -> None:
        """Have an Event object sent, unless its like was sent a moment ago."""
        now = self._clock()
        said = _content(manifest)
        last = self._said.get(said)
        if last is not None and now - last < REPEAT_AFTER:
            return
        # Inserted at the end, so that the front of the dict is the oldest.
        self._said.pop(said, None)
        self._said[said] = now
        if len(self._said) > REMEMBERED_COUNT_MAX:
            del self._said[next(iter(self._said))]
        self._on_event(manifest)
        try:
            self._waiting.put_nowait(manifest)
        except asyncio.QueueFull:
            self._dropped += 1

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            manifest = await self._waiting.get()
            try:
                await self._send(manifest)
            finally:
                self._waiting.task_done()

    async def drain(self, seconds: float) -> None:
        """Give waiting Events some time to be sent, before the process ends."""
        try:
            async with asyncio.timeout(seconds):
                await self._waiting.join()
        except TimeoutError:
            log.info("events not sent", extra={"count": self._waiting.qsize()})

    async def _send(self, manifest: Manifest) -> None:
        try:
            await self._cluster.create(manifest, EVENT)
        except AlreadyExists:
            return  # said before a restart of ours
        except ClusterError as error:
            facts = {"reason": manifest["reason"], "error": str(error)}
            log.warning("event not recorded", extra=facts)
        if self._dropped:
            log.warning("too many events, some were dropped", extra={"count": self._dropped})
            self._dropped = 0


class EventsAside(Forward):
    """A `Cluster` that hands Events to a recorder: a pass does not wait for its courtesies."""

    def __init__(self, cluster: Cluster, recorder: Recorder) -> None:
        super().__init__(cluster)
        self._recorder = recorder

    async def create(self, manifest: Manifest, kind: Kind, *, dry_run: bool = False) -> Manifest:
        """Create an object; an Event is sent later, and not at all when it repeats another."""
        if kind != EVENT or dry_run:
            return await super().create(manifest, kind, dry_run=dry_run)
        self._recorder.offer(manifest)
        return manifest


def _content(manifest: Manifest) -> tuple[str, ...]:
    uid = manifest["involvedObject"].get("uid", "")
    return uid, manifest["type"], manifest["reason"], manifest["message"]

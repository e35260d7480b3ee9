"""What a back end must offer to be held to the contract, and the emulator as one of them.

A second back end (a real API server over HTTP) implements `Api` and is opened by back_ends.py;
the tests know nothing of either.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

from rollouts.emulator import ApiError, ApiServer

MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


class Type(NamedTuple):
    """One served resource type."""

    group: str
    version: str
    plural: str
    kind: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


class Refused(Exception):
    """The back end answered with a Status of failure."""

    def __init__(self, status: dict[str, Any]) -> None:
        super().__init__(status.get("message", ""))
        self.status = status

    @property
    def code(self) -> int:
        return self.status["code"]

    @property
    def reason(self) -> str:
        return self.status.get("reason", "")

    @property
    def message(self) -> str:
        return self.status.get("message", "")

    @property
    def causes(self) -> list[dict[str, Any]]:
        """What is wrong, each thing once: a real server says it once for each time it looks."""
        found = self.status.get("details", {}).get("causes", [])
        return [each for index, each in enumerate(found) if each not in found[:index]]


class Page(NamedTuple):
    """One page of a list."""

    items: list[dict[str, Any]]
    resource_version: str
    continue_: str


class Stream(Protocol):
    """An open watch."""

    def next(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        """Return the next `count` events as (type, object), bookmarks left out."""
        ...

    def is_quiet(self) -> bool:
        """Tell whether no event is pending, after giving the server time to send one."""
        ...


class Api(Protocol):
    """The verbs. Every refusal is raised as `Refused`."""

    def create(self, kind: Type, namespace: str, body: dict, **options: Any) -> dict: ...

    def get(self, kind: Type, namespace: str, name: str, *, subresource: str = "") -> dict: ...

    def list(self, kind: Type, namespace: str, **options: Any) -> Page: ...

    def update(self, kind: Type, namespace: str, name: str, body: dict, **options: Any) -> dict: ...

    def patch(
        self, kind: Type, namespace: str, name: str, body: Any, patch_type: str, **options: Any
    ) -> dict: ...

    def delete(self, kind: Type, namespace: str, name: str, **options: Any) -> dict: ...

    def delete_collection(self, kind: Type, namespace: str, **options: Any) -> list[str]:
        """Delete what the selectors pick and return its names."""
        ...

    def evict(self, namespace: str, name: str) -> dict: ...

    def bind(self, namespace: str, name: str, node: str) -> dict: ...

    def watch(self, kind: Type, namespace: str, **options: Any) -> Stream: ...

    def old_version(self) -> str:
        """Return a version that the server does not remember."""
        ...

    def install(self, definition: dict) -> None:
        """Create a CustomResourceDefinition and wait until it is established."""
        ...


class EmulatorStream:
    def __init__(self, watch):
        self._watch = watch
        self._pending = []

    def _fill(self):
        try:
            self._pending += [each for each in self._watch.poll() if each.type != "BOOKMARK"]
        except ApiError as error:
            raise Refused(error.status()) from None

    def next(self, count):
        self._fill()
        assert len(self._pending) >= count, self._pending
        taken, self._pending = self._pending[:count], self._pending[count:]
        return [(each.type, each.object) for each in taken]

    def is_quiet(self):
        self._fill()
        return not self._pending


class EmulatorApi:
    """The emulator in this process; a second passes between any two writes."""

    def __init__(self):
        self._now = datetime(2026, 1, 1, tzinfo=UTC)
        self.server = ApiServer(lambda: self._now)

    def _call(self, verb, kind, *args, **options):
        self._now += timedelta(seconds=1)
        try:
            rt = self.server.resource(kind.group, kind.version, kind.plural)
            return getattr(self.server, verb)(rt, *args, **options)
        except ApiError as error:
            raise Refused(error.status()) from None

    def create(self, kind, namespace, body, **options):
        return self._call("create", kind, namespace, body, **options)

    def get(self, kind, namespace, name, *, subresource=""):
        return self._call("get", kind, namespace, name, subresource=subresource)

    def list(self, kind, namespace, **options):
        result = self._call("list", kind, namespace, **options)
        return Page(list(result.items), result.resource_version, result.continue_)

    def update(self, kind, namespace, name, body, **options):
        return self._call("update", kind, namespace, name, body, **options)

    def patch(self, kind, namespace, name, body, patch_type, **options):
        return self._call("patch", kind, namespace, name, body, patch_type, **options)

    def delete(self, kind, namespace, name, **options):
        return self._call("delete", kind, namespace, name, **options)

    def delete_collection(self, kind, namespace, **options):
        result = self._call("delete_collection", kind, namespace, **options)
        return [each["metadata"]["name"] for each in result.items]

    def _direct(self, verb, *args):
        self._now += timedelta(seconds=1)
        try:
            return getattr(self.server, verb)(*args)
        except ApiError as error:
            raise Refused(error.status()) from None

    def evict(self, namespace, name):
        return self._direct("evict", namespace, name, {"metadata": {"name": name}})

    def bind(self, namespace, name, node):
        return self._direct("bind", namespace, name, {"target": {"kind": "Node", "name": node}})

    def watch(self, kind, namespace, **options):
        return EmulatorStream(self._call("watch", kind, namespace, **options))

    def old_version(self):
        self.server.compact()
        return "1"

    def install(self, definition):
        kind = Type(
            "apiextensions.k8s.io",
            "v1",
            "customresourcedefinitions",
            "CustomResourceDefinition",
        )
        self.create(kind, "", definition)

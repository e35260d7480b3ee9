"""`Api` over HTTP with nothing but the standard library: for any API server that can be reached."""

from __future__ import annotations

import http.client
import json
import queue
import threading
import time
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from contract.api import Page, Refused, Type

JSON = "application/json"
_QUIET_SECONDS = 0.3
_EVENT_SECONDS = 10
_ESTABLISH_TRIES = 200
_SERVED_SECONDS = 0.05

_PARAMETERS = {
    "field_manager": "fieldManager",
    "field_validation": "fieldValidation",
    "label_selector": "labelSelector",
    "field_selector": "fieldSelector",
    "resource_version": "resourceVersion",
    "resource_version_match": "resourceVersionMatch",
    "limit": "limit",
    "watch": "watch",
    "bookmarks": "allowWatchBookmarks",
    "send_initial_events": "sendInitialEvents",
    "timeout_seconds": "timeoutSeconds",
    "continue_": "continue",
}
_CLUSTER_SCOPED = ("namespaces", "customresourcedefinitions")


class HttpStream:
    """A watch read by a thread of its own."""

    def __init__(self, connection, response, *, bookmarks=False):
        self._bookmarks = bookmarks
        self._connection = connection
        self._response = response
        self._events = queue.Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        try:
            for line in self._response:
                event = json.loads(line)
                if self._bookmarks or event["type"] != "BOOKMARK":
                    self._events.put((event["type"], event["object"]))
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            return  # The test has ended and closed the connection under the reader.

    def next(self, count):
        return [self._events.get(timeout=_EVENT_SECONDS) for _ in range(count)]

    def is_quiet(self):
        try:
            self._events.put(self._events.get(timeout=_QUIET_SECONDS))
        except queue.Empty:
            return True
        return False

    def close(self):
        if self._connection.sock is not None:
            with suppress(OSError):  # The server may have ended the watch before.
                self._connection.sock.shutdown(2)
        self._thread.join(_EVENT_SECONDS)
        self._connection.close()
        self._response.close()


class Answer(NamedTuple):
    """What came back, as it came."""

    code: int
    headers: Any
    text: str

    @property
    def body(self):
        return json.loads(self.text)

    @property
    def lines(self):
        """The events of a watch that has ended."""
        return [json.loads(line) for line in self.text.splitlines()]


def _exchange(connection, *request):
    """Send a request; on a connection that the server ended while it was idle, once more."""
    try:
        connection.request(*request)
        return connection.getresponse()
    except (OSError, http.client.BadStatusLine):
        connection.close()
        connection.request(*request)
        return connection.getresponse()


class HttpApi:
    """One connection for the verbs, one more for each watch."""

    def __init__(self, url, headers=None, trust=None):
        """Connect; `trust` is the TLS context of an https address."""
        self._address = urlsplit(url).netloc
        self._headers = headers or {}
        self._trust = trust
        self._connection = self._connect()
        self._streams = []
        self.forget = lambda: None
        self.place = lambda manifest: manifest
        self.owns = lambda kind, name: None

    def old_version(self):
        """Return a version that the server does not remember."""
        self.forget()
        return "1"

    def _connect(self):
        if self._trust is None:
            return http.client.HTTPConnection(self._address, timeout=30)
        return http.client.HTTPSConnection(self._address, timeout=30, context=self._trust)

    def close(self):
        for stream in self._streams:
            stream.close()
        self._connection.close()

    def _path(self, kind, namespace, name="", subresource=""):
        root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
        place = f"/namespaces/{namespace}" if namespace else ""
        if kind.plural in _CLUSTER_SCOPED:
            place = ""
        parts = [f"{root}{place}/{kind.plural}", name, subresource]
        return "/".join(part for part in parts if part)

    def _send(self, connection, method, path, body=None, *, kind=JSON, options=None, accept=""):
        parameters = {
            _PARAMETERS[key]: value for key, value in (options or {}).items() if key in _PARAMETERS
        }
        if (options or {}).get("dry_run"):
            parameters["dryRun"] = "All"
        if (options or {}).get("force"):
            parameters["force"] = "true"
        text = None if body is None else json.dumps(body)
        headers = {"Accept": accept or JSON, "Content-Type": kind, **self._headers}
        response = _exchange(connection, method, f"{path}?{urlencode(parameters)}", text, headers)
        if response.status >= 400:
            raise Refused(json.loads(response.read()))
        return response

    def _call(self, method, path, body=None, **rest):
        return json.loads(self._send(self._connection, method, path, body, **rest).read())

    def ask(self, method, path, body=None, *, accept="application/json", kind=JSON, **query):
        """Send a request as it is and return code, headers and body, refused or not."""
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        headers = {"Accept": accept, "Content-Type": kind, **self._headers}
        target = f"{path}?{urlencode(query)}" if query else path
        response = _exchange(self._connection, method, target, text, headers)
        return Answer(response.status, response.headers, response.read().decode())

    def path(self, kind, namespace, name="", subresource=""):
        """Return the path of a collection, an object or a part of one."""
        return self._path(kind, namespace, name, subresource)

    def create(self, kind, namespace, body, **options):
        full = self.place({"apiVersion": kind.api_version, "kind": kind.kind, **body})
        if kind.kind == "Namespace":
            self.owns("namespace", body["metadata"]["name"])
        return self._call("POST", self._path(kind, namespace), full, options=options)

    def get(self, kind, namespace, name, *, subresource=""):
        return self._call("GET", self._path(kind, namespace, name, subresource))

    def list(self, kind, namespace, **options):
        found = self._call("GET", self._path(kind, namespace), options=options)
        items = [
            {"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in found["items"]
        ]
        metadata = found["metadata"]
        return Page(items, metadata["resourceVersion"], metadata.get("continue", ""))

    def update(self, kind, namespace, name, body, *, subresource="", **options):
        path = self._path(kind, namespace, name, subresource)
        return self._call("PUT", path, body, options=options)

    def patch(self, kind, namespace, name, body, patch_type, *, subresource="", **options):
        path = self._path(kind, namespace, name, subresource)
        return self._call("PATCH", path, body, kind=patch_type, options=options)

    def delete(
        self,
        kind,
        namespace,
        name,
        *,
        propagation="Background",
        uid="",
        resource_version="",
        grace_seconds=None,
        dry_run=False,
    ):
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
            "preconditions": {key: value for key, value in preconditions.items() if value},
            **({} if grace_seconds is None else {"gracePeriodSeconds": grace_seconds}),
            **({"dryRun": ["All"]} if dry_run else {}),
        }
        return self._call("DELETE", self._path(kind, namespace, name), body)

    def delete_collection(self, kind, namespace, **options):
        found = self._call("DELETE", self._path(kind, namespace), options=options)
        return [each["metadata"]["name"] for each in found["items"]]

    def evict(self, namespace, name):
        path = f"/api/v1/namespaces/{namespace}/pods/{name}/eviction"
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
        return self._call("POST", path, body)

    def bind(self, namespace, name, node):
        path = f"/api/v1/namespaces/{namespace}/pods/{name}/binding"
        target = {"kind": "Node", "name": node}
        body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}}
        return self._call("POST", path, {**body, "target": target})

    def watch(self, kind, namespace, *, bookmarks=False, accept="", **options):
        connection = self._connect()
        path = self._path(kind, namespace)
        options |= {"watch": "true"} | ({"bookmarks": "true"} if bookmarks else {})
        response = self._send(connection, "GET", path, options=options, accept=accept)
        stream = HttpStream(connection, response, bookmarks=bookmarks)
        self._streams.append(stream)
        return stream

    def install(self, definition):
        kind = Type(
            "apiextensions.k8s.io",
            "v1",
            "customresourcedefinitions",
            "CustomResourceDefinition",
        )
        name = definition["metadata"]["name"]
        try:
            self.create(kind, "", definition)
        except Refused:  # A cluster that outlives a run has it from the one before.
            version = self.get(kind, "", name)["metadata"]["resourceVersion"]
            metadata = {"name": name, "resourceVersion": version}
            self.update(kind, "", name, {**definition, "metadata": metadata})
        for _ in range(_ESTABLISH_TRIES):
            found = self.get(kind, "", definition["metadata"]["name"])
            conditions = found.get("status", {}).get("conditions") or []
            if any(
                each["type"] == "Established" and each["status"] == "True" for each in conditions
            ):
                return self._await_served(definition)
        raise AssertionError("the definition was never established")

    def _await_served(self, definition):
        spec = definition["spec"]
        for version in spec["versions"]:
            path = f"/apis/{spec['group']}/{version['name']}/{spec['names']['plural']}"
            for _ in range(_ESTABLISH_TRIES):
                if self.ask("GET", path).code == 200:
                    break
                time.sleep(_SERVED_SECONDS)
            else:
                raise AssertionError(f"{path} is not served")

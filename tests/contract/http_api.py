"""`Api` over HTTP with nothing but the standard library: for any API server that can be reached."""

from __future__ import annotations

import http.client
import json
import queue
import threading
from urllib.parse import urlencode, urlsplit

from contract.api import Page, Refused, Type

_QUIET_SECONDS = 0.3
_EVENT_SECONDS = 10
_ESTABLISH_TRIES = 50

_PARAMETERS = {
    "field_manager": "fieldManager",
    "field_validation": "fieldValidation",
    "label_selector": "labelSelector",
    "field_selector": "fieldSelector",
    "resource_version": "resourceVersion",
    "limit": "limit",
    "continue_": "continue",
}
_CLUSTER_SCOPED = ("namespaces", "customresourcedefinitions")


class HttpStream:
    """A watch read by a thread of its own."""

    def __init__(self, connection, response):
        self._connection = connection
        self._response = response
        self._events = queue.Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        try:
            for line in self._response:
                event = json.loads(line)
                if event["type"] != "BOOKMARK":
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
            self._connection.sock.shutdown(2)
        self._thread.join(_EVENT_SECONDS)
        self._connection.close()
        self._response.close()


class HttpApi:
    """One connection for the verbs, one more for each watch."""

    def __init__(self, url, headers=None, trust=None):
        """Connect; `trust` is the TLS context of an https address."""
        self._address = urlsplit(url).netloc
        self._headers = headers or {}
        self._trust = trust
        self._connection = self._connect()
        self._streams = []

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

    def _send(self, connection, method, path, body=None, *, kind="application/json", options=None):
        parameters = {
            _PARAMETERS[key]: value for key, value in (options or {}).items() if key in _PARAMETERS
        }
        if (options or {}).get("dry_run"):
            parameters["dryRun"] = "All"
        if (options or {}).get("force"):
            parameters["force"] = "true"
        if (options or {}).get("watch"):
            parameters["watch"] = "true"
        text = None if body is None else json.dumps(body)
        headers = {"Accept": "application/json", "Content-Type": kind, **self._headers}
        connection.request(method, f"{path}?{urlencode(parameters)}", text, headers)
        response = connection.getresponse()
        if response.status >= 400:
            raise Refused(json.loads(response.read()))
        return response

    def _call(self, method, path, body=None, **rest):
        return json.loads(self._send(self._connection, method, path, body, **rest).read())

    def create(self, kind, namespace, body, **options):
        full = {"apiVersion": kind.api_version, "kind": kind.kind, **body}
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

    def delete(self, kind, namespace, name, *, propagation="Background", uid=""):
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
            **({"preconditions": {"uid": uid}} if uid else {}),
        }
        return self._call("DELETE", self._path(kind, namespace, name), body)

    def watch(self, kind, namespace, **options):
        connection = self._connect()
        path = self._path(kind, namespace)
        response = self._send(connection, "GET", path, options={**options, "watch": True})
        stream = HttpStream(connection, response)
        self._streams.append(stream)
        return stream

    def install(self, definition):
        kind = Type(
            "apiextensions.k8s.io",
            "v1",
            "customresourcedefinitions",
            "CustomResourceDefinition",
        )
        self.create(kind, "", definition)
        for _ in range(_ESTABLISH_TRIES):
            found = self.get(kind, "", definition["metadata"]["name"])
            conditions = found.get("status", {}).get("conditions") or []
            if any(
                each["type"] == "Established" and each["status"] == "True" for each in conditions
            ):
                return
        raise AssertionError("the definition was never established")

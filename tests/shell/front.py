"""The emulated API server behind HTTP, with the accidents that tests of the shell need.

A small front of our own: it can drop every watch, forget its history, refuse or lose requests,
and it counts what it is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime

import orjson
from aiohttp import web

from rollouts.api.refs import CRD
from rollouts.emulator import ApiError, ApiServer


def definition(kind, *, namespaced=True):
    """A CustomResourceDefinition that takes anything."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{kind.group}"},
        "spec": {
            "group": kind.group,
            "scope": "Namespaced" if namespaced else "Cluster",
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
            },
            "versions": [
                {
                    "name": kind.version,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "x-kubernetes-preserve-unknown-fields": True,
                        }
                    },
                }
            ],
        },
    }


class Front:
    def __init__(self, server=None):
        self.server = server or ApiServer(lambda: datetime.now(UTC), track_ownership=False)
        self.requests = []  # (method, path, is it a watch)
        self.watches = []  # (transport, plural) of those that are open
        self.refuse = lambda method, path: None  # a status code, or None
        self.url = ""

    # -- what tests do to the cluster ------------------------------------------------------------

    def install(self, *kinds):
        for kind in kinds:
            self.create(CRD, definition(kind))

    def uninstall(self, kind):
        self.server.delete(self._type(CRD), "", f"{kind.plural}.{kind.group}")
        self.drop_watches()

    def create(self, kind, manifest):
        namespace = manifest["metadata"].get("namespace", "")
        document = {"apiVersion": kind.api_version, "kind": kind.kind, **manifest}
        return self.server.create(self._type(kind), namespace, document)

    def patch(self, kind, namespace, name, body, subresource=""):
        return self.server.patch(
            self._type(kind),
            namespace,
            name,
            body,
            "application/merge-patch+json",
            subresource=subresource,
        )

    def delete(self, kind, namespace, name):
        self.server.delete(self._type(kind), namespace, name)

    def get(self, kind, namespace, name):
        return self.server.get(self._type(kind), namespace, name)

    def items(self, kind, namespace=""):
        return self.server.list(self._type(kind), namespace).items

    def drop_watches(self, plural=""):
        for transport, wanted in list(self.watches):
            if plural in ("", wanted):
                transport.abort()

    def lose_history(self, plural=""):
        """Drop watches and forget what they would have to be told."""
        self.server.compact()
        self.drop_watches(plural)

    def count(self, *, besides=()):
        return len([path for _, path, _ in self.requests if not path.endswith(tuple(besides))])

    def _type(self, kind):
        return self.server.resource(kind.group, kind.version, kind.plural)

    # -- HTTP ------------------------------------------------------------------------------------

    async def handle(self, request):
        is_watch = request.query.get("watch") in ("1", "true")
        self.requests.append((request.method, request.path, is_watch))
        code = self.refuse(request.method, request.path)
        if code is not None:
            return self._status(ApiError(code, "Refused", "as the test wants it"))
        try:
            return await self._route(request, is_watch)
        except ApiError as error:
            return self._status(error)

    async def _route(self, request, is_watch):
        parts = request.path.strip("/").split("/")
        if parts[0] == "version":
            return self._json({"gitVersion": "v1.34.0"})
        core = parts[0] == "api"
        if len(parts) < (3 if core else 4):
            return self._json(self._discover(parts, core=core))
        group, version = ("", parts[1]) if core else (parts[1], parts[2])
        rest = parts[2:] if core else parts[3:]
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        rt = self.server.resource(group, version, rest[0])
        if is_watch:
            return await self._watch(request, rt, namespace)
        if len(rest) == 1 and request.method == "GET":
            return self._list(request, rt, namespace)
        return await self._object(request, rt, namespace, rest[1:])

    def _discover(self, parts, *, core):
        types = [rt for rt in self.server.resources() if (rt.group == "") is core]
        if len(parts) == 1 and core:
            return {"kind": "APIVersions", "versions": ["v1"]}
        if len(parts) == 1:
            groups = {}
            for rt in types:
                groups.setdefault(rt.group, {})[rt.version] = None
            return {
                "groups": [
                    {
                        "name": group,
                        "versions": [
                            {"version": each, "groupVersion": f"{group}/{each}"}
                            for each in versions
                        ],
                        "preferredVersion": {"version": next(iter(versions))},
                    }
                    for group, versions in groups.items()
                ]
            }
        wanted = ("", parts[1]) if core else (parts[1], parts[2])
        found = [rt for rt in types if (rt.group, rt.version) == wanted]
        if not found:
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        return {
            "resources": [
                {
                    "kind": rt.kind,
                    "name": rt.plural,
                    "singularName": rt.singular,
                    "namespaced": rt.namespaced,
                    "verbs": list(rt.verbs),
                }
                for rt in found
            ]
        }

    def _list(self, request, rt, namespace):
        query = request.query
        found = self.server.list(
            rt,
            namespace,
            label_selector=query.get("labelSelector", ""),
            limit=int(query.get("limit", "0")),
            continue_=query.get("continue", ""),
        )
        metadata = {"resourceVersion": found.resource_version, "continue": found.continue_}
        return self._json(
            {
                "kind": rt.list_kind,
                "apiVersion": rt.api_version,
                "metadata": metadata,
                "items": list(found.items),
            }
        )

    async def _object(self, request, rt, namespace, rest):
        raw = await request.read()
        body = orjson.loads(raw) if raw else {}
        options = {"dry_run": request.query.get("dryRun") == "All"}
        manager = {"field_manager": request.query.get("fieldManager", "unknown")}
        name = rest[0] if rest else ""
        subresource = rest[1] if len(rest) > 1 else ""
        match request.method:
            case "GET":
                return self._json(self.server.get(rt, namespace, name, subresource=subresource))
            case "POST":
                made = self.server.create(rt, namespace, body, **manager, **options)
                return self._json(made, 201)
            case "PUT":
                options |= manager | {"subresource": subresource}
                return self._json(self.server.update(rt, namespace, name, body, **options))
            case "PATCH":
                options |= manager | {"subresource": subresource}
                options["force"] = request.query.get("force") == "true"
                kind = request.headers["Content-Type"]
                return self._json(self.server.patch(rt, namespace, name, body, kind, **options))
            case _:
                uid = (body.get("preconditions") or {}).get("uid", "")
                return self._json(self.server.delete(rt, namespace, name, uid=uid, **options))

    async def _watch(self, request, rt, namespace):
        query = request.query
        watch = self.server.watch(
            rt,
            namespace,
            resource_version=query.get("resourceVersion", ""),
            label_selector=query.get("labelSelector", ""),
            bookmarks=query.get("allowWatchBookmarks") == "true",
        )
        ready = asyncio.Event()
        watch.on_ready = ready.set
        response = web.StreamResponse()
        await response.prepare(request)
        entry = (request.transport, rt.plural)
        self.watches.append(entry)
        try:
            while True:
                ready.clear()
                for event in watch.poll():
                    line = orjson.dumps({"type": event.type, "object": event.object})
                    await response.write(line + b"\n")
                await ready.wait()
        except ApiError as error:
            line = orjson.dumps({"type": "ERROR", "object": error.status()})
            await response.write(line + b"\n")
        except ConnectionError:
            pass
        finally:
            self.watches.remove(entry)
            watch.close()
        return response

    def _json(self, body, status=200):
        return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")

    def _status(self, error):
        return self._json(error.status(), error.code)

    def kubeconfig(self, path):
        document = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "users": [{"name": "u", "user": {}}],
        }
        path.write_text(json.dumps(document))
        return str(path)


@contextlib.asynccontextmanager
async def serve_front(front=None):
    front = front or Front()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{tail:.*}", front.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    front.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield front
    finally:
        front.drop_watches()
        await runner.cleanup()


async def until(condition, seconds=10.0):
    """Wait for something that other tasks bring about; the bound only ends a hopeless test."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # what is waited for is not ours to signal
            await asyncio.sleep(0.005)

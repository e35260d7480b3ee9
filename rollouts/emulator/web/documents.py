"""Everything that is not an object: versions, health, discovery and OpenAPI."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from rollouts.emulator.errors import no_such_resource
from rollouts.emulator.web import discovery
from rollouts.emulator.web.answers import JSON, answer, not_acceptable, text_answer
from rollouts.emulator.web.negotiation import accepts_aggregated, read_accept
from rollouts.emulator.web.openapi import v2_document, v2_protobuf, v3_document

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollouts.emulator.resources import ResourceType
    from rollouts.emulator.server import ApiServer

PROBES = {"healthz", "livez", "readyz"}
V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
V2_PROTOBUF_ASKED = {V2_PROTOBUF, "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"}
"""Clients ask with an `@`, which is no media type; answered with it, older kubectls stumble."""


class Documents:
    """Answers GET requests for documents; `failure` tells what has broken, if anything."""

    def __init__(
        self,
        server: ApiServer,
        failure: Callable[[], BaseException | None],
        *,
        version: str = discovery.SERVER_VERSION,
    ) -> None:
        self._server = server
        self._version = version
        self._failure = failure
        self._openapi: dict[str, tuple[tuple[ResourceType, ...], bytes, str]] = {}

    def respond(self, path: str, accept: str, known_tag: str) -> web.Response:
        """Answer a path that names no resource.

        Args:
            known_tag: the client's If-None-Match.

        Raises:
            ApiError: 404 or 406.
        """
        parts = [part for part in path.split("/") if part]
        match parts:
            case []:
                return answer({"paths": ["/api", "/apis", "/healthz", "/openapi/v3", "/version"]})
            case [probe, *_] if probe in PROBES:
                return self._probe(probe)
            case ["version"]:
                return answer(discovery.version_document(self._version))
            case ["openapi", "v2"]:
                return self._v2(accept)
            case ["openapi", "v3", *rest]:
                return self._tagged(self._v3("/".join(rest)), known_tag)
            case ["api"] | ["apis"]:
                return self._root(accept, known_tag, core=parts == ["api"])
        return self._tagged(orjson.dumps(self._discovery(parts)), known_tag)

    def _probe(self, name: str) -> web.Response:
        failure = self._failure()
        if failure is None:
            return text_answer("ok")
        return text_answer(f"{name} check failed: actors stopped: {failure!r}\n", code=500)

    def _root(self, accept: str, known_tag: str, *, core: bool) -> web.Response:
        types = self._server.resources()
        if version := accepts_aggregated(accept):
            media = f"{JSON};g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
            body = orjson.dumps(discovery.aggregated(types, core=core))
            return self._tagged(body, known_tag, media)
        plain = discovery.core_versions() if core else discovery.group_list(types)
        return self._tagged(orjson.dumps(plain), known_tag)

    def _discovery(self, parts: list[str]) -> dict[str, Any]:
        types = self._server.resources()
        found: dict[str, Any] | None = None
        match parts:
            case ["api", version]:
                found = discovery.resource_list(types, "", version)
            case ["apis", group]:
                found = discovery.group_document(types, group)
            case ["apis", group, version]:
                found = discovery.resource_list(types, group, version)
        if found is None:
            raise no_such_resource(custom=True)
        return found

    def _tagged(self, body: bytes, known_tag: str, media: str = JSON) -> web.Response:
        """Answer with an entity tag, or 304 when the client has just this."""
        tag = f'"{_digest(body)}"'
        headers = {"ETag": tag, "Vary": "Accept", "Cache-Control": "public"}
        if known_tag == tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, headers={**headers, "Content-Type": media})

    def _v2(self, accept: str) -> web.Response:
        forms = {form.media for form in read_accept(accept)}
        if forms & V2_PROTOBUF_ASKED:
            return web.Response(body=v2_protobuf(), headers={"Content-Type": V2_PROTOBUF})
        if not forms & {JSON, "*/*"}:
            raise not_acceptable(f"{JSON}, {V2_PROTOBUF}")
        return answer(v2_document(self._server.resources()))

    def _v3(self, path: str) -> bytes:
        versions: dict[str, list[ResourceType]] = {}
        for rt in self._server.resources():
            prefix = "apis/" if rt.group else "api/"
            versions.setdefault(prefix + rt.api_version, []).append(rt)
        if path:
            if path not in versions:
                raise no_such_resource()
            return self._version_document(path, tuple(versions[path]))[0]
        listed = {}
        for each, types in versions.items():
            tag = self._version_document(each, tuple(types))[1]
            listed[each] = {"serverRelativeURL": f"/openapi/v3/{each}?hash={tag}"}
        return orjson.dumps({"paths": listed})

    def _version_document(self, path: str, types: tuple[ResourceType, ...]) -> tuple[bytes, str]:
        """Return the document of a group and version, made anew when one of its types changed."""
        known = self._openapi.get(path)
        # A changed definition installs new types, so identity tells whether it is still right.
        if known is None or known[0] != types:
            body = orjson.dumps(v3_document(types, path))
            known = self._openapi[path] = (types, body, _digest(body))
        return known[1], known[2]


def _digest(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=20).hexdigest().upper()

"""The verbs of the API over HTTP: each request becomes one call of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from rollouts.emulator.errors import (
    ApiError,
    bad_request,
    method_not_allowed,
    no_such_resource,
)
from rollouts.emulator.web.answers import answer, text_answer
from rollouts.emulator.web.bodies import media_type, read_body, read_object
from rollouts.emulator.web.discovery import REVIEWS
from rollouts.emulator.web.parameters import (
    TIMEOUT_SECONDS_MAX,
    check_list_options,
    read_count,
    read_deletion,
    read_flag,
    read_write_options,
)
from rollouts.emulator.web.podlog import pod_log
from rollouts.emulator.web.rendering import Renderer
from rollouts.emulator.web.reviews import review

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rollouts.emulator.resources import Manifest, ResourceType
    from rollouts.emulator.server import ApiServer
    from rollouts.emulator.web.call import Call
    from rollouts.emulator.web.watching import Streams

APPLY = "application/apply-patch+yaml"


class Verbs:
    """Carries out calls on resources."""

    def __init__(
        self, server: ApiServer, streams: Streams, *, clock: Callable[[], datetime]
    ) -> None:
        self._server = server
        self._streams = streams
        self._clock = clock
        self._reviews = {(rt.group, rt.version, rt.plural): rt for rt in REVIEWS}

    async def respond(self, call: Call) -> web.StreamResponse:
        """Answer a call.

        Raises:
            ApiError: the server refuses it.
        """
        target = call.target
        question = self._reviews.get((target.group, target.version, target.plural))
        if question is not None:
            return await self._review(question, call)
        rt = self._server.resource(target.group, target.version, target.plural)
        if target.namespace and not rt.namespaced:
            raise no_such_resource()
        if target.subresource in {"log", "eviction", "binding"} and rt.stored_as == "pods":
            return await self._pod_extra(rt, call)
        match call.verb:
            case "get":
                return self._get(rt, call)
            case "list":
                return self._list(rt, call)
            case "watch":
                return await self._watch(rt, call)
            case "create" if not target.name:
                return await self._create(rt, call)
            case "update":
                return await self._update(rt, call)
            case "patch":
                return await self._patch(rt, call)
            case "delete" if not target.subresource:
                return await self._delete(rt, call)
            case "deletecollection":
                return await self._delete_collection(rt, call)
        raise self._wrong_verb(rt, call)

    def _wrong_verb(self, rt: ResourceType, call: Call) -> ApiError:
        if rt.custom and not call.target.name and call.request.method in {"PUT", "PATCH"}:
            return bad_request("name must be provided")
        return method_not_allowed()

    def _renderer(self, rt: ResourceType, call: Call) -> Renderer:
        include = call.query.get("includeObject", "")
        return Renderer(rt, call.accept, self._clock(), include=include)

    def _get(self, rt: ResourceType, call: Call) -> web.Response:
        target, renderer = call.target, self._renderer(rt, call)
        found = self._server.get(rt, target.namespace, target.name, subresource=target.subresource)
        if target.subresource == "scale":
            return answer(found)
        return answer(renderer.one(found), content_type=renderer.content_type)

    def _list(self, rt: ResourceType, call: Call) -> web.Response:
        query, renderer = call.query, self._renderer(rt, call)
        check_list_options(query, watching=False)
        found = self._server.list(
            rt,
            call.target.namespace,
            label_selector=query.get("labelSelector", ""),
            field_selector=query.get("fieldSelector", ""),
            resource_version=query.get("resourceVersion", ""),
            resource_version_match=query.get("resourceVersionMatch", ""),
            limit=read_count(query, "limit", 0),
            continue_=query.get("continue", ""),
        )
        return answer(renderer.many(found), content_type=renderer.content_type)

    async def _watch(self, rt: ResourceType, call: Call) -> web.StreamResponse:
        query, renderer = call.query, self._renderer(rt, call)
        fields = query.get("fieldSelector", "")
        if call.target.name:
            fields = f"metadata.name={call.target.name}"
        check_list_options(query, watching=True)
        bookmarks = read_flag(query, "allowWatchBookmarks")
        try:
            watch = self._server.watch(
                rt,
                call.target.namespace,
                resource_version=query.get("resourceVersion", ""),
                label_selector=query.get("labelSelector", ""),
                field_selector=fields,
                bookmarks=bookmarks,
                send_initial_events=read_flag(query, "sendInitialEvents"),
            )
        except ApiError as error:
            if error.code != 410:
                raise
            # That a version is too old is found out when the watch has already begun.
            return answer({"type": "ERROR", "object": error.status()})
        timeout = read_count(query, "timeoutSeconds", 0) or TIMEOUT_SECONDS_MAX
        return await self._streams.serve(
            call.request,
            watch,
            render=renderer.event,
            content_type=renderer.content_type,
            timeout_seconds=min(timeout, TIMEOUT_SECONDS_MAX),
            bookmarks=bookmarks,
        )

    async def _create(self, rt: ResourceType, call: Call) -> web.Response:
        manifest = read_object(await call.read(), call.content_type, rt.kind)
        options = read_write_options(call.query, call.user_agent, "CreateOptions")
        warnings: list[str] = []
        renderer = self._renderer(rt, call)
        created = self._server.create(
            rt,
            call.target.namespace,
            manifest,
            field_manager=options.field_manager,
            dry_run=options.dry_run,
            field_validation=options.field_validation,
            warnings=warnings,
        )
        return answer(
            renderer.one(created),
            code=201,
            content_type=renderer.content_type,
            warnings=warnings,
        )

    async def _update(self, rt: ResourceType, call: Call) -> web.Response:
        manifest = read_object(await call.read(), call.content_type, rt.kind)
        options = read_write_options(call.query, call.user_agent, "UpdateOptions")
        warnings: list[str] = []
        existed = self._exists(rt, call)
        target = call.target
        updated = self._server.update(
            rt,
            target.namespace,
            target.name,
            manifest,
            subresource=target.subresource,
            field_manager=options.field_manager,
            dry_run=options.dry_run,
            field_validation=options.field_validation,
            warnings=warnings,
        )
        return self._written(rt, call, updated, existed=existed, warnings=warnings)

    async def _patch(self, rt: ResourceType, call: Call) -> web.Response:
        patch_type = media_type(call.content_type)
        body = read_body(await call.read(), patch_type)
        is_apply = patch_type == APPLY
        options = read_write_options(call.query, call.user_agent, "PatchOptions", is_apply=is_apply)
        warnings: list[str] = []
        existed = not is_apply or self._exists(rt, call)
        target = call.target
        patched = self._server.patch(
            rt,
            target.namespace,
            target.name,
            body,
            patch_type,
            subresource=target.subresource,
            field_manager=options.field_manager,
            force=options.force,
            dry_run=options.dry_run,
            field_validation=options.field_validation,
            warnings=warnings,
        )
        return self._written(rt, call, patched, existed=existed, warnings=warnings)

    def _written(
        self,
        rt: ResourceType,
        call: Call,
        written: Manifest,
        *,
        existed: bool,
        warnings: list[str],
    ) -> web.Response:
        code = 200 if existed else 201
        if call.target.subresource == "scale":
            return answer(written, code=code, warnings=warnings)
        renderer = self._renderer(rt, call)
        return answer(
            renderer.one(written),
            code=code,
            content_type=renderer.content_type,
            warnings=warnings,
        )

    def _exists(self, rt: ResourceType, call: Call) -> bool:
        try:
            self._server.get(rt, call.target.namespace, call.target.name)
        except ApiError as error:
            if error.code != 404:
                raise
            return False
        return True

    async def _delete(self, rt: ResourceType, call: Call) -> web.Response:
        options = read_deletion(await self._optional_body(call), call.query)
        renderer = self._renderer(rt, call)
        deleted = self._server.delete(
            rt,
            call.target.namespace,
            call.target.name,
            propagation=options.propagation,
            uid=options.uid,
            resource_version=options.resource_version,
            dry_run=options.dry_run,
            grace_seconds=options.grace_seconds,
            field_manager=call.user_agent.partition("/")[0] or "unknown",
        )
        return answer(renderer.one(deleted), content_type=renderer.content_type)

    async def _delete_collection(self, rt: ResourceType, call: Call) -> web.Response:
        options = read_deletion(await self._optional_body(call), call.query)
        renderer = self._renderer(rt, call)
        deleted = self._server.delete_collection(
            rt,
            call.target.namespace,
            label_selector=call.query.get("labelSelector", ""),
            field_selector=call.query.get("fieldSelector", ""),
            propagation=options.propagation,
            dry_run=options.dry_run,
            grace_seconds=options.grace_seconds,
        )
        return answer(renderer.many(deleted), content_type=renderer.content_type)

    async def _optional_body(self, call: Call) -> Any:
        data = await call.read()
        return read_body(data, call.content_type) if data else None

    async def _review(self, rt: ResourceType, call: Call) -> web.Response:
        if call.verb != "create":
            raise method_not_allowed()
        question = read_object(await call.read(), call.content_type, rt.kind)
        return answer(review(rt, question, call.user), code=201)

    async def _pod_extra(self, rt: ResourceType, call: Call) -> web.Response:
        """Answer `log`, `eviction` and `binding`, which pods have and nothing else."""
        target = call.target
        if target.subresource == "log" and call.verb == "get":
            pod = self._server.get(rt, target.namespace, target.name)
            return text_answer(pod_log(pod, call.query))
        if target.subresource == "eviction" and call.verb == "create":
            body = read_object(await call.read(), call.content_type, "Eviction")
            options = read_deletion(body.get("deleteOptions"), call.query)
            done = self._server.evict(
                target.namespace,
                target.name,
                body,
                uid=options.uid,
                resource_version=options.resource_version,
                dry_run=options.dry_run,
                grace_seconds=options.grace_seconds,
            )
            return answer(done, code=201)
        if target.subresource == "binding" and call.verb == "create":
            body = read_object(await call.read(), call.content_type, "Binding")
            return answer(self._server.bind(target.namespace, target.name, body), code=201)
        raise method_not_allowed()

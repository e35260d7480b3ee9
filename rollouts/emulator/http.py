"""Serving the emulated cluster over HTTP on the loopback interface, actors included."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import web

from rollouts.emulator.errors import ApiError, no_such_resource
from rollouts.emulator.web.answers import refusal
from rollouts.emulator.web.bodies import BODY_SIZE_MAX, media_type
from rollouts.emulator.web.call import Call, user_of
from rollouts.emulator.web.discovery import SERVER_VERSION
from rollouts.emulator.web.documents import Documents
from rollouts.emulator.web.kubeconfig import kubeconfig
from rollouts.emulator.web.origin import is_from_page, is_loopback
from rollouts.emulator.web.parameters import read_flag
from rollouts.emulator.web.paths import read_path, verb_of
from rollouts.emulator.web.realtime import ActorRunner, real_clock
from rollouts.emulator.web.requestlog import RequestLog, RequestRecord
from rollouts.emulator.web.verbs import Verbs
from rollouts.emulator.web.watching import Streams

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from rollouts.emulator.actors import Actor
    from rollouts.emulator.server import ApiServer

__all__ = ["RequestLog", "RequestRecord", "Running", "real_clock", "serve"]

SHUTDOWN_SECONDS = 2.0
"""Requests under way get this long when the server closes; watches are ended at once."""


class Running:
    """A served cluster. `url` is where it listens; `requests` is who asked what."""

    def __init__(
        self,
        url: str,
        requests: RequestLog,
        *,
        runner: web.ServerRunner,
        actors: ActorRunner,
        streams: Streams,
    ) -> None:
        self.url = url
        self.requests = requests
        self._runner = runner
        self._actors = actors
        self._streams = streams

    @property
    def failure(self) -> BaseException | None:
        """Return what stopped the actors, or None while they run."""
        return self._actors.failure

    @property
    def watch_count(self) -> int:
        """Return how many watches are open."""
        return len(self._streams)

    def kubeconfig_text(self, *, user: str = "admin", namespace: str = "default") -> str:
        """Return a kubeconfig for this server; `user` is the name that the log shows."""
        return kubeconfig(self.url, user=user, namespace=namespace)

    def wake_actors(self) -> None:
        """Have the actors look again, after one was told to behave differently."""
        self._actors.wake()

    async def close(self) -> None:
        """End the watches, stop the actors and stop listening."""
        self._streams.close()
        await self._actors.close()
        await self._runner.cleanup()


async def serve(
    server: ApiServer,
    actors: Sequence[Actor],
    *,
    clock: Callable[[], datetime] | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    time_scale: float = 1.0,
    on_request: Callable[[RequestRecord], None] | None = None,
    version: str = SERVER_VERSION,
) -> Running:
    """Serve a cluster until `Running.close` is awaited.

    Args:
        server: the cluster; it may be used in-process at the same time, from this event loop.
        actors: what plays the controllers; they run in real time from now on.
        clock: the clock that `server` was made with; real time when it is left out.
        port: 0 takes a free one.
        time_scale: how many seconds pass on `clock` in a real one.
        on_request: called with every answered request.
        version: what the server says that it is; its behaviour does not depend on it.
    """
    clock = clock or real_clock(time_scale)
    runner = ActorRunner(server, actors, clock=clock, scale=time_scale)
    streams = Streams()
    log = RequestLog(on_request=on_request)
    face = _Face(
        Documents(server, lambda: runner.failure, version=version),
        Verbs(server, streams, clock=clock),
        log,
        on_loopback=is_loopback(host),
    )
    listening = web.ServerRunner(
        web.Server(
            face.handle,
            request_factory=_make_request,
            # A client that goes away ends its watch at once.
            handler_cancellation=True,
            access_log=None,
        ),
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    await listening.setup()
    await web.TCPSite(listening, host, port).start()
    bound_host, bound_port = listening.addresses[0][:2]
    runner.start()
    shown = f"[{bound_host}]" if ":" in bound_host else bound_host
    return Running(
        f"http://{shown}:{bound_port}", log, runner=listening, actors=runner, streams=streams
    )


class _Face:
    """Answers requests: documents, or verbs on resources."""

    def __init__(
        self, documents: Documents, verbs: Verbs, log: RequestLog, *, on_loopback: bool
    ) -> None:
        self._documents = documents
        self._verbs = verbs
        self._log = log
        self._on_loopback = on_loopback

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; a refusal is a Status with its code."""
        if is_from_page(request.headers, on_loopback=self._on_loopback):
            message = "requests of web pages are not answered: use localhost and no Origin"
            return refusal(ApiError(403, "Forbidden", message))
        target = read_path(request.path)
        user = user_of(request)
        if target is None:
            document = self._document(request)
            self._record(request, None, user, document.status)
            return document
        watching = read_flag(request.query, "watch")
        verb = verb_of(request.method, target, watching=watching)
        call = Call(request, target, verb, request.query, user)
        if verb == "watch":
            # Its answer ends with the watch, so it is recorded when it begins.
            self._record(request, call, user, 200)
        try:
            response: web.StreamResponse = await self._verbs.respond(call)
        except ApiError as error:
            response = refusal(error)
        if verb != "watch":
            self._record(request, call, user, response.status)
        return response

    def _document(self, request: web.BaseRequest) -> web.Response:
        headers = request.headers
        try:
            if request.method not in {"GET", "HEAD"}:
                raise no_such_resource()
            return self._documents.respond(
                request.path, headers.get("Accept", "*/*"), headers.get("If-None-Match", "")
            )
        except ApiError as error:
            return refusal(error)

    def _record(self, request: web.BaseRequest, call: Call | None, user: str, code: int) -> None:
        agent = request.headers.get("User-Agent", "")
        if call is None:
            self._log.add(
                RequestRecord(
                    verb=request.method.lower(),
                    resource="",
                    subresource="",
                    namespace="",
                    name=request.path,
                    user=user,
                    user_agent=agent,
                    code=code,
                )
            )
            return
        target = call.target
        writes = call.verb in {"create", "update", "patch"}
        self._log.add(
            RequestRecord(
                verb=call.verb,
                resource=f"{target.plural}.{target.group}" if target.group else target.plural,
                subresource=target.subresource,
                namespace=target.namespace,
                name=target.name,
                user=user,
                user_agent=agent,
                code=code,
                content_type=media_type(call.content_type) if writes else "",
                dry_run="dryRun" in call.query,
            )
        )


def _make_request(  # noqa: PLR0917  # the shape that aiohttp calls
    message: Any, payload: Any, protocol: Any, writer: Any, task: Any
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(
        message, payload, protocol, writer, task, loop, client_max_size=BODY_SIZE_MAX
    )

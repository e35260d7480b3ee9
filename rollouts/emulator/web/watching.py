"""Watch streams: pushed as JSON lines the moment something changes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from rollouts.emulator.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollouts.emulator.resources import Manifest
    from rollouts.emulator.watch import Watch, WatchEvent

BOOKMARK_SECONDS = 60
"""How often a quiet watch is looked at for a bookmark."""


class Streams:
    """The open watches of a server, so that closing it ends them in good order."""

    def __init__(self) -> None:
        self._woken: dict[int, asyncio.Event] = {}
        self._opened = 0
        self._closing = False

    def __len__(self) -> int:
        return len(self._woken)

    def close(self) -> None:
        """End every stream after what it has to say."""
        self._closing = True
        for woken in self._woken.values():
            woken.set()

    async def serve(
        self,
        request: web.BaseRequest,
        watch: Watch,
        *,
        render: Callable[[WatchEvent], Manifest],
        content_type: str,
        timeout_seconds: float,
        bookmarks: bool,
    ) -> web.StreamResponse:
        """Stream a watch until its time is over, its type is gone or the server closes."""
        response = web.StreamResponse()
        response.headers["Content-Type"] = content_type
        response.enable_chunked_encoding()
        woken = asyncio.Event()
        woken.set()
        watch.on_ready = woken.set
        self._opened += 1
        number = self._opened
        self._woken[number] = woken
        try:
            await response.prepare(request)
            await self._pump(response, watch, woken, render, timeout_seconds, bookmarks=bookmarks)
            await response.write_eof()
        except ConnectionResetError:
            # The client went away between two events: nobody is left to be told anything.
            return response
        finally:
            del self._woken[number]
            watch.close()
        return response

    async def _pump(  # noqa: PLR0917  # one loop, taken apart for its length
        self,
        response: web.StreamResponse,
        watch: Watch,
        woken: asyncio.Event,
        render: Callable[[WatchEvent], Manifest],
        timeout_seconds: float,
        *,
        bookmarks: bool,
    ) -> None:
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + timeout_seconds
        while True:
            woken.clear()
            try:
                events = watch.poll()
            except ApiError as error:
                await response.write(_line("ERROR", error.status()))
                return
            if events:
                await response.write(
                    b"".join([_line(event.type, render(event)) for event in events])
                )
            remaining = ends_at - loop.time()
            if watch.closed or self._closing or remaining <= 0:
                break
            try:
                # Bookmarks are due even when nothing happens.
                wait = min(remaining, BOOKMARK_SECONDS) if bookmarks else remaining
                async with asyncio.timeout(wait):
                    await woken.wait()
            except TimeoutError:
                continue
        if bookmarks and not watch.closed:
            # The last word spares the client a relist: from here it can go on.
            last = watch.bookmark()
            await response.write(_line(last.type, render(last)))


def _line(kind: str, body: Manifest) -> bytes:
    return orjson.dumps({"type": kind, "object": body}, option=orjson.OPT_APPEND_NEWLINE)

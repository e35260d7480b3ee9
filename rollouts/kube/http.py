"""Move requests to an API server and bytes back, with bounds on time and on concurrency."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from rollouts import __version__
from rollouts.kube.answers import Call, lost, read_error
from rollouts.kube.errors import ClusterError, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping

REQUEST_SECONDS_MAX = 15.0
"""A hung request must not hold a step for longer; the longest honest answer takes a few seconds."""

CONNECT_SECONDS_MAX = 5.0
"""Connecting is a round trip or two, whatever the request."""

IN_FLIGHT_COUNT_MAX = 32
"""Requests under way at once. A storm of rollouts must not become a storm of requests; a server
with default limits serves several hundred writes per second with fewer than this."""

EVENT_BYTES_MAX = 16 * 1024 * 1024
"""One watch event. etcd refuses objects above 1.5 MiB, so that this is never met honestly."""

USER_AGENT = f"rollouts/{__version__}"

CODE_LOST = "lost"
"""The metric label of a request that got no answer."""


class Access(Protocol):
    """Where the server is and how to prove who we are."""

    server: str

    def session(self) -> aiohttp.ClientSession:
        """Return the pool of connections, made with the current client certificate."""
        ...

    def request_options(self) -> Mapping[str, str]:
        """Return the proxy and TLS name, if any, as keyword arguments of a request."""
        ...

    async def authorization(self) -> str:
        """Return the current value of the Authorization header, empty for none."""
        ...

    async def renew(self, refused: str) -> bool:
        """Get new credentials after `refused` were; False when there are no others."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class Transport:
    """Sends calls to one server over reused connections."""

    def __init__(
        self,
        access: Access,
        *,
        on_request: Callable[[str, str, str], None] | None = None,
        request_seconds_max: float = REQUEST_SECONDS_MAX,
        in_flight_count_max: int = IN_FLIGHT_COUNT_MAX,
    ) -> None:
        """Use `access` for every request.

        Args:
            on_request: told verb, resource and status code (or "lost") of every request.
        """
        self.access = access
        self._on_request = on_request
        self._request_seconds_max = request_seconds_max
        self._limits = aiohttp.ClientTimeout(
            total=request_seconds_max, sock_connect=CONNECT_SECONDS_MAX
        )
        # Reads have a window of their own, so that a burst of writes cannot starve a re-list.
        self._writes = asyncio.Semaphore(in_flight_count_max)
        self._reads = asyncio.Semaphore(in_flight_count_max)

    async def send(self, call: Call) -> bytes:
        """Send a request and return the body of its answer.

        Raises:
            ClusterError: always one of `rollouts.kube.errors`.
        """
        if call.urgent:
            return await self._send(call)
        async with self._writes if call.is_write else self._reads:
            return await self._send(call)

    async def stream(
        self, call: Call, *, inactivity_seconds_max: float
    ) -> AsyncGenerator[bytes, None]:
        """Send a request and iterate over the lines of its answer.

        Ends when the server ends the answer, or when nothing has arrived for the given time.
        """
        limits = aiohttp.ClientTimeout(
            sock_connect=CONNECT_SECONDS_MAX, sock_read=inactivity_seconds_max
        )
        opened = False
        try:
            async with await self._open(call, limits) as response:
                opened = True
                self._count(call, str(response.status))
                if response.status >= 400:
                    raise read_error(call, response.status, response.headers, await response.read())
                async for line in _lines(response.content):
                    yield line
        except aiohttp.SocketTimeoutError as error:
            if not opened:
                raise Unavailable(f"{call.verb} {call.subject}: no answer") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unavailable(f"{call.verb} {call.subject}: {describe(error)}") from error

    async def close(self) -> None:
        """Close all connections."""
        await self.access.close()

    async def _send(self, call: Call) -> bytes:
        try:
            async with await self._open(call, self._limits) as response:
                body = await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            self._count(call, CODE_LOST)
            raise Unavailable(f"{call.verb} {call.subject}: {describe(error)}") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._count(call, CODE_LOST)
            message = describe(error) or f"no answer within {self._request_seconds_max:g}s"
            raise lost(call, f"{call.verb} {call.subject}: {message}") from error
        self._count(call, str(response.status))
        if response.status >= 400:
            raise read_error(call, response.status, response.headers, body)
        return body

    async def _open(self, call: Call, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        """Return the answer to a call, unread; credentials that are refused are renewed once."""
        authorization = await self.access.authorization()
        response = await self._request(call, limits, authorization)
        if response.status == 401 and await self.access.renew(authorization):
            # A refused credential means that nothing happened: asking again is safe.
            response.release()
            response = await self._request(call, limits, await self.access.authorization())
        return response

    async def _request(
        self, call: Call, limits: aiohttp.ClientTimeout, authorization: str
    ) -> aiohttp.ClientResponse:
        headers = {"Accept": call.accept, "User-Agent": USER_AGENT}
        if authorization:
            headers["Authorization"] = authorization
        if call.body is not None:
            headers["Content-Type"] = call.content_type
        return await self.access.session().request(
            call.method,
            build_url(self.access.server, call),
            data=call.body,
            headers=headers,
            timeout=limits,
            allow_redirects=False,
            **self.access.request_options(),  # type: ignore[arg-type]  # proxy and TLS name only
        )

    def _count(self, call: Call, code: str) -> None:
        if self._on_request is not None:
            self._on_request(call.verb, call.resource, code)


def build_url(server: str, call: Call) -> URL:
    """Return the address of a call; the server may have a path of its own, as behind Rancher."""
    return URL(f"{server}{call.path}{_query_text(call.query)}", encoded=True)


@functools.lru_cache(maxsize=64)
def _query_text(query: tuple[tuple[str, str], ...]) -> str:
    return f"?{urlencode(query, quote_via=quote)}" if query else ""


def describe(error: BaseException) -> str:
    """Return what went wrong in words, without the addresses of Python objects."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"cannot trust {error.host}:{error.port}: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        reason = error.os_error.strerror or str(error.os_error) or type(error).__name__
        return f"cannot connect to {error.host}:{error.port}: {reason}"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the server closed the connection"
    text = str(error)
    return text if text or isinstance(error, TimeoutError) else type(error).__name__


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Split a stream into lines of any length; aiohttp's own `readline` stops at its buffer."""
    pieces: list[bytes] = []
    size = 0
    async for chunk in content.iter_any():
        *complete, rest = chunk.split(b"\n")
        for line in complete:
            pieces.append(line)
            whole = b"".join(pieces)
            pieces.clear()
            size = 0
            if whole:
                yield whole
        if rest:
            pieces.append(rest)
            size += len(rest)
            if size > EVENT_BYTES_MAX:
                raise ClusterError(f"a watch event is larger than {EVENT_BYTES_MAX} bytes")

"""The one door to others' servers: bounded in time and memory, and only to allowed addresses."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field, replace

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from rollouts import __version__
from rollouts.analysis.sample import MeasurementError
from rollouts.metric_providers.addresses import AddressPolicy, read_address
from rollouts.metric_providers.answers import (
    BODY_BYTES_MAX,
    Answer,
    BadEncoding,
    Body,
    TooLarge,
    shown_request,
    shown_url,
    status_words,
)
from rollouts.metric_providers.masking import mask, shorten
from rollouts.metric_providers.tls import TlsContexts, TlsOptions

REDIRECTS_MAX = 3
CONNECTIONS_MAX = 256
CONNECTIONS_PER_HOST_MAX = 64
"""One server that hangs must not take the connections of all others."""

URLS_KEPT = 1024
"""Addresses found good that are not checked anew: they are few, and asked at every interval. What
a name stands for is checked at every connection all the same."""

USER_AGENT = f"rollouts/{__version__}"

_CHUNK_BYTES = 64 * 1024
_NO_OPTIONS = TlsOptions()
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEPT_ABROAD = frozenset({"accept", "user-agent", "accept-encoding"})
"""Headers that a redirect takes along to another server; any other may be a secret."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        secrets: values that must not be shown, such as those in headers.
    """

    method: str
    # Hidden, because secrets stand in them.
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    tls: TlsOptions = _NO_OPTIONS
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def asked(self) -> str:
        """Return method and address as they may be shown."""
        return shown_request(self.method, self.url, self.secrets)


def too_late(asked: str, seconds: float) -> MeasurementError:
    """Return what is said of a server that has not answered in time."""
    return MeasurementError(f"{asked} gave no answer within {round(seconds, 2):g}s")


class Refused(OSError):
    """An address must not be asked."""


class CheckedResolver(AbstractResolver):
    """Looks names up and lets through only addresses that may be asked.

    The connection goes to the very address that was checked: there is no second look-up that
    could answer something else.
    """

    def __init__(self, policy: AddressPolicy) -> None:
        """Check by a policy."""
        self._policy = policy

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the allowed addresses of a host.

        Raises:
            Refused: none may be asked.
            OSError: the host has none.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, family=family, flags=socket.AI_ADDRCONFIG
        )
        allowed: list[ResolveResult] = []
        refusal = ""
        for its_family, _, proto, _, where in found:
            text = str(where[0])
            address = read_address(text)
            why = "" if address is None else self._policy.refuse(host, port, address)
            if address is None or why:
                refusal = refusal or why
                continue
            allowed.append(
                ResolveResult(
                    hostname=host,
                    host=text,
                    port=port,
                    family=its_family,
                    proto=proto,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
            )
        if not allowed:
            raise Refused(refusal or f"{host} has no address")
        return allowed

    async def close(self) -> None:
        """Hold nothing, give nothing back."""


class Fetcher:
    """Sends requests over reused connections."""

    def __init__(self, policy: AddressPolicy, *, ca_file: str = "") -> None:
        """Ask only what a policy allows."""
        self._policy = policy
        self._contexts = TlsContexts(ca_file)
        self._session: aiohttp.ClientSession | None = None
        self._known: dict[str, URL] = {}

    async def fetch(self, request: Request, seconds: float | None) -> Answer:
        """Return the answer to a request, whatever its status; redirects are followed.

        Args:
            seconds: how long to wait; None where the caller keeps the time.

        Raises:
            MeasurementError: no answer in time, none at all, or one that is too long.
        """
        if seconds is None:
            return await self._follow(request)
        try:
            async with asyncio.timeout(seconds):
                return await self._follow(request)
        except TimeoutError:
            raise too_late(request.asked, seconds) from None

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def _follow(self, request: Request) -> Answer:
        for _ in range(REDIRECTS_MAX + 1):
            found = await self._send(request)
            if isinstance(found, Answer):
                return found
            request = found
        raise MeasurementError(f"{request.asked} is redirected more than {REDIRECTS_MAX} times")

    async def _send(self, request: Request) -> Answer | Request:
        """Return the answer, or the request that it redirects to."""
        url = self._checked(request)
        tls = await self._contexts.context(request.tls) if url.scheme == "https" else True
        try:
            response = await self._sessions().request(
                request.method,
                url,
                data=request.body,
                headers=request.headers,
                allow_redirects=False,
                ssl=tls,
                server_hostname=request.tls.server_name or None,
            )
            try:
                if response.status in _REDIRECTS and response.headers.get("Location"):
                    return _redirected(request, url, response)
                return await _read(request, response)
            finally:
                # What was read whole has given its connection back; everything else is cut off.
                response.close()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise MeasurementError(f"{request.asked} {_failure(error, request.secrets)}") from None

    def _checked(self, request: Request) -> URL:
        """Return the URL of a request.

        Raises:
            MeasurementError: it is none, or leads where it must not.
        """
        known = self._known.get(request.url)
        if known is not None:
            return known
        url = self._check(request)
        if len(self._known) >= URLS_KEPT:
            self._known.clear()
        self._known[request.url] = url
        return url

    def _check(self, request: Request) -> URL:
        try:
            url = URL(request.url)
            host, port = url.host, url.port
        except ValueError:
            host = port = None
        if not host or not port or url.scheme not in ("http", "https"):
            raise MeasurementError(
                f"{mask(shown_url(request.url), request.secrets)} is no URL that can be asked; "
                "write one such as https://metrics.example.com/path"
            )
        address = read_address(host)
        refusal = self._policy.refuse_host(host)
        if address is not None and not refusal:
            refusal = self._policy.refuse(host, port, address)
        if refusal:
            raise MeasurementError(f"{request.asked} is refused: {refusal}")
        return url

    def _sessions(self) -> aiohttp.ClientSession:
        """Return the pool; made at the first use, inside the running loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=CONNECTIONS_MAX,
                    limit_per_host=CONNECTIONS_PER_HOST_MAX,
                    resolver=CheckedResolver(self._policy),
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                auto_decompress=False,
                # No proxy and no .netrc from the environment: both would go past the checks.
                trust_env=False,
                headers={"Accept-Encoding": "gzip, deflate", "User-Agent": USER_AGENT},
            )
        return self._session


async def _read(request: Request, response: aiohttp.ClientResponse) -> Answer:
    try:
        body = Body(response.headers.get("Content-Encoding", ""))
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            body.add(chunk)
        content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return Answer(
            request.method,
            request.url,
            response.status,
            content_type,
            body.whole(),
            request.secrets,
        )
    except TooLarge:
        status = status_words(response.status)
        raise MeasurementError(
            f"{request.asked} answered {status} with more than {BODY_BYTES_MAX} bytes, "
            "which is too long for a measurement; ask for less"
        ) from None
    except BadEncoding as error:
        status = status_words(response.status)
        raise MeasurementError(
            f"{request.asked} answered {status}, but cannot be read: {error}"
        ) from None


def _redirected(request: Request, url: URL, response: aiohttp.ClientResponse) -> Request:
    """Return the request that a redirect asks for.

    Raises:
        MeasurementError: it must not be followed.
    """
    try:
        target = url.join(URL(response.headers["Location"])).with_user(None)
    except ValueError:
        raise MeasurementError(f"{request.asked} redirects to what is no URL") from None
    shown = mask(shown_url(str(target)), request.secrets)
    what = f"{request.asked} redirects to {shown}"
    if url.scheme == "https" and target.scheme != "https":
        raise MeasurementError(f"{what}, which is not encrypted; it is not followed")
    is_same = url.origin() == target.origin() if target.host else False
    if request.body is not None and not (is_same and response.status in (307, 308)):
        raise MeasurementError(f"{what}; a body is not sent there, write that address itself")
    headers = request.headers
    if not is_same:
        headers = tuple(pair for pair in headers if pair[0].lower() in _KEPT_ABROAD)
    return replace(request, url=str(target), headers=headers)


def _failure(error: Exception, secrets: tuple[str, ...]) -> str:
    """Return what went wrong, in words."""
    cause = getattr(error, "os_error", None) or error
    if isinstance(cause, Refused):
        return f"is refused: {cause}"
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return (
                f"has no trusted certificate: {shorten(str(error.certificate_error), 200, secrets)}"
            )
        case aiohttp.ClientConnectorDNSError():
            return f"cannot be reached: {error.host} cannot be resolved"
        case aiohttp.ClientConnectorError():
            reason = cause.strerror if isinstance(cause, OSError) else str(cause)
            return f"cannot be reached: {shorten(reason or str(cause), 200, secrets)}"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError():
            return "broke off before its answer was complete"
    return f"failed: {type(error).__name__}: {shorten(str(error), 200, secrets)}"

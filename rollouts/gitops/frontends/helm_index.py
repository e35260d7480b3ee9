"""Fetches the index of a chart repository over HTTP, bounded in size and time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from rollouts.gitops.redact import basic_header, redact
from rollouts.gitops.source import (
    AuthenticationFailed,
    Credentials,
    SourceError,
    SourceRefused,
    SourceUnreachable,
    TooLarge,
)

INDEX_BYTES_MAX = 50 * 1024 * 1024
"""The largest public indexes have some 20 MB."""

_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Index:
    """What was fetched: its checksum and size. Charts are not rendered by this version."""

    checksum: str
    size: int


async def fetch_index(url: str, credentials: Credentials, limit: timedelta) -> Index:
    """Fetch `index.yaml` below a repository's URL.

    Redirects are not followed: one could lead credentials to another host, or a request into
    the cluster's own network.

    Raises:
        SourceError: it cannot be had; the subclass says whether trying again helps.
    """
    import aiohttp

    address = f"{url.rstrip('/')}/index.yaml"
    headers: dict[str, str] = {}
    if credentials.bearer_token:
        headers["Authorization"] = f"Bearer {credentials.bearer_token}"
    elif credentials.username:
        headers["Authorization"] = basic_header(credentials.username, credentials.password)
    bound = aiohttp.ClientTimeout(total=limit.total_seconds())
    try:
        async with (
            aiohttp.ClientSession(timeout=bound, headers=headers) as session,
            session.get(address, allow_redirects=False) as answer,
        ):
            _check(answer.status, address)
            return await _read(answer.content, address)
    except TimeoutError as error:
        seconds = limit.total_seconds()
        raise SourceUnreachable(f"{redact(address)} did not answer within {seconds:g} s") from error
    except aiohttp.InvalidURL as error:
        raise SourceRefused(f"{redact(address)} is not a URL") from error
    except aiohttp.ClientError as error:
        raise SourceUnreachable(redact(f"{address}: {error}", credentials.secrets)) from error


def _check(status: int, address: str) -> None:
    if status == 200:
        return
    shown = redact(address)
    if status in (401, 403):
        raise AuthenticationFailed(f"{shown} answered {status}: check the Secret in secretRef")
    if 300 <= status < 400:
        raise SourceRefused(f"{shown} redirects elsewhere; write the address it leads to")
    if status >= 500 or status == 429:
        raise SourceUnreachable(f"{shown} answered {status}")
    raise SourceError(f"{shown} answered {status}: there is no index of charts")


async def _read(content: object, address: str) -> Index:
    from aiohttp import StreamReader

    assert isinstance(content, StreamReader)
    digest, size = hashlib.sha256(), 0
    head = b""
    async for chunk in content.iter_chunked(_CHUNK_BYTES):
        size += len(chunk)
        if size > INDEX_BYTES_MAX:
            raise TooLarge(f"{redact(address)} is larger than {INDEX_BYTES_MAX} bytes")
        head = head or chunk[:4096]
        digest.update(chunk)
    if b"apiVersion" not in head and b"entries" not in head:
        raise SourceError(f"{redact(address)} is not an index of charts")
    return Index(digest.hexdigest(), size)

"""What a server answered, read in bounded memory, and how a wrong answer is told to people."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import orjson

from rollouts.analysis.sample import MeasurementError
from rollouts.metric_providers.masking import mask, shorten

BODY_BYTES_MAX = 1024 * 1024
"""Of one answer, packed or unpacked: ten thousand points of a range query fit."""

EXCERPT_LENGTH = 200
"""Of an answer in a message: enough to recognise a login page or an error of the server."""

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
"""Tells zlib to find out by itself which of the two it reads."""


class TooLarge(Exception):
    """The answer is longer than `BODY_BYTES_MAX`."""


class BadEncoding(Exception):
    """The answer is packed in a way that was not asked for, or broken."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer of a server.

    Attributes:
        content_type: without parameters, lower case; empty when the server gave none.
        secrets: of its request, which may stand in the URL.
    """

    method: str
    url: str = field(repr=False)
    status: int
    content_type: str
    body: bytes
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def asked(self) -> str:
        """Return method and address as they may be shown."""
        return shown_request(self.method, self.url, self.secrets)

    def text(self) -> str:
        """Return the body as text; bytes that are no UTF-8 are replaced."""
        return self.body.decode(errors="replace")


class Body:
    """Collects a body while it arrives, and never holds more than the limit."""

    def __init__(self, encoding: str = "", *, limit: int = BODY_BYTES_MAX) -> None:
        """Prepare.

        Args:
            encoding: value of the Content-Encoding header.
        """
        self._limit = limit
        self._parts: list[bytes] = []
        self._length = 0
        match encoding.strip().lower():
            case "" | "identity":
                self._unpack = None
            case "gzip" | "x-gzip" | "deflate":
                self._unpack = zlib.decompressobj(_GZIP_OR_ZLIB)
            case other:
                raise BadEncoding(f"it is packed as {other[:40]!r}, which was not asked for")

    def add(self, chunk: bytes) -> None:
        """Take what arrived.

        Raises:
            TooLarge: with it the body would be over the limit.
            BadEncoding: it cannot be unpacked.
        """
        if self._unpack is not None:
            try:
                # One byte more than may stay tells that there is too much, at no further cost.
                chunk = self._unpack.decompress(chunk, self._limit - self._length + 1)
            except zlib.error as error:
                raise BadEncoding("it cannot be unpacked") from error
        self._length += len(chunk)
        if self._length > self._limit:
            raise TooLarge
        self._parts.append(chunk)

    def whole(self) -> bytes:
        """Return everything that arrived.

        Raises:
            BadEncoding: packed content ends too early.
        """
        if self._unpack is not None and self._length and not self._unpack.eof:
            raise BadEncoding("it ends before its packed content does")
        return b"".join(self._parts)


def shown_request(method: str, url: str, secrets: tuple[str, ...]) -> str:
    """Return the method and the address of a request as they may be shown."""
    return f"{method} {mask(shown_url(url), secrets)}"


def shown_url(url: str) -> str:
    """Return a URL without user, password and parameters, which may all be secret."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the given URL"
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{port}{parts.path}{'?…' if parts.query else ''}"


def read_json(answer: Answer, secrets: tuple[str, ...]) -> Any:
    """Return what a JSON answer holds.

    Raises:
        MeasurementError: it is none.
    """
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise complaint(answer, "instead of JSON", secrets) from None


def complaint(answer: Answer, why: str, secrets: tuple[str, ...]) -> MeasurementError:
    """Return the error that says what came in place of what was wanted.

    Args:
        why: ends the sentence that begins with what was answered, such as "instead of JSON".
    """
    kind = shorten(answer.content_type, 80, secrets) or "no content type"
    excerpt = shorten(answer.text(), EXCERPT_LENGTH, secrets)
    shown = f": {excerpt}" if excerpt else ", empty"
    reason = f" {why}" if why else ""
    return MeasurementError(
        f"{answer.asked} answered {status_words(answer.status)} ({kind}){reason}{shown}"
    )


def status_words(status: int) -> str:
    """Return a status code with its name: `503 Service Unavailable`."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)

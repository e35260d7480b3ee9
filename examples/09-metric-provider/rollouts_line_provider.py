"""A metric provider of its own: asks a server `GET <key>` over TCP and reads one line.

It shows all that a provider has to care about: settings that people wrote, addresses that the
operator allows, Secrets by reference, the deadline, bounded reading, and errors without secrets.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

from rollouts.analysis.sample import Gap
from rollouts.metric_providers.addresses import read_policy
from rollouts.metric_providers.fields import Fields
from rollouts.metric_providers.http import CheckedResolver
from rollouts.metric_providers.provider import MeasurementError, ProviderSettings, Query, Sample

LINE_BYTES_MAX = 1024
TIMEOUT_SECONDS = 10.0


class LineProvider:
    """Reads numbers from a server that speaks in lines."""

    def __init__(self, settings: ProviderSettings) -> None:
        """Note where the operator lets providers connect to."""
        self._policy = read_policy(settings.allowed_addresses)

    async def sample(self, query: Query) -> Sample:
        """Ask for one value.

        Raises:
            MeasurementError: refused, late, or no number.
        """
        fields = Fields(query.config, "provider.line")
        host, port = _read_address(fields)
        key = fields.needed("key")
        if not key.isprintable():
            raise fields.wrong("key", "must not hold a line break")
        seconds = query.seconds(fields.seconds("timeoutSeconds", TIMEOUT_SECONDS))
        try:
            # The block is left, and the connection closed, at the deadline or when cancelled.
            async with asyncio.timeout(seconds):
                token = await _read_token(fields, query)
                line = await self._ask(host, port, key, token)
        except TimeoutError:
            raise MeasurementError(f"{host}:{port} gave no answer within {seconds:g}s") from None
        except OSError as error:
            raise MeasurementError(f"{host}:{port} cannot be asked: {error}") from None
        return _read(line, f"{host}:{port}", query, token)

    async def close(self) -> None:
        """Hold nothing between two samples."""

    async def _ask(self, host: str, port: int, key: str, token: str) -> bytes:
        refusal = self._policy.refuse_host(host)
        if refusal:
            raise MeasurementError(f"{host}:{port} is refused: {refusal}")
        # Connect to the address that was checked, not to the name: it might lead elsewhere now.
        found = await CheckedResolver(self._policy).resolve(host, port)
        reader, writer = await asyncio.open_connection(found[0]["host"], port, limit=LINE_BYTES_MAX)
        try:
            writer.write(f"AUTH {token}\nGET {key}\n".encode())
            return await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            raise MeasurementError(
                f"{host}:{port} answered a line longer than {LINE_BYTES_MAX} bytes"
            ) from None
        except asyncio.IncompleteReadError:
            raise MeasurementError(f"{host}:{port} closed before its line was complete") from None
        finally:
            writer.transport.abort()


def _read_address(fields: Fields) -> tuple[str, int]:
    host, _, port = fields.needed("address").rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise fields.wrong("address", "must be host:port")
    return host, int(port)


async def _read_token(fields: Fields, query: Query) -> str:
    """Return the token in the Secret that the metric names; empty without one."""
    ref = fields.inside("tokenFrom")
    if not ref:
        return ""
    token = (await query.read_secret(ref.needed("name"), ref.needed("key"))).strip()
    if not token.isprintable():
        raise fields.wrong("tokenFrom", "names a token that holds a line break")
    return token


def _read(line: bytes, server: str, query: Query, token: str) -> Sample:
    text = line.decode(errors="replace").strip()
    if not text:
        return Sample(None, "", (Gap.EMPTY,))
    try:
        number = float(text)
    except ValueError:
        shown = query.mask(text, token)[:200]
        raise MeasurementError(f"{server} answered what is no number: {shown}") from None
    gaps: tuple[Any, ...] = ()
    if math.isnan(number):
        gaps = (Gap.NOT_A_NUMBER,)
    elif math.isinf(number):
        gaps = (Gap.INFINITE,)
    return Sample(number, text, gaps)

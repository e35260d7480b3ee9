"""Fetches tokens with client credentials and keeps them until they expire."""

from __future__ import annotations

import asyncio
import base64
from collections import OrderedDict
from dataclasses import dataclass, field
from urllib.parse import quote_plus, urlencode

from rollouts.analysis.sample import MeasurementError
from rollouts.metric_providers.answers import Answer, complaint, read_json
from rollouts.metric_providers.fields import Fields
from rollouts.metric_providers.http import Fetcher, Request
from rollouts.metric_providers.tls import TlsOptions

KEPT_MAX = 256
RENEWED_BEFORE_SECONDS = 10.0
"""A token is not used in the last moments of its life: the request has to arrive, too."""

LIFE_SECONDS_DEFAULT = 300.0
"""For a token that does not say when it expires."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks where for which token."""

    token_url: str
    id: str
    secret: str = field(repr=False)
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """What goes into the Authorization header, and until when by the loop's clock."""

    scheme: str
    text: str = field(repr=False)
    good_until: float


def read_client(oauth2: Fields) -> Client:
    """Read `authentication.oauth2` of a metric.

    Raises:
        MeasurementError: a field is missing or wrong.
    """
    scopes = oauth2.items("scopes")
    if not all(isinstance(scope, str) for scope in scopes):
        raise oauth2.wrong("scopes", "must be a list of texts")
    return Client(
        oauth2.needed("tokenUrl"), oauth2.needed("clientId"), oauth2.text("clientSecret"), scopes
    )


class Tokens:
    """Tokens by client. Two queries that need one at the same time fetch it once."""

    def __init__(self, fetcher: Fetcher) -> None:
        """Fetch through the same door as everything else."""
        self._fetcher = fetcher
        self._kept: OrderedDict[Client, Token] = OrderedDict()
        self._fetching: dict[Client, asyncio.Lock] = {}

    async def token(self, client: Client, tls: TlsOptions, seconds: float) -> Token:
        """Return a token that is good now.

        Raises:
            MeasurementError: none is given.
        """
        lock = self._fetching.setdefault(client, asyncio.Lock())
        try:
            async with lock:
                kept = self._kept.get(client)
                clock = asyncio.get_running_loop().time
                if kept is not None and clock() < kept.good_until:
                    return kept
                token = await self._fetch(client, tls, seconds)
                self._kept[client] = token
                self._kept.move_to_end(client)
                if len(self._kept) > KEPT_MAX:
                    self._kept.popitem(last=False)
                return token
        finally:
            if not lock.locked():
                self._fetching.pop(client, None)

    def forget(self, client: Client) -> None:
        """Drop a token that was not accepted."""
        self._kept.pop(client, None)

    async def _fetch(self, client: Client, tls: TlsOptions, seconds: float) -> Token:
        secrets = (client.secret,)
        answer = await self._ask(client, tls, seconds, in_body=False)
        if answer.status in (400, 401):
            # Some servers take the client's secret in the form only; the standard allows both.
            answer = await self._ask(client, tls, seconds, in_body=True)
        if answer.status != 200:
            raise complaint(answer, "in place of a token", secrets)
        held = read_json(answer, secrets)
        text = held.get("access_token") if isinstance(held, dict) else None
        if not isinstance(text, str) or not text or not text.isprintable():
            raise MeasurementError(f"{answer.asked} answered without an access_token")
        life = _life_seconds(held.get("expires_in"))
        good_until = asyncio.get_running_loop().time() + max(0.0, life - RENEWED_BEFORE_SECONDS)
        return Token("Bearer", text, good_until)

    async def _ask(
        self, client: Client, tls: TlsOptions, seconds: float, *, in_body: bool
    ) -> Answer:
        form = {"grant_type": "client_credentials"}
        if client.scopes:
            form["scope"] = " ".join(client.scopes)
        headers = [("Content-Type", "application/x-www-form-urlencoded")]
        if in_body:
            form |= {"client_id": client.id, "client_secret": client.secret}
        else:
            pair = f"{quote_plus(client.id)}:{quote_plus(client.secret)}"
            headers.append(("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"))
        request = Request(
            "POST",
            client.token_url,
            (*headers, ("Accept", "application/json")),
            urlencode(form).encode(),
            tls,
            (client.secret,),
        )
        return await self._fetcher.fetch(request, seconds)


def _life_seconds(expires_in: object) -> float:
    """Return how long a token lives; some servers write the number as text."""
    try:
        return float(expires_in)  # type: ignore[arg-type]  # whatever it is, the error is caught
    except (TypeError, ValueError):
        return LIFE_SECONDS_DEFAULT

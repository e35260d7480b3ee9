"""Makes a request known to the server: basic, bearer, OAuth2 or signed for AWS."""

from __future__ import annotations

import asyncio
import base64
import re
from dataclasses import replace
from datetime import datetime

from yarl import URL

from rollouts.analysis.sample import MeasurementError
from rollouts.metric_providers.answers import Answer
from rollouts.metric_providers.aws import AwsIdentity
from rollouts.metric_providers.fields import Fields
from rollouts.metric_providers.http import Fetcher, Request, too_late
from rollouts.metric_providers.oauth2 import Tokens, read_client
from rollouts.metric_providers.sigv4 import Scope, service_of, sign

WAYS = ("basicAuth", "bearer", "oauth2", "sigv4")

_SECRET_HEADER = re.compile(r"(?i)auth|key|token|secret|cookie|password|credential")


class Authenticator:
    """Adds to requests what `authentication` of a metric asks for."""

    def __init__(self, fetcher: Fetcher, aws: AwsIdentity | None = None) -> None:
        """Fetch tokens through the same door as everything else."""
        self._fetcher = fetcher
        self._tokens = Tokens(fetcher)
        self._aws = aws or AwsIdentity(fetcher)

    async def ask(
        self, request: Request, provider: Fields, now: datetime, seconds: float
    ) -> tuple[Request, Answer]:
        """Send a request with its credentials; return it, for its secrets, and the answer.

        Credentials that the server does not accept are not used again.

        Raises:
            MeasurementError: no credentials, no answer, or neither in time.
        """
        try:
            async with asyncio.timeout(seconds):
                request = await self.authorize(request, provider, now, seconds)
                answer = await self._fetcher.fetch(request, None)
        except TimeoutError:
            raise too_late(request.asked, seconds) from None
        if answer.status == 401:
            self.refused(provider)
        return request, answer

    async def authorize(
        self, request: Request, provider: Fields, now: datetime, seconds: float
    ) -> Request:
        """Return a request with its credentials, which are also noted as secrets.

        Raises:
            MeasurementError: the settings are wrong, or no credentials are to be had.
        """
        request = _user_in_url(request)
        if not provider.has("authentication"):
            return request
        fields = provider.inside("authentication")
        ways = [way for way in WAYS if fields.has(way)]
        if len(ways) > 1:
            raise MeasurementError(
                f"{fields.path} names {' and '.join(ways)}; keep one way to authenticate"
            )
        match ways:
            case ["basicAuth"]:
                basic = fields.inside("basicAuth")
                return _with_basic(request, basic.text("username"), basic.text("password"))
            case ["bearer"]:
                return _with_token(request, fields.inside("bearer").needed("token"))
            case ["oauth2"]:
                client = read_client(fields.inside("oauth2"))
                token = await self._tokens.token(client, request.tls, seconds)
                request = replace(request, secrets=(*request.secrets, client.secret))
                return _with_token(request, token.text, token.scheme)
            case ["sigv4"]:
                return await self._signed(request, fields.inside("sigv4"), now, seconds)
        return request

    def refused(self, provider: Fields) -> None:
        """Note that the server did not accept the credentials: they are not used again."""
        oauth2 = provider.inside("authentication").inside("oauth2")
        if oauth2:
            self._tokens.forget(read_client(oauth2))

    async def _signed(
        self, request: Request, sigv4: Fields, now: datetime, seconds: float
    ) -> Request:
        credentials = await self._aws.credentials(sigv4, now, seconds)
        service = service_of(URL(request.url).host or "")
        added = sign(
            request.method,
            request.url,
            request.headers,
            request.body or b"",
            credentials=credentials,
            scope=Scope(self._aws.region(sigv4), service, now),
        )
        return replace(
            _without_authorization(request),
            headers=(*_without_authorization(request).headers, *added),
            secrets=(*request.secrets, credentials.secret_key, credentials.session_token),
        )


def _user_in_url(request: Request) -> Request:
    """Return a request whose user and password, if its URL names some, are in a header."""
    if "@" not in request.url:
        return request
    try:
        url = URL(request.url)
    except ValueError:
        return request  # It is refused in words when it is sent.
    if url.user is None and url.password is None:
        return request
    plain = replace(request, url=str(url.with_user(None)))
    return _with_basic(plain, url.user or "", url.password or "")


def _with_basic(request: Request, user: str, password: str) -> Request:
    """Return a request with a user and a password."""
    text = base64.b64encode(f"{user}:{password}".encode()).decode()
    request = replace(request, secrets=(*request.secrets, password))
    return _with_token(request, text, "Basic")


def header_secrets(headers: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Return the values of headers that are secret by their names, and the words in them.

    `Bearer abc` is secret as a whole, and so is `abc` when a server repeats it alone.
    """
    return tuple(
        each
        for name, value in headers
        if _SECRET_HEADER.search(name)
        for each in (value, *value.split()[1:])
    )


def url_secrets(url: str) -> tuple[str, ...]:
    """Return the password in a URL, if any."""
    if "@" not in url:
        return ()
    try:
        password = URL(url).password
    except ValueError:
        return ()
    return (password,) if password else ()


def _with_token(request: Request, token: str, scheme: str = "Bearer") -> Request:
    if not token.isprintable():
        raise MeasurementError("the credentials hold a line break or another control character")
    request = _without_authorization(request)
    return replace(
        request,
        headers=(*request.headers, ("Authorization", f"{scheme} {token}")),
        secrets=(*request.secrets, token),
    )


def _without_authorization(request: Request) -> Request:
    """Return a request without a header that would contradict its credentials."""
    kept = tuple(pair for pair in request.headers if pair[0].lower() != "authorization")
    return replace(request, headers=kept)

"""The web provider: a value out of the JSON that any HTTP server answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from rollouts.analysis.sample import Gap, MeasurementError, Sample
from rollouts.metric_providers.addresses import read_policy
from rollouts.metric_providers.answers import Answer, complaint, read_json
from rollouts.metric_providers.authentication import Authenticator, header_secrets, url_secrets
from rollouts.metric_providers.fields import Fields
from rollouts.metric_providers.http import Fetcher, Request
from rollouts.metric_providers.jsonpath import BadPath, NotThere, find, parse_path
from rollouts.metric_providers.masking import hider, shorten_value
from rollouts.metric_providers.provider import ProviderSettings, Query
from rollouts.metric_providers.tls import read_tls
from rollouts.metric_providers.values import TEXT_LENGTH_MAX, freeze, gaps_of, in_order, json_text

TIMEOUT_SECONDS_DEFAULT = 10.0
_SETTINGS_KEPT = 4096
METHODS = ("GET", "POST", "PUT")

_WHOLE = ("", "{$}", "$", "{}", "{.}", "{@}")
"""Paths that mean the whole answer."""


class WebProvider:
    """Asks HTTP servers; `provider.web` of a metric says what."""

    def __init__(self, settings: ProviderSettings) -> None:
        """Ask only what the operator allows."""
        self._fetcher = Fetcher(read_policy(settings.allowed_addresses), ca_file=settings.ca_file)
        self._authenticator = Authenticator(self._fetcher)
        # By the identity of the settings, which are the same object as long as a metric is.
        self._kept: dict[int, _Asked] = {}

    async def sample(self, query: Query) -> Sample:
        """Send one request and take the value out of its answer.

        Raises:
            MeasurementError: refused, late, no success, or of another shape than the path.
        """
        asked = self._kept.get(id(query.config))
        if asked is None or asked.config is not query.config or query.secrets:
            asked = self._read(query)
        seconds = query.seconds(asked.seconds)
        request, answer = await self._authenticator.ask(
            asked.request, asked.fields, query.now, seconds
        )
        return read_answer(answer, asked.path, request.secrets)

    async def close(self) -> None:
        """Close all connections."""
        await self._fetcher.close()

    def _read(self, query: Query) -> _Asked:
        """Read settings, and keep what came of them for the next measurement of the metric."""
        fields = Fields(query.config, "provider.web")
        seconds = fields.seconds("timeoutSeconds", TIMEOUT_SECONDS_DEFAULT)
        request = _read_request(fields, query)
        asked = _Asked(query.config, fields, request, fields.text("jsonPath"), seconds)
        if not query.secrets:
            if len(self._kept) >= _SETTINGS_KEPT:
                self._kept.clear()
            self._kept[id(query.config)] = asked
        return asked


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the settings of a metric come to; `config` are the settings themselves."""

    config: Mapping[str, Any] = field(repr=False)
    fields: Fields
    request: Request
    path: str
    seconds: float


def _read_request(fields: Fields, query: Query) -> Request:
    """Return the request that a metric asks for, without its credentials.

    Raises:
        MeasurementError: a setting is missing or wrong.
    """
    method = fields.text("method", "GET").upper()
    if method not in METHODS:
        raise fields.wrong("method", f"must be one of {', '.join(METHODS)}")
    url = fields.needed("url")
    headers = fields.headers()
    body: bytes | None = None
    if fields.has("jsonBody"):
        if fields.text("body"):
            raise fields.wrong("body", "stands beside jsonBody; keep one of the two")
        body = orjson.dumps(fields.raw("jsonBody"))
        if not any(key.lower() == "content-type" for key, _ in headers):
            headers = (*headers, ("Content-Type", "application/json"))
    elif fields.text("body"):
        body = fields.text("body").encode()
    if body is not None and method == "GET":
        raise fields.wrong("method", "must be POST or PUT for a request with a body")
    path = fields.text("jsonPath")
    try:
        parse_path(path)
    except BadPath as error:
        raise fields.wrong("jsonPath", str(error)) from None
    secrets = (*query.secrets, *header_secrets(headers), *url_secrets(url))
    return Request(method, url, headers, body, read_tls(fields), secrets)


def read_answer(answer: Answer, path: str, secrets: tuple[str, ...]) -> Sample:
    """Read the value that a path leads to, without judging it.

    The first value is the result, as with the peer; that there were more is noted.

    Raises:
        MeasurementError: no success, no JSON, or another shape than the path.
    """
    if not 200 <= answer.status < 300:
        raise complaint(answer, "", secrets)
    if not answer.body.strip():
        raise complaint(answer, "instead of a value", secrets)
    path = path.strip()
    is_whole = path in _WHOLE
    try:
        document = read_json(answer, secrets)
    except MeasurementError:
        if is_whole:
            return _plain_text(answer, secrets)
        raise
    try:
        found = find(() if is_whole else parse_path(path), document)
    except NotThere as error:
        raise complaint(answer, f"which jsonPath {path} does not fit: {error}", secrets) from None
    result: Any = found[0] if found else None
    value = freeze(result)
    gaps = set(gaps_of(value))
    if len(found) > 1:
        gaps.add(Gap.SEVERAL)
    return _sample(value, json_text(result) if found else "", gaps, secrets)


def _plain_text(answer: Answer, secrets: tuple[str, ...]) -> Sample:
    """Return the sample of an answer that is text and not JSON.

    Raises:
        MeasurementError: it is a page for people, or no text at all.
    """
    text = answer.text().strip()
    if "html" in answer.content_type or text.startswith("<") or not _is_readable(answer):
        raise complaint(answer, "instead of JSON", secrets)
    return _sample(text, text, set(gaps_of(text)), secrets)


def _sample(value: Any, text: str, gaps: set[Gap], secrets: tuple[str, ...]) -> Sample:
    shown = shorten_value(text, TEXT_LENGTH_MAX, secrets)
    return Sample(value, shown, in_order(gaps), hide=hider(secrets))


def _is_readable(answer: Answer) -> bool:
    try:
        text = answer.body.decode()
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character.isspace() for character in text)

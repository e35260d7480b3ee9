"""The Prometheus provider: PromQL to a Prometheus, or to a server that speaks its API.

Queries are built and answers unwrapped by `prometheus-api-client`; its transport is replaced, since
it waits for ever, retries blindly, blocks, drops warnings and asks whatever address it is given.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from rollouts.analysis.sample import Sample
from rollouts.metric_providers.addresses import read_policy
from rollouts.metric_providers.answers import shown_url
from rollouts.metric_providers.authentication import Authenticator, header_secrets, url_secrets
from rollouts.metric_providers.fields import Fields
from rollouts.metric_providers.http import Fetcher, Request
from rollouts.metric_providers.masking import mask
from rollouts.metric_providers.moments import read_moment, read_step
from rollouts.metric_providers.prometheus_answers import Asked, read_envelope, read_sample
from rollouts.metric_providers.provider import ProviderSettings, Query
from rollouts.metric_providers.tls import read_tls

if TYPE_CHECKING:
    from rollouts.metric_providers.promql_exchange import Exchange

TIMEOUT_SECONDS_DEFAULT = 30.0
POINTS_MAX = 11_000
"""Of one series in a range query; Prometheus itself refuses more."""


class PrometheusProvider:
    """Asks Prometheus; `provider.prometheus` of a metric says what."""

    def __init__(self, settings: ProviderSettings) -> None:
        """Ask only what the operator allows; the address of the settings may be a loopback one."""
        self._address = settings.prometheus_address
        policy = read_policy(settings.allowed_addresses, _endpoints(settings.prometheus_address))
        self._fetcher = Fetcher(policy, ca_file=settings.ca_file)
        self._authenticator = Authenticator(self._fetcher)

    async def sample(self, query: Query) -> Sample:
        """Evaluate one query, at the moment or over the span that the metric asks for.

        Raises:
            MeasurementError: refused, late, or no answer of a Prometheus.
        """
        fields = Fields(query.config, "provider.prometheus")
        seconds = query.seconds(fields.seconds("timeout", TIMEOUT_SECONDS_DEFAULT))
        address = _read_address(fields, self._address)
        headers = fields.headers()
        secrets = (*query.secrets, *header_secrets(headers), *url_secrets(address))
        asked = _read_asked(fields, query)
        exchange = _exchange(address, asked, seconds)
        request = Request(
            "POST",
            exchange.url,
            (*headers, ("Content-Type", "application/x-www-form-urlencoded")),
            urlencode(exchange.parameters).encode(),
            read_tls(fields),
            secrets,
        )
        request, answer = await self._authenticator.ask(request, fields, query.now, seconds)
        envelope = read_envelope(answer, request.secrets)
        result = exchange.unwrap(envelope.whole)
        return read_sample(answer, envelope, result, asked=asked, secrets=request.secrets)

    async def close(self) -> None:
        """Close all connections."""
        await self._fetcher.close()


def _read_address(fields: Fields, setting: str) -> str:
    """Return the address of a metric, else that of the settings.

    Raises:
        MeasurementError: neither is given, or it cannot be asked.
    """
    address = fields.text("address").strip() or setting
    if not address:
        raise fields.wrong(
            "address", "is not given, and the controller has no prometheus_address either"
        )
    try:
        parts = urlsplit(address)
        is_fine = bool(parts.scheme in ("http", "https") and parts.hostname)
    except ValueError:
        is_fine = False
    if not is_fine or parts.query or parts.fragment:
        shown = mask(shown_url(address), ()) if is_fine else "the given text"
        raise fields.wrong(
            "address", f"must be like http://prometheus.monitoring:9090, which {shown} is not"
        )
    return address.rstrip("/")


def _read_asked(fields: Fields, query: Query) -> Asked:
    """Return what a metric asks, and the moment or span it asks about.

    Raises:
        MeasurementError: a setting is missing or wrong.
    """
    promql = fields.needed("query")
    if not fields.has("rangeQuery"):
        return Asked(promql, query.now)
    span = fields.inside("rangeQuery")
    start, end = (_moment(span, name, query) for name in ("start", "end"))
    try:
        step = read_step(span.needed("step"))
    except ValueError as error:
        raise span.wrong("step", str(error)) from None
    if start > end:
        raise span.wrong("start", "is later than the end")
    if (end - start) // step >= POINTS_MAX:
        raise span.wrong("step", f"makes more than {POINTS_MAX} points; take a longer one")
    return Asked(promql, end, start, step)


def _moment(span: Fields, name: str, query: Query) -> datetime:
    try:
        return read_moment(span.needed(name), query.now)
    except ValueError as error:
        raise span.wrong(name, str(error)) from None


def _exchange(address: str, asked: Asked, seconds: float) -> Exchange:
    """Let the library build the request."""
    # The library and what it needs are large; only controllers that ask a Prometheus load them.
    from rollouts.metric_providers.promql_exchange import Exchange

    return Exchange(address, asked, seconds)


def _endpoints(address: str) -> tuple[tuple[str, int], ...]:
    """Return host and port of the settings' address."""
    try:
        parts = urlsplit(address)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        return ()  # The address is refused in words when it is asked.
    return ((parts.hostname, port),) if parts.hostname else ()

"""Lets `prometheus-api-client` build a request and unwrap its answer, without sending anything.

The library calls its session twice with the same query: the first time the session notes the
request, the second time it hands out the answer that somebody else has fetched meanwhile. So no
thread waits for a server, and a query is cancelled like every other request.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import requests
from prometheus_api_client import PrometheusConnect
from urllib3.util.retry import Retry

from rollouts.metric_providers.prometheus_answers import Asked

_SERVERS_KEPT = 64
_NO_RETRY = Retry(total=0, redirect=0, raise_on_status=False)


class Exchange:
    """One query to one server.

    Attributes:
        url: where the query goes.
        parameters: the form to send there.
    """

    def __init__(self, address: str, asked: Asked, seconds: float) -> None:
        """Build the request.

        Args:
            seconds: after which the server shall give up, too.
        """
        self._asked = asked
        self._seconds = seconds
        self._library, self._session = _library(address)
        self._session.answer = None
        try:
            self._call()
        except _Noted as noted:
            self.url, self.parameters = noted.url, noted.parameters

    def unwrap(self, whole: Mapping[str, Any]) -> Any:
        """Return the result in a successful answer."""
        # Set and used without an await between: queries to one server share the session.
        self._session.answer = whole
        try:
            return self._call()
        finally:
            self._session.answer = None

    def _call(self) -> Any:
        asked, timeout = self._asked, {"timeout": f"{self._seconds:g}"}
        if asked.since is None:
            return self._library.custom_query(
                asked.query, params={"time": _seconds(asked.until), **timeout}
            )
        # Start and end are given again, because the library rounds its own to whole seconds.
        exact = {"start": _seconds(asked.since), "end": _seconds(asked.until)}
        step = f"{asked.step.total_seconds():g}"
        return self._library.custom_query_range(
            asked.query, asked.since, asked.until, step, params=exact | timeout
        )


@lru_cache(maxsize=_SERVERS_KEPT)
def _library(address: str) -> tuple[PrometheusConnect, _Session]:
    """Return the library's client for a server; making one takes longer than using it."""
    session = _Session()
    # The library puts a transport that retries into the session; ours takes none.
    made = PrometheusConnect(url=address, session=session, retry=_NO_RETRY, method="POST")
    return made, session


class _Noted(Exception):  # no error: it carries the request out of the library
    """The request that the library wanted to send."""

    def __init__(self, url: str, parameters: dict[str, str]) -> None:
        super().__init__("noted")
        self.url = url
        self.parameters = parameters


class _Response(requests.Response):
    """A successful answer that has been read already."""

    def __init__(self, whole: Mapping[str, Any]) -> None:
        super().__init__()
        self.status_code = 200
        self._whole = whole

    def json(self, **_: Any) -> Any:
        """Return the whole answer."""
        return self._whole


class _Session(requests.Session):
    """Notes a request, or answers it; has no connection."""

    answer: Mapping[str, Any] | None = None

    def mount(self, prefix: str | bytes, adapter: Any) -> None:
        """Take no transport: the library would put in one that retries."""

    def request(self, *_: Any, **wanted: Any) -> requests.Response:
        """Answer, or carry the request out of the library."""
        if self.answer is None:
            parameters = {str(name): str(value) for name, value in wanted["params"].items()}
            raise _Noted(wanted["url"], parameters)
        return _Response(self.answer)


def _seconds(moment: datetime) -> str:
    return f"{moment.timestamp():.3f}"

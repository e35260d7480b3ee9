"""Who asked what: a bounded log and exact counts of requests, for benchmarks and tests."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

RECORDS_MAX = 10_000
"""A benchmark reads counts; the newest records are for looking at what went wrong."""


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request as it was answered; a watch is recorded when it opens.

    `resource` is the plural with its group (`replicasets.apps`), empty for discovery and the like,
    whose path then stands in `name`.
    """

    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    user: str
    user_agent: str
    code: int
    content_type: str = ""
    dry_run: bool = False


class RequestLog:
    """Counts every request by verb, resource, subresource, user and user agent."""

    def __init__(self, *, on_request: Callable[[RequestRecord], None] | None = None) -> None:
        self.records: deque[RequestRecord] = deque(maxlen=RECORDS_MAX)
        self._counts: Counter[tuple[str, str, str, str, str]] = Counter()
        self._on_request = on_request

    def add(self, record: RequestRecord) -> None:
        """Count a request and tell the callback."""
        self.records.append(record)
        self._counts[
            (record.verb, record.resource, record.subresource, record.user, record.user_agent)
        ] += 1
        if self._on_request is not None:
            self._on_request(record)

    def count(
        self,
        *,
        verb: str | None = None,
        resource: str | None = None,
        subresource: str | None = None,
        user: str | None = None,
        user_agent: str | None = None,
    ) -> int:
        """Return how many requests there were with all of the given values."""
        wanted = (verb, resource, subresource, user, user_agent)
        return sum(
            count
            for key, count in self._counts.items()
            if all(want in {None, have} for want, have in zip(wanted, key, strict=True))
        )

    def clear(self) -> None:
        """Start counting anew."""
        self.records.clear()
        self._counts.clear()

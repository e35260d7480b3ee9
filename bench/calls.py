"""What the API server was asked and what it stored, as records that can be counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rollouts.api.refs import EVENT, LEASE

READS = ("get", "list", "watch", "discover")
"""Verbs that change nothing; `discover` stands for everything outside a resource's path."""


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request, as the API server's audit log would show it.

    Attributes:
        at: when it was answered, or for a watch when it was opened.
        agent: the User-Agent of the client.
    """

    at: datetime
    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int
    agent: str

    @property
    def is_read(self) -> bool:
        """Tell whether it changes nothing."""
        return self.verb in READS

    @property
    def subject(self) -> str:
        """Return the resource with its subresource."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass(frozen=True, slots=True)
class Commit:
    """One change in the store, whoever made it; `facts` holds the few fields benches look at."""

    at: datetime
    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    manager: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tally:
    """Counted calls of one client; the Lease is left out of all numbers but its own.

    Attributes:
        by_call: writes by "verb resource/subresource", the most frequent first.
        failures: calls that were refused (409 and the like); they are among the others too.
    """

    writes: int
    events: int
    reads: int
    watches: int
    leases: int
    failures: int
    by_call: tuple[tuple[str, int], ...]


def tally(calls: Iterable[Call]) -> Tally:
    """Count calls."""
    leases = events = writes = reads = watches = failures = 0
    by_call: Counter[str] = Counter()
    for call in calls:
        if call.resource == LEASE.plural:
            leases += 1
            continue
        failures += call.code >= 400
        if call.verb == "watch":
            watches += 1
        elif call.is_read:
            reads += 1
        else:
            by_call[f"{call.verb} {call.subject}"] += 1
            events += call.resource == EVENT.plural
            writes += call.resource != EVENT.plural
    ranked = sorted(by_call.items(), key=lambda entry: (-entry[1], entry[0]))
    return Tally(writes, events, reads, watches, leases, failures, tuple(ranked))

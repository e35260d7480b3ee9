"""The protocol of metric providers: what they are asked, and what they are given to work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from rollouts.analysis.sample import MeasurementError, Sample
from rollouts.metric_providers.masking import mask

__all__ = [
    "ENTRY_POINT_GROUP",
    "MakeProvider",
    "MeasurementError",
    "MetricProvider",
    "ProviderSettings",
    "Query",
    "ReadSecret",
    "Sample",
]

ENTRY_POINT_GROUP = "rollouts.metric_providers"
"""Where installed packages announce providers; the entry's name is the key under `provider`."""

ReadSecret: TypeAlias = Callable[[str, str], Awaitable[str]]
"""Given a Secret's name and a key in it, the value, from the namespace of the query."""


async def no_secrets(name: str, key: str) -> str:
    """Refuse to read a Secret, where there is nobody to ask for one.

    Raises:
        MeasurementError: always.
    """
    raise MeasurementError(f"cannot read key {key!r} of secret {name!r}: no secrets are served")


@dataclass(frozen=True, slots=True)
class Query:
    """One measurement that a provider is asked for.

    Attributes:
        metric: name of the metric, for messages.
        namespace: of the analysis run; Secrets are read there.
        config: the mapping under `provider.<name>`, arguments filled in.
        now: the moment the sample is about, UTC.
        deadline: when the caller stops waiting; a provider's own `timeout` may end it earlier.
        secrets: values that stand in `config` and must never be shown.
        read_secret: reads a key of a Secret that `config` refers to.
    """

    metric: str
    namespace: str
    # Left out of repr(), because secrets stand in them.
    config: Mapping[str, Any] = field(repr=False)
    now: datetime
    deadline: datetime
    secrets: tuple[str, ...] = field(default=(), repr=False)
    read_secret: ReadSecret = field(default=no_secrets, repr=False)

    def seconds(self, limit: float) -> float:
        """Return how long the provider may take: to the deadline, and no longer than a limit."""
        return max(0.0, min(limit, (self.deadline - self.now).total_seconds()))

    def mask(self, text: str, *secrets: str) -> str:
        """Return a text without the secrets of the query, those given, and what looks like one."""
        return mask(text, (*self.secrets, *secrets))


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """What the operator of the controller has decided for all providers.

    Attributes:
        prometheus_address: of the Prometheus that metrics without an address ask.
        ca_file: PEM file of further certificate authorities to trust; empty for the system's alone.
        allowed_addresses: hosts, `*.suffix` names, addresses and CIDRs that may be asked;
            `*` is every host, see `addresses.AddressPolicy`.
    """

    prometheus_address: str = ""
    ca_file: str = ""
    allowed_addresses: tuple[str, ...] = ("*",)


class MetricProvider(Protocol):
    """Fetches samples. One instance serves every query of a controller, many at a time."""

    async def sample(self, query: Query) -> Sample:
        """Fetch once. May be cancelled at any await, and then leaves no connection open.

        Raises:
            MeasurementError: refused, late, or not understood; the message is shown to people.
        """
        ...

    async def close(self) -> None:
        """Give back connections and threads; no query is asked afterwards."""
        ...


MakeProvider: TypeAlias = Callable[[ProviderSettings], MetricProvider]
"""What an entry point of the group names: a class or a function that makes the provider."""

"""A metric of an analysis: what is measured, how often, and what its results mean.

Counts and times may be text that holds `{{args.name}}`; the properties read them and are for
metrics whose arguments were filled in and that the checks accepted.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from rollouts.api.analysis_providers import PLUGIN, PROVIDERS, MetricProvider
from rollouts.api.base import IntOrString, Model
from rollouts.api.refs import Manifest
from rollouts.api.spot import Spot
from rollouts.api.times import parse_duration

FAILURE_LIMIT_DEFAULT = 0
INCONCLUSIVE_LIMIT_DEFAULT = 0
CONSECUTIVE_ERROR_LIMIT_DEFAULT = 4
MEASUREMENT_RETENTION_DEFAULT = 10
UNLIMITED = -1
"""A failureLimit of this lets any number of measurements fail."""

NO_DATA_INCONCLUSIVE = "inconclusive"
NO_DATA_VERDICTS: tuple[str, ...] = (NO_DATA_INCONCLUSIVE, "success", "failure", "error")
"""What a measurement without data may count as; the first one when nothing is said."""


class Metric(Model):
    """One thing that is measured, and what its results mean."""

    name: str = Field(description="Name of the metric, unique in the analysis.")
    interval: str = Field(
        "", description="Time from the end of a measurement to the next, such as 30s."
    )
    initial_delay: str = Field(
        "", description="How long to wait before the first measurement, such as 1m."
    )
    count: IntOrString | None = Field(
        None,
        description="How many measurements to take; 1 when it and interval are absent, endlessly "
        "many when interval alone is given.",
    )
    success_condition: str = Field(
        "", description="When a result is a success, such as result[0] >= 0.95."
    )
    failure_condition: str = Field(
        "", description="When a result is a failure; of two conditions that hold this one counts."
    )
    failure_limit: IntOrString | None = Field(
        None, description="How many measurements may fail; 0 when absent, -1 for any number."
    )
    inconclusive_limit: IntOrString | None = Field(
        None, description="How many measurements may be inconclusive; 0 when absent."
    )
    consecutive_error_limit: IntOrString | None = Field(
        None, description="How many measurements in a row may end in an error; 4 when absent."
    )
    consecutive_success_limit: IntOrString | None = Field(
        None, description="How many successes in a row end the metric as successful."
    )
    no_data: str = Field(
        "",
        description="What an answer without data (no series, no number, too old) counts as: "
        "inconclusive, success, failure or error; inconclusive when absent. "
        "Not a field of the peer's.",
    )
    provider: MetricProvider = Field(description="What is asked for samples.")

    @property
    def count_max(self) -> int | None:
        """Return how many measurements are taken; None when it never ends by count."""
        count = read_count(self.count)
        if count:
            return count
        return None if self.interval else 1

    @property
    def interval_time(self) -> timedelta | None:
        """Return the time from the end of a measurement to the next; None when not given."""
        return parse_duration(self.interval) if self.interval else None

    @property
    def initial_delay_time(self) -> timedelta:
        """Return how long to wait before the first measurement."""
        return parse_duration(self.initial_delay) if self.initial_delay else timedelta(0)

    @property
    def failures_allowed(self) -> int | None:
        """Return how many measurements may fail; None for any number."""
        limit = read_count(self.failure_limit, FAILURE_LIMIT_DEFAULT)
        return None if limit == UNLIMITED else limit

    @property
    def inconclusive_allowed(self) -> int:
        """Return how many measurements may be inconclusive."""
        return read_count(self.inconclusive_limit, INCONCLUSIVE_LIMIT_DEFAULT)

    @property
    def consecutive_errors_allowed(self) -> int:
        """Return how many measurements in a row may end in an error."""
        return read_count(self.consecutive_error_limit, CONSECUTIVE_ERROR_LIMIT_DEFAULT)

    @property
    def consecutive_successes_wanted(self) -> int | None:
        """Return how many successes in a row end the metric; None when none do. 0 is none."""
        return read_count(self.consecutive_success_limit) or None

    @property
    def no_data_verdict(self) -> str:
        """Return what a measurement without data counts as: one of `NO_DATA_VERDICTS`."""
        return self.no_data or NO_DATA_INCONCLUSIVE


def read_count(value: int | str | None, default: int = 0) -> int:
    """Return the whole number that a count or a limit stands for.

    Raises:
        ValueError: text that is no whole number, such as one with an argument in it.
    """
    if value is None or value == "":
        return default
    if isinstance(value, int):
        return value
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 9:
        raise ValueError("is no whole number")
    return int(value)


def provider_of(metric: Metric) -> str:
    """Return the name of a metric's provider, one that is no field of ours included."""
    if metric.provider.kind == PLUGIN:
        return next(iter(metric.provider.plugin or ()), "")
    return metric.provider.kind or next(iter(metric.provider.model_extra or ()), "")


def named_providers(manifest: Manifest) -> tuple[str, ...]:
    """Return the names in the metrics of a template or a run that are none of the peer's API."""
    names: dict[str, None] = {}
    for metric in Spot(manifest).at("spec", "metrics").each():
        provider = metric.at("provider")
        names.update(dict.fromkeys((*provider.mapping, *provider.at(PLUGIN).mapping)))
    return tuple(name for name in names if name not in (*PROVIDERS, PLUGIN))


def provider_settings(metric: Manifest, name: str) -> Manifest:
    """Return what stands under the name of a metric's provider, in either way to write it."""
    provider = metric["provider"]
    settings: Manifest = (provider.get(PLUGIN) or provider).get(name) or {}
    return settings

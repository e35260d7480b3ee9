"""What is wrong with a metric: its counts and times, its conditions, the arguments it wants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from rollouts.api.analysis_metric import (
    INCONCLUSIVE_LIMIT_DEFAULT,
    NO_DATA_VERDICTS,
    UNLIMITED,
    Metric,
    read_count,
)
from rollouts.api.analysis_providers import EXECUTED_PROVIDERS
from rollouts.api.base import INT32_MAX
from rollouts.api.condition_check import ConditionCheck
from rollouts.api.literals import fill_condition
from rollouts.api.metric_names import METRIC_NAME_MAX
from rollouts.api.placeholders import (
    malformed_placeholders,
    texts_in,
    wanted_arguments,
)
from rollouts.api.problems import Finding
from rollouts.api.provider_rules import provider_findings
from rollouts.api.shape import hint
from rollouts.api.spot import Spot
from rollouts.api.times import parse_duration

CONDITIONS: tuple[str, ...] = ("successCondition", "failureCondition")

_LIMIT_MIN = {
    "count": 0,
    "failureLimit": UNLIMITED,
    "inconclusiveLimit": 0,
    "consecutiveErrorLimit": 0,
    "consecutiveSuccessLimit": 0,
}


@dataclass(frozen=True, slots=True)
class MetricContext:
    """What is known of the place where a metric stands.

    Attributes:
        arguments: the arguments that exist, each with its value; None when it is not known yet.
        secrets: names of the arguments whose values are secret.
        may_be_endless: metrics that never end are allowed, as beside the steps of a canary.
        check_condition: what checks conditions; None leaves them alone.
        providers: names of the providers that can be asked.
    """

    arguments: Mapping[str, str | None] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    may_be_endless: bool = True
    check_condition: ConditionCheck | None = None
    providers: tuple[str, ...] = EXECUTED_PROVIDERS


def metrics_findings(metrics: Spot, context: MetricContext) -> Iterator[Finding]:
    """Yield what is wrong with a list of metrics, each alone and in their names."""
    names: list[str] = []
    for metric in metrics.each():
        if not isinstance(metric.value, dict):
            continue
        yield from metric_findings(metric, context)
        name = metric.at("name")
        if name.text and name.text in names:
            yield name.wrong("names two metrics; give each its own name")
        names.append(name.text)


def metric_findings(metric: Spot, context: MetricContext) -> Iterator[Finding]:
    """Yield what is wrong with one metric, save wrong types."""
    name = metric.at("name")
    if name.value == "":
        yield name.wrong("must not be empty")
    if len(name.text) > METRIC_NAME_MAX:
        yield name.wrong(f"must be at most {METRIC_NAME_MAX} characters")
    yield from _misspelt_findings(metric)
    yield from _time_findings(metric)
    yield from _limit_findings(metric)
    if not context.may_be_endless:
        yield from endless_findings(metric)
    no_data = metric.at("noData")
    if no_data.text and "{{" not in no_data.text and no_data.text not in NO_DATA_VERDICTS:
        yield no_data.wrong(f"must be one of {', '.join(NO_DATA_VERDICTS)}")
    yield from provider_findings(metric.at("provider"), context.providers)
    yield from placeholder_findings(metric, context)
    yield from _condition_findings(metric, context)


def _misspelt_findings(metric: Spot) -> Iterator[Finding]:
    """Yield fields that were probably meant as others.

    A condition with a slip in its name would be no condition, and every result a success.
    """
    known = Metric.wire_names()
    for entry in metric.entries():
        if entry.key not in known and (meant := hint(entry.key, known)):
            yield entry.wrong(f"is no field of a metric{meant}")


def _time_findings(metric: Spot) -> Iterator[Finding]:
    """Yield an interval or a delay that is no time."""
    for name, least in (("interval", "greater than 0"), ("initialDelay", "0 or more")):
        spot = metric.at(name)
        if not spot.text or "{{" in spot.text:
            continue
        delay = read_time(spot.text)
        if delay is None:
            yield spot.wrong("is no duration; write one with its unit, such as 30s, 5m or 1h")
        elif delay < timedelta(0) or (name == "interval" and not delay):
            yield spot.wrong(f"must be {least}")


def read_time(text: str) -> timedelta | None:
    """Return the duration that a text with a unit stands for; None when it is none."""
    if text.lstrip("+-").isdigit() and text.lstrip("+-0"):
        return None  # Without a unit the peer refuses it, and seconds would be a guess.
    try:
        return parse_duration(text)
    except ValueError:
        return None


def _limit_findings(metric: Spot) -> Iterator[Finding]:
    """Yield counts and limits that are none, or that do not fit each other."""
    numbers: dict[str, int] = {}
    for name, least in _LIMIT_MIN.items():
        spot = metric.at(name)
        if not spot.given or "{{" in spot.text or (spot.number is None and not spot.text):
            if spot.value == "":
                yield spot.wrong("must be a whole number; leave it out for the default")
            continue
        try:
            numbers[name] = read_count(spot.value)
        except ValueError:
            yield spot.wrong("must be a whole number, or an argument such as {{args.limit}}")
            continue
        if not least <= numbers[name] <= INT32_MAX:
            yield spot.wrong(f"must be {least} or more")
    count = numbers.get("count", 0)
    if count <= 0:
        return
    for name in ("failureLimit", "inconclusiveLimit", "consecutiveSuccessLimit"):
        if numbers.get(name, INCONCLUSIVE_LIMIT_DEFAULT) > count:
            yield metric.at(name).wrong(f"count must be >= {name}; count is {count}")
    if count > 1 and not metric.at("interval").given:
        yield metric.at("interval").missing("interval must be specified when count > 1")


def endless_findings(metric: Spot) -> Iterator[Finding]:
    """Yield that a metric never ends, where something waits for its end.

    One that ends after a number of successes in a row is no such metric.
    """
    count, wanted = metric.at("count"), metric.at("consecutiveSuccessLimit")
    if count.value in (None, 0, "0") and metric.at("interval").text:
        if wanted.value not in (None, 0, "0"):
            return
        message = (
            "is needed with an interval: the metric would be measured for ever, "
            "which is for analysis beside the steps of a canary alone"
        )
        yield count.wrong(message) if count.given else count.missing(message)


def placeholder_findings(place: Spot, context: MetricContext) -> Iterator[Finding]:
    """Yield references to arguments that do not exist, and secrets where they could be shown."""
    for spot in texts_in(place):
        for name in dict.fromkeys(wanted_arguments(spot.text)):
            if name not in context.arguments:
                yield spot.wrong(
                    f"wants the argument {name!r}, which is not among args"
                    f"{hint(name, context.arguments)}"
                )
            elif name in context.secrets and "provider" not in spot.path:
                yield spot.wrong(
                    f"wants the argument {name!r}, which is a secret; "
                    "secrets can be used in a provider alone"
                )
        for piece in malformed_placeholders(spot.text):
            yield spot.wrong(
                f"holds {piece!r}, which refers to no argument; write {{{{args.name}}}}"
            )


def _condition_findings(metric: Spot, context: MetricContext) -> Iterator[Finding]:
    """Yield what is wrong with conditions whose arguments are known."""
    if context.check_condition is None:
        return
    provider = next((each.key for each in metric.at("provider").entries() if each.given), "")
    for name in CONDITIONS:
        spot = metric.at(name)
        wanted = set(wanted_arguments(spot.text))
        values = {
            name: value
            for name, value in context.arguments.items()
            if name in wanted and value is not None and name not in context.secrets
        }
        if not spot.text.strip() or len(values) < len(wanted):
            continue  # Without all values it waits for them; a secret in it is said elsewhere.
        for problem in context.check_condition(fill_condition(spot.text, values), provider):
            yield spot.wrong(f"line {problem.line}, column {problem.column}: {problem.message}")

"""Reads Prometheus' answers: every form of result, without judging it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rollouts.analysis.sample import Gap, MeasurementError, Sample
from rollouts.metric_providers.answers import Answer, complaint, read_json, status_words
from rollouts.metric_providers.masking import hider, mask, shorten, shorten_value
from rollouts.metric_providers.values import TEXT_LENGTH_MAX, in_order

QUERY_KEY = "ResolvedPrometheusQuery"
"""In a measurement's metadata: the query as it was sent; the key is the peer's."""

SAMPLE_AGE = timedelta(minutes=2)
"""An older one is stale: two scrapes at Prometheus' own default of one in a minute."""

NO_STEP = timedelta()
WARNINGS_MAX = 10
WARNING_LENGTH_MAX = 300
QUERY_LENGTH_MAX = 4096


@dataclass(frozen=True, slots=True)
class Envelope:
    """A successful answer, its shape checked no deeper than the kind of result."""

    result_type: str
    result: Any
    warnings: tuple[str, ...]
    whole: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the answer is about.

    Attributes:
        until: the moment the query is evaluated at; the end of a range.
        since: the start of a range; None for an instant query.
        step: between the points of a range.
    """

    query: str
    until: datetime
    since: datetime | None = None
    step: timedelta = NO_STEP


def read_envelope(answer: Answer, secrets: tuple[str, ...]) -> Envelope:
    """Return what a Prometheus sent.

    Raises:
        MeasurementError: it refused the query, failed, or is no Prometheus.
    """
    if answer.status != 200:
        raise _refusal(answer, secrets)
    whole = read_json(answer, secrets)
    data = whole.get("data") if isinstance(whole, dict) else None
    if not isinstance(data, dict) or whole.get("status") != "success" or "result" not in data:
        raise complaint(answer, "instead of the answer of a Prometheus", secrets)
    spoken = [
        shorten(str(each), WARNING_LENGTH_MAX, secrets)
        for name in ("warnings", "infos")
        for each in _texts(whole.get(name))
    ]
    warnings = tuple(dict.fromkeys(spoken[:WARNINGS_MAX]))
    return Envelope(str(data.get("resultType", "")), data["result"], warnings, whole)


def read_sample(
    answer: Answer, envelope: Envelope, result: Any, *, asked: Asked, secrets: tuple[str, ...]
) -> Sample:
    """Return the sample in a result.

    Raises:
        MeasurementError: the result has a form that is none of Prometheus'.
    """
    try:
        points, series = _points(envelope.result_type, result)
        if envelope.result_type == "string":
            return _string(points, asked, envelope, secrets)
        numbers = tuple(_number(text) for _, text in points)
        newest = max((_moment(seconds) for seconds, _ in points), default=None)
    except _HistogramSeries:
        raise MeasurementError(
            f"{answer.asked} answered with native histograms, which are no numbers; "
            "use histogram_quantile() or histogram_avg() in the query"
        ) from None
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        raise complaint(answer, "whose result has no known form", secrets) from None
    gaps: set[Gap] = set()
    if not points:
        gaps.add(Gap.EMPTY)
    if any(math.isnan(number) for number in numbers):
        gaps.add(Gap.NOT_A_NUMBER)
    if any(math.isinf(number) for number in numbers):
        gaps.add(Gap.INFINITE)
    if series > 1:
        gaps.add(Gap.SEVERAL)
    if newest is not None and asked.until - newest > max(SAMPLE_AGE, asked.step):
        gaps.add(Gap.STALE)
    is_scalar = envelope.result_type == "scalar"
    texts = [text for _, text in points]
    return Sample(
        numbers[0] if is_scalar else numbers,
        shorten_value(texts[0] if is_scalar else f"[{','.join(texts)}]", TEXT_LENGTH_MAX, secrets),
        in_order(gaps),
        _metadata(asked, secrets),
        envelope.warnings,
    )


class _HistogramSeries(Exception):
    """A series holds histograms in place of numbers."""


def _points(result_type: str, result: Any) -> tuple[list[tuple[float, str]], int]:
    """Return every point of a result, oldest series first, and the count of series."""
    match result_type:
        case "scalar" | "string":
            seconds, text = result
            return [(float(seconds), _text(text))], 1
        case "vector":
            found = [_pair(_of(series, "value", "histogram")) for series in result]
            return found, len(found)
        case "matrix":
            rows = [_of(series, "values", "histograms") for series in result]
            return [_pair(pair) for row in rows for pair in row], len(rows)
    raise ValueError(result_type)


def _of(series: Any, name: str, histogram: str) -> Any:
    if name not in series and histogram in series:
        raise _HistogramSeries
    return series[name]


def _pair(pair: Any) -> tuple[float, str]:
    seconds, text = pair
    return float(seconds), _text(text)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(type(value))
    return value


def _number(text: str) -> float:
    """Return a number as Prometheus writes it: Go's spellings of what is none included."""
    return float(text)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _string(
    points: list[tuple[float, str]], asked: Asked, envelope: Envelope, secrets: tuple[str, ...]
) -> Sample:
    [(_, text)] = points
    gaps = () if text else (Gap.EMPTY,)
    shown = shorten_value(text, TEXT_LENGTH_MAX, secrets)
    metadata = _metadata(asked, secrets)
    return Sample(text, shown, gaps, metadata, envelope.warnings, hide=hider(secrets))


def _metadata(asked: Asked, secrets: tuple[str, ...]) -> dict[str, str]:
    return {QUERY_KEY: mask(asked.query, secrets)[:QUERY_LENGTH_MAX]}


def _refusal(answer: Answer, secrets: tuple[str, ...]) -> MeasurementError:
    """Return the error that a server has answered with, in its own words when it is Prometheus."""
    try:
        whole = read_json(answer, secrets)
    except MeasurementError as error:
        return error if answer.status == 200 else complaint(answer, "", secrets)
    if not isinstance(whole, dict) or not isinstance(whole.get("error"), str):
        return complaint(answer, "", secrets)
    kind = shorten(str(whole.get("errorType") or "error"), 40, secrets)
    said = shorten(whole["error"], WARNING_LENGTH_MAX, secrets)
    return MeasurementError(
        f"{answer.asked} answered {status_words(answer.status)}, {kind}: {said}"
    )


def _texts(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else ()

"""Decide what one sample says: conditions for data, a policy for everything that is none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from rollouts.analysis.facts import Condition, ConditionError, Metric, NoData
from rollouts.analysis.phase import Phase
from rollouts.analysis.sample import Gap, Sample, as_it_is, hidden_result

_POLICY_PHASES = {
    NoData.INCONCLUSIVE: Phase.INCONCLUSIVE,
    NoData.SUCCESS: Phase.SUCCESSFUL,
    NoData.FAILURE: Phase.FAILED,
    NoData.ERROR: Phase.ERROR,
}

_GAP_WORDS = {
    Gap.EMPTY: "the answer is empty",
    Gap.NOT_A_NUMBER: "the answer is not a number",
    Gap.INFINITE: "the answer is infinite",
    Gap.SEVERAL: "the answer has several series and the condition reads only the first",
    Gap.STALE: "the answer is too old",
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a sample counts as, and why where that is not plain to see."""

    phase: Phase
    message: str = ""


def judge(sample: Sample, metric: Metric, now: datetime) -> Judgement:
    """Decide what one sample says about a version.

    Args:
        now: when it was measured.
    """
    gaps = standing_gaps(sample, metric)
    if gaps and metric.no_data is not NoData.CONDITION:
        words = " and ".join(_GAP_WORDS[gap] for gap in gaps)
        return Judgement(
            _POLICY_PHASES[metric.no_data], f"no data: {words}, which counts as {metric.no_data}"
        )
    try:
        return Judgement(_decide(sample, metric, now))
    except ConditionError as error:
        return Judgement(Phase.ERROR, _told(error, sample, metric, now))


def _told(error: ConditionError, sample: Sample, metric: Metric, now: datetime) -> str:
    """Return why a condition could not be evaluated, without what a result must not show.

    The message may hold a piece of the result, cut anywhere: a secret of which half is left
    would not be found in it. So the condition is asked once more, about what may be shown.
    """
    unspoken = "the condition cannot be evaluated on what was measured, which is not shown"
    if sample.hide is as_it_is:
        return str(error)
    try:
        _decide(replace(sample, result=hidden_result(sample)), metric, now)
    except ConditionError as shown:
        return sample.hide(str(shown))
    except ValueError:
        return unspoken
    return unspoken  # Masking has made it something that can be evaluated.


def standing_gaps(sample: Sample, metric: Metric) -> tuple[Gap, ...]:
    """Return the gaps that keep conditions from being trusted with a sample.

    Several series are data for a condition that looks at all of them.
    """
    return tuple(gap for gap in sample.gaps if gap is not Gap.SEVERAL or _reads_only_first(metric))


def _reads_only_first(metric: Metric) -> bool:
    conditions = (metric.success, metric.failure)
    return any(each is not None and each.reads_only_first for each in conditions)


def _decide(sample: Sample, metric: Metric, now: datetime) -> Phase:
    """Return what the conditions say; failure goes before success.

    Source: the peer's utils/evaluate. Without any condition an answer alone is a success.
    """
    if _holds(metric.failure, sample, now):
        return Phase.FAILED
    if metric.success is None:
        return Phase.SUCCESSFUL
    if _holds(metric.success, sample, now):
        return Phase.SUCCESSFUL
    return Phase.FAILED if metric.failure is None else Phase.INCONCLUSIVE


def _holds(condition: Condition | None, sample: Sample, now: datetime) -> bool:
    return condition is not None and condition.evaluate(sample.result, now=now)

"""Safety rules that every plan for a run must keep, checked before anything of it is carried out.

This file is meant to be read and believed on its own: it repeats none of the planner's code and
asks only what was observed and what is about to be done. A broken rule refuses the whole plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rollouts.analysis.facts import Metric, NoData, ObservedRun
from rollouts.analysis.phase import Phase
from rollouts.analysis.plan import RunPlan
from rollouts.analysis.sample import Gap, Sample
from rollouts.api.refs import ANALYSIS_RUN, Manifest
from rollouts.api.times import parse_time

SUCCESSFUL = "Successful"
FINISHED = (SUCCESSFUL, "Failed", "Error", "Inconclusive")


def check_run_plan(observed: ObservedRun, plan: RunPlan, now: datetime) -> tuple[str, ...]:
    """Return the rules that a plan would break, as sentences; empty for a safe plan."""
    after = {} if plan.status is None else _results(plan.status)
    case = _Case(observed, plan, now, _results(observed.run.status), after)
    return tuple(broken for rule in _RULES for broken in rule(case))


@dataclass(frozen=True, slots=True)
class _Case:
    """A plan, and what it is about.

    Attributes:
        before: results as they are known, by metric.
        after: as the plan reports them; empty where it reports nothing.
    """

    observed: ObservedRun
    plan: RunPlan
    now: datetime
    before: Mapping[str, Manifest]
    after: Mapping[str, Manifest]


def _finality(case: _Case) -> Iterator[str]:
    """A1: what is over stays as it is, the run and each of its metrics."""
    observed, plan = case.observed, case.plan
    before, after = observed.run.status, plan.status
    if after is None:
        return
    if before.get("phase", "") in FINISHED and after != before:
        yield f"the status of a run that is {before['phase']} would change"
    refused = bool(observed.run.program.problems)
    for name, result in case.after.items():
        old = (case.before.get(name) or {}).get("phase", "")
        if old in FINISHED and result["phase"] != old and not refused:
            yield f"metric {name!r} was {old} and would become {result['phase']}"


def _counts(case: _Case) -> Iterator[str]:
    """A2: counters grow by what was measured, and agree with each other."""
    for name, result in case.after.items():
        answered = sum(int(result.get(word) or 0) for word in ("successful", "failed"))
        answered += int(result.get("inconclusive") or 0)
        if int(result.get("count") or 0) != answered:
            yield f"metric {name!r} counts {result.get('count', 0)} of {answered} measurements"
        before = case.before.get(name) or {}
        grown = _taken(result) - _taken(before)
        come = sum(each.metric == name for each in case.plan.taken)
        opened = _open_since(before)
        come += bool(opened) and opened != _open_since(result)
        if not 0 <= grown <= come:
            yield f"metric {name!r} counts {grown} new measurements where {come} have come in"
        measurements, counted = result.get("measurements") or (), result.get("successful") or 0
        if len(measurements) > counted:
            shown = [each["phase"] for each in measurements]
            if shown.count(SUCCESSFUL) > counted:
                yield f"metric {name!r} shows more successes than it counts"


def _success(case: _Case) -> Iterator[str]:
    """A3: success is measured, never what is left when nothing was; a broken limit forbids it."""
    observed, plan = case.observed, case.plan
    status, program = plan.status, observed.run.program
    if status is None:
        return
    results = case.after
    for metric in program.metrics:
        result = results.get(metric.name)
        if result is not None and result["phase"] == SUCCESSFUL:
            yield from _metric_success(metric, result)
    if status.get("phase") != SUCCESSFUL:
        return
    if program.terminate:
        yield "a run that was terminated would be Successful"
    for metric in program.metrics:
        phase = results.get(metric.name, {}).get("phase", "")
        if phase not in FINISHED:
            yield f"the run would be Successful before metric {metric.name!r} has ended"
        elif phase != SUCCESSFUL and not metric.is_dry_run:
            yield f"the run would be Successful although metric {metric.name!r} is {phase}"


def _metric_success(metric: Metric, result: Manifest) -> Iterator[str]:
    def number(word: str) -> int:
        return int(result.get(word) or 0)

    if number("successful") == 0:
        yield f"metric {metric.name!r} would be Successful without a successful measurement"
    if 0 <= metric.failure_limit < number("failed"):
        yield f"metric {metric.name!r} would be Successful with {number('failed')} failures"
    if number("inconclusive") > metric.inconclusive_limit:
        yield f"metric {metric.name!r} would be Successful beyond its inconclusiveLimit"
    if number("consecutiveError") > metric.consecutive_error_limit:
        yield f"metric {metric.name!r} would be Successful beyond its consecutiveErrorLimit"
    if metric.consecutive_success_limit is None and (
        metric.count is None or number("count") < metric.count
    ):
        yield f"metric {metric.name!r} would be Successful before its count is reached"


def _gaps(case: _Case) -> Iterator[str]:
    """A4: no data, error, NaN or an old sample is ever success, unless somebody asked for that."""
    observed = case.observed
    for name, result in case.after.items():
        metric = next((m for m in observed.run.program.metrics if m.name == name), None)
        if metric is None or metric.no_data in {NoData.SUCCESS, NoData.CONDITION}:
            continue
        known = case.before.get(name, {}).get("measurements") or ()
        themselves = set(map(id, known))
        for measurement in result.get("measurements") or ():
            if id(measurement) in themselves or measurement["phase"] != SUCCESSFUL:
                continue
            key = _key(measurement)
            if any(_key(each) == key for each in known):
                continue
            if _is_unproven(observed, metric, measurement):
                yield f"metric {metric.name!r} would count a success that nobody has measured"


def _is_unproven(observed: ObservedRun, metric: Metric, measurement: Manifest) -> bool:
    """Tell whether nothing that came in is data that could have been this success."""
    where = measurement.get("metadata") or {}
    if "job-name" in where:
        return not any(
            job.name == where["job-name"] and job.phase is Phase.SUCCESSFUL for job in observed.jobs
        )
    never = frozenset({Gap.EMPTY, Gap.NOT_A_NUMBER, Gap.INFINITE, Gap.STALE})
    return not any(
        answer.metric == metric.name
        and answer.fingerprint == metric.fingerprint
        and isinstance(answer.outcome, Sample)
        and not any(gap in never for gap in answer.outcome.gaps)
        for answer in observed.answers
    )


def _starts(case: _Case) -> Iterator[str]:
    """A5: nothing is measured before its time, twice at once, or after the end."""
    observed, plan, now = case.observed, case.plan, case.now
    begins = {each.name: each.at for each in plan.start}
    names = [each.name for each in plan.start]
    names += [
        str(each.manifest["metadata"]["annotations"]["analysisrun.argoproj.io/metric-name"])
        for each in plan.actions
    ]
    status = plan.status if plan.status is not None else observed.run.status
    if names and (status.get("phase", "") in FINISHED or observed.run.program.terminate):
        yield f"{names[0]!r} would be measured for a run that takes no more measurements"
    flying = {each.metric for each in observed.flights} - set(plan.cancel)
    # Where no beginning is stored yet, the run began with its first measurement.
    flights = (each.started_at for each in observed.flights)
    begun = min((*flights, *(each.started_at for each in observed.answers), now))
    for metric in observed.run.program.metrics:
        if metric.name not in names:
            continue
        if names.count(metric.name) > 1 or metric.name in flying:
            yield f"{metric.name!r} would be measured twice at once"
        earliest = _earliest(case, metric, begun)
        begin = begins.get(metric.name, now)
        if earliest is not None and begin < earliest:
            yield f"{metric.name!r} would be measured {earliest - begin} too early"


def _earliest(case: _Case, metric: Metric, begun: datetime) -> datetime | None:
    """Return the first moment at which a metric may be measured; None where nothing forbids it.

    What is reported may keep none of the measurements that have ended.
    """
    now = case.now
    for results in (case.after, case.before):
        result = results.get(metric.name, {})
        latest_first = reversed(result.get("measurements") or ())
        ended = next((each for each in latest_first if each.get("finishedAt")), None)
        if ended is None:
            continue
        finished_at = _time(ended["finishedAt"])
        if finished_at is None or finished_at > now:
            return None  # The clock was set back, or somebody wrote what is no time.
        is_error = ended["phase"] == "Error"
        wait = timedelta(seconds=10) if is_error or metric.interval is None else metric.interval
        return finished_at + wait
    status = case.observed.run.status if case.plan.status is None else case.plan.status
    begins = _time(status.get("startedAt")) or begun
    return min(begins, now) + metric.initial_delay


def _waking(case: _Case) -> Iterator[str]:
    """A6: a time to look again lies ahead, or the queue would spin."""
    plan, now = case.plan, case.now
    if plan.wake_at is not None and plan.wake_at <= now and plan.is_quiet:
        yield f"the plan does nothing and would look again at {plan.wake_at}, which is over"


def _deletion(case: _Case) -> Iterator[str]:
    """A7: a run is taken away only when it is over and its time to live is, too."""
    observed, plan, now = case.observed, case.plan, case.now
    for action in plan.finish:
        if action.ref.kind != ANALYSIS_RUN:
            if action.ref.name not in {job.name for job in observed.jobs}:
                yield f"{action.ref} would be deleted, which is no Job of the run"
            continue
        status = observed.run.status
        completed_at = _time(status.get("completedAt"))
        ttl = observed.run.program.ttl.of(observed.run.phase)
        if status.get("phase", "") not in FINISHED or completed_at is None or ttl is None:
            yield "a run would be deleted that is not over or stays for ever"
        elif now < completed_at + ttl:
            yield "a run would be deleted before its time to live is over"


def _waiting(case: _Case) -> Iterator[str]:
    """A8: only successes that decide nothing wait to be written, and not without an end."""
    plan = case.plan
    if plan.status is None or plan.is_written:
        return
    if plan.status.get("phase") != "Running" or plan.status.get("message"):
        yield f"it would wait that the run is {plan.status.get('phase')}"
    if plan.wake_at is None:
        yield "a status would wait to be written without an end"
    for name, after in case.after.items():
        old = case.before.get(name) or {}
        same = ("phase", "failed", "inconclusive", "error")
        for word in (each for each in same if (old.get(each) or 0) != (after.get(each) or 0)):
            yield f"it would wait that metric {name!r} is {after.get(word)} {word}"


_RULES = (_finality, _counts, _success, _gaps, _starts, _waking, _deletion, _waiting)


def _results(status: Manifest) -> dict[str, Manifest]:
    """Return stored results by metric; one without a name is nobody's."""
    return {each["name"]: each for each in status.get("metricResults") or () if each.get("name")}


def _taken(result: Manifest) -> int:
    return int(result.get("count") or 0) + int(result.get("error") or 0)


def _open_since(result: Manifest) -> str:
    """Return when the measurement began that is being taken; empty for none."""
    measurements = list(result.get("measurements") or ())
    if not measurements or measurements[-1].get("phase", "") in FINISHED:
        return ""
    return str(measurements[-1].get("startedAt") or "ever")


def _time(text: str | None) -> datetime | None:
    """Return a stored time; None for none and for one that nobody could have meant."""
    try:
        return parse_time(text) if text else None
    except ValueError:
        return None


def _key(measurement: Manifest) -> tuple[str, str, str]:
    return (
        measurement["phase"],
        measurement.get("startedAt", ""),
        measurement.get("finishedAt", ""),
    )

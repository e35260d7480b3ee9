"""Plan a run: a look at it goes in, what to measure, report and await comes out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rollouts.actions import Create, Delete
from rollouts.analysis import jobs, saving
from rollouts.analysis.facts import Answer, Flight, Metric, ObservedRun, RunFacts
from rollouts.analysis.intake import is_outdated, take_answer, take_job
from rollouts.analysis.phase import Phase
from rollouts.analysis.plan import RunPlan
from rollouts.analysis.report import completion_events, run_status
from rollouts.analysis.results import Measurement, Result, read_time
from rollouts.analysis.schedule import Start, may_be_booked, next_due
from rollouts.analysis.verdict import Verdict, assess_metric, assess_run, is_ending, stop_metric
from rollouts.api.refs import ANALYSIS_RUN, JOB, Manifest, ObjectRef

GATHER = timedelta(milliseconds=50)
"""How long the first answer of a round waits for the others, so that they share one write."""


def plan_analysis_run(observed: ObservedRun, now: datetime) -> RunPlan:
    """Decide what to do about a run.

    Carried out and observed again, the same `now` gives a quiet plan.
    """
    run = observed.run
    if run.is_deleted:
        return _give_up(observed)
    if run.phase.is_finished:
        return _plan_finished(observed, now)
    if run.program.problems:
        return _refuse(observed, now)
    started_at = _started_at(observed, now)
    if not _is_held(observed, now):
        return _plan_round(observed, observed.answers, started_at=started_at, now=now)
    with_all = _plan_round(observed, observed.answers, started_at=started_at, now=now)
    if with_all.status is not None and Phase(with_all.status["phase"]).is_finished:
        return with_all  # What ends a run is not kept waiting for anything.
    plan = _plan_round(observed, (), started_at=started_at, now=now)
    return replace(plan, wake_at=_earliest(plan.wake_at, _hold_end(observed)))


def _is_held(observed: ObservedRun, now: datetime) -> bool:
    """Tell whether the answers that are there wait for one that may come any moment."""
    is_awaited = any(not each.is_booked for each in observed.flights)
    return is_awaited and bool(observed.answers) and now < _hold_end(observed)


def _hold_end(observed: ObservedRun) -> datetime:
    return min(answer.finished_at for answer in observed.answers) + GATHER


def _started_at(observed: ObservedRun, now: datetime) -> datetime:
    """Return when the run began; a beginning in the future means that the clock was set back."""
    stored = read_time(observed.run.status.get("startedAt"))
    if stored is not None:
        return min(stored, now)
    flights = (each.started_at for each in observed.flights)
    answers = (each.started_at for each in observed.answers)
    return min((*flights, *answers, now))


@dataclass(frozen=True, slots=True)
class _Standing:
    """One metric in the middle of a plan."""

    metric: Metric
    result: Result
    verdict: Verdict


def _plan_round(
    observed: ObservedRun, answers: tuple[Answer, ...], *, started_at: datetime, now: datetime
) -> RunPlan:
    run = observed.run
    standings = tuple(_standings(observed, answers, now))
    terminate = run.program.terminate
    if is_ending(terminate, ((each.metric, each.verdict.phase) for each in standings)):
        stopped = tuple(_stop(each, now) for each in standings)
        return _finish(observed, stopped, started_at=started_at, now=now)
    whole = assess_run(
        ((each.metric, each.verdict, each.result) for each in standings), is_terminated=False
    )
    if whole.phase.is_finished:
        return _finish(observed, standings, started_at=started_at, now=now)
    return _go_on(observed, answers, standings, started_at=started_at, now=now)


def _standings(
    observed: ObservedRun, answers: tuple[Answer, ...], now: datetime
) -> Iterator[_Standing]:
    stored = observed.run.results
    for metric in observed.run.program.metrics:
        result = stored.get(metric.name) or Result(metric.name)
        if result.is_dry_run != metric.is_dry_run:
            result = replace(result, is_dry_run=metric.is_dry_run)
        result = take_job(metric, result, observed.jobs, now)
        for answer in answers:
            is_wanted = _fits(answer, metric) and not result.phase.is_finished
            if is_wanted and not is_outdated(answer, result, now):
                result = take_answer(metric, result, answer)
        yield _stand(metric, result)


def _stand(metric: Metric, result: Result) -> _Standing:
    verdict = assess_metric(metric, result)
    return _Standing(metric, _settle(result, verdict), verdict)


def _settle(result: Result, verdict: Verdict) -> Result:
    """Return a result with its verdict and, where that is its last one, the last message."""
    last = result.last if verdict.phase.is_bad and verdict.phase is not result.phase else None
    message = last.message if last is not None else result.message
    if (result.phase, result.message) == (verdict.phase, message):
        return result
    return replace(result, phase=verdict.phase, message=message)


def _stop(standing: _Standing, now: datetime) -> _Standing:
    """End a metric now: nothing is measured for it any more."""
    metric, result = standing.metric, standing.result
    if standing.verdict.phase.is_finished:
        return standing
    opened = result.open
    if opened is not None:
        ended = replace(
            opened,
            phase=Phase.INCONCLUSIVE,
            finished_at=now,
            message="the run ended before the Job did",
        )
        result = result.put(ended)
    verdict = stop_metric(metric, result)
    return _Standing(metric, _settle(result, verdict), verdict)


def _finish(
    observed: ObservedRun, standings: tuple[_Standing, ...], *, started_at: datetime, now: datetime
) -> RunPlan:
    run = observed.run
    whole = assess_run(
        ((each.metric, each.verdict, each.result) for each in standings),
        is_terminated=run.program.terminate,
    )
    status = _status(run, standings, whole, started_at=started_at, completed_at=now)
    return RunPlan(
        cancel=tuple(flight.metric for flight in observed.flights),
        status=status,
        taken=observed.answers,
        events=completion_events(run.status, status),
        finish=jobs.spare_jobs(observed, status),
        wake_at=_end_of_life(run, whole.phase, now),
    )


def _go_on(
    observed: ObservedRun,
    answers: tuple[Answer, ...],
    standings: tuple[_Standing, ...],
    *,
    started_at: datetime,
    now: datetime,
) -> RunPlan:
    run = observed.run
    schedule = _schedule(observed, answers, standings, started_at=started_at, now=now)
    standings, wake_at = schedule.standings, schedule.wake_at
    if _is_as_known(run, standings, started_at):
        status = run.status
    else:
        whole = Verdict(Phase.RUNNING)
        status = _status(run, standings, whole, started_at=started_at, completed_at=None)
    is_news = status != run.status and not _is_first_moment(run, standings, wake_at)
    is_written, save_at = saving.decide(
        run,
        tuple((each.metric, each.result) for each in standings),
        is_news=is_news,
        next_answer=None if schedule.create else schedule.next_answer,
        crowd=observed.crowd,
        now=now,
    )
    return RunPlan(
        start=schedule.start,
        cancel=schedule.cancel,
        actions=schedule.create,
        status=status if is_news or is_written else None,
        is_written=is_written,
        results={each.metric.name: each.result for each in standings},
        taken=answers,
        events=completion_events(run.status, status) if is_written else (),
        finish=jobs.spare_jobs(observed, status),
        wake_at=_earliest(wake_at, save_at),
    )


@dataclass(frozen=True, slots=True)
class _Schedule:
    """What to measure when.

    Attributes:
        standings: with the Jobs that are created.
        wake_at: when something is due that is not booked.
        next_answer: when the first answer will be there, if it takes as long as the last time;
            None where nobody knows.
    """

    standings: tuple[_Standing, ...]
    start: tuple[Start, ...]
    cancel: tuple[str, ...]
    create: tuple[Create, ...]
    wake_at: datetime | None
    next_answer: datetime | None


def _schedule(
    observed: ObservedRun,
    answers: tuple[Answer, ...],
    standings: tuple[_Standing, ...],
    *,
    started_at: datetime,
    now: datetime,
) -> _Schedule:
    run = observed.run
    flights = {each.metric: each for each in observed.flights if _flight_fits(each, run)}
    cancel = [each.metric for each in observed.flights if each.metric not in flights]
    unread = {each.metric for each in observed.answers if each not in answers}
    start: list[Start] = []
    create: list[Create] = []
    wake_at = next_answer = None
    for index, standing in enumerate(standings):
        metric, result = standing.metric, standing.result
        flight = flights.get(metric.name)
        if metric.name in unread or result.is_open or (flight and not flight.is_booked):
            continue
        due = next_due(metric, result, started_at=started_at, now=now)
        if due is not None and not jobs.is_job(metric):
            next_answer = _earliest(next_answer, max(due, now) + _duration(result))
        if flight is not None:
            if flight.started_at == due:
                continue
            cancel.append(metric.name)
        if due is None:
            continue
        if jobs.is_job(metric) and due <= now:
            made, opened = _open_job(run, standing, now)
            create.append(made)
            standings = (*standings[:index], opened, *standings[index + 1 :])
        elif due <= now or may_be_booked(metric, result):
            start.append(Start(metric, max(due, now)))
        else:
            wake_at = _earliest(wake_at, due)
    return _Schedule(standings, tuple(start), tuple(cancel), tuple(create), wake_at, next_answer)


def _duration(result: Result) -> timedelta:
    """Return how long the last measurement took."""
    last = result.last
    if last is None or last.started_at is None or last.finished_at is None:
        return timedelta(0)
    return last.finished_at - last.started_at


def _is_as_known(run: RunFacts, standings: tuple[_Standing, ...], started_at: datetime) -> bool:
    """Tell, cheaply, that there is nothing new to say: most passes only begin to measure."""
    status = run.status
    if run.phase is not Phase.RUNNING or read_time(status.get("startedAt")) != started_at:
        return False
    stored = status.get("metricResults") or ()
    results = [each.result for each in standings if each.result.measurements]
    return (
        "message" not in status
        and len(results) == len(stored)
        and all(
            old.get("name") == new.name
            and old.get("phase") == new.phase
            and bool(old.get("dryRun")) == new.is_dry_run
            and len(old.get("measurements") or ()) == len(new.measurements)
            and old["measurements"][-1] is new.measurements[-1]
            and len(new.measurements) <= metric.retention
            for old, new, metric in zip(
                stored,
                results,
                (each.metric for each in standings if each.result.measurements),
                strict=True,
            )
        )
    )


def _is_first_moment(
    run: RunFacts, standings: tuple[_Standing, ...], wake_at: datetime | None
) -> bool:
    """Tell whether all that there is to say is that everything is being measured.

    The first answers follow in a moment and bring the first write with them. Where a delay is
    waited for, its beginning has to be remembered now.
    """
    is_fresh = "startedAt" not in run.status and wake_at is None
    return is_fresh and not any(each.result.measurements for each in standings)


def _open_job(run: RunFacts, standing: _Standing, now: datetime) -> tuple[Create, _Standing]:
    metric, result = standing.metric, standing.result
    manifest = jobs.job_manifest(run, metric, jobs.next_number(result))
    metadata = manifest["metadata"]
    where = {jobs.JOB_NAME: metadata["name"], jobs.JOB_NAMESPACE: metadata["namespace"]}
    opened = result.put(Measurement(Phase.RUNNING, started_at=now, metadata=where))
    create = Create(JOB, manifest, why=f"metric {metric.name!r} is due")
    return create, _stand(metric, opened)


def _status(
    run: RunFacts,
    standings: tuple[_Standing, ...],
    whole: Verdict,
    *,
    started_at: datetime,
    completed_at: datetime | None,
) -> Manifest:
    results = (
        (each.metric, each.result)
        for each in standings
        if each.result.measurements or each.verdict.phase.is_finished
    )
    return run_status(
        run,
        tuple(results),
        whole,
        started_at=started_at,
        completed_at=completed_at,
    )


def _plan_finished(observed: ObservedRun, now: datetime) -> RunPlan:
    """Clean up behind a run that is over, and take it away when its time has come."""
    run = observed.run
    completed_at = read_time(run.status.get("completedAt"))
    end = _end_of_life(run, run.phase, completed_at) if completed_at is not None else None
    finish = jobs.spare_jobs(observed, run.status)
    if end is not None and end <= now:
        ref = ObjectRef(ANALYSIS_RUN, run.namespace, run.name)
        finish, end = (*finish, Delete(ref, run.uid, why="its time to live is over")), None
    return replace(_give_up(observed), finish=finish, wake_at=end)


def _give_up(observed: ObservedRun) -> RunPlan:
    return RunPlan(
        cancel=tuple(flight.metric for flight in observed.flights), taken=observed.answers
    )


def _refuse(observed: ObservedRun, now: datetime) -> RunPlan:
    """End a run that cannot be measured, before anything of it is."""
    run = observed.run
    words = "; ".join(str(problem) for problem in run.program.problems)
    whole = Verdict(Phase.ERROR, f"Analysis spec invalid: {words}")
    ended = tuple(
        (None, replace(result, phase=Phase.ERROR).drop_open()) for result in run.results.values()
    )
    status = run_status(run, ended, whole, started_at=_started_at(observed, now), completed_at=now)
    return replace(
        _give_up(observed),
        status=status,
        events=completion_events(run.status, status),
        finish=jobs.spare_jobs(observed, status),
        wake_at=_end_of_life(run, whole.phase, now),
    )


def _end_of_life(run: RunFacts, phase: Phase, completed_at: datetime) -> datetime | None:
    stays = run.program.ttl.of(phase)
    return None if stays is None else completed_at + stays


def _fits(answer: Answer, metric: Metric) -> bool:
    """Tell whether an answer is about this metric as it is written now."""
    return (answer.metric, answer.fingerprint) == (metric.name, metric.fingerprint)


def _flight_fits(flight: Flight, run: RunFacts) -> bool:
    return any(
        (flight.metric, flight.fingerprint) == (metric.name, metric.fingerprint)
        for metric in run.program.metrics
    )


def _earliest(first: datetime | None, second: datetime | None) -> datetime | None:
    known = [each for each in (first, second) if each is not None]
    return min(known) if known else None

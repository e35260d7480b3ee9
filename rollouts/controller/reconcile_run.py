"""One pass over one AnalysisRun: observe, plan, carry out, write status, say when to look again.

Awaits nothing but the `Cluster`, so that a simulation can drive it call by call and stop it after
any of them. Measurements are begun here and not awaited: their answers wake the run again.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from rollouts.actions import Create, Delete, Event
from rollouts.analysis.facts import Answer, Flight, Metric, ObservedRun, RunFacts
from rollouts.analysis.invariants import check_run_plan
from rollouts.analysis.jobs import METRIC_ANNOTATION
from rollouts.analysis.plan import RunPlan
from rollouts.analysis.planner import plan_analysis_run
from rollouts.api.problems import Problem
from rollouts.api.refs import ANALYSIS_RUN, JOB, Manifest, ObjectRef
from rollouts.controller.execute import Overtaken, difference
from rollouts.controller.reconcile import BrokenRule
from rollouts.controller.run_views import RunViews
from rollouts.kube.cluster import Cluster, PatchType
from rollouts.kube.errors import (
    AlreadyExists,
    ClusterError,
    Conflict,
    Forbidden,
    NotFound,
    Rejected,
    Unknown,
)

log = logging.getLogger(__name__)

Key = tuple[str, str, str]

PASS_COUNT_MAX = 20
"""Passes in a row before other runs get their turn; a round needs two."""


class StatusDropped(Exception):  # a person has to act
    """The server took a write of a status and has not kept it."""


class Instruments(Protocol):
    """Takes measurements beside the passes and keeps what they brought until status has it."""

    def crowd(self) -> int:
        """Return for how many runs something is being measured, or is about to be."""
        ...

    def flights(self, run_uid: str) -> tuple[Flight, ...]:
        """Return the measurements that are being taken for a run, or are about to be."""
        ...

    def answers(self, run_uid: str) -> tuple[Answer, ...]:
        """Return what has been measured for a run and not been forgotten."""
        ...

    def start(self, run: RunFacts, metric: Metric, at: datetime) -> None:
        """Begin to measure now or, where that time is still to come, by itself at that time."""
        ...

    def cancel(self, run_uid: str, metric: str) -> None:
        """Give a measurement up; it brings no answer any more."""
        ...

    def report(self, run_uid: str, answer: Answer) -> None:
        """Add an answer that came another way."""
        ...

    def forget(self, run_uid: str, answers: tuple[Answer, ...]) -> None:
        """Drop answers that status has now, or that nobody wants."""
        ...

    def drop(self, key: Key) -> None:
        """Give up everything for a run that is gone."""
        ...


async def no_missing_secrets(_run: RunFacts) -> tuple[Problem, ...]:
    """Take it that every Secret is there."""
    return ()


@dataclass(frozen=True, slots=True)
class Bench:
    """What passes over runs work with.

    Attributes:
        on_news: told of each status that was written or waits for that, with the run as it was
            before.
        record: has an Event sent some time.
        missing_secrets: returns which secret arguments of a run have no value; awaits nothing
            but the `Cluster`.
    """

    views: RunViews
    cluster: Cluster
    instruments: Instruments
    clock: Callable[[], datetime]
    on_news: Callable[[RunFacts, Manifest], None] = lambda _run, _status: None
    record: Callable[[RunFacts, Event], None] = lambda _run, _event: None
    missing_secrets: Callable[[RunFacts], Awaitable[tuple[Problem, ...]]] = no_missing_secrets


async def reconcile_run(key: Key, bench: Bench) -> datetime | None:
    """Plan and carry out until there is nothing to do; return when to look again unasked.

    May stop after any call and be run again from the top.

    Raises:
        ClusterError: a call failed in a way that only time can mend.
        BrokenRule: the planner is wrong; the message names the rules.
    """
    _, namespace, name = key
    for _ in range(PASS_COUNT_MAX):
        now = bench.clock()
        run = bench.views.look(namespace, name, now)
        if run is None:
            bench.instruments.drop(key)
            return None
        observed = _observe(await _with_secrets(run, bench), bench)
        plan = plan_analysis_run(observed, now)
        broken = check_run_plan(observed, plan, now)
        if broken:
            raise BrokenRule(f"{'/'.join(key)}: {'; '.join(broken)}")
        if plan.is_quiet:
            return plan.wake_at
        try:
            await _carry_out(run, plan, bench, now)
        except Overtaken:
            continue
        if _is_settled(plan):
            return plan.wake_at
    return bench.clock()


async def save_waiting(key: Key, bench: Bench) -> None:
    """Write what waits of a run for the next write, because there will be none by this process.

    If somebody else has written meanwhile, it is left to whoever comes next to measure again.

    Raises:
        ClusterError: it cannot be written.
    """
    _, namespace, name = key
    run = bench.views.look(namespace, name, bench.clock())
    if run is None or run.unsaved is None:
        return
    try:
        await _write_status(run, run.status, bench)
    except Overtaken as error:
        log.debug("not saved", extra={"object": str(error)})


async def _with_secrets(run: RunFacts, bench: Bench) -> RunFacts:
    """Return a run, refused if a Secret is missing, before anything of it is measured.

    One that goes missing later is an error of the measurements that want it.
    """
    instruments, program = bench.instruments, run.program
    if not program.secrets or program.terminate or run.is_deleted or run.status.get("phase"):
        return run
    if instruments.flights(run.uid) or instruments.answers(run.uid):
        return run
    problems = await bench.missing_secrets(run)
    if not problems:
        return run
    return replace(run, program=replace(program, metrics=(), problems=problems))


def _observe(run: RunFacts, bench: Bench) -> ObservedRun:
    return ObservedRun(
        run=run,
        flights=bench.instruments.flights(run.uid),
        answers=bench.instruments.answers(run.uid),
        jobs=bench.views.jobs_of(run),
        crowd=bench.instruments.crowd(),
    )


def _is_settled(plan: RunPlan) -> bool:
    """Tell whether another plan at the same moment would be quiet: Jobs and refusals are not."""
    return not plan.actions and not plan.finish


async def _carry_out(run: RunFacts, plan: RunPlan, bench: Bench, now: datetime) -> None:
    instruments = bench.instruments
    for name in plan.cancel:
        instruments.cancel(run.uid, name)
    # Before any call: what is due is measured now, however slow the server is.
    for each in plan.start:
        instruments.start(run, each.metric, each.at)
    for action in plan.actions:
        await _create_job(run, action, bench, now)
    if plan.status is not None:
        if plan.is_written:
            await _write_status(run, plan.status, bench)
        else:
            bench.views.leave_waiting(run, plan.status, plan.results, now)
        bench.on_news(run, plan.status)
    instruments.forget(run.uid, plan.taken)
    for event in plan.events:
        bench.record(run, event)
    for spare in plan.finish:
        await _delete(spare, bench)
    if plan.events or plan.finish:
        log.info(
            "run",
            extra={
                "run": f"{run.namespace}/{run.name}",
                "phase": (plan.status or run.status).get("phase", ""),
                "because": (plan.status or run.status).get("message", ""),
            },
        )


async def _create_job(run: RunFacts, action: Create, bench: Bench, now: datetime) -> None:
    """Create a Job; one of that name which belongs to the run is the one we wanted.

    Raises:
        Overtaken: it cannot be created; that is an answer now, and has to be planned for.
    """
    metadata = action.manifest["metadata"]
    ref = ObjectRef(JOB, metadata["namespace"], metadata["name"])
    try:
        bench.views.jobs.wrote(await bench.cluster.create(action.manifest, JOB))
    except AlreadyExists:
        found = await bench.cluster.get(ref)
        owners = found["metadata"].get("ownerReferences") or ()
        if not any(each.get("uid") == run.uid for each in owners):
            _refuse_job(run, action, f"the name of {ref} is taken", bench, now=now)
        bench.views.jobs.wrote(found)
    except (Rejected, Forbidden, NotFound) as error:
        _refuse_job(run, action, str(error), bench, now=now)
    except Unknown as error:
        # It exists or not; a second try finds out.
        raise Overtaken(str(ref)) from error


def _refuse_job(
    run: RunFacts, action: Create, message: str, bench: Bench, *, now: datetime
) -> None:
    name = action.manifest["metadata"]["annotations"][METRIC_ANNOTATION]
    metric = next(each for each in run.program.metrics if each.name == name)
    bench.instruments.report(run.uid, Answer(name, metric.fingerprint, now, now, message))
    raise Overtaken(message)


async def _write_status(run: RunFacts, status: Manifest, bench: Bench) -> None:
    ref = ObjectRef(ANALYSIS_RUN, run.namespace, run.name)
    body = {
        "metadata": {"resourceVersion": run.resource_version},
        "status": difference(run.saved_status, status),
    }
    bench.views.expect(run, status)
    try:
        # Of the object itself: this kind has no status subresource, with the peer as with us.
        written = await bench.cluster.patch(ref, body, PatchType.MERGE)
    except (Conflict, NotFound, Unknown) as error:
        await _refresh(ref, error, bench)
    else:
        if (written.get("status") or {}).get("phase") != status["phase"]:
            raise StatusDropped(
                f"{ref}: the server drops its status; the CustomResourceDefinition of AnalysisRun"
                " must not have a status subresource: install ours with `rollouts crds`"
            )
        bench.views.wrote(written)
        bench.views.saved(run)


async def _refresh(ref: ObjectRef, error: ClusterError, bench: Bench) -> None:
    """Read a run that is not as expected, and have everything planned anew."""
    try:
        bench.views.wrote(await bench.cluster.get(ref))
    except NotFound:
        bench.views.gone(ref.namespace, ref.name)
    raise Overtaken(str(ref)) from error


async def _delete(action: Delete, bench: Bench) -> None:
    try:
        await bench.cluster.delete(action.ref, uid=action.uid)
    except (NotFound, Conflict):
        log.debug("gone already", extra={"object": str(action.ref)})
    if action.ref.kind == ANALYSIS_RUN:
        bench.views.gone(action.ref.namespace, action.ref.name)
    else:
        bench.views.jobs.forget(action.ref.namespace, action.ref.name)

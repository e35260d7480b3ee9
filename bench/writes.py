"""What one canary asks of the API server, from the new image to the end of the former pods."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bench.calls import Call, Commit, Tally, tally
from bench.figures import Figure, Report, Target
from bench.laboratory import Laboratory, LaboratoryError
from bench.records import is_healthy
from bench.workloads import NAME, example, image_change
from rollouts.api.refs import INGRESS, REPLICA_SET, ROLLOUT

WRITES_MAX = 22
WRITES_WITH_EVENTS_MAX = 28

CANARIES = 3
"""Of each kind, at once; the dearest counts."""

SCALE_DOWN_SECONDS = 5
"""Longer than counters are held back, so that nothing is saved by hurrying."""

POD_READY_SECONDS = 0.3
"""As in the measurement of the peer that docs/benchmarks.md compares with."""

SHORT_PAUSE_SECONDS = 1.0
LONG_PAUSE_SECONDS = 5.0
"""Long enough for held-back counters to be written in each pause, as in one of ten minutes."""

WEIGHTS = ("10", "30", "50", "100", "0")


@dataclass(frozen=True, slots=True)
class Canary:
    """The calls of one canary, cut at two moments.

    Attributes:
        until_end: to the moment at which the former ReplicaSet has no pods.
        until_healthy: to the write by which the Rollout is Healthy again.
        after: everything later.
    """

    until_end: Tally
    until_healthy: Tally
    after: Tally

    @property
    def all_writes(self) -> int:
        """Return the writes to its end, Events among them."""
        return self.until_end.writes + self.until_end.events


def run(*, quick: bool) -> Report:
    """Let a few canaries go through, with pauses of one second and of five."""
    shorts = [f"short-{index}" for index in range(CANARIES)]
    longs = [] if quick else [f"long-{index}" for index in range(CANARIES)]
    with (
        Laboratory(pod_ready_seconds=POD_READY_SECONDS) as laboratory,
        laboratory.controller() as controller,
    ):
        for namespaces, seconds in ((shorts, SHORT_PAUSE_SECONDS), (longs, LONG_PAUSE_SECONDS)):
            for namespace in namespaces:
                manifests = example(
                    namespace, pause_seconds=seconds, scale_down_seconds=SCALE_DOWN_SECONDS
                )
                laboratory.create(manifests)
        count = len(shorts) + len(longs)
        laboratory.wait_until(
            lambda: _healthy_count(laboratory) == count,
            at_most=30,
            what=f"{count} first versions to be healthy",
        )
        laboratory.wait_until_quiet(4, at_most=20)
        call_count, commit_count = laboratory.call_count(), laboratory.commit_count()
        began = laboratory.patch(ROLLOUT, NAME, shorts + longs, image_change())
        laboratory.wait_until(
            lambda: _healthy_count(laboratory) == count and not _former_pods(laboratory),
            at_most=60,
            what="the canaries to end",
        )
        laboratory.wait_until_quiet(4, at_most=20)
        controller.check()
        calls, commits = laboratory.calls(call_count), laboratory.commits(commit_count)
    canaries = {
        namespace: judge(
            [call for call in calls if call.namespace == namespace],
            [commit for commit in commits if commit.namespace == namespace],
            began,
        )
        for namespace in shorts + longs
    }
    strays = tally(call for call in calls if call.namespace not in canaries)
    return _report(
        [canaries[namespace] for namespace in shorts],
        [canaries[namespace] for namespace in longs],
        strays,
    )


def judge(calls: list[Call], commits: list[Commit], began: datetime) -> Canary:
    """Check that a canary took its course, and cut its calls at the right moments.

    Raises:
        LaboratoryError: it did something else than its steps say.
    """
    weights = tuple(
        commit.facts["weight"]
        for commit in commits
        if commit.resource == INGRESS.plural and commit.facts.get("weight") is not None
    )
    if weights != WEIGHTS:
        raise LaboratoryError(f"the weights were {weights}, not {WEIGHTS}")
    ended = max(
        commit.at
        for commit in commits
        if commit.resource == REPLICA_SET.plural and commit.facts["pods"] == 0
    )
    healthy = min(
        commit.at
        for commit in commits
        if commit.resource == ROLLOUT.plural and is_healthy(commit.facts) and commit.at > began
    )
    return Canary(
        until_end=tally(call for call in calls if call.at <= ended),
        # Requests are noted when they are answered, a moment after their effect.
        until_healthy=tally(call for call in calls if call.at <= _answered(calls, healthy)),
        after=tally(call for call in calls if call.at > ended),
    )


def _answered(calls: list[Call], committed: datetime) -> datetime:
    later = [call.at for call in calls if call.at >= committed and call.resource == ROLLOUT.plural]
    return min(later, default=committed)


def _healthy_count(laboratory: Laboratory) -> int:
    facts = laboratory.facts(ROLLOUT)
    return [is_healthy(each) for each in facts].count(True)


def _former_pods(laboratory: Laboratory) -> bool:
    """Tell whether a ReplicaSet that nobody wants still has pods, or will have none any moment."""
    sets = laboratory.facts(REPLICA_SET)
    rollouts = laboratory.facts(ROLLOUT)
    return len([each for each in sets if each["pods"] > 0]) > len(rollouts)


def _report(shorts: list[Canary], longs: list[Canary], strays: Tally) -> Report:
    dearest = max(shorts, key=lambda canary: canary.all_writes)
    end = dearest.until_end
    reads = sum(canary.until_end.reads + canary.after.reads for canary in shorts + longs)
    name = "writes of a canary"
    figures = [
        Figure("writes", name, end.writes, "", Target("<=", WRITES_MAX)),
        Figure(
            "writes",
            f"{name} with Events",
            dearest.all_writes,
            "",
            Target("<=", WRITES_WITH_EVENTS_MAX),
        ),
        Figure("writes", "reads of a canary", reads + strays.reads, "", Target("=", 0)),
        Figure("writes", "writes after its end", dearest.after.writes, ""),
    ]
    details = [*_break_down("pauses of 1 s", dearest)]
    if longs:
        dear = max(longs, key=lambda canary: canary.all_writes)
        writes, events = dear.until_end.writes, dear.all_writes
        figures += [
            Figure("writes", "writes, pauses of 5 s", writes, "", Target("<=", WRITES_MAX)),
            Figure(
                "writes",
                "writes with Events, pauses of 5 s",
                events,
                "",
                Target("<=", WRITES_WITH_EVENTS_MAX),
            ),
        ]
        details += _break_down("pauses of 5 s", dear)
    details.append(f"writes: {strays.leases} calls for the Lease are in none of the numbers")
    return Report(tuple(figures), tuple(details))


def _break_down(title: str, canary: Canary) -> list[str]:
    healthy = canary.until_healthy
    lines = [
        (
            f"writes, {title}: {canary.until_end.writes} and {canary.until_end.events} Events to"
            f" the former pods' end; {healthy.writes} and {healthy.events} Events to Healthy"
        ),
        *(f"  {count:3}  {call}" for call, count in canary.until_end.by_call),
    ]
    after = ", ".join(f"{count} {call}" for call, count in canary.after.by_call)
    lines.append(f"  afterwards: {after or 'nothing'}")
    if canary.until_end.failures:
        lines.append(f"  refused (409 and the like): {canary.until_end.failures}")
    return lines

"""How late a weight moves after the end of its pause, when two hundred pauses end at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from bench.calls import Commit
from bench.figures import Figure, Report, Target, percentile
from bench.laboratory import Laboratory, LaboratoryError
from bench.records import is_healthy
from bench.workloads import NAME, example, image_change
from rollouts.api.refs import INGRESS, ROLLOUT, Manifest
from rollouts.api.times import parse_time

ROLLOUTS = 200
REPLICAS = 2
PAUSE_SECONDS = 8.0
"""Longer than two hundred canaries take to get there, so that the first pause ends in quiet."""

LATE_MS_MAX = 100.0

STEPS: tuple[Manifest, ...] = (
    # All pods are there before the first pause, so that nothing is waited for after one.
    {"setCanaryScale": {"replicas": REPLICAS}},
    {"setWeight": 10},
    {"pause": {"duration": "10m"}},
    {"setWeight": 30},
    {"pause": {"duration": "10m"}},
    {"setWeight": 50},
    {"pause": {"duration": "10m"}},
    {"setWeight": 100},
)
TIMED_PAUSES = 3


@dataclass(frozen=True, slots=True)
class Move:
    """A weight's first write after a timed pause; `late_seconds` is negative when it was early."""

    namespace: str
    pause_index: int
    late_seconds: float


def run(*, quick: bool) -> Report:
    """Give two hundred Rollouts a new image at once and watch their pauses end."""
    count = 50 if quick else ROLLOUTS
    namespaces = [f"late-{index:03}" for index in range(count)]
    with Laboratory() as laboratory, laboratory.controller() as controller:
        for namespace in namespaces:
            laboratory.create(
                example(
                    namespace,
                    pause_seconds=PAUSE_SECONDS,
                    scale_down_seconds=30,
                    steps=STEPS,
                    replicas=REPLICAS,
                )
            )
        _wait_until_healthy(laboratory, count, at_most=40)
        laboratory.wait_until_quiet(3, at_most=20)
        laboratory.settle()
        commit_count, cpu = laboratory.commit_count(), controller.cpu_seconds()
        before = laboratory.busyness()
        laboratory.patch(ROLLOUT, NAME, namespaces, image_change())
        _wait_until_healthy(laboratory, count, at_most=75)
        others = laboratory.busyness().strangers_percent(before)
        cpu = controller.cpu_seconds() - cpu
        commits = laboratory.commits(commit_count)
    moves = find_moves(commits, timedelta(seconds=PAUSE_SECONDS))
    if len(moves) != count * TIMED_PAUSES:
        raise LaboratoryError(f"{len(moves)} pauses have ended, not {count * TIMED_PAUSES}")
    return _report(moves, count, cpu_ms=1000 * cpu / count, others_percent=others)


def find_moves(commits: Iterable[Commit], pause: timedelta) -> tuple[Move, ...]:
    """Return each weight write that ends a pause, and how late it is by what status says."""
    moves: list[Move] = []
    started: dict[str, str] = {}
    ended: dict[str, int] = {}
    for commit in commits:
        space = commit.namespace
        if commit.resource == ROLLOUT.plural and commit.facts["pause_started_at"]:
            started[space] = commit.facts["pause_started_at"]
        elif commit.resource == INGRESS.plural and space in started:
            due = parse_time(started.pop(space)) + pause
            index = ended.get(space, 0)
            moves.append(Move(space, index, (commit.at - due).total_seconds()))
            ended[space] = index + 1
    return tuple(moves)


def _wait_until_healthy(laboratory: Laboratory, count: int, *, at_most: float) -> None:
    def are_healthy() -> bool:
        facts = laboratory.facts(ROLLOUT)
        return [is_healthy(each) for each in facts].count(True) == count

    laboratory.wait_until(
        are_healthy, at_most=at_most, what=f"{count} Rollouts to be healthy", look=0.5
    )


def _report(moves: tuple[Move, ...], count: int, *, cpu_ms: float, others_percent: float) -> Report:
    late = [1000 * move.late_seconds for move in moves]
    early = sum(each < 0 for each in late)
    target = Target("<", LATE_MS_MAX)
    figures = (
        Figure("lateness", f"p50 of {len(late)} pauses", percentile(late, 50), "ms"),
        Figure("lateness", f"p99, {count} Rollouts", percentile(late, 99), "ms", target),
        Figure("lateness", "latest", max(late), "ms"),
        Figure("lateness", "pauses that ended early", early, "", Target("=", 0)),
        Figure("lateness", "processor time of a canary", cpu_ms, "ms"),
    )
    company = f"other work had {others_percent:.0f} % of the cores meanwhile"
    lines = [f"lateness: {count} canaries at once; {company}"]
    for index in range(TIMED_PAUSES):
        part = [1000 * move.late_seconds for move in moves if move.pause_index == index]
        lines.append(
            f"  pause {index + 1}: p50 {percentile(part, 50):.1f} ms,"
            f" p99 {percentile(part, 99):.1f} ms, latest {max(part):.1f} ms"
        )
    return Report(figures, tuple(lines))

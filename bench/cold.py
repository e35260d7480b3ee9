"""How soon a controller that was down does what is due, over a thousand Rollouts in mid-canary."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from bench import crowds
from bench.calls import Call, Commit
from bench.figures import Figure, Report, Target
from bench.laboratory import Controller, Laboratory, LaboratoryError
from rollouts.api.refs import REPLICA_SET
from rollouts.api.times import format_time

FIRST_WRITE_SECONDS_MAX = 3.0
ALL_PLANNED_SECONDS_MAX = 10.0

PAUSE_SECONDS = 600.0
CANARY_SIZE = 2
"""Pods for the second weight of the example: 30 % of five, rounded up."""

_PASSES = re.compile(r"^rollout_reconcile_count\{[^}]*\} (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Start:
    """What happened when, in seconds after the process was started."""

    first_request: float
    ready: float
    first_write: float
    last_write: float
    all_planned: float


def run(*, quick: bool) -> Report:
    """Start a controller over a crowd, half of which has waited for it."""
    template = crowds.make_template(is_paused=True, pause_seconds=PAUSE_SECONDS)
    starts: list[Start] = []
    memory = 0.0
    for _ in range(1 if quick else 2):
        with Laboratory(pod_ready_seconds=None) as laboratory:
            now = laboratory.now()
            due, waiting = (
                crowds.namespaces(prefix, crowds.SIZE // 2) for prefix in ("due", "waiting")
            )
            began = format_time(now - timedelta(seconds=PAUSE_SECONDS + 60))
            laboratory.copy(template, due, pause_started_at=began)
            laboratory.copy(template, waiting, pause_started_at=format_time(now))
            laboratory.settle()
            with laboratory.controller() as controller:
                starts.append(_follow(laboratory, controller, set(due)))
                memory = max(memory, controller.memory_mib()[1])
    return _report(starts, memory)


def _follow(laboratory: Laboratory, controller: Controller, due: set[str]) -> Start:
    """Watch a controller come up."""
    began = controller.started_at
    laboratory.wait_until(controller.is_ready, at_most=30, what="the controller to be ready")
    ready = time.time() - began
    # Asking for metrics costs the controller more than a pass: not before it has done its work.
    laboratory.wait_until(
        lambda: len(right_writes(laboratory.commits())) >= len(due),
        at_most=60,
        what="every Rollout that is due to move on",
        look=0.25,
    )
    laboratory.wait_until(
        lambda: count_passes(controller.metrics()) >= crowds.SIZE,
        at_most=30,
        what="every Rollout to be planned",
        look=0.25,
    )
    planned = time.time() - began
    laboratory.wait_until_quiet(2, at_most=30)
    writes = right_writes(laboratory.commits())
    if set(writes) != due:
        missing, strangers = len(due - set(writes)), len(set(writes) - due)
        raise LaboratoryError(
            f"of the Rollouts that were due {missing} did not move; {strangers} others did"
        )
    first_request = _first_request(laboratory.calls())
    return Start(
        first_request=first_request - began,
        ready=ready,
        first_write=min(writes.values()) - began,
        last_write=max(writes.values()) - began,
        all_planned=planned,
    )


def right_writes(commits: Iterable[Commit]) -> dict[str, float]:
    """Return when each canary was given the size for its next weight, by namespace."""
    found: dict[str, float] = {}
    for commit in commits:
        is_ours = commit.manager == "rollouts" and commit.resource == REPLICA_SET.plural
        if is_ours and commit.facts["wanted"] == CANARY_SIZE:
            found.setdefault(commit.namespace, commit.at.timestamp())
    return found


def count_passes(metrics: str) -> int:
    """Return of how many Rollouts the metrics say that they were worked on."""
    return sum(float(value) > 0 for value in _PASSES.findall(metrics))


def _first_request(calls: Iterable[Call]) -> float:
    return min(call.at for call in calls).timestamp()


def _report(starts: list[Start], memory: float) -> Report:
    worst = max(starts, key=lambda start: start.first_write)
    planned = max(start.all_planned for start in starts)
    return Report(
        (
            Figure(
                "cold",
                "first right write",
                worst.first_write,
                "s",
                Target("<", FIRST_WRITE_SECONDS_MAX),
            ),
            Figure("cold", "all planned", planned, "s", Target("<", ALL_PLANNED_SECONDS_MAX)),
            Figure("cold", "first request (imports)", worst.first_request, "s"),
            Figure("cold", "ready", worst.ready, "s"),
            Figure("cold", "memory, peak", memory, "MiB"),
        ),
        (
            (
                f"cold: {crowds.SIZE:,} Rollouts in mid-canary, half of them due; the slowest"
                f" of {len(starts)} starts, in seconds after the process began; the Lease was free"
            ),
            f"  the last of {crowds.SIZE // 2} due writes came at {worst.last_write:.2f} s",
        ),
    )

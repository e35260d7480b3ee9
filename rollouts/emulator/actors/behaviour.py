"""How containers of an image behave, as pure functions of their age."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Protocol, TypeAlias, assert_never

from rollouts.emulator.actors.facts import format_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollouts.emulator.actors.view import Manifest

ZERO = timedelta(0)
BACK_OFF_FIRST = timedelta(seconds=10)
BACK_OFF_LAST = timedelta(minutes=5)


class Luck(Protocol):
    """The one draw this world needs; `random.Random(seed)` fits."""

    def random(self) -> float:
        """Return a number from 0 up to, not including, 1."""
        ...


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs for ever.

    Args:
        ready_after: age at which it is ready; None means never.
        starts_after: age at which it starts, until then it is being created (image pull).
        jitter: up to this much is added to `ready_after`, by luck.
        unready_after: it loses readiness this long after it became ready; None means never.
    """

    ready_after: timedelta | None = ZERO
    starts_after: timedelta = ZERO
    jitter: timedelta = ZERO
    unready_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Exits:
    """Ends after a while; restarted with growing delays where the pod's restart policy says so.

    Args:
        after: how long it runs each time.
        ready_after: since each start; None means that it is never ready.
    """

    after: timedelta = timedelta(seconds=1)
    exit_code: int = 0
    ready_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class PullFails:
    """Its image cannot be pulled."""

    message: str = "image not found"


@dataclass(frozen=True, slots=True)
class Evicted:
    """Its pod is thrown off the node at this age."""

    after: timedelta = ZERO
    message: str = "The node was low on resource: memory."


Behaviour: TypeAlias = Runs | Exits | PullFails | Evicted

READY = Runs()
NEVER_READY = Runs(ready_after=None)
CRASH_LOOP = Exits(exit_code=1)
COMPLETES = Exits()
PULL_ERROR = PullFails()


@dataclass(frozen=True, slots=True)
class Life:
    """A container at one moment. `changes_at` is when it will look different, None if never."""

    state: Manifest
    ready: bool = False
    running: bool = False
    restarts: int = 0
    last_state: Manifest | None = None
    exit_code: int | None = None
    changes_at: datetime | None = None


def behaviour_of(image: str, table: Mapping[str, Behaviour]) -> Behaviour | None:
    """Find the behaviour of an image: its exact name first, then the first pattern that fits."""
    exact = table.get(image)
    if exact is not None:
        return exact
    for pattern, behaviour in table.items():
        if fnmatchcase(image, pattern):
            return behaviour
    return None


def live(
    behaviour: Behaviour, *, since: datetime, now: datetime, restart_policy: str, draw: float
) -> Life:
    """Tell how a container looks.

    Args:
        since: when its pod came to the node.
        draw: this pod's luck, from 0 up to 1.
    """
    match behaviour:
        case Runs():
            return _run(behaviour, since, now, draw)
        case Exits():
            return _run_and_exit(behaviour, since, now, restart_policy)
        case PullFails():
            backing_off = now - since >= BACK_OFF_FIRST
            reason = "ImagePullBackOff" if backing_off else "ErrImagePull"
            state = {"waiting": {"reason": reason, "message": behaviour.message}}
            return Life(state, changes_at=None if backing_off else since + BACK_OFF_FIRST)
        case Evicted():
            due = since + behaviour.after
            if now < due:
                return Life(_running(since), ready=True, running=True, changes_at=due)
            return Life(_terminated(since, due, 137), exit_code=137)
        case _:
            assert_never(behaviour)


def _run(behaviour: Runs, since: datetime, now: datetime, draw: float) -> Life:
    started = since + behaviour.starts_after
    if now < started:
        return Life({"waiting": {"reason": "ContainerCreating"}}, changes_at=started)
    state = _running(started)
    if behaviour.ready_after is None:
        return Life(state, running=True)
    ready_at = max(started, since + behaviour.ready_after + behaviour.jitter * draw)
    if now < ready_at:
        return Life(state, running=True, changes_at=ready_at)
    if behaviour.unready_after is None:
        return Life(state, ready=True, running=True)
    lost_at = ready_at + behaviour.unready_after
    if now < lost_at:
        return Life(state, ready=True, running=True, changes_at=lost_at)
    return Life(state, running=True)


def _run_and_exit(behaviour: Exits, since: datetime, now: datetime, restart_policy: str) -> Life:
    restarts, started = _last_start(behaviour.after, since, now)
    ends = restart_policy == "Never" or (restart_policy == "OnFailure" and behaviour.exit_code == 0)
    if ends:
        restarts, started = 0, since
    exited = started + behaviour.after
    last = None
    if restarts:
        previous = started - _back_off(restarts)
        last = _terminated(previous - behaviour.after, previous, behaviour.exit_code)
    if now < exited:
        ready_at = None if behaviour.ready_after is None else started + behaviour.ready_after
        ready = ready_at is not None and ready_at <= now
        changes_at = exited if ready or ready_at is None else min(ready_at, exited)
        return Life(
            _running(started),
            ready=ready,
            running=True,
            restarts=restarts,
            last_state=last,
            changes_at=changes_at,
        )
    ended = _terminated(started, exited, behaviour.exit_code)
    if ends:
        return Life(ended, exit_code=behaviour.exit_code)
    delay = _back_off(restarts + 1)
    message = f"back-off {int(delay.total_seconds())}s restarting failed container"
    return Life(
        {"waiting": {"reason": "CrashLoopBackOff", "message": message}},
        restarts=restarts,
        last_state=ended,
        changes_at=exited + delay,
    )


def _back_off(restart: int) -> timedelta:
    """Return the delay before the given restart, counted from one."""
    return min(BACK_OFF_FIRST * (1 << min(restart - 1, 10)), BACK_OFF_LAST)


def _last_start(runs_for: timedelta, since: datetime, now: datetime) -> tuple[int, datetime]:
    """Return how often a container was restarted by now, and when it last started."""
    restarts, started = 0, since
    while True:
        delay = _back_off(restarts + 1)
        following = started + runs_for + delay
        if now < following:
            return restarts, started
        if delay == BACK_OFF_LAST:
            # The delay grows no more: jump over whole periods instead of counting them.
            periods = (now - started) // (runs_for + delay)
            return restarts + periods, started + periods * (runs_for + delay)
        restarts, started = restarts + 1, following


def _running(started: datetime) -> Manifest:
    return {"running": {"startedAt": format_time(started)}}


def _terminated(started: datetime, finished: datetime, exit_code: int) -> Manifest:
    return {
        "terminated": {
            "exitCode": exit_code,
            "reason": "Error" if exit_code else "Completed",
            "startedAt": format_time(started),
            "finishedAt": format_time(finished),
        }
    }

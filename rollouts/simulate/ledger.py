"""What people asked for and where traffic was sent: the memory of the judges.

It is filled from writes to the store alone. A request to go past one step is a *token*: the
controller may spend each once, on the revision it was given for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from rollouts.api.refs import Manifest
from rollouts.simulate.runbook import BACKGROUND, STEP, Need, Runbook
from rollouts.simulate.share import Names, traffic_of
from rollouts.simulate.snapshot import Snapshot, image_of, replicas_of, version_of

DOUBT = "InconclusiveAnalysisRun"
"""Why a rollout is paused, in its status: a measurement says neither yes nor no."""

BRIEF_MS = 1000
"""Requests that a set gets for less than this, between two writes of one pass, count for none."""

PREFIX = "rollouts.dev/"
ACCEPTED = f"{PREFIX}accepted"
REQUESTS = tuple(
    PREFIX + verb for verb in ("promote", "abort", "retry", "rollback", "pause", "restart")
)


Goal: TypeAlias = tuple[str, Sequence[Mapping[str, Any]]]
"""What a rollout is about: an image and steps."""


@dataclass(slots=True)
class Token:
    """One request to go past one step.

    It may be spent once, by a pass that knew the Rollout from before `ended_at`, the version at
    which it ceased to hold.
    """

    image: str
    is_annotation: bool
    ended_at: int | None = None
    is_spent: bool = False

    def is_good(self, image: str, version: int) -> bool:
        """Tell whether a pass that knew this version may spend it on this revision."""
        return (
            not self.is_spent
            and self.image == image
            and (self.ended_at is None or version < self.ended_at)
        )


@dataclass(frozen=True, slots=True)
class Load:
    """Requests that are being sent to a set: since when, and since when it was idle before."""

    since_ms: int
    idle_before: int | None
    is_stray: bool


@dataclass(frozen=True, slots=True)
class Debt:
    """A sensible request whose annotation the controller took away: an effect must follow."""

    verb: str
    image: str
    index: int
    attempt: int


@dataclass(slots=True)
class Ledger:
    """The judges' memory of one Rollout.

    Attributes:
        goals: which revision and steps the pair of hashes in a status means.
        full: revisions that somebody asked to promote fully, and when that ceased to hold.
        may_restore: how often somebody asked for a roll-back and got none yet.
        may_pause: whether somebody asked to pause or resume.
        debts: effects that are still to be seen.
        idle_since: when the last request was sent to a revision, by hash; absent while requests
            are being sent there, or if none ever was.
        aborted: hashes of revisions that were aborted at some time.
        loaded: where requests are being sent now, by hash, whether pods answer or not.
        runs: the truth about analysis runs.
    """

    names: Names
    tokens: list[Token] = field(default_factory=list)
    goals: dict[tuple[str, str], Goal] = field(default_factory=dict)
    full: dict[str, int | None] = field(default_factory=dict)
    may_restore: int = 0
    may_pause: bool = False
    debts: list[Debt] = field(default_factory=list)
    idle_since: dict[str, int] = field(default_factory=dict)
    aborted: set[str] = field(default_factory=set)
    loaded: dict[str, Load] = field(default_factory=dict)
    runs: Runbook = field(default_factory=Runbook)

    def learn_goal(self, rollout: Manifest, goal: Goal) -> None:
        """Learn what the hashes that a controller just wrote stand for."""
        self.goals.setdefault(_goal_key(rollout), goal)

    def goal(self, rollout: Manifest) -> Goal | None:
        """Return which revision and steps a Rollout's status is about."""
        return self.goals.get(_goal_key(rollout))

    def is_about(self, rollout: Manifest) -> bool:
        """Tell whether a Rollout's status is about what its spec wants."""
        return self.goal(rollout) == (image_of(rollout), tuple(_steps(rollout) or ()))

    def open_needs(self, rollout: Manifest, background_from: int | None) -> tuple[Need, ...]:
        """Return what is to be measured now, according to a stored Rollout."""
        status, goal = rollout.get("status") or {}, self.goal(rollout)
        stable = status.get("stableRS")
        is_over = status.get("abort") or status.get("abortedAt") or status.get("promoteFull")
        if goal is None or is_over or stable in {None, "", status.get("currentPodHash")}:
            return ()
        image, steps = goal
        index, attempt = (
            int(status.get("currentStepIndex") or 0),
            self.runs.attempt_at(version_of(rollout)),
        )
        needs: list[Need] = []
        if index < len(steps) and "analysis" in steps[index]:
            needs.append(Need(image, STEP, index, attempt.of_steps))
        if background_from is not None and index >= background_from:
            needs.append(Need(image, BACKGROUND, None, attempt.of_image))
        return tuple(needs)

    def wants_full(self, image: str, version: int) -> bool:
        """Tell whether a pass that knew this version may skip all steps of this revision."""
        if image not in self.full:
            return False
        ended_at = self.full[image]
        return ended_at is None or version < ended_at

    def hear_person(self, old: Manifest | None, new: Manifest | None) -> None:
        """Take in what a person wrote to the Rollout."""
        if old is None or new is None:
            self._start_over(version_of(old or new or {}))
            return
        if doubts(old.get("status") or {}) and not doubts(new.get("status") or {}):
            self.runs.forgive(self.open_needs(old, 0))
        image = image_of(new)
        before, after = _annotations(old), _annotations(new)
        for name in REQUESTS:
            value = after.get(name)
            if value is not None and value != before.get(name):
                self._hear_annotation(name.removeprefix(PREFIX), value, image)
        self._hear_status(old.get("status") or {}, new.get("status") or {}, image)
        if old["spec"].get("template") != new["spec"].get("template") or _steps(old) != _steps(new):
            self._start_over(version_of(new))

    def hear_controller(self, old: Manifest, new: Manifest) -> None:
        """Take in what the controller wrote to the Rollout: it may close requests."""
        if old["spec"].get("template") != new["spec"].get("template"):
            self._start_over(version_of(new))
        self._hear_attempt(old, new)
        index_moved = _index(old) != _index(new)
        annotations = _annotations(new)
        is_open = ACCEPTED in annotations or any(
            name in annotations for name in (f"{PREFIX}promote", f"{PREFIX}pause")
        )
        for token in self.tokens:
            if token.ended_at is None and (not is_open if token.is_annotation else index_moved):
                token.ended_at = version_of(new)
        self._settle_debts(new)
        self._take_on_debts(old, new)
        is_asked_still = f"{PREFIX}promote" in annotations
        if _is_aborted(new) and not _is_aborted(old) and not is_asked_still:
            self._end_full(version_of(new))
        if _is_aborted(new):
            self.aborted.add(new["status"].get("currentPodHash", ""))

    def _hear_attempt(self, old: Manifest, new: Manifest) -> None:
        """Take in that another revision, other steps or a retry is recorded, or a doubt settled."""
        before, after = self.goal(old), self.goal(new)
        was, is_ = old.get("status") or {}, new.get("status") or {}
        is_retry = bool(was.get("abortedAt")) and not is_.get("abortedAt")
        if before != after:
            is_new_image = before is None or after is None or before[0] != after[0]
            self.runs.begin(version_of(new), is_new_image=is_new_image or is_retry)
        elif is_retry:
            self.runs.begin(version_of(new), is_new_image=True)
        elif doubts(was) and not doubts(is_):
            self.runs.forgive(self.open_needs(old, 0))

    def hear_traffic(self, live: Snapshot, now_ms: int, *, is_ours: bool) -> None:
        """Take in where requests are sent now.

        Args:
            now_ms: when that was decided.
            is_ours: a controller decided it. What a person misdirects is put right as soon as it
                is seen, and begins no new delay for the set that it hit; nor does a moment.
        """
        loaded = traffic_of(live, self.names, replicas_of).shares
        for pod_hash, load in self.loaded.items():
            if pod_hash in loaded:
                continue
            is_brief = load.idle_before is not None and now_ms < load.since_ms + BRIEF_MS
            since_ms = load.idle_before if load.is_stray or is_brief else now_ms
            if since_ms is not None:
                self.idle_since[pod_hash] = since_ms
        for pod_hash in loaded:
            if pod_hash not in self.loaded:
                idle_before = self.idle_since.pop(pod_hash, None)
                self.loaded[pod_hash] = Load(now_ms, idle_before, is_stray=not is_ours)
        for pod_hash in [each for each in self.loaded if each not in loaded]:
            del self.loaded[pod_hash]

    def _take_on_debts(self, old: Manifest, new: Manifest) -> None:
        """Note what the controller owes for a request that it took off the Rollout."""
        before, after = _annotations(old), _annotations(new)
        status, image = old.get("status") or {}, image_of(old)
        index, count = int(status.get("currentStepIndex") or 0), len(_steps(old) or ())
        stable, current = status.get("stableRS"), status.get("currentPodHash")
        is_updating = bool(stable) and stable != current
        for verb in ("promote", "abort", "retry"):
            value = before.get(PREFIX + verb)
            if value is None or PREFIX + verb in after or not is_updating:
                continue
            is_sensible = {
                "promote": not _is_aborted(old)
                and index < count
                and value == "true"
                and not doubts(status),  # Out of doubt it means: measure again.
                "abort": not _is_aborted(old),
                "retry": _is_aborted(old),
            }
            if is_sensible[verb] and self.is_about(old):
                self.debts.append(Debt(verb, image, index, _attempt(old)))

    def _settle_debts(self, new: Manifest) -> None:
        self.debts = [debt for debt in self.debts if not self._is_paid(debt, new)]

    def _is_paid(self, debt: Debt, new: Manifest) -> bool:
        if debt.image != image_of(new):
            return True
        if debt.verb == "retry":
            return not _is_aborted(new)
        is_moved = _index(new) != debt.index or _attempt(new) != debt.attempt
        return _is_aborted(new) or (debt.verb == "promote" and is_moved)

    def _hear_annotation(self, verb: str, value: str, image: str) -> None:
        text = value.strip().lower()
        if verb == "promote" and text == "full":
            self.full[image] = None
            self.may_pause = True
        elif verb == "promote" or (verb == "pause" and text == "false"):
            self.tokens.append(Token(image, is_annotation=True))
            self.may_pause = True
        elif verb == "pause":
            self.may_pause = True
        elif verb == "rollback":
            self.may_restore += 1

    def _hear_status(self, old: Manifest, new: Manifest, image: str) -> None:
        has_moved = old.get("currentStepIndex") != new.get("currentStepIndex")
        is_passed = has_moved and not new.get("controllerPause")
        if old.get("pauseConditions") and not new.get("pauseConditions") and not is_passed:
            self.tokens.append(Token(image, is_annotation=False))
        if new.get("promoteFull") and not old.get("promoteFull"):
            self.full[image] = None

    def _start_over(self, version: int) -> None:
        self.debts.clear()
        for token in self.tokens:
            if token.ended_at is None:
                token.ended_at = version
        self._end_full(version)

    def _end_full(self, version: int) -> None:
        for image, ended_at in self.full.items():
            if ended_at is None:
                self.full[image] = version


def _annotations(rollout: Manifest) -> Mapping[str, str]:
    return rollout["metadata"].get("annotations") or {}


def _goal_key(rollout: Manifest) -> tuple[str, str]:
    status = rollout.get("status") or {}
    return status.get("currentPodHash", ""), status.get("currentStepHash", "")


def _steps(rollout: Manifest) -> Any:
    return ((rollout["spec"].get("strategy") or {}).get("canary") or {}).get("steps")


def _index(rollout: Manifest) -> object:
    return (rollout.get("status") or {}).get("currentStepIndex")


def _attempt(rollout: Manifest) -> int:
    """Return the count of attempts in status: a promotion out of doubt begins another one."""
    return int((rollout.get("status") or {}).get("attempt") or 0)


def doubts(status: Manifest) -> bool:
    """Tell whether a status says that a person has to look at what was measured."""
    return any(each.get("reason") == DOUBT for each in status.get("pauseConditions") or ())


def _is_aborted(rollout: Manifest) -> bool:
    return bool((rollout.get("status") or {}).get("abort"))

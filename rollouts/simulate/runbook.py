"""The truth about every analysis run that ever was: what it was made for, and how it ended.

Filled from writes to the store. What a run is good for does not follow from its labels or from
what status says: it follows from what the pass that made it was about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from rollouts.api.refs import Manifest
from rollouts.simulate.snapshot import owner_uid

STEP, BACKGROUND = "Step", "Background"
ENDS = frozenset({"Successful", "Failed", "Error", "Inconclusive"})
BAD = frozenset({"Failed", "Error"})
REVISION = "rollout.argoproj.io/revision"
ANSWERS = ("successful", "failed", "inconclusive")


class Need(NamedTuple):
    """A question: about which revision, at which step (None beside the steps), in which try."""

    image: str
    role: str
    step: int | None
    attempt: int


class Attempt(NamedTuple):
    """Which try it is: of these steps of this revision, and of the revision alone."""

    of_steps: int
    of_image: int


@dataclass(slots=True)
class Truth:
    """One run.

    Attributes:
        need: what it was made for; None when no controller made it for this Rollout.
        owner: the uid of the Rollout that it belongs to.
        revision: the number that it was given, which two leaders may see differently.
        number: its place in the order in which runs were made.
        of_steps: the try of the steps that it was made in, also when it is about none of them.
        is_stopped: somebody asked it to end before it had.
        is_dropped: that was a controller.
        is_forgiven: a person has seen that it ended in doubt, and wants it measured again.
    """

    name: str
    need: Need | None
    owner: str
    revision: str
    number: int
    of_steps: int = 0
    phase: str = ""
    is_measured: bool = False
    is_stopped: bool = False
    is_dropped: bool = False
    is_gone: bool = False
    is_forgiven: bool = False

    @property
    def has_ended(self) -> bool:
        """Tell whether its phase is its last."""
        return self.phase in ENDS

    @property
    def is_proof(self) -> bool:
        """Tell whether it speaks for its revision: whole, of itself, and with a value for all."""
        return self.phase == "Successful" and self.is_measured and not self.is_stopped

    @property
    def is_bad(self) -> bool:
        """Tell whether it speaks against its revision."""
        return self.phase in BAD

    @property
    def is_doubtful(self) -> bool:
        """Tell whether it has ended and says nothing, and no person has looked yet."""
        return self.has_ended and not (self.is_proof or self.is_bad or self.is_forgiven)


@dataclass(slots=True)
class Runbook:
    """What the judges know of runs, and of the tries that they were made for."""

    truths: dict[str, Truth] = field(default_factory=dict)
    _announced: dict[str, tuple[Need, int]] = field(default_factory=dict)
    _attempts: list[tuple[int, Attempt]] = field(default_factory=list)

    def announce(self, name: str, need: Need, *, of_steps: int) -> None:
        """Hear what the next run of a controller is for, and in which try of the steps."""
        self._announced[name] = (need, of_steps)

    def hear(self, old: Manifest | None, new: Manifest | None, *, is_ours: bool) -> Truth:
        """Take in a write to a run; `is_ours` says that a controller wrote."""
        manifest = new or old
        assert manifest is not None
        metadata = manifest["metadata"]
        uid, name = metadata["uid"], metadata["name"]
        truth = self.truths.get(uid)
        if truth is None:
            need, of_steps = self._announced.pop(name, (None, 0))
            revision = (metadata.get("annotations") or {}).get(REVISION, "")
            number = len(self.truths)
            truth = Truth(name, need, owner_uid(manifest), revision, number, of_steps)
            self.truths[uid] = truth
        if new is None:
            truth.is_gone = True
            return truth
        if not truth.has_ended:
            is_stopped = bool((new.get("spec") or {}).get("terminate"))
            truth.is_dropped = truth.is_dropped or (is_ours and is_stopped > truth.is_stopped)
            truth.is_stopped = is_stopped
            truth.phase = str((new.get("status") or {}).get("phase") or "")
            truth.is_measured = is_measured(new)
        return truth

    def begin(self, version: int, *, is_new_image: bool) -> None:
        """Take in that a controller recorded another try, at a version of the Rollout."""
        steps, image = self.attempt_at(version)
        attempt = Attempt(steps + 1, image + 1 if is_new_image else image)
        self._attempts.append((version, attempt))

    def attempt_at(self, version: int) -> Attempt:
        """Return which try a version of the Rollout is about."""
        for since, attempt in reversed(self._attempts):
            if since <= version:
                return attempt
        return Attempt(0, 0)

    def forgive(self, needs: tuple[Need, ...]) -> None:
        """Take in that a person wants answered again what ended in doubt."""
        for need in needs:
            for truth in self.of(need):
                truth.is_forgiven = truth.is_forgiven or truth.is_doubtful

    def of(self, need: Need) -> Iterator[Truth]:
        """Yield the runs that were made for a need, the newest first."""
        for truth in reversed(self.truths.values()):
            if truth.need == need:
                yield truth

    def newest(self, need: Need) -> Truth | None:
        """Return the run that a need waits for or was answered by; None without one."""
        return next((truth for truth in self.of(need) if not truth.is_gone), None)

    def is_proved(self, need: Need) -> bool:
        """Tell whether a run that was made for this need has ever proved it."""
        return any(truth.is_proof for truth in self.of(need))


def is_measured(run: Manifest) -> bool:
    """Tell whether each metric has a value, good or bad; errors are none."""
    metrics = (run.get("spec") or {}).get("metrics") or ()
    results = {each["name"]: each for each in (run.get("status") or {}).get("metricResults") or ()}
    return bool(metrics) and all(
        any(results.get(metric["name"], {}).get(word) for word in ANSWERS) for metric in metrics
    )

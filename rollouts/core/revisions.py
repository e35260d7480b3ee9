"""Which ReplicaSet plays which part: current, stable, or one of the others."""

from __future__ import annotations

from dataclasses import dataclass

from rollouts.core.facts import Observed, ReplicaSetFacts
from rollouts.core.progress import Progress
from rollouts.core.spec import Spec


@dataclass(frozen=True, slots=True)
class Revisions:
    """The ReplicaSets of one Rollout by the part they play.

    Attributes:
        current: the set of the wanted template; None until it is created.
        current_hash: its pod template hash, also before it exists.
        stable: the set that is trusted with all traffic; None before the first is.
        others: all further sets, newest revision first.
    """

    current: ReplicaSetFacts | None
    current_hash: str
    stable: ReplicaSetFacts | None
    others: tuple[ReplicaSetFacts, ...]

    @property
    def all(self) -> tuple[ReplicaSetFacts, ...]:
        """Return every set once."""
        parts = [self.current] if self.current else []
        if self.stable and self.stable is not self.current:
            parts.append(self.stable)
        return (*parts, *self.others)

    @property
    def is_promoted(self) -> bool:
        """Tell whether the wanted revision is the stable one."""
        return self.current is not None and self.current is self.stable

    @property
    def is_first(self) -> bool:
        """Tell whether there is no stable set that a canary could be compared with."""
        return self.stable is None

    @property
    def latest_number(self) -> int:
        """Return the highest revision number in use, 0 when there is none."""
        return max((replica_set.revision for replica_set in self.all), default=0)

    @property
    def number(self) -> int:
        """Return the number that the current revision has or will get.

        A set that is rolled back to gets a new number, so that numbers tell the order in which
        revisions were wanted.
        """
        if self.current is None:
            return self.latest_number + 1
        rest = (each.revision for each in self.all if each is not self.current)
        newest_other = max(rest, default=0)
        is_newest = self.current.revision > newest_other
        return self.current.revision if is_newest else newest_other + 1


def classify(observed: Observed, progress: Progress) -> Revisions:
    """Find the parts among the ReplicaSets; sets being deleted play none.

    The wanted set is recognised by its hash, else by an equal template: a set made by another
    controller or an older release may carry a hash that was computed differently.
    """
    rollout = observed.rollout
    live = tuple(each for each in observed.replica_sets if not each.is_deleted)
    newest_first = sorted(live, key=lambda each: (-each.revision, each.name))
    current = next((each for each in newest_first if each.pod_hash == rollout.pod_hash), None)
    if current is None:
        current = next(
            (each for each in newest_first if each.template_digest == rollout.template_digest),
            None,
        )
    stable = next((each for each in newest_first if each.pod_hash == progress.stable_hash), None)
    others = tuple(each for each in newest_first if each is not current and each is not stable)
    current_hash = current.pod_hash if current else rollout.pod_hash
    return Revisions(current, current_hash, stable, others)


def is_within_rollback_window(revisions: Revisions, spec: Spec) -> bool:
    """Tell whether the wanted set is a recent predecessor of the stable one."""
    current, stable = revisions.current, revisions.stable
    if spec.rollback_window is None or current is None or stable is None or current is stable:
        return False
    if current.created_at >= stable.created_at:
        return False
    between = sum(
        1 for each in revisions.others if current.created_at < each.created_at < stable.created_at
    )
    return between < spec.rollback_window

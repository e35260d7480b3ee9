"""One write of a controller as the judges see it, and the slacks they allow.

Named slacks, because a checker's own timing raises false alarms:

- a pass plans at its beginning and writes later, so waits are counted from the beginning of
  the pass that began them;
- times in the store are whole seconds: `TRUNCATION_MS`;
- hosts disagree about the time by up to `SKEW_MS_MAX` each: `CLOCKS_MS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from rollouts.api.refs import Kind, Manifest
from rollouts.simulate.asked import Asked
from rollouts.simulate.clock import SECOND
from rollouts.simulate.faults import SKEW_MS_MAX
from rollouts.simulate.ledger import ACCEPTED, Goal
from rollouts.simulate.snapshot import Snapshot, ready_of, set_with_hash

TRUNCATION_MS = SECOND
CLOCKS_MS = 2 * SKEW_MS_MAX

Report: TypeAlias = Callable[[str, str], None]
"""Takes the name of a rule and how it was broken."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One write, at the moment it happens.

    Attributes:
        seen: what the pass had been told when it began, with its own answered writes on top.
        after: the same with this write applied.
        live: the true objects before this write.
        rollout: the Rollout as the pass knew it.
        asked: its spec.
        started_ms: when the pass began, in world time.
        planned_ms: what the writer's own clock showed then.
        recorded: the revision and steps that the stored position is about.
    """

    kind: Kind
    old: Manifest | None
    new: Manifest | None
    is_status: bool
    seen: Snapshot
    after: Snapshot
    live: Snapshot
    rollout: Manifest
    asked: Asked
    now_ms: int
    started_ms: int
    planned_ms: int
    recorded: Goal | None

    @property
    def status(self) -> Manifest:
        """Return the Rollout's status as the pass knew it."""
        return self.rollout.get("status") or {}

    @property
    def is_new_goal(self) -> bool:
        """Tell whether status speaks of other steps or another revision than are wanted."""
        return self.recorded != (self.asked.image, self.asked.steps)

    @property
    def index(self) -> int:
        """Return the position in the steps as the pass knew it; a new goal starts at zero."""
        return 0 if self.is_new_goal else int(self.status.get("currentStepIndex") or 0)

    @property
    def is_aborted(self) -> bool:
        """Tell whether the pass knew that the update is aborted and nobody retries it.

        A retry that was accepted holds from then on, although status follows later; other steps
        or another revision end an abort, too.
        """
        if self.is_new_goal:
            return False
        accepted = (self.rollout["metadata"].get("annotations") or {}).get(ACCEPTED, "")
        return bool(self.status.get("abort")) and '"retry"' not in accepted

    def ready(self, pod_hash: str) -> int:
        """Return the ready pods of a revision as the pass knew them."""
        replica_set = set_with_hash(self.seen, pod_hash)
        return ready_of(replica_set) if replica_set else 0

"""What came of carrying a plan out, for one pass."""

from __future__ import annotations

from dataclasses import dataclass, field

from rollouts.gitops.model import Declared, Outcome, ResourceKey, SyncResult


@dataclass(frozen=True, slots=True)
class Waiting:
    """What keeps the next group.

    Attributes:
        failed: waiting is pointless, something has failed.
        unhurried: what is waited for takes as long as it takes: Rollouts, and hooks.
        soon: it is a matter of moments, so look again at once.
    """

    message: str
    failed: bool = False
    unhurried: bool = False
    soon: bool = False


@dataclass(slots=True)
class Applied:
    """What came of a plan.

    Attributes:
        errors: why it failed, naming file and object; empty when it did not.
        fatal: repeating is useless until Git or the spec changes.
        waiting: the plan is not finished because of this.
    """

    results: list[SyncResult] = field(default_factory=list)
    pruned: list[ResourceKey] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    fatal: bool = False
    waiting: Waiting | None = None

    @property
    def is_done(self) -> bool:
        """Tell whether everything was applied and pruned."""
        return not self.errors and self.waiting is None


def result(one: Declared, outcome: Outcome, message: str) -> SyncResult:
    """Return what became of a declared object."""
    return SyncResult(one.key, one.ref.kind.version, outcome, message)

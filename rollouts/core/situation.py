"""Everything one pass decides from, in one value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rollouts.core.facts import Observed, ReplicaSetFacts, RouteFacts, ServiceFacts
from rollouts.core.progress import Progress
from rollouts.core.revisions import Revisions
from rollouts.core.spec import Spec


@dataclass(frozen=True, slots=True)
class Situation:
    """What was observed, what is wanted, what is remembered, and the time.

    `is_new_revision` says that status does not know the wanted template or steps yet.
    """

    observed: Observed
    spec: Spec
    progress: Progress
    revisions: Revisions
    is_new_revision: bool
    now: datetime

    @property
    def is_updating(self) -> bool:
        """Tell whether an update is on its way from a stable revision to another one."""
        return not self.revisions.is_first and not self.revisions.is_promoted

    @property
    def is_aborted(self) -> bool:
        """Tell whether an update was stopped and traffic belongs back on stable."""
        return self.progress.abort and self.is_updating

    @property
    def step_count(self) -> int:
        """Return the number of steps."""
        return len(self.spec.steps)

    @property
    def index(self) -> int:
        """Return the position in the steps, `step_count` when all are done."""
        return self.progress.index or 0

    @property
    def stable_service(self) -> ServiceFacts | None:
        """Return the stable Service, if the spec names one."""
        return self.observed.services.get(self.spec.stable_service)

    @property
    def canary_service(self) -> ServiceFacts | None:
        """Return the canary Service, if the spec names one."""
        return self.observed.services.get(self.spec.canary_service)

    @property
    def route(self) -> RouteFacts:
        """Return what the router does; nothing for the canary when there is no router."""
        return self.observed.route or RouteFacts(weight=0)

    def needed(self, wanted: int) -> int:
        """Return how many of the wanted canary pods must be available to go on."""
        threshold = self.spec.threshold
        return wanted if threshold is None else threshold.needed(wanted)

    def is_at_size(self, size: int) -> bool:
        """Tell whether the current set has at least this size and enough of it is available."""
        current = self.revisions.current
        return (
            current is not None
            and current.replicas >= size
            and current.available >= self.needed(size)
        )

    def with_hash(self, pod_hash: str) -> ReplicaSetFacts | None:
        """Return the set with this pod template hash."""
        return next((each for each in self.revisions.all if each.pod_hash == pod_hash), None)


def is_available(replica_set: ReplicaSetFacts | None) -> bool:
    """Tell whether a set exists and has at least one available pod."""
    return replica_set is not None and replica_set.serving > 0

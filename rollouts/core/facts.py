"""What was observed: frozen, slim values that a plan is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rollouts.api.problems import Problem
from rollouts.api.refs import Manifest
from rollouts.core.spec import Spec

HASH_LABEL = "rollouts-pod-template-hash"
REVISION = "rollout.argoproj.io/revision"
REVISION_HISTORY = "rollout.argoproj.io/revision-history"
DESIRED_REPLICAS = "rollout.argoproj.io/desired-replicas"
SCALE_DOWN_DEADLINE = "scale-down-deadline"
RUN_ROLE = "rollout-type"
RUN_STEP = "step-index"
RUN_ATTEMPT = "rollouts.dev/attempt"
FINISHED_PHASES = ("Successful", "Failed", "Error", "Inconclusive")
MANAGED_BY = "argo-rollouts.argoproj.io/managed-by-rollouts"


@dataclass(frozen=True, slots=True)
class ReplicaSetFacts:
    """One ReplicaSet, slimmed to what planning reads.

    `template_digest` equals the digest of a Rollout's template that would produce it;
    `desired` is the Rollout's size when this set was last scaled; `current`, `ready` and
    `available` count pods as its status reports them.
    """

    namespace: str
    name: str
    uid: str
    owner_uid: str
    pod_hash: str
    template_digest: str
    revision: int
    revision_history: str
    created_at: datetime
    min_ready_seconds: int
    desired: int | None
    replicas: int
    current: int
    ready: int
    available: int
    scale_down_deadline: datetime | None = None
    is_deleted: bool = False

    @property
    def serving(self) -> int:
        """Return the available pods that are meant to stay."""
        return min(self.available, self.replicas)


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """One Service: what it selects, and which Rollout has claimed it."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    selector: Mapping[str, str]
    managed_by: str

    @property
    def pod_hash(self) -> str:
        """Return the pod template hash it selects, empty when it selects none."""
        return self.selector.get(HASH_LABEL, "")


@dataclass(frozen=True, slots=True)
class RolloutFacts:
    """The Rollout: identity, annotations, status as stored, and its compiled spec.

    `source` is the whole object, kept only where arguments of an analysis may read it.
    `spec` is None when the spec has problems. `pod_hash` and `template_digest` identify the
    wanted template, `step_hash` the wanted steps.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    annotations: Mapping[str, str]
    status: Manifest
    spec: Spec | None
    problems: tuple[Problem, ...]
    pod_hash: str
    template_digest: str
    step_hash: str
    created_at: datetime
    is_deleted: bool = False
    source: Manifest | None = None


@dataclass(frozen=True, slots=True)
class PodFacts:
    """One pod, read only while a restart is under way."""

    name: str
    uid: str
    pod_hash: str
    created_at: datetime
    is_ready: bool
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One AnalysisRun that a Rollout made, or that has a name which it could want.

    Attributes:
        role: `rollout-type`: Step or Background.
        step_index: the step it decides about; None beside the steps.
        is_measured: every metric that counts has a value, good or bad.
        is_terminated: nobody wants its answer any more.
        attempt: which try of its revision's steps it was made in, by the count in status.
    """

    namespace: str
    name: str
    uid: str
    resource_version: str
    owner_uid: str
    pod_hash: str
    role: str
    step_index: int | None
    revision: int
    phase: str
    message: str
    created_at: datetime
    is_measured: bool = False
    is_terminated: bool = False
    is_deleted: bool = False
    attempt: int = 0

    @property
    def is_finished(self) -> bool:
        """Tell whether its phase is its last."""
        return self.phase in FINISHED_PHASES


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a gate's next run would be made of: a resolved spec, or why it cannot be made."""

    spec: Manifest | None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class RouteFacts:
    """What the live routing objects do.

    Attributes:
        weight: the highest canary weight in force in any of them.
        is_uniform: all of them carry that weight.
        is_in_sync: apart from the weight they are as the router would render them.
    """

    weight: int
    is_uniform: bool = True
    is_in_sync: bool = True


@dataclass(frozen=True, slots=True)
class Observed:
    """One consistent look at everything that concerns one Rollout.

    Attributes:
        services: those that exist of the stable and canary Services, by name.
        route: what the router does now; None without a router.
        missing: problems with objects that the spec refers to, such as a Service that is not
            there; they go away when those objects change.
        pods: None unless a restart needs them.
        runs: its own analysis runs, and others that have a name which it could want.
        recipes: what its analysis runs are made of, by the key of their gate.
        unseen: why its analysis runs cannot be seen at the moment. `runs` are then those of
            before: what they say is true as far as it is final, and others may exist.
    """

    rollout: RolloutFacts
    replica_sets: tuple[ReplicaSetFacts, ...] = ()
    services: Mapping[str, ServiceFacts] = field(default_factory=dict)
    route: RouteFacts | None = None
    missing: tuple[Problem, ...] = ()
    pods: tuple[PodFacts, ...] | None = None
    runs: tuple[RunFacts, ...] = ()
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    unseen: tuple[Problem, ...] = ()

"""The Rollout: what a person wants of it. Its status is in `rollout_status`."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from pydantic.config import JsonDict

from rollouts.api.base import Bool, Int32, LabelSelector, Model, ObjectMeta, Time
from rollouts.api.refs import ROLLOUT, Manifest, ObjectRef
from rollouts.api.rollout_status import RolloutStatus
from rollouts.api.steps import CanaryStep
from rollouts.api.strategy import CanaryStrategy, RolloutStrategy

REPLICAS_DEFAULT = 1
REVISION_HISTORY_LIMIT_DEFAULT = 10
PROGRESS_DEADLINE_SECONDS_DEFAULT = 600

_TEXT_MAP: JsonDict = {"type": "object", "additionalProperties": {"type": "string"}}
_TEMPLATE_SCHEMA: JsonDict = {
    "properties": {
        "metadata": {
            "type": "object",
            "description": "Labels and annotations of the pods.",
            "properties": {
                "labels": {**_TEXT_MAP, "description": "Labels; must match the selector."},
                "annotations": {**_TEXT_MAP, "description": "Annotations."},
            },
            "x-kubernetes-preserve-unknown-fields": True,
        },
        "spec": {
            "type": "object",
            "description": "The pods, as in a Deployment. Checked when pods are made.",
            "x-kubernetes-preserve-unknown-fields": True,
        },
    },
}
"""The pod template stays opaque: whatever Kubernetes' next version adds to pods is kept."""


class WorkloadRef(Model):
    """A workload that the Rollout takes its pod template from."""

    api_version: str = Field("", description="API version of the workload, such as apps/v1.")
    kind: str = Field("", description="Deployment, ReplicaSet or PodTemplate.")
    name: str = Field("", description="Name of the workload.")
    scale_down: str = Field(
        "", description="When to scale a Deployment down: never, onsuccess or progressively."
    )


class PodSelector(LabelSelector):
    """Which labels the pods of a Rollout carry; all parts must hold."""


class RollbackWindow(Model):
    """How far back a rollback may go without steps."""

    revisions: Int32 = Field(0, description="Number of revisions.")


class RunHistory(Model):
    """How many finished analysis runs and experiments are kept."""

    successful_run_history_limit: Int32 | None = Field(
        None, description="Successful ones; 5 when absent."
    )
    unsuccessful_run_history_limit: Int32 | None = Field(
        None, description="Failed, inconclusive and erroneous ones; 5 when absent."
    )


class RolloutSpec(Model):
    """What a person wants of a Rollout."""

    replicas: Int32 | None = Field(
        None,
        description="Number of pods; 1 when absent.",
        # Written by the API server: an autoscaler takes an absent number for zero.
        json_schema_extra={"default": REPLICAS_DEFAULT},
    )
    selector: PodSelector | None = Field(
        None,
        description="Which pods belong to the Rollout. Must match the template's labels.",
    )
    template: dict[str, Any] = Field(
        default_factory=dict,
        description="The pods to run. A change of it starts an update.",
        json_schema_extra=_TEMPLATE_SCHEMA,
    )
    workload_ref: WorkloadRef | None = Field(
        None, description="Take the template from another workload. Not yet supported."
    )
    strategy: RolloutStrategy = Field(
        default_factory=RolloutStrategy, description="How a new version replaces the old one."
    )
    min_ready_seconds: Int32 = Field(
        0, description="How long a pod must be ready to count as available."
    )
    revision_history_limit: Int32 = Field(
        REVISION_HISTORY_LIMIT_DEFAULT,
        description="How many former ReplicaSets are kept; 10 when absent.",
    )
    progress_deadline_seconds: Int32 = Field(
        PROGRESS_DEADLINE_SECONDS_DEFAULT,
        description="How long an update may take without progress; 600 when absent.",
    )
    progress_deadline_abort: Bool = Field(
        default=False, description="Abort an update that misses its deadline."
    )
    paused: Bool = Field(default=False, description="Hold the update where it is.")
    restart_at: Time | None = Field(
        None, description="Replace all pods that are older than this time."
    )
    rollback_window: RollbackWindow | None = Field(
        None, description="How far back a rollback may go without steps."
    )
    analysis: RunHistory | None = Field(
        None, description="How many finished analysis runs are kept."
    )


class Rollout(Model):
    """A workload that is updated progressively."""

    api_version: str = Field("", description="argoproj.io/v1alpha1.")
    kind: str = Field("", description="Rollout.")
    metadata: ObjectMeta = Field(default_factory=ObjectMeta, description="Name, labels and so on.")
    spec: RolloutSpec = Field(description="What a person wants.")
    status: RolloutStatus = Field(
        default_factory=RolloutStatus, description="What the controller has found."
    )

    @property
    def ref(self) -> ObjectRef:
        """Return the reference to this object."""
        return ObjectRef(ROLLOUT, self.metadata.namespace, self.metadata.name)

    @property
    def desired_replicas(self) -> int:
        """Return the wanted number of pods."""
        return REPLICAS_DEFAULT if self.spec.replicas is None else self.spec.replicas

    @property
    def canary(self) -> CanaryStrategy:
        """Return the canary strategy.

        Only for a Rollout that `check_rollout` accepts: that has one.
        """
        assert self.spec.strategy.canary is not None, "a Rollout without a canary strategy"
        return self.spec.strategy.canary

    @property
    def steps(self) -> tuple[CanaryStep, ...]:
        """Return the steps of the canary strategy; empty when there are none."""
        canary = self.spec.strategy.canary
        return canary.steps if canary else ()

    @property
    def template(self) -> Manifest:
        """Return the pod template as it was written."""
        return self.spec.template

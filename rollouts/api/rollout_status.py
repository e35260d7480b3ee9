"""The status of a Rollout: the peer's fields, and ours beside them.

The counters and hashes are read by the peer's kubectl plugin, dashboards and autoscalers, so
their names and types are the peer's: `observedGeneration` is text.
Ours: `lastRequest`, `scaleDownDeadlines`, `promotedAt`, `abortMessage`, `attempt`,
`pauseConditions[].stepIndex`, `canary.availableHighWater`.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from rollouts.api.base import KEYED_BY_TYPE, Bool, Int32, Items, Model, Time


class RolloutCondition(Model):
    """One condition of a Rollout."""

    type: str = Field(
        description="Progressing, Available, Healthy, Completed, Paused, InvalidSpec "
        "or ReplicaFailure."
    )
    status: str = Field("", description="True, False or Unknown.")
    last_update_time: Time | None = Field(None, description="When anything in it last changed.")
    last_transition_time: Time | None = Field(None, description="When the status last changed.")
    reason: str = Field("", description="One word for the reason of the last change.")
    message: str = Field("", description="The condition in words.")


class PauseCondition(Model):
    """Why the controller paused, and since when."""

    reason: str = Field(
        description="CanaryPauseStep, BlueGreenPause, InconclusiveAnalysisRun "
        "or InconclusiveExperiment."
    )
    start_time: Time = Field(description="When the pause began.")
    step_index: Int32 | None = Field(None, description="Index of the step that paused.")


class WeightDestination(Model):
    """A share of traffic and where it goes."""

    weight: Int32 = Field(0, description="Share of traffic.")
    service_name: str = Field("", description="Service that it goes to.")
    pod_template_hash: str = Field("", description="Revision that it goes to.")


class TrafficWeights(Model):
    """How traffic is split, as last set on the router."""

    canary: WeightDestination = Field(
        default_factory=WeightDestination, description="Share of the canary."
    )
    stable: WeightDestination = Field(
        default_factory=WeightDestination, description="Share of the stable version."
    )
    additional: Items[WeightDestination] = Field((), description="Shares of experiments.")
    verified: Bool | None = Field(None, description="Whether the router confirmed the weights.")


class RunStatus(Model):
    """An analysis run and how it stands."""

    name: str = Field("", description="Name of the AnalysisRun.")
    status: str = Field("", description="Phase of the AnalysisRun.")
    message: str = Field("", description="Why it stands so.")


class CanaryStatus(Model):
    """What belongs to the canary strategy alone."""

    weights: TrafficWeights | None = Field(None, description="How traffic is split.")
    available_high_water: Int32 = Field(
        0, description="Most canary pods that were available at once; fewer are no progress."
    )
    current_step_analysis_run_status: RunStatus | None = Field(
        None, description="Analysis of the current step."
    )
    current_background_analysis_run_status: RunStatus | None = Field(
        None, description="Analysis beside the steps."
    )
    current_experiment: str = Field("", description="Name of the running experiment.")
    stable_ping_pong: str = Field("", description="Which Service is stable: ping or pong.")
    step_plugin_statuses: Items[dict[str, Any]] = Field(
        (), description="State of plugin steps, kept as it is found."
    )


class BlueGreenStatus(Model):
    """What belongs to the blue-green strategy alone."""

    active_selector: str = Field("", description="Hash that the active Service selects.")
    preview_selector: str = Field("", description="Hash that the preview Service selects.")
    scale_up_preview_check_point: Bool = Field(
        default=False, description="The new version may grow to its full size."
    )
    pre_promotion_analysis_run_status: RunStatus | None = Field(
        None, description="Analysis before the switch."
    )
    post_promotion_analysis_run_status: RunStatus | None = Field(
        None, description="Analysis after the switch."
    )


class RolloutStatus(Model):
    """What the controller has found and is about to do."""

    phase: str = Field("", description="Healthy, Progressing, Paused or Degraded.")
    message: str = Field("", description="Why it is in this phase, and what it waits for.")
    observed_generation: str = Field(
        "", description="Generation that this status is about, as text."
    )
    conditions: Items[RolloutCondition] = Field(
        (), description="Conditions, one of each type.", json_schema_extra=KEYED_BY_TYPE
    )

    abort: Bool = Field(default=False, description="A person or a gate has aborted the update.")
    aborted_at: Time | None = Field(None, description="When the update was aborted.")
    abort_message: str = Field("", description="Why the update was aborted.")
    promote_full: Bool = Field(default=False, description="Skip all remaining steps.")
    pause_conditions: Items[PauseCondition] = Field(
        (), description="Why the controller paused. A person resumes by clearing the list."
    )
    controller_pause: Bool = Field(
        default=False,
        description="The controller paused; with no conditions left: a person resumed.",
    )
    current_step_index: Int32 | None = Field(
        None, description="Index of the current step; the number of steps when all are done."
    )
    current_step_hash: str = Field("", description="Hash of the steps.")
    current_pod_hash: str = Field("", description="Hash of the pod template in spec.")
    stable_rs: str = Field("", alias="stableRS", description="Hash of the stable revision.")
    collision_count: Int32 | None = Field(
        None, description="How many names of ReplicaSets were taken."
    )

    replicas: Int32 = Field(0, description="Pods of all revisions.")
    updated_replicas: Int32 = Field(0, description="Pods of the revision in spec.")
    ready_replicas: Int32 = Field(0, description="Pods that are ready.")
    available_replicas: Int32 = Field(0, description="Pods ready for minReadySeconds.")
    hpa_replicas: Int32 = Field(
        0, alias="HPAReplicas", description="Pods that an autoscaler should count."
    )
    selector: str = Field("", description="Label selector of the pods, for autoscalers.")

    restarted_at: Time | None = Field(None, description="The last restartAt that was carried out.")
    workload_observed_generation: str = Field(
        "", description="Generation of the referenced workload, as text."
    )
    canary: CanaryStatus = Field(
        default_factory=CanaryStatus, description="What belongs to the canary strategy."
    )
    blue_green: BlueGreenStatus = Field(
        default_factory=BlueGreenStatus, description="What belongs to the blue-green strategy."
    )
    alb: dict[str, Any] | None = Field(None, description="The peer's record of a load balancer.")
    albs: Items[dict[str, Any]] = Field((), description="The peer's record of load balancers.")
    duration: dict[str, Any] | None = Field(None, description="The peer's record of times.")

    attempt: Int32 = Field(
        0,
        description="How often the steps of this revision were begun anew or measured again. "
        "An analysis run decides about the attempt that it was made in.",
    )
    last_request: str = Field(
        "", description="Id of the last request of a person that was carried out."
    )
    scale_down_deadlines: dict[str, Time] = Field(
        default_factory=dict,
        description="Until when the pods of former revisions stay, by pod template hash.",
    )
    promoted_at: Time | None = Field(None, description="When the stable revision became stable.")

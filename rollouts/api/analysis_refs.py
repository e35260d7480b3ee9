"""How a Rollout refers to analysis and experiments, and what templates and runs share with it.

What of it a Rollout may ask for in this version is said in `rollouts.api.support`.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from rollouts.api.base import Bool, Int32, Items, LabelSelector, Model, Text


class ExtraMetadata(Model):
    """Labels and annotations that are added to an object."""

    labels: Text = Field(default_factory=dict, description="Labels to add.")
    annotations: Text = Field(default_factory=dict, description="Annotations to add.")


class SecretKey(Model):
    """A key of a Secret in the namespace of the run."""

    name: str = Field(description="Name of the Secret.")
    key: str = Field(description="Key in the Secret.")


class FieldPath(Model):
    """A field of the Rollout."""

    field_path: str = Field(description="Path of the field, such as metadata.labels['team'].")


class ArgumentSource(Model):
    """Where the value of an argument comes from; exactly one of these."""

    secret_key_ref: SecretKey | None = Field(
        None, description="A key of a Secret; read anew for each measurement and never shown."
    )
    pod_template_hash_value: str = Field(
        "", description="Stable or Latest: the pod template hash of that revision."
    )
    field_ref: FieldPath | None = Field(None, description="A field of the Rollout.")


POD_TEMPLATE_HASH_VALUES: tuple[str, ...] = ("Stable", "Latest")
"""The revisions whose hash an argument can be."""


class Argument(Model):
    """An argument of an analysis, written `{{args.name}}` where its value is wanted."""

    name: str = Field(description="Name of the argument.")
    value: str | None = Field(None, description="Its value, written out.")
    value_from: ArgumentSource | None = Field(None, description="Where to find its value.")


class AnalysisTemplateRef(Model):
    """A template to take metrics from."""

    template_name: str = Field("", description="Name of the template.")
    cluster_scope: Bool = Field(
        default=False, description="The template is a ClusterAnalysisTemplate instead."
    )
    args: Items[Argument] = Field(
        (), description="Arguments for this template alone. Not a field of the peer's."
    )


class DryRun(Model):
    """Metrics whose result is recorded but does not count."""

    metric_name: str = Field(description="Regular expression for names of metrics.")


class MeasurementRetention(Model):
    """How many measurements of some metrics are kept."""

    metric_name: str = Field(description="Regular expression for names of metrics.")
    limit: Int32 = Field(0, description="How many of the newest measurements to keep.")


class TtlStrategy(Model):
    """When a finished run is deleted."""

    seconds_after_completion: Int32 | None = Field(
        None, description="Seconds after its end, however it ended."
    )
    seconds_after_failure: Int32 | None = Field(
        None, description="Seconds after its end when it failed; goes before the general one."
    )
    seconds_after_success: Int32 | None = Field(
        None, description="Seconds after its end when it was successful; goes before the other."
    )


class RolloutAnalysis(Model):
    """An analysis that the Rollout starts."""

    templates: Items[AnalysisTemplateRef] = Field((), description="Templates to merge.")
    args: Items[Argument] = Field((), description="Arguments of the templates.")
    dry_run: Items[DryRun] = Field((), description="Metrics that do not count.")
    measurement_retention: Items[MeasurementRetention] = Field(
        (), description="How many measurements are kept."
    )
    analysis_run_metadata: ExtraMetadata | None = Field(
        None, description="Labels and annotations of the AnalysisRun."
    )


class BackgroundAnalysis(RolloutAnalysis):
    """An analysis that runs beside the steps of a canary."""

    starting_step: Int32 = Field(0, description="Index of the step at which it starts.")


class ExperimentAnalysis(Model):
    """An analysis that runs inside an experiment."""

    name: str = Field(description="Name of this use of the template.")
    template_name: str = Field("", description="Name of the AnalysisTemplate.")
    cluster_scope: Bool = Field(
        default=False, description="The template is a ClusterAnalysisTemplate instead."
    )
    args: Items[Argument] = Field((), description="Arguments of the template.")
    required_for_completion: Bool = Field(
        default=False, description="The experiment ends only when this analysis has ended."
    )


class ExperimentTemplate(Model):
    """One ReplicaSet of an experiment."""

    name: str = Field(description="Name of the template in the experiment.")
    spec_ref: str = Field(description="Whose pod template it runs: canary or stable.")
    replicas: Int32 | None = Field(None, description="Number of its pods.")
    metadata: ExtraMetadata | None = Field(None, description="Added to its pods.")
    selector: LabelSelector | None = Field(None, description="Replaces the Rollout's selector.")
    weight: Int32 | None = Field(None, description="Share of traffic for its pods.")
    service: dict[str, Any] | None = Field(
        None, description="Make a Service for its pods; may hold the name of it."
    )


class ExperimentStep(Model):
    """An experiment that runs as a step."""

    templates: Items[ExperimentTemplate] = Field((), description="ReplicaSets to run.")
    duration: str = Field("", description="How long it runs, such as 30m.")
    analyses: Items[ExperimentAnalysis] = Field((), description="Analyses to run in it.")
    dry_run: Items[DryRun] = Field((), description="Metrics that do not count.")
    analysis_run_metadata: ExtraMetadata | None = Field(
        None, description="Labels and annotations of the AnalysisRuns."
    )
    scale_down_delay_seconds: Int32 | None = Field(
        None, description="How long its pods stay after its end; 30 when absent."
    )

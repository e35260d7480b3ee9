"""How a Rollout refers to analysis and experiments. Modelled so that nothing is lost or misread.

This version runs neither; `rollouts.api.support` says so wherever they appear.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from rollouts.api.base import Bool, Int32, Items, LabelSelector, Model, Text


class ExtraMetadata(Model):
    """Labels and annotations that are added to an object."""

    labels: Text = Field(default_factory=dict, description="Labels to add.")
    annotations: Text = Field(default_factory=dict, description="Annotations to add.")


class FieldPath(Model):
    """A field of the Rollout."""

    field_path: str = Field(description="Path of the field, such as metadata.labels['team'].")


class ArgumentSource(Model):
    """Where the value of an analysis argument comes from."""

    pod_template_hash_value: str = Field(
        "", description="Stable or Latest: the pod template hash of that revision."
    )
    field_ref: FieldPath | None = Field(None, description="A field of the Rollout.")


class AnalysisArgument(Model):
    """An argument handed to the templates of an analysis."""

    name: str = Field(description="Name of the argument.")
    value: str = Field("", description="Its value, written out.")
    value_from: ArgumentSource | None = Field(None, description="Where to find its value.")


class AnalysisTemplateRef(Model):
    """An AnalysisTemplate to take metrics from."""

    template_name: str = Field("", description="Name of the template.")
    cluster_scope: Bool = Field(
        default=False, description="The template is a ClusterAnalysisTemplate instead."
    )


class DryRun(Model):
    """Metrics whose result is recorded but does not count."""

    metric_name: str = Field(description="Regular expression for names of metrics.")


class MeasurementRetention(Model):
    """How many measurements of some metrics are kept."""

    metric_name: str = Field(description="Regular expression for names of metrics.")
    limit: Int32 = Field(0, description="How many of the newest measurements to keep.")


class RolloutAnalysis(Model):
    """An analysis that the Rollout starts."""

    templates: Items[AnalysisTemplateRef] = Field((), description="Templates to merge.")
    args: Items[AnalysisArgument] = Field((), description="Arguments of the templates.")
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
    args: Items[AnalysisArgument] = Field((), description="Arguments of the template.")
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

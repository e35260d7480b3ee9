"""The AnalysisRun: templates with their arguments filled in, and what was measured so far."""

from __future__ import annotations

from pydantic import Field

from rollouts.api.analysis_metric import Metric
from rollouts.api.analysis_refs import Argument, DryRun, MeasurementRetention, TtlStrategy
from rollouts.api.base import Bool, Int32, Items, Model, ObjectMeta, Text, Time
from rollouts.api.refs import ANALYSIS_RUN, ObjectRef

PHASES: tuple[str, ...] = (
    "Successful",
    "Running",
    "Pending",
    "Inconclusive",
    "Error",
    "Failed",
)
"""Every phase of a run, a metric or a measurement, from the best to the worst."""

COMPLETED_PHASES: tuple[str, ...] = ("Successful", "Inconclusive", "Error", "Failed")
"""The phases that are an end."""


class AnalysisRunSpec(Model):
    """What is measured, with all that was known when the run was made."""

    metrics: Items[Metric] = Field((), description="What is measured.")
    args: Items[Argument] = Field((), description="Arguments with their values.")
    terminate: Bool = Field(
        default=False, description="Stop measuring; set it to end the run early."
    )
    dry_run: Items[DryRun] = Field((), description="Metrics whose results do not count.")
    measurement_retention: Items[MeasurementRetention] = Field(
        (), description="How many measurements are kept; 10 of each metric when absent."
    )
    ttl_strategy: TtlStrategy | None = Field(
        None, description="When the finished run is deleted; never when absent."
    )


class RunSummary(Model):
    """How many metrics ended in which way."""

    count: Int32 = Field(0, description="Number of metrics.")
    successful: Int32 = Field(0, description="Those that were successful.")
    failed: Int32 = Field(0, description="Those that failed.")
    inconclusive: Int32 = Field(0, description="Those that were inconclusive.")
    error: Int32 = Field(0, description="Those that ended in an error.")


class Measurement(Model):
    """One measurement of one metric."""

    phase: str = Field("", description="What the result means.")
    message: str = Field("", description="Why it means that.")
    started_at: Time | None = Field(None, description="When it began.")
    finished_at: Time | None = Field(None, description="When its result was there.")
    value: str = Field("", description="The result as text.")
    metadata: Text = Field(default_factory=dict, description="What the provider adds.")
    resume_at: Time | None = Field(None, description="When to look again at one that goes on.")


class MetricResult(Model):
    """The newest measurements of a metric, and counts of all of them."""

    name: str = Field("", description="Name of the metric.")
    phase: str = Field("", description="How the metric stands.")
    measurements: Items[Measurement] = Field((), description="The newest measurements.")
    message: str = Field("", description="Why it stands so.")
    count: Int32 = Field(0, description="Measurements without those that ended in an error.")
    successful: Int32 = Field(0, description="Measurements that were successful.")
    failed: Int32 = Field(0, description="Measurements that failed.")
    inconclusive: Int32 = Field(0, description="Measurements that were inconclusive.")
    error: Int32 = Field(0, description="Measurements that ended in an error.")
    consecutive_error: Int32 = Field(0, description="Errors in a row up to now.")
    consecutive_success: Int32 = Field(0, description="Successes in a row up to now.")
    dry_run: Bool = Field(default=False, description="The result does not count.")
    metadata: Text = Field(
        default_factory=dict, description="What the provider adds, such as the query as sent."
    )


class AnalysisRunStatus(Model):
    """What was measured so far and what it means."""

    phase: str = Field(
        "", description="Pending, Running, Successful, Failed, Error or Inconclusive."
    )
    message: str = Field("", description="Why it is in this phase.")
    metric_results: Items[MetricResult] = Field((), description="Results by metric.")
    started_at: Time | None = Field(None, description="When the run began.")
    run_summary: RunSummary | None = Field(None, description="Metrics whose results count.")
    dry_run_summary: RunSummary | None = Field(
        None, description="Metrics whose results do not count."
    )
    completed_at: Time | None = Field(None, description="When the run ended.")


class AnalysisRun(Model):
    """One analysis with all its results."""

    api_version: str = Field("", description="argoproj.io/v1alpha1.")
    kind: str = Field("", description="AnalysisRun.")
    metadata: ObjectMeta = Field(default_factory=ObjectMeta, description="Name, labels and so on.")
    spec: AnalysisRunSpec = Field(description="What is measured.")
    status: AnalysisRunStatus = Field(
        default_factory=AnalysisRunStatus, description="What was measured so far."
    )

    @property
    def ref(self) -> ObjectRef:
        """Return the reference to this object."""
        return ObjectRef(ANALYSIS_RUN, self.metadata.namespace, self.metadata.name)

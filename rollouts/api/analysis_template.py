"""AnalysisTemplate and ClusterAnalysisTemplate: metrics, and the arguments that they ask for."""

from __future__ import annotations

from pydantic import Field

from rollouts.api.analysis_metric import Metric
from rollouts.api.analysis_refs import (
    AnalysisTemplateRef,
    Argument,
    DryRun,
    MeasurementRetention,
    TtlStrategy,
)
from rollouts.api.base import Items, Model, ObjectMeta
from rollouts.api.refs import ANALYSIS_TEMPLATE, CLUSTER_ANALYSIS_TEMPLATE, ObjectRef


class AnalysisTemplateSpec(Model):
    """What an analysis measures."""

    metrics: Items[Metric] = Field((), description="What is measured.")
    args: Items[Argument] = Field(
        (), description="Arguments; one without a value must be given by whoever uses this."
    )
    dry_run: Items[DryRun] = Field((), description="Metrics whose results do not count.")
    measurement_retention: Items[MeasurementRetention] = Field(
        (), description="How many measurements are kept; 10 of each metric when absent."
    )
    templates: Items[AnalysisTemplateRef] = Field(
        (), description="Other templates whose metrics are measured as well."
    )
    ttl_strategy: TtlStrategy | None = Field(
        None, description="When finished runs are deleted. Not a field of the peer's templates."
    )


class AnalysisTemplate(Model):
    """Metrics that analyses in one namespace can use."""

    api_version: str = Field("", description="argoproj.io/v1alpha1.")
    kind: str = Field("", description="AnalysisTemplate.")
    metadata: ObjectMeta = Field(default_factory=ObjectMeta, description="Name, labels and so on.")
    spec: AnalysisTemplateSpec = Field(description="What an analysis measures.")

    @property
    def ref(self) -> ObjectRef:
        """Return the reference to this object."""
        return ObjectRef(ANALYSIS_TEMPLATE, self.metadata.namespace, self.metadata.name)


class ClusterAnalysisTemplate(Model):
    """Metrics that analyses in all namespaces can use."""

    api_version: str = Field("", description="argoproj.io/v1alpha1.")
    kind: str = Field("", description="ClusterAnalysisTemplate.")
    metadata: ObjectMeta = Field(default_factory=ObjectMeta, description="Name, labels and so on.")
    spec: AnalysisTemplateSpec = Field(description="What an analysis measures.")

    @property
    def ref(self) -> ObjectRef:
        """Return the reference to this object."""
        return ObjectRef(CLUSTER_ANALYSIS_TEMPLATE, "", self.metadata.name)

"""What the kinds of Flux share: artifacts, references and the status of a source."""

from __future__ import annotations

from pydantic import Field

from rollouts.api.base import (
    KEYED_BY_TYPE,
    Condition,
    Duration,
    Int64,
    Items,
    LabelSelector,
    Model,
    Text,
    Time,
)


class Artifact(Model):
    """What a source has stored for others to use."""

    revision: str = Field("", description="What it holds, such as main@sha1:<commit>.")
    digest: str = Field("", description="Digest of the archive, such as sha256:<hex>.")
    url: str = Field("", description="Where the controllers fetch it.")
    path: str = Field("", description="Where it lies in the store.")
    size: Int64 | None = Field(None, description="Size of the archive in bytes.")
    last_update_time: Time | None = Field(None, description="When it was stored.")
    metadata: Text = Field(default_factory=dict, description="Facts from the source about it.")


class SourceStatus(Model):
    """What a source controller has found."""

    observed_generation: Int64 = Field(0, description="Generation that this status is about.")
    conditions: Items[Condition] = Field(
        (), description="Conditions, one of each type.", json_schema_extra=KEYED_BY_TYPE
    )
    artifact: Artifact | None = Field(None, description="The last artifact that was stored.")
    url: str = Field("", description="Where the last artifact can be fetched.")
    last_handled_reconcile_at: str = Field(
        "", description="The last request annotation that was carried out."
    )


class AccessFrom(Model):
    """Namespaces that may refer to a source. Never had an effect."""

    namespace_selectors: Items[LabelSelector] = Field((), description="Which namespaces.")


FluxInterval = Duration
"""Time between two looks; text with a unit such as `10m`."""

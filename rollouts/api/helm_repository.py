"""The HelmRepository: an index of charts to watch. One model for v1 and v1beta2 together."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from rollouts.api.base import Bool, Duration, LocalReference, Model, ObjectMeta
from rollouts.api.flux import AccessFrom, SourceStatus
from rollouts.api.refs import HELM_REPOSITORY, ObjectRef
from rollouts.api.times import parse_duration

INTERVAL_DEFAULT = "1m"
TIMEOUT_DEFAULT = "60s"


class HelmRepositorySpec(Model):
    """Which charts are watched, and how."""

    url: str = Field(description="Address of the charts: https://, http:// or oci://.")
    interval: Duration = Field(
        INTERVAL_DEFAULT, description="How often to fetch the index, such as 1h; 1m when absent."
    )
    type: Literal["", "default", "oci"] = Field(
        "", description="default has an index; oci is a registry and is not fetched."
    )
    timeout: Duration = Field(TIMEOUT_DEFAULT, description="Limit for one fetch; 60s when absent.")
    secret_ref: LocalReference | None = Field(
        None, description="Secret with username and password."
    )
    cert_secret_ref: LocalReference | None = Field(
        None, description="Secret with tls.crt and tls.key, or ca.crt."
    )
    pass_credentials: Bool = Field(
        default=False, description="Send credentials to other hosts that the index names."
    )
    insecure: Bool = Field(default=False, description="Allow a registry without TLS; only for oci.")
    suspend: Bool = Field(default=False, description="Stop watching.")
    provider: Literal["", "generic", "aws", "azure", "gcp"] = Field(
        "", description="How to sign in to a registry; only for oci."
    )
    access_from: AccessFrom | None = Field(None, description="Never had an effect.")


class HelmRepository(Model):
    """A repository of Helm charts to watch."""

    api_version: str = Field("", description="source.toolkit.fluxcd.io/v1, or v1beta2.")
    kind: str = Field("", description="HelmRepository.")
    metadata: ObjectMeta = Field(default_factory=ObjectMeta, description="Name, labels and so on.")
    spec: HelmRepositorySpec = Field(description="Which charts are watched, and how.")
    status: SourceStatus = Field(
        default_factory=SourceStatus, description="What was found in the repository."
    )

    @property
    def ref(self) -> ObjectRef:
        """Return the reference to this object."""
        return ObjectRef(HELM_REPOSITORY, self.metadata.namespace, self.metadata.name)

    @property
    def interval(self) -> timedelta:
        """Return the time between two fetches."""
        return parse_duration(self.spec.interval)

    @property
    def timeout(self) -> timedelta:
        """Return the limit for one fetch."""
        return parse_duration(self.spec.timeout)

    @property
    def is_registry(self) -> bool:
        """Return whether this is an OCI registry, which has no index."""
        return self.spec.type == "oci"

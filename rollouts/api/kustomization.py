"""Flux's Kustomization: a directory of a source to keep applied. One model for v1 and v1beta2.

Not to be confused with the file kustomization.yaml, which the kustomize binary reads.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from pydantic import Field

from rollouts.api.base import (
    KEYED_BY_TYPE,
    Bool,
    Condition,
    Duration,
    Int64,
    Items,
    LocalReference,
    Model,
    ObjectMeta,
    Text,
    Time,
)
from rollouts.api.refs import KUSTOMIZATION, ObjectRef
from rollouts.api.times import parse_duration

TIMEOUT_MIN = timedelta(seconds=30)
"""Shorter limits are raised to this, explicit ones included, as the peer does."""


class SourceReference(Model):
    """The source that the manifests come from."""

    api_version: str = Field("", description="API version of the source.")
    kind: str = Field(description="GitRepository.")
    name: str = Field(description="Name of the source.")
    namespace: str = Field("", description="Its namespace; that of the Kustomization when absent.")


class DependencyReference(Model):
    """A Kustomization that must be ready first."""

    name: str = Field(description="Name of the other Kustomization.")
    namespace: str = Field("", description="Its namespace; the same when absent.")
    ready_expr: str = Field("", description="An expression that says when it is ready.")


class HealthCheck(Model):
    """An object whose health decides."""

    api_version: str = Field("", description="API version, such as apps/v1.")
    kind: str = Field(description="Kind, such as Deployment or Rollout.")
    name: str = Field(description="Name of the object.")
    namespace: str = Field("", description="Its namespace.")


class HealthExpression(Model):
    """How the health of a kind is told."""

    api_version: str = Field("", description="API version of the kind.")
    kind: str = Field("", description="The kind.")
    current: str = Field("", description="True when the object is healthy.")
    in_progress: str = Field("", description="True while it is on its way.")
    failed: str = Field("", description="True when it has failed.")


class ObjectSelector(Model):
    """Which objects a patch or a rule is for; all parts must hold."""

    group: str = Field("", description="API group.")
    version: str = Field("", description="API version, without the group.")
    kind: str = Field("", description="Kind.")
    name: str = Field("", description="Name, as a regular expression.")
    namespace: str = Field("", description="Namespace, as a regular expression.")
    label_selector: str = Field("", description="Selector of labels.")
    annotation_selector: str = Field("", description="Selector of annotations.")


class Patch(Model):
    """A change to rendered objects."""

    patch: str = Field("", description="A strategic merge patch or a JSON patch, as YAML text.")
    target: ObjectSelector | None = Field(None, description="Which objects it changes.")


class Json6902Patch(Model):
    """A JSON patch of v1beta2."""

    patch: Items[dict[str, Any]] = Field((), description="The operations.")
    target: ObjectSelector | None = Field(None, description="Which objects it changes.")


class ImageOverride(Model):
    """Another name, tag or digest for an image."""

    name: str = Field(description="Name of the image, without tag and digest.")
    new_name: str = Field("", description="Its new name.")
    new_tag: str = Field("", description="Its new tag.")
    digest: str = Field("", description="Its new digest; goes before the tag.")


class SubstituteReference(Model):
    """A ConfigMap or Secret with values of variables."""

    kind: str = Field(description="ConfigMap or Secret.")
    name: str = Field(description="Name of the object.")
    optional: Bool = Field(default=False, description="Its absence is no error.")


class PostBuild(Model):
    """Variables that are filled in after rendering."""

    substitute: Text = Field(default_factory=dict, description="Values of variables by name.")
    substitute_from: Items[SubstituteReference] = Field(
        (), description="Where more values come from; the last one wins."
    )
    substitute_strategy: str = Field(
        "", description="WithVariables or Always: when objects are searched for variables."
    )


class CommonMetadata(Model):
    """Labels and annotations for all objects."""

    labels: Text = Field(default_factory=dict, description="Labels to set.")
    annotations: Text = Field(default_factory=dict, description="Annotations to set.")


class Decryption(Model):
    """How Secrets in the source are decrypted."""

    provider: str = Field(description="sops.")
    secret_ref: LocalReference | None = Field(None, description="Secret with the keys.")
    service_account_name: str = Field("", description="Service account of a cloud provider.")


class KubeConfigKey(Model):
    """A key of a Secret."""

    name: str = Field(description="Name of the Secret.")
    key: str = Field("", description="The key; value or value.yaml when absent.")


class KubeConfig(Model):
    """Another cluster to apply to."""

    secret_ref: KubeConfigKey | None = Field(None, description="Secret with a kubeconfig.")
    config_map_ref: LocalReference | None = Field(None, description="ConfigMap with the address.")


class IgnoreRule(Model):
    """Fields that others may change."""

    paths: Items[str] = Field((), description="JSON pointers of the fields.")
    target: ObjectSelector | None = Field(None, description="Which objects; all when absent.")


class KustomizationSpec(Model):
    """What is kept applied, and how."""

    interval: Duration = Field(description="How often drift is corrected, such as 10m.")
    source_ref: SourceReference = Field(description="Where the manifests come from.")
    prune: Bool = Field(description="Delete objects that are no longer in the source.")
    path: str = Field("", description="Directory in the source; the root when absent.")
    retry_interval: Duration | None = Field(
        None, description="How soon to try again after a failure; interval when absent."
    )
    timeout: Duration | None = Field(
        None,
        description="Limit for one pass with its health checks; interval less 30s when absent, "
        "never below 30s.",
    )
    suspend: Bool = Field(default=False, description="Stop applying.")
    wait: Bool = Field(default=False, description="Check the health of all objects.")
    health_checks: Items[HealthCheck] = Field((), description="Objects whose health decides.")
    health_check_exprs: Items[HealthExpression] = Field(
        (), description="How the health of some kinds is told."
    )
    depends_on: Items[DependencyReference] = Field(
        (), description="Kustomizations that must be ready first."
    )
    force: Bool = Field(
        default=False, description="Recreate objects whose immutable fields changed."
    )
    deletion_policy: Literal["", "MirrorPrune", "Delete", "WaitForTermination", "Orphan"] = Field(
        "", description="What becomes of the objects when this is deleted; as prune when absent."
    )
    target_namespace: str = Field("", description="Namespace for all objects.")
    common_metadata: CommonMetadata | None = Field(
        None, description="Labels and annotations for all objects."
    )
    name_prefix: str = Field("", description="Put before all names.")
    name_suffix: str = Field("", description="Put behind all names.")
    patches: Items[Patch] = Field((), description="Changes to rendered objects.")
    images: Items[ImageOverride] = Field((), description="Other names or tags for images.")
    components: Items[str] = Field((), description="Paths of kustomize components.")
    ignore_missing_components: Bool = Field(
        default=False, description="A missing component is no error."
    )
    build_metadata: Items[str] = Field((), description="What kustomize notes on each object.")
    post_build: PostBuild | None = Field(
        None, description="Variables that are filled in after rendering."
    )
    ignore: Items[IgnoreRule] = Field((), description="Fields that others may change.")
    drift_ignore_rules: Items[IgnoreRule] = Field((), description="An earlier name of ignore.")
    service_account_name: str = Field("", description="Service account to act as.")
    kube_config: KubeConfig | None = Field(None, description="Another cluster to apply to.")
    decryption: Decryption | None = Field(None, description="How Secrets are decrypted.")
    validation: Literal["", "none", "client", "server"] = Field(
        "", description="Of v1beta2; has no effect, every object is dry-run first."
    )
    patches_strategic_merge: Items[dict[str, Any]] = Field(
        (), description="Strategic merge patches of v1beta2; write patches instead."
    )
    patches_json6902: Items[Json6902Patch] = Field(
        (), alias="patchesJson6902", description="JSON patches of v1beta2; write patches instead."
    )


class InventoryEntry(Model):
    """One object that was applied."""

    id: str = Field(description="namespace_name_group_kind.")
    v: str = Field("", description="Its API version, without the group.")


class Inventory(Model):
    """All objects that were applied."""

    entries: Items[InventoryEntry] = Field((), description="The objects.")


class HistoryEntry(Model):
    """One former result."""

    digest: str = Field("", description="Digest of what was applied.")
    first_reconciled: Time | None = Field(None, description="When it was first applied.")
    last_reconciled: Time | None = Field(None, description="When it was last applied.")
    last_reconciled_duration: str = Field("", description="How long that took.")
    last_reconciled_status: str = Field("", description="How it ended.")
    total_reconciliations: Int64 = Field(0, description="How often it was applied.")
    metadata: Text = Field(default_factory=dict, description="Facts such as the revision.")


class KustomizationStatus(Model):
    """What was applied, and how it went."""

    observed_generation: Int64 = Field(0, description="Generation that this status is about.")
    conditions: Items[Condition] = Field(
        (), description="Conditions, one of each type.", json_schema_extra=KEYED_BY_TYPE
    )
    last_applied_revision: str = Field("", description="Revision that was last applied.")
    last_attempted_revision: str = Field("", description="Revision that was last tried.")
    last_applied_origin_revision: str = Field("", description="Its revision at the origin.")
    last_handled_reconcile_at: str = Field(
        "", description="The last request annotation that was carried out."
    )
    inventory: Inventory | None = Field(None, description="All objects that were applied.")
    history: Items[HistoryEntry] = Field((), description="Former results, the newest first.")


class Kustomization(Model):
    """A directory of a source that is kept applied."""

    api_version: str = Field("", description="kustomize.toolkit.fluxcd.io/v1, or v1beta2.")
    kind: str = Field("", description="Kustomization.")
    metadata: ObjectMeta = Field(default_factory=ObjectMeta, description="Name, labels and so on.")
    spec: KustomizationSpec = Field(description="What is kept applied, and how.")
    status: KustomizationStatus = Field(
        default_factory=KustomizationStatus, description="What was applied, and how it went."
    )

    @property
    def ref(self) -> ObjectRef:
        """Return the reference to this object."""
        return ObjectRef(KUSTOMIZATION, self.metadata.namespace, self.metadata.name)

    @property
    def source_namespace(self) -> str:
        """Return the namespace of the source."""
        return self.spec.source_ref.namespace or self.metadata.namespace

    @property
    def interval(self) -> timedelta:
        """Return the time between two corrections of drift."""
        return parse_duration(self.spec.interval)

    @property
    def retry_interval(self) -> timedelta:
        """Return the time from a failure to the next try."""
        return parse_duration(self.spec.retry_interval or self.spec.interval)

    @property
    def timeout(self) -> timedelta:
        """Return the limit for one pass with its health checks."""
        wanted = self.spec.timeout
        limit = parse_duration(wanted) if wanted else self.interval - timedelta(seconds=30)
        return max(limit, TIMEOUT_MIN)

    @property
    def prunes_on_deletion(self) -> bool:
        """Return whether the objects are deleted together with this."""
        policy = self.spec.deletion_policy
        if policy in ("", "MirrorPrune"):
            return self.spec.prune
        return policy != "Orphan"

    @property
    def ignore_rules(self) -> tuple[IgnoreRule, ...]:
        """Return the fields that others may change, under either name of the list."""
        return self.spec.ignore + self.spec.drift_ignore_rules

"""Argo CD's Application: a source to keep a namespace in step with."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from rollouts.api.application_operation import NamedValue, Operation, OperationState, Retry
from rollouts.api.application_source import ApplicationSource
from rollouts.api.base import OPAQUE, Bool, Int64, Items, Model, ObjectMeta, Text, Time
from rollouts.api.refs import APPLICATION, ObjectRef

IN_CLUSTER_SERVER = "https://kubernetes.default.svc"
IN_CLUSTER_NAME = "in-cluster"
REVISION_HISTORY_LIMIT_DEFAULT = 10
PROJECT_DEFAULT = "default"


class Destination(Model):
    """Where objects are applied."""

    server: str = Field(
        "", description="Address of the cluster: https://kubernetes.default.svc is this one."
    )
    name: str = Field("", description="Name of the cluster instead: in-cluster is this one.")
    namespace: str = Field("", description="Namespace of objects that name none.")


class Automated(Model):
    """What happens unasked."""

    enabled: Bool = Field(default=True, description="Whether anything does; true when absent.")
    prune: Bool = Field(default=False, description="Delete objects that are no longer declared.")
    self_heal: Bool = Field(default=False, description="Correct drift.")
    allow_empty: Bool = Field(default=False, description="Accept a source that declares nothing.")


class NamespaceMetadata(Model):
    """Metadata of the namespace that is created."""

    labels: Text = Field(default_factory=dict, description="Labels.")
    annotations: Text = Field(default_factory=dict, description="Annotations.")


class SyncPolicy(Model):
    """When and how a sync happens."""

    automated: Automated | None = Field(
        None, description="What happens unasked; nothing if absent."
    )
    sync_options: Items[str] = Field((), description="Options such as CreateNamespace=true.")
    retry: Retry | None = Field(None, description="How a failed sync is tried again.")
    managed_namespace_metadata: NamespaceMetadata | None = Field(
        None, description="Metadata of the namespace that is created."
    )


class IgnoreDifference(Model):
    """Fields whose differences do not count."""

    group: str = Field("", description="API group; * for all.")
    kind: str = Field(description="Kind; * for all.")
    name: str = Field("", description="Name; all when absent.")
    namespace: str = Field("", description="Namespace; all when absent.")
    json_pointers: Items[str] = Field((), description="JSON pointers such as /spec/replicas.")
    jq_path_expressions: Items[str] = Field((), description="Paths in the language of jq.")
    managed_fields_managers: Items[str] = Field(
        (), description="Field managers whose fields do not count."
    )


class HookTemplate(Model):
    """What a hook makes."""

    generate: str = Field("", description="The object to create, as YAML text.")


class ResourceHookAction(Model):
    """What a hook does."""

    template: HookTemplate = Field(
        default_factory=HookTemplate, description="The object that is created."
    )


class ResourceHook(Model):
    """An object to create after each sync, a PostSync hook.

    Differs from the peer, whose Application has no such field.
    """

    name: str = Field("", description="Name of the hook.")
    hook: ResourceHookAction = Field(
        default_factory=ResourceHookAction, description="What the hook does."
    )


class ApplicationSpec(Model):
    """What is kept in step with what."""

    project: str = Field("", description="Project that it belongs to; default when absent.")
    source: ApplicationSource | None = Field(None, description="Where the manifests come from.")
    sources: Items[ApplicationSource] = Field(
        (), description="Several such places; goes before source."
    )
    destination: Destination = Field(
        default_factory=Destination, description="Where objects are applied."
    )
    sync_policy: SyncPolicy = Field(
        default_factory=SyncPolicy, description="When and how a sync happens."
    )
    ignore_differences: Items[IgnoreDifference] = Field(
        (), description="Fields whose differences do not count."
    )
    revision_history_limit: Int64 = Field(
        REVISION_HISTORY_LIMIT_DEFAULT, description="How many former syncs are kept; 10 if absent."
    )
    info: Items[NamedValue] = Field((), description="Notes that are shown.")
    source_hydrator: dict[str, Any] | None = Field(
        None, description="Writes rendered manifests to a second branch. Not supported."
    )
    resource_hooks: Items[ResourceHook] = Field(
        (), description="Objects to create after each sync and to wait for, PostSync hooks."
    )


class ApplicationHealth(Model):
    """How healthy something is."""

    status: str = Field(
        "", description="Healthy, Suspended, Progressing, Missing, Degraded or Unknown."
    )
    message: str = Field("", description="Why.")
    last_transition_time: Time | None = Field(None, description="When it last changed.")


class ComparedTo(Model):
    """What was compared."""

    source: ApplicationSource | None = Field(
        None, description="The source.", json_schema_extra=OPAQUE
    )
    sources: Items[ApplicationSource] = Field(
        (), description="The sources.", json_schema_extra=OPAQUE
    )
    destination: Destination | None = Field(
        None, description="The destination.", json_schema_extra=OPAQUE
    )
    ignore_differences: Items[IgnoreDifference] = Field(
        (), description="What did not count.", json_schema_extra=OPAQUE
    )


class ApplicationSync(Model):
    """Whether the cluster is as the source has it."""

    status: str = Field("", description="Synced, OutOfSync or Unknown.")
    revision: str = Field("", description="Revision that was compared.")
    revisions: Items[str] = Field((), description="Revisions of several sources.")
    compared_to: ComparedTo | None = Field(None, description="What was compared.")


class ResourceStatus(Model):
    """One object of the Application."""

    group: str = Field("", description="API group.")
    version: str = Field("", description="API version, without the group.")
    kind: str = Field("", description="Kind.")
    namespace: str = Field("", description="Namespace.")
    name: str = Field("", description="Name.")
    status: str = Field("", description="Synced, OutOfSync or Unknown.")
    health: ApplicationHealth | None = Field(None, description="How healthy it is.")
    hook: Bool = Field(default=False, description="It is a hook.")
    requires_pruning: Bool = Field(default=False, description="It is no longer declared.")
    requires_deletion_confirmation: Bool = Field(default=False, description="Its deletion waits.")
    sync_wave: Int64 = Field(0, description="Its place in the order.")


class ApplicationCondition(Model):
    """A lasting problem."""

    type: str = Field(description="Kind of problem, such as SyncError.")
    message: str = Field("", description="The problem in words.")
    last_transition_time: Time | None = Field(None, description="When it was first seen.")


class RevisionHistory(Model):
    """One former sync."""

    id: Int64 = Field(0, description="Number of the sync.")
    revision: str = Field("", description="Revision that was applied.")
    revisions: Items[str] = Field((), description="Revisions of several sources.")
    source: ApplicationSource | None = Field(
        None, description="Source that was applied.", json_schema_extra=OPAQUE
    )
    sources: Items[ApplicationSource] = Field(
        (), description="Sources that were applied.", json_schema_extra=OPAQUE
    )
    deploy_started_at: Time | None = Field(None, description="When the sync began.")
    deployed_at: Time | None = Field(None, description="When the sync ended.")
    initiated_by: dict[str, Any] | None = Field(None, description="Who asked.")


class ApplicationSummary(Model):
    """What the objects hold together."""

    images: Items[str] = Field((), description="All images.")
    external_urls: Items[str] = Field((), alias="externalURLs", description="Addresses to open.")


class ApplicationStatus(Model):
    """What was found, and what was done."""

    sync: ApplicationSync = Field(
        default_factory=ApplicationSync, description="Whether the cluster is as the source has it."
    )
    health: ApplicationHealth = Field(
        default_factory=ApplicationHealth, description="How healthy the objects are."
    )
    operation_state: OperationState | None = Field(
        None, description="The running or last operation."
    )
    resources: Items[ResourceStatus] = Field((), description="The objects.")
    conditions: Items[ApplicationCondition] = Field((), description="Lasting problems.")
    history: Items[RevisionHistory] = Field((), description="Former syncs, the oldest first.")
    reconciled_at: Time | None = Field(None, description="When it was last compared.")
    observed_at: Time | None = Field(None, description="The former name of that time.")
    source_type: str = Field("", description="Helm, Kustomize or Directory.")
    source_types: Items[str] = Field((), description="The same of several sources.")
    source_hydrator: dict[str, Any] | None = Field(None, description="Kept as it is found.")
    summary: ApplicationSummary = Field(
        default_factory=ApplicationSummary, description="What the objects hold together."
    )
    resource_health_source: str = Field("", description="Where the health of objects is kept.")
    controller_namespace: str = Field("", description="Namespace of the controller.")
    inventory: dict[str, Any] | None = Field(
        None, description="All objects that were applied; what may be pruned."
    )
    last_attempt: dict[str, Any] | None = Field(
        None, description="What the controller remembers of the last sync."
    )


class Application(Model):
    """A source that a namespace is kept in step with."""

    api_version: str = Field("", description="argoproj.io/v1alpha1.")
    kind: str = Field("", description="Application.")
    metadata: ObjectMeta = Field(default_factory=ObjectMeta, description="Name, labels and so on.")
    spec: ApplicationSpec = Field(description="What is kept in step with what.")
    operation: Operation | None = Field(
        None, description="A sync that is asked for; removed when it has ended."
    )
    status: ApplicationStatus = Field(
        default_factory=ApplicationStatus, description="What was found, and what was done."
    )

    @property
    def ref(self) -> ObjectRef:
        """Return the reference to this object."""
        return ObjectRef(APPLICATION, self.metadata.namespace, self.metadata.name)

    @property
    def project(self) -> str:
        """Return the project that it belongs to."""
        return self.spec.project or PROJECT_DEFAULT

    @property
    def sources(self) -> tuple[ApplicationSource, ...]:
        """Return all sources, whichever field holds them."""
        if self.spec.sources:
            return self.spec.sources
        return (self.spec.source,) if self.spec.source else ()

    @property
    def automated(self) -> Automated | None:
        """Return what happens unasked; None when nothing does."""
        automated = self.spec.sync_policy.automated
        return automated if automated and automated.enabled else None

"""The `operation` of an Application: a sync that somebody has asked for, and its retries."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from rollouts.api.application_source import ApplicationSource
from rollouts.api.base import OPAQUE, Bool, Int64, IntOrString, Items, Model


class Backoff(Model):
    """The time between two tries: duration, times factor for each further one."""

    duration: IntOrString = Field(
        "5s", description="Time before the first retry; seconds, or text such as 5s."
    )
    factor: Int64 = Field(2, description="By how much each further one is longer.")
    max_duration: IntOrString = Field(
        "3m", description="Longest time between two tries; seconds, or text such as 3m."
    )


class Retry(Model):
    """How a failed sync is tried again."""

    limit: Int64 = Field(5, description="How many retries; -1 for no limit.")
    backoff: Backoff = Field(default_factory=Backoff, description="The time between two tries.")
    refresh: Bool = Field(default=False, description="Take a newer revision when retrying.")


class SyncOperationResource(Model):
    """An object that a partial sync is for."""

    group: str = Field("", description="API group.")
    kind: str = Field(description="Kind.")
    name: str = Field(description="Name.")
    namespace: str = Field("", description="Namespace.")
    exclude: Bool = Field(default=False, description="All but this object.")


class SyncStrategyKind(Model):
    """One way of applying."""

    force: Bool = Field(default=False, description="Recreate objects that cannot be changed.")


class SyncStrategy(Model):
    """Whether hooks run."""

    apply: SyncStrategyKind | None = Field(None, description="Apply without hooks.")
    hook: SyncStrategyKind | None = Field(None, description="Apply with hooks, as usual.")


class SyncOperation(Model):
    """A sync that is asked for."""

    revision: str = Field("", description="Revision; that of the spec when absent.")
    revisions: Items[str] = Field((), description="Revisions of several sources.")
    prune: Bool = Field(default=False, description="Delete objects that are no longer declared.")
    dry_run: Bool = Field(default=False, description="Change nothing.")
    sync_options: Items[str] = Field((), description="Options, as in spec.syncPolicy.")
    sync_strategy: SyncStrategy | None = Field(None, description="Whether hooks run.")
    resources: Items[SyncOperationResource] = Field(
        (), description="Only these objects; then hooks do not run."
    )
    source: ApplicationSource | None = Field(
        None, description="Instead of the spec's source.", json_schema_extra=OPAQUE
    )
    sources: Items[ApplicationSource] = Field(
        (), description="Instead of the spec's sources.", json_schema_extra=OPAQUE
    )
    manifests: Items[str] = Field((), description="Manifests to apply instead of Git's.")
    auto_heal_attempts_count: Int64 = Field(0, description="How often drift was corrected so far.")
    self_heal_attempts_count: Int64 = Field(0, description="The former name of that count.")


class InitiatedBy(Model):
    """Who asked."""

    username: str = Field("", description="Name of the person or system.")
    automated: Bool = Field(default=False, description="The controller itself asked.")


class NamedValue(Model):
    """A note."""

    name: str = Field("", description="Name of the note.")
    value: str = Field("", description="The note.")


class Operation(Model):
    """What somebody has asked for."""

    sync: SyncOperation | None = Field(None, description="A sync.")
    initiated_by: InitiatedBy = Field(default_factory=InitiatedBy, description="Who asked.")
    info: Items[NamedValue] = Field((), description="Notes.")
    retry: Retry | None = Field(None, description="How a failed sync is tried again.")


class ResourceResult(Model):
    """What became of one object in a sync."""

    group: str = Field("", description="API group.")
    version: str = Field("", description="API version, without the group.")
    kind: str = Field("", description="Kind.")
    namespace: str = Field("", description="Namespace.")
    name: str = Field("", description="Name.")
    status: str = Field("", description="Synced, SyncFailed, Pruned or PruneSkipped.")
    message: str = Field("", description="The result in words.")
    hook_type: str = Field("", description="Phase that the hook belongs to.")
    hook_phase: str = Field("", description="How far the object is.")
    sync_phase: str = Field("", description="Phase in which it was applied.")
    images: Items[str] = Field((), description="Images of the object.")


class SyncResult(Model):
    """What came of a sync."""

    revision: str = Field("", description="Revision that was applied.")
    revisions: Items[str] = Field((), description="Revisions of several sources.")
    source: ApplicationSource | None = Field(
        None, description="Source that was applied.", json_schema_extra=OPAQUE
    )
    sources: Items[ApplicationSource] = Field(
        (), description="Sources that were applied.", json_schema_extra=OPAQUE
    )
    resources: Items[ResourceResult] = Field((), description="What became of each object.")
    managed_namespace_metadata: dict[str, Any] | None = Field(
        None, description="Metadata that the namespace was given."
    )


class OperationState(Model):
    """The running or last operation."""

    operation: Operation = Field(
        default_factory=Operation, description="What was asked for.", json_schema_extra=OPAQUE
    )
    phase: str = Field("", description="Running, Terminating, Succeeded, Failed or Error.")
    message: str = Field("", description="How it stands, in words.")
    started_at: str = Field("", description="When it began.")
    finished_at: str = Field("", description="When it ended, or the last try failed.")
    retry_count: Int64 = Field(0, description="How many retries there were.")
    sync_result: SyncResult | None = Field(None, description="What came of it.")

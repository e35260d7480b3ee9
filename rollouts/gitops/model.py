"""The words of a sync: what a unit wants, what was observed, what happened to each object."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from rollouts.api.refs import Manifest, ObjectRef

FIELD_MANAGER = "rollouts-gitops"
"""Field manager of everything that is applied from Git."""


@dataclass(frozen=True, slots=True, order=True)
class ResourceKey:
    """Names one object whatever version serves it; `namespace` is empty when cluster-scoped."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)


class Family(StrEnum):
    """Which dialect a unit is written in. Families never share an inventory."""

    APPLICATION = "Application"
    KUSTOMIZATION = "Kustomization"


@dataclass(frozen=True, slots=True, order=True)
class UnitId:
    """Identity of a sync unit."""

    family: Family
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.family}/{self.namespace}/{self.name}"


class ApplyMode(StrEnum):
    """How an object is applied (`kustomize.toolkit.fluxcd.io/ssa`)."""

    OVERRIDE = "Override"
    MERGE = "Merge"
    IF_NOT_PRESENT = "IfNotPresent"
    IGNORE = "Ignore"


@dataclass(frozen=True, slots=True)
class ObjectOptions:
    """What an object's own annotations ask for.

    Attributes:
        prune: False keeps the object when it leaves Git.
        delete: False keeps the object when its unit is deleted.
        reconcile: False leaves the object alone altogether.
        ignore_extraneous: not being declared any more does not make the unit out of sync.
        hook: the hook phases, as written; empty for an ordinary object.
    """

    prune: bool = True
    delete: bool = True
    reconcile: bool = True
    ignore_extraneous: bool = False
    mode: ApplyMode = ApplyMode.OVERRIDE
    hook: str = ""


@dataclass(frozen=True, slots=True)
class Declared:
    """One object as Git wants it, ready to be sent.

    `manifest` carries its namespace and the unit's mark; `source` says where in Git it stands.
    `tracked` is False for what is only brought about on the way, such as the destination's
    namespace: it is neither marked nor pruned.
    """

    key: ResourceKey
    ref: ObjectRef
    manifest: Manifest
    source: str
    options: ObjectOptions
    tracked: bool = True


@dataclass(frozen=True, slots=True)
class IgnoreRule:
    """Fields of some objects that are left to others (`ignoreDifferences`, `spec.ignore`).

    An empty `name` or `namespace` matches all; `*` in `group` or `kind` too. With `patterns`,
    name and namespace are anchored regular expressions, as in Flux's selectors.
    """

    group: str = "*"
    kind: str = "*"
    name: str = ""
    namespace: str = ""
    pointers: tuple[str, ...] = ()
    managers: tuple[str, ...] = ()
    patterns: bool = False

    def matches(self, key: ResourceKey) -> bool:
        """Tell whether the rule speaks of this object."""
        return (
            self.group in ("*", key.group)
            and self.kind in ("*", key.kind)
            and self._names(self.name, key.name)
            and self._names(self.namespace, key.namespace)
        )

    def _names(self, wanted: str, actual: str) -> bool:
        if self.patterns and wanted:
            return re.fullmatch(wanted, actual) is not None
        return wanted in ("", actual)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a failed sync is tried again: `delay * factor^n`, at most `delay_max`.

    `limit` counts the quick tries (-1 is no limit); after them `slow` is the pace for good.
    """

    limit: int = 5
    delay: timedelta = timedelta(seconds=5)
    factor: int = 2
    delay_max: timedelta = timedelta(minutes=3)
    slow: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class SyncUnit:
    """What both families are normalised into: everything a sync has to know about its unit.

    Attributes:
        tracking_name: how objects name the unit in a tracking annotation.
        destination: namespace of namespaced objects that state none.
        override_namespace: `destination` replaces a stated namespace too.
        automated: new revisions are applied unasked.
        allow_empty: nothing left in Git may delete everything.
        respect_ignored: ignored fields are not written either.
        fail_on_shared: an object of another unit is an error, not a warning.
        duplicates_fail: two objects of one key are an error; else the last one wins.
        last_stage_prune: prune after everything else is healthy.
        deadline: how long objects other than Rollouts may keep a sync waiting.
    """

    id: UnitId
    tracking_name: str
    destination: str = ""
    override_namespace: bool = False
    create_namespace: bool = False
    namespace_labels: tuple[tuple[str, str], ...] = ()
    namespace_annotations: tuple[tuple[str, str], ...] = ()
    automated: bool = False
    prune: bool = False
    self_heal: bool = False
    allow_empty: bool = False
    respect_ignored: bool = True
    migrate_kubectl: bool = True
    fail_on_shared: bool = False
    duplicates_fail: bool = False
    last_stage_prune: bool = False
    prune_propagation: str = ""
    ignore: tuple[IgnoreRule, ...] = ()
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    deadline: timedelta = timedelta(minutes=10)


class Outcome(StrEnum):
    """What a sync did to one object."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    PRUNED = "pruned"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SyncResult:
    """The outcome for one object, with what a person should know about it."""

    key: ResourceKey
    version: str
    outcome: Outcome
    message: str = ""


class Drift(StrEnum):
    """How an object in the cluster compares with Git."""

    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The drift of one declared object.

    Attributes:
        payload: what to send; None when nothing may be sent.
        paths: JSON pointers that differ, bounded; empty for an absent object.
        absent: the object does not exist.
        error: why the drift is not known, or why the object cannot be applied.
        fatal: repeating will not help until Git or the spec changes.
        claimed_by: the other unit that the object belongs to; it is not ours to touch then.
    """

    key: ResourceKey
    drift: Drift
    payload: Manifest | None = None
    paths: tuple[str, ...] = ()
    absent: bool = False
    error: str = ""
    fatal: bool = False
    claimed_by: str = ""


class Phase(StrEnum):
    """Phases of an operation, in the words of the Application's status."""

    RUNNING = "Running"
    TERMINATING = "Terminating"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ERROR = "Error"


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last sync that was begun, as the unit's status remembers it.

    Attributes:
        digest: of what Git declared; another one is another attempt.
        retries: quick tries made for this revision so far.
        heals: self-heals in a row.
        fatal: it failed for a reason that only Git or the spec can cure.
        failure: why it failed, while the hooks that a failure calls for are still to run.
    """

    phase: Phase
    revision: str
    digest: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    automated: bool = True
    retries: int = 0
    heals: int = 0
    fatal: bool = False
    failure: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class HookRecord:
    """How far one hook of an operation is, as `operationState.syncResult` shows it.

    Attributes:
        key: of the instance that was made.
        hook_type: the phase it belongs to.
    """

    key: ResourceKey
    version: str
    hook_type: str
    state: Phase = Phase.RUNNING
    message: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A sync that somebody asked for (`operation`).

    `only` is None for all objects; `revision` is empty for the newest; `hooks` is False for
    the strategy that only applies.
    """

    revision: str = ""
    prune: bool = False
    dry_run: bool = False
    only: tuple[ResourceKey, ...] | None = None
    hooks: bool = True
    retry: RetryPolicy = field(default_factory=lambda: RetryPolicy(limit=0))


@dataclass(frozen=True, slots=True)
class Condition:
    """Something a person should know about a unit, by the type the dialect uses."""

    type: str
    message: str

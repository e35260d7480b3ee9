"""The vocabulary of plans: everything a planner can ask the shell to do.

Actions are values. Each names its object, what to do to it and why; each is safe to repeat
and carries the precondition under which it is right. None holds a client or a callable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from rollouts.api.refs import Kind, Manifest, ObjectRef


@dataclass(frozen=True, slots=True)
class Create:
    """Create an object; one of the same name and the same controller owner counts as done."""

    kind: Kind
    manifest: Manifest
    why: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Set `spec.replicas` of a ReplicaSet that still has `previous` replicas.

    `annotations` travel in the same write; None removes one.
    """

    ref: ObjectRef
    replicas: int
    previous: int
    uid: str
    why: str
    annotations: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Patch:
    """Merge a body into an object that is still at `resource_version`."""

    ref: ObjectRef
    body: Manifest
    resource_version: str
    why: str


@dataclass(frozen=True, slots=True)
class SwitchService:
    """Point a Service at the ReplicaSet with this pod template hash."""

    ref: ObjectRef
    pod_template_hash: str
    body: Manifest
    resource_version: str
    why: str


@dataclass(frozen=True, slots=True)
class Route:
    """Bring all routing objects to this canary weight; the router renders the writes."""

    weight: int
    why: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete an object, if it is still the one with this uid."""

    ref: ObjectRef
    uid: str
    why: str


@dataclass(frozen=True, slots=True)
class RemoveAnnotation:
    """Remove an annotation that still has this value."""

    ref: ObjectRef
    key: str
    value: str
    why: str


@dataclass(frozen=True, slots=True)
class RestoreTemplate:
    """Put the pod template of a ReplicaSet back into the Rollout and drop the request for it."""

    ref: ObjectRef
    source: ObjectRef
    annotation: str
    resource_version: str
    why: str


@dataclass(frozen=True, slots=True)
class Evict:
    """Ask for the eviction of a pod, so that disruption budgets are respected."""

    ref: ObjectRef
    uid: str
    why: str


Action: TypeAlias = (
    Create
    | Scale
    | Patch
    | SwitchService
    | Route
    | Delete
    | RemoveAnnotation
    | RestoreTemplate
    | Evict
)


@dataclass(frozen=True, slots=True)
class Event:
    """One Kubernetes Event about the planned object. `reason` is one of the peer's words."""

    reason: str
    message: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now, what to report, and when to look again.

    Attributes:
        actions: in order; the shell stops at the first that fails.
        status: the whole desired status; the shell writes the difference, last and once.
        events: to be recorded after the actions they speak of.
        wake_at: when to plan again unasked; None waits for a change.
        counters_only: the status differs in replica counters alone, so the write may wait a
            moment for more of them.
        finish: actions that are only right once the status is written.
    """

    actions: tuple[Action, ...] = ()
    status: Manifest | None = None
    events: tuple[Event, ...] = ()
    wake_at: datetime | None = None
    counters_only: bool = False
    finish: tuple[Action, ...] = ()

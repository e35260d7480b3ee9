"""Which instances of hooks are kept, and which are let go or deleted, and when.

Pure like `hooks`: read from records, and from the objects in the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rollouts.api.refs import Kind, Manifest, ObjectRef
from rollouts.gitops.health.assess import HOOK_FINALIZER
from rollouts.gitops.hooks import Hook, is_instance, judge
from rollouts.gitops.model import Condition, HookRecord, Phase, ResourceKey, SyncUnit
from rollouts.gitops.options import annotations_of, is_doomed, words
from rollouts.gitops.tracking import is_tracked_by

DELETE_POLICY = "argocd.argoproj.io/hook-delete-policy"
HELM_DELETE_POLICY = "helm.sh/hook-delete-policy"
INTERRUPTIBLE = "rollouts.dev/interruptible"

INSTANCES_KEPT_MAX = 3
"""Instances of one hook with a generated name, the newest included, that are not deleted."""

_SHOWN = 5
_POLICIES: Mapping[Phase, tuple[str, str]] = {
    Phase.SUCCEEDED: ("HookSucceeded", "hook-succeeded"),
    Phase.FAILED: ("HookFailed", "hook-failed"),
    Phase.ERROR: ("HookFailed", "hook-failed"),
}


@dataclass(frozen=True, slots=True)
class Release:
    """Let an instance go: take our finalizer off, and delete it if `delete` says so."""

    ref: ObjectRef
    key: ResourceKey
    live: Manifest
    delete: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """The hooks that an operation has recorded, and their instances as they are.

    Attributes:
        live: by key; None for one that does not exist.
        kinds: how they are served.
    """

    records: tuple[HookRecord, ...] = ()
    live: Mapping[ResourceKey, Manifest | None] = field(default_factory=dict)
    kinds: Mapping[ResourceKey, Kind] = field(default_factory=dict)


def release_of(kind: Kind, key: ResourceKey, live: Manifest, *, delete: bool) -> Release | None:
    """Return how to let an instance go; None when nothing is left to do.

    Args:
        delete: it is to be deleted as well, unless it is being deleted already.
    """
    delete = delete and not is_doomed(live)
    if not delete and not is_held(live):
        return None
    return Release(ObjectRef(kind, key.namespace, key.name), key, live, delete)


def unfinished(
    records: Iterable[HookRecord], live: Mapping[ResourceKey, Manifest | None], now: datetime
) -> tuple[HookRecord, ...]:
    """Return the records of instances that still run."""
    found: list[HookRecord] = []
    for record in records:
        there = live.get(record.key)
        if record.state is Phase.RUNNING and there is not None:
            seen = judge(record, there, now)
            if seen.state is Phase.RUNNING:
                found.append(seen)
    return tuple(found)


def releases(
    recorded: Recorded,
    unit: SyncUnit,
    *,
    now: datetime,
    is_over: bool = False,
    is_overtaken: bool = False,
    interrupted: bool = False,
    control_namespace: str,
) -> tuple[Release, ...]:
    """Return the instances that need not be kept, once what is known of them is recorded.

    Args:
        is_over: the operation has ended or another takes its place; its hooks go on unwatched.
        is_overtaken: another waits for its hooks; they are kept, because a revert would let this
            one go on, but for those that may be interrupted.
        interrupted: a person has ended it; what still runs is deleted.
    """
    found: list[Release] = []
    for record in recorded.records:
        there, kind = recorded.live.get(record.key), recorded.kinds.get(record.key)
        if there is None or kind is None:
            continue
        if not is_tracked_by(there, unit.id, record.key, control_namespace):
            continue
        # Nobody will record how it ends any more, so what is seen now is all there is.
        seen = judge(record, there, now) if record.state is Phase.RUNNING else record
        stopped = seen.state is Phase.RUNNING and (interrupted or is_interruptible(there))
        if record.state is Phase.RUNNING and not is_over and not (is_overtaken and stopped):
            continue
        delete = stopped or has_policy(there, seen.state)
        release = release_of(kind, record.key, there, delete=delete)
        if release is not None:
            found.append(release)
    return tuple(found)


def still_running(
    running: tuple[HookRecord, ...], live: Mapping[ResourceKey, Manifest | None]
) -> Condition:
    """Tell why a new operation does not begin: two of one kind should not run at once."""
    names = ", ".join(
        f"{one.hook_type} hook {one.key}"
        + (" (being deleted)" if is_interruptible(live.get(one.key) or {}) else "")
        for one in running[:_SHOWN]
    )
    text = (
        f"the next sync begins when hooks of the one before have ended: {names}; a hook with the "
        'annotation rollouts.dev/interruptible: "true" is deleted instead'
    )
    return Condition("SyncError", text)


def earlier_instances(
    hook: Hook, listed: Iterable[tuple[ResourceKey, Manifest]], now: datetime
) -> Iterator[tuple[Manifest, HookRecord, bool]]:
    """Yield the instances of a hook with a generated name, the newest first, and how each stands.

    The last value tells whether it is too much, beside one that is about to be made.
    """
    found = [(key, live) for key, live in listed if is_instance(hook, key)]
    found.sort(key=lambda one: str(one[1]["metadata"].get("creationTimestamp", "")), reverse=True)
    for place, (key, live) in enumerate(found, start=1):
        seen = judge(HookRecord(key, hook.kind.version, hook.phase), live, now)
        yield live, seen, place >= INSTANCES_KEPT_MAX


def is_held(live: Manifest) -> bool:
    """Tell whether our finalizer keeps an object."""
    return HOOK_FINALIZER in ((live.get("metadata") or {}).get("finalizers") or ())


def is_interruptible(live: Manifest) -> bool:
    """Tell whether a newer commit may delete an instance that still runs."""
    return annotations_of(live).get(INTERRUPTIBLE) == "true"


def has_policy(live: Manifest, state: Phase) -> bool:
    """Tell whether an instance that ended so is to be deleted.

    What was made by an earlier operation always is before the next is made, whatever is asked
    for: its result would be taken for the new one's.
    """
    notes = annotations_of(live)
    own, helm = _POLICIES.get(state, ("", ""))
    if DELETE_POLICY in notes:
        return own in words(notes[DELETE_POLICY])
    return helm in words(notes.get(HELM_DELETE_POLICY, ""))

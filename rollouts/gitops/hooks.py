"""Hooks: objects that a sync makes at a moment of its own, and whose end it waits for.

Decides what each hook needs next. All is read from the operation's records in status and from
the objects in the cluster, so a controller that died anywhere runs no hook twice: an instance
names the operation that made it, and a finalizer keeps it, and so its result, until the result
is recorded.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from rollouts.api.refs import Kind, Manifest, ObjectRef
from rollouts.gitops.health import Status, assess
from rollouts.gitops.health.assess import HOOK_FINALIZER
from rollouts.gitops.model import Attempt, Declared, HookRecord, Phase, ResourceKey, SyncUnit
from rollouts.gitops.options import annotations_of, is_doomed, words
from rollouts.gitops.order import DELETION_PHASES, PHASES, wave_of
from rollouts.gitops.tracking import is_tracked_by, with_mark

OPERATION = "rollouts.dev/operation"
HOOK_OF = "rollouts.dev/hook-of"
"""Label of every instance; its value stands for the unit."""

SKIPPED = "Skip"
"""The phase of an object that is never applied."""

_NAME_LENGTH_MAX = 63  # A Job's name becomes the value of a label.
_REVISION_SHOWN = 7
_HELM_PHASES: Mapping[str, str] = {
    "pre-install": "PreSync",
    "pre-upgrade": "PreSync",
    "post-install": "PostSync",
    "post-upgrade": "PostSync",
    "pre-delete": "PreDelete",
    "post-delete": "PostDelete",
    **dict.fromkeys(
        ("pre-rollback", "post-rollback", "test", "test-success", "test-failure"), SKIPPED
    ),
}


@dataclass(frozen=True, slots=True)
class Hook:
    """An object at one phase of a sync; one that names several phases runs in each.

    `declared` is what Git says; where it leaves the name to be generated, its name is the prefix.
    """

    declared: Declared
    phase: str

    @property
    def is_generated(self) -> bool:
        """Tell whether every operation makes an instance with a name of its own."""
        return not (self.declared.manifest.get("metadata") or {}).get("name")

    @property
    def wave(self) -> int:
        """Return the wave inside the phase."""
        return wave_of(self.declared.manifest)

    @property
    def kind(self) -> Kind:
        """Return how the object is served."""
        return self.declared.ref.kind


@dataclass(frozen=True, slots=True)
class Operation:
    """What tells one operation, and one try of it, from others. No two start in one second."""

    revision: str
    started_at: datetime
    retries: int = 0

    def tag(self, phase: str) -> str:
        """Return the text by which its instances of a phase can be told from all others."""
        seconds = int(self.started_at.timestamp())
        tag = f"{_short(self.revision)}-{phase.lower()}-{seconds}"
        return f"{tag}-{self.retries}" if self.retries else tag


@dataclass(frozen=True, slots=True)
class Make:
    """Create an instance."""

    instance: Declared


@dataclass(frozen=True, slots=True)
class Clear:
    """Delete the instance of an earlier operation or try, and look again when it is gone."""

    instance: Declared
    live: Manifest


@dataclass(frozen=True, slots=True)
class Look:
    """The hook stands as recorded: it runs, or it has ended."""

    record: HookRecord


@dataclass(frozen=True, slots=True)
class Await:
    """The instance of an earlier operation still runs."""

    message: str


Deed: TypeAlias = Make | Clear | Look | Await


def phases_of(text: str) -> tuple[str, ...]:
    """Return the phases that a hook annotation names, in our words, each once."""
    return tuple(dict.fromkeys(_HELM_PHASES.get(word, word) for word in words(text)))


def read_hooks(declared: Iterable[Declared], phases: tuple[str, ...] = PHASES) -> tuple[Hook, ...]:
    """Return each object once for each of these phases that it names; those of a sync if unsaid."""
    return tuple(
        Hook(one, phase)
        for one in declared
        for phase in phases_of(one.options.hook)
        if phase in phases
    )


def operation_of(attempt: Attempt | None) -> Operation | None:
    """Return the operation that status shows."""
    if attempt is None or attempt.started_at is None:
        return None
    return Operation(attempt.revision, attempt.started_at, attempt.retries)


def unit_label(unit: SyncUnit) -> str:
    """Return the value by which the instances of a unit can be listed."""
    return hashlib.sha256(str(unit.id).encode()).hexdigest()[:16]


def instance_key(hook: Hook, operation: Operation | None) -> ResourceKey | None:
    """Return the name of an operation's instance; None when only an operation gives it one."""
    if not hook.is_generated:
        return hook.declared.key
    if operation is None:
        return None
    suffix = operation.tag(hook.phase)
    prefix = hook.declared.key.name[: _NAME_LENGTH_MAX - len(suffix)]
    return replace(hook.declared.key, name=prefix + suffix)


def instance_of(hook: Hook, unit: SyncUnit, operation: Operation) -> Declared:
    """Return an operation's instance of a hook, ready to be created."""
    key = instance_key(hook, operation)
    assert key is not None, "an operation gives every hook a name"
    metadata = dict(hook.declared.manifest["metadata"])
    metadata.pop("generateName", None)
    annotations = {**(metadata.get("annotations") or {}), OPERATION: operation.tag(hook.phase)}
    finalizers = dict.fromkeys((*(metadata.get("finalizers") or ()), HOOK_FINALIZER))
    manifest = {
        **hook.declared.manifest,
        "metadata": {
            **metadata,
            "name": key.name,
            "annotations": annotations,
            "labels": {**(metadata.get("labels") or {}), HOOK_OF: unit_label(unit)},
            "finalizers": list(finalizers),
        },
    }
    marked = with_mark(
        manifest, unit.id, key, name=unit.tracking_name, destination=unit.destination
    )
    ref = ObjectRef(hook.kind, key.namespace, key.name)
    return replace(hook.declared, key=key, ref=ref, manifest=marked)


def is_instance(hook: Hook, key: ResourceKey) -> bool:
    """Tell whether an object's name is one that some operation gives this hook."""
    own = hook.declared.key
    if replace(key, name="") != replace(own, name=""):
        return False
    if not hook.is_generated:
        return key.name == own.name
    found = re.fullmatch(rf"(.*?)[0-9a-z]{{1,7}}-{hook.phase.lower()}-\d+(?:-\d+)?", key.name)
    # A long prefix was cut, so that the whole is as long as a name may be.
    return found is not None and (
        found[1] == own.name
        or (len(key.name) == _NAME_LENGTH_MAX and bool(found[1]) and own.name.startswith(found[1]))
    )


def record_of(hook: Hook, records: Iterable[HookRecord]) -> HookRecord | None:
    """Return what an operation has recorded of a hook."""
    return next(
        (one for one in records if one.hook_type == hook.phase and is_instance(hook, one.key)), None
    )


def next_deed(
    hook: Hook,
    unit: SyncUnit,
    *,
    operation: Operation,
    record: HookRecord | None,
    live: Mapping[ResourceKey, Manifest | None],
    now: datetime,
    control_namespace: str,
) -> Deed:
    """Decide what a hook needs whose turn it is.

    Args:
        record: what this operation has recorded of it; a failure is that of an earlier try.
    """
    if record is not None and record.state is Phase.SUCCEEDED:
        return Look(record)
    if record is not None and record.state is Phase.RUNNING:
        return Look(judge(record, live.get(record.key), now))
    instance = instance_of(hook, unit, operation)
    there = live.get(instance.key)
    if there is None:
        return Make(instance)
    fresh = HookRecord(instance.key, hook.kind.version, hook.phase)
    if not is_tracked_by(there, unit.id, instance.key, control_namespace):
        text = f"{instance.key} exists and is no hook of {unit.id}; rename the hook or delete it"
        return Look(replace(fresh, state=Phase.ERROR, message=text))
    if annotations_of(there).get(OPERATION) == operation.tag(hook.phase):
        return Look(judge(fresh, there, now))
    seen = judge(fresh, there, now)
    if seen.state is Phase.RUNNING and not is_doomed(there):
        return Await(f"{instance.key} of an earlier sync still runs: {seen.message}")
    return Clear(instance, there)


def judge(record: HookRecord, there: Manifest | None, now: datetime) -> HookRecord:
    """Return how an instance stands; the peer's rules say what is success."""
    if there is None:
        text = "was deleted while it ran, so its result is not known"
        return replace(record, state=Phase.ERROR, message=text)
    health = assess(there, now)
    if health is None or health.status is Status.HEALTHY:
        return replace(record, state=Phase.SUCCEEDED, message=health.message if health else "")
    if health.status in (Status.PROGRESSING, Status.SUSPENDED):
        if is_doomed(there):
            return judge(record, None, now)
        return replace(record, state=Phase.RUNNING, message=health.message)
    return replace(record, state=Phase.FAILED, message=health.message)


def known_records(
    hooks: Iterable[Hook],
    unit: SyncUnit,
    *,
    records: tuple[HookRecord, ...],
    operation: Operation | None,
    live: Mapping[ResourceKey, Manifest | None],
    now: datetime,
    control_namespace: str,
) -> tuple[HookRecord, ...]:
    """Return the records of an operation, with instances that it made and did not yet record.

    A failure on record may be that of an earlier try, while the next one runs already.
    """
    found = list(records)
    for hook in hooks:
        key = instance_key(hook, operation)
        there = live.get(key) if key is not None else None
        if operation is None or key is None or there is None:
            continue
        is_made = annotations_of(there).get(OPERATION) == operation.tag(hook.phase)
        if not is_made or not is_tracked_by(there, unit.id, key, control_namespace):
            continue
        fresh, before = HookRecord(key, hook.kind.version, hook.phase), record_of(hook, records)
        if before is None:
            found.append(fresh)
        elif before.state in (Phase.FAILED, Phase.ERROR) and _runs(fresh, there, now):
            found[found.index(before)] = fresh
    return tuple(found)


def _runs(record: HookRecord, there: Manifest, now: datetime) -> bool:
    return judge(record, there, now).state is Phase.RUNNING


def is_of_deletion(live: Manifest) -> bool:
    """Tell whether an instance was made by the deletion of its unit."""
    tag = annotations_of(live).get(OPERATION, "")
    return any(f"-{phase.lower()}-" in tag for phase in DELETION_PHASES)


def _short(revision: str) -> str:
    return re.sub("[^0-9a-z]", "", revision.lower())[:_REVISION_SHOWN] or "0"

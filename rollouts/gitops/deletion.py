"""Runs the hooks of a deletion: before an Application's objects go, and after they have gone.

A finalizer for each phase stays on the Application until the phase is through, so that a
controller that died runs none twice; nothing else is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rollouts.api.refs import ObjectRef
from rollouts.gitops.compare import Access, read_live
from rollouts.gitops.hook_records import let_go, let_go_all
from rollouts.gitops.hook_release import Release, has_policy, is_held
from rollouts.gitops.hook_runner import HookRunner
from rollouts.gitops.hooks import (
    HOOK_OF,
    Hook,
    Operation,
    instance_key,
    is_doomed,
    is_of_deletion,
    judge,
    read_hooks,
    unit_label,
)
from rollouts.gitops.live import LiveObjects
from rollouts.gitops.model import Declared, HookRecord, Phase, ResourceKey, SyncUnit
from rollouts.gitops.order import DELETION_PHASES
from rollouts.gitops.outcome import Applied
from rollouts.gitops.tracking import is_tracked_by

FINALIZERS: Mapping[str, str] = {
    "PreDelete": "pre-delete-finalizer.argocd.argoproj.io",
    "PostDelete": "post-delete-finalizer.argocd.argoproj.io",
}
"""What keeps an Application until the hooks of a phase have succeeded."""

CLEANUP = "post-delete-finalizer.argocd.argoproj.io/cleanup"
"""What keeps it until these hooks are let go, or deleted as their policies say."""

RETRY_DELAY = timedelta(minutes=1)
"""Wait between the failure of such a hook and another try."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the hooks of a phase are.

    Attributes:
        failure: what went wrong, in the hooks' own words; nothing of its wave runs any more.
        failed: instances to delete before another try.
    """

    is_done: bool = False
    failure: str = ""
    failed: tuple[Release, ...] = ()


def ours(finalizers: Iterable[str]) -> tuple[str, ...]:
    """Return those of these finalizers that stand for hooks of a deletion."""
    return tuple(each for each in finalizers if each in (*FINALIZERS.values(), CLEANUP))


def finalizers_with(current: Sequence[str], hooks: Iterable[Declared]) -> list[str]:
    """Return the finalizers an Application needs for the hooks that it declares."""
    phases = dict.fromkeys(hook.phase for hook in read_hooks(hooks, DELETION_PHASES))
    wanted = [FINALIZERS[phase] for phase in phases]
    wanted += [CLEANUP] if wanted else []
    kept = [each for each in current if each in wanted or not ours([each])]
    return [*kept, *(each for each in wanted if each not in kept)]


async def bring_on(
    access: Access,
    unit: SyncUnit,
    hooks: Iterable[Hook],
    *,
    operation: Operation,
    now: datetime,
    control_namespace: str,
) -> Progress:
    """Bring the hooks of a phase on, wave by wave.

    Raises:
        ClusterError: the cluster cannot be read or written.
    """
    waves: dict[int, list[Hook]] = {}
    for hook in hooks:
        waves.setdefault(hook.wave, []).append(hook)
    # Read anew whatever is known: nobody watches for a unit that goes.
    access = replace(access, live=LiveObjects())
    for wave in sorted(waves):
        instances = {instance_key(hook, operation): hook for hook in waves[wave]}
        refs = {
            key: ObjectRef(hook.kind, key.namespace, key.name)
            for key, hook in instances.items()
            if key is not None
        }
        live = await read_live(access, refs.items())
        done = Applied()
        runner = HookRunner(
            access,
            unit,
            operation=operation,
            records=(),
            now=now,
            control_namespace=control_namespace,
        )
        await runner.run(waves[wave], live, done)
        failed = [
            Release(refs[one.key], one.key, there, delete=not is_doomed(there))
            for one in runner.records
            if one.state in (Phase.FAILED, Phase.ERROR)
            and (there := live.get(one.key)) is not None
            and is_tracked_by(there, unit.id, one.key, control_namespace)
        ]
        doomed = [each for each in failed if not each.delete]
        await let_go_all(access, doomed)  # Somebody has deleted them.
        if done.waiting is not None or doomed:
            return Progress()
        if done.errors:
            return Progress(failure="; ".join(done.errors), failed=tuple(failed))
    return Progress(is_done=True)


async def try_again(access: Access, unit: SyncUnit, progress: Progress) -> None:
    """Delete what has failed, so that the next look makes it anew."""
    await let_go_all(access, progress.failed, propagation=unit.prune_propagation)


async def clean_up(
    access: Access,
    unit: SyncUnit,
    hooks: Iterable[Hook],
    *,
    now: datetime,
    control_namespace: str,
) -> None:
    """Let every hook of a unit go, and delete those of the deletion whose policy says so.

    Args:
        hooks: what Git declares, which tells where instances are.

    Raises:
        ClusterError: the cluster cannot be read or written.
    """
    selector = f"{HOOK_OF}={unit_label(unit)}"
    places = dict.fromkeys((hook.kind, hook.declared.key.namespace) for hook in hooks)
    for kind, namespace in places:
        for each in await access.cluster.list(kind, namespace, label_selector=selector):
            live = {"apiVersion": kind.api_version, "kind": kind.kind, **each}
            name = str(live["metadata"]["name"])
            key = ResourceKey(kind.group, kind.kind, namespace, name)
            if not is_tracked_by(live, unit.id, key, control_namespace):
                continue
            seen = judge(HookRecord(key, kind.version, ""), live, now)
            is_to_go = is_of_deletion(live) and has_policy(live, seen.state)
            delete = is_to_go and not is_doomed(live)
            if delete or is_held(live):
                release = Release(ObjectRef(kind, namespace, name), key, live, delete)
                await let_go(access, release, propagation=unit.prune_propagation)

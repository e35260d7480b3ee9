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
from rollouts.gitops.hook_records import let_go, let_go_all, list_instances
from rollouts.gitops.hook_release import Release, has_policy, release_of
from rollouts.gitops.hook_runner import HookRunner
from rollouts.gitops.hooks import (
    Hook,
    Operation,
    instance_key,
    is_of_deletion,
    judge,
    read_hooks,
)
from rollouts.gitops.live import LiveObjects
from rollouts.gitops.model import Declared, HookRecord, Phase, SyncUnit
from rollouts.gitops.options import is_doomed
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

_OURS = (*FINALIZERS.values(), CLEANUP)

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
    return tuple(each for each in finalizers if each in _OURS)


def finalizers_with(current: Sequence[str], hooks: Iterable[Declared]) -> list[str]:
    """Return the finalizers an Application needs for the hooks that it declares."""
    phases = dict.fromkeys(hook.phase for hook in read_hooks(hooks, DELETION_PHASES))
    wanted = [FINALIZERS[phase] for phase in phases]
    wanted += [CLEANUP] if wanted else []
    kept = [each for each in current if each in wanted or each not in _OURS]
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
        refs = {
            key: ObjectRef(hook.kind, key.namespace, key.name)
            for hook in waves[wave]
            if (key := instance_key(hook, operation)) is not None
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
    places = dict.fromkeys((hook.kind, hook.declared.key.namespace) for hook in hooks)
    for kind, namespace in places:
        for key, live in await list_instances(access, unit, kind, namespace):
            if not is_tracked_by(live, unit.id, key, control_namespace):
                continue
            seen = judge(HookRecord(key, kind.version, ""), live, now)
            delete = is_of_deletion(live) and has_policy(live, seen.state)
            release = release_of(kind, key, live, delete=delete)
            if release is not None:
                await let_go(access, release, propagation=unit.prune_propagation)

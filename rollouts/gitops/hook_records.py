"""Finds instances of hooks by what is recorded of them, without Git, and lets them go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rollouts.api.refs import Kind, Manifest, ObjectRef
from rollouts.gitops.compare import Access, read_live
from rollouts.gitops.health.assess import HOOK_FINALIZER
from rollouts.gitops.hook_release import Recorded, Release, is_held, release_of
from rollouts.gitops.hooks import HOOK_OF, is_of_deletion, unit_label
from rollouts.gitops.kinds import Kinds
from rollouts.gitops.model import HookRecord, ResourceKey, SyncUnit
from rollouts.gitops.options import read_options
from rollouts.gitops.order import propagation_of
from rollouts.gitops.tracking import is_tracked_by
from rollouts.kube.errors import Conflict, NotFound


async def read_recorded(
    access: Access, kinds: Kinds, unit: SyncUnit, records: tuple[HookRecord, ...]
) -> Recorded:
    """Look at what is recorded.

    Raises:
        ClusterError: the cluster cannot be read.
    """
    found: dict[ResourceKey, Kind] = {}
    for one in records:
        access.live.care_too(unit.id, one.key)
        kind = await kinds.of(one.key, one.version)
        if kind is not None:
            found[one.key] = kind
    refs = {key: ObjectRef(kind, key.namespace, key.name) for key, kind in found.items()}
    return Recorded(records, await read_live(access, refs.items()), found)


async def list_instances(
    access: Access, unit: SyncUnit, kind: Kind, namespace: str
) -> list[tuple[ResourceKey, Manifest]]:
    """Return what the cluster takes for instances of a unit; whether they bear its mark is open.

    Raises:
        ClusterError: the cluster cannot be read.
    """
    selector = f"{HOOK_OF}={unit_label(unit)}"
    place = ResourceKey(kind.group, kind.kind, namespace, "")
    # Items of a list may lack their type.
    own_type = {"apiVersion": kind.api_version, "kind": kind.kind}
    return [
        (replace(place, name=str(each["metadata"]["name"])), {**own_type, **each})
        for each in await access.cluster.list(kind, namespace, label_selector=selector)
    ]


async def clear_hooks(
    access: Access,
    kinds: Kinds,
    unit: SyncUnit,
    records: Iterable[HookRecord],
    *,
    spare_deletion: bool,
    control_namespace: str,
) -> tuple[ResourceKey, ...]:
    """Delete the hooks of a unit that goes; return what is still there.

    Those of the deletion itself can be spared. Records name the last operation's alone, and with
    them the kinds and namespaces in which those of earlier ones are found as well.
    """
    left: list[ResourceKey] = []
    for place, version in {replace(one.key, name=""): one.version for one in records}.items():
        kind = await kinds.of(place, version)
        if kind is None:
            continue
        for key, live in await list_instances(access, unit, kind, place.namespace):
            if not is_tracked_by(live, unit.id, key, control_namespace):
                continue
            if spare_deletion and is_of_deletion(live):
                continue
            goes = read_options(live).delete
            release = release_of(kind, key, live, delete=goes)
            if release is not None:
                await let_go(access, release, propagation=unit.prune_propagation)
            left += [key] if goes else []
    return tuple(left)


async def release_orphan(access: Access, ref: ObjectRef) -> None:
    """Take our finalizer off an instance whose Application is gone.

    Raises:
        ClusterError: it cannot be reached or may not be written.
    """
    try:
        live = await access.cluster.get(ref)
    except NotFound:
        return
    key = ResourceKey(ref.kind.group, ref.kind.kind, ref.namespace, ref.name)
    await let_go(access, Release(ref, key, live))


async def let_go_all(access: Access, releases: Iterable[Release], *, propagation: str = "") -> None:
    """Let instances go, one after the other; raises like `let_go`."""
    for each in releases:
        await let_go(access, each, propagation=propagation)


async def let_go(access: Access, release: Release, *, propagation: str = "") -> None:
    """Take our finalizer off an instance, and delete it if that is asked for.

    Whoever was faster is welcome: what is left to do is found in the next pass.

    Args:
        propagation: how what is below it goes; empty for what suits its kind.

    Raises:
        ClusterError: it cannot be reached or may not be written.
    """
    metadata = release.live.get("metadata") or {}
    uid = metadata.get("uid", "")
    try:
        if is_held(release.live):
            kept = [each for each in metadata["finalizers"] if each != HOOK_FINALIZER]
            version = metadata.get("resourceVersion", "")
            # The version guards the list, which is written whole.
            body = {"metadata": {"uid": uid, "resourceVersion": version, "finalizers": kept}}
            access.live.learn(release.key, await access.cluster.patch(release.ref, body))
        if release.delete:
            await access.cluster.delete(
                release.ref, uid=uid, propagation=propagation_of(release.key.kind, propagation)
            )
            access.live.forget(release.key)
    except NotFound:
        access.live.learn(release.key, None)
    except Conflict:
        access.live.forget(release.key)

"""Compares declared objects with the cluster: reads what is not known, asks the server to predict.

One request per object at most, and none for an object whose payload and live content are those
that were last found in sync. Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from rollouts.api.refs import Manifest, ObjectRef
from rollouts.gitops.bounded import for_each
from rollouts.gitops.diff import Payload, build_payload, drift_paths
from rollouts.gitops.fields import format_pointer, without
from rollouts.gitops.kinds import HORIZONTAL_POD_AUTOSCALER
from rollouts.gitops.live import LiveObjects
from rollouts.gitops.memory import UnitMemory, digest
from rollouts.gitops.model import (
    FIELD_MANAGER,
    ApplyMode,
    Comparison,
    Declared,
    Drift,
    ResourceKey,
    SyncUnit,
)
from rollouts.gitops.normalize import comparable
from rollouts.gitops.options import read_options
from rollouts.gitops.owned import Delivery, maker_of_canary, read_delivery
from rollouts.kube.cluster import Cluster
from rollouts.kube.errors import Conflict, Forbidden, NotFound, Rejected

CONFLICTS_MAX = 3
"""Tries for an object that others keep writing to; after that the next pass tries."""

LIST_FROM_COUNT = 20
"""From this many unknown objects of a kind in a namespace, one list is cheaper than reads."""

_REPLICAS = "/spec/replicas"


@dataclass(frozen=True, slots=True)
class Access:
    """How the cluster is reached.

    Attributes:
        at_once: calls under way at the same time for one unit.
    """

    cluster: Cluster
    live: LiveObjects
    at_once: int = 8


async def read_live(
    access: Access, wanted: Iterable[tuple[ResourceKey, ObjectRef]]
) -> dict[ResourceKey, Manifest | None]:
    """Return the live objects, asking only for those that are not known."""
    found: dict[ResourceKey, Manifest | None] = {}
    groups: dict[tuple[str, str], list[tuple[ResourceKey, ObjectRef]]] = {}
    for key, ref in wanted:
        is_known, live = access.live.known(key, ref.kind)
        if is_known:
            found[key] = live
        else:
            groups.setdefault((str(ref.kind), ref.namespace), []).append((key, ref))
    singles: list[tuple[ResourceKey, ObjectRef]] = []
    for group in groups.values():
        if len(group) >= LIST_FROM_COUNT:
            found.update(await _list(access, group))
        else:
            singles += group
    answers = await for_each(
        singles, lambda each: _get(access, each[0], each[1]), at_once=access.at_once
    )
    for (key, _), live in zip(singles, answers, strict=True):
        found[key] = live
    return found


async def _get(access: Access, key: ResourceKey, ref: ObjectRef) -> Manifest | None:
    try:
        live = await access.cluster.get(ref)
    except NotFound:
        access.live.learn(key, None)
        return None
    access.live.learn(key, live)
    return live


async def _list(
    access: Access, group: list[tuple[ResourceKey, ObjectRef]]
) -> dict[ResourceKey, Manifest | None]:
    ref = group[0][1]
    try:
        listed = await access.cluster.list(ref.kind, ref.namespace)
    except NotFound:
        listed = []
    named = {str((each.get("metadata") or {}).get("name", "")): each for each in listed}
    # Items of a list may lack what a single object states about its type.
    types = {"apiVersion": ref.kind.api_version, "kind": ref.kind.kind}
    found: dict[ResourceKey, Manifest | None] = {}
    for key, _ in group:
        live = named.get(key.name)
        found[key] = None if live is None else {**types, **live}
        access.live.learn(key, found[key])
    return found


class Comparer:
    """Compares the objects of one unit in one pass."""

    def __init__(
        self,
        access: Access,
        unit: SyncUnit,
        memory: UnitMemory,
        *,
        claimed: Callable[[Declared, Manifest], str],
        now: datetime,
    ) -> None:
        """Prepare a comparison.

        Args:
            claimed: names the other unit that an object belongs to; empty when it is free.
        """
        self._access = access
        self.unit = unit
        self._memory = memory
        self._claimed = claimed
        self._now = now
        self.delivery = Delivery()

    async def compare_all(
        self, objects: Iterable[Declared], live: dict[ResourceKey, Manifest | None]
    ) -> dict[ResourceKey, Comparison]:
        """Return the drift of all objects; `live` is brought up to date on the way."""
        declared = tuple(objects)
        known = [(one.key, one.manifest) for one in declared]
        known += [(key, found) for key, found in live.items() if found is not None]
        self.delivery = read_delivery(known)
        scaled = self._memory.scaled_at(self._now)
        self.delivery = replace(self.delivery, replicas=(*self.delivery.replicas, *scaled))
        compared = await self._compare(declared, live)
        doubtful = [
            one
            for one in declared
            if _REPLICAS in compared[one.key].paths and one.key not in self.delivery.replicas
        ]
        if doubtful and await self._find_scalers(doubtful):
            compared.update(await self._compare(doubtful, live))
        return compared

    async def _compare(
        self, objects: Iterable[Declared], live: dict[ResourceKey, Manifest | None]
    ) -> dict[ResourceKey, Comparison]:
        found = await for_each(
            objects, lambda one: self.compare(one, live), at_once=self._access.at_once
        )
        return {each.key: each for each in found}

    async def compare(self, one: Declared, live: dict[ResourceKey, Manifest | None]) -> Comparison:
        """Return the drift of one object."""
        for _ in range(CONFLICTS_MAX):
            there = live.get(one.key)
            decided = self._decide(one, there)
            if decided is not None:
                return decided
            assert there is not None
            try:
                return await self._predict(one, there)
            except Conflict:
                # Written between our read and the dry run: look again, then decide anew.
                self._access.live.forget(one.key)
                live[one.key] = await _get(self._access, one.key, one.ref)
        return Comparison(one.key, Drift.UNKNOWN, error="keeps changing; it is compared again")

    def _decide(self, one: Declared, there: Manifest | None) -> Comparison | None:
        """Return what is plain without asking the server, else None."""
        if not one.options.reconcile or one.options.mode is ApplyMode.IGNORE:
            return Comparison(one.key, Drift.SYNCED)
        if there is not None and not read_options(there).reconcile:
            return Comparison(one.key, Drift.SYNCED)
        rollout = maker_of_canary(one.key, there, self.delivery)
        if rollout:
            text = (
                f"{one.key} ({one.source}) is the canary Ingress that Rollout {rollout} makes "
                "and deletes by itself; remove it from Git"
            )
            return Comparison(one.key, Drift.OUT_OF_SYNC, error=text, fatal=True)
        if there is None:
            return Comparison(one.key, Drift.OUT_OF_SYNC, one.manifest, absent=True)
        if owner := self._claimed(one, there):
            return Comparison(one.key, Drift.UNKNOWN, claimed_by=owner)
        if one.options.mode is ApplyMode.IF_NOT_PRESENT:
            return Comparison(one.key, Drift.SYNCED)
        return None

    async def _predict(self, one: Declared, there: Manifest) -> Comparison:
        payload = build_payload(self.unit, one, there, self.delivery)
        if payload.managed_fields is not None:
            moved = ("/metadata/managedFields",)
            return Comparison(one.key, Drift.OUT_OF_SYNC, payload.manifest, paths=moved)
        prints = fingerprint(payload, there)
        if self._memory.clean.get(one.key) == prints:
            return Comparison(one.key, Drift.SYNCED)
        try:
            predicted = await self._access.cluster.apply(
                one.ref, payload.manifest, field_manager=FIELD_MANAGER, dry_run=True
            )
        except (Rejected, Forbidden, NotFound) as error:
            text = f"{one.key} ({one.source}): {error}"
            fatal = isinstance(error, Rejected)
            return Comparison(one.key, Drift.OUT_OF_SYNC, error=text, fatal=fatal)
        differing = drift_paths(predicted, there, payload.ignored)
        if not differing:
            self._memory.clean[one.key] = prints
            return Comparison(one.key, Drift.SYNCED)
        self._memory.clean.pop(one.key, None)
        paths = tuple(format_pointer(path) for path in differing)
        return Comparison(one.key, Drift.OUT_OF_SYNC, payload.manifest, paths=paths)

    async def _find_scalers(self, doubtful: Iterable[Declared]) -> bool:
        """Look for autoscalers of objects whose replicas differ; True when there are some."""
        keys: dict[ResourceKey, None] = {}
        for namespace in sorted({one.key.namespace for one in doubtful}):
            try:
                listed = await self._access.cluster.list(HORIZONTAL_POD_AUTOSCALER, namespace)
            except (NotFound, Forbidden):
                continue  # No autoscaling API, or none that we may read: nothing steers replicas.
            for each in listed:
                name = str((each.get("metadata") or {}).get("name", ""))
                key = ResourceKey("autoscaling", HORIZONTAL_POD_AUTOSCALER.kind, namespace, name)
                keys.update(dict.fromkeys(read_delivery([(key, each)]).replicas))
        found = [one.key for one in doubtful if one.key in keys]
        self._memory.scaled.update(dict.fromkeys(found, self._now))
        self.delivery = replace(self.delivery, replicas=(*self.delivery.replicas, *found))
        return bool(found)


def fingerprint(payload: Payload, live: Manifest) -> tuple[str, str]:
    """Return the digests by which an object is known to be in sync.

    The status and the resourceVersion are left out, so that a workload which only reports its
    progress is not compared again.
    """
    sent = without(payload.manifest, ("metadata", "resourceVersion"))
    return digest([sent, payload.ignored]), digest(comparable(live))

"""Deployments: rolls a new ReplicaSet in and the older ones out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rollouts.emulator.actors.actor import KeyedActor
from rollouts.emulator.actors.deployment_status import deployment_status
from rollouts.emulator.actors.facts import (
    CONTROLLER_MANAGER,
    MERGE_PATCH,
    controller_ref,
    controller_uid,
    is_terminal,
    owner_reference,
    status_patch,
)
from rollouts.emulator.actors.revisions import (
    REVISION,
    age_order,
    find_current,
    last_revision,
    new_replica_set,
    noted_revision,
    revision_of,
    scale_annotations,
    wanted_replicas,
)
from rollouts.emulator.actors.rolling import (
    Fleet,
    Member,
    Scale,
    plan_recreate,
    plan_rolling_update,
    surge_and_unavailable,
)
from rollouts.emulator.actors.view import Change, Key, Manifest, View, key_of
from rollouts.emulator.errors import ApiError
from rollouts.emulator.selectors import read_label_selector

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rollouts.emulator.actors.events import Recorder
    from rollouts.emulator.server import ApiServer

COMPONENT = "deployment-controller"
SALTS_MAX = 16
"""A name is taken by a set of another template or of another owner; both are rare."""

HISTORY_DEFAULT = 10


class DeploymentController(KeyedActor):
    """Rolling update, recreate, pause, scaling, revision history and progress conditions."""

    def __init__(self, server: ApiServer, *, recorder: Recorder | None = None) -> None:
        self._server = server
        self._recorder = recorder
        self._deployments = View(
            server, server.resource("apps", "v1", "deployments"), index=_by_namespace
        )
        self._sets = View(
            server, server.resource("apps", "v1", "replicasets"), index=controller_uid
        )
        self._pods = View(server, server.resource("", "v1", "pods"), index=controller_uid)
        super().__init__(self._deployments, self._sets, self._pods)

    def keys(self, view: View, change: Change) -> Iterable[Key]:
        """Name the Deployment that changed, or whose ReplicaSet did."""
        if view is self._deployments:
            return (key_of(change.latest),)
        if view is self._pods:
            return self._waiting_for(change)
        keys: dict[Key, None] = {}
        namespace, _ = key_of(change.latest)
        for replica_set in (change.old, change.new):
            if replica_set is None:
                continue
            ref = controller_ref(replica_set)
            if ref is None:
                keys.update(dict.fromkeys(map(key_of, self._deployments.indexed(namespace))))
            elif ref["kind"] == "Deployment":
                keys[(namespace, ref["name"])] = None
        return keys

    def _waiting_for(self, change: Change) -> Iterable[Key]:
        """Name the Deployment that may wait for a pod to be gone; other news come by the sets."""
        ref = controller_ref(change.latest) if change.new is None else None
        if ref is None:
            return ()
        replica_set = self._sets.get((key_of(change.latest)[0], ref["name"]))
        owner = controller_ref(replica_set) if replica_set is not None else None
        return () if owner is None else ((key_of(change.latest)[0], owner["name"]),)

    def reconcile(self, key: Key, now: datetime) -> datetime | None:
        """Take one step of the update, then tell how far it is."""
        deployment = self._deployments.get(key)
        if deployment is None or "deletionTimestamp" in deployment["metadata"]:
            return None
        sets = sorted(self._claim(deployment), key=age_order)
        current = find_current(deployment, sets)
        paused = bool(deployment["spec"].get("paused"))
        created = False
        if current is None and not paused:
            current = self._create_set(deployment, sets)
            sets, created = [*sets, current], True
        elif current is not None:
            current = self._renumber(deployment, current, sets)
        sets = self._scale(deployment, current, sets, now)
        if current is not None and not created:
            self._forget_history(deployment, current, sets)
        status, wake = deployment_status(deployment, current, sets, now=now, created=created)
        change = noted_revision(deployment, current)
        if patch := status_patch(deployment, status):
            change["status"] = patch
        if change:
            self._patch(self._deployments, deployment, change, subresource="status")
        return wake

    def _claim(self, deployment: Manifest) -> list[Manifest]:
        """Return the Deployment's ReplicaSets; orphans that its selector picks are adopted."""
        metadata = deployment["metadata"]
        claimed = self._sets.indexed(metadata["uid"])
        selector = read_label_selector(deployment["spec"].get("selector"))
        for orphan in self._sets.indexed(f"orphans of {metadata['namespace']}"):
            known = orphan["metadata"]
            if "deletionTimestamp" in known or selector is None:
                continue
            if selector.matches(known.get("labels")):
                owners = [*(known.get("ownerReferences") or ()), owner_reference(deployment)]
                change = {"metadata": {"uid": known["uid"], "ownerReferences": owners}}
                claimed.append(self._patch(self._sets, orphan, change))
        return claimed

    def _create_set(self, deployment: Manifest, sets: list[Manifest]) -> Manifest:
        """Create the ReplicaSet of the present template; a name that is taken gets salted."""
        namespace = deployment["metadata"]["namespace"]
        for salt in range(SALTS_MAX):
            manifest = new_replica_set(deployment, last_revision(sets) + 1, salt)
            try:
                return self._server.create(
                    self._sets.resource, namespace, manifest, field_manager=CONTROLLER_MANAGER
                )
            except ApiError as error:
                if error.reason != "AlreadyExists" or salt + 1 == SALTS_MAX:
                    raise
        raise AssertionError("a salt is always tried")

    def _renumber(self, deployment: Manifest, current: Manifest, sets: list[Manifest]) -> Manifest:
        """Give a template that comes back the newest revision; keep its minReadySeconds fresh."""
        others = [each for each in sets if each is not current]
        newest = last_revision(others) + 1
        change: Manifest = {}
        if revision_of(current) < newest:
            change["metadata"] = {"annotations": {REVISION: str(newest)}}
        minimum = deployment["spec"].get("minReadySeconds") or 0
        if (current["spec"].get("minReadySeconds") or 0) != minimum:
            change["spec"] = {"minReadySeconds": minimum}
        return self._patch(self._sets, current, change) if change else current

    def _scale(
        self,
        deployment: Manifest,
        current: Manifest | None,
        sets: list[Manifest],
        now: datetime,
    ) -> list[Manifest]:
        """Carry out what the strategy asks for; return the sets as they are then."""
        fleet = self._fleet(deployment, current, sets)
        if deployment["spec"].get("paused"):
            scales = fleet.plan_single()
        elif (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
            scales = plan_recreate(fleet)
        else:
            scales = plan_rolling_update(fleet)
        wanted = {scale.name: scale for scale in scales}
        result = []
        for replica_set in sets:
            scale = wanted.get(replica_set["metadata"]["name"])
            if scale is None:
                result.append(replica_set)
            else:
                self._tell(deployment, scale, now)
                annotations = scale_annotations(deployment)
                change = {"metadata": {"annotations": annotations}, "spec": {"replicas": scale.to}}
                result.append(self._patch(self._sets, replica_set, change))
        return result

    def _fleet(
        self, deployment: Manifest, current: Manifest | None, sets: Iterable[Manifest]
    ) -> Fleet:
        wanted = wanted_replicas(deployment)
        surge, unavailable = surge_and_unavailable(deployment["spec"], wanted)
        fleet = Fleet(wanted, surge, unavailable)
        name = current["metadata"]["name"] if current is not None else ""
        old: list[Member] = []
        for replica_set in sets:
            # Counted one by one: a pod that is going away still exists, whatever status says.
            pods = self._pods.indexed(replica_set["metadata"]["uid"])
            member = Member(
                replica_set["metadata"]["name"],
                wanted_replicas(replica_set),
                sum(not is_terminal(pod) for pod in pods),
                (replica_set.get("status") or {}).get("availableReplicas", 0),
            )
            if member.name == name:
                fleet = replace(fleet, current=member)
            else:
                old.append(member)
        return replace(fleet, old=tuple(old))

    def _tell(self, deployment: Manifest, scale: Scale, now: datetime) -> None:
        if self._recorder is None:
            return
        direction = "up" if scale.to > scale.before else "down"
        message = f"Scaled {direction} replica set {scale.name} from {scale.before} to {scale.to}"
        self._recorder.record(
            deployment, "ScalingReplicaSet", message, now=now, component=COMPONENT
        )

    def _forget_history(
        self, deployment: Manifest, current: Manifest, sets: list[Manifest]
    ) -> None:
        """Delete the oldest empty ReplicaSets beyond the limit."""
        limit = deployment["spec"].get("revisionHistoryLimit")
        limit = HISTORY_DEFAULT if limit is None else limit
        name = current["metadata"]["name"]
        old = sorted((each for each in sets if each["metadata"]["name"] != name), key=revision_of)
        for each in old[: max(0, len(old) - limit)]:
            empty = not each["spec"].get("replicas") and not (each.get("status") or {}).get(
                "replicas"
            )
            if empty and "deletionTimestamp" not in each["metadata"]:
                uid = each["metadata"]["uid"]
                self._server.delete(self._sets.resource, *key_of(each), uid=uid)

    def _patch(
        self, view: View, live: Manifest, change: Manifest, *, subresource: str = ""
    ) -> Manifest:
        return self._server.patch(
            view.resource,
            *key_of(live),
            change,
            MERGE_PATCH,
            subresource=subresource,
            field_manager=CONTROLLER_MANAGER,
        )


def _by_namespace(deployment: Manifest) -> tuple[str, ...]:
    return (deployment["metadata"]["namespace"],)

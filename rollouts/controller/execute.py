"""From actions to calls: in order, each safe to repeat, each under its precondition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn, assert_never

from rollouts.actions import (
    Action,
    Create,
    Delete,
    Evict,
    Patch,
    RemoveAnnotation,
    RestoreTemplate,
    Route,
    Scale,
    SwitchService,
)
from rollouts.api.refs import ANALYSIS_RUN, INGRESS, ROLLOUT, Kind, Manifest, ObjectRef
from rollouts.controller.observe import live_ingresses, nginx_target
from rollouts.controller.views import Views
from rollouts.core.facts import HASH_LABEL, RolloutFacts
from rollouts.core.memory import MEMORY, memory_change, without_own
from rollouts.kube.cluster import Cluster, PatchType
from rollouts.kube.errors import (
    AlreadyExists,
    ClusterError,
    Conflict,
    NotFound,
    Unavailable,
    Unknown,
    Unserved,
)
from rollouts.kube.mending import unserved
from rollouts.traffic import nginx


class Overtaken(Exception):  # the views were behind; they have been refreshed
    """Somebody else wrote first, or an answer was lost: observe again, then plan again."""


class NameTaken(Exception):
    """A ReplicaSet of the wanted name exists and belongs to somebody else."""


@dataclass(slots=True)
class Execution:
    """One pass over one Rollout.

    `resource_version` follows our own writes of the Rollout, so that status is written only
    if nobody else has changed the object since it was observed.
    """

    cluster: Cluster
    views: Views
    rollout: RolloutFacts
    resource_version: str

    @property
    def ref(self) -> ObjectRef:
        """Return the Rollout's own reference."""
        return ObjectRef(ROLLOUT, self.rollout.namespace, self.rollout.name)

    async def perform(self, action: Action) -> None:
        """Carry one action out.

        Raises:
            Overtaken: what the action was planned on is not so; the views know better now.
            NameTaken: the name of a ReplicaSet to create is taken.
            ClusterError: the world's fault; try again later.
        """
        match action:
            case Create(kind, manifest):
                await self._create(kind, manifest)
            case Scale():
                await self._scale(action)
            case Patch(ref, body, version) | SwitchService(ref, _, body, version):
                await self._merge(ref, body, version)
            case Route(weight):
                await self._route(weight)
            case Delete(ref, uid):
                await self._delete(ref, uid)
            case RemoveAnnotation(ref, key):
                body = {"metadata": {"annotations": {key: None}}}
                await self._merge(ref, body, self.resource_version)
            case RestoreTemplate():
                await self._restore(action)
            case Evict(ref, uid):
                await self._evict(ref, uid)
            case _:
                assert_never(action)

    async def write_status(self, old: Manifest, new: Manifest) -> None:
        """Write the difference of two statuses, unless the Rollout has changed meanwhile.

        What the server drops, because its definition is the peer's, goes into an annotation.
        """
        changes = difference(old, new)
        if MEMORY in self.rollout.annotations:
            # Told anew each time, so that a definition that keeps it by now has it whole.
            changes = _joined(changes, difference(without_own(old), new))
        body = {"status": changes}
        written = await self._merge(self.ref, body, self.resource_version, subresource="status")
        annotations = written["metadata"].get("annotations") or {}
        change = memory_change(written.get("status") or {}, new, annotations)
        if change:
            await self._merge(
                self.ref, {"metadata": {"annotations": change}}, self.resource_version
            )

    async def _create(self, kind: Kind, manifest: Manifest) -> None:
        ref = ObjectRef(kind, manifest["metadata"]["namespace"], manifest["metadata"]["name"])
        try:
            self.views.wrote(kind, await self.cluster.create(manifest, kind))
        except AlreadyExists:
            found = await self.cluster.get(ref)
            self.views.wrote(kind, found)
            if kind == ANALYSIS_RUN:
                # It may have decided long ago about something else; the next plan knows it.
                raise Overtaken(str(ref)) from None
            if _controller_uid(found) != self.rollout.uid:
                raise NameTaken(str(ref)) from None
            if _hash(found) != _hash(manifest):
                raise NameTaken(str(ref)) from None
        except Unknown as error:
            await self._refresh(ref, error)

    async def _scale(self, action: Scale) -> None:
        operations: list[Manifest] = [
            {"op": "test", "path": "/metadata/uid", "value": action.uid},
            {"op": "test", "path": "/spec/replicas", "value": action.previous},
            {"op": "replace", "path": "/spec/replicas", "value": action.replicas},
        ]
        for key, value in action.annotations.items():
            path = "/metadata/annotations/" + key.replace("~", "~0").replace("/", "~1")
            operations.append(
                {"op": "remove", "path": path}
                if value is None
                else {"op": "add", "path": path, "value": value}
            )
        try:
            written = await self.cluster.patch(action.ref, operations, PatchType.JSON)
        except (Conflict, NotFound, Unknown) as error:
            await self._refresh(action.ref, error)
        else:
            self.views.wrote(action.ref.kind, written)

    async def _merge(
        self, ref: ObjectRef, body: Manifest, version: str, *, subresource: str = ""
    ) -> Manifest:
        """Patch an object that is still at a version; without one, unconditionally."""
        is_self = ref == self.ref
        expected = self.resource_version if is_self else version
        if expected:
            body = {**body, "metadata": {**body.get("metadata", {}), "resourceVersion": expected}}
        try:
            written = await self.cluster.patch(ref, body, PatchType.MERGE, subresource=subresource)
        except NotFound as error:
            await self._check_subresource(ref, subresource)
            await self._refresh(ref, error)
        except (Conflict, Unknown) as error:
            await self._refresh(ref, error)
        self.views.wrote(ref.kind, written)
        if is_self:
            self.resource_version = str(written["metadata"]["resourceVersion"])
        return written

    async def _route(self, weight: int) -> None:
        target = nginx_target(self.rollout)
        assert target is not None, "only a rollout with a router has routes"
        live = live_ingresses(self.views, target)
        for write in nginx.render(target, weight, live):
            if write.resource_version:
                await self._merge(write.ref, write.body, write.resource_version)
            else:
                await self._create(INGRESS, write.body)

    async def _delete(self, ref: ObjectRef, uid: str) -> None:
        try:
            await self.cluster.delete(ref, uid=uid)
        except NotFound:
            pass  # Gone already, which is what was wanted.
        except (Conflict, Unknown) as error:
            await self._refresh(ref, error)
        self.views.store(ref.kind).forget(ref.namespace, ref.name)

    async def _evict(self, ref: ObjectRef, uid: str) -> None:
        try:
            await self.cluster.evict(ref, uid=uid)
        except (NotFound, Unavailable):
            return  # Gone already, or a disruption budget forbids it for now: looked at again.

    async def _restore(self, action: RestoreTemplate) -> None:
        """Replace the template as a whole: a merge would keep what only the newer one has."""
        source = await self.cluster.get(action.source)
        template = source["spec"]["template"]
        metadata = template.get("metadata") or {}
        labels = {
            key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH_LABEL
        }
        restored = {**template, "metadata": {**metadata, "labels": labels}}
        annotation = "/metadata/annotations/" + action.annotation.replace("/", "~1")
        operations: list[Manifest] = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": self.resource_version},
            {"op": "remove", "path": annotation},
            {"op": "replace", "path": "/spec/template", "value": restored},
        ]
        try:
            written = await self.cluster.patch(action.ref, operations, PatchType.JSON)
        except (Conflict, NotFound, Unknown) as error:
            await self._refresh(action.ref, error)
        self.views.wrote(action.ref.kind, written)
        self.resource_version = str(written["metadata"]["resourceVersion"])

    async def _check_subresource(self, ref: ObjectRef, subresource: str) -> None:
        """Tell an object that is gone from one whose definition has no such subresource.

        Raises:
            Unserved: trying again is useless until the definition is mended.
        """
        if not subresource:
            return
        try:
            found = await self.cluster.get(ref)
        except NotFound:
            return
        if found["metadata"].get("uid") == self.rollout.uid:
            raise Unserved(unserved(ref, subresource))

    async def _refresh(self, ref: ObjectRef, error: ClusterError) -> NoReturn:
        """Read an object that is not as expected, and have everything planned anew."""
        try:
            self.views.wrote(ref.kind, await self.cluster.get(ref))
        except NotFound:
            self.views.store(ref.kind).forget(ref.namespace, ref.name)
        raise Overtaken(str(ref)) from error


def difference(old: Manifest, new: Manifest) -> Manifest:
    """Return the merge patch that turns one JSON object into another."""
    patch: Manifest = {}
    for key in old:
        if key not in new:
            patch[key] = None
    for key, value in new.items():
        before = old.get(key)
        if before == value and key in old:
            continue
        if isinstance(before, dict) and isinstance(value, dict):
            patch[key] = difference(before, value)
        else:
            patch[key] = value
    return patch


def _joined(one: Manifest, other: Manifest) -> Manifest:
    """Return a merge patch that does what two do; the second one wins."""
    return one | {
        key: _joined(one[key], value)
        if isinstance(value, dict) and isinstance(one.get(key), dict)
        else value
        for key, value in other.items()
    }


def _controller_uid(manifest: Manifest) -> str:
    owners = manifest["metadata"].get("ownerReferences") or ()
    return next((str(each.get("uid", "")) for each in owners if each.get("controller")), "")


def _hash(manifest: Manifest) -> str:
    return str((manifest["metadata"].get("labels") or {}).get(HASH_LABEL, ""))

"""`Cluster` over the in-process emulator, with a log of calls and crashes on demand."""

from __future__ import annotations

from rollouts.api.refs import Kind
from rollouts.emulator import ApiError, ApiServer
from rollouts.kube.cluster import PatchType
from rollouts.kube.errors import Unavailable
from rollouts.simulate.cluster import as_cluster_error
from rollouts.simulate.driver import Call, Verb


class Crash(BaseException):
    """The process has died; nothing may catch this."""


class Emulated:
    """Serves calls at once; `crash_at` ends the process around the n-th call from now."""

    def __init__(self, clock):
        self.server = ApiServer(clock)
        self.calls = []
        self.crash_at = None
        self.crash_served = False
        self.refuse = []  # (verb, name) of calls that the server cannot answer
        self.meanwhile = None  # called after each call, before its caller goes on

    def writes(self):
        return [f"{call}" for call in self.calls if call.is_write]

    def type_of(self, kind):
        try:
            return self.server.resource(kind.group, kind.version, kind.plural)
        except ApiError as error:
            raise as_cluster_error(error, Call(Verb.GET, kind, "", "")) from error

    async def discover(self, api_version, kind):
        try:
            found = self.server.resource_for_kind(api_version, kind)
        except ApiError as error:
            group, _, version = api_version.rpartition("/")
            call = Call(Verb.GET, Kind(group, version, kind, ""), "", "")
            raise as_cluster_error(error, call) from error
        return Kind(found.group, found.version, found.kind, found.plural, found.namespaced)

    def _serve(self, call, action):
        if (call.verb.value, call.name) in self.refuse:
            raise Unavailable(f"{call}: the server is overloaded")
        self.calls.append(call)
        is_last = self.crash_at is not None and len(self.calls) >= self.crash_at
        if is_last and not self.crash_served:
            raise Crash
        try:
            answer = action(self.type_of(call.kind))
        except ApiError as error:
            if is_last:
                raise Crash from None
            raise as_cluster_error(error, call) from error
        if is_last:
            raise Crash
        if self.meanwhile is not None:
            self.meanwhile(call)
        return answer

    async def get(self, ref):
        call = Call(Verb.GET, ref.kind, ref.namespace, ref.name)
        return self._serve(call, lambda rt: self.server.get(rt, ref.namespace, ref.name))

    async def list(self, kind, namespace="", *, label_selector=""):
        call = Call(Verb.LIST, kind, namespace, "", label_selector=label_selector)
        return self._serve(
            call,
            lambda rt: list(self.server.list(rt, namespace, label_selector=label_selector).items),
        )

    async def create(self, manifest, kind, *, dry_run=False):
        metadata = manifest["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata.get("name", "")
        call = Call(Verb.CREATE, kind, namespace, name, manifest, dry_run=dry_run)
        return self._serve(
            call,
            lambda rt: self.server.create(
                rt, namespace, manifest, field_manager="rollouts", dry_run=dry_run
            ),
        )

    async def patch(self, ref, body, patch_type=PatchType.MERGE, *, subresource="", dry_run=False):
        call = Call(
            Verb.PATCH,
            ref.kind,
            ref.namespace,
            ref.name,
            body,
            patch_type,
            subresource,
            dry_run=dry_run,
        )
        return self._serve(
            call,
            lambda rt: self.server.patch(
                rt,
                ref.namespace,
                ref.name,
                body,
                patch_type.value,
                subresource=subresource,
                field_manager="rollouts",
                dry_run=dry_run,
            ),
        )

    async def apply(self, ref, manifest, *, field_manager, force=True, dry_run=False):
        call = Call(
            Verb.APPLY,
            ref.kind,
            ref.namespace,
            ref.name,
            manifest,
            PatchType.APPLY,
            field_manager=field_manager,
            force=force,
            dry_run=dry_run,
        )
        return self._serve(
            call,
            lambda rt: self.server.patch(
                rt,
                ref.namespace,
                ref.name,
                manifest,
                PatchType.APPLY.value,
                field_manager=field_manager,
                force=force,
                dry_run=dry_run,
            ),
        )

    async def update(self, ref, manifest):
        call = Call(Verb.UPDATE, ref.kind, ref.namespace, ref.name, manifest)
        return self._serve(
            call,
            lambda rt: self.server.update(
                rt, ref.namespace, ref.name, manifest, field_manager="rollouts"
            ),
        )

    async def delete(self, ref, *, uid="", propagation="Background"):
        call = Call(
            Verb.DELETE, ref.kind, ref.namespace, ref.name, uid=uid, propagation=propagation
        )
        self._serve(
            call,
            lambda rt: self.server.delete(
                rt, ref.namespace, ref.name, uid=uid, propagation=propagation
            ),
        )

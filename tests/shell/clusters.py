"""A small cluster for tests: stores whole objects, checks versions, fails on demand."""

from __future__ import annotations

import asyncio

from rollouts.kube.errors import AlreadyExists, Conflict, NotFound


class MemoryCluster:
    """Implements the calls of `Cluster` that leaders and recorders make."""

    def __init__(self, seconds=0.0):
        self.objects = {}
        self.revision = 0
        self.seconds = seconds
        self.calls = []
        self.fail = []  # errors to raise, one per call, before it does anything
        self.lose = []  # errors to raise, one per write, after it was done

    async def _enter(self, verb, name):
        self.calls.append((verb, name))
        await asyncio.sleep(self.seconds)
        if self.fail:
            error = self.fail.pop(0)
            if error is not None:
                raise error

    def _store(self, manifest):
        self.revision += 1
        name = manifest["metadata"]["name"]
        metadata = manifest["metadata"] | {"resourceVersion": str(self.revision)}
        self.objects[name] = manifest | {"metadata": metadata}
        if self.lose:
            error = self.lose.pop(0)
            if error is not None:
                raise error
        return self.objects[name]

    async def get(self, ref):
        await self._enter("get", ref.name)
        if ref.name not in self.objects:
            raise NotFound(f"get {ref}: not found")
        return self.objects[ref.name]

    async def create(self, manifest, kind, *, dry_run=False):
        name = manifest["metadata"]["name"]
        await self._enter("create", name)
        if name in self.objects:
            raise AlreadyExists(f"create {name}: exists")
        return self._store(manifest)

    async def update(self, ref, manifest):
        await self._enter("update", ref.name)
        known = self.objects.get(ref.name)
        if known is None:
            raise NotFound(f"update {ref}: not found")
        if known["metadata"]["resourceVersion"] != manifest["metadata"]["resourceVersion"]:
            raise Conflict(f"update {ref}: changed")
        return self._store(manifest)

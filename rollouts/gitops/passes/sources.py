"""One pass of a GitRepository or a HelmRepository: look at the remote, report what is there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeAlias

from rollouts.api.checks import read_git_repository, read_helm_repository
from rollouts.api.git_repository import GitRepository
from rollouts.api.problems import InvalidSpec
from rollouts.api.refs import GIT_REPOSITORY, HELM_REPOSITORY, Manifest, ObjectRef
from rollouts.gitops.contents import GRACE, RETRY_DELAY, RETRY_DELAY_MAX
from rollouts.gitops.frontends import sources as words
from rollouts.gitops.frontends.application import annotation
from rollouts.gitops.frontends.door import StatusDoor
from rollouts.gitops.frontends.helm_index import Index
from rollouts.gitops.frontends.kustomization import REQUESTED_AT
from rollouts.gitops.memory import UnitMemory, doubled
from rollouts.gitops.room import Key, Room, jittered
from rollouts.gitops.source import (
    ANONYMOUS,
    AuthenticationFailed,
    Credentials,
    SourceError,
    SourceRefused,
    SourceUnreachable,
)
from rollouts.gitops.source.view import ignoring

FetchIndex: TypeAlias = Callable[[str, Credentials, timedelta], Awaitable[Index]]
"""Fetches the index of a chart repository."""


async def reconcile_git_repository(room: Room, namespace: str, name: str) -> datetime | None:
    """Run one pass and return when to look again unasked, or None."""
    manifest = room.stores.git_repositories.get(namespace, name)
    key: Key = (GIT_REPOSITORY.kind, namespace, name)
    if manifest is None:
        room.forget(key)
        return None
    ref = ObjectRef(GIT_REPOSITORY, namespace, name)
    look = _Look(room, key, StatusDoor(room.cluster, room.stores.git_repositories, ref, manifest))
    if look.is_early():
        return look.memory.wake_at
    try:
        repository = read_git_repository(manifest)
    except InvalidSpec as error:
        await look.refuse(str(error))
        return None
    if repository.spec.suspend or repository.metadata.deletion_timestamp is not None:
        return None

    async def fetch() -> Manifest:
        login = ANONYMOUS
        if repository.spec.secret_ref is not None:
            login = await room.logins.for_secret(namespace, repository.spec.secret_ref.name)
        return await _fetch_commit(room, repository, look, login)

    return await look.run(fetch, repository.interval)


async def reconcile_helm_repository(
    room: Room, namespace: str, name: str, fetch_index: FetchIndex
) -> datetime | None:
    """Run one pass and return when to look again unasked, or None."""
    manifest = room.stores.helm_repositories.get(namespace, name)
    key: Key = (HELM_REPOSITORY.kind, namespace, name)
    if manifest is None:
        room.forget(key)
        return None
    ref = ObjectRef(HELM_REPOSITORY, namespace, name)
    look = _Look(room, key, StatusDoor(room.cluster, room.stores.helm_repositories, ref, manifest))
    if look.is_early():
        return look.memory.wake_at
    try:
        repository = read_helm_repository(manifest)
    except InvalidSpec as error:
        await look.refuse(str(error))
        return None
    if repository.spec.suspend or repository.metadata.deletion_timestamp is not None:
        return None
    if repository.is_registry:
        generation = repository.metadata.generation
        status = words.static(look.door.status, generation=generation, now=look.now)
        await look.door.write(status, subresource="status")
        return None

    async def fetch() -> Manifest:
        login = ANONYMOUS
        if repository.spec.secret_ref is not None:
            login = await room.logins.for_secret(namespace, repository.spec.secret_ref.name)
        index = await fetch_index(repository.spec.url, login, repository.timeout)
        return words.fetched_index(
            repository, look.door.status, index.checksum, size=index.size, now=look.now
        )

    return await look.run(fetch, repository.interval)


async def _fetch_commit(
    room: Room, repository: GitRepository, look: _Look, login: Credentials
) -> Manifest:
    """Find the wanted commit and store it; its files must be readable to count as stored."""
    spec = repository.spec
    max_age = timedelta(0) if look.is_forced else repository.interval
    revision = await room.git.revision(spec.url, words.read_ref(repository), login, max_age=max_age)
    if spec.ref.commit and spec.ref.branch:
        # A pinned commit is spelled with the branch that was named beside it.
        revision = replace(revision, name=f"refs/heads/{spec.ref.branch}")
    asked = (revision.commit, look.version)
    if look.memory.settled != asked:
        tree = await room.git.checkout(spec.url, revision.commit, login)
        await ignoring(tree, spec.ignore)
    return words.fetched_git(repository, look.door.status, revision, now=look.now)


class _Look:
    """One look at a remote, with what earlier ones have taught."""

    def __init__(self, room: Room, key: Key, door: StatusDoor) -> None:
        self._room = room
        self._key = key
        self.door = door
        self.now = room.clock()
        self.memory: UnitMemory = room.memory(key)
        self.requested_at = annotation(door.manifest, REQUESTED_AT)
        handled = str(door.status.get("lastHandledReconcileAt") or "")
        self.is_forced = bool(self.requested_at) and self.requested_at != handled

    def is_early(self) -> bool:
        """Tell whether nothing has changed and the next look is not due."""
        return (
            self.memory.wake_at is not None
            and self.now < self.memory.wake_at
            and self.memory.seen_version == self.version
        )

    async def refuse(self, problem: str) -> None:
        """Say what is wrong with the spec; nothing is tried until it changes."""
        status = words.failed(
            self.door.status,
            reason="InvalidSpec",
            message=problem,
            generation=self._generation(),
            stalled=True,
            now=self.now,
        )
        await self.door.write(status, subresource="status")

    async def run(
        self, fetch: Callable[[], Awaitable[Manifest]], interval: timedelta
    ) -> datetime | None:
        """Look, write what was found, and return when to look again."""
        try:
            status = await fetch()
        except SourceError as error:
            wake_at = await self._fail(error, interval)
        else:
            self.memory.failing_since, self.memory.failures = None, 0
            await self._write(status)
            revision = str((status.get("artifact") or {}).get("revision", ""))
            self.memory.settled = (revision.rpartition(":")[2], self.version)
            wake_at = self.now + jittered(interval, self._key)
        self.memory.wake_at = wake_at
        self.memory.seen_version = self.version
        return wake_at

    async def _fail(self, error: SourceError, interval: timedelta) -> datetime:
        """Report a failure, after a grace time when the remote was merely out of reach."""
        if isinstance(error, AuthenticationFailed):
            self._room.logins.forget()
        memory = self.memory
        memory.failing_since = memory.failing_since or self.now
        delay = doubled(RETRY_DELAY, memory.failures, RETRY_DELAY_MAX)
        memory.failures += 1
        transient = isinstance(error, SourceUnreachable) and not self.is_forced
        served = bool(self.door.status.get("artifact"))
        if transient and served and self.now - memory.failing_since < GRACE:
            return self.now + min(delay, interval)
        stalled = isinstance(error, SourceRefused)
        status = words.failed(
            self.door.status,
            reason=words.reason_of(error),
            message=str(error),
            generation=self._generation(),
            stalled=stalled,
            now=self.now,
        )
        await self._write(status)
        return self.now + (max(interval, RETRY_DELAY_MAX) if stalled else delay)

    async def _write(self, status: Manifest) -> None:
        requested_at = self.requested_at if self.is_forced else ""
        await self.door.write(words.handled(status, requested_at), subresource="status")

    def _generation(self) -> int:
        found = self.door.manifest["metadata"].get("generation")
        return found if isinstance(found, int) else 0

    @property
    def version(self) -> str:
        """Return the version of the object, as of the last write."""
        return str(self.door.manifest["metadata"].get("resourceVersion", ""))

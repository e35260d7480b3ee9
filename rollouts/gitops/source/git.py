"""Where Git is pulled: one mirror per remote, one listing per remote and poll for all its users."""

from __future__ import annotations

import asyncio
import hmac
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from rollouts.gitops.process import TIMEOUT_SECONDS, Runner, run_process
from rollouts.gitops.source.address import Address, Policy, check_policy, parse_address
from rollouts.gitops.source.binary import GitBinary
from rollouts.gitops.source.credentials import ANONYMOUS, Credentials, with_address
from rollouts.gitops.source.errors import RevisionNotFound, SourceError, SourceRefused
from rollouts.gitops.source.failures import explain
from rollouts.gitops.source.mirror import MIRROR_BYTES_MAX, Mirror
from rollouts.gitops.source.revision import (
    Refs,
    Revision,
    RevisionRef,
    check_revision,
    choose,
    is_short_commit,
    parse_ls_remote,
)
from rollouts.gitops.source.tree import Tree

MIRRORS_MAX = 200
"""Default bound on mirrors in one cache; the least recently used goes first."""

_FAILURE_KEPT = timedelta(seconds=15)  # A hundred units of one dead host ask it once.
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class _Listing:
    """What a remote listed, or why it did not, and when."""

    at: datetime
    outcome: Refs | SourceError


@dataclass(frozen=True, slots=True)
class _Remote:
    """A remote as one set of credentials sees it; `key` names its mirror."""

    address: Address
    credentials: Credentials
    key: str


class GitCache:
    """Resolves revisions and reads commits of any number of repositories.

    Credentials are part of a mirror's identity: who cannot log in cannot read what somebody
    else fetched from the same URL.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        clock: Callable[[], datetime],
        policy: Policy | None = None,
        run: Runner = run_process,
        timeout_seconds: float = TIMEOUT_SECONDS,
        mirror_bytes_max: int = MIRROR_BYTES_MAX,
        mirrors_max: int = MIRRORS_MAX,
    ) -> None:
        """Open a cache directory, which belongs to this process alone and may be deleted freely.

        Args:
            clock: tells the time in UTC; only differences count.
        """
        self._root = Path(root).resolve()
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._work = self._root / "work"
        shutil.rmtree(self._work, ignore_errors=True)  # Of a process that was killed.
        self._work.mkdir(mode=0o700)
        self._salt = _read_salt(self._root / "salt")
        self._clock = clock
        policy = policy or Policy()
        self._policy = replace(policy, private_paths=(*policy.private_paths, str(self._root)))
        self._git = GitBinary(
            run=run, work=self._work, policy=self._policy, timeout_seconds=timeout_seconds
        )
        self._mirror_bytes_max = mirror_bytes_max
        self._mirrors_max = mirrors_max
        self._mirrors: dict[str, Mirror] = {}
        self._listings: dict[str, _Listing] = {}
        self._asking: dict[str, asyncio.Task[Refs]] = {}

    @property
    def work(self) -> Path:
        """Return a private directory for short-lived files of renderers."""
        return self._work

    async def resolve(
        self,
        url: str,
        ref: RevisionRef,
        credentials: Credentials = ANONYMOUS,
        *,
        max_age: timedelta = timedelta(0),
    ) -> str:
        """Return the full name of the commit a revision means; see `revision`."""
        return (await self.revision(url, ref, credentials, max_age=max_age)).commit

    async def revision(
        self,
        url: str,
        ref: RevisionRef,
        credentials: Credentials = ANONYMOUS,
        *,
        max_age: timedelta = timedelta(0),
    ) -> Revision:
        """Decide which commit a revision means now.

        A full commit is its own answer; nobody is asked, and it may turn out not to exist.

        Args:
            max_age: how old a listing may be that another user of the repository caused.

        Raises:
            RevisionNotFound, SourceRefused, AuthenticationFailed, SourceUnreachable: as said.
        """
        check_revision(ref)
        if ref.pinned:
            check_policy(parse_address(url), self._policy)
            return Revision(ref.pinned)
        refs = await self.refs(url, credentials, max_age=max_age)
        try:
            return choose(refs, ref)
        except RevisionNotFound:
            if not is_short_commit(ref.text):
                raise
            commit = await self._mirror(self._remote(url, credentials)).expand(ref.text.lower())
            if not commit:
                raise
            return Revision(commit)

    async def refs(
        self, url: str, credentials: Credentials = ANONYMOUS, *, max_age: timedelta = timedelta(0)
    ) -> Refs:
        """Return what a remote lists; concurrent and recent questions share one answer.

        Raises:
            SourceRefused, AuthenticationFailed, SourceUnreachable: as said.
        """
        remote = self._remote(url, credentials)
        known = self._listings.get(remote.key)
        if known is not None:
            age = self._clock() - known.at
            if isinstance(known.outcome, Refs) and age < max_age:
                return known.outcome
            if isinstance(known.outcome, SourceError) and age < min(max_age, _FAILURE_KEPT):
                raise type(known.outcome)(str(known.outcome))
        task = self._asking.get(remote.key)
        if task is None:
            task = asyncio.create_task(self._ask(remote))
            self._asking[remote.key] = task
            task.add_done_callback(lambda done: self._answered(remote.key, done))
        # One user who gives up must not take the answer from the others.
        return await asyncio.shield(task)

    async def checkout(self, url: str, commit: str, credentials: Credentials = ANONYMOUS) -> Tree:
        """Return the files of a commit, fetching it when it is not in the mirror.

        Raises:
            SourceError: it cannot be had; the subclass says whether trying again helps.
        """
        if not _COMMIT.fullmatch(commit):
            raise SourceRefused(f"commit {commit!r:.100} is not 40 hexadecimal digits")
        remote = self._remote(url, credentials)
        known = self._listings.get(remote.key)
        names: tuple[str, ...] = ()
        if known is not None and isinstance(known.outcome, Refs):
            names = tuple(n for n in known.outcome.names_of(commit) if n.startswith("refs/"))
        return await self._mirror(remote).tree(commit, names)

    async def close(self) -> None:
        """End what is under way; their processes are gone when this returns."""
        tasks = tuple(self._asking.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _remote(self, url: str, credentials: Credentials) -> _Remote:
        address = parse_address(url)
        check_policy(address, self._policy)
        credentials = with_address(credentials, address)
        identity = f"{address.url}\x00{credentials.identity_text()}".encode()
        digest = hmac.digest(self._salt, identity, "sha256").hex()[:32]
        host = re.sub(r"[^a-z0-9.-]", "-", address.host)[:64]
        return _Remote(address, credentials, f"{host or 'file'}-{digest}.git")

    def _mirror(self, remote: _Remote) -> Mirror:
        mirror = self._mirrors.pop(remote.key, None)
        if mirror is None:
            self._make_room()
            mirror = Mirror(
                self._root / "mirrors" / remote.key,
                remote.address,
                remote.credentials,
                git=self._git,
                bytes_max=self._mirror_bytes_max,
            )
        self._mirrors[remote.key] = mirror  # Last in the order of use.
        return mirror

    def _make_room(self) -> None:
        """Delete the least recently used mirrors until one more fits.

        Mirrors of an earlier process that nobody asked for yet count as oldest.
        """
        directory = self._root / "mirrors"
        directory.mkdir(mode=0o700, exist_ok=True)
        present = sorted(path.name for path in directory.iterdir())
        strangers = [name for name in present if name not in self._mirrors]
        idle = [name for name, mirror in self._mirrors.items() if not mirror.is_busy]
        excess = len(strangers) + len(self._mirrors) + 1 - self._mirrors_max
        for name in (*strangers, *idle)[: max(excess, 0)]:
            self._mirrors.pop(name, None)
            self._listings.pop(name, None)
            shutil.rmtree(directory / name, ignore_errors=True)

    async def _ask(self, remote: _Remote) -> Refs:
        answer = await self._git.remote(
            ("ls-remote", "--quiet", "--symref", "--", remote.address.url),
            remote.address,
            remote.credentials,
        )
        if answer.returncode:
            raise explain(remote.address, answer.stderr, remote.credentials.secrets)
        return parse_ls_remote(answer.stdout)

    def _answered(self, key: str, task: asyncio.Task[Refs]) -> None:
        """Remember an answer, or a failure for a little while."""
        self._asking.pop(key, None)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self._listings[key] = _Listing(self._clock(), task.result())
        elif isinstance(error, SourceError):
            self._listings[key] = _Listing(self._clock(), error)


def _read_salt(path: Path) -> bytes:
    """Return this cache's salt, making one first if need be.

    It keeps the names of mirrors from telling anything about the credentials in them.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        salt = os.urandom(32)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(salt)
        return salt

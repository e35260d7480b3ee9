"""One bare mirror of one remote: fetches what is asked for, and as little as the server allows."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from rollouts.gitops.process import Completed
from rollouts.gitops.source.address import Address
from rollouts.gitops.source.binary import GitBinary
from rollouts.gitops.source.credentials import Credentials
from rollouts.gitops.source.errors import RevisionNotFound, SourceRefused, TooLarge
from rollouts.gitops.source.failures import classify, explain
from rollouts.gitops.source.listing import (
    link_objects,
    link_targets,
    parse_batch,
    parse_commit,
    parse_ls_tree,
)
from rollouts.gitops.source.tree import Tree

_LOG = logging.getLogger(__name__)

MIRROR_BYTES_MAX = 1024 * 1024 * 1024
"""Default bound on one mirror's disk space: manifests take megabytes, a mistake gigabytes."""

READ_BYTES_MAX = 128 * 1024 * 1024
"""Bound on what one read may bring into memory, above any limit a caller sets."""

_KEPT_COMMITS = 10  # Enough for history and rollback without a fetch.
_TRIM_AT_COMMITS = 30
_TREES_KEPT = 4
_WATCH_SECONDS = 0.25  # A fast network brings some 100 MB in that time.
_ALL_HISTORY = "--depth=2147483647"  # What git itself sends for --unshallow.


class _BrokenMirrorError(Exception):
    """The mirror's own files are damaged: throw it away and fetch again."""


class Mirror:
    """A bare repository in a directory of its own, for one remote and one set of credentials."""

    def __init__(
        self,
        directory: Path,
        address: Address,
        credentials: Credentials,
        *,
        git: GitBinary,
        bytes_max: int = MIRROR_BYTES_MAX,
    ) -> None:
        self._directory = directory
        self._address = address
        self._credentials = credentials
        self._git = git
        self._bytes_max = bytes_max
        self._lock = asyncio.Lock()
        self._trees: OrderedDict[str, Tree] = OrderedDict()

    @property
    def is_busy(self) -> bool:
        """Tell whether somebody fetches right now."""
        return self._lock.locked()

    async def tree(self, commit: str, names: tuple[str, ...] = ()) -> Tree:
        """Return the files of a commit, fetching it when it is not here.

        Args:
            names: references known to point to it, for servers that serve only those.

        Raises:
            SourceError: it cannot be had, or is nothing we read.
        """
        async with self._lock:
            if commit not in self._trees:
                tree = await self._have(commit, names)
                self._trees[commit] = tree
                while len(self._trees) > _TREES_KEPT:
                    self._trees.popitem(last=False)
            self._trees.move_to_end(commit)
            return self._trees[commit]

    async def expand(self, prefix: str) -> str:
        """Return the full name of the one fetched commit that begins so, or an empty text."""
        async with self._lock:
            if not _is_initialised(self._directory):
                return ""
            answer = await self._local("rev-parse", "--verify", "--quiet", f"{prefix}^{{commit}}")
            return answer.stdout.decode("ascii").strip() if answer.returncode == 0 else ""

    async def _have(self, commit: str, names: tuple[str, ...]) -> Tree:
        """Return a commit's tree; a damaged mirror is rebuilt, once."""
        try:
            tree = await self._list(commit) if _is_initialised(self._directory) else None
            if tree is None:
                tree = await self._fetch_and_list(commit, names)
        except _BrokenMirrorError as error:
            _LOG.warning("mirror rebuilt directory=%s reason=%s", self._directory.name, error)
            await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)
            tree = await self._fetch_and_list(commit, names)
        return tree

    async def _fetch_and_list(self, commit: str, names: tuple[str, ...]) -> Tree:
        await self._fetch(commit, names)
        tree = await self._list(commit)
        if tree is None:
            raise RevisionNotFound(f"commit {commit}", hint="no branch or tag reaches it")
        return tree

    async def _fetch(self, commit: str, names: tuple[str, ...]) -> None:
        """Fetch a commit: alone; else by a name; else with all history."""
        await self._prepare()
        attempts: list[tuple[str, tuple[str, ...]]] = [
            ("--depth=1", (f"+{commit}:refs/remote/commit",))
        ]
        if names:
            attempts.append(("--depth=1", (f"+{names[0]}:refs/remote/name",)))
        everything = ("+refs/heads/*:refs/remote/heads/*", "+refs/tags/*:refs/remote/tags/*")
        attempts.append((_ALL_HISTORY, everything))
        for depth, refspecs in attempts:
            answer = await self._fetch_once(depth, refspecs)
            said = answer.stderr.decode("utf-8", "replace")
            if answer.returncode and classify(said) == "not-shallow":
                answer = await self._fetch_once("", refspecs)
                said = answer.stderr.decode("utf-8", "replace")
            if answer.returncode == 0:
                if await self._keep(commit):
                    return
            elif classify(said) == "broken-mirror":
                raise _BrokenMirrorError(said[-200:])
            elif classify(said) != "not-ours":
                raise explain(self._address, answer.stderr, self._credentials.secrets)
        raise RevisionNotFound(f"commit {commit}", hint="no branch or tag reaches it")

    async def _prepare(self) -> None:
        """Create the mirror if need be, and clear away what a killed git left behind."""
        if await asyncio.to_thread(_clear_leftovers, self._directory):
            return
        answer = await self._git.local(
            self._directory,
            ("init", "--bare", "--quiet", "--template=", "--", str(self._directory)),
        )
        if answer.returncode:
            raise SourceRefused(f"{self._address}: cannot create a mirror in the cache directory")

    async def _fetch_once(self, depth: str, refspecs: tuple[str, ...]) -> Completed:
        """Run one fetch, and stop it when the mirror outgrows its bound."""
        options = (
            *("--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"),
            *("--no-auto-maintenance", "--update-shallow"),
        )
        depths = (depth,) if depth else ()
        fetch = asyncio.ensure_future(
            self._git.remote(
                ("fetch", *options, *depths, "--", self._address.url, *refspecs),
                self._address,
                self._credentials,
                git_dir=self._directory,
            )
        )
        try:
            while not fetch.done():
                await asyncio.wait({fetch}, timeout=_WATCH_SECONDS)
                if await asyncio.to_thread(_size, self._directory) > self._bytes_max:
                    break
        finally:
            await _end(fetch)
        if await asyncio.to_thread(_size, self._directory) > self._bytes_max:
            await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)
            raise TooLarge(
                f"{self._address}: the repository needs more than "
                f"{self._bytes_max // (1024 * 1024)} MB; keep large files elsewhere"
            )
        return fetch.result()

    async def _keep(self, commit: str) -> bool:
        """Hold a fetched commit against trimming; False when it is not among what came."""
        answer = await self._local("update-ref", f"refs/rollouts/{commit}", commit)
        if answer.returncode:
            return False
        await self._trim()
        return True

    async def _trim(self) -> None:
        """Forget all but the latest commits once there are many; failing to is no failure."""
        old = await asyncio.to_thread(_old_commits, self._directory)
        if not old:
            return
        orders = "".join(f"delete refs/rollouts/{name}\n" for name in old)
        steps = (
            (("update-ref", "--stdin"), orders.encode("ascii")),
            (("repack", "-a", "-d", "-q"), b""),
            (("prune", "--expire=now"), b""),
        )
        for arguments, stdin in steps:
            answer = await self._git.local(self._directory, arguments, stdin=stdin)
            if answer.returncode:
                said = answer.stderr.decode("utf-8", "replace").strip()
                _LOG.warning(
                    "mirror not trimmed directory=%s reason=%s", self._directory.name, said
                )
                return

    async def _list(self, commit: str) -> Tree | None:
        """Return a commit's tree, or None when the commit is not here."""
        found = parse_batch((await self._batch((commit,))).stdout)
        if commit not in found:
            return None
        kind, content = found[commit]
        if kind != "commit":
            raise SourceRefused(f"{self._address}: object {commit} is a {kind}, not a commit")
        answer = await self._local("ls-tree", "-r", "-t", "-z", "--long", commit)
        if answer.returncode:
            raise _BrokenMirrorError(answer.stderr.decode("utf-8", "replace")[-200:])
        entries = await asyncio.to_thread(parse_ls_tree, answer.stdout)
        targets = link_targets(entries, await self._contents(link_objects(entries)))
        await asyncio.to_thread(_touch, self._directory / "refs" / "rollouts" / commit)

        async def read_blobs(ids: tuple[str, ...]) -> Mapping[str, bytes]:
            return await self._read(commit, ids)

        facts = parse_commit(commit, content)
        return Tree(facts, entries, targets, read_blobs)

    async def _read(self, commit: str, ids: tuple[str, ...]) -> Mapping[str, bytes]:
        """Read objects of a commit; if the mirror lost them meanwhile, fetch them again.

        Takes no lock while they are there: a slow fetch must not hold up a render.
        """
        with suppress(_BrokenMirrorError):
            return await self._contents(ids)
        async with self._lock:
            with suppress(_BrokenMirrorError):  # Another reader may have mended it meanwhile.
                return await self._contents(ids)
            self._trees.pop(commit, None)
            await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)
            try:
                await self._fetch(commit, ())
                return await self._contents(ids)
            except _BrokenMirrorError as error:
                raise SourceRefused(f"{self._address}: commit {commit} is incomplete") from error

    async def _contents(self, ids: tuple[str, ...]) -> dict[str, bytes]:
        if not ids:
            return {}
        answer = await self._batch(ids)
        found = parse_batch(answer.stdout)
        if answer.returncode or any(each not in found for each in ids):
            raise _BrokenMirrorError(answer.stderr.decode("utf-8", "replace")[-200:])
        return {each: found[each][1] for each in ids}

    async def _batch(self, ids: tuple[str, ...]) -> Completed:
        return await self._git.local(
            self._directory,
            ("cat-file", "--batch"),
            stdin="".join(f"{each}\n" for each in ids).encode("ascii"),
            bytes_max=READ_BYTES_MAX,
        )

    async def _local(self, *arguments: str) -> Completed:
        return await self._git.local(self._directory, arguments)


async def _end(task: asyncio.Future[Completed]) -> None:
    """Cancel a task and wait until its process is gone."""
    if not task.done():
        task.cancel()
        await asyncio.wait({task})


def _is_initialised(directory: Path) -> bool:
    return (directory / "HEAD").is_file() and (directory / "objects").is_dir()


def _clear_leftovers(directory: Path) -> bool:
    """Remove locks and half packs of killed processes; tell whether there is a mirror at all."""
    if not _is_initialised(directory):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700, parents=True)
        return False
    leftovers = [*directory.glob("*.lock"), *directory.glob("refs/**/*.lock")]
    for leftover in (*leftovers, *directory.glob("objects/pack/tmp_*")):
        leftover.unlink(missing_ok=True)
    return True


def _size(directory: Path) -> int:
    """Return the bytes in packs, finished or not; files may vanish while we look."""
    total = 0
    try:
        with os.scandir(directory / "objects" / "pack") as found:
            for entry in found:
                total += entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return total
    return total


def _old_commits(directory: Path) -> tuple[str, ...]:
    """Return the commits to forget, oldest use first; none while there are few."""
    kept = [path for path in (directory / "refs" / "rollouts").iterdir() if path.is_file()]
    if len(kept) < _TRIM_AT_COMMITS:
        return ()
    kept.sort(key=lambda path: (path.stat().st_mtime_ns, path.name))
    return tuple(path.name for path in kept[:-_KEPT_COMMITS])


def _touch(path: Path) -> None:
    if path.is_file():
        os.utime(path)

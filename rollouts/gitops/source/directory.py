"""Opens a directory of the local disk as a tree: the same rules as for a commit, no Git needed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from rollouts.gitops.source.errors import BadPath, TooLarge
from rollouts.gitops.source.listing import ENTRIES_MAX
from rollouts.gitops.source.tree import CommitFacts, Entry, Tree

DIRECTORY_BYTES_MAX = 256 * 1024 * 1024
"""Bound on all files together: every one is read once, to know its id."""

_DEPTH_MAX = 200  # Each level is a call within a call.


async def open_directory(root: str | Path) -> Tree:
    """Return a local directory as a tree; its commit is empty, its object ids are Git's.

    Links are kept as links and may not lead out of the directory. Pipes, sockets and devices
    are listed as such, never opened. `.git` is left out.

    Raises:
        BadPath: the root is no directory.
        TooLarge: more files or bytes than a source may have.
    """
    return await asyncio.to_thread(_open, Path(root))


def _open(root: Path) -> Tree:
    if not root.is_dir():
        raise BadPath(str(root), "is not a directory")
    entries: dict[str, Entry] = {}
    targets: dict[str, str] = {}
    paths: dict[str, Path] = {}
    tree = _Walk(root, entries, targets, paths).directory("")

    async def read_blobs(ids: tuple[str, ...]) -> Mapping[str, bytes]:
        return await asyncio.to_thread(lambda: {each: _content(paths[each]) for each in ids})

    return Tree(CommitFacts(commit="", tree=tree), entries, targets, read_blobs)


class _Walk:
    """One pass over a directory that lists it and computes Git's ids on the way up."""

    def __init__(
        self,
        root: Path,
        entries: dict[str, Entry],
        targets: dict[str, str],
        paths: dict[str, Path],
    ) -> None:
        self._root = root
        self._entries = entries
        self._targets = targets
        self._paths = paths
        self._bytes = 0

    def directory(self, path: str) -> str:
        """List one directory and return the id Git would give it."""
        if path.count("/") >= _DEPTH_MAX:
            raise TooLarge(f"directories are nested more than {_DEPTH_MAX} deep")
        lines: list[tuple[bytes, bytes]] = []
        with os.scandir(self._root / path) as found:
            names = sorted(entry.name for entry in found if entry.name != ".git")
        for name in names:
            here = f"{path}/{name}" if path else name
            if len(self._entries) >= ENTRIES_MAX:
                raise TooLarge(f"the directory holds more than {ENTRIES_MAX} names")
            status = os.lstat(self._root / here)
            self._entries[here] = Entry("directory", "")  # Keeps the count while we descend.
            entry, mode = self._entry(here, status)
            self._entries[here] = entry
            if entry.object_id:
                # Git sorts directories as if their names ended in a slash.
                key = os.fsencode(name) + (b"/" if entry.kind == "directory" else b"")
                digest = bytes.fromhex(entry.object_id)
                lines.append((key, mode + b" " + os.fsencode(name) + b"\0" + digest))
        return _object_id("tree", b"".join(line for _, line in sorted(lines)))

    def _entry(self, path: str, status: os.stat_result) -> tuple[Entry, bytes]:
        if stat.S_ISDIR(status.st_mode):
            return Entry("directory", self.directory(path)), b"40000"
        if stat.S_ISLNK(status.st_mode):
            target = str((self._root / path).readlink())
            self._targets[path] = target
            return Entry("symlink", _object_id("blob", os.fsencode(target))), b"120000"
        if not stat.S_ISREG(status.st_mode):
            return Entry("special", ""), b""
        self._bytes += status.st_size
        if self._bytes > DIRECTORY_BYTES_MAX:
            raise TooLarge(f"the directory holds more than {DIRECTORY_BYTES_MAX} bytes")
        content = _content(self._root / path)
        object_id = _object_id("blob", content)
        self._paths[object_id] = self._root / path
        executable = bool(status.st_mode & stat.S_IXUSR)
        entry = Entry("file", object_id, len(content))
        return entry, b"100755" if executable else b"100644"


def _content(path: Path) -> bytes:
    """Read a file; never through a link, never waiting for a pipe."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(DIRECTORY_BYTES_MAX)


def _object_id(kind: str, content: bytes) -> str:
    """Return the id Git gives an object."""
    header = f"{kind} {len(content)}\0".encode("ascii")
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()

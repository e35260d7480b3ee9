"""The files of one commit: a listing that resolves paths safely, and a way to read them.

Nothing is checked out. Paths are resolved against the listing, so no link, device or odd name
in a repository can ever reach the controller's own disk.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from rollouts.gitops.source.errors import BadPath, TooLarge
from rollouts.gitops.source.ignore import Judge, Rule

EntryKind: TypeAlias = Literal["file", "directory", "symlink", "submodule", "special"]

MANIFEST_BYTES_MAX = 10 * 1024 * 1024
"""Bound on what one unit's manifests may hold together; parsed, they take 300 times as much."""

LINK_HOPS_MAX = 40
"""Most links followed for one path, as the kernel has it: a loop ends here."""

_SEGMENTS_MAX = 1000
_VIEWS_MAX = 8

ReadBlobs: TypeAlias = Callable[[tuple[str, ...]], Awaitable[Mapping[str, bytes]]]
"""Fetch the contents of objects by id. All must be there."""


class Entry(NamedTuple):
    """One name in a tree; `size` is 0 for everything but files and links."""

    kind: EntryKind
    object_id: str
    size: int = 0


class Location(NamedTuple):
    """Where a path leads: the real path, and every link that was followed to it."""

    path: str
    entry: Entry
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommitFacts:
    """What a commit says about itself. Author and subject are foreign text."""

    commit: str
    tree: str
    author: str = ""
    subject: str = ""
    committed_at_seconds: int = 0


class Tree:
    """Read-only access to the files of one commit. Safe to share and to keep."""

    def __init__(
        self,
        facts: CommitFacts,
        entries: Mapping[str, Entry],
        targets: Mapping[str, str],
        read_blobs: ReadBlobs,
        *,
        rules: tuple[Rule, ...] = (),
    ) -> None:
        """Take a listing.

        Args:
            entries: path → entry of everything below the root, intermediate directories too.
            targets: path → target text of every symlink.
            rules: files these patterns name are treated as absent.
        """
        self.facts = facts
        self._all = entries
        self._targets = targets
        self._read_blobs = read_blobs
        self._rules = rules
        self._entries = _without_ignored(entries, rules) if rules else entries
        self._paths = sorted(self._entries)
        self._views: dict[tuple[Rule, ...], Tree] = {}

    @property
    def commit(self) -> str:
        """Return the commit's full name."""
        return self.facts.commit

    @property
    def view(self) -> tuple[Rule, ...]:
        """Return the rules that hide files: part of any cache key, beside the tree ids."""
        return self._rules

    def without(self, rules: tuple[Rule, ...]) -> Tree:
        """Return the same tree, hiding what the rules name; links to it dangle.

        The latest few views are remembered: every unit of a source asks for the same one.
        """
        if rules not in self._views:
            if len(self._views) >= _VIEWS_MAX:
                self._views.clear()
            self._views[rules] = Tree(
                self.facts, self._all, self._targets, self._read_blobs, rules=rules
            )
        return self._views[rules]

    def locate(self, path: str, *, base: str = "") -> Location:
        """Follow a path, link by link, without ever leaving the tree.

        Args:
            path: relative; empty and `.` mean the base itself.
            base: the directory it is relative to: a real path, as `locate` returned it.

        Raises:
            BadPath: absolute, out of the repository, through a loop, or to nothing.
        """
        if path.startswith("/"):
            raise BadPath(path, "is absolute; write it relative to the repository's root")
        if "\x00" in path:
            raise BadPath(path, "holds a NUL character")
        pending = deque(path.split("/"))
        if len(pending) > _SEGMENTS_MAX:
            raise BadPath(path[:100], f"has more than {_SEGMENTS_MAX} segments")
        reached = base.split("/") if base else []
        links: list[str] = []
        while pending:
            segment = pending.popleft()
            if segment in ("", "."):
                continue
            if segment == "..":
                if not reached:
                    raise BadPath(path, "leads out of the repository")
                reached.pop()
                continue
            here = "/".join((*reached, segment))
            entry = self._entries.get(here)
            if entry is None:
                raise BadPath(path, "does not exist" + (f" ({here!r})" if links else ""))
            if entry.kind == "symlink":
                links.append(here)
                pending.extendleft(reversed(self._follow(path, here, len(links))))
                continue
            if any(part not in ("", ".") for part in pending) and entry.kind != "directory":
                raise BadPath(path, f"{here!r} is a {entry.kind}, not a directory")
            reached.append(segment)
        real = "/".join(reached)
        return Location(real, self._entry(real), tuple(links))

    def _follow(self, path: str, link: str, hops: int) -> list[str]:
        """Return the segments of a link's target."""
        if hops > LINK_HOPS_MAX:
            raise BadPath(path, f"follows more than {LINK_HOPS_MAX} symlinks, probably in a loop")
        target = self._targets[link]
        if target.startswith("/"):
            raise BadPath(path, f"symlink {link!r} leads out of the repository, to {target!r:.200}")
        return target.split("/")

    def _entry(self, path: str) -> Entry:
        return self._entries[path] if path else Entry("directory", self.facts.tree)

    def has(self, path: str, *, base: str = "") -> bool:
        """Tell whether a path leads to anything inside the tree."""
        try:
            self.locate(path, base=base)
        except BadPath:
            return False
        return True

    def directory(self, path: str, *, base: str = "") -> Location:
        """Follow a path that must lead to a directory.

        Raises:
            BadPath: it does not; a submodule's directory is empty here and named as such.
        """
        location = self.locate(path, base=base)
        if location.entry.kind == "submodule":
            raise BadPath(path, "is a submodule; submodules are not fetched")
        if location.entry.kind != "directory":
            raise BadPath(path, f"is a {location.entry.kind}, not a directory")
        return location

    def file(self, path: str, *, base: str = "") -> Location:
        """Follow a path that must lead to a regular file.

        Raises:
            BadPath: it leads elsewhere: to a directory, a submodule, a pipe or a device.
        """
        location = self.locate(path, base=base)
        if location.entry.kind != "file":
            kind = location.entry.kind
            what = "a pipe, socket or device" if kind == "special" else f"a {kind}"
            raise BadPath(path, f"is {what}, not a regular file")
        return location

    def tree_id(self, path: str = "") -> str:
        """Return Git's id of what a path leads to: equal ids mean equal content.

        Raises:
            BadPath: the path leads nowhere.
        """
        return self.locate(path).entry.object_id

    def object_id(self, path: str) -> str:
        """Return the id of what stands at a real path, links not followed; empty for nothing."""
        if not path:
            return self.facts.tree
        entry = self._entries.get(path)
        return entry.object_id if entry else ""

    def walk(self, path: str, *, recurse: bool = True) -> Iterator[tuple[str, Entry]]:
        """Yield everything below a real directory path, in the order of path names.

        Links are yielded, never followed.
        """
        prefix = f"{path}/" if path else ""
        for index in range(bisect_left(self._paths, prefix), len(self._paths)):
            name = self._paths[index]
            if not name.startswith(prefix):
                return
            if recurse or "/" not in name[len(prefix) :]:
                yield name, self._entries[name]

    def target(self, path: str) -> str:
        """Return the raw target of the symlink at a path."""
        return self._targets[path]

    async def read(
        self, paths: Iterable[str], *, bytes_max: int = MANIFEST_BYTES_MAX
    ) -> dict[str, bytes]:
        """Read files, in one round trip.

        Returns:
            path as given → content, in the given order.

        Raises:
            BadPath: a path leads to no regular file.
            TooLarge: together they exceed `bytes_max`; nothing was read.
        """
        found = {path: self.file(path).entry for path in paths}
        total = sum(entry.size for entry in found.values())
        if total > bytes_max:
            raise TooLarge(
                f"{len(found)} files hold {total} bytes together; at most {bytes_max} are read"
            )
        ids = tuple(dict.fromkeys(entry.object_id for entry in found.values()))
        contents = await self._read_blobs(ids) if ids else {}
        return {path: contents[entry.object_id] for path, entry in found.items()}


def _without_ignored(entries: Mapping[str, Entry], rules: tuple[Rule, ...]) -> dict[str, Entry]:
    """Return the entries that are not ignored; directories stay, they cost nothing."""
    judge = Judge(rules)
    return {
        path: entry
        for path, entry in entries.items()
        if entry.kind == "directory" or not judge.is_ignored(path)
    }

"""Reads what `git ls-tree` and `git cat-file` print; pure, and suspicious of every name."""

from __future__ import annotations

import re

from rollouts.gitops.redact import one_line
from rollouts.gitops.source.errors import BadPath, SourceRefused, TooLarge
from rollouts.gitops.source.tree import CommitFacts, Entry, EntryKind

ENTRIES_MAX = 200_000
"""Most names in one commit: a listing of that many takes some 60 MB while it is used."""

LINKS_MAX = 10_000
_LINK_TARGET_BYTES_MAX = 4096

_KINDS: dict[bytes, EntryKind] = {
    b"040000": "directory",
    b"100644": "file",
    b"100755": "file",
    b"100664": "file",
    b"120000": "symlink",
    b"160000": "submodule",
}
_FORBIDDEN_NAMES = ("", ".", "..", ".git")
_PERSON = re.compile(r"(.*?)\s*<[^>]*>\s+(-?\d{1,18})\s+[+-]\d{4}")


def parse_ls_tree(output: bytes) -> dict[str, Entry]:
    """Read `git ls-tree -r -t -z --long`.

    Raises:
        BadPath: a name that no honest repository has (`..`, `.git`, empty).
        TooLarge: there are more names than `ENTRIES_MAX`.
    """
    records = output.split(b"\0")
    if len(records) > ENTRIES_MAX:
        raise TooLarge(f"the commit holds more than {ENTRIES_MAX} files and directories")
    entries: dict[str, Entry] = {}
    directories: dict[str, None] = {}
    links = 0
    for record in records:
        if not record:
            continue
        facts, _, name = record.partition(b"\t")
        mode, _, object_id, size = facts.split()
        path = name.decode("utf-8", "surrogateescape")
        if any(part.lower() in _FORBIDDEN_NAMES for part in path.split("/")):
            raise BadPath(path, "is a name that a repository must not hold")
        parent = path.rpartition("/")[0]
        if path in entries or (parent and parent not in directories):
            # Git never writes such a tree; the second entry would stand where the first leads.
            raise BadPath(path, "is listed twice, or below something that is no directory")
        kind = _KINDS.get(mode, "special")
        links += kind == "symlink"
        if kind == "directory":
            directories[path] = None
        entries[path] = Entry(kind, object_id.decode("ascii"), 0 if size == b"-" else int(size))
    if links > LINKS_MAX:
        raise TooLarge(f"the commit holds more than {LINKS_MAX} symlinks")
    return entries


def link_objects(entries: dict[str, Entry]) -> tuple[str, ...]:
    """Return the ids of the objects that hold the targets of symlinks, each once.

    Raises:
        BadPath: a link's target is longer than any path can be.
    """
    ids: dict[str, None] = {}
    for path, entry in entries.items():
        if entry.kind == "symlink":
            if entry.size > _LINK_TARGET_BYTES_MAX:
                raise BadPath(path, f"is a symlink with a target of {entry.size} bytes")
            ids[entry.object_id] = None
    return tuple(ids)


def link_targets(entries: dict[str, Entry], contents: dict[str, bytes]) -> dict[str, str]:
    """Return path → target of every symlink."""
    return {
        path: contents[entry.object_id].decode("utf-8", "surrogateescape")
        for path, entry in entries.items()
        if entry.kind == "symlink"
    }


def parse_batch(output: bytes) -> dict[str, tuple[str, bytes]]:
    """Read `git cat-file --batch`: object id → (type, content); missing objects are left out."""
    found: dict[str, tuple[str, bytes]] = {}
    position = 0
    while position < len(output):
        end = output.index(b"\n", position)
        header = output[position:end].split(b" ")
        position = end + 1
        if len(header) == 3 and header[2].isdigit():
            size = int(header[2])
            content = output[position : position + size]
            found[header[0].decode("ascii")] = (header[1].decode("ascii"), content)
            position += size + 1
    return found


def parse_commit(commit: str, content: bytes) -> CommitFacts:
    """Read a commit object.

    Raises:
        SourceRefused: it names no tree.
    """
    head, _, message = content.decode("utf-8", "replace").partition("\n\n")
    fields: dict[str, str] = {}
    for line in head.split("\n"):
        key, _, value = line.partition(" ")
        fields.setdefault(key, value)
    tree = fields.get("tree", "")
    if not re.fullmatch(r"[0-9a-f]{40}", tree):
        raise SourceRefused(f"object {commit} is not a commit")
    author = _PERSON.fullmatch(fields.get("author", ""))
    committer = _PERSON.fullmatch(fields.get("committer", ""))
    subject = message.lstrip().partition("\n")[0]
    return CommitFacts(
        commit=commit,
        tree=tree,
        author=one_line(author[1], length_max=200) if author else "",
        subject=one_line(subject, length_max=200),
        committed_at_seconds=int(committer[2]) if committer else 0,
    )

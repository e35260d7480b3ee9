"""Hides from a tree what a Flux source leaves out."""

from __future__ import annotations

import asyncio

from rollouts.gitops.source.errors import SourceRefused
from rollouts.gitops.source.globs import BadPattern
from rollouts.gitops.source.ignore import IGNORE_FILE, Rule, parse_rules, source_rules
from rollouts.gitops.source.tree import Tree

IGNORE_FILES_MAX = 100
_IGNORE_BYTES_MAX = 1024 * 1024


async def ignoring(tree: Tree, ignore: str | None = None) -> Tree:
    """Return a tree without the files that a `GitRepository` leaves out of its artifact.

    Those are Git's own, the built-in defaults, and what `.sourceignore` files say.

    Args:
        ignore: `spec.ignore`; when set it replaces the defaults and has the last word.

    Raises:
        SourceRefused: a pattern cannot be read, or there are too many; the message names the file.
    """
    files = [
        path
        for path, entry in tree.walk("")
        if entry.kind == "file" and path.rpartition("/")[2] == IGNORE_FILE
    ]
    if len(files) > IGNORE_FILES_MAX:
        raise SourceRefused(
            f"the repository holds more than {IGNORE_FILES_MAX} {IGNORE_FILE} files"
        )
    contents = await tree.read(files, bytes_max=_IGNORE_BYTES_MAX)
    own: tuple[Rule, ...] = ()
    where = "spec.ignore"
    try:
        before, after = source_rules(ignore)
        for path, content in contents.items():
            where = path
            own += parse_rules(content.decode("utf-8", "replace"), path.rpartition("/")[0])
    except BadPattern as error:
        raise SourceRefused(f"{where}: {error}") from error
    # Thousands of files against dozens of patterns take a while: not on the event loop.
    return await asyncio.to_thread(tree.without, (*before, *own, *after))

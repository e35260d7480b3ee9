"""A private copy of a part of a tree, for a foreign program that sees nothing else."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from rollouts.gitops.redact import redact
from rollouts.gitops.render.model import RenderError
from rollouts.gitops.source.errors import BadPath
from rollouts.gitops.source.tree import Tree

COPY = "copy"
"""Name of the directory that stands for the root of the tree."""

COPY_BYTES_MAX = 64 * 1024 * 1024
"""Bound on the private copy: manifests and the files generators read, not a repository."""

COPY_FILES_MAX = 20_000
_NO_PROXY_LEADS_HERE = "http://127.0.0.1:9"  # The discard port: a build has no network.


def files_below(
    tree: Tree, directories: Iterable[str], links_there: Iterable[str] = ()
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the files to copy, and by path the targets of the links that may be made again.

    A link that leads out of the repository is left out: the program then says what is missing.

    Args:
        directories: real paths.
        links_there: links on the way to them.

    Raises:
        RenderError: there are too many.
    """
    files: dict[str, None] = {}
    links = {link: tree.target(link) for link in links_there}
    for directory in directories:
        for name, entry in tree.walk(directory):
            if entry.kind == "file":
                files[name] = None
            elif entry.kind == "symlink" and _stays_inside(tree, name):
                links[name] = tree.target(name)
        if len(files) > COPY_FILES_MAX:
            raise RenderError(
                f"{directory or '.'}: the build would read more than {COPY_FILES_MAX} files; "
                "move what it needs into a directory of its own"
            )
    return tuple(files), links


def _stays_inside(tree: Tree, link: str) -> bool:
    try:
        tree.locate(link)
    except BadPath:
        return False
    return True


def write_copy(
    work: Path, program: str, contents: Mapping[str, bytes], links: Mapping[str, str]
) -> Path:
    """Write the private copy into `COPY` of a new directory below `work`; return that directory."""
    home = Path(tempfile.mkdtemp(prefix=f"{program}-", dir=work))
    copy = home / COPY
    copy.mkdir()
    (home / "tmp").mkdir()
    for name, content in contents.items():
        path = copy / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name, target in links.items():
        path = copy / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
    return home


def closed_environment(home: Path) -> dict[str, str]:
    """Return an environment without network, plugins, cluster and other programs."""
    closed = dict.fromkeys(
        ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), _NO_PROXY_LEADS_HERE
    )
    return closed | {
        "PATH": os.devnull,  # No git to clone with.
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "KUBECONFIG": os.devnull,
        "LC_ALL": "C",
    }


def words_of(stderr: bytes, home: Path) -> str:
    """Return what a program said, with paths as the repository has them and without secrets."""
    said = redact(stderr.decode("utf-8", "replace"))
    return said.replace(f"{home}/{COPY}/", "").replace(f"{home}/{COPY}", ".")

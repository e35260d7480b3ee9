"""A private copy of a part of a tree, for a foreign program that sees nothing else."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rollouts.gitops.process import Command, OutputTooLarge, ProcessError, Runner
from rollouts.gitops.redact import redact
from rollouts.gitops.render.model import RenderError
from rollouts.gitops.source.errors import BadPath
from rollouts.gitops.source.tree import MANIFEST_BYTES_MAX, Tree

SECONDS_MAX = 60.0
"""Bound on one run."""

COPY_BYTES_MAX = 64 * 1024 * 1024
"""Bound on the private copy: manifests and the files generators read, not a repository."""

COPY_FILES_MAX = 20_000
_COPY = "copy"  # The directory that stands for the root of the tree.
_NO_PROXY_LEADS_HERE = "http://127.0.0.1:9"  # The discard port: a build has no network.


@dataclass(frozen=True, slots=True)
class Program:
    """A program on this machine; `version` changes when it is replaced."""

    arguments: tuple[str, ...]
    version: str


def find_program(
    which: Callable[[str], str | None], *candidates: tuple[str, str]
) -> Program | None:
    """Return the first program that is there, with its first argument; None without any.

    Args:
        candidates: name and first argument.
    """
    for name, argument in candidates:
        path = which(name)
        if path:
            with suppress(OSError):  # It vanished between two looks: try the next.
                status = Path(path).stat()
                version = f"{name} {status.st_size} {status.st_mtime_ns}"
                return Program((path, argument), version)
    return None


@dataclass(frozen=True, slots=True)
class Call:
    """A program to be run in the root of a copy.

    Attributes:
        where: what a message names.
        beside: text files by name, in the directory above.
    """

    program: str
    argv: tuple[str, ...]
    where: str
    beside: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program printed; `said` is stderr, with the repository's paths, without secrets."""

    returncode: int
    stdout: bytes
    said: str


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


async def run_in_copy(
    call: Call,
    contents: Mapping[str, bytes],
    links: Mapping[str, str],
    *,
    run: Runner,
    work: Path,
) -> Answer:
    """Write a copy, run a program in it, and take the copy away again.

    Args:
        contents: by path below the root of the tree.
        links: targets of links by path.
        work: a private directory.

    Raises:
        RenderError: the program cannot start, is too slow, or prints too much.
    """
    home = await asyncio.to_thread(_write_copy, work, call, contents, links)
    try:
        completed = await run(
            Command(
                argv=call.argv,
                env=_closed_environment(home),
                directory=str(home / _COPY),
                timeout_seconds=SECONDS_MAX,
                output_bytes_max=MANIFEST_BYTES_MAX,
            )
        )
    except OutputTooLarge as error:
        raise RenderError(
            f"{call.where}: more than {MANIFEST_BYTES_MAX} bytes of manifests are produced"
        ) from error
    except ProcessError as error:
        raise RenderError(f"{call.where}: {error}") from error
    finally:
        await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)
    said = redact(completed.stderr.decode("utf-8", "replace"))
    said = said.replace(f"{home}/{_COPY}/", "").replace(f"{home}/{_COPY}", ".")
    return Answer(completed.returncode, completed.stdout, said)


def _write_copy(
    work: Path, call: Call, contents: Mapping[str, bytes], links: Mapping[str, str]
) -> Path:
    """Write the private copy into a new directory below `work`; return that directory."""
    home = Path(tempfile.mkdtemp(prefix=f"{call.program}-", dir=work))
    copy = home / _COPY
    copy.mkdir()
    (home / "tmp").mkdir()
    for name, text in call.beside.items():
        (home / name).write_text(text)
    for name, content in contents.items():
        path = copy / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name, target in links.items():
        path = copy / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
    return home


def _closed_environment(home: Path) -> dict[str, str]:
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

"""Finds the files that a chart is rendered from: its own, those it depends on, and its values."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rollouts.api.documents import BadDocument, read_documents
from rollouts.gitops.render.chart import ChartOptions
from rollouts.gitops.render.model import RenderError
from rollouts.gitops.render.private_copy import COPY_FILES_MAX
from rollouts.gitops.source.errors import BadPath
from rollouts.gitops.source.globs import match_glob
from rollouts.gitops.source.tree import LINK_HOPS_MAX, Tree

DEPENDENCIES_MAX = 100
"""Most charts in the same repository that one leads to."""

_GLOB = re.compile(r"[*?\[{]")


@dataclass(slots=True)
class ChartFiles:
    """What a render reads: files of the tree by their place in the copy.

    Attributes:
        reads: paths whose Git object ids decide whether the render is still good.
    """

    tree: Tree
    directory: str
    files: dict[str, str] = field(default_factory=dict)
    reads: dict[str, None] = field(default_factory=dict)

    def add_directory(self, real: str, place: str) -> None:
        """Add everything below a directory; links are replaced by what they lead to."""
        self.reads[real] = None
        pending = [(real, place, 0)]
        directories = 0
        while pending:
            here, there, hops = pending.pop()
            directories += 1
            for name, entry in self.tree.walk(here):
                target = f"{there}/{name[len(here) + 1 if here else 0 :]}".lstrip("/")
                if entry.kind == "file":
                    self.files.setdefault(target, name)
                elif entry.kind == "symlink" and hops < LINK_HOPS_MAX:
                    pending += self._follow(name, target, hops)
            # Links that lead in circles multiply, also where there is no file.
            if len(self.files) > COPY_FILES_MAX or directories > COPY_FILES_MAX:
                raise RenderError(
                    f"{self.directory or '.'}: the chart has more than {COPY_FILES_MAX} files "
                    "or linked directories"
                )

    def _follow(self, link: str, place: str, hops: int) -> list[tuple[str, str, int]]:
        """Add the file that a link leads to, or return the directory; nothing if it dangles."""
        try:
            found = self.tree.locate(link)
        except BadPath:
            return []
        self.reads |= dict.fromkeys((*found.links, found.path))
        if found.entry.kind == "directory":
            return [(found.path, place, hops + 1)]
        self.files.setdefault(place, found.path)
        return []

    def add_file(self, path: str) -> str:
        """Add a file by its path relative to the chart; return its place in the copy.

        Raises:
            BadPath: it leads to no file of the repository.
        """
        found = self.tree.file(path, base=self.directory)
        self.reads |= dict.fromkeys((*found.links, found.path))
        self.files[found.path] = found.path
        return found.path


def value_files(part: ChartFiles, options: ChartOptions) -> list[str]:
    """Return the places of the files that `valueFiles` names, in order.

    Raises:
        RenderError: one is not there, or somewhere else.
    """
    return [place for each in options.value_files for place in _named(part, each, options)]


def _named(part: ChartFiles, wanted: str, options: ChartOptions) -> Iterator[str]:
    """Yield the places of the files that one entry names."""
    where = f"{part.directory or '.'}: values file {wanted!r}"
    if "://" in wanted:
        raise RenderError(f"{where} is not in this repository; commit it beside the chart")
    if wanted.startswith("$"):
        raise RenderError(
            f"{where} is in another source, which this version does not read; "
            "commit it to the repository of the chart"
        )
    if _GLOB.search(wanted):
        found = _matching(part, wanted)
        if not found and not options.ignores_missing_value_files:
            raise RenderError(f"{where} matches no file")
        yield from (part.add_file(posixpath.relpath(each, part.directory or ".")) for each in found)
        return
    try:
        yield part.add_file(wanted)
    except BadPath as error:
        absent = posixpath.normpath(posixpath.join(part.directory, wanted))
        if not options.ignores_missing_value_files or part.tree.object_id(absent):
            raise RenderError(f"{where}: {error}") from error
        part.reads[absent] = None  # It may come.


def _matching(part: ChartFiles, pattern: str) -> list[str]:
    """Return the files that a glob names, in the order of their names."""
    wanted = posixpath.normpath(posixpath.join(part.directory, pattern))
    if wanted.startswith(".."):
        raise RenderError(f"{part.directory or '.'}: {pattern!r} leads out of the repository")
    fixed = wanted[: _GLOB.search(wanted).start()].rpartition("/")[0]  # type: ignore[union-attr]
    part.reads[fixed] = None
    return [
        name
        for name, entry in part.tree.walk(fixed)
        if entry.kind == "file" and match_glob(wanted, name)
    ]


async def add_dependencies(part: ChartFiles) -> None:
    """Put charts that are in the same repository into `charts/`, where helm looks for them.

    Raises:
        RenderError: one is not there, or a `Chart.yaml` cannot be read.
    """
    pending = [(part.directory, part.directory)]
    count = 0
    while pending:
        real, place = pending.pop()
        for name, version, repository in await _dependencies(part.tree, real):
            home = f"{place}/charts".lstrip("/")
            vendored = f"{home}/{name}-{version}.tgz" in part.files or any(
                each.startswith(f"{home}/{name}/") for each in part.files
            )
            if vendored or not repository.startswith("file://"):
                continue
            count += 1
            where = f"{real or '.'}/Chart.yaml: dependency {name}"
            if count > DEPENDENCIES_MAX:
                raise RenderError(f"{where}: there are more than {DEPENDENCIES_MAX}, or a circle")
            try:
                found = part.tree.directory(repository.removeprefix("file://"), base=real)
            except BadPath as error:
                raise RenderError(f"{where}: {error}") from error
            part.add_directory(found.path, f"{home}/{name}")
            pending.append((found.path, f"{home}/{name}"))


async def _dependencies(tree: Tree, directory: str) -> list[tuple[str, str, str]]:
    """Return name, version and repository of what a chart depends on."""
    path = f"{directory}/Chart.yaml" if directory else "Chart.yaml"
    if not tree.has(path):
        return []
    try:
        documents = read_documents((await tree.read([path]))[path], path)
    except BadDocument as error:
        raise RenderError(str(error)) from error
    chart: Any = documents[0].manifest if documents else {}
    listed = chart.get("dependencies") if isinstance(chart, dict) else None
    return [
        tuple(str(each.get(field) or "") for field in ("name", "version", "repository"))  # type: ignore[misc]
        for each in (listed if isinstance(listed, list) else [])
        if isinstance(each, dict) and each.get("name")
    ]

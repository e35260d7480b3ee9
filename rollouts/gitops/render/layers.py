"""Finds every directory that a kustomize build reads, and refuses what reaches further.

kustomize reads files only below the kustomization that names them, so the directories of all
kustomizations that one leads to are all it can read. Knowing them makes the private copy small
and the cache key exact. What is absent here would be looked for on the network by kustomize,
so everything named must exist in the tree.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rollouts.api.documents import BadDocument, read_documents
from rollouts.api.refs import Manifest
from rollouts.gitops.render.model import RenderError
from rollouts.gitops.render.plain import KUSTOMIZATION_FILES
from rollouts.gitops.source.errors import BadPath
from rollouts.gitops.source.tree import Tree

LAYERS_MAX = 200
"""Most kustomizations in one build; honest ones have a handful."""

_NESTED = ("resources", "bases", "components")
_PLUGINS = ("generators", "transformers", "validators")
_NO_CHARTS = "charts inside a kustomization are not supported; name the chart as a source"
_REFUSED = dict.fromkeys(("helmCharts", "helmChartInflationGenerator", "helmGlobals"), _NO_CHARTS)
_PATH_FIELDS = (
    *(*_NESTED, *_PLUGINS, "crds", "configurations", "files", "envs", "env", "path", "paths"),
    *("patchesStrategicMerge", "patchesJson6902", "replacements", "openapi", "valuesFile"),
)
_PATH_LENGTH_MAX = 4096
_REMOTE = re.compile(
    r"(?:[^=\s]*=)?(?:[a-z][a-z0-9+.-]*://|[a-z0-9]+::|git@|[^/\s:]+@[^/\s:]+:).*|.*\?ref=.*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Layers:
    """What a build reads.

    Attributes:
        directory: real path of the topmost one.
        file: name of its kustomization file.
        kustomization: its content, overrides merged in.
        directories: real paths of all, the topmost first.
        links: symlinks on the way to them.
    """

    directory: str
    file: str
    kustomization: Manifest
    directories: tuple[str, ...]
    links: tuple[str, ...]


@dataclass(slots=True)
class _Search:
    """State of one search through a tree."""

    tree: Tree
    directories: dict[str, None] = field(default_factory=dict)
    links: dict[str, None] = field(default_factory=dict)
    pending: deque[str] = field(default_factory=deque)
    plugin_files: dict[str, None] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def kustomization_file(tree: Tree, directory: str) -> str:
    """Return the name of the kustomization file in a real directory path, or an empty text.

    Raises:
        RenderError: there are several; kustomize would refuse to choose.
    """
    present = [name for name in KUSTOMIZATION_FILES if tree.has(name, base=directory)]
    if len(present) > 1:
        raise RenderError(f"{directory or '.'} holds {' and '.join(present)}; keep one of them")
    return present[0] if present else ""


async def read_kustomization(tree: Tree, directory: str, file: str) -> Manifest:
    """Read a kustomization file.

    Raises:
        RenderError: it is not one YAML mapping.
    """
    path = f"{directory}/{file}" if directory else file
    contents = await tree.read([path])
    try:
        documents = read_documents(contents[path], path)
    except BadDocument as error:
        raise RenderError(str(error)) from error
    manifests = [each.manifest for each in documents if each.manifest is not None]
    if len(manifests) != 1 or not isinstance(manifests[0], dict):
        raise RenderError(f"{path} must hold exactly one mapping; it holds {len(manifests)}")
    return manifests[0]


async def find_layers(tree: Tree, directory: str, file: str, kustomization: Manifest) -> Layers:
    """Follow a kustomization to all others it leads to.

    Args:
        directory: real path of the topmost one.
        kustomization: its content as it will be built, overrides merged in.

    Raises:
        RenderError: remote or missing resources, plugins that reach the network, charts; all
            problems at once.
    """
    search = _Search(tree)
    search.directories[directory] = None
    _examine(search, directory, file, kustomization)
    while search.pending:
        following = search.pending.popleft()
        if following in search.directories:
            continue
        if len(search.directories) >= LAYERS_MAX:
            raise RenderError(f"{directory or '.'} leads to more than {LAYERS_MAX} kustomizations")
        search.directories[following] = None
        name = kustomization_file(tree, following)
        if not name:
            search.problems.append(f"{following or '.'} holds no kustomization.yaml")
            continue
        _examine(search, following, name, await read_kustomization(tree, following, name))
    await _examine_plugins(search)
    if search.problems:
        raise RenderError(*search.problems)
    return Layers(directory, file, kustomization, tuple(search.directories), tuple(search.links))


def _examine(search: _Search, directory: str, file: str, kustomization: Manifest) -> None:
    """Note what one kustomization leads to, and what is wrong with it."""
    where = f"{directory}/{file}" if directory else file
    search.problems += [
        f"{where}: {key}: {reason}" for key, reason in _REFUSED.items() if key in kustomization
    ]
    search.problems += [f"{where}: {fault}" for fault in remote_paths(kustomization)]
    for key in (*_NESTED, *_PLUGINS):
        entries = kustomization.get(key) or []
        if not isinstance(entries, list):
            search.problems.append(f"{where}: {key} must be a list")
            continue
        for entry in entries:
            if not isinstance(entry, str):
                search.problems.append(f"{where}: {key}: {entry!r:.80} is not a path")
            elif "\n" in entry and key in _PLUGINS:
                search.problems += [f"{where}: {fault}" for fault in _inline_faults(entry)]
            elif len(entry) <= _PATH_LENGTH_MAX and not _REMOTE.fullmatch(entry):
                _follow(search, directory, entry, f"{where}: {key}")


def _follow(search: _Search, directory: str, entry: str, where: str) -> None:
    try:
        location = search.tree.locate(entry, base=directory)
    except BadPath as error:
        search.problems.append(f"{where}: {error}")
        return
    search.links |= dict.fromkeys(location.links)
    if location.entry.kind == "directory":
        search.pending.append(location.path)
    elif location.entry.kind == "file":
        search.plugin_files[location.path] = None
    else:
        search.problems.append(f"{where}: {entry!r} is a {location.entry.kind}")


async def _examine_plugins(search: _Search) -> None:
    """Look for paths to the network in files that may configure kustomize's own plugins."""
    contents = await search.tree.read(search.plugin_files)
    for path, content in contents.items():
        if b"builtin" in content:
            search.problems += [
                f"{path}: {fault}" for fault in _inline_faults(content.decode("utf-8", "replace"))
            ]


def _inline_faults(text: str) -> Iterator[str]:
    try:
        documents = read_documents(text)
    except BadDocument:
        return  # kustomize names the place better, and reads nothing of it.
    for document in documents:
        if isinstance(document.manifest, dict) and document.manifest.get("apiVersion") == "builtin":
            yield from remote_paths(document.manifest)


def remote_paths(kustomization: Manifest) -> Iterator[str]:
    """Yield complaints about values that would make kustomize use the network."""
    pending: deque[tuple[str, Any, bool]] = deque([("", kustomization, False)])
    while pending:
        place, value, is_path = pending.popleft()
        if isinstance(value, dict):
            for key, below in value.items():
                pending.append((f"{place}.{key}".lstrip("."), below, str(key) in _PATH_FIELDS))
        elif isinstance(value, list):
            pending.extend((place, below, is_path) for below in value)
        elif is_path and isinstance(value, str) and "\n" not in value:
            if len(value) > _PATH_LENGTH_MAX:
                yield f"{place}: {value!r:.80} is too long for a path"
            elif _REMOTE.fullmatch(value):
                yield f"{place}: {value!r:.200} is remote; put a copy into the repository"

"""Chooses how a directory is rendered, renders it, and remembers the result."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

from rollouts.gitops.model import Family
from rollouts.gitops.process import Runner, run_process
from rollouts.gitops.render.cache import Key, RenderCache
from rollouts.gitops.render.chart import Capabilities
from rollouts.gitops.render.collect import collect
from rollouts.gitops.render.helm import find_helm, render_chart
from rollouts.gitops.render.kustomize import build, find_binary, nested_kustomizations
from rollouts.gitops.render.layers import kustomization_file
from rollouts.gitops.render.model import Rendered, RenderError, RenderOptions, Tool
from rollouts.gitops.render.plain import Documents, read_directory
from rollouts.gitops.source.tree import Tree

CONCURRENT_MAX = 4
"""Renders under way at once: each may take a core and some hundred megabytes."""

_NO_BINARY = (
    "kustomize is not on the PATH, and neither is kubectl, which has it inside; "
    "install one of them beside the controller"
)
_NO_HELM = "helm is not on the PATH; install it beside the controller"

AskCapabilities: TypeAlias = Callable[[], Awaitable[Capabilities]]
"""Tells what the cluster serves, for charts that ask."""


async def nothing_known() -> Capabilities:
    """Leave charts to what helm takes for usual."""
    return Capabilities()


class Renderer:
    """Turns a directory of a tree into declared objects."""

    def __init__(
        self,
        work: str | Path,
        *,
        cache: RenderCache | None = None,
        run: Runner = run_process,
        which: Callable[[str], str | None] = shutil.which,
        capabilities: AskCapabilities = nothing_known,
        concurrent_max: int = CONCURRENT_MAX,
    ) -> None:
        """Take the tools.

        Args:
            work: a private directory for short-lived copies, such as `GitCache.work`.
            which: finds a program on the PATH.
        """
        self._work = Path(work)
        self._cache = cache or RenderCache()
        self._run = run
        self._which = which
        self._capabilities = capabilities
        self._turn = asyncio.Semaphore(concurrent_max)

    def forget(self) -> None:
        """Render everything anew from now on (a hard refresh)."""
        self._cache.clear()

    async def render(self, tree: Tree, path: str, options: RenderOptions) -> Rendered:
        """Return what a directory declares.

        Args:
            path: relative to the tree's root; empty and `.` mean the root.

        Raises:
            BadPath: the path, or something it leads to, may not be read.
            TooLarge: a bound on files or bytes is exceeded.
            RenderError: the manifests are wrong; all problems at once.
        """
        tool = choose_tool(tree, path, options)
        key, read = await self._reader(tool, tree, path, options)
        known = self._cache.find(key, tree)
        if known is not None:
            return known
        async with self._turn:
            documents = await read()
            rendered = await asyncio.to_thread(_finish, documents, options)
        self._cache.keep(key, rendered)
        return rendered

    async def _reader(
        self, tool: Tool, tree: Tree, path: str, options: RenderOptions
    ) -> tuple[Key, Callable[[], Awaitable[Documents]]]:
        """Return what reads a directory, and all that its answer depends on beside the tree."""
        start: Key = (path, options.digest, tool, str(tree.view))
        if tool == "helm":
            helm = find_helm(self._which)
            if helm is None:
                raise RenderError(f"{path or '.'}: {_NO_HELM}")
            served = await self._capabilities()
            key = (*start, helm.version, served.kube_version, *served.api_versions)
            return key, lambda: render_chart(
                tree,
                path,
                options.chart,
                helm=helm,
                capabilities=served,
                run=self._run,
                work=self._work,
            )
        if tool == "directory":
            return start, lambda: read_directory(tree, path, options)
        binary = find_binary(self._which)
        if binary is None:
            raise RenderError(f"{path or '.'}: {_NO_BINARY}")
        return (*start, binary.version), lambda: build(
            tree, path, options, binary=binary, run=self._run, work=self._work
        )


def choose_tool(tree: Tree, path: str, options: RenderOptions) -> Tool:
    """Return what renders a directory: never `auto`.

    An explicit choice wins; then, for an Application, a chart; then a kustomization. Flux
    makes a kustomization up where there is none, which only matters when something is to be
    merged into it or a nested one exists.

    Raises:
        BadPath: the path leads to no directory.
        RenderError: there are several kustomization files.
    """
    if options.tool != "auto":
        return options.tool
    directory = tree.directory(path).path
    if options.family is Family.APPLICATION and tree.has("Chart.yaml", base=directory):
        return "helm"
    if kustomization_file(tree, directory):
        return "kustomize"
    if options.family is Family.APPLICATION:
        return "directory"
    made_up = not options.overrides.is_empty or nested_kustomizations(tree, directory)
    return "kustomize" if made_up else "directory"


def _finish(documents: Documents, options: RenderOptions) -> Rendered:
    is_application = options.family is Family.APPLICATION
    collected = collect(
        documents.documents,
        duplicates="last-wins" if is_application else "error",
        namespace=options.namespace,
        hooks=is_application,
    )
    if collected.problems:
        raise RenderError(*collected.problems)
    return Rendered(collected.objects, documents.tree_ids, documents.warnings, collected.repeated)

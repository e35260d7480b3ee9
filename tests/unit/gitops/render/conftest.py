"""Directories to render, written by a test and opened as trees."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from rollouts.gitops.model import Family
from rollouts.gitops.process import Command, Completed, run_process
from rollouts.gitops.render import Rendered, Renderer, RenderOptions
from rollouts.gitops.source import Tree, open_directory

APPLICATION = RenderOptions(Family.APPLICATION)
KUSTOMIZATION = RenderOptions(Family.KUSTOMIZATION)


class Desk:
    """A directory, and a renderer that remembers which programs it ran."""

    def __init__(self, root: Path, work: Path) -> None:
        self.root = root
        root.mkdir()
        work.mkdir()
        self.work = work
        self.commands: list[Command] = []
        self.renderer = Renderer(work, run=self._run)

    async def _run(self, command: Command) -> Completed:
        self.commands.append(command)
        return await run_process(command)

    def write(self, files: dict[str, str]) -> None:
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    def tree(self) -> Tree:
        return asyncio.run(open_directory(self.root))

    def render(self, path: str = "", options: RenderOptions = APPLICATION) -> Rendered:
        return asyncio.run(self.renderer.render(self.tree(), path, options))

    def names(self, path: str = "", options: RenderOptions = APPLICATION) -> list[str]:
        rendered = self.render(path, options)
        return [each.manifest["metadata"]["name"] for each in rendered.objects]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "tree", tmp_path / "work")


@pytest.fixture
def config_map() -> Callable[..., str]:
    def write(name: str, **data: str) -> str:
        lines = "".join(f"\n  {key}: {value}" for key, value in data.items())
        head = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n"
        return head + (f"data:{lines}\n" if data else "")

    return write

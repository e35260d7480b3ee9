"""The words of rendering: what is asked for, what comes out, what can be wrong."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Literal, TypeAlias

import orjson

from rollouts.api.refs import Manifest
from rollouts.gitops.model import Family
from rollouts.gitops.render.chart import ChartOptions
from rollouts.gitops.render.overrides import Overrides

OBJECTS_MAX = 5000
"""Most objects of one unit: its inventory and status must fit into one object."""

Tool: TypeAlias = Literal["auto", "directory", "kustomize", "helm"]

_PROBLEMS_SHOWN = 10


class RenderError(Exception):
    """The manifests of a unit cannot be produced; useless to repeat until an input changes.

    Attributes:
        problems: everything that is wrong, each naming its file.
    """

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        more = len(problems) - _PROBLEMS_SHOWN
        shown = "; ".join(problems[:_PROBLEMS_SHOWN])
        super().__init__(shown + (f"; and {more} more" if more > 0 else ""))


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """How a directory becomes objects.

    Attributes:
        family: whose rules hold where the two differ.
        tool: `auto` looks into the directory.
        recurse, include, exclude: of an Application's `directory` block; globs with brace
            sets over the path relative to the directory, exclude first.
        overrides: what is merged into the directory's kustomization.
        namespace: where objects go that name none; decides which of them are the same.
        chart: what is asked of a chart.
    """

    family: Family
    tool: Tool = "auto"
    recurse: bool = False
    include: str = ""
    exclude: str = ""
    overrides: Overrides = field(default_factory=Overrides)
    namespace: str = ""
    chart: ChartOptions = field(default_factory=ChartOptions)

    @property
    def digest(self) -> str:
        """Return a text that differs whenever the options do."""
        content = orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class RenderedObject:
    """One declared object, and where it stands: a file and a document number from 1."""

    manifest: Manifest
    source_file: str
    document: int

    @property
    def where(self) -> str:
        """Return the place in words."""
        return f"{self.source_file} document {self.document}"


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a directory declares.

    Attributes:
        tree_ids: path and Git object id of everything that was read. As long as a commit has
            the same ids there, it declares the same objects.
        warnings: what a person should know, such as files that were passed over.
        repeated: objects declared more than once, of which the last one counts.
    """

    objects: tuple[RenderedObject, ...]
    tree_ids: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()

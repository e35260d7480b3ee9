"""Renders charts with the real helm, in a private copy of what they read.

`helm template` and nothing else: no release is made, no cluster asked, nothing downloaded. What
a chart depends on must be in its `charts/`, or in the same repository as `file://`.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from rollouts.api.documents import BadDocument, Document, read_documents
from rollouts.gitops.process import Runner
from rollouts.gitops.redact import one_line
from rollouts.gitops.render.chart import Capabilities, ChartOptions, template_arguments
from rollouts.gitops.render.chart_files import ChartFiles, add_dependencies, value_files
from rollouts.gitops.render.model import RenderError
from rollouts.gitops.render.plain import Documents
from rollouts.gitops.render.private_copy import (
    COPY_BYTES_MAX,
    Answer,
    Call,
    Program,
    find_program,
    run_in_copy,
)
from rollouts.gitops.source.tree import Tree

_OWN_VALUES = "values-of-application.yaml"
_SOURCE = re.compile(rb"^---\r?\n# Source: ([^\r\n]+)\r?\n", re.MULTILINE)
_MISSING = "missing in charts/ directory"


def find_helm(which: Callable[[str], str | None] = shutil.which) -> Program | None:
    """Return helm from the PATH; None without it."""
    return find_program(which, ("helm", "template"))


async def render_chart(
    tree: Tree,
    path: str,
    options: ChartOptions,
    *,
    helm: Program,
    capabilities: Capabilities,
    run: Runner,
    work: Path,
) -> Documents:
    """Render the chart of a directory.

    Args:
        work: a private directory for the copy.

    Raises:
        BadPath, TooLarge: see `Tree`.
        RenderError: the chart or its values are wrong, too slow, or want what is refused.
    """
    root = tree.directory(path)
    chart = root.path
    if not tree.has("Chart.yaml", base=chart):
        raise RenderError(f"{chart or '.'} holds no Chart.yaml")
    part = ChartFiles(tree, chart, reads=dict.fromkeys(root.links))
    part.add_directory(chart, chart)
    await add_dependencies(part)
    arguments = template_arguments(
        options,
        capabilities,
        value_files=[
            *value_files(part, options),
            *([f"../{_OWN_VALUES}"] if options.values else []),
        ],
        set_files=[(name, part.add_file(file)) for name, file in options.file_parameters],
    )
    contents = await tree.read(dict.fromkeys(part.files.values()), bytes_max=COPY_BYTES_MAX)
    copied = {place: contents[name] for place, name in part.files.items()}
    call = Call(
        "helm",
        (*helm.arguments, options.release, f"./{chart}", *arguments),
        where=chart or ".",
        beside={_OWN_VALUES: options.values},
    )
    answer = await run_in_copy(call, copied, {}, run=run, work=work)
    documents, warnings = await asyncio.to_thread(_read_answer, answer, chart)
    reads = tuple((each, tree.object_id(each)) for each in part.reads)
    return Documents(documents, reads, warnings)


def _read_answer(answer: Answer, chart: str) -> tuple[tuple[Document, ...], tuple[str, ...]]:
    if answer.returncode:
        text = one_line(answer.said).removeprefix("Error: ") or "helm failed and gave no reason"
        if _MISSING in text:
            text += "; commit them there, as helm dependency build does: nothing is downloaded"
        raise RenderError(f"{chart or '.'}: {text}")
    try:
        documents = tuple(_documents(answer.stdout, chart))
    except BadDocument as error:
        raise RenderError(str(error)) from error
    lines = (one_line(line) for line in answer.said.splitlines())
    return documents, tuple(f"{chart or '.'}: {line}" for line in lines if line)


def _documents(output: bytes, chart: str) -> Iterator[Document]:
    """Yield what helm printed, each document under the name of its template."""
    numbers: Counter[str] = Counter()
    pieces = _SOURCE.split(output)
    for name, text in zip(pieces[1::2], pieces[2::2], strict=True):
        # The first part is the chart's name, which is not that of its directory.
        template = name.decode("utf-8", "replace").partition("/")[2]
        source = f"{chart}/{template}" if chart else template
        for document in read_documents(text, source):
            numbers[source] += 1
            yield replace(document, index=numbers[source])

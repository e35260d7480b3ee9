"""Renders kustomizations with the real kustomize, in a private copy of what they read."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import orjson

from rollouts.api.documents import BadDocument, Document, read_documents
from rollouts.api.refs import Manifest
from rollouts.gitops.model import Family
from rollouts.gitops.process import Runner
from rollouts.gitops.redact import one_line
from rollouts.gitops.render.layers import (
    Layers,
    find_layers,
    kustomization_file,
    read_kustomization,
)
from rollouts.gitops.render.model import RenderError, RenderOptions
from rollouts.gitops.render.overrides import conflicts, merge
from rollouts.gitops.render.plain import Documents, select_files
from rollouts.gitops.render.private_copy import (
    COPY_BYTES_MAX,
    Call,
    Program,
    files_below,
    find_program,
    run_in_copy,
)
from rollouts.gitops.source.tree import Tree


def find_binary(which: Callable[[str], str | None] = shutil.which) -> Program | None:
    """Return kustomize from the PATH, or kubectl, which has it inside; None without either."""
    return find_program(which, ("kustomize", "build"), ("kubectl", "kustomize"))


async def build(
    tree: Tree, path: str, options: RenderOptions, *, binary: Program, run: Runner, work: Path
) -> Documents:
    """Build the kustomization of a directory; for Flux, one is made up where there is none.

    Args:
        work: a private directory for the copy.

    Raises:
        BadPath, TooLarge: see `Tree`.
        RenderError: the kustomization is wrong, too slow, or wants what is refused.
    """
    root = tree.directory(path)
    directory = root.path
    file = kustomization_file(tree, directory)
    if not file and options.family is Family.APPLICATION:
        raise RenderError(f"{directory or '.'} holds no kustomization.yaml")
    kustomization = (
        await read_kustomization(tree, directory, file)
        if file
        else made_up_kustomization(tree, directory, options)
    )
    problems = conflicts(kustomization, options.overrides)
    if problems:
        raise RenderError(*(f"{directory or '.'}: {problem}" for problem in problems))
    merged = merge(kustomization, options.overrides)
    if options.overrides.ignore_missing_components:
        present = [each for each in merged.get("components", ()) if tree.has(each, base=directory)]
        merged = {**merged, "components": present}
    layers = await find_layers(tree, directory, file or "kustomization.yaml", merged)
    documents, warnings = await _run(tree, layers, binary=binary, run=run, work=work)
    reads = {link: tree.object_id(link) for link in (*root.links, *layers.links)}
    reads |= {each: tree.object_id(each) for each in layers.directories}
    return Documents(documents, tuple(reads.items()), warnings)


def made_up_kustomization(tree: Tree, directory: str, options: RenderOptions) -> Manifest:
    """Return the kustomization that Flux generates: all YAML below, nested ones as layers."""
    selected = select_files(tree, directory, options)
    prefix = f"{directory}/" if directory else ""
    nested = nested_kustomizations(tree, directory)
    inside = dict.fromkeys(nested)
    files = [name[len(prefix) :] for name in selected.files if not _has_ancestor(name, inside)]
    layers = [each[len(prefix) :] for each in nested]
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted((*files, *layers)),
    }


def nested_kustomizations(tree: Tree, directory: str) -> tuple[str, ...]:
    """Return the topmost directories below a directory that hold a kustomization."""
    found: dict[str, None] = {}
    for name, entry in tree.walk(directory):
        if entry.kind != "directory" or _has_ancestor(name, found):
            continue
        if kustomization_file(tree, name):
            found[name] = None
    return tuple(found)


def _has_ancestor(path: str, directories: dict[str, None]) -> bool:
    """Tell whether a path lies below one of the directories."""
    while path := path.rpartition("/")[0]:
        if path in directories:
            return True
    return False


async def _run(
    tree: Tree, layers: Layers, *, binary: Program, run: Runner, work: Path
) -> tuple[tuple[Document, ...], tuple[str, ...]]:
    files, links = files_below(tree, layers.directories, layers.links)
    contents = await tree.read(files, bytes_max=COPY_BYTES_MAX)
    own = _below(layers.directory, layers.file)
    contents[own] = orjson.dumps(layers.kustomization)  # JSON is YAML.
    target = f"./{layers.directory}"
    call = Call(
        "kustomize",
        (*binary.arguments, "--load-restrictor=LoadRestrictionsRootOnly", target),
        where=own,
    )
    answer = await run_in_copy(call, contents, links, run=run, work=work)
    if answer.returncode:
        raise RenderError(
            f"{own}: {one_line(answer.said) or 'kustomize failed and gave no reason'}"
        )
    try:
        documents = await asyncio.to_thread(read_documents, answer.stdout, own)
    except BadDocument as error:
        raise RenderError(str(error)) from error
    lines = (one_line(line).removeprefix("# Warning: ") for line in answer.said.splitlines())
    warnings = tuple(f"{own}: {line}" for line in lines if line)
    return documents, warnings


def _below(directory: str, file: str) -> str:
    return f"{directory}/{file}" if directory else file

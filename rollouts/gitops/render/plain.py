"""Renders directories of YAML and JSON files."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from rollouts.api.documents import (
    SIGNS_OF_A_MANIFEST,
    BadDocument,
    Document,
    has_sign_of_manifest,
    read_documents,
)
from rollouts.gitops.model import Family
from rollouts.gitops.render.model import RenderError, RenderOptions
from rollouts.gitops.source.errors import BadPath
from rollouts.gitops.source.globs import BadPattern, match_glob
from rollouts.gitops.source.tree import Tree

SKIP_MARKER = b"+argocd:skip-file-rendering"
"""A file that holds this text anywhere declares nothing (Argo CD)."""

KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")

_SUFFIXES = {
    Family.APPLICATION: (".yaml", ".yml", ".json"),
    Family.KUSTOMIZATION: (".yaml", ".yml"),
}
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True, slots=True)
class Selection:
    """The files of a directory that count, and everything the choice depended on."""

    files: tuple[str, ...]
    tree_ids: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents of a directory, before anybody asked whether they are objects."""

    documents: tuple[Document, ...]
    tree_ids: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...] = ()


def select_files(tree: Tree, path: str, options: RenderOptions) -> Selection:
    """Return which files below a directory hold manifests, in the order of their paths.

    Raises:
        BadPath: the directory, or a link to a manifest in it, leads nowhere we may read.
        RenderError: an include or exclude pattern cannot be read.
    """
    root = tree.directory(path)
    suffixes = _SUFFIXES[options.family]
    recurse = options.recurse or options.family is Family.KUSTOMIZATION
    reads = {link: tree.object_id(link) for link in root.links}
    reads[root.path] = root.entry.object_id
    files: list[str] = []
    warnings: list[str] = []
    for name, entry in tree.walk(root.path, recurse=recurse):
        relative = name[len(root.path) + 1 :] if root.path else name
        if entry.kind == "directory" or not name.endswith(suffixes):
            continue
        if not _is_wanted(relative, options):
            continue
        if entry.kind == "symlink":
            warning = _follow(tree, name, reads)
            if warning:
                warnings.append(warning)
                continue
        elif entry.kind != "file":
            warnings.append(f"{name} is passed over: it is no regular file")
            continue
        files.append(name)
    return Selection(tuple(files), tuple(reads.items()), tuple(warnings))


def _follow(tree: Tree, name: str, reads: dict[str, str]) -> str:
    """Follow a link to a manifest; return why it is passed over, or an empty text.

    Raises:
        BadPath: it leads out of the repository or round in circles.
    """
    base = name.rpartition("/")[0]
    try:
        location = tree.locate(name)
    except BadPath as error:
        if "does not exist" in str(error):
            return f"{name} is passed over: the target of the symlink does not exist"
        raise
    if location.entry.kind != "file":
        return f"{name} is passed over: the symlink leads to no regular file"
    reads |= {link: tree.object_id(link) for link in location.links}
    if not location.path.startswith(f"{base}/"):
        reads[location.path] = location.entry.object_id
    return ""


def _is_wanted(relative: str, options: RenderOptions) -> bool:
    for field, pattern in (("exclude", options.exclude), ("include", options.include)):
        try:
            matched = bool(pattern) and match_glob(pattern, relative)
        except BadPattern as error:
            raise RenderError(f"directory.{field}: {error}") from error
        if pattern and matched == (field == "exclude"):
            return False
    return True


async def read_directory(tree: Tree, path: str, options: RenderOptions) -> Documents:
    """Read all documents of a directory.

    Raises:
        BadPath, TooLarge: see `Tree.read`.
        RenderError: files that cannot be read as YAML, all of them.
    """
    selection = select_files(tree, path, options)
    contents = await tree.read(selection.files)
    # A large file takes seconds to parse: not on the event loop.
    documents, warnings = await asyncio.to_thread(parse_files, contents, options.family)
    return Documents(documents, selection.tree_ids, (*selection.warnings, *warnings))


def parse_files(
    contents: Mapping[str, bytes], family: Family
) -> tuple[tuple[Document, ...], tuple[str, ...]]:
    """Return the documents of files, and warnings about files that were passed over.

    Raises:
        RenderError: naming each file that cannot be read, with document and line.
    """
    documents: list[Document] = []
    problems: list[str] = []
    warnings: list[str] = []
    for name, content in contents.items():
        if family is Family.APPLICATION and SKIP_MARKER in content:
            continue
        if content.startswith(_LFS_POINTER):
            problems.append(f"{name} is a Git LFS pointer; manifests must be stored in Git itself")
            continue
        try:
            found = read_documents(content, name)
        except BadDocument as error:
            # A file that shows any sign of a manifest may have declared objects a commit ago:
            # passing over it would have them pruned.
            if _may_be_unrelated(content, family) and not has_sign_of_manifest(content):
                warnings.append(f"{name} is passed over: it is no manifest")
            else:
                problems.append(str(error))
            continue
        if _may_be_unrelated(content, family) and not any(map(_is_object, found)):
            warnings.append(f"{name} is passed over: it is no manifest")
            continue
        documents += found
    if problems:
        raise RenderError(*problems)
    return tuple(documents), tuple(warnings)


def _may_be_unrelated(content: bytes, family: Family) -> bool:
    """Tell whether a file may be something else that lies beside manifests.

    Argo CD passes over files that lack one of the three words every manifest has (the
    values.yaml of a chart, a CI file); Flux refuses them.
    """
    return family is Family.APPLICATION and not all(sign in content for sign in SIGNS_OF_A_MANIFEST)


def _is_object(document: Document) -> bool:
    manifest = document.manifest
    return isinstance(manifest, dict) and "kind" in manifest and "apiVersion" in manifest

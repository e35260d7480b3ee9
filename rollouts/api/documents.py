"""Manifests as people write them: YAML or JSON text in, plain JSON documents with lines out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rollouts.api.refs import Manifest
from rollouts.api.yaml_reader import Lines, Refusal, read_yaml
from rollouts.api.yaml_writer import dump_yaml

__all__ = [
    "BadDocument",
    "Document",
    "dump_yaml",
    "flatten",
    "read_documents",
    "read_objects",
    "read_until_broken",
    "require_object",
    "split_list",
]


class BadDocument(ValueError):
    """A text is refused; says where and why.

    Attributes:
        source: the file or whatever else the text was called; may be empty.
        index: the document's number from 1; 0 when the text as a whole is refused.
        line: from 1; 0 when no line is to blame.
        reason: what is wrong and what to do.
    """

    def __init__(self, source: str, index: int, line: int, reason: str) -> None:
        super().__init__(source, index, line, reason)
        self.source = source
        self.index = index
        self.line = line
        self.reason = reason

    def __str__(self) -> str:
        document = f"document {self.index}" if self.index else ""
        line = f"line {self.line}" if self.line else ""
        place = ", ".join(part for part in (self.source, document, line) if part)
        return f"{place}: {self.reason}" if place else self.reason


SIGNS_OF_A_MANIFEST = (b"apiVersion", b"kind", b"metadata")
"""Words that every manifest has."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a text.

    Attributes:
        manifest: JSON data of any shape but null; `require_object` makes sure of an object.
        source: the file or whatever else the text was called.
        index: the document's number in the text, from 1; empty documents are counted.
        line: where it begins, from 1.
        positions: lines of its fields; ask `position`.
    """

    manifest: Any
    source: str
    index: int
    line: int
    positions: Lines = field(repr=False, compare=False)

    def position(self, path: tuple[str | int, ...]) -> int:
        """Return the line of a field, or of its nearest ancestor that exists."""
        line, here = self.line, self.positions
        for part in path:
            if isinstance(here, int):
                break
            children = here[1]
            try:
                here = children[part]  # type: ignore[index]  # a wrong kind of part is caught
            except (KeyError, IndexError, TypeError):
                break
            line = here if isinstance(here, int) else here[0]
        return line

    def refuse(self, reason: str, path: tuple[str | int, ...] = ()) -> BadDocument:
        """Return the error that blames a field of this document."""
        return BadDocument(self.source, self.index, self.position(path), reason)


def has_sign_of_manifest(content: bytes) -> bool:
    """Tell whether a file holds one of the words that every manifest has."""
    return any(sign in content for sign in SIGNS_OF_A_MANIFEST)


def read_documents(text: str | bytes, source: str = "") -> tuple[Document, ...]:
    """Read every document of a YAML or JSON text as kubectl would; empty ones are left out.

    Differs from kubectl: merge keys, repeated keys and tags outside the core are refused, since
    they hide from a reader what is applied; sizes are bounded (see `yaml_reader`).

    Raises:
        BadDocument: the text is not YAML, or goes beyond a bound; nothing of it is returned.
    """
    documents, broken = read_until_broken(text, source)
    if broken is not None:
        raise broken
    return documents


def read_until_broken(
    text: str | bytes, source: str = ""
) -> tuple[tuple[Document, ...], BadDocument | None]:
    """Return the documents before the first that is refused, and the refusal, for reports."""
    documents: list[Document] = []
    try:
        documents.extend(
            Document(found.value, source, found.index, found.line, found.lines)
            for found in read_yaml(text)
            if found.value is not None
        )
    except Refusal as refusal:
        return tuple(documents), BadDocument(source, refusal.index, refusal.line, refusal.reason)
    return tuple(documents), None


def read_objects(text: str | bytes, source: str = "") -> tuple[Document, ...]:
    """Read every object of a text, items of lists one by one.

    Raises:
        BadDocument: as `read_documents`, or a document or item is not an object.
    """
    found: list[Document] = []
    for document in read_documents(text, source):
        require_object(document)
        found += split_list(document)
    for one in found:
        require_object(one)
    return tuple(found)


def split_list(document: Document) -> tuple[Document, ...]:
    """Return one document for each item of a list, with its lines, or the document itself."""
    if not _is_list(document.manifest):
        return (document,)
    found = []
    for path, item in _walk_lists(document.manifest, ()):
        lines = document.positions
        for part in path:
            assert not isinstance(lines, int)  # lines have the shape of the manifest
            lines = lines[1][part]  # type: ignore[index]  # same
        line = document.position(path)
        found.append(Document(item, document.source, document.index, line, lines))
    return tuple(found)


def require_object(document: Document) -> Manifest:
    """Return the manifest of a document that is a mapping with apiVersion and kind.

    Raises:
        BadDocument: it is not; the text names what is missing.
    """
    manifest = document.manifest
    if not isinstance(manifest, dict):
        kind = "a list" if isinstance(manifest, list) else f"the single value {manifest!r:.60}"
        raise document.refuse(f"the document is {kind}, not an object with apiVersion and kind")
    for name in ("apiVersion", "kind"):
        value = manifest.get(name)
        if value is None or value == "":
            raise document.refuse(f"{name} is missing: every object needs apiVersion and kind")
        if not isinstance(value, str):
            raise document.refuse(f"{name} must be text, not {value!r:.60}: quote it", (name,))
    return manifest


def flatten(manifest: Manifest) -> tuple[Manifest, ...]:
    """Return the items of a list (`kind: List`, `ConfigMapList`), or the object itself.

    Items of a typed list that do not say what they are get the list's kind, as in an answer of
    the API server. Items that are lists are flattened too.
    """
    return tuple(item for _, item in _walk_lists(manifest, ()))


def _walk_lists(
    manifest: Any, path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield the objects in order with their places; the depth is that of a read document."""
    if not _is_list(manifest):
        yield path, manifest
        return
    for index, item in enumerate(manifest["items"]):
        yield from _walk_lists(_named(item, manifest), (*path, "items", index))


def _is_list(manifest: Any) -> bool:
    if not isinstance(manifest, dict) or not isinstance(manifest.get("items"), list):
        return False
    kind = manifest.get("kind")
    return isinstance(kind, str) and kind.endswith("List")


def _named(item: Any, parent: Manifest) -> Any:
    kind = parent["kind"].removesuffix("List")
    if not isinstance(item, dict) or not kind or "kind" in item or "apiVersion" in item:
        return item
    return {"apiVersion": parent.get("apiVersion"), "kind": kind, **item}

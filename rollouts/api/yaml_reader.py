"""Builds JSON data from libyaml's events in one pass, refusing what is dangerous as it comes.

Nothing here recurses, and every loop is bounded before it starts, so a text can neither exhaust
the stack nor, by aliases or merge keys, grow beyond what was sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from yaml import MarkedYAMLError, YAMLError
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from rollouts.api.scalars import (
    SCALAR_TAGS,
    BadScalar,
    key_of,
    resolve_key,
    resolve_plain,
    resolve_tagged,
)

# What Argo CD takes for one application, and far above what etcd takes as one object.
SIZE_MAX = 10_000_000
# As many objects as one sync handles.
DOCUMENTS_MAX = 5_000
# The deepest schema in use (a CRD's) stays under 60; libyaml's parser gets slow far above this.
DEPTH_MAX = 100
# 100 fields for each of 5,000 objects; half a million take about two seconds to read.
NODES_MAX = 500_000
# Label and annotation keys end at 317 characters, keys of ConfigMaps at 253.
KEY_LENGTH_MAX = 1024
# Anchors are for the odd repeated block. The written-out size has a limit of its own below.
ALIASES_MAX = 100
# Written out, a text with aliases must be no larger than one without may be.
EXPANDED_SIZE_MAX = SIZE_MAX
# Each is a search through those before; Kubernetes has no use for any.
TAG_DIRECTIVES_MAX = 16

Lines: TypeAlias = "int | tuple[int, dict[str, Lines] | list[Lines]]"
"""The line of a scalar, or the line of a collection with the lines of its children."""

_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_TAG_DIRECTIVE = re.compile(r"^%TAG\b", re.MULTILINE)
_UTF16_32 = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_MAP_TAG = "tag:yaml.org,2002:map"
_SEQ_TAG = "tag:yaml.org,2002:seq"
_MERGE_KEY = "<<"
_MERGE_TAG = "tag:yaml.org,2002:merge"


class Refusal(Exception):
    """The text is refused; index and line count from 1, 0 where there is none."""

    def __init__(self, index: int, line: int, reason: str) -> None:
        super().__init__(index, line, reason)
        self.index = index
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Found:
    """One document: its value (None when empty), number, first line and the lines of its parts."""

    value: Any
    index: int
    line: int
    lines: Lines


def read_yaml(text: str | bytes) -> Iterator[Found]:
    """Yield the documents of a text, the empty ones too.

    Raises:
        Refusal: not YAML, or beyond a bound.
    """
    decoded = _decode(text)
    reader = _Reader()
    parser = CParser(decoded)
    try:
        while (event := parser.get_event()) is not None:
            reader.take(event)
            if type(event) is DocumentEndEvent:
                yield reader.found()
    except MarkedYAMLError as error:
        raise _syntax_refusal(error, decoded, reader.index) from error
    except YAMLError as error:
        raise Refusal(reader.index, 0, f"not valid YAML: {error}") from error
    finally:
        parser.dispose()


@dataclass(slots=True)
class _Frame:
    """A collection being built; `key` waits for its value."""

    value: Any
    lines: Any
    is_map: bool
    line: int
    anchor: str | None
    nodes_before: int
    size_before: int
    key: str | None = None
    key_line: int = 0


@dataclass(frozen=True, slots=True)
class _Anchored:
    """What an anchor names, and how much it adds where an alias stands."""

    value: Any
    lines: Lines
    nodes: int
    size: int


class _Reader:
    """Puts values together; its stack stands in for recursion."""

    def __init__(self) -> None:
        self.index = 0
        self._stack: list[_Frame] = []
        self._anchors: dict[str, _Anchored] = {}
        self._aliases = 0
        self._nodes = 0  # of the whole text, aliases written out
        self._size = 0
        self._root: tuple[Any, Lines] = (None, 1)

    def take(self, event: Event) -> None:
        """Take the next event."""
        kind = type(event)
        if kind is ScalarEvent:
            self._take_scalar(event)
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            self._open(event)
        elif isinstance(event, CollectionEndEvent):
            self._close()
        elif kind is AliasEvent:
            self._take_alias(event)
        elif kind is DocumentStartEvent:
            self._start_document(event)

    def found(self) -> Found:
        """Return the document that just ended."""
        value, lines = self._root
        return Found(value, self.index, lines if isinstance(lines, int) else lines[0], lines)

    def _refuse(self, line: int, reason: str) -> Refusal:
        return Refusal(self.index, line, reason)

    def _start_document(self, event: Event) -> None:
        self.index += 1
        self._anchors.clear()
        self._aliases = 0
        if self.index > DOCUMENTS_MAX:
            raise self._refuse(
                _line(event), f"more than {DOCUMENTS_MAX:,} documents: split the file"
            )

    def _count(self, line: int, nodes: int, size: int) -> None:
        self._nodes += nodes
        self._size += size
        if self._nodes > NODES_MAX:
            raise self._refuse(line, f"more than {NODES_MAX:,} values and keys: split the file")
        if self._size > EXPANDED_SIZE_MAX:
            raise self._refuse(
                line, f"more than {EXPANDED_SIZE_MAX:,} characters with the aliases written out"
            )

    def _take_scalar(self, event: Any) -> None:
        line = _line(event)
        size = len(event.value) + 1
        self._count(line, 1, size)
        frame = self._stack[-1] if self._stack else None
        try:
            if frame is not None and frame.is_map and frame.key is None:
                value: Any = self._read_key(event, line)
                self._take_key(frame, value, line)
            else:
                value = self._read_scalar(event, line)
                self._put(value, line)
        except BadScalar as error:
            raise self._refuse(line, str(error)) from error
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(value, line, 1, size)

    def _read_scalar(self, event: Any, line: int) -> Any:
        if event.tag is None:
            return resolve_plain(event.value) if event.implicit[0] else event.value
        if event.tag == "!":
            return event.value
        if event.tag in SCALAR_TAGS:
            return resolve_tagged(event.value, event.tag)
        raise self._refuse_tag(event.tag, line)

    def _read_key(self, event: Any, line: int) -> str:
        if len(event.value) > KEY_LENGTH_MAX:
            raise self._refuse(line, f"a key is longer than {KEY_LENGTH_MAX:,} characters")
        if event.tag == _MERGE_TAG or (event.value == _MERGE_KEY and event.implicit[0]):
            raise self._refuse(
                line, "merge keys (<<) are refused: write the fields out where they apply"
            )
        if event.tag is None:
            return resolve_key(event.value) if event.implicit[0] else str(event.value)
        return key_of(self._read_scalar(event, line))

    def _take_key(self, frame: _Frame, key: str, line: int) -> None:
        if key in frame.value:
            first = frame.lines[key]
            first = first if isinstance(first, int) else first[0]
            raise self._refuse(
                line, f"{key!r} is set twice in one mapping, first on line {first}: keep one"
            )
        frame.key = key
        frame.key_line = line

    def _refuse_tag(self, tag: str, line: int) -> Refusal:
        shown = tag.replace("tag:yaml.org,2002:", "!!")
        return self._refuse(
            line, f"the tag {shown!r:.80} is refused: write plain YAML, numbers as text in quotes"
        )

    def _open(self, event: Any) -> None:
        line = _line(event)
        self._count(line, 1, 1)
        if len(self._stack) >= DEPTH_MAX:
            raise self._refuse(line, f"nested deeper than {DEPTH_MAX} levels")
        is_map = type(event) is MappingStartEvent
        if event.tag not in (None, "!", _MAP_TAG if is_map else _SEQ_TAG):
            raise self._refuse_tag(event.tag, line)
        parent = self._stack[-1] if self._stack else None
        if parent is not None and parent.is_map and parent.key is None:
            raise self._refuse(
                line, "a mapping or list stands where a key belongs: quote text that begins with {"
            )
        if event.anchor is not None:
            # From here the name means this collection, which cannot contain itself.
            self._anchors.pop(event.anchor, None)
        value: Any = {} if is_map else []
        lines: Any = {} if is_map else []
        self._stack.append(
            _Frame(value, lines, is_map, line, event.anchor, self._nodes - 1, self._size - 1)
        )

    def _close(self) -> None:
        frame = self._stack.pop()
        lines = (frame.line, frame.lines)
        if frame.anchor is not None:
            nodes = self._nodes - frame.nodes_before
            size = self._size - frame.size_before
            self._anchors[frame.anchor] = _Anchored(frame.value, lines, nodes, size)
        self._put(frame.value, lines)

    def _take_alias(self, event: Any) -> None:
        line = _line(event)
        self._aliases += 1
        if self._aliases > ALIASES_MAX:
            raise self._refuse(line, f"more than {ALIASES_MAX} aliases: write the fields out")
        anchored = self._anchors.get(event.anchor)
        if anchored is None:
            raise self._refuse(line, f"the alias *{event.anchor:.80} names no anchor before it")
        if self._stack and self._stack[-1].is_map and self._stack[-1].key is None:
            raise self._refuse(line, "an alias stands where a key belongs: write the key out")
        self._count(line, anchored.nodes, anchored.size)
        lines = anchored.lines
        self._put(anchored.value, line if isinstance(lines, int) else (line, lines[1]))

    def _put(self, value: Any, lines: Lines) -> None:
        if not self._stack:
            self._root = (value, lines)
            return
        frame = self._stack[-1]
        if not frame.is_map:
            frame.value.append(value)
            frame.lines.append(lines)
            return
        key, frame.key = frame.key, None
        frame.value[key] = value
        # A person looks for a field where its name stands.
        frame.lines[key] = frame.key_line if isinstance(lines, int) else (frame.key_line, lines[1])


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _decode(text: str | bytes) -> str:
    """Return the text without byte order mark; what libyaml would choke on is refused here."""
    if isinstance(text, str):
        size = len(text)
        if 4 * size > SIZE_MAX:
            size = len(text.encode("utf-8", "surrogatepass"))
    else:
        size = len(text)
    if size > SIZE_MAX:
        raise Refusal(
            0, 0, f"{size:,} bytes are more than the {SIZE_MAX:,} that are read: split it"
        )
    if isinstance(text, bytes):
        text = _decode_bytes(text)
    text = text.removeprefix("\ufeff")
    if (match := _UNPRINTABLE.search(text)) is not None:
        line = text.count("\n", 0, match.start()) + 1
        hint = ": is it UTF-16? Save it as UTF-8" if match[0] == "\0" else ""
        raise Refusal(0, line, f"the character U+{ord(match[0]):04X} cannot stand in YAML{hint}")
    if sum(1 for _ in _TAG_DIRECTIVE.finditer(text)) > TAG_DIRECTIVES_MAX:
        raise Refusal(0, 0, f"more than {TAG_DIRECTIVES_MAX} %TAG directives: remove them")
    return text


def _decode_bytes(text: bytes) -> str:
    if text.startswith(_UTF16_32):
        raise Refusal(0, 0, "the text is UTF-16 or UTF-32: save it as UTF-8")
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise Refusal(
            0, line, f"the byte 0x{text[error.start]:02x} is not UTF-8: save the text as UTF-8"
        ) from error


def _syntax_refusal(error: MarkedYAMLError, text: str, index: int) -> Refusal:
    """Say in a person's words what libyaml found."""
    mark, opened = error.problem_mark, error.context_mark
    line = mark.line + 1 if mark is not None else 0
    character = text[mark.index : mark.index + 1] if mark is not None else ""
    if "cannot start any token" in str(error.problem):
        if character == "\t":
            return Refusal(max(index, 1), line, "a tab cannot indent YAML: use spaces")
        return Refusal(
            max(index, 1), line, f"a value cannot begin with {character!r}: put it in quotes"
        )
    if "maximum nesting depth" in str(error.problem):
        # Newer versions of libyaml look far ahead and give up before the events come here.
        return Refusal(max(index, 1), line, f"nested deeper than {DEPTH_MAX} levels")
    reason = f"not valid YAML: {error.problem}"
    if error.context and opened is not None and opened.line + 1 != line:
        reason += f" {error.context} that begins on line {opened.line + 1}"
    return Refusal(max(index, 1), line, reason)

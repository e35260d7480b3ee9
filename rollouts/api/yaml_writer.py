"""Writes JSON data as YAML that reads back the same, by our own reader and by any other."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from math import isfinite
from typing import Any

from yaml._yaml import CEmitter
from yaml.events import (
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from rollouts.api.go_json import go_float
from rollouts.api.scalars import is_text

# Far beyond any line, so that long ones are not folded: a folded line makes a poor diff.
_WIDTH = 2**30
# Dates, times, base 60 and versions: text to kubectl, but other readers make numbers of some.
_AMBIGUOUS = re.compile(r"[-+.]?[0-9][0-9_:.,TtZz eE+-]*|=|<<")
# Line breaks of YAML 1.1 other than \n, tabs and what does not print: only escapes keep them.
_UNUSUAL = re.compile(
    "[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def dump_yaml(value: Any, *, sort_keys: bool = True) -> str:
    """Return one YAML document in block style.

    Args:
        value: JSON data; infinite and not-a-number floats are not.
        sort_keys: as kubectl prints; otherwise the order of the dicts.

    Raises:
        TypeError: the value is not JSON data.
    """
    stream = io.StringIO()
    emitter = CEmitter(stream, allow_unicode=True, width=_WIDTH, indent=2)
    try:
        emitter.emit(StreamStartEvent())
        emitter.emit(DocumentStartEvent(explicit=False))
        for event in _events(value, sort_keys):
            emitter.emit(event)
        emitter.emit(DocumentEndEvent(explicit=False))
        emitter.emit(StreamEndEvent())
    finally:
        emitter.dispose()
    # libyaml ends a document that is a single plain scalar with a marker of its own.
    text = stream.getvalue()
    return text.removesuffix("...\n") if text.endswith("\n...\n") else text


def _events(value: Any, sort_keys: bool) -> Iterator[Event]:
    """Yield the events of a value; the list of what is left to do stands in for recursion."""
    left: list[Any] = [value]
    while left:
        item = left.pop()
        if isinstance(item, Event):
            yield item
        elif isinstance(item, dict):
            yield MappingStartEvent(None, None, implicit=True, flow_style=not item)
            left.append(MappingEndEvent())
            for key in reversed(sorted(item) if sort_keys else list(item)):
                left += (item[key], _text_event(key))
        elif isinstance(item, list | tuple):
            yield SequenceStartEvent(None, None, implicit=True, flow_style=not item)
            left.append(SequenceEndEvent())
            left.extend(reversed(item))
        else:
            yield _scalar_event(item)


def _scalar_event(value: Any) -> ScalarEvent:
    if isinstance(value, str):
        return _text_event(value)
    if value is None:
        text = "null"
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, int):
        text = str(value)
    elif isinstance(value, float) and isfinite(value):
        text = go_float(value)
    else:
        raise TypeError(f"{value!r:.80} is not JSON data")
    return ScalarEvent(None, None, (True, False), text)


def _text_event(text: str) -> ScalarEvent:
    if not isinstance(text, str):
        raise TypeError(f"the key {text!r:.80} is not text")
    if text == "" or _UNUSUAL.search(text) or not is_text(text) or _AMBIGUOUS.fullmatch(text):
        style = '"'
    else:
        # libyaml quotes what it cannot write plainly or as a block.
        style = "|" if "\n" in text else ""
    return ScalarEvent(None, None, (style == "", True), text, style=style or None)

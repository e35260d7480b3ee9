"""Protobuf bodies: kubectl's typed commands (`create configmap`, `auth can-i`) speak nothing else.

Answers are always JSON, which every client accepts. Bodies are decoded into the same JSON objects
by the field numbers of `protobuf_tags`; a field that the table lacks is refused, never dropped.
"""

from __future__ import annotations

import struct
from base64 import b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rollouts.emulator.errors import ApiError, bad_request
from rollouts.emulator.nodes import LIST, MAP, STRUCT, Node
from rollouts.emulator.web.protobuf_tags import IGNORED, Tag, tags_of
from rollouts.emulator.wire import (
    BOOL,
    BYTES,
    FLOAT,
    INT32,
    INT64,
    INT_OR_STRING,
    MICRO_TIME,
    QUANTITY,
    TIME,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def read_protobuf(data: bytes) -> dict[str, Any]:
    """Decode a protobuf body into an object.

    Raises:
        ApiError: 400, the bytes are no such message; 415, it has parts that are not known here.
    """
    if not data.startswith(MAGIC):
        raise bad_request("the body is not in the protobuf encoding of Kubernetes")
    try:
        envelope = dict(_fields(data[len(MAGIC) :]))
        typed = {number: value.decode() for number, value in _fields(envelope.get(1, b""))}
        api_version, kind = typed.get(1, ""), typed.get(2, "")
        body = _message(kind, envelope.get(2, b""))
    except (IndexError, struct.error, UnicodeDecodeError, ValueError, AttributeError) as error:
        raise bad_request(f"the protobuf body cannot be read: {error}") from None
    return {"apiVersion": api_version, "kind": kind, **body}


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the number and raw value of each field."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        if kind == _BYTES:
            length, position = _varint(data, position)
        elif kind in {_FIXED64, _FIXED32}:
            length = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind} is not in use")
        if position + length > len(data):
            raise ValueError("it ends too early")
        yield number, data[position : position + length]
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")


def _message(name: str, data: bytes) -> dict[str, Any]:
    """Decode a message of a named type; parts that Go inlines in JSON are merged in."""
    tags = tags_of(name)
    found: dict[str, Any] = {}
    for number, raw in _fields(data):
        tag = tags.get(number)
        if tag is None:
            raise ApiError(
                415,
                "UnsupportedMediaType",
                f"field {number} of {name or 'an object without a kind'} cannot be read from "
                "protobuf here: send application/json",
            )
        if tag is IGNORED:
            continue
        if tag.inline:
            found.update(_message(tag.name, raw))
        else:
            _put(found, tag, raw)
    return found


def _put(found: dict[str, Any], tag: Tag, raw: Any) -> None:
    node = tag.node
    if node.kind == LIST:
        assert node.item is not None
        found.setdefault(tag.name, []).append(_value(node.item, raw))
    elif node.kind == MAP:
        assert node.item is not None
        entry = dict(_fields(raw))
        key = entry.get(1, b"").decode()
        found.setdefault(tag.name, {})[key] = _value(node.item, entry.get(2, b""))
    else:
        found[tag.name] = _value(node, raw)


def _value(node: Node, raw: Any) -> Any:
    match node.kind:
        case kind if kind == STRUCT:
            return _message(node.name, raw)
        case kind if kind == BOOL:
            return bool(raw)
        case kind if kind in {INT32, INT64}:
            return raw - (1 << 64) if raw >> 63 else raw
        case kind if kind == FLOAT:
            return struct.unpack("<d", raw)[0]
        case kind if kind == BYTES:
            return b64encode(raw).decode()
        case kind if kind == QUANTITY:
            return dict(_fields(raw)).get(1, b"0").decode()
        case kind if kind == INT_OR_STRING:
            parts = dict(_fields(raw))
            return parts.get(3, b"").decode() if parts.get(1) else _value(_INT, parts.get(2, 0))
        case kind if kind in {TIME, MICRO_TIME}:
            return _time(raw)
    return raw.decode()


_INT = Node(INT32)


def _time(raw: bytes) -> str | None:
    parts = dict(_fields(raw))
    # The zero time of Go is year one: nobody has set it.
    seconds = _value(_INT, parts.get(1, 0))
    if seconds <= 0:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

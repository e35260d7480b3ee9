"""Reading a built-in object the way the server's typed decoder does, so that it comes back alike.

Unknown fields are dropped and reported, empty optional values disappear, required ones appear,
quantities and times take their canonical form, and defaults are filled in. Parts that are the very
objects of a `known` earlier state are taken over unseen: the cost is that of what changed.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rollouts.emulator.errors import Undecodable
from rollouts.emulator.nodes import ANY, LIST, MAP, STRUCT, Field, Node
from rollouts.emulator.quantities import QUANTITY_RULE, canonical_quantity
from rollouts.emulator.wire import (
    BOOL,
    BYTES,
    FLOAT,
    INT32,
    INT64,
    INT_OR_STRING,
    MICRO_TIME,
    QUANTITY,
    STRING,
    TIME,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollouts.emulator.resources import Manifest, ResourceType

_CANONICAL_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_INT_LIMITS = {INT32: 1 << 31, INT64: 1 << 63}
_ZEROS: dict[str, Any] = {
    STRING: "",
    BOOL: False,
    INT32: 0,
    INT64: 0,
    FLOAT: 0,
    QUANTITY: "0",
    INT_OR_STRING: 0,
}

Defaulter = dict[str, "Callable[[dict[str, Any]], None]"]


class _BadValue(Exception):
    """A value that does not fit its type; the text is the decoder's."""


class Decoder:
    """Decodes one object. `defaults` fills in a freshly made struct, by type name."""

    def __init__(self, rt: ResourceType, defaults: Defaulter) -> None:
        self.unknown: list[str] = []
        self._rt = rt
        self._defaults = defaults

    def decode(self, root: Node, manifest: Manifest, known: Manifest | None) -> Manifest:
        """Return the object as the server keeps it.

        Raises:
            ApiError: 400, a value does not fit its type.
        """
        try:
            decoded: Manifest = self._struct(root, manifest, known, "")
        except _BadValue as error:
            rt = self._rt
            raise Undecodable(rt, manifest, str(error)) from None
        return decoded

    def _value(self, node: Node, value: Any, known: Any, path: str) -> Any:
        kind = node.kind
        if kind == STRUCT:
            return self._struct(node, value, known, path)
        if kind == LIST:
            return self._list(node, value, known, path)
        if kind == MAP:
            return self._map(node, value, known, path)
        if kind == ANY:
            return value
        return _SCALAR_READERS[kind](value, node, path)

    def _struct(self, node: Node, value: Any, known: Any, path: str) -> Any:
        if not isinstance(value, dict):
            raise _mismatch(value, path, node)
        if not isinstance(known, dict):
            known = {}
        fields = node.fields
        made: dict[str, Any] = {}
        for key, item in value.items():
            field = fields.get(key)
            if field is None:
                self.unknown.append(f"{path}.{key}" if path else key)
            elif item is None:
                continue
            elif item is known.get(key):
                made[key] = item
            else:
                inner = f"{path}.{key}" if path else key
                try:
                    decoded = self._value(field.node, item, known.get(key), inner)
                except _BadValue as error:
                    raise _name_struct(error, node) from None
                if decoded or field.required or field.pointer or _stays_empty(field, decoded):
                    made[key] = decoded
        for field in node.always:
            if field.name not in made:
                made[field.name] = self._empty(field, path)
        default = self._defaults.get(node.name)
        if default is not None:
            default(made)
        return value if _is_same(made, value) else made

    def _empty(self, field: Field, path: str) -> Any:
        if field.pointer:
            return None
        if field.node.kind == STRUCT:
            return self._struct(field.node, {}, None, f"{path}.{field.name}")
        return _ZEROS.get(field.node.kind)

    def _list(self, node: Node, value: Any, known: Any, path: str) -> Any:
        if not isinstance(value, list):
            raise _mismatch(value, path, node)
        assert node.item is not None
        earlier = known if isinstance(known, list) else ()
        made = []
        for position, item in enumerate(value):
            before = earlier[position] if position < len(earlier) else None
            if item is not None and item is before:
                made.append(item)
            elif item is None:
                made.append(_ZEROS.get(node.item.kind, {} if node.item.kind == STRUCT else None))
            else:
                made.append(self._value(node.item, item, before, f"{path}[{position}]"))
        return value if all(new is old for new, old in zip(made, value, strict=True)) else made

    def _map(self, node: Node, value: Any, known: Any, path: str) -> Any:
        if not isinstance(value, dict):
            raise _mismatch(value, path, node)
        assert node.item is not None
        earlier = known if isinstance(known, dict) else {}
        made: dict[str, Any] = {}
        for key, item in value.items():
            before = earlier.get(key)
            if item is None:
                made[key] = _ZEROS.get(node.item.kind)
            elif item is before:
                made[key] = item
            else:
                try:
                    made[key] = self._value(node.item, item, before, f"{path}.{key}")
                except _BadValue as error:
                    # The decoder of the real server does not name the key of a map.
                    text = str(error).replace(f".{path}.{key} ", f".{path} ", 1)
                    raise _BadValue(text) from None
        return value if _is_same(made, value) else made


def _is_same(made: dict[str, Any], value: dict[str, Any]) -> bool:
    if len(made) != len(value):
        return False
    return all(value.get(key, made) is item for key, item in made.items())


def _stays_empty(field: Field, decoded: Any) -> bool:
    # What the server holds as a struct by value is written even when it has no content.
    return field.node.kind in (STRUCT, INT_OR_STRING) and decoded is not None


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "number"
    if isinstance(value, float):
        return f"number {value}"
    if isinstance(value, str):
        return "string"
    return {"dict": "object", "list": "array"}.get(type(value).__name__, "null")


def _go_type(node: Node) -> str:
    if node.kind == STRUCT:
        return f"v1.{node.name}"
    if node.kind == LIST and node.item is not None:
        return f"[]{_go_type(node.item)}"
    if node.kind == MAP and node.item is not None:
        return f"map[string]{_go_type(node.item)}"
    return node.kind


def _mismatch(value: Any, path: str, node: Node) -> _BadValue:
    plain = re.sub(r"\[\d+\]", "", path)
    return _BadValue(
        f"json: cannot unmarshal {_json_type(value)} into Go struct field \0.{plain} "
        f"of type {_go_type(node)}"
    )


def _name_struct(error: _BadValue, node: Node) -> _BadValue:
    # The message names the innermost struct, which is the first one to see the error.
    return _BadValue(str(error).replace("\0", node.name, 1))


def _read_string(value: Any, node: Node, path: str) -> str:
    if not isinstance(value, str):
        raise _mismatch(value, path, node)
    return value


def _read_bool(value: Any, node: Node, path: str) -> bool:
    if not isinstance(value, bool):
        raise _mismatch(value, path, node)
    return value


def _read_int(value: Any, node: Node, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _mismatch(value, path, node)
    limit = _INT_LIMITS[node.kind]
    if not -limit <= value < limit:
        raise _mismatch(float(value), path, node)
    return value


def _read_float(value: Any, node: Node, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _mismatch(value, path, node)
    return value


def _read_int_or_string(value: Any, node: Node, path: str) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise _mismatch(value, path, node)
    return value


def _read_quantity(value: Any, node: Node, path: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _mismatch(value, path, node)
    written = canonical_quantity(str(value))
    if written is None:
        raise _BadValue(QUANTITY_RULE)
    return value if written == value else written


def _read_time(value: Any, node: Node, path: str) -> str:
    text = _read_string(value, node, path)
    if _CANONICAL_TIME.fullmatch(text):
        return text
    return _parse_time(text).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_micro_time(value: Any, node: Node, path: str) -> str:
    moment = _parse_time(_read_string(value, node, path))
    written = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return str(value) if written == value else written


def _parse_time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        quoted = f'"\\"{text}\\""'
        raise _BadValue(
            f'parsing time {quoted} as "2006-01-02T15:04:05Z07:00": cannot parse {quoted}'
        )
    return moment.astimezone(UTC)


def _read_bytes(value: Any, node: Node, path: str) -> str:
    text = _read_string(value, node, path)
    try:
        b64decode(text, validate=True)
    except binascii.Error:
        raise _BadValue(f"illegal base64 data at input byte {_odd_byte(value)}") from None
    return text


_SCALAR_READERS: dict[str, Callable[[Any, Node, str], Any]] = {
    STRING: _read_string,
    BOOL: _read_bool,
    INT32: _read_int,
    INT64: _read_int,
    FLOAT: _read_float,
    INT_OR_STRING: _read_int_or_string,
    QUANTITY: _read_quantity,
    TIME: _read_time,
    MICRO_TIME: _read_micro_time,
    BYTES: _read_bytes,
}


def _odd_byte(text: str) -> int:
    """Return where a reader of base64 stops: at a strange character, else at the end."""
    found = _NOT_BASE64.search(text)
    if found is None:
        return len(text)
    return found.start()


_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/\r\n]")

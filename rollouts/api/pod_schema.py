"""Prints pod templates and canary steps as Go's typed structs would: known fields, their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from rollouts.api.go_json import go_float, stored_json
from rollouts.api.pod_schema_table import TABLE
from rollouts.api.quantity import BadQuantity, canonical_quantity

Codec: TypeAlias = Callable[[Any], Any]
"""Turns a JSON value into what Go prints for it; never changes its argument."""

Finish: TypeAlias = Callable[[dict[str, Any]], None]
"""Amends a printed struct in place."""

# What Go prints for an absent value, by type code; structs print their own always-printed fields.
_ZERO = {"s": "", "i": 0, "b": False, "q": "0", "x": 0}
# `omitempty` drops these when they are zero or empty; it never drops a struct.
_OMITTED_WHEN_EMPTY = ("s", "i", "b", "y", "[", "{")  # of a code

# Objects of one struct come in few shapes (a variable has a name and a value), so how to print a
# shape is worked out once. The bound holds whatever keys a manifest invents.
_PLANS_MAX = 1024

_Step: TypeAlias = tuple[str, Codec | None, Any, bool, bool]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a Go struct: its JSON name, type code and tag options."""

    name: str
    code: str
    omit_empty: bool
    omit_zero: bool


def read_table(text: str) -> dict[str, tuple[Field, ...]]:
    """Read `Struct name?~:code ...` lines; an indented line continues the one above.

    A code is `s` string, `i` integer, `b` boolean, `q` quantity, `x` integer or string, `t` time,
    `y` bytes, `r` raw JSON or a struct's name, after any of `*` pointer, `[]` slice, `{}` map.
    """
    structs: dict[str, tuple[Field, ...]] = {}
    for line in text.strip().replace("\n  ", " ").splitlines():
        name, *fields = line.split()
        structs[name] = tuple(_read_field(field) for field in fields)
    return structs


def _read_field(text: str) -> Field:
    tagged, _, code = text.partition(":")
    return Field(tagged.rstrip("?~"), code, omit_empty="?" in tagged, omit_zero="~" in tagged)


STRUCTS = read_table(TABLE)


def print_quantity(value: Any) -> Any:
    """Return the canonical text, or the value itself where Go would refuse the document."""
    try:
        return canonical_quantity(value) if isinstance(value, str | int | float) else value
    except BadQuantity:
        return value


def print_time(value: Any) -> Any:
    """Return an RFC 3339 time in UTC without fractions, or the value itself if it is none.

    None stands for Go's zero time, which is no time.
    """
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is None or moment.tzinfo is None:
            return value
        moment = moment.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    except (ValueError, OverflowError):
        return value
    return None if moment == datetime.min else f"{moment.isoformat()}Z"  # noqa: DTZ901  # is UTC


def print_integer(value: Any) -> Any:
    """Return the value, an integral float as the integer that it is in JSON."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(go_float(value))
    return value


def compile_structs(
    *,
    quantity: Codec = print_quantity,
    resource: Codec = print_quantity,
    finish: Mapping[str, Finish] | None = None,
) -> dict[str, Codec]:
    """Build one codec for each struct of the table.

    A value of another shape than its field wants is passed through unchanged: Go would refuse
    the whole document, so there is nothing to match, but the outcome must still be stable.

    Args:
        quantity: prints a single quantity.
        resource: prints a quantity of a resource list (limits, requests, overhead).
        finish: amends printed structs, by struct name.
    """
    leaves: dict[str, Codec] = {
        "q": quantity,
        "t": print_time,
        "i": print_integer,
        "x": print_integer,
        "r": stored_json,
    }
    codecs: dict[str, Codec] = {}

    def codec_of(code: str) -> Codec | None:
        """Return None where the value is printed as it is."""
        if code[0] == "*":
            return codec_of(code[1:])
        if code.startswith("[]"):
            return _list_codec(codec_of(code[2:]), zero_of(code[2:]))
        if code == "{}q":
            return _map_codec(resource, "0")
        if code.startswith("{}"):
            return _map_codec(codec_of(code[2:]), zero_of(code[2:]))
        if code in STRUCTS:
            return struct_codec(code)
        return leaves.get(code)

    def zero_of(code: str) -> Any:
        return struct_codec(code)({}) if code in STRUCTS else _ZERO.get(code)

    def struct_codec(name: str) -> Codec:
        if name not in codecs:
            slots = {
                field.name: _Slot(index, field, codec_of(field.code), zero_of(field.code))
                for index, field in enumerate(STRUCTS[name])
            }
            codecs[name] = _struct_codec(slots, (finish or {}).get(name))
        return codecs[name]

    for name in STRUCTS:
        struct_codec(name)
    return codecs


class _Slot:
    """One field, compiled."""

    __slots__ = ("codec", "index", "is_optional", "keeps_null", "name", "omits_empty", "zero")

    def __init__(self, index: int, field: Field, codec: Codec | None, zero: Any) -> None:
        self.index = index
        self.name = field.name
        self.codec = codec
        self.zero = zero
        # A printed time is a text, or None for no time at all.
        can_be_empty = field.code.lstrip("*") == "t" or field.code[0] in _OMITTED_WHEN_EMPTY
        self.omits_empty = field.omit_empty and can_be_empty
        # A struct or quantity that is no pointer is printed even when it is absent.
        is_value = field.code in STRUCTS or field.code in ("q", "x")
        self.is_optional = field.omit_zero or (field.omit_empty and not is_value)
        # Raw JSON prints the null that it holds.
        self.keeps_null = not self.is_optional or field.code == "r"


def _struct_codec(slots: dict[str, _Slot], finish: Finish | None) -> Codec:
    plans: dict[tuple[str, ...], tuple[_Step, ...]] = {}

    def encode(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        keys = tuple(value)
        plan = plans.get(keys)
        if plan is None:
            if len(plans) >= _PLANS_MAX:
                plans.clear()
            plan = plans[keys] = _plan(slots, keys)
        printed: dict[str, Any] = {}
        for name, codec, zero, keeps_null, omits_empty in plan:
            child = value.get(name)
            if child is None:
                if keeps_null:
                    printed[name] = zero
                continue
            if codec is not None:
                child = codec(child)
            if child or not omits_empty:
                printed[name] = child
        if finish is not None:
            finish(printed)
        return printed

    return encode


def _plan(slots: dict[str, _Slot], keys: tuple[str, ...]) -> tuple[_Step, ...]:
    """Return the fields to print, in Go's order, for an object that has these keys."""
    known = [slots[key] for key in keys if key in slots]
    known += [slot for name, slot in slots.items() if not slot.is_optional and name not in keys]
    known.sort(key=lambda slot: slot.index)
    return tuple(
        (slot.name, slot.codec, slot.zero, slot.keeps_null, slot.omits_empty) for slot in known
    )


def _list_codec(codec: Codec | None, zero: Any) -> Codec:
    def encode(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        if codec is None:
            return [zero if child is None else child for child in value] if None in value else value
        return [zero if child is None else codec(child) for child in value]

    return encode


def _map_codec(codec: Codec | None, zero: Any) -> Codec:
    def encode(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        printed = {key: value[key] for key in sorted(value)}
        for key, child in printed.items():
            if child is None:
                printed[key] = zero
            elif codec is not None:
                printed[key] = codec(child)
        return printed

    return encode

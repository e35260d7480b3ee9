"""Functions from one kind to another: numbers, strings, JSON and Base64."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from rollouts.analysis.expression.bounds import TEXT_LENGTH_MAX, VALUE_DEPTH_MAX
from rollouts.analysis.expression.functions.durations import write_duration
from rollouts.analysis.expression.functions.layouts import write_time
from rollouts.analysis.expression.kinds import ANY, FLOAT, INT, STRING, Kind
from rollouts.analysis.expression.numerals import (
    Unreadable,
    bounded_by_int,
    read_float,
    read_int,
    write_float,
)
from rollouts.analysis.expression.operators import to_float
from rollouts.analysis.expression.problems import Fault
from rollouts.analysis.expression.signatures import ANYTHING, NUMBERS, TEXT, Function, gives
from rollouts.analysis.expression.values import Duration, Run, kind_of, show

_TIME_LAYOUT: Final = "2006-01-02 15:04:05.999999 -0700 MST"
_JSON_TIME_LAYOUT: Final = "2006-01-02T15:04:05.999999Z07:00"


def _to_int(_run: Run, value: float | str) -> int:
    try:
        if isinstance(value, str):
            return read_int(value)
        return bounded_by_int(value)
    except Unreadable as error:
        raise Fault(str(error)) from None


def _to_float(_run: Run, value: float | str) -> float:
    if not isinstance(value, str):
        return to_float(value)
    try:
        return read_float(value)
    except Unreadable as error:
        raise Fault(str(error)) from None


class _Writer:
    """A string in the making that pays for what it holds and stops at the bound."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._parts: list[str] = []
        self._length = 0

    def add(self, part: str) -> None:
        self._run.spend(1)
        self._length += len(part)
        if self._length > TEXT_LENGTH_MAX:
            self._run.check_text(self._length)
        self._parts.append(part)

    def deepen(self, depth: int) -> int:
        if depth >= VALUE_DEPTH_MAX:
            raise Fault(f"the value is nested deeper than {VALUE_DEPTH_MAX} levels")
        return depth + 1

    def text(self) -> str:
        self._run.spend_text(self._length)
        return "".join(self._parts)


def _to_string(run: Run, value: Any) -> str:
    writer = _Writer(run)
    _write_plain(writer, value, 0)
    return writer.text()


def _write_plain(writer: _Writer, value: Any, depth: int) -> None:
    """Write a value as Go's `%v` does."""
    match kind_of(value):
        case Kind.LIST:
            writer.add("[")
            for position, item in enumerate(value):
                writer.add(" " if position else "")
                _write_plain(writer, item, writer.deepen(depth))
            writer.add("]")
        case Kind.MAP:
            writer.add("map[")
            for position, key in enumerate(_ordered(value)):
                writer.add((" " if position else "") + _scalar(key) + ":")
                _write_plain(writer, value[key], writer.deepen(depth))
            writer.add("]")
        case _:
            writer.add(_scalar(value))


def _scalar(value: Any) -> str:
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case float():
            return write_float(value)
        case datetime():
            return write_time(value, _TIME_LAYOUT)
        case Duration():
            return write_duration(value)
        case str():
            return value
        case _:
            return _whole(value)


def _whole(number: int) -> str:
    try:
        return str(number)
    except ValueError:  # Python refuses to print thousands of digits
        raise Fault("the integer has too many digits") from None


def _ordered(holder: Mapping[Any, Any]) -> list[Any]:
    """Return the keys in order; those of one map are of one kind."""
    return sorted(holder, key=lambda key: (type(key).__name__, key))


def _to_json(run: Run, value: Any) -> str:
    writer = _Writer(run)
    _write_json(writer, value, 0)
    return writer.text()


def _write_json(writer: _Writer, value: Any, depth: int) -> None:
    """Write indented JSON with ordered keys, as Go's `json.MarshalIndent` does."""
    match kind_of(value):
        case Kind.LIST if value:
            for position, item in enumerate(value):
                writer.add(("," if position else "[") + "\n" + "  " * (depth + 1))
                _write_json(writer, item, writer.deepen(depth))
            writer.add("\n" + "  " * depth + "]")
        case Kind.MAP if value:
            for position, key in enumerate(_ordered(value)):
                writer.add(("," if position else "{") + "\n" + "  " * (depth + 1))
                writer.add(_quoted(key if isinstance(key, str) else _scalar(key)) + ": ")
                _write_json(writer, value[key], writer.deepen(depth))
            writer.add("\n" + "  " * depth + "}")
        case Kind.LIST:
            writer.add("[]")
        case Kind.MAP:
            writer.add("{}")
        case _:
            writer.add(_json_scalar(value))


def _json_scalar(value: Any) -> str:
    match value:
        case None:
            return "null"
        case float() if not math.isfinite(value):
            raise Fault(f"JSON has no number for {show(value)}")
        case float():
            return write_float(value, exponent_below=-6, exponent_from=21).replace("e-0", "e-")
        case datetime():
            return _quoted(write_time(value, _JSON_TIME_LAYOUT))
        case Duration():
            return str(value.nanoseconds)
        case str():
            return _quoted(value)
        case _:
            return _scalar(value)


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    for letter in "<>&\u2028\u2029":
        quoted = quoted.replace(letter, f"\\u{ord(letter):04x}")
    return quoted


def _from_json(run: Run, text: str) -> Any:
    run.check_text(len(text))
    try:
        document = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise Fault(f"the JSON is nested deeper than {VALUE_DEPTH_MAX} levels") from None
    except ValueError as error:
        raise Fault(f"fromJSON cannot read {text[:40]!r}: {error}") from None
    return _frozen(run, document, 0)


def _frozen(run: Run, document: Any, depth: int) -> Any:
    run.spend(1)
    if depth > VALUE_DEPTH_MAX:
        raise Fault(f"the JSON is nested deeper than {VALUE_DEPTH_MAX} levels")
    if isinstance(document, list):
        return tuple(_frozen(run, item, depth + 1) for item in document)
    if isinstance(document, dict):
        return {key: _frozen(run, value, depth + 1) for key, value in document.items()}
    return document


def _no_constant(name: str) -> Any:
    message = f"{name} is not JSON"
    raise ValueError(message)


def _to_base64(run: Run, text: str) -> str:
    run.check_text(len(text) * 2)
    try:
        return base64.b64encode(text.encode()).decode()
    except UnicodeEncodeError:
        raise Fault("the string holds half of a character (a lone surrogate)") from None


def _from_base64(run: Run, text: str) -> str:
    run.check_text(len(text))
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise Fault(f"{text[:40]!r} is no Base64 of text: {error}") from None


_READABLE = NUMBERS | TEXT

FUNCTIONS: Final = (
    Function("int", (_READABLE,), gives(INT), _to_int),
    Function("float", (_READABLE,), gives(FLOAT), _to_float),
    Function("asInt", (_READABLE,), gives(INT), _to_int),
    Function("asFloat", (_READABLE,), gives(FLOAT), _to_float),
    Function("string", (ANYTHING,), gives(STRING), _to_string),
    Function("toJSON", (ANYTHING,), gives(STRING), _to_json),
    Function("fromJSON", (TEXT,), gives(ANY), _from_json),
    Function("toBase64", (TEXT,), gives(STRING), _to_base64),
    Function("fromBase64", (TEXT,), gives(STRING), _from_base64),
)

"""JSON as Go's encoding/json prints it: HTML-safe strings, shortest floats, sorted maps."""

from __future__ import annotations

import re
import struct
from math import copysign, inf, isfinite, isinf
from typing import Any

import orjson

# Go prints floats plainly between these and with an exponent outside.
_PLAIN_MIN = 1e-6
_PLAIN_MAX = 1e21

# orjson refuses deeper nesting than 254; nothing typed is deeper than 20.
DEPTH_MAX = 200

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

_KEY_PLAIN_DIGITS = 6

# Go escapes these everywhere, so that JSON can stand inside HTML and JavaScript.
_HTML_ESCAPES = (
    (b"&", b"\\u0026"),
    (b"<", b"\\u003c"),
    (b">", b"\\u003e"),
    (b"\xe2\x80\xa8", b"\\u2028"),
    (b"\xe2\x80\xa9", b"\\u2029"),
)


def go_float(value: float) -> str:
    """Return the text of a finite float: shortest digits, exponent only outside 1e-6 to 1e21."""
    digits, exponent = _shortest(abs(value))
    sign = "-" if str(value).startswith("-") else ""
    if value == 0:
        return f"{sign}0"
    if _PLAIN_MIN <= abs(value) < _PLAIN_MAX:
        return sign + _plain(digits, exponent)
    mantissa = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
    return f"{sign}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}".replace(
        "e-0", "e-"
    )


def _shortest(value: float) -> tuple[str, int]:
    """Return the shortest digits that read back as `value`, and the exponent of the first one."""
    mantissa, _, exponent = f"{value!r}".partition("e")
    whole, _, part = mantissa.partition(".")
    digits = (whole + part).lstrip("0")
    leading = len(whole + part) - len(digits)
    position = len(whole) - leading - 1 + int(exponent or 0)
    return digits.rstrip("0") or "0", position


def _plain(digits: str, exponent: int) -> str:
    if exponent < 0:
        return "0." + "0" * (-exponent - 1) + digits
    if len(digits) <= exponent + 1:
        return digits.ljust(exponent + 1, "0")
    return f"{digits[: exponent + 1]}.{digits[exponent + 1 :]}"


def go_float_key(value: float) -> str:
    """Return the mapping key that a YAML loader in Go makes of a float: single precision, `%g`."""
    single = _single(value)
    if isinf(single):
        return "-.inf" if value < 0 else ".inf"
    digits, exponent = _shortest_single(abs(single))
    sign = "-" if str(value).startswith("-") else ""
    if single == 0:
        return f"{sign}0"
    if -4 <= exponent < _KEY_PLAIN_DIGITS:
        return sign + _plain(digits, exponent)
    mantissa = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
    return f"{sign}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _single(value: float) -> float:
    """Return the nearest number of single precision."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return copysign(inf, value)


def _shortest_single(value: float) -> tuple[str, int]:
    """Return the fewest digits that single precision reads back as `value`, as `_shortest` does."""
    for precision in range(9):
        text = f"{value:.{precision}e}"
        if _single(float(text)) == value:
            break
    mantissa, _, exponent = text.partition("e")
    return mantissa.replace(".", "").rstrip("0") or "0", int(exponent)


def go_json(value: Any, *, sort_keys: bool = False) -> bytes:
    """Return compact JSON, dicts in the order they have unless asked otherwise.

    Values that JSON or Go cannot carry (lone surrogates, integers beyond 64 bits, endless
    nesting) are printed in a stable form of our own: there is no answer of Go's to match.
    """
    option = orjson.OPT_SORT_KEYS if sort_keys else None
    try:
        text = orjson.dumps(value, option=option)
    except TypeError:
        text = orjson.dumps(_carriable(value, DEPTH_MAX), option=option)
    for character, escape in _HTML_ESCAPES:
        if character in text:
            text = text.replace(character, escape)
    return text


def _carriable(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict | list) and depth == 0:
        return "..."
    if isinstance(value, dict):
        return {
            _carriable(str(key), depth): _carriable(child, depth - 1)
            for key, child in value.items()
        }
    if isinstance(value, list):
        return [_carriable(child, depth - 1) for child in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return hex(value)  # str() refuses integers of more than 4,300 digits
    return value


def stored_json(value: Any, depth: int = DEPTH_MAX) -> Any:
    """Return free-form JSON as an API server hands it back: keys sorted, numbers as Go has them."""
    if depth == 0:
        return value
    if isinstance(value, dict):
        return {str(key): stored_json(value[key], depth - 1) for key in sorted(value)}
    if isinstance(value, list):
        return [stored_json(child, depth - 1) for child in value]
    if isinstance(value, float) and isfinite(value):
        return orjson.Fragment(go_float(value))
    return value

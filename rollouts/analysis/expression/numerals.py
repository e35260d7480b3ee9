"""Numbers as text: read as the language writes them, written as Go writes them."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final

from rollouts.analysis.expression.kinds import Kind

INT_MIN: Final = -(1 << 63)
INT_MAX: Final = (1 << 63) - 1

_FLOAT_TEXT = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf(?:inity)?|nan)", re.IGNORECASE
)
_INT_TEXT = re.compile(r"[+-]?[0-9]{1,19}")
_TEXT_LENGTH_MAX = 400


class Unreadable(Exception):
    """A text is no number that a program could hold."""


def read_number(text: str) -> tuple[Kind, int | float]:
    """Read a number of a condition: decimal, hexadecimal, octal, binary or with a fraction."""
    plain = text.replace("_", "").lower()
    base = {"0x": 16, "0o": 8, "0b": 2}.get(plain[:2])
    if base is None and any(letter in plain for letter in ".e"):
        try:
            number = float(plain)
        except ValueError:
            raise Unreadable(f"{text!r} is no number") from None
        if math.isinf(number):
            raise Unreadable(f"{text!r} is too large for a float")
        return Kind.FLOAT, number
    if len(plain) > _TEXT_LENGTH_MAX:
        raise Unreadable("the number has too many digits")
    try:
        whole = int(plain, base or 10)
    except ValueError:
        raise Unreadable(f"{text!r} is no number") from None
    if whole > INT_MAX:
        raise Unreadable(f"{text!r} is too large for an integer of 64 bits")
    return Kind.INT, whole


def read_int(text: str) -> int:
    """Read a decimal integer of 64 bits, as Go's `strconv.Atoi` does."""
    if not _INT_TEXT.fullmatch(text) or not INT_MIN <= (number := int(text)) <= INT_MAX:
        raise Unreadable(f"{text[:40]!r} is no integer of 64 bits")
    return number


def read_float(text: str) -> float:
    """Read a decimal number, `Inf` or `NaN`, as Go's `strconv.ParseFloat` does."""
    if len(text) > _TEXT_LENGTH_MAX or not _FLOAT_TEXT.fullmatch(text):
        raise Unreadable(f"{text[:40]!r} is no number")
    number = float(text)
    if math.isinf(number) and "i" not in text.lower():
        raise Unreadable(f"{text[:40]!r} is too large for a float")
    return number


def write_float(number: float, *, exponent_below: int = -4, exponent_from: int = 6) -> str:
    """Write a float as Go does: the fewest digits that read back.

    Args:
        exponent_below: powers of ten below this one are written with an exponent.
        exponent_from: those from this one on as well.
    """
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    if number == 0:
        return "-0" if math.copysign(1, number) < 0 else "0"
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    assert isinstance(exponent, int)
    place = len(digits) + exponent - 1
    if exponent_below <= place < exponent_from:
        return format(Decimal(repr(number)).normalize(), "f")
    shown = "".join(str(digit) for digit in digits)
    mantissa = shown[0] + ("." + shown[1:] if len(shown) > 1 else "")
    return f"{'-' * sign}{mantissa}e{'-' if place < 0 else '+'}{abs(place):02d}"


def bounded_by_int(number: float) -> int:
    """Return the integer part of a number; what has none of 64 bits is refused."""
    if isinstance(number, float) and not math.isfinite(number):
        raise Unreadable(f"{write_float(number)} has no integer part")
    whole = int(number)
    if not INT_MIN <= whole <= INT_MAX:
        raise Unreadable("the number does not fit into an integer of 64 bits")
    return whole

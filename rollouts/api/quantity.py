"""Kubernetes quantities (`500m`, `1.5Gi`, `1e3`): their value, and their text as Go prints it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import isfinite
from typing import Literal, TypeAlias

from rollouts.api.go_json import go_float

Family: TypeAlias = Literal["BinarySI", "DecimalSI", "DecimalExponent"]

# No real quantity is longer, and a bound keeps parsing linear whatever a manifest holds.
TEXT_LENGTH_MAX = 256
# 10^999 is past any machine; Go would accept larger exponents and build the number digit by digit.
EXPONENT_MAX = 999

_NANO_DIGITS = 9
_NANO = 10**_NANO_DIGITS
_INT64_MAX = 2**63 - 1
# Go keeps numbers of up to 18 digits in an int64 and takes another path above; both paths print
# the same value, but only the first reuses the text as it was written.
_FAST_DIGITS = 18
_FAST_BINARY_DIGITS = 14

_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY_SUFFIX = {exponent // 10: suffix for suffix, exponent in _BINARY.items()}
_DECIMAL_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}

_SHAPE = re.compile(
    r"(?P<sign>[+-]?)0*(?P<whole>[0-9]*)(?:\.(?P<part>[0-9]*))?"
    r"(?P<suffix>[eEinumkKMGTP]*[+-]?[0-9]*)"
)
_EXPONENT = re.compile(r"[eE]([+-]?[0-9]{1,18})")


class BadQuantity(ValueError):
    """The text is not a quantity; the message shows it and says what one looks like."""


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A quantity as Go holds it: `mantissa * 10**exponent`, never finer than nano."""

    mantissa: int
    exponent: int
    family: Family
    text: str | None  # as written, where Go prints it unchanged


def parse_quantity(value: str | float) -> Fraction:
    """Return the exact value; finer than 10^-9 is rounded away from zero, as the API server does.

    Raises:
        BadQuantity: not a quantity.
    """
    parsed = _parse(_text_of(value))
    if parsed.exponent >= 0:
        return Fraction(parsed.mantissa * 10**parsed.exponent)
    return Fraction(parsed.mantissa, 10**-parsed.exponent)


def canonical_quantity(value: str | float) -> str:
    """Return the text that Go prints for the quantity: `0.1` is `100m`, `1024Ki` is `1Mi`.

    Differs from a normal form: Go keeps the text as written where it looks canonical already
    (`+5`, `1.500`), and hashes depend on it. Compare values with `parse_quantity`.

    Raises:
        BadQuantity: not a quantity.
    """
    return _canonical(_text_of(value))


def _text_of(value: str | float) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or (isinstance(value, float) and not isfinite(value)):
        raise BadQuantity(f"{value!r} is not a quantity: write a number such as 500m or 1.5Gi")
    return go_float(value) if isinstance(value, float) else str(value)


@lru_cache(maxsize=4096)
def _canonical(text: str) -> str:
    parsed = _parse(text)
    if parsed.text is not None:
        return parsed.text
    if parsed.mantissa == 0:
        return "0"
    family = parsed.family
    if family == "BinarySI":
        number = _whole_number(parsed)
        if number is not None and abs(number) >= 1024:
            return _print_binary(number)
        family = "DecimalSI"
    return _print_decimal(parsed.mantissa, parsed.exponent, family)


def _whole_number(parsed: _Parsed) -> int | None:
    if parsed.exponent >= 0:
        return parsed.mantissa * int(10**parsed.exponent)
    quotient, rest = divmod(parsed.mantissa, 10**-parsed.exponent)
    return None if rest else quotient


def _print_binary(number: int) -> str:
    times = 0
    while number % 1024 == 0:
        number //= 1024
        times += 1
    return f"{number}{_BINARY_SUFFIX.get(times, '')}"


def _print_decimal(mantissa: int, exponent: int, family: Family) -> str:
    while mantissa % 10 == 0:
        mantissa //= 10
        exponent += 1
    surplus = exponent % 3
    mantissa *= 10**surplus
    exponent -= surplus
    if family == "DecimalExponent":
        return f"{mantissa}e{exponent}" if exponent else str(mantissa)
    # Above exa Go knows no suffix and prints none, which loses the exponent; so do we.
    return f"{mantissa}{_DECIMAL_SUFFIX.get(exponent, '')}"


@lru_cache(maxsize=4096)
def _parse(text: str) -> _Parsed:
    match = _SHAPE.fullmatch(text) if 0 < len(text) <= TEXT_LENGTH_MAX else None
    if match is None:
        raise _refusal(text)
    whole, part = match["whole"] or "0", match["part"] or ""
    base, exponent, family = _read_suffix(match["suffix"], text)
    sign = -1 if match["sign"] == "-" else 1
    digits = whole + part
    if base == 2:
        if not part and len(whole) + exponent * 3 // 10 <= _FAST_BINARY_DIGITS:
            number = sign * int(whole) << exponent
            return _Parsed(number, 0, family, text if int(whole) & 7 else None)
        _require_digits(match, text)
        return _parse_binary(whole, part, exponent=exponent, sign=sign)
    scale = exponent - len(part)
    if len(digits) <= _FAST_DIGITS and scale >= -_NANO_DIGITS:
        kept = scale % 3 == 0 and digits[0] != "0" and not digits.endswith("000")
        return _Parsed(sign * int(digits), scale, family, text if kept else None)
    _require_digits(match, text)
    if scale >= -_NANO_DIGITS:
        return _Parsed(sign * int(digits), scale, family, None)
    return _Parsed(sign * _ceil_div(int(digits), 10 ** (-scale - _NANO_DIGITS)), -9, family, None)


def _parse_binary(whole: str, part: str, *, exponent: int, sign: int) -> _Parsed:
    nanos = _ceil_div((int(whole + part) << exponent) * _NANO, 10 ** len(part))
    nanos = min(nanos, _INT64_MAX * _NANO)
    family: Family = "DecimalSI" if 0 < nanos < _NANO else "BinarySI"
    return _Parsed(sign * nanos, -_NANO_DIGITS, family, None)


def _require_digits(match: re.Match[str], text: str) -> None:
    """Go's short path takes a bare suffix for zero, its long path refuses it."""
    if not any(character.isdigit() for character in text[: match.start("suffix")]):
        raise _refusal(text)


def _read_suffix(suffix: str, text: str) -> tuple[int, int, Family]:
    if suffix in _DECIMAL:
        return 10, _DECIMAL[suffix], "DecimalSI"
    if suffix in _BINARY:
        return 2, _BINARY[suffix], "BinarySI"
    match = _EXPONENT.fullmatch(suffix)
    if match is None or abs(int(match[1])) > EXPONENT_MAX:
        raise _refusal(text)
    return 10, int(match[1]), "DecimalExponent"


def _refusal(text: str) -> BadQuantity:
    shown = text if len(text) <= 40 else f"{text[:40]}..."
    return BadQuantity(
        f"{shown!r} is not a quantity: write a number and perhaps a suffix, as in 500m or 1.5Gi"
    )


def _ceil_div(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)

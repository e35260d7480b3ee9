"""Resource quantities in the canonical form in which the server returns them."""

from __future__ import annotations

import re
from fractions import Fraction

QUANTITY_RULE = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
_FORM = re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+)?")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_DECIMAL_NAMES = {power: name for name, power in _DECIMAL.items()}
_NANO = Fraction(1, 10**9)


def canonical_quantity(text: str) -> str | None:
    """Return `text` as the server would write it (`1000m` is `1`), or None when it is not one.

    The family of the suffix is kept: binary stays binary, an exponent stays an exponent. Values
    finer than a billionth are rounded up, away from zero.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    sign, number, suffix = found.group(1), found.group(2), found.group(3) or ""
    amount = Fraction(number)
    if suffix in _BINARY and suffix:
        written = _write_binary(amount * 1024 ** _BINARY.index(suffix))
    elif suffix in _DECIMAL:
        written = _write_decimal(amount * Fraction(10) ** _DECIMAL[suffix], "")
    else:
        written = _write_decimal(amount * Fraction(10) ** int(suffix[1:]), "e")
    return f"-{written}" if sign == "-" and written != "0" else written


def quantity_value(text: str) -> Fraction:
    """Return the number a valid quantity stands for."""
    found = _FORM.fullmatch(text)
    assert found is not None, text
    number, suffix = Fraction(found.group(2)), found.group(3) or ""
    amount: Fraction
    if suffix in _BINARY:
        amount = number * 1024 ** _BINARY.index(suffix)
    elif suffix in _DECIMAL:
        amount = number * Fraction(10) ** _DECIMAL[suffix]
    else:
        amount = number * Fraction(10) ** int(suffix[1:])
    return -amount if found.group(1) == "-" else amount


def _round_up(amount: Fraction, unit: Fraction) -> int:
    return -(-amount // unit)


def _write_binary(amount: Fraction) -> str:
    if amount.denominator != 1 or amount < 1024:
        # Fractions of a byte have no binary suffix, and small numbers need none.
        return _write_decimal(amount, "")
    whole = amount.numerator
    power = 0
    while whole % 1024 == 0 and power < len(_BINARY) - 1:
        whole //= 1024
        power += 1
    return f"{whole}{_BINARY[power]}"


def _write_decimal(amount: Fraction, exponent_mark: str) -> str:
    digits = _round_up(amount, _NANO)
    if digits == 0:
        return "0"
    power = -9
    while digits % 1000 == 0 and power < 18:
        digits //= 1000
        power += 3
    if exponent_mark:
        return f"{digits}{exponent_mark}{power}" if power else str(digits)
    return f"{digits}{_DECIMAL_NAMES[power]}"

"""What a YAML scalar means to kubectl: the rules of the Go loader sigs.k8s.io/yaml, not PyYAML's.

The rules are YAML 1.1's with Go's numbers: `yes`, `on` and `y` are booleans, `010` is 8, `1_000`
is 1000, while `1:30` and `2024-01-01` stay text. Numbers come out as they do after the trip
through JSON that every manifest makes: `1e3` and `1.0` are integers.
"""

from __future__ import annotations

import re
from math import isinf
from typing import TypeAlias

from rollouts.api.go_json import go_float, go_float_key

Scalar: TypeAlias = str | int | float | bool | None

_TAG = "tag:yaml.org,2002:"
STR_TAG = f"{_TAG}str"
SCALAR_TAGS = frozenset(f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null"))

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(
        ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True
    ),
    **dict.fromkeys(
        ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False
    ),
}
_NO_JSON = frozenset(
    sign + word
    for sign in ("", "+", "-")
    for word in (".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN")
    if not (sign and word.lower() == ".nan")
)

_STARTS_NUMBER = frozenset("+-.0123456789")
_INTEGER = re.compile(
    r"[+-]?(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[oO]?(?P<octal>[0-7]+)|0[bB](?P<binary>[01]+)"
    r"|(?P<decimal>0|[1-9][0-9]*))"
)
_FLOAT = re.compile(r"[+-]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][+-]?[0-9]+)?")
# The Go loader also reads a sign after the prefix, by accident of how it parses twice.
_SIGNED_BINARY = re.compile(r"0b(?P<binary>[+-][01]+)")

_INT64_MIN, _UINT64_MAX = -(2**63), 2**64 - 1
# Longer runs of digits are beyond 64 bits in every base, so they need not be converted.
_INTEGER_DIGITS_MAX = 72
_BASES = {"hex": 16, "octal": 8, "binary": 2, "decimal": 10}


class BadScalar(ValueError):
    """The scalar cannot be had as JSON, or is not what its tag says."""


def resolve_plain(text: str) -> Scalar:
    """Return the value of an unquoted scalar.

    Raises:
        BadScalar: infinity or not-a-number, which JSON cannot carry.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _STARTS_NUMBER:
        return text
    if text in _NO_JSON:
        raise BadScalar(f"{text} has no JSON form: quote it if it is meant as text")
    return _settle(_resolve_number(text))


def resolve_tagged(text: str, tag: str) -> Scalar:
    """Return the value of a scalar with one of `SCALAR_TAGS`, quoted or not.

    Raises:
        BadScalar: the text is not of that type.
    """
    if tag == STR_TAG:
        return text
    name = tag.removeprefix(_TAG)
    if text in _WORDS:
        value: Scalar = _WORDS[text]
    elif text in _NO_JSON:
        raise BadScalar(f"{text} has no JSON form: quote it if it is meant as text")
    else:
        value = _resolve_number(text)
    if _fits(value, name):
        return _settle(value)
    raise BadScalar(f"{_shown(text)} is not a value of the type !!{name}")


def key_of(value: Scalar) -> str:
    """Return the mapping key that a resolved scalar becomes, since JSON keys are strings.

    Raises:
        BadScalar: null, or an integer beyond int64, which the Go loader refuses as keys.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return go_float_key(value)
    if value is None:
        raise BadScalar("a key is missing or null: quote it if it is meant as text")
    if value > -_INT64_MIN - 1:
        raise BadScalar(f"{value} is too large for a key: quote it")
    return str(value)


def resolve_key(text: str) -> str:
    """Return the mapping key that an unquoted scalar becomes.

    Numbers are not settled before: `1e3` is the key `1000` and `1e9` the key `1e+09`.
    """
    if text in _WORDS:
        return key_of(_WORDS[text])
    if text[0] not in _STARTS_NUMBER:
        return text
    if text in _NO_JSON:
        return text.lower().lstrip("+")
    return key_of(_resolve_number(text))


def is_text(text: str) -> bool:
    """Tell whether an unquoted scalar of this text would be a string, whoever reads it."""
    if text in _WORDS or text in _NO_JSON:
        return False
    return text[0] not in _STARTS_NUMBER or isinstance(_resolve_number(text), str)


def _resolve_number(text: str) -> str | int | float:
    if text[0] == ".":  # here the Go loader allows no underscores
        return _read_float(text, text)
    plain = text.replace("_", "") if "_" in text and text[0] in "+-0123456789" else text
    match = _INTEGER.fullmatch(plain)
    if match is not None:
        number = _read_integer(match, plain)
        if number is not None:
            return number
    if match is None and (match := _SIGNED_BINARY.fullmatch(plain)):
        number = _read_integer(match, plain)
        return text if number is None else number
    return _read_float(plain, text)


def _read_integer(match: re.Match[str], plain: str) -> int | None:
    """Return the integer, or None beyond 64 bits; only an unsigned text may pass int64."""
    base = match.lastgroup or "decimal"
    digits = match[base]
    if len(digits.lstrip("+-0")) > _INTEGER_DIGITS_MAX:
        return None
    number = int(digits, _BASES[base])
    if plain[0] == "-":
        number = -number
    limit = -_INT64_MIN - 1 if plain[0] in "+-" or digits[0] in "+-" else _UINT64_MAX
    return number if _INT64_MIN <= number <= limit else None


def _read_float(plain: str, text: str) -> str | float:
    if not _FLOAT.fullmatch(plain):
        return text
    number = float(plain)
    return text if isinf(number) else number


def _settle(value: Scalar) -> Scalar:
    """Return the number as it is after a trip through JSON: whole int64 values are integers."""
    if isinstance(value, float) and value.is_integer() and abs(value) < -_INT64_MIN:
        return int(go_float(value))
    return value


def _fits(value: Scalar, name: str) -> bool:
    match name:
        case "null":
            return value is None
        case "bool":
            return isinstance(value, bool)
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case _:
            return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(text: str) -> str:
    return repr(text) if len(text) <= 40 else f"{text[:40]!r}..."

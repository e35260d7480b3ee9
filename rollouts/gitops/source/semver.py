"""Semantic versions and ranges over them, read as loosely as Git tags are written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

RANGE_LENGTH_MAX = 256

_VERSION = re.compile(
    r"v?(\d{1,18})(?:\.(\d{1,18}))?(?:\.(\d{1,18}))?"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)
_PART = r"(?:\d{1,18}|[xX*])"
_OPERAND = (
    rf"v?({_PART})(?:\.({_PART}))?(?:\.({_PART}))?"
    r"(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?"
)
_COMPARISON = re.compile(rf"\s*(=|==|!=|>=|=>|<=|=<|>|<|~>|~|\^|)\s*{_OPERAND}\s*,?")
_HYPHEN = re.compile(rf"\s*({_OPERAND})\s+-\s+({_OPERAND})\s*")

_Identifier: TypeAlias = tuple[int, int, str]


class BadRange(ValueError):
    """A text is no version range."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version; compare by `precedence`, which leaves build metadata out."""

    major: int
    minor: int
    patch: int
    prerelease: str = ""

    @property
    def precedence(self) -> tuple[int, int, int, int, tuple[_Identifier, ...]]:
        """Return a key that sorts as semver.org says: a pre-release before its release."""
        identifiers = tuple(
            (0, int(part), "") if part.isdigit() else (1, 0, part)
            for part in self.prerelease.split(".")
            if part
        )
        return self.major, self.minor, self.patch, 0 if self.prerelease else 1, identifiers


def parse_version(text: str) -> Version | None:
    """Read `1.2.3-rc.1`, also as `v1.2.3`, `1.2` or `1`; None when it is no version."""
    match = _VERSION.fullmatch(text) if len(text) <= RANGE_LENGTH_MAX else None
    if match is None:
        return None
    return Version(int(match[1]), int(match[2] or 0), int(match[3] or 0), match[4] or "")


_Bound: TypeAlias = tuple[str, Version]  # One of < <= > >= != and what it compares with.


@dataclass(frozen=True, slots=True)
class _Group:
    """Bounds that must all hold; `excluded` are half-open intervals that must not."""

    bounds: tuple[_Bound, ...]
    excluded: tuple[tuple[Version, Version], ...]
    prereleases: bool

    def admits(self, version: Version) -> bool:
        if version.prerelease and not self.prereleases:
            return False
        key = version.precedence
        for operator, limit in self.bounds:
            other = limit.precedence
            holds = {"<": key < other, "<=": key <= other, ">": key > other, ">=": key >= other}
            if not holds[operator]:
                return False
        return not any(low.precedence <= key < high.precedence for low, high in self.excluded)


@dataclass(frozen=True, slots=True)
class Range:
    """A range: alternatives of comparisons that must all hold."""

    groups: tuple[_Group, ...]

    def admits(self, version: Version) -> bool:
        """Decide whether a version lies in the range.

        Pre-releases count only where an alternative names one itself (`>=1.0.0-0`).
        """
        return any(group.admits(version) for group in self.groups)


def parse_range(text: str) -> Range:
    """Read a range: comparisons joined by commas or spaces (all) and `||` (any).

    Known: `=`, `!=`, `>`, `<`, `>=`, `<=`, `~1.2` (same minor), `^1.2` (same leftmost
    non-zero part), `1.2.x`, `*`, and `1.2 - 1.5`.

    Raises:
        BadRange: the text is none of this.
    """
    if len(text) > RANGE_LENGTH_MAX:
        raise BadRange(f"a version range is at most {RANGE_LENGTH_MAX} characters long")
    return Range(tuple(_parse_group(part) for part in text.split("||")))


def _parse_group(text: str) -> _Group:
    hyphen = _HYPHEN.fullmatch(text)
    if hyphen:
        text = f">={hyphen[1]} <={hyphen[6]}"
    bounds: list[_Bound] = []
    excluded: list[tuple[Version, Version]] = []
    prereleases = False
    position = 0
    while position < len(text):
        match = _COMPARISON.match(text, position)
        if match is None:
            raise BadRange(f"{text.strip()!r} is not a version range; write one such as >=1.2 <2")
        position = match.end()
        operator, *parts, prerelease = match.groups()
        low, high = _interval(parts, prerelease or "")
        prereleases = prereleases or bool(prerelease)
        if operator == "!=":
            excluded.append((low, high))
        else:
            bounds += _bounds(operator, low, high, known_parts=_known(parts))
    if position == 0:
        raise BadRange("an empty text is not a version range; write * for any version")
    return _Group(tuple(bounds), tuple(excluded), prereleases)


def _known(parts: list[str | None]) -> int:
    """Return how many leading parts are numbers: 2 for `1.2` and `1.2.x`, 0 for `*`."""
    return next((at for at, part in enumerate(parts) if part is None or part in "xX*"), len(parts))


def _interval(parts: list[str | None], prerelease: str) -> tuple[Version, Version]:
    """Return the half-open interval of versions that a partial version stands for."""
    known = _known(parts)
    numbers = [int(part or 0) if at < known else 0 for at, part in enumerate(parts)]
    low = Version(numbers[0], numbers[1], numbers[2], prerelease if known == 3 else "")
    if known == 3 and prerelease:
        return low, Version(low.major, low.minor, low.patch, f"{prerelease}.0")
    return low, _raise(low, known)


def _raise(version: Version, parts: int) -> Version:
    """Return the lowest version above all that share the first `parts` numbers.

    It is a pre-release (`2.0.0-0`), so that `2.0.0-rc.1` counts as above `1.x` too.
    """
    match parts:
        case 0:
            return Version(10**19, 0, 0)  # Above what `_VERSION` can read.
        case 1:
            return Version(version.major + 1, 0, 0, "0")
        case 2:
            return Version(version.major, version.minor + 1, 0, "0")
        case _:
            return Version(version.major, version.minor, version.patch + 1, "0")


def _bounds(operator: str, low: Version, high: Version, *, known_parts: int) -> tuple[_Bound, ...]:
    """Return a comparison with a possibly partial version as bounds."""
    match operator:
        case ">":
            return ((">" if known_parts == 3 else ">=", low if known_parts == 3 else high),)
        case ">=" | "=>":
            return ((">=", low),)
        case "<":
            return (("<", low),)
        case "<=" | "=<":
            return (("<=", low),) if known_parts == 3 else (("<", high),)
        case "~" | "~>":
            return (">=", low), ("<", _raise(low, min(known_parts, 2)))
        case "^":
            return (">=", low), ("<", _raise(low, _caret_parts(low, known_parts)))
        case _:
            if known_parts == 3:
                return (">=", low), ("<=", low)
            return (">=", low), ("<", high)


def _caret_parts(version: Version, known_parts: int) -> int:
    """Return how many numbers a caret keeps: up to the leftmost one that is not zero."""
    for at, number in enumerate((version.major, version.minor, version.patch), start=1):
        if number or at >= known_parts:
            return min(at, known_parts)
    return known_parts

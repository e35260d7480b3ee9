"""Matches wildcards in linear-ish time: no user text ever becomes a regular expression.

Two dialects share one matcher: shell globs in which `*` also crosses slashes (Argo CD's
include and exclude, URL allow-lists), and gitignore segments in which it cannot, because a
segment holds no slash.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

PATTERN_LENGTH_MAX = 4096
ALTERNATIVES_MAX = 256
"""Bound on what brace sets may multiply to."""

_Token: TypeAlias = str | tuple[bool, tuple[tuple[str, str], ...]] | None
"""A literal character, a character class (negated, ranges), or one of the wildcards below."""

_ANY_ONE = None
_ANY_RUN = ""


class BadPattern(ValueError):
    """A wildcard pattern cannot be read; the message says why."""


def match_glob(pattern: str, text: str) -> bool:
    """Decide whether a glob matches the whole text; `*` crosses slashes, `{a,b}` alternates.

    Raises:
        BadPattern: a brace or bracket is not closed, or the pattern is too large.
    """
    return any(match_wildcards(choice, text) for choice in expand_braces(pattern))


def expand_braces(pattern: str) -> tuple[str, ...]:
    """Return the brace-free patterns that `{a,b{c,d}}` stands for, in order."""
    if len(pattern) > PATTERN_LENGTH_MAX:
        raise BadPattern(f"is longer than {PATTERN_LENGTH_MAX} characters")
    pending, done = [pattern], []
    while pending:
        current = pending.pop()
        opening = _find(current, "{", 0)
        if opening < 0:
            done.append(current)
        else:
            head, choices, tail = _split_set(current, opening)
            pending.extend(head + choice + tail for choice in reversed(choices))
        if len(pending) + len(done) > ALTERNATIVES_MAX:
            raise BadPattern(f"its brace sets stand for more than {ALTERNATIVES_MAX} patterns")
    return tuple(done)


def _find(text: str, wanted: str, start: int) -> int:
    """Return where a character stands unescaped and outside brackets, or -1."""
    index = start
    while index < len(text):
        if text[index] == "\\":
            index += 1
        elif text[index] in wanted:
            return index
        index += 1
    return -1


def _split_set(pattern: str, opening: int) -> tuple[str, list[str], str]:
    """Split at the brace set that opens at `opening` into head, choices and tail."""
    depth, start, choices, index = 0, opening + 1, [], opening
    while (index := _find(pattern, "{},", index)) >= 0:
        match pattern[index]:
            case "{":
                depth += 1
            case "," if depth == 1:
                choices.append(pattern[start:index])
                start = index + 1
            case "}":
                depth -= 1
                if depth == 0:
                    choices.append(pattern[start:index])
                    return pattern[:opening], choices, pattern[index + 1 :]
        index += 1
    raise BadPattern(f"{pattern!r:.80} has an open brace; write \\{{ for the character itself")


def match_wildcards(pattern: str, text: str) -> bool:
    r"""Decide whether `*`, `?`, `[a-z]` and `\x` match the whole text.

    Greedy with one point to return to, the latest star: that is enough for this language, and
    the work is bounded by pattern length times text length.
    """
    literal, tail, tokens = _read(pattern)
    if literal:
        return pattern == text
    if tail:
        return text.endswith(tail)
    position, index = 0, 0
    star, retry = -1, 0
    while index < len(text):
        if position < len(tokens) and tokens[position] == _ANY_RUN:
            star, retry = position, index
            position += 1
        elif position < len(tokens) and _fits(tokens[position], text[index]):
            position += 1
            index += 1
        elif star >= 0:
            retry += 1
            position, index = star + 1, retry
        else:
            return False
    return all(token == _ANY_RUN for token in tokens[position:])


@lru_cache(maxsize=2048)
def _read(pattern: str) -> tuple[bool, str, tuple[_Token, ...]]:
    """Return a pattern ready for use: whether it is plain text, a lone tail after `*`, tokens.

    Remembered, because one pattern is tried on thousands of paths.
    """
    if not _special(pattern):
        return True, "", ()
    tail = pattern[1:] if pattern[0] == "*" and not _special(pattern[1:]) else ""
    return False, tail, tuple(_tokens(pattern))


def _special(pattern: str) -> bool:
    return any(character in pattern for character in "*?[\\")


def _fits(token: _Token, character: str) -> bool:
    match token:
        case None:
            return True
        case str():
            return token == character
        case (negated, ranges):
            return negated != any(low <= character <= high for low, high in ranges)


def _tokens(pattern: str) -> list[_Token]:
    """Return the pattern as tokens; runs of stars count once."""
    if len(pattern) > PATTERN_LENGTH_MAX:
        raise BadPattern(f"is longer than {PATTERN_LENGTH_MAX} characters")
    tokens: list[_Token] = []
    index = 0
    while index < len(pattern):
        character = pattern[index]
        index += 1
        if character == "*":
            if not tokens or tokens[-1] != _ANY_RUN:
                tokens.append(_ANY_RUN)
        elif character == "?":
            tokens.append(_ANY_ONE)
        elif character == "[":
            token, index = _character_class(pattern, index)
            tokens.append(token)
        elif character == "\\" and index < len(pattern):
            tokens.append(pattern[index])
            index += 1
        else:
            tokens.append(character)
    return tokens


def _character_class(pattern: str, start: int) -> tuple[_Token, int]:
    """Read a bracket expression that begins after `[`; return it and where it ended."""
    index = start
    negated = pattern[index : index + 1] in ("!", "^")
    index += negated
    ranges: list[tuple[str, str]] = []
    first = True
    while index < len(pattern):
        character = pattern[index]
        if character == "]" and not first:
            return (negated, tuple(ranges)), index + 1
        if character == "\\" and index + 1 < len(pattern):
            index += 1
            character = pattern[index]
        if pattern[index + 1 : index + 2] == "-" and pattern[index + 2 : index + 3] not in (
            "",
            "]",
        ):
            ranges.append((character, pattern[index + 2]))
            index += 3
        else:
            ranges.append((character, character))
            index += 1
        first = False
    raise BadPattern(f"{pattern!r:.80} has an open bracket; write \\[ for the character itself")

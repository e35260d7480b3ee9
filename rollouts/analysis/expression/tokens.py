"""From characters to tokens."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from rollouts.analysis.expression.bounds import PROBLEMS_MAX
from rollouts.analysis.expression.problems import ConditionError, Problem, locate


class TokenKind(StrEnum):
    """What sort of token it is."""

    NAME = "name"
    NUMBER = "number"
    STRING = "string"
    OPERATOR = "operator"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """One token: `text` is what it says, a string without its quotes and escapes."""

    kind: TokenKind
    text: str
    offset: int

    def __str__(self) -> str:
        match self.kind:
            case TokenKind.END:
                return "the end of the condition"
            case TokenKind.STRING:
                return f"string {self.text[:40]!r}"
            case _:
                return f"{self.text[:40]!r}"


WORDS = {
    **{word: word for word in ("and", "or", "not", "in", "matches", "contains")},
    **{word: word for word in ("startsWith", "endsWith", "let", "if", "else")},
}
"""Names that are operators."""

SYNONYMS = {"&&": "and", "||": "or", "!": "not", "^": "**"}

_TOKEN = re.compile(
    r"""
      (?P<space> [ \t\r\n\u00a0]+ )
    | (?P<comment> //[^\n]* | /\*[\s\S]*?\*/ )
    | (?P<open_comment> /\* )
    | (?P<number> 0[xX][0-9a-fA-F_]* | 0[oO][0-7_]* | 0[bB][01_]*
        | (?: [0-9][0-9_]* (?: \.(?!\.)[0-9_]* )? | \.[0-9][0-9_]* ) (?: [eE][+-]?[0-9_]* )? )
    | (?P<name> [^\W\d]\w* | \$env\b )
    | (?P<raw> `[^`]*` )
    | (?P<string> "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' )
    | (?P<open_string> ["'`] )
    | (?P<operator> \*\*|&&|\|\||==|!=|<=|>=|\.\.|\?\.|\?\?|[-+*/%^!<>?:;,.|#()\[\]{}=] )
    """,
    re.VERBOSE,
)

_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})"
    r"|u\{([0-9a-fA-F]{1,8})\}|(.)|$)",
    re.DOTALL,
)

_PLAIN_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "`": "`",
    "?": "?",
}


class _BadEscape(Exception):
    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


def scan(source: str) -> tuple[Token, ...]:
    """Return the tokens of a condition, the last one of the kind END.

    Raises:
        ConditionError: some characters make no token; all such places are named.
    """
    tokens: list[Token] = []
    problems: list[Problem] = []
    position = 0
    while position < len(source) and len(problems) < PROBLEMS_MAX:
        found = _TOKEN.match(source, position)
        if found is None or found.lastgroup is None:
            problems.append(locate(source, position, _unknown(source[position])))
            position += 1
            continue
        begin, position = position, found.end()
        if (complaint := _unfinished(found.lastgroup)) is not None:
            problems.append(locate(source, begin, complaint))
            break
        try:
            tokens += _token(found.lastgroup, found.group(), begin, source[position : position + 1])
        except _BadEscape as error:
            problems.append(locate(source, begin + error.offset, str(error)))
    if problems:
        raise ConditionError(problems)
    return (*tokens, Token(TokenKind.END, "", len(source)))


def _token(group: str, text: str, offset: int, following: str) -> tuple[Token, ...]:
    match group:
        case "space" | "comment":
            return ()
        case "number":
            if following and (following.isalnum() or following == "_"):
                raise _BadEscape(f"a number goes into a name at {text + following!r}", 0)
            return (Token(TokenKind.NUMBER, text, offset),)
        case "name":
            kind = TokenKind.OPERATOR if text in WORDS else TokenKind.NAME
            return (Token(kind, text, offset),)
        case "raw":
            return (Token(TokenKind.STRING, text[1:-1], offset),)
        case "string":
            return (Token(TokenKind.STRING, _unescape(text), offset),)
        case _:
            return (Token(TokenKind.OPERATOR, SYNONYMS.get(text, text), offset),)


def _unescape(quoted: str) -> str:
    if "\\" not in quoted:
        return quoted[1:-1]
    parts = []
    position = 1
    end = len(quoted) - 1
    while (slash := quoted.find("\\", position, end)) >= 0:
        parts.append(quoted[position:slash])
        found = _ESCAPE.match(quoted, slash, end)
        assert found is not None  # the last alternative takes anything
        parts.append(_escaped(found, slash))
        position = found.end()
    parts.append(quoted[position:end])
    return "".join(parts)


def _escaped(found: re.Match[str], offset: int) -> str:
    two, four, eight, octal, braced, plain = found.groups()
    if plain is not None:
        if plain not in _PLAIN_ESCAPES:
            raise _BadEscape(
                f"\\{plain} is no escape; write \\\\ for a backslash, or use `backticks`", offset
            )
        return _PLAIN_ESCAPES[plain]
    code = int(octal, 8) if octal else int(two or four or eight or braced or "0", 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise _BadEscape(f"{found.group()} is no character", offset)
    return chr(code)


def _unfinished(group: str) -> str | None:
    match group:
        case "open_comment":
            return "the comment has no end; add */"
        case "open_string":
            return "the string has no end; add the closing quote"
        case _:
            return None


def _unknown(letter: str) -> str:
    if unicodedata.category(letter) in {"Pi", "Pf"} or letter == "„":
        return f"{letter} is no quote of this language; use \" or '"
    if letter == "&":
        return "& is no operator; write && or and"
    return f"there is no token that begins with {letter!r} (U+{ord(letter):04X})"

"""Arguments inside the string literals of a query or a condition: where they stand, and escapes.

PromQL and the language of conditions write strings alike: in double or single quotes with
backslashes, or raw in backquotes.
"""

from __future__ import annotations

from collections.abc import Mapping

from rollouts.api.placeholders import fill, placeholder_spans

NO_LITERAL = ""
COMMENT = "#"

_NAMED_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}
_QUOTES = "\"'`"


def literals_around(text: str, *, comments: bool) -> dict[int, str]:
    """Return for the offset of each placeholder what it stands in.

    Args:
        comments: `#` begins a comment that ends with the line, as in PromQL.

    Returns:
        One of the three quotes, `COMMENT`, or `NO_LITERAL`.
    """
    spans = dict(placeholder_spans(text))
    found: dict[int, str] = {}
    inside, offset = NO_LITERAL, 0
    while offset < len(text):
        if offset in spans:
            found[offset] = inside
            offset = spans[offset]
            continue
        character = text[offset]
        if inside == COMMENT:
            inside = NO_LITERAL if character == "\n" else COMMENT
        elif inside == NO_LITERAL:
            if character in _QUOTES or (comments and character == COMMENT):
                inside = character
        elif character == "\\" and inside != "`":
            offset += 1
        elif character == inside:
            inside = NO_LITERAL
        offset += 1
    return found


def escape(value: str, quote: str) -> str | None:
    """Return a value as it is written between two quotes; None when it cannot be.

    Between backquotes nothing can be escaped, so a value with a backquote cannot stand there.
    """
    if quote == "`":
        return None if "`" in value else value
    return "".join(_escaped(character, quote) for character in value)


def _escaped(character: str, quote: str) -> str:
    if character == quote:
        return f"\\{quote}"
    if character in _NAMED_ESCAPES:
        return _NAMED_ESCAPES[character]
    return (
        character
        if character.isprintable() or ord(character) > 0x9F
        else f"\\u{ord(character):04x}"
    )


def fill_condition(text: str, values: Mapping[str, str]) -> str:
    """Return a condition with its arguments: escaped in strings, as they are elsewhere.

    A value that cannot be escaped stays a placeholder.
    """
    around = literals_around(text, comments=False)

    def write(name: str, offset: int) -> str:
        quote = around[offset]
        written = escape(values[name], quote) if quote else values[name]
        return f"{{{{args.{name}}}}}" if written is None else written

    return fill(text, write)

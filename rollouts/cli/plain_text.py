"""What others wrote, fit for a terminal: one line, nothing that steers it, a bounded length."""

from __future__ import annotations

import codecs
import unicodedata
from typing import TextIO

LENGTH_MAX = 1024
"""Longest text of others that is shown: as long as the longest message that status keeps."""

_STEERING = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that move the cursor, turn the writing round, or show nothing."""

_PLAIN = {
    "✔": "+",
    "✖": "x",
    "⚠": "!",
    "◌": "o",
    "॥": "=",
    "•": "-",
    "·": ".",
    "…": "~",
    "├": "|",
    "│": "|",
    "└": "`",
    "─": "-",
    "→": ">",
    "▁": "_",
    "▂": ",",
    "▃": "-",
    "▄": "~",
    "▅": "=",
    "▆": "+",
    "▇": "*",
    "█": "#",
}
"""What stands for our own signs where the output cannot hold them; each is one column wide."""

_ERRORS = "rollouts.cli.plain"


def one_line(text: object, length_max: int = LENGTH_MAX) -> str:
    """Return a text of others as one line of a bounded length, fit for a terminal."""
    plain = visible(" ".join(str(text)[: 4 * length_max].split()))
    return plain if len(plain) <= length_max else plain[: length_max - 1] + "…"


def visible(text: str) -> str:
    """Return a text in which what a terminal would obey is written out."""
    return text if text.isprintable() else "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character.isascii() and character.isprintable():
        return character
    if unicodedata.category(character) not in _STEERING:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def tolerate(stream: TextIO) -> None:
    """Let a stream write plain signs where its encoding cannot hold ours, instead of failing."""
    codecs.register_error(_ERRORS, _replace)
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=_ERRORS)


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for characters that an encoding cannot hold, and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(_PLAIN.get(each, "?") for each in lost), error.end

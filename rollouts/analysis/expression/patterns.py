"""Regular expressions in time that is linear in the text.

They run in RE2, the library whose syntax Go's `regexp` has: what the peer's users write is
accepted, and what Python's own `re` would need exponential time for cannot even be written.
"""

from __future__ import annotations

from typing import Any, Final

import re2  # type: ignore[import-untyped]  # the wheel ships no types

from rollouts.analysis.expression.bounds import (
    PATTERN_BYTES_MAX,
    PATTERN_LENGTH_MAX,
    TEXT_LENGTH_MAX,
)
from rollouts.analysis.expression.problems import Fault
from rollouts.analysis.expression.values import Run

_COMPILE_STEPS: Final = 500
"""What compiling a pattern costs, in steps: patterns from data must not be compiled in a loop."""


def _options() -> Any:
    options = re2.Options()
    options.max_mem = PATTERN_BYTES_MAX
    options.log_errors = False  # it would write to standard error
    options.never_capture = True
    return options


def compile_pattern(pattern: str) -> Any:
    """Return a compiled pattern.

    Raises:
        Fault: it is no pattern, or too large.
    """
    if len(pattern) > PATTERN_LENGTH_MAX:
        raise Fault(
            f"a pattern of {len(pattern)} characters is too long; {PATTERN_LENGTH_MAX} are allowed"
        )
    try:
        return re2.compile(pattern, _options())
    except UnicodeEncodeError:
        raise Fault("the pattern holds half of a character (a lone surrogate)") from None
    except re2.error as error:
        raise Fault(f"{pattern[:80]!r} is no regular expression: {_words(error)}") from None


def search_compiled(run: Run, text: str, compiled: Any) -> bool:
    """Return whether the pattern occurs in the text."""
    if len(text) > TEXT_LENGTH_MAX:
        raise Fault(
            f"`matches` on a string of {len(text)} characters; {TEXT_LENGTH_MAX} are allowed"
        )
    run.spend(1 + len(text) // 8)
    try:
        return compiled.search(text) is not None
    except UnicodeEncodeError:
        raise Fault("the string holds half of a character (a lone surrogate)") from None


def search(run: Run, text: str, pattern: str) -> bool:
    """Return whether the pattern, known only now, occurs in the text."""
    run.spend(_COMPILE_STEPS)
    return search_compiled(run, text, compile_pattern(pattern))


def _words(error: Exception) -> str:
    reason = error.args[0] if error.args else "unknown reason"
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)

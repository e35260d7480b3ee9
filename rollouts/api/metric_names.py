"""Patterns for names of metrics, as `dryRun` and `measurementRetention` have them.

Differs from the peer: patterns are matched by backtracking here, so those that could take for
ever are refused: nested repetition, and more repetition than any name needs.
"""

from __future__ import annotations

import re
from functools import lru_cache

METRIC_NAME_MAX = 128
"""Longest name of a metric: twice as long as a label, and short enough for quick matching."""

PATTERN_MAX = 128
"""Longest pattern: names are no longer."""

_COST_MAX = 2 * 10**7
"""Most ways in which a pattern may be tried on the longest name: some tens of milliseconds."""

_TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[aiLmsux-]*:?|\(|\)|[*+?]|\{\d*,?\d*\}|\||.", re.DOTALL
)

_AMBIGUOUS_SET = re.compile(r"\[|--|&&|~~|\|\|")
"""Inside of brackets: what may become an operation on sets one day."""


def pattern_flaw(pattern: str) -> str:
    """Return why a text cannot serve as a pattern for names; empty when it can."""
    if not pattern:
        return "is empty and would match every metric; write .* when all are meant"
    if len(pattern) > PATTERN_MAX:
        return f"must be at most {PATTERN_MAX} characters"
    if re.search(r"\(\?(?:[=!<P(#>])|\\[1-9]|\[\[:", pattern):
        return "uses a group, class or reference that patterns for names do not have"
    for piece in _TOKEN.findall(pattern):
        if piece == "[":
            return "is no regular expression: a set in brackets is not closed"
        if piece.startswith("[") and _AMBIGUOUS_SET.search(piece, 1):
            return "has a set that not everybody reads alike; put a backslash before [ - & ~ and |"
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is no regular expression: {error}"
    return _cost_flaw(pattern)


def _cost_flaw(pattern: str) -> str:
    """Return why matching could take too long; empty when it cannot.

    A repetition is tried at each length, an option twice, alternatives in a group one by one.
    """
    cost = METRIC_NAME_MAX  # a match may begin anywhere
    groups = [False]  # for each open group: whether it can match in several ways
    ended, quantified = False, False  # of the piece before: a group that varies, a quantifier
    for piece in _TOKEN.findall(pattern):
        is_quantifier = piece in ("*", "+", "?") or (piece.startswith("{") and len(piece) > 2)
        if is_quantifier and not quantified:
            if ended and piece != "?":
                return "repeats a group that itself varies; write a plainer pattern"
            cost *= 2 if piece == "?" else METRIC_NAME_MAX
            groups[-1] = True
        if piece.startswith("("):
            groups.append(False)
        elif piece == "|" and len(groups) > 1:
            groups[-1] = True
            cost *= 2
        ended = False
        if piece == ")" and len(groups) > 1:
            ended = groups.pop()
            groups[-1] |= ended
        quantified = is_quantifier
    return "could take too long to match; write a plainer pattern" if cost > _COST_MAX else ""


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def matches_metric(pattern: str, name: str) -> bool:
    """Return whether a sound pattern matches anywhere in the name of a metric."""
    return _compiled(pattern).search(name) is not None

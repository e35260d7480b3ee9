"""What a person may have meant, for the end of a message."""

from __future__ import annotations

from difflib import get_close_matches

from rollouts.analysis.expression.kinds import Kind, Type, kinds
from rollouts.analysis.expression.signatures import NUMBERS


def is_only(type_: Type, kind: Kind) -> bool:
    """Return whether a type is of this kind and no other."""
    return kinds(type_) == {kind}


def hint_at_operands(left: Type, right: Type) -> str:
    """Return what may have been meant where an operator does not go with its operands."""
    both = kinds(left) | kinds(right)
    if is_only(left, Kind.LIST) ^ is_only(right, Kind.LIST):
        return "; take an element, such as [0]"
    if Kind.STRING in both and both & NUMBERS:
        return "; asFloat() reads a number from a string"
    return ""


def suggest(name: str, known: list[str]) -> str:
    """Return which known name may have been meant, or all of them where there are few."""
    close = get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    shown = ", ".join(known[:5])
    return f"; there is {shown}" if known and len(known) <= 5 else ""

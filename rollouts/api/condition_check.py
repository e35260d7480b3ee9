"""How the rules for metrics ask whether a condition is sound, without knowing the language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias


class ConditionProblem(Protocol):
    """What is wrong with a condition, and where in its text."""

    @property
    def message(self) -> str:
        """Return what is wrong and what to do."""

    @property
    def line(self) -> int:
        """Return the line in the condition, from 1."""

    @property
    def column(self) -> int:
        """Return the column in that line, from 1."""


ConditionCheck: TypeAlias = Callable[[str, str], Sequence[ConditionProblem]]
"""Given a condition and the wire name of the metric's provider, which tells what `result` is."""

"""What is wrong with a condition, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

EXCERPT_WIDTH_MAX = 100
"""Characters of the source that are shown around a problem."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong at one place of a condition.

    Attributes:
        offset: characters before the place.
        line: counted from 1.
        column: counted from 1.
        message: what is wrong and what to do, in one line.
        excerpt: the line of the source and a caret below the place.
    """

    offset: int
    line: int
    column: int
    message: str
    excerpt: str

    def __str__(self) -> str:
        return f"{self.message} ({self.line}:{self.column})\n{self.excerpt}"


def locate(source: str, offset: int, message: str) -> Problem:
    """Return the problem of a place, with its line, column and excerpt."""
    offset = max(0, min(offset, len(source)))
    begin = source.rfind("\n", 0, offset) + 1
    end = source.find("\n", offset)
    line = source[begin : len(source) if end < 0 else end]
    column = offset - begin
    first = max(0, column - EXCERPT_WIDTH_MAX // 2)
    shown = "".join(
        letter if letter.isprintable() else " "
        for letter in line[first : first + EXCERPT_WIDTH_MAX]
    )
    return Problem(
        offset=offset,
        line=source.count("\n", 0, offset) + 1,
        column=column + 1,
        message=message,
        excerpt=f" | {shown}\n | {'.' * (column - first)}^",
    )


class ConditionError(ValueError):
    """A condition is refused before it is ever evaluated; every known problem is in it.

    Attributes:
        problems: at least one, in the order of their places.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        assert self.problems
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @property
    def message(self) -> str:
        """The first problem's message."""
        return self.problems[0].message

    @property
    def offset(self) -> int:
        """The first problem's offset."""
        return self.problems[0].offset

    @property
    def line(self) -> int:
        """The first problem's line."""
        return self.problems[0].line

    @property
    def column(self) -> int:
        """The first problem's column."""
        return self.problems[0].column


class EvaluationError(Exception):
    """A condition could not be evaluated with these values: an error, never a verdict.

    Its text is one line, because it ends in the message of a measurement.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(f"{problem.message} ({problem.line}:{problem.column})")

    @property
    def message(self) -> str:
        """What went wrong, without its place."""
        return self.problem.message

    @property
    def offset(self) -> int:
        """Characters before the place."""
        return self.problem.offset

    @property
    def line(self) -> int:
        """The line of the place, counted from 1."""
        return self.problem.line

    @property
    def column(self) -> int:
        """The column of the place, counted from 1."""
        return self.problem.column


class Fault(Exception):
    """Something that an operator or a function refuses; its place is known to the caller."""


class Misplaced(Exception):
    """A fault with the place at which it happened, on its way out of an evaluation."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset

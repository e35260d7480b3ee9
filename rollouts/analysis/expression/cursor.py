"""Where a parser stands among its tokens."""

from __future__ import annotations

from typing import NoReturn

from rollouts.analysis.expression.problems import ConditionError, locate
from rollouts.analysis.expression.tokens import Token, TokenKind


class Cursor:
    """A place among tokens that moves forward only."""

    def __init__(self, source: str, tokens: tuple[Token, ...]) -> None:
        self._source = source
        self._tokens = tokens
        self._position = 0

    def fail(self, offset: int, message: str) -> NoReturn:
        """Refuse the condition."""
        raise ConditionError([locate(self._source, offset, message)])

    @property
    def _current(self) -> Token:
        return self._tokens[self._position]

    def _is_at_end(self) -> bool:
        return self._current.kind is TokenKind.END

    def _next(self) -> Token:
        token = self._current
        if token.kind is not TokenKind.END:
            self._position += 1
        return token

    def _is(self, *operators: str) -> bool:
        token = self._current
        return token.kind is TokenKind.OPERATOR and token.text in operators

    def _accept(self, operator: str) -> bool:
        if self._is(operator):
            self._next()
            return True
        return False

    def _expect(self, operator: str, purpose: str) -> Token:
        if not self._is(operator):
            self.fail(self._current.offset, f"expected {operator!r} {purpose}, not {self._current}")
        return self._next()

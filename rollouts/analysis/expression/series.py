"""Whether a condition looks at one series only, so that others would go unnoticed."""

from __future__ import annotations

from typing import Final

from rollouts.analysis.expression.kinds import Kind
from rollouts.analysis.expression.tree import (
    Binary,
    Call,
    Chain,
    Conditional,
    Environment,
    Index,
    Let,
    Literal,
    Name,
    Node,
    Unary,
    children,
)

RESULT: Final = "result"

_SCALAR_FUNCTIONS: Final = frozenset(
    {"first", "isNil", "isNaN", "isInf", "asInt", "asFloat", "int", "float", "string", "abs"}
    | {"ceil", "floor", "round", "type"}
)
_EMPTINESS: Final = frozenset({("==", 0), ("!=", 0), (">", 0), ("<=", 0), ("<", 1), (">=", 1)})
"""Comparisons of a length that tell nothing apart but nothing from something."""


def reads_only_first(node: Node) -> bool:
    """Return whether `result` is used as a scalar, by the index 0, and in no other way.

    A question whether there is anything at all, such as `len(result) == 0`, is none about the
    other series, and does not count.
    """
    reader = _Reader()
    reader.read(node)
    return not reader.sees_others


class _Reader:
    """One walk; `read` returns whether the node stands for the whole result."""

    def __init__(self) -> None:
        self.sees_others = False
        self._aliases = {RESULT}

    def read(self, node: Node) -> bool:
        match node:
            case Name():
                return node.name in self._aliases
            case Environment():
                self.sees_others = True
                return False
            case Chain():
                return self.read(node.body)
            case Index(base, Literal(Kind.INT, 0)):
                self.read(base)
                return False
            case Binary():
                return self._binary(node)
            case Unary():
                self.read(node.operand)
                return False
            case Conditional():
                self.read(node.condition)
                yes, no = self.read(node.yes), self.read(node.no)
                return yes or no
            case Call():
                return self._call(node)
            case Let():
                return self._let(node)
            case _:
                self._refuse(node)
                return False

    def _binary(self, node: Binary) -> bool:
        if _asks_for_anything(node) and isinstance(node.left, Call):
            self.read(node.left.arguments[0])
            return False
        left, right = self.read(node.left), self.read(node.right)
        if node.operator == "??":
            return left or right
        if node.operator == "in" and right:
            self.sees_others = True
        return False

    def _call(self, node: Call) -> bool:
        if node.function == "default":
            return any([self.read(argument) for argument in node.arguments])  # noqa: C419 - reads all
        if _takes_first(node):
            self.read(node.arguments[0])
        elif node.function in _SCALAR_FUNCTIONS:
            for argument in node.arguments:
                self.read(argument)
        else:
            self._refuse(node)
        return False

    def _let(self, node: Let) -> bool:
        if self.read(node.value):
            self._aliases.add(node.name)
        is_whole = self.read(node.body)
        self._aliases.discard(node.name)
        return is_whole

    def _refuse(self, node: Node) -> None:
        """Read what is below a node that could see every series if it got the whole result."""
        for child in children(node):
            if self.read(child):
                self.sees_others = True


def _takes_first(node: Call) -> bool:
    match node:
        case Call("get", (_, Literal(Kind.INT, 0))):
            return True
        case _:
            return False


def _asks_for_anything(node: Binary) -> bool:
    match node:
        case Binary(operator, Call("len", (_,)), Literal(_, int(number))):
            return (operator, number) in _EMPTINESS
        case _:
            return False

"""From tokens to a tree, by the precedence of operators (a Pratt parser)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from rollouts.analysis.expression.bounds import (
    DEPTH_MAX,
    NESTING_MAX,
    NODES_MAX,
    SOURCE_LENGTH_MAX,
)
from rollouts.analysis.expression.cursor import Cursor
from rollouts.analysis.expression.kinds import Kind
from rollouts.analysis.expression.numerals import Unreadable, read_number
from rollouts.analysis.expression.problems import ConditionError, locate
from rollouts.analysis.expression.signatures import LOOP_SHAPES
from rollouts.analysis.expression.tokens import WORDS, Token, TokenKind, scan
from rollouts.analysis.expression.tree import (
    Binary,
    Call,
    Chain,
    Conditional,
    Environment,
    Field,
    Index,
    Let,
    ListLiteral,
    Literal,
    Loop,
    MapLiteral,
    Method,
    Name,
    Node,
    Pointer,
    Slice,
    Unary,
    walk,
)

_Item = TypeVar("_Item")

BINARY: Final = {
    "|": 0,
    "or": 10,
    "and": 15,
    **dict.fromkeys(("==", "!=", "<", ">", "<=", ">="), 20),
    **dict.fromkeys(("in", "matches", "contains", "startsWith", "endsWith"), 20),
    "..": 25,
    "+": 30,
    "-": 30,
    "*": 60,
    "/": 60,
    "%": 60,
    "**": 100,
    "??": 500,
}
"""How tightly each operator binds: the peer's numbers."""

UNARY: Final = {"not": 50, "-": 90, "+": 90}
NEGATABLE: Final = frozenset({"in", "matches", "contains", "startsWith", "endsWith"})
ORDERINGS: Final = frozenset({"<", ">", "<=", ">="})
CONSTANTS: Final = {
    "true": (Kind.BOOL, True),
    "false": (Kind.BOOL, False),
    "nil": (Kind.NIL, None),
}


def parse(source: str) -> Node:
    """Return the tree of a condition.

    Raises:
        ConditionError: it is no expression, or larger than the bounds allow.
    """
    if len(source) > SOURCE_LENGTH_MAX:
        message = f"the condition has {len(source)} characters; {SOURCE_LENGTH_MAX} are allowed"
        raise ConditionError([locate(source, SOURCE_LENGTH_MAX, message)])
    parser = _Parser(source, scan(source))
    node = parser.whole()
    for count, (each, depth) in enumerate(walk(node), start=1):
        if count > NODES_MAX:
            parser.fail(each.offset, f"the condition is too large: more than {NODES_MAX} parts")
        if depth > DEPTH_MAX:
            parser.fail(each.offset, f"the condition is too deep: more than {DEPTH_MAX} levels")
    return node


class _Parser(Cursor):
    """One pass over the tokens."""

    def __init__(self, source: str, tokens: tuple[Token, ...]) -> None:
        super().__init__(source, tokens)
        self._nesting = 0
        self._predicates = 0

    # Whole expressions.

    def whole(self) -> Node:
        """Parse everything up to the end."""
        if self._is_at_end():
            self.fail(0, "the condition is empty")
        node = self._block()
        if not self._is_at_end():
            self.fail(self._current.offset, f"expected an operator or the end, not {self._current}")
        return node

    def _block(self) -> Node:
        node = self._expression(0)
        if self._is(";"):
            semicolon = self._next()
            if not self._is_at_end() and not self._is(")", "}"):
                # Differs from the peer, which evaluates both and forgets the first.
                self.fail(
                    semicolon.offset,
                    "only `let` is followed by ; because the expression before it would decide"
                    " nothing: join two expressions with `and` or `or`",
                )
        return node

    def _expression(self, precedence: int) -> Node:
        self._nesting += 1
        if self._nesting > NESTING_MAX:
            self.fail(
                self._current.offset, f"the condition is nested deeper than {NESTING_MAX} levels"
            )
        if precedence == 0 and self._is("let"):
            node = self._let()
        elif precedence == 0 and self._is("if"):
            node = self._if()
        else:
            node = self._operators(self._operand(), precedence)
            if precedence == 0:
                node = self._ternary(node)
        self._nesting -= 1
        return node

    def _operators(self, left: Node, precedence: int) -> Node:
        previous = ""
        while (found := self._binary_operator(precedence)) is not None:
            operator, is_negated = found
            token = self._next()
            if operator == "|":
                left = self._pipe(left)
            elif previous == "??" and operator != "??":
                self.fail(
                    token.offset,
                    f"?? and {token.text} cannot be mixed; put one of them into parentheses",
                )
            elif operator in ORDERINGS:
                left = self._comparison(left, token)
            else:
                right = self._expression(BINARY[operator] + (operator != "**"))
                left = Binary(operator, left, right, token.offset)
            if is_negated:
                left = Unary("not", left, token.offset)
            previous = operator
        return left

    def _binary_operator(self, precedence: int) -> tuple[str, bool] | None:
        """Return the operator that goes on, and whether `not` stood before it (skipped here)."""
        token = self._current
        if token.kind is not TokenKind.OPERATOR:
            return None
        if token.text == "not":
            following = self._tokens[self._position + 1]
            if following.kind is not TokenKind.OPERATOR or following.text not in NEGATABLE:
                self.fail(
                    token.offset,
                    "`not` between two values needs one of"
                    f" {', '.join(sorted(NEGATABLE))} behind it",
                )
            if BINARY[following.text] < precedence:
                return None
            self._next()
            return following.text, True
        if BINARY.get(token.text, -1) < precedence:
            return None
        return token.text, False

    def _comparison(self, left: Node, token: Token) -> Node:
        """Parse `a < b`, and `a < b < c` as `a < b and b < c`."""
        result: Node | None = None
        while True:
            right = self._expression(BINARY[token.text] + 1)
            pair = Binary(token.text, left, right, token.offset)
            result = pair if result is None else Binary("and", result, pair, token.offset)
            if not self._is(*ORDERINGS):
                return result
            left, token = right, self._next()

    def _pipe(self, left: Node) -> Node:
        token = self._next()
        if token.kind is not TokenKind.NAME or not self._is("("):
            self.fail(token.offset, f"expected a call after |, not {token}")
        return self._postfix(self._call(token, first=left))

    def _ternary(self, node: Node) -> Node:
        while self._is("?"):
            token = self._next()
            if self._accept(":"):
                yes = node
            else:
                yes = self._expression(0)
                self._expect(":", "between the two values of ?")
            node = Conditional(node, yes, self._expression(0), token.offset)
        return node

    def _if(self) -> Node:
        token = self._next()
        condition = self._expression(0)
        self._expect("{", "after the condition of `if`")
        yes = self._block()
        self._expect("}", "after the value of `if`")
        if not self._accept("else"):
            self.fail(self._current.offset, f"`if` needs an `else`, not {self._current}")
        if self._is("if"):
            return Conditional(condition, yes, self._expression(0), token.offset)
        self._expect("{", "after `else`")
        no = self._block()
        self._expect("}", "after the value of `else`")
        return Conditional(condition, yes, no, token.offset)

    def _let(self) -> Node:
        self._next()
        name = self._next()
        if name.kind is not TokenKind.NAME or name.text in CONSTANTS or name.text == "$env":
            self.fail(name.offset, f"expected the name of a variable after `let`, not {name}")
        self._expect("=", f"after `let {name.text}`")
        value = self._expression(0)
        self._expect(";", "after the value of `let`")
        return Let(name.text, value, self._block(), name.offset)

    # Operands.

    def _operand(self) -> Node:  # noqa: RET503 - `fail` does not return
        token = self._current
        if token.kind is not TokenKind.OPERATOR:
            return self._value(self._next())
        if token.text in UNARY:
            self._next()
            operand = self._expression(UNARY[token.text])
            return Unary(token.text, operand, token.offset)
        match token.text:
            case "(":
                self._next()
                node = self._block()
                self._expect(")", "to close the parenthesis")
                return self._postfix(node)
            case "[":
                return self._postfix(self._list(self._next()))
            case "{":
                return self._postfix(self._map(self._next()))
            case "#" | ".":
                return self._postfix(self._pointer())
        self.fail(token.offset, f"expected a value, not {token}")

    def _value(self, token: Token) -> Node:  # noqa: RET503 - `fail` does not return
        match token.kind:
            case TokenKind.NUMBER:
                try:
                    kind, number = read_number(token.text)
                except Unreadable as error:
                    self.fail(token.offset, str(error))
                return Literal(kind, number, token.offset)
            case TokenKind.STRING:
                return self._postfix(Literal(Kind.STRING, token.text, token.offset))
            case TokenKind.NAME if token.text in CONSTANTS:
                return Literal(*CONSTANTS[token.text], token.offset)
            case TokenKind.NAME if self._is("("):
                return self._postfix(self._call(token))
            case TokenKind.NAME if token.text == "$env":
                return self._postfix(Environment(token.offset))
            case TokenKind.NAME:
                return self._postfix(Name(token.text, token.offset))
        self.fail(token.offset, f"expected a value, not {token}")

    def _pointer(self) -> Node:
        token = self._current
        if not self._predicates:
            self.fail(
                token.offset,
                f"{token.text} stands for an element and has a meaning only inside of a predicate,"
                " such as all(result, # < 1)",
            )
        if token.text == ".":  # `.field` is `#.field`; the dot is read as a postfix
            return Pointer("", token.offset)
        self._next()
        name = self._current
        if name.kind is TokenKind.NAME and name.offset == token.offset + 1:
            self._next()
            if name.text not in {"index", "acc"}:
                self.fail(token.offset, f"#{name.text} is unknown; there are #, #index and #acc")
            return Pointer(name.text, token.offset)
        return Pointer("", token.offset)

    def _list(self, token: Token) -> Node:
        items = self._separated("]", lambda: self._expression(0))
        return ListLiteral(items, token.offset)

    def _map(self, token: Token) -> Node:
        return MapLiteral(self._separated("}", self._pair), token.offset)

    def _pair(self) -> tuple[Node, Node]:
        token = self._current
        if token.kind in {TokenKind.NAME, TokenKind.STRING, TokenKind.NUMBER}:
            self._next()
            key: Node = Literal(Kind.STRING, token.text, token.offset)
        elif self._is("("):
            key = self._expression(0)
        else:
            self.fail(
                token.offset,
                f"expected a key, which is a name, a string or (an expression), not {token}",
            )
        self._expect(":", "after the key")
        return key, self._expression(0)

    def _separated(self, end: str, item: Callable[[], _Item]) -> tuple[_Item, ...]:
        """Parse items between commas up to the bracket; one comma may stand before it."""
        items: list[_Item] = []
        while not self._accept(end):
            if items:
                self._expect(",", f"or {end!r}")
                if self._accept(end):
                    break
            items.append(item())
        return tuple(items)

    # What follows an operand.

    def _postfix(self, node: Node) -> Node:
        is_chain = False
        while self._is(".", "?.", "["):
            token = self._next()
            is_optional = token.text == "?."
            is_chain |= is_optional
            if token.text == "[" or (is_optional and self._accept("[")):
                node = self._bracket(node, token, is_optional=is_optional)
            else:
                node = self._member(node, is_optional=is_optional)
        return Chain(node, node.offset) if is_chain else node

    def _member(self, base: Node, *, is_optional: bool) -> Node:
        name = self._next()
        is_word = name.kind is TokenKind.OPERATOR and name.text in WORDS
        if name.kind is not TokenKind.NAME and not is_word:
            self.fail(name.offset, f"expected the name of a field, not {name}")
        if not self._accept("("):
            return Field(base, name.text, is_optional, name.offset)
        arguments = self._separated(")", lambda: self._expression(0))
        return Method(base, name.text, arguments, is_optional, name.offset)

    def _bracket(self, base: Node, token: Token, *, is_optional: bool) -> Node:
        start = None if self._is(":") else self._expression(0)
        if start is not None and self._accept("]"):
            return Index(base, start, is_optional, token.offset)
        self._expect(":", "or ']' after the index")
        stop = None if self._is("]") else self._expression(0)
        self._expect("]", "to close the slice")
        if is_optional:
            self.fail(token.offset, "a slice cannot be optional; use ?? [] on what is sliced")
        return Slice(base, start, stop, token.offset)

    # Calls.

    def _call(self, token: Token, first: Node | None = None) -> Node:
        self._expect("(", "after the name of a function")
        given = () if first is None else (first,)
        if token.text in LOOP_SHAPES:
            return self._loop(token, given)
        arguments = self._separated(")", lambda: self._expression(0))
        return Call(token.text, (*given, *arguments), token.offset)

    def _loop(self, token: Token, given: tuple[Node, ...]) -> Node:
        shape = LOOP_SHAPES[token.text]
        arguments = list(given)

        def argument() -> Node:
            node = self._predicate() if len(arguments) == 1 else self._expression(0)
            arguments.append(node)
            return node

        self._separated(")", argument)
        if not shape.required <= len(arguments) <= shape.allowed:
            self.fail(
                token.offset, f"{token.text} takes {shape.usage}, not {len(arguments)} values"
            )
        body, extra, *_ = (*arguments[1:], None, None)
        return Loop(token.text, arguments[0], body, extra, token.offset)

    def _predicate(self) -> Node:
        is_braced = self._accept("{")
        self._predicates += 1
        node = self._block() if is_braced else self._expression(0)
        self._predicates -= 1
        if is_braced:
            self._expect("}", "to close the predicate")
        return node

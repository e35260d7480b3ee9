"""The syntax tree of a condition: small frozen nodes that know where they stand.

Places do not count when trees are compared, so that a printed and re-parsed tree is equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from rollouts.analysis.expression.kinds import Kind


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; `kind` keeps 1, 1.0 and true apart."""

    kind: Kind
    value: bool | int | float | str | None
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A variable of the environment, or one declared by `let`."""

    name: str
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Environment:
    """`$env`: all variables of the environment as a map."""

    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Pointer:
    """`#`, `#index` or `#acc` inside of a predicate; the name is empty, index or acc."""

    name: str = ""
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """`-x`, `+x` or `not x`."""

    operator: str
    operand: Node
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and an operator between them, by its canonical name."""

    operator: str
    left: Node
    right: Node
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Conditional:
    """`condition ? yes : no`, also written with `if` and `else`."""

    condition: Node
    yes: Node
    no: Node
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ListLiteral:
    """`[a, b]`."""

    items: tuple[Node, ...]
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class MapLiteral:
    """`{key: value}`; keys are nodes, because `(expression)` may be one."""

    pairs: tuple[tuple[Node, Node], ...]
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Index:
    """`base[key]`; optional when written `base?.[key]`."""

    base: Node
    key: Node
    optional: bool = False
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Field:
    """`base.name`; optional when written `base?.name`."""

    base: Node
    name: str
    optional: bool = False
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Slice:
    """`base[start:stop]`."""

    base: Node
    start: Node | None
    stop: Node | None
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Chain:
    """The reach of `?.`: where one inside meets nil, the whole chain is nil."""

    body: Node
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Method:
    """`base.Name(arguments)`: what dates and durations can be asked."""

    base: Node
    name: str
    arguments: tuple[Node, ...]
    optional: bool = False
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function applied to values."""

    function: str
    arguments: tuple[Node, ...]
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Loop:
    """A function applied to each element of a list; `sum` and `count` may lack a body."""

    function: str
    source: Node
    body: Node | None
    extra: Node | None = None
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Let:
    """`let name = value; body`."""

    name: str
    value: Node
    body: Node
    offset: int = field(default=0, compare=False)


Node: TypeAlias = (
    Literal
    | Name
    | Environment
    | Pointer
    | Unary
    | Binary
    | Conditional
    | ListLiteral
    | MapLiteral
    | Index
    | Field
    | Slice
    | Chain
    | Method
    | Call
    | Loop
    | Let
)


def children(node: Node) -> tuple[Node, ...]:  # noqa: C901, PLR0911, PLR0912 - one case for each kind
    """Return the nodes directly below a node, in the order of the source."""
    match node:
        case Literal() | Name() | Environment() | Pointer():
            return ()
        case Unary():
            return (node.operand,)
        case Binary():
            return (node.left, node.right)
        case Conditional():
            return (node.condition, node.yes, node.no)
        case ListLiteral():
            return node.items
        case MapLiteral():
            return tuple(each for pair in node.pairs for each in pair)
        case Field():
            return (node.base,)
        case Index():
            return (node.base, node.key)
        case Slice():
            return _present(node.base, node.start, node.stop)
        case Chain():
            return (node.body,)
        case Method():
            return (node.base, *node.arguments)
        case Call():
            return node.arguments
        case Loop():
            return _present(node.source, node.body, node.extra)
        case Let():
            return (node.value, node.body)


def walk(node: Node) -> Iterator[tuple[Node, int]]:
    """Yield every node with its depth, the root's being 1, without recursion."""
    waiting = [(node, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting += [(child, depth + 1) for child in reversed(children(node))]


def _present(*nodes: Node | None) -> tuple[Node, ...]:
    return tuple(node for node in nodes if node is not None)

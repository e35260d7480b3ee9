"""From a tree back to text that parses to an equal tree."""

from __future__ import annotations

from typing import assert_never

from rollouts.analysis.expression.kinds import Kind
from rollouts.analysis.expression.problems import ConditionError
from rollouts.analysis.expression.tokens import TokenKind, scan
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
)


def render(node: Node) -> str:
    """Return the text of a node, with parentheses around every operand that is composed."""
    match node:
        case Literal() | Name() | Environment() | Pointer():
            return _atom(node)
        case Unary() | Binary() | Conditional() | Let():
            return _composed(node)
        case Field() | Index() | Slice() | Chain() | Method():
            return _postfix(node)
        case ListLiteral():
            return f"[{', '.join(render(item) for item in node.items)}]"
        case MapLiteral():
            pairs = (f"{_key(key)}: {render(value)}" for key, value in node.pairs)
            return f"{{{', '.join(pairs)}}}"
        case Call():
            return f"{node.function}({', '.join(render(each) for each in node.arguments)})"
        case Loop():
            return _loop(node)
        case _:
            assert_never(node)


def quote(text: str) -> str:
    """Return a string literal of the text."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}
    return '"' + "".join(escapes.get(letter, letter) for letter in text) + '"'


def is_name(text: str) -> bool:
    """Return whether the text can be written as a name without quotes."""
    try:
        token = scan(text)[0]
    except ConditionError:
        return False
    return token.kind is TokenKind.NAME and token.text == text and text != "$env"


def _atom(node: Literal | Name | Environment | Pointer) -> str:
    match node:
        case Name():
            return node.name
        case Environment():
            return "$env"
        case Pointer():
            return f"#{node.name}"
        case Literal(Kind.STRING, str(text)):
            return quote(text)
        case Literal(Kind.NIL):
            return "nil"
        case Literal(Kind.BOOL):
            return "true" if node.value else "false"
        case Literal():
            return repr(node.value)


def _composed(node: Unary | Binary | Conditional | Let) -> str:
    match node:
        case Unary():
            return f"{node.operator} {_operand(node.operand)}"
        case Binary():
            return f"{_operand(node.left)} {node.operator} {_operand(node.right)}"
        case Conditional():
            return f"{_operand(node.condition)} ? {_operand(node.yes)} : {_operand(node.no)}"
        case Let():
            return f"let {node.name} = {_operand(node.value)}; {render(node.body)}"


def _postfix(node: Field | Index | Slice | Chain | Method) -> str:
    match node:
        case Chain():
            return render(node.body)
        case Field():
            return f"{_operand(node.base)}{'?.' if node.optional else '.'}{node.name}"
        case Index():
            return f"{_operand(node.base)}{'?.' if node.optional else ''}[{render(node.key)}]"
        case Slice():
            start = "" if node.start is None else _operand(node.start)
            stop = "" if node.stop is None else _operand(node.stop)
            return f"{_operand(node.base)}[{start}:{stop}]"
        case Method():
            dot = "?." if node.optional else "."
            arguments = ", ".join(render(each) for each in node.arguments)
            return f"{_operand(node.base)}{dot}{node.name}({arguments})"


def _loop(node: Loop) -> str:
    parts = [render(node.source)]
    if node.body is not None:
        parts.append(f"{{{render(node.body)}}}")
    if node.extra is not None:
        parts.append(render(node.extra))
    return f"{node.function}({', '.join(parts)})"


def _key(key: Node) -> str:
    if isinstance(key, Literal) and isinstance(key.value, str):
        return key.value if is_name(key.value) else quote(key.value)
    return f"({render(key)})"


def _operand(node: Node) -> str:
    composed = isinstance(node, Unary | Binary | Conditional | Let | Chain)
    number = isinstance(node, Literal) and node.kind is not Kind.STRING
    return f"({render(node)})" if composed or number else render(node)

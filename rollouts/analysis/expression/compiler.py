"""From a tree to closures: each takes the running evaluation and gives a value."""

from __future__ import annotations

from typing import Any, assert_never

from rollouts.analysis.expression.closures import (
    Absent,
    apply_function,
    apply_operator,
    end_chain,
    give_nothing,
    placed,
    read_element,
    read_field,
    read_slice,
    read_slot,
    read_variable,
    search_text,
    unless_nil,
)
from rollouts.analysis.expression.functions import FUNCTIONS, METHODS
from rollouts.analysis.expression.kinds import Kind
from rollouts.analysis.expression.loops import LOOPS, Code, Walk, reduce
from rollouts.analysis.expression.operators import assert_sign, negate
from rollouts.analysis.expression.patterns import compile_pattern
from rollouts.analysis.expression.problems import Fault, Misplaced
from rollouts.analysis.expression.signatures import LOOP_SHAPES
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
from rollouts.analysis.expression.values import (
    Run,
    kind_of,
    show,
    truth,
)


def compile_tree(node: Node) -> tuple[Code, int]:
    """Return what computes a checked tree, and how many slots its evaluation needs."""
    compiler = _Compiler()
    code = compiler.compile(node)
    return code, compiler.slot_count


class _Compiler:
    """One walk over a tree that was checked: names exist, functions have their arguments."""

    def __init__(self) -> None:
        self.slot_count = 0
        self._lets: dict[str, int] = {}
        self._elements: list[int] = []

    def compile(self, node: Node) -> Code:
        """Return what computes a node."""
        match node:
            case Literal():
                value = node.value
                return lambda _run: value
            case Name() | Environment() | Pointer():
                return self._reference(node)
            case Unary() | Binary() | Conditional():
                return self._operation(node)
            case ListLiteral():
                return self._list(node)
            case MapLiteral():
                return self._map(node)
            case Index() | Field() | Slice() | Chain():
                return self._access(node)
            case Method():
                return self._method(node)
            case Call():
                codes = tuple(self.compile(argument) for argument in node.arguments)
                return apply_function(FUNCTIONS[node.function], codes, node)
            case Loop():
                return self._loop(node)
            case Let():
                return self._let(node)
            case _:
                assert_never(node)

    def _slots(self, count: int) -> int:
        first = self.slot_count
        self.slot_count += count
        return first

    def _reference(self, node: Name | Environment | Pointer) -> Code:
        match node:
            case Environment():
                return lambda run: run.environment
            case Pointer():
                return read_slot(self._elements[-1] + {"": 0, "index": 1, "acc": 2}[node.name])
            case Name() if node.name in self._lets:
                return read_slot(self._lets[node.name])
            case Name():
                return read_variable(node.name, node.offset)

    def _let(self, node: Let) -> Code:
        value = self.compile(node.value)
        slot = self._slots(1)
        self._lets[node.name] = slot
        body = self.compile(node.body)
        del self._lets[node.name]

        def run_let(run: Run) -> Any:
            run.slots[slot] = value(run)
            return body(run)

        return run_let

    # Operators.

    def _operation(self, node: Unary | Binary | Conditional) -> Code:
        match node:
            case Unary():
                return self._unary(node)
            case Binary("and" | "or"):
                return self._logical(node)
            case Binary("??"):
                left, right = self.compile(node.left), self.compile(node.right)

                def run_otherwise(run: Run) -> Any:
                    value = left(run)
                    return right(run) if value is None else value

                return run_otherwise
            case Binary("matches", _, Literal(Kind.STRING, str(pattern))):
                compiled = compile_pattern(pattern)
                return search_text(self.compile(node.left), compiled, node.offset)
            case Binary():
                return apply_operator(node, self.compile(node.left), self.compile(node.right))
            case Conditional():
                condition = self._truth(node.condition, "what is decided by ?")
                yes, no = self.compile(node.yes), self.compile(node.no)
                return lambda run: yes(run) if condition(run) else no(run)

    def _truth(self, node: Node, what: str) -> Code:
        code = self.compile(node)
        offset = node.offset

        def run_truth(run: Run) -> bool:
            value = code(run)
            if value is True or value is False:
                return bool(value)
            try:
                return truth(value, what)
            except Fault as fault:
                raise Misplaced(str(fault), offset) from None

        return run_truth

    def _logical(self, node: Binary) -> Code:
        left = self._truth(node.left, f"the left side of {node.operator}")
        right = self._truth(node.right, f"the right side of {node.operator}")
        if node.operator == "and":
            return lambda run: left(run) and right(run)
        return lambda run: left(run) or right(run)

    def _unary(self, node: Unary) -> Code:
        if node.operator == "not":
            condition = self._truth(node.operand, "what follows not")
            return lambda run: not condition(run)
        function = negate if node.operator == "-" else assert_sign
        return placed(function, (self.compile(node.operand),), node.offset)

    # Literals, fields and elements.

    def _list(self, node: ListLiteral) -> Code:
        codes = tuple(self.compile(item) for item in node.items)
        return lambda run: tuple([code(run) for code in codes])

    def _map(self, node: MapLiteral) -> Code:
        pairs = tuple((self.compile(key), self.compile(value)) for key, value in node.pairs)
        offset = node.offset

        def run_map(run: Run) -> dict[str, Any]:
            made = {}
            for key, value in pairs:
                name = key(run)
                if not isinstance(name, str):
                    raise Misplaced(f"a key must be a string, not {show(name)}", offset)
                made[name] = value(run)
            return made

        return run_map

    def _access(self, node: Index | Field | Slice | Chain) -> Code:
        match node:
            case Chain():
                return end_chain(self.compile(node.body))
            case Field():
                return read_field(self.compile(node.base), node)
            case Index():
                function = unless_nil(read_element) if node.optional else read_element
                codes = (self.compile(node.base), self.compile(node.key))
                return placed(function, codes, node.offset)
            case Slice():
                bounds = (
                    give_nothing if bound is None else self.compile(bound)
                    for bound in (node.start, node.stop)
                )
                return placed(read_slice, (self.compile(node.base), *bounds), node.offset)

    def _method(self, node: Method) -> Code:
        base = self.compile(node.base)
        codes = tuple(self.compile(argument) for argument in node.arguments)
        name, offset, is_optional = node.name, node.offset, node.optional
        calls = {
            kind: apply_function(methods[name], codes, node, base)
            for kind, methods in METHODS.items()
            if name in methods and methods[name].miscount(len(codes)) is None
        }

        def run_method(run: Run) -> Any:
            value = base(run)
            if value is None and is_optional:
                raise Absent
            call = calls.get(kind_of(value))
            if call is None:
                raise Misplaced(f"{show(value)} has no method {name!r} of that kind", offset)
            return call(run)

        return run_method

    # Loops.

    def _loop(self, node: Loop) -> Code:
        source = self.compile(node.source)
        extra = give_nothing if node.extra is None else self.compile(node.extra)
        slot = self._slots(3)
        self._elements.append(slot)
        body = self._body(node, slot)
        self._elements.pop()
        cost = 1 if node.body is None else sum(1 for _ in walk(node.body))
        name, offset, has_extra = node.function, node.offset, node.extra is not None
        function = None if name == "reduce" else LOOPS[name].run

        def run_loop(run: Run) -> Any:
            items = source(run)
            first = extra(run)
            try:
                if not isinstance(items, tuple | list):
                    raise Fault(f"{name} takes a list, not {show(items)}")  # noqa: TRY301
                loop = Walk(run, tuple(items), body, slot, cost)
                if function is None:
                    return reduce(loop, first, has_first=has_extra)
                return function(loop, first)
            except Fault as fault:
                raise Misplaced(str(fault), offset) from None

        return run_loop

    def _body(self, node: Loop, slot: int) -> Code:
        wants_bool = LOOP_SHAPES[node.function].wants_bool
        what = f"the predicate of {node.function}"
        if node.body is not None:
            return self._truth(node.body, what) if wants_bool else self.compile(node.body)
        if not wants_bool:
            return read_slot(slot)
        return placed(lambda _run, value: truth(value, "what is counted"), (read_slot(slot),), 0)

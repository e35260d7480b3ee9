"""Types of a tree as far as they are known before a value is there; all problems at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, assert_never

from rollouts.analysis.expression.bounds import PROBLEMS_MAX
from rollouts.analysis.expression.functions import FUNCTIONS, METHODS
from rollouts.analysis.expression.hints import hint_at_operands, is_only, suggest
from rollouts.analysis.expression.kinds import (
    ANY,
    BOOL,
    INT,
    NIL,
    STRING,
    Kind,
    ListOf,
    MapOf,
    Type,
    alternatives,
    either,
    element_of,
    kind_of_type,
    kinds,
    type_of_kind,
)
from rollouts.analysis.expression.loops import LOOPS
from rollouts.analysis.expression.operators import LOGICAL, operate, result_type
from rollouts.analysis.expression.patterns import compile_pattern
from rollouts.analysis.expression.problems import Fault, Problem, locate
from rollouts.analysis.expression.signatures import LOOP_SHAPES, NUMBERS, Function, describe
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
from rollouts.analysis.expression.values import Run

_INDEXES: Final = frozenset({Kind.INT})
_KEYS: Final = frozenset({Kind.STRING, Kind.INT, Kind.FLOAT, Kind.BOOL})
_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


def check(node: Node, source: str, variables: Mapping[str, Type]) -> tuple[Problem, ...]:
    """Return everything that is known to be wrong with a condition."""
    checker = _Checker(source, variables)
    type_ = checker.check(node)
    if Kind.BOOL not in kinds(type_):
        checker.report(node, f"the condition must give a bool, not {type_}")
    return tuple(checker.problems)


@dataclass(frozen=True, slots=True)
class _Predicate:
    """What `#` and `#acc` are inside of one predicate."""

    element: Type
    accumulator: Type | None


class _Checker:
    """One walk over the tree; a part that is wrong counts as unknown, so that it is told once."""

    def __init__(self, source: str, variables: Mapping[str, Type]) -> None:
        self.problems: list[Problem] = []
        self._source = source
        self._variables = variables
        self._lets: dict[str, Type] = {}
        self._predicates: list[_Predicate] = []

    def report(self, node: Node, message: str) -> Type:
        """Add a problem and return the type of what is wrong: unknown."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(locate(self._source, node.offset, message))
        return ANY

    def check(self, node: Node) -> Type:
        """Return the type of a node."""
        match node:
            case Literal():
                return type_of_kind(node.kind)
            case Name() | Environment() | Pointer():
                return self._reference(node)
            case Unary() | Binary() | Conditional():
                return self._operation(node)
            case ListLiteral():
                items = [self.check(item) for item in node.items]
                return ListOf(either(*items)) if items else ListOf(ANY)
            case MapLiteral():
                return self._map(node)
            case Index() | Field() | Slice() | Chain() | Method():
                return self._access(node)
            case Call():
                return self._call(node)
            case Loop():
                return self._loop(node)
            case Let():
                return self._let(node)
            case _:
                assert_never(node)

    # Variables.

    def _reference(self, node: Name | Environment | Pointer) -> Type:
        match node:
            case Environment():
                return MapOf(either(*self._variables.values()))
            case Name():
                return self._name(node)
            case Pointer():
                scope = self._predicates[-1]  # the parser refuses it elsewhere
                if node.name == "index":
                    return INT
                if node.name != "acc":
                    return scope.element
                if scope.accumulator is None:
                    return self.report(node, "#acc has a meaning only inside of reduce")
                return scope.accumulator

    def _name(self, node: Name) -> Type:
        for known in (self._lets, self._variables):
            if node.name in known:
                return known[node.name]
        if node.name in FUNCTIONS or node.name in LOOPS or node.name == "reduce":
            return self.report(node, f"{node.name} is a function; write {node.name}(…)")
        hint = suggest(node.name, [*self._lets, *self._variables])
        return self.report(node, f"there is no variable {node.name!r}{hint}")

    def _let(self, node: Let) -> Type:
        value = self.check(node.value)
        if node.name in self._variables or node.name in self._lets:
            self.report(node, f"{node.name!r} exists already; choose another name")
            return self.check(node.body)
        if node.name in FUNCTIONS or node.name in LOOP_SHAPES:
            self.report(node, f"{node.name!r} is a function; choose another name")
        self._lets[node.name] = value
        body = self.check(node.body)
        del self._lets[node.name]
        return body

    # Operators.

    def _operation(self, node: Unary | Binary | Conditional) -> Type:
        match node:
            case Unary():
                return self._unary(node)
            case Binary(operator) if operator in LOGICAL:
                self._expect_bool(node.left, f"the left side of {operator}")
                self._expect_bool(node.right, f"the right side of {operator}")
                return BOOL
            case Binary("??"):
                left, right = self.check(node.left), self.check(node.right)
                return either(*(each for each in alternatives(left) if each != NIL), right)
            case Binary():
                return self._binary(node)
            case Conditional():
                self._expect_bool(node.condition, "what is decided by ?")
                return either(self.check(node.yes), self.check(node.no))

    def _expect_bool(self, node: Node, what: str) -> None:
        type_ = self.check(node)
        if Kind.BOOL not in kinds(type_):
            self.report(node, f"{what} must be a bool, not {type_}")

    def _unary(self, node: Unary) -> Type:
        if node.operator == "not":
            self._expect_bool(node.operand, "what follows not")
            return BOOL
        operand = self.check(node.operand)
        possible = sorted(kinds(operand) & NUMBERS)
        if not possible:
            return self.report(node, f"{node.operator} is not defined for {operand}")
        return either(*(type_of_kind(kind) for kind in possible))

    def _binary(self, node: Binary) -> Type:
        left, right = self.check(node.left), self.check(node.right)
        result = result_type(node.operator, left, right)
        if result is None:
            hint = hint_at_operands(left, right)
            return self.report(
                node, f"{node.operator} is not defined between {left} and {right}{hint}"
            )
        self._try_constants(node)
        return result

    def _try_constants(self, node: Binary) -> None:
        """Find out now what could only ever fail: a bad pattern, % by zero, an overflow."""
        if not isinstance(node.right, Literal):
            return
        try:
            if isinstance(node.left, Literal):
                operate(Run({}, _NO_TIME), node.operator, node.left.value, node.right.value)
            elif node.operator == "matches":
                compile_pattern(str(node.right.value))
            elif node.operator == "%" and node.right.value == 0:
                raise Fault("% by zero")  # noqa: TRY301 - the same report as for the others
        except Fault as fault:
            self.report(node, str(fault))

    # Literals, fields and elements.

    def _map(self, node: MapLiteral) -> Type:
        values = []
        for key, value in node.pairs:
            key_type = self.check(key)
            if Kind.STRING not in kinds(key_type):
                self.report(key, f"a key must be a string, not {key_type}")
            values.append(self.check(value))
        return MapOf(either(*values)) if values else MapOf(ANY)

    def _access(self, node: Index | Field | Slice | Chain | Method) -> Type:
        match node:
            case Chain():
                body = self.check(node.body)
                return either(body, NIL)
            case Field():
                return self._field(node)
            case Index():
                return self._index(node)
            case Slice():
                return self._slice(node)
            case Method():
                return self._method(node)

    def _field(self, node: Field) -> Type:
        base = self.check(node.base)
        found: list[Type] = []
        for each in alternatives(base):
            if each == ANY:
                found.append(ANY)
            elif isinstance(each, MapOf):
                found.append(either(each.value, NIL))
            elif each == NIL and node.optional:
                found.append(ANY)  # the chain is left here: what follows is never asked
        if found:
            return either(*found)
        if is_only(base, Kind.TIME) or is_only(base, Kind.DURATION):
            return self.report(node, f"write {node.name}(), with parentheses")
        hint = "; choose an element first, such as [0]" if Kind.LIST in kinds(base) else ""
        return self.report(node, f"{base} has no field {node.name!r}{hint}")

    def _index(self, node: Index) -> Type:
        base, key = self.check(node.base), self.check(node.key)
        found: list[Type] = []
        for each in alternatives(base):
            if each == ANY:
                found.append(ANY)
            elif isinstance(each, ListOf) and kinds(key) & _INDEXES:
                found.append(each.element)
            elif isinstance(each, MapOf) and kinds(key) & _KEYS:
                found.append(either(each.value, NIL))
            elif each == NIL and node.optional:
                found.append(ANY)  # the chain is left here: what follows is never asked
        if found:
            return either(*found)
        if Kind.LIST in kinds(base):
            return self.report(node, f"an element is chosen by a whole number, not by {key}")
        if Kind.MAP in kinds(base):
            return self.report(node, f"{key} cannot be the key of a map")
        hint = "; take a part, such as [0:1]" if base == STRING else ""
        return self.report(node, f"{base} has no elements{hint}")

    def _slice(self, node: Slice) -> Type:
        base = self.check(node.base)
        for bound in (node.start, node.stop):
            if bound is not None and Kind.INT not in kinds(bound_type := self.check(bound)):
                self.report(bound, f"a slice goes by whole numbers, not by {bound_type}")
        found = [
            each for each in alternatives(base) if each in {ANY, STRING} or isinstance(each, ListOf)
        ]
        return either(*found) if found else self.report(node, f"{base} cannot be sliced")

    def _method(self, node: Method) -> Type:
        base = self.check(node.base)
        arguments = tuple(self.check(argument) for argument in node.arguments)
        found: list[Type] = []
        for each in alternatives(base):
            kind = kind_of_type(each)
            if kind is None or (kind is Kind.NIL and node.optional):
                found.append(ANY)
            elif (method := METHODS.get(kind, {}).get(node.name)) is not None:
                self._arguments(node, node.name, method, arguments)
                found.append(method.returns((each, *arguments)))
        if found:
            return either(*found)
        known = [name for kind in kinds(base) for name in METHODS.get(kind, {})]
        hint = suggest(node.name, known) if known else "; functions are called as name(value)"
        return self.report(node, f"{base} has no method {node.name!r}{hint}")

    # Functions.

    def _call(self, node: Call) -> Type:
        arguments = tuple(self.check(argument) for argument in node.arguments)
        function = FUNCTIONS.get(node.function)
        if function is None:
            if node.function == "timezone":
                hint = ": times are in UTC here"
            else:
                hint = suggest(node.function, [*FUNCTIONS, *LOOP_SHAPES])
            return self.report(node, f"there is no function {node.function!r}{hint}")
        if not self._arguments(node, function.name, function, arguments):
            return ANY
        self._try_call(node, function)
        return function.returns(arguments)

    def _arguments(
        self, node: Call | Method, name: str, function: Function, arguments: tuple[Type, ...]
    ) -> bool:
        miscount = function.miscount(len(arguments))
        if miscount is not None:
            self.report(node, f"{name}{miscount.removeprefix(function.name)}")
            return False
        is_right = True
        for index, type_ in enumerate(arguments):
            accepted = function.accepted(index)
            if not kinds(type_) & accepted:
                self.report(
                    node.arguments[index], f"{name} takes {describe(accepted)} here, not {type_}"
                )
                is_right = False
        return is_right

    def _try_call(self, node: Call, function: Function) -> None:
        """Find out now what could only ever fail, such as duration("5 minutes")."""
        values = [each.value for each in node.arguments if isinstance(each, Literal)]
        if len(values) < len(node.arguments) or not values or not function.is_constant:
            return
        try:
            function.run(Run({}, _NO_TIME), *values)
        except Fault as fault:
            self.report(node, str(fault))

    def _loop(self, node: Loop) -> Type:
        source = self.check(node.source)
        if Kind.LIST not in kinds(source):
            self.report(node.source, f"{node.function} takes a list, not {source}")
        extra = ANY if node.extra is None else self.check(node.extra)
        element = element_of(source)
        if node.body is None:
            body = element
            place: Node = node.source
        else:
            accumulator = ANY if node.function == "reduce" else None
            self._predicates.append(_Predicate(element, accumulator))
            body = self.check(node.body)
            self._predicates.pop()
            place = node.body
        if LOOP_SHAPES[node.function].wants_bool and Kind.BOOL not in kinds(body):
            self.report(place, f"the predicate of {node.function} must give a bool, not {body}")
        if node.function == "sum" and not kinds(body) & NUMBERS:
            self.report(place, f"sum takes numbers, not {body}")
        if node.function == "sortBy" and Kind.STRING not in kinds(extra):
            self.report(node.extra or node, f"an order is 'asc' or 'desc', not {extra}")
        return ANY if node.function == "reduce" else LOOPS[node.function].returns(source, body)

"""What the nodes of a compiled condition do when they are evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rollouts.analysis.expression.kinds import Kind
from rollouts.analysis.expression.loops import Code
from rollouts.analysis.expression.operators import RULES
from rollouts.analysis.expression.patterns import search_compiled
from rollouts.analysis.expression.problems import Fault, Misplaced
from rollouts.analysis.expression.signatures import Function, describe
from rollouts.analysis.expression.tree import (
    Binary,
    Call,
    Field,
    Method,
)
from rollouts.analysis.expression.values import (
    Run,
    check_key,
    kind_of,
    look_up,
    show,
    to_index,
)


class Absent(Exception):
    """A `?.` met nil."""


def give_nothing(_run: Run) -> None:
    """Stand for a part that is not written."""
    return


def read_slot(index: int) -> Code:
    """Return what reads an inner variable."""
    return lambda run: run.slots[index]


def read_variable(name: str, offset: int) -> Code:
    """Return what reads a variable of the environment."""

    def run_variable(run: Run) -> Any:
        try:
            return run.environment[name]
        except KeyError:
            raise Misplaced(f"there is no value for {name!r}", offset) from None

    return run_variable


def placed(function: Callable[..., Any], codes: tuple[Code, ...], offset: int) -> Code:
    """Return what applies a function of values, and gives its faults their place."""

    def run_placed(run: Run) -> Any:
        values = [code(run) for code in codes]
        try:
            return function(run, *values)
        except Fault as fault:
            raise Misplaced(str(fault), offset) from None

    return run_placed


def apply_operator(node: Binary, left: Code, right: Code) -> Code:
    """Return what applies an operator to two values."""
    name, offset = node.operator, node.offset
    rules = RULES[name]

    def run_binary(run: Run) -> Any:
        one, other = left(run), right(run)
        try:
            rule = rules.get((kind_of(one), kind_of(other)))
            if rule is None:
                raise Fault(  # noqa: TRY301 - gets its place below, like the others
                    f"{name} is not defined between {show(one)} and {show(other)}"
                )
            return rule[1](run, one, other)
        except Fault as fault:
            raise Misplaced(str(fault), offset) from None

    return run_binary


def search_text(text: Code, compiled: Any, offset: int) -> Code:
    """Return what searches a text by a pattern that was compiled already."""

    def search_text(run: Run, value: Any) -> bool:
        if not isinstance(value, str):
            raise Fault(f"matches is not defined between {show(value)} and string")
        return search_compiled(run, value, compiled)

    return placed(search_text, (text,), offset)


def apply_function(
    function: Function, codes: tuple[Code, ...], node: Call | Method, base: Code | None = None
) -> Code:
    """Return what applies a function, or a method to its base, to values of accepted kinds."""
    name = node.function if isinstance(node, Call) else node.name
    accepted = tuple(function.accepted(index) for index in range(len(codes)))
    places = tuple(argument.offset for argument in node.arguments)
    offset, implementation = node.offset, function.run

    def run_call(run: Run) -> Any:
        values = [code(run) for code in codes]
        try:
            for index, value in enumerate(values):
                if kind_of(value) not in accepted[index]:
                    message = f"{name} takes {describe(accepted[index])} here, not {show(value)}"
                    raise Misplaced(message, places[index])
            if base is None:
                return implementation(run, *values)
            return implementation(run, base(run), *values)
        except Fault as fault:
            raise Misplaced(str(fault), offset) from None

    return run_call


def end_chain(body: Code) -> Code:
    """Return what gives nil where a `?.` in the chain met nil."""

    def run_chain(run: Run) -> Any:
        try:
            return body(run)
        except Absent:
            return None

    return run_chain


def read_field(base: Code, node: Field) -> Code:
    """Return what reads a field of a map."""
    name, offset, is_optional = node.name, node.offset, node.optional

    def run_field(run: Run) -> Any:
        value = base(run)
        if isinstance(value, Mapping):
            return value.get(name)
        if value is None and is_optional:
            raise Absent
        hint = "; write ?. where it may be missing" if value is None else ""
        raise Misplaced(f"{show(value)} has no field {name!r}{hint}", offset)

    return run_field


def read_element(run: Run, holder: Any, key: Any) -> Any:
    """Read an element of a list or a map."""
    kind = kind_of(holder)
    if kind is Kind.LIST:
        index = to_index(key)
        if -len(holder) <= index < len(holder):
            return holder[index]
        raise Fault(f"the index {index} is out of range: the list has {len(holder)} elements")
    if kind is Kind.MAP:
        check_key(key)
        run.spend(1 if isinstance(key, str) else len(holder))
        return look_up(holder, key)
    raise Fault(f"{show(holder)} has no elements")


def unless_nil(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that leaves the chain when the holder is nil."""

    def apply(run: Run, holder: Any, key: Any) -> Any:
        if holder is None:
            raise Absent
        return function(run, holder, key)

    return apply


def read_slice(run: Run, holder: Any, start: Any, stop: Any) -> Any:
    """Read a part of a list or a string."""
    if kind_of(holder) not in {Kind.LIST, Kind.STRING}:
        raise Fault(f"{show(holder)} cannot be sliced")
    first = None if start is None else to_index(start)
    last = None if stop is None else to_index(stop)
    part = holder[first:last]
    if isinstance(part, str):
        run.check_text(len(part))
        return part
    run.check_list(len(part))
    return tuple(part)

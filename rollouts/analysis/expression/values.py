"""Values while a condition is evaluated, and the budget that the evaluation lives on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from rollouts.analysis.expression.bounds import (
    CHARACTERS_PER_STEP,
    LIST_LENGTH_MAX,
    STEPS_MAX,
    TEXT_LENGTH_MAX,
    VALUE_DEPTH_MAX,
)
from rollouts.analysis.expression.kinds import ANY, Kind, ListOf, MapOf, Type, either, type_of_kind
from rollouts.analysis.expression.numerals import INT_MAX, INT_MIN, write_float
from rollouts.analysis.expression.problems import Fault

SHOWN_LENGTH_MAX: Final = 40
"""Characters of a value that a message shows."""


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A span of time in whole nanoseconds, as Go has it."""

    nanoseconds: int


class Run:
    """One evaluation: the variables, the time, the places of inner variables, the budget left."""

    __slots__ = ("environment", "now", "slots", "steps_left")

    def __init__(self, environment: Mapping[str, Any], now: datetime, slot_count: int = 0) -> None:
        self.environment = environment
        self.now = now
        self.slots: list[Any] = [None] * slot_count
        self.steps_left = STEPS_MAX

    def spend(self, steps: int) -> None:
        """Pay for work; a condition that cannot is stopped."""
        self.steps_left -= steps
        if self.steps_left < 0:
            raise Fault(
                f"the condition takes more than {STEPS_MAX} steps with these values;"
                " let the query return less"
            )

    def spend_text(self, length: int) -> None:
        """Pay for work on a string of this length."""
        self.spend(1 + length // CHARACTERS_PER_STEP)

    def check_list(self, length: int) -> None:
        """Pay for a list of this length before it is made."""
        if length > LIST_LENGTH_MAX:
            raise Fault(f"a list of {length} elements is too long; {LIST_LENGTH_MAX} are allowed")
        self.spend(length)

    def check_text(self, length: int) -> None:
        """Pay for a string of this length before it is made."""
        if length > TEXT_LENGTH_MAX:
            raise Fault(
                f"a string of {length} characters is too long; {TEXT_LENGTH_MAX} are allowed"
            )
        self.spend_text(length)


_KINDS: Final[dict[type, Kind]] = {
    type(None): Kind.NIL,
    bool: Kind.BOOL,
    int: Kind.INT,
    float: Kind.FLOAT,
    str: Kind.STRING,
    tuple: Kind.LIST,
    dict: Kind.MAP,
    datetime: Kind.TIME,
    Duration: Kind.DURATION,
}


def kind_of(value: object) -> Kind:
    """Return the kind of a value; lists that are not tuples are accepted as they come."""
    kind = _KINDS.get(type(value))
    if kind is not None:
        return kind
    if isinstance(value, Mapping):
        return Kind.MAP
    if isinstance(value, list):
        return Kind.LIST
    raise Fault(f"a value of the type {type(value).__name__} is none that a condition can use")


def type_of(value: object, depth: int = 0) -> Type:
    """Return the type of a value, its elements included as far as it is not deep."""
    kind = kind_of(value)
    if depth > 1 or kind not in {Kind.LIST, Kind.MAP}:
        return type_of_kind(kind)
    if isinstance(value, Mapping):
        return MapOf(either(*(type_of(each, depth + 1) for each in value.values())))
    assert isinstance(value, tuple | list)
    return ListOf(either(*(type_of(each, depth + 1) for each in value)) if value else ANY)


def bounded(number: int) -> int:
    """Return the integer; where Go would wrap around silently, it is refused."""
    if INT_MIN <= number <= INT_MAX:
        return number
    raise Fault("the result does not fit into an integer of 64 bits; use float() on an operand")


def show(value: object) -> str:
    """Return a short form of a value for messages, with its kind."""
    kind = kind_of(value)
    match value:
        case None:
            return "nil"
        case str():
            shown = value if len(value) <= SHOWN_LENGTH_MAX else value[:SHOWN_LENGTH_MAX] + "…"
            return f"string {shown!r}"
        case bool():
            return f"bool {'true' if value else 'false'}"
        case int():
            small = abs(value) <= INT_MAX
            return f"int {value}" if small else "int of more than 64 bits"
        case float():
            return f"float {write_float(value)}"
        case tuple() | list() | Mapping():
            return f"{kind} of length {len(value)}"
        case _:
            return kind.value


def equal(run: Run, left: Any, right: Any, depth: int = 0) -> bool:
    """Return whether two values are the same; numbers are, whatever their kind."""
    run.spend(1)
    left_kind, right_kind = kind_of(left), kind_of(right)
    if left_kind is not right_kind:
        numbers = {left_kind, right_kind} == {Kind.INT, Kind.FLOAT}
        return numbers and bool(left == right)
    if left_kind not in {Kind.LIST, Kind.MAP}:
        return bool(left == right)
    if depth > VALUE_DEPTH_MAX:
        raise Fault(f"the values are nested deeper than {VALUE_DEPTH_MAX} levels")
    if len(left) != len(right):
        return False
    if left_kind is Kind.LIST:
        return all(
            equal(run, one, other, depth + 1) for one, other in zip(left, right, strict=True)
        )
    return all(key in right and equal(run, left[key], right[key], depth + 1) for key in left)


def contains_key(holder: Mapping[Any, Any], key: Any) -> bool:
    """Return whether a map has the key; 1, 1.0 and true are three keys, as they are in Go."""
    if type(key) is str:
        return key in holder
    check_key(key)
    kind = kind_of(key)
    if holder and all(type(each) is str for each in holder):
        raise Fault(f"the keys of this map are strings, and {show(key)} is none; use string()")
    return any(kind_of(each) is kind and each == key for each in holder)


def look_up(holder: Mapping[Any, Any], key: Any) -> Any:
    """Return what a map holds for the key, nil when it holds nothing."""
    if type(key) is str:
        return holder.get(key)
    return holder[key] if contains_key(holder, key) else None


def check_key(key: Any) -> None:
    """Refuse what cannot be the key of a map."""
    if kind_of(key) not in {Kind.STRING, Kind.INT, Kind.FLOAT, Kind.BOOL}:
        raise Fault(f"{show(key)} cannot be the key of a map; use a string, a number or a bool")


class Grouping:
    """A map under construction whose keys are of one kind."""

    __slots__ = ("_kind", "held")

    def __init__(self) -> None:
        self.held: dict[Any, Any] = {}
        self._kind: Kind | None = None

    def admit(self, key: Any) -> Any:
        """Check a key before it is used.

        Python takes 1, 1.0 and true for one key; a map with such a mixture would lose entries.
        """
        check_key(key)
        kind = kind_of(key)
        if self._kind not in {None, kind}:
            raise Fault(f"the keys of one map are {self._kind} and {kind}; let them be of one kind")
        self._kind = kind
        return key


def to_index(value: Any) -> int:
    """Return an index as a whole number; JSON numbers such as 2.0 are whole as well."""
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    raise Fault(f"an index is a whole number, not {show(value)}")


def truth(value: Any, what: str) -> bool:
    """Return a bool, and refuse everything else."""
    if value is True or value is False:
        return bool(value)
    raise Fault(f"{what} must be a bool, not {show(value)}")

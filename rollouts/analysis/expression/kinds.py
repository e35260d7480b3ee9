"""What is known of a value before it is there: kinds, and types made of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

ALTERNATIVES_MAX: Final = 8
"""Types that one expression may have; more are as good as unknown."""


class Kind(StrEnum):
    """The kinds of values, named as `type()` names them."""

    NIL = "nil"
    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    STRING = "string"
    LIST = "array"
    MAP = "map"
    TIME = "time.Time"
    DURATION = "time.Duration"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A type that only the value will tell."""

    def __str__(self) -> str:
        return "unknown"


@dataclass(frozen=True, slots=True)
class Scalar:
    """The type of values that hold no others."""

    kind: Kind

    def __str__(self) -> str:
        return self.kind.value


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list whose elements are of one type."""

    element: Type

    def __str__(self) -> str:
        return "array" if self.element == ANY else f"array of {self.element}"


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map whose values are of one type."""

    value: Type

    def __str__(self) -> str:
        return "map" if self.value == ANY else f"map of {self.value}"


@dataclass(frozen=True, slots=True)
class Either:
    """One of several types; made by `either`."""

    types: tuple[Type, ...]

    def __str__(self) -> str:
        return " or ".join(str(each) for each in self.types)


Type: TypeAlias = Unknown | Scalar | ListOf | MapOf | Either

ANY: Final = Unknown()
NIL: Final = Scalar(Kind.NIL)
BOOL: Final = Scalar(Kind.BOOL)
INT: Final = Scalar(Kind.INT)
FLOAT: Final = Scalar(Kind.FLOAT)
STRING: Final = Scalar(Kind.STRING)
TIME: Final = Scalar(Kind.TIME)
DURATION: Final = Scalar(Kind.DURATION)
LIST: Final = ListOf(ANY)
MAP: Final = MapOf(ANY)
NUMBER: Final = Either((INT, FLOAT))


def alternatives(type_: Type) -> tuple[Type, ...]:
    """Return the single types that a type may turn out to be."""
    return type_.types if isinstance(type_, Either) else (type_,)


def either(*types: Type) -> Type:
    """Return the type of something that is of one of these types."""
    found = tuple(dict.fromkeys(one for each in types for one in alternatives(each)))
    if not found or ANY in found or len(found) > ALTERNATIVES_MAX:
        return ANY
    return found[0] if len(found) == 1 else Either(found)


def kind_of_type(type_: Type) -> Kind | None:
    """Return the kind of a single type; None when it is unknown."""
    match type_:
        case Scalar(kind):
            return kind
        case ListOf():
            return Kind.LIST
        case MapOf():
            return Kind.MAP
        case Unknown() | Either():
            return None


def type_of_kind(kind: Kind) -> Type:
    """Return the widest type of a kind."""
    match kind:
        case Kind.LIST:
            return LIST
        case Kind.MAP:
            return MAP
        case _:
            return Scalar(kind)


def kinds(type_: Type) -> frozenset[Kind]:
    """Return the kinds that a value of the type may have; all when it is unknown."""
    found = {kind_of_type(each) for each in alternatives(type_)}
    return frozenset(Kind) if None in found else frozenset(kind for kind in found if kind)


def element_of(type_: Type) -> Type:
    """Return the type of the elements, where the type is or may be a list."""
    found = [each.element for each in alternatives(type_) if isinstance(each, ListOf)]
    return either(*found) if found else ANY

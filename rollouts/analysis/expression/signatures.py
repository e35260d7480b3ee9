"""The shapes of functions: what they take and what they give, before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from rollouts.analysis.expression.kinds import Kind, Type

Accepted: TypeAlias = frozenset[Kind]

ANYTHING: Final = frozenset(Kind)
TEXT: Final = frozenset({Kind.STRING})
NUMBERS: Final = frozenset({Kind.INT, Kind.FLOAT})
WHOLE: Final = frozenset({Kind.INT})
LISTS: Final = frozenset({Kind.LIST})
MAPS: Final = frozenset({Kind.MAP})


@dataclass(frozen=True, slots=True)
class Function:
    """A function that is applied to values.

    Attributes:
        accepts: the kinds that each parameter takes.
        required: how many of them must be given.
        has_rest: the last parameter may be given any number of times.
        returns: the type of the result by the types of the arguments.
        run: what computes it; it may trust kinds and count, and raises Fault for the rest.
        is_constant: the same arguments always give the same result.
    """

    name: str
    accepts: tuple[Accepted, ...]
    returns: Callable[[tuple[Type, ...]], Type]
    run: Callable[..., object]
    required: int = -1
    has_rest: bool = False
    is_constant: bool = True

    @property
    def minimum(self) -> int:
        """How many arguments it needs."""
        return len(self.accepts) if self.required < 0 else self.required

    def accepted(self, index: int) -> Accepted:
        """Return the kinds that the argument of this index may have."""
        return self.accepts[min(index, len(self.accepts) - 1)]

    def miscount(self, count: int) -> str | None:
        """Return what is wrong with this number of arguments; None when nothing is."""
        most = len(self.accepts)
        if count >= self.minimum and (self.has_rest or count <= most):
            return None
        if self.has_rest:
            wanted = f"at least {self.minimum}"
        elif self.minimum == most:
            wanted = str(most) if most else "no"
        else:
            wanted = f"{self.minimum} to {most}"
        plural = "" if wanted == "1" else "s"
        return f"{self.name} takes {wanted} argument{plural}, not {count}"


def gives(type_: Type) -> Callable[[tuple[Type, ...]], Type]:
    """Return the rule of a function that always gives one type."""
    return lambda _arguments: type_


def describe(accepted: Accepted) -> str:
    """Return how a message names the kinds that are accepted."""
    if accepted == NUMBERS:
        return "a number"
    names = [
        f"{'an' if kind.value[0] in 'ai' else 'a'} {kind.value}"
        for kind in Kind
        if kind in accepted
    ]
    return " or ".join(names)


@dataclass(frozen=True, slots=True)
class LoopShape:
    """How a function that takes a predicate is written.

    Attributes:
        required: arguments that must be there, the list included.
        allowed: arguments that may be there.
        wants_bool: the predicate has to give a bool.
        usage: what it takes, in words.
    """

    required: int
    allowed: int
    wants_bool: bool
    usage: str


_LIST_AND_TEST = "a list and a predicate"

LOOP_SHAPES: Final = {
    **{
        name: LoopShape(2, 2, wants_bool=True, usage=_LIST_AND_TEST)
        for name in ("all", "any", "none", "one", "filter", "find", "findIndex")
    },
    "findLast": LoopShape(2, 2, wants_bool=True, usage=_LIST_AND_TEST),
    "findLastIndex": LoopShape(2, 2, wants_bool=True, usage=_LIST_AND_TEST),
    "count": LoopShape(1, 2, wants_bool=True, usage="a list and perhaps a predicate"),
    "sum": LoopShape(1, 2, wants_bool=False, usage="a list and perhaps a predicate"),
    "map": LoopShape(2, 2, wants_bool=False, usage=_LIST_AND_TEST),
    "groupBy": LoopShape(2, 2, wants_bool=False, usage=_LIST_AND_TEST),
    "sortBy": LoopShape(2, 3, wants_bool=False, usage="a list, a predicate and perhaps an order"),
    "reduce": LoopShape(
        2, 3, wants_bool=False, usage="a list, a predicate and perhaps a first value"
    ),
}
"""Functions with a predicate, by name."""

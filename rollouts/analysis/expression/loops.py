"""Functions that apply a predicate to each element of a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from rollouts.analysis.expression.functions.lists import order
from rollouts.analysis.expression.kinds import (
    BOOL,
    INT,
    NIL,
    NUMBER,
    ListOf,
    MapOf,
    Type,
    either,
    element_of,
)
from rollouts.analysis.expression.operators import operate
from rollouts.analysis.expression.problems import Fault
from rollouts.analysis.expression.values import Grouping, Run, show

Code: TypeAlias = Callable[[Run], Any]


@dataclass(frozen=True, slots=True)
class Walk:
    """One list about to be walked through.

    Attributes:
        code: the predicate; it finds element, index and accumulator in the slots.
        element_slot: the slot of `#`; that of `#index` and of `#acc` follow it.
        cost: the steps of one element.
    """

    run: Run
    items: tuple[Any, ...]
    code: Code
    element_slot: int
    cost: int

    def results(self) -> Iterator[Any]:
        """Yield what the predicate gives for each element, and stop when nobody asks on."""
        run, code, slot, cost = self.run, self.code, self.element_slot, self.cost
        slots = run.slots
        for index, item in enumerate(self.items):
            run.spend(cost)
            slots[slot] = item
            slots[slot + 1] = index
            yield code(run)


def _all(walk: Walk, _extra: Any) -> bool:
    return all(walk.results())


def _any(walk: Walk, _extra: Any) -> bool:
    return any(walk.results())


def _none(walk: Walk, _extra: Any) -> bool:
    return not any(walk.results())


def _one(walk: Walk, _extra: Any) -> bool:
    return bool(sum(walk.results()) == 1)


def _count(walk: Walk, _extra: Any) -> int:
    return sum(walk.results())


def _filter(walk: Walk, _extra: Any) -> tuple[Any, ...]:
    kept = zip(walk.items, walk.results(), strict=True)
    return tuple(item for item, is_kept in kept if is_kept)


def _map(walk: Walk, _extra: Any) -> tuple[Any, ...]:
    walk.run.check_list(len(walk.items))
    return tuple(walk.results())


def _find(walk: Walk, _extra: Any) -> Any:
    return next((item for item, found in zip(walk.items, walk.results()) if found), None)  # noqa: B905 - stops early


def _find_index(walk: Walk, _extra: Any) -> int | None:
    return next((index for index, found in enumerate(walk.results()) if found), None)


def _backwards(walk: Walk) -> Iterator[tuple[int, Any, Any]]:
    slots = walk.run.slots
    for index in range(len(walk.items) - 1, -1, -1):
        walk.run.spend(walk.cost)
        slots[walk.element_slot] = walk.items[index]
        slots[walk.element_slot + 1] = index
        yield index, walk.items[index], walk.code(walk.run)


def _find_last(walk: Walk, _extra: Any) -> Any:
    return next((item for _, item, found in _backwards(walk) if found), None)


def _find_last_index(walk: Walk, _extra: Any) -> int | None:
    return next((index for index, _, found in _backwards(walk) if found), None)


def _sum(walk: Walk, _extra: Any) -> Any:
    total: Any = 0
    for value in walk.results():
        if type(value) not in {int, float}:
            raise Fault(f"sum takes numbers; {show(value)} is among them")
        total = operate(walk.run, "+", total, value)
    return total


def _group_by(walk: Walk, _extra: Any) -> dict[Any, Any]:
    walk.run.check_list(len(walk.items))
    grouping = Grouping()
    for item, key in zip(walk.items, walk.results(), strict=True):
        grouping.held.setdefault(grouping.admit(key), []).append(item)
    return {key: tuple(items) for key, items in grouping.held.items()}


def _sort_by(walk: Walk, direction: Any) -> tuple[Any, ...]:
    walk.run.check_list(len(walk.items))
    if direction is not None and not isinstance(direction, str):
        raise Fault(f"an order is 'asc' or 'desc', not {show(direction)}")
    positions = order(walk.run, list(walk.results()), direction or "asc")
    return tuple(walk.items[position] for position in positions)


@dataclass(frozen=True, slots=True)
class LoopFunction:
    """What a function with a predicate does, and the type of what it gives."""

    run: Callable[[Walk, Any], Any]
    returns: Callable[[Type, Type], Type]


def _gives(type_: Type) -> Callable[[Type, Type], Type]:
    return lambda _source, _body: type_


def _type_of_sum(_source: Type, body: Type) -> Type:
    return either(INT, body) if body in {INT, NUMBER} else NUMBER


_ELEMENT = lambda source, _body: either(element_of(source), NIL)  # noqa: E731 - a rule in a table

LOOPS: Final = {
    "all": LoopFunction(_all, _gives(BOOL)),
    "any": LoopFunction(_any, _gives(BOOL)),
    "none": LoopFunction(_none, _gives(BOOL)),
    "one": LoopFunction(_one, _gives(BOOL)),
    "count": LoopFunction(_count, _gives(INT)),
    "filter": LoopFunction(_filter, lambda source, _body: ListOf(element_of(source))),
    "map": LoopFunction(_map, lambda _source, body: ListOf(body)),
    "find": LoopFunction(_find, _ELEMENT),
    "findLast": LoopFunction(_find_last, _ELEMENT),
    "findIndex": LoopFunction(_find_index, _gives(either(INT, NIL))),
    "findLastIndex": LoopFunction(_find_last_index, _gives(either(INT, NIL))),
    "sum": LoopFunction(_sum, _type_of_sum),
    "groupBy": LoopFunction(_group_by, lambda source, _body: MapOf(ListOf(element_of(source)))),
    "sortBy": LoopFunction(_sort_by, lambda source, _body: ListOf(element_of(source))),
}
"""Every function with a predicate except `reduce`, whose predicate sees an accumulator."""


def reduce(walk: Walk, first: Any, *, has_first: bool) -> Any:
    """Fold a list; without a first value the first element is it."""
    items = walk.items
    if not has_first and not items:
        raise Fault("reduce of an empty list needs a first value as its third argument")
    slots = walk.run.slots
    accumulated = first if has_first else items[0]
    for index in range(0 if has_first else 1, len(items)):
        walk.run.spend(walk.cost)
        slots[walk.element_slot] = items[index]
        slots[walk.element_slot + 1] = index
        slots[walk.element_slot + 2] = accumulated
        accumulated = walk.code(walk.run)
    return accumulated

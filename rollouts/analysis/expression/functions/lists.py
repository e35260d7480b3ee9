"""Functions on lists and maps, and those that take anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cmp_to_key
from typing import Any, Final

from rollouts.analysis.expression.bounds import LIST_LENGTH_MAX, VALUE_DEPTH_MAX
from rollouts.analysis.expression.kinds import (
    ANY,
    BOOL,
    INT,
    LIST,
    MAP,
    NIL,
    STRING,
    Kind,
    ListOf,
    MapOf,
    Type,
    alternatives,
    either,
    element_of,
)
from rollouts.analysis.expression.operators import operate
from rollouts.analysis.expression.problems import Fault
from rollouts.analysis.expression.signatures import (
    ANYTHING,
    LISTS,
    MAPS,
    TEXT,
    WHOLE,
    Function,
    gives,
)
from rollouts.analysis.expression.values import (
    Grouping,
    Run,
    equal,
    kind_of,
    look_up,
    show,
    to_index,
)


def order(run: Run, keys: list[Any], direction: str) -> list[int]:
    """Return the positions of the keys in their order, equal ones as they came.

    Raises:
        Fault: the direction is unknown, or two keys cannot be compared.
    """
    if direction not in {"asc", "desc"}:
        raise Fault(f"an order is 'asc' or 'desc', not {direction[:40]!r}")

    def compare(one: int, other: int) -> int:
        run.spend(1)
        if operate(run, "<", keys[one], keys[other]):
            return -1
        return 1 if operate(run, "<", keys[other], keys[one]) else 0

    if len(keys) == 1:
        operate(run, "<", keys[0], keys[0])
    return sorted(range(len(keys)), key=cmp_to_key(compare), reverse=direction == "desc")


def _length(_run: Run, value: Any) -> int:
    return len(value)


def _first(_run: Run, items: tuple[Any, ...]) -> Any:
    return items[0] if items else None


def _last(_run: Run, items: tuple[Any, ...]) -> Any:
    return items[-1] if items else None


def _take(run: Run, items: tuple[Any, ...], count: int) -> tuple[Any, ...]:
    if count < 0:
        raise Fault(f"take needs a count of zero or more, not {count}")
    run.check_list(min(count, len(items)))
    return tuple(items[:count])


def _reverse(run: Run, items: tuple[Any, ...]) -> tuple[Any, ...]:
    run.check_list(len(items))
    return tuple(items[::-1])


def _unique(run: Run, items: tuple[Any, ...]) -> tuple[Any, ...]:
    run.check_list(len(items))
    found: list[Any] = []
    for item in items:
        if not any(equal(run, item, known) for known in found):
            found.append(item)
    return tuple(found)


def _concatenate(run: Run, *lists: tuple[Any, ...]) -> tuple[Any, ...]:
    run.check_list(sum(map(len, lists)))
    return tuple(item for items in lists for item in items)


def _flatten(run: Run, items: tuple[Any, ...]) -> tuple[Any, ...]:
    found = []
    for item in _flat(run, items, 0):
        found.append(item)
        if len(found) > LIST_LENGTH_MAX:
            run.check_list(len(found))
    return tuple(found)


def _flat(run: Run, items: tuple[Any, ...], depth: int) -> Iterator[Any]:
    if depth > VALUE_DEPTH_MAX:
        raise Fault(f"the lists are nested deeper than {VALUE_DEPTH_MAX} levels")
    for item in items:
        run.spend(1)
        if kind_of(item) is Kind.LIST:
            yield from _flat(run, item, depth + 1)
        else:
            yield item


def _sort(run: Run, items: tuple[Any, ...], direction: str = "asc") -> tuple[Any, ...]:
    run.check_list(len(items))
    return tuple(items[position] for position in order(run, list(items), direction))


def _keys(run: Run, holder: Mapping[Any, Any]) -> tuple[Any, ...]:
    run.check_list(len(holder))
    return tuple(holder)


def _values(run: Run, holder: Mapping[Any, Any]) -> tuple[Any, ...]:
    run.check_list(len(holder))
    return tuple(holder.values())


def _to_pairs(run: Run, holder: Mapping[Any, Any]) -> tuple[Any, ...]:
    run.check_list(len(holder))
    return tuple(holder.items())


def _from_pairs(run: Run, pairs: tuple[Any, ...]) -> Mapping[Any, Any]:
    run.check_list(len(pairs))
    grouping = Grouping()
    for pair in pairs:
        if kind_of(pair) is not Kind.LIST or len(pair) != 2:
            raise Fault(f"fromPairs takes lists of a key and a value; {show(pair)} is among them")
        key, value = pair
        grouping.held[grouping.admit(key)] = value
    return grouping.held


def _get(run: Run, holder: Any, key: Any) -> Any:
    kind = kind_of(holder)
    if kind is Kind.MAP:
        run.spend(1 if type(key) is str else len(holder))
        return look_up(holder, key)
    if kind is Kind.NIL:
        return None
    index = to_index(key)
    return holder[index] if -len(holder) <= index < len(holder) else None


def _is_nil(_run: Run, value: Any) -> bool:
    return value is None


def _default(_run: Run, value: Any, otherwise: Any) -> Any:
    return otherwise if value is None else value


def _element_or_nil(arguments: tuple[Type, ...]) -> Type:
    return either(element_of(arguments[0]), NIL)


def _same_list(arguments: tuple[Type, ...]) -> Type:
    return ListOf(element_of(arguments[0]))


def _joined_list(arguments: tuple[Type, ...]) -> Type:
    return ListOf(either(*(element_of(argument) for argument in arguments)))


def _type_of_default(arguments: tuple[Type, ...]) -> Type:
    value, otherwise = arguments
    return either(*(each for each in alternatives(value) if each != NIL), otherwise)


def _value_list(arguments: tuple[Type, ...]) -> Type:
    found = [each.value for each in alternatives(arguments[0]) if isinstance(each, MapOf)]
    return ListOf(either(*found) if found else ANY)


_SIZED = TEXT | LISTS | MAPS
_HOLDERS = LISTS | MAPS | {Kind.NIL}

FUNCTIONS: Final = (
    Function("len", (_SIZED,), gives(INT), _length),
    Function("first", (LISTS,), _element_or_nil, _first),
    Function("last", (LISTS,), _element_or_nil, _last),
    Function("take", (LISTS, WHOLE), _same_list, _take),
    Function("reverse", (LISTS,), _same_list, _reverse),
    Function("uniq", (LISTS,), _same_list, _unique),
    Function("concat", (LISTS,), _joined_list, _concatenate, has_rest=True),
    Function("flatten", (LISTS,), gives(LIST), _flatten),
    Function("sort", (LISTS, TEXT), _same_list, _sort, 1),
    Function("keys", (MAPS,), gives(LIST), _keys),
    Function("values", (MAPS,), _value_list, _values),
    Function("toPairs", (MAPS,), gives(ListOf(LIST)), _to_pairs),
    Function("fromPairs", (LISTS,), gives(MAP), _from_pairs),
    Function("get", (_HOLDERS, ANYTHING), gives(ANY), _get),
    Function("isNil", (ANYTHING,), gives(BOOL), _is_nil),
    Function("default", (ANYTHING, ANYTHING), _type_of_default, _default),
    Function("type", (ANYTHING,), gives(STRING), lambda _run, value: kind_of(value).value),
)

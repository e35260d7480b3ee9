"""Checks that rules of several kinds share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rollouts.emulator.errors import Cause, duplicate, invalid, required
from rollouts.emulator.metadata import label_causes
from rollouts.emulator.names import label_value_problems, qualified_name_problems
from rollouts.emulator.patches import equal

if TYPE_CHECKING:
    from rollouts.emulator.resources import Manifest

PORT_MAX = 65_535
IMMUTABLE = "field is immutable"
_PERCENT = re.compile(r"[0-9]+%")
_PORT_NAME_MAX = 15
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def is_unchanged(manifest: Manifest, old: Manifest | None, key: str = "spec") -> bool:
    """Tell whether a part is the very object that was checked before."""
    return old is not None and manifest.get(key) is old.get(key)


def not_negative(path: str, value: Any) -> list[Cause]:
    """Return a cause when a number is below zero."""
    if value is None or value >= 0:
        return []
    return [invalid(path, value, "must be greater than or equal to 0")]


def above_zero(path: str, value: Any) -> list[Cause]:
    """Return a cause when a number is not above zero."""
    if value is None or value > 0:
        return []
    return [invalid(path, value, "must be greater than 0")]


def port_number(path: str, value: Any) -> list[Cause]:
    """Return a cause when a number is no port."""
    if 1 <= value <= PORT_MAX:
        return []
    return [invalid(path, value, f"must be between 1 and {PORT_MAX}, inclusive")]


def port_name(path: str, value: str) -> list[Cause]:
    """Return everything wrong with the name of a port (an IANA service name)."""
    causes = []
    if len(value) > _PORT_NAME_MAX:
        causes.append(invalid(path, value, f"must be no more than {_PORT_NAME_MAX} characters"))
    if not re.fullmatch(r"[-a-z0-9]+", value):
        detail = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
        causes.append(invalid(path, value, detail))
    if not re.search(r"[a-z]", value):
        detail = "must contain at least one letter (a-z)"
        causes.append(invalid(path, value, detail))
    if "--" in value:
        causes.append(invalid(path, value, "must not contain consecutive hyphens"))
    if value.startswith("-") or value.endswith("-"):
        causes.append(invalid(path, value, "must not begin or end with a hyphen"))
    return causes


def port_number_or_name(path: str, value: Any) -> list[Cause]:
    """Return everything wrong with a port given by number or by name."""
    return port_name(path, value) if isinstance(value, str) else port_number(path, value)


def count_or_percent(path: str, value: Any) -> list[Cause]:
    """Return everything wrong with a number that may be a percentage."""
    if isinstance(value, int):
        return not_negative(path, value)
    if _PERCENT.fullmatch(value):
        return []
    detail = (
        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  "
        "or '93%', regex used for validation is '[0-9]+%')"
    )
    return [invalid(path, value, detail)]


def amount(value: Any) -> int:
    """Return the number in a count or percentage, whatever its unit."""
    if isinstance(value, int):
        return value
    return int(value[:-1]) if _PERCENT.fullmatch(value or "") else 0


def immutable(path: str, new: Any, old: Any) -> list[Cause]:
    """Return a cause when a value changed that never may."""
    return [] if equal(new, old) else [invalid(path, new, IMMUTABLE)]


def unique_names(path: str, items: list[Any], key: str = "name") -> list[Cause]:
    """Return a cause for each item whose name another one before it has."""
    seen: dict[Any, None] = {}
    causes = []
    for position, item in enumerate(items):
        name = item.get(key)
        if name and name in seen:
            causes.append(duplicate(f"{path}[{position}].{key}", name))
        seen[name] = None
    return causes


def label_selector(path: str, selector: dict[str, Any]) -> list[Cause]:
    """Return everything wrong with a structured label selector."""
    causes = label_causes(selector.get("matchLabels") or {}, f"{path}.matchLabels")
    for position, each in enumerate(selector.get("matchExpressions") or ()):
        here = f"{path}.matchExpressions[{position}]"
        operator, values = each.get("operator"), each.get("values") or []
        if operator not in _OPERATORS:
            causes.append(invalid(f"{here}.operator", operator, "not a valid selector operator"))
        elif operator in ("In", "NotIn") and not values:
            detail = "must be specified when `operator` is 'In' or 'NotIn'"
            causes.append(required(f"{here}.values", detail))
        elif operator in ("Exists", "DoesNotExist") and values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            causes.append(Cause("FieldValueForbidden", f"{here}.values", f"Forbidden: {detail}"))
        key = each.get("key", "")
        causes += [invalid(f"{here}.key", key, each) for each in qualified_name_problems(key)]
        causes += [
            invalid(f"{here}.values[{at}]", value, problem)
            for at, value in enumerate(values)
            for problem in label_value_problems(value)
        ]
    return causes

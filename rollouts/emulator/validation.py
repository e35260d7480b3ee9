"""Validation of custom resources against their structural schema, in the server's own words."""

from __future__ import annotations

import json
import math
import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from rollouts.emulator.errors import (
    Cause,
    duplicate,
    required,
    show_value,
    too_long,
    too_many,
    unsupported,
    wrong_type,
)
from rollouts.emulator.patches import equal
from rollouts.emulator.schema import INT_OR_STRING, Rule

if TYPE_CHECKING:
    from collections.abc import Callable

_INT64_MAX = 2**63 - 1
_DURATION = re.compile(
    r"[+-]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)((\d+(\.\d*)?)(ns|us|µs|ms|s|m|h))*|0"
)


def check_value(rule: Rule, value: Any, known: Any, path: str) -> list[Cause]:
    """Return everything wrong with a value.

    Parts that are the same object in `known` are not looked at again: they were valid when they
    came in, and after a change of schema the server lets unchanged values pass as well.
    """
    if value is known and known is not None:
        return []
    if value is None:
        if rule.nullable or not rule.type or rule.preserves:
            return []
        return [_bad_type(rule, "null", path)]
    found = _type_of(value)
    if not _is_type(rule, found):
        return [_bad_type(rule, found, path), *_check_enum(rule, value, path)]
    causes = _check_enum(rule, value, path)
    if found == "object":
        causes += _check_object(rule, value, known, path)
    elif found == "array":
        causes += _check_array(rule, value, known, path)
    elif found == "string":
        causes += _check_string(rule, value, path)
    elif found in ("integer", "number"):
        causes += _check_number(rule, value, path)
    if rule.all_of or rule.any_of or rule.one_of or rule.negated is not None:
        causes += _check_combinations(rule, value, path)
    return causes


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer" if abs(value) <= _INT64_MAX else "number"
    if isinstance(value, float):
        return "integer" if value.is_integer() and abs(value) <= _INT64_MAX else "number"
    if isinstance(value, str):
        return "string"
    return {"dict": "object", "list": "array"}.get(type(value).__name__, "null")


def _is_type(rule: Rule, found: str) -> bool:
    if rule.type == INT_OR_STRING:
        return found in ("integer", "string")
    if rule.type == "number":
        return found in ("integer", "number")
    return not rule.type or rule.type == found


def _bad_type(rule: Rule, found: str, path: str) -> Cause:
    wanted = "integer,string" if rule.type == INT_OR_STRING else rule.type
    where = _in_body(path)
    return wrong_type(path, found, f'{where} must be of type {wanted}: "{found}"')


def _in_body(path: str) -> str:
    return f"{path} in body" if path else "in body"


def _broken(path: str, value: Any, detail: str) -> Cause:
    message = f"Invalid value: {show_value(value)}: {_in_body(path)} {detail}"
    return Cause("FieldValueInvalid", path, message)


def _check_enum(rule: Rule, value: Any, path: str) -> list[Cause]:
    allowed = rule.checks.get("enum")
    if not allowed or any(equal(value, each) for each in allowed):
        return []
    shown = [each if isinstance(each, str) else json.dumps(each) for each in allowed]
    return [unsupported(path, value, shown)]


def _check_object(rule: Rule, value: dict[str, Any], known: Any, path: str) -> list[Cause]:
    checks = rule.checks
    earlier = known if isinstance(known, dict) else {}
    causes = [
        required(f"{path}.{name}" if path else name)
        for name in checks.get("required") or ()
        if name not in value
    ]
    for key, item in value.items():
        inner = rule.fields.get(key, rule.values)
        if inner is not None and not (item is earlier.get(key) and item is not None):
            causes += check_value(inner, item, earlier.get(key), f"{path}.{key}" if path else key)
    if rule.embedded:
        causes += [
            required(f"{path}.{name}", "must not be empty")
            for name in ("apiVersion", "kind")
            if not value.get(name)
        ]
    low, high = checks.get("minProperties"), checks.get("maxProperties")
    if low is not None and len(value) < low:
        causes.append(_broken(path, value, f"should have at least {low} properties"))
    if high is not None and len(value) > high:
        causes.append(too_many(path, len(value), high))
    return causes


def _check_array(rule: Rule, value: list[Any], known: Any, path: str) -> list[Cause]:
    checks = rule.checks
    earlier = known if isinstance(known, list) else []
    causes: list[Cause] = []
    if rule.items is not None:
        for position, item in enumerate(value):
            before = earlier[position] if position < len(earlier) else None
            causes += check_value(rule.items, item, before, f"{path}[{position}]")
    low, high = checks.get("minItems"), checks.get("maxItems")
    if low is not None and len(value) < low:
        causes.append(_broken(path, len(value), f"should have at least {low} items"))
    if high is not None and len(value) > high:
        causes.append(too_many(path, len(value), high))
    return causes + _check_unique(rule, value, path)


def _check_unique(rule: Rule, value: list[Any], path: str) -> list[Cause]:
    kind = rule.checks.get("x-kubernetes-list-type")
    if kind not in ("set", "map"):
        return []
    seen: dict[str, None] = {}
    causes = []
    for position, item in enumerate(value):
        identity = item
        if kind == "map":
            if not isinstance(item, dict):
                continue
            keys = rule.checks.get("x-kubernetes-list-map-keys") or ()
            identity = {key: item[key] for key in keys if key in item}
        text = json.dumps(identity, sort_keys=True)
        if text in seen:
            causes.append(duplicate(f"{path}[{position}]", identity))
        seen[text] = None
    return causes


def _check_string(rule: Rule, value: str, path: str) -> list[Cause]:
    checks = rule.checks
    causes = []
    low, high = checks.get("minLength"), checks.get("maxLength")
    # The first of these that is broken is the only one that is told.
    if high is not None and len(value) > high:
        causes.append(too_long(path, high))
    elif low is not None and len(value) < low:
        causes.append(_broken(path, value, f"should be at least {low} chars long"))
    elif rule.pattern is not None and not rule.pattern.search(value):
        causes.append(_broken(path, value, f"should match '{rule.pattern.pattern}'"))
    check = _FORMATS.get(checks.get("format", ""))
    if check is not None and not check(value):
        wanted = checks["format"]
        detail = f'{_in_body(path)} must be of type {wanted}: "{value}"'
        causes.append(wrong_type(path, value, detail))
    return causes


def _check_number(rule: Rule, value: float, path: str) -> list[Cause]:
    checks = rule.checks
    causes = []
    low, high = checks.get("minimum"), checks.get("maximum")
    if low is not None and (value <= low if checks.get("exclusiveMinimum") else value < low):
        bound = "greater than" if checks.get("exclusiveMinimum") else "greater than or equal to"
        causes.append(_broken(path, value, f"should be {bound} {low:g}"))
    if high is not None and (value >= high if checks.get("exclusiveMaximum") else value > high):
        bound = "less than" if checks.get("exclusiveMaximum") else "less than or equal to"
        causes.append(_broken(path, value, f"should be {bound} {high:g}"))
    step = checks.get("multipleOf")
    if step and not math.isclose(value / step, round(value / step), abs_tol=1e-9):
        causes.append(_broken(path, value, f"should be a multiple of {step:g}"))
    return causes


def _check_combinations(rule: Rule, value: Any, path: str) -> list[Cause]:
    causes: list[Cause] = []
    for each in rule.all_of:
        causes += check_value(each, value, None, path)
    if rule.any_of and not any(_fits(each, value) for each in rule.any_of):
        causes.append(_unmet(path, "must validate at least one schema (anyOf)"))
    if rule.one_of:
        count = sum(_fits(each, value) for each in rule.one_of)
        if count != 1:
            found = "Found none valid" if count == 0 else f"Found {count} valid alternatives"
            detail = f"must validate one and only one schema (oneOf). {found}"
            causes.append(_unmet(path, detail))
    if rule.negated is not None and _fits(rule.negated, value):
        causes.append(_unmet(path, "must not validate the schema (not)"))
    return causes


def _unmet(path: str, detail: str) -> Cause:
    return Cause("FieldValueInvalid", path, f'Invalid value: "": "{path}" {detail}')


def _fits(rule: Rule, value: Any) -> bool:
    return not check_value(rule, value, None, "")


def _is_date_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


_FORMATS: dict[str, Callable[[str], bool]] = {
    "date-time": _is_date_time,
    "date": _is_date,
    "duration": lambda text: _DURATION.fullmatch(text) is not None,
    "uuid": lambda text: (
        re.fullmatch(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text) is not None
    ),
    "ipv4": lambda text: re.fullmatch(r"(\d{1,3}\.){3}\d{1,3}", text) is not None,
}

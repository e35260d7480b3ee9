"""Structural schemas of custom resources, compiled for pruning, defaulting and merging."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from rollouts.emulator.nodes import ANY, DEDUCED, LIST, MAP, STRUCT, Field, Node
from rollouts.emulator.wire import wire_type

INT_OR_STRING = "int-or-string"


@dataclass(slots=True, eq=False)
class Rule:
    """One level of a structural schema.

    `fields` are the declared properties and `defaulted` those with a default, `values` the schema
    of any other (None prunes them, unless `preserves`), `items` that of list items. `embedded`
    says the value is itself an object with metadata. `checks` is the schema as written.
    """

    type: str
    checks: dict[str, Any]
    fields: dict[str, Rule]
    values: Rule | None = None
    items: Rule | None = None
    preserves: bool = False
    embedded: bool = False
    nullable: bool = False
    pattern: re.Pattern[str] | None = None
    all_of: tuple[Rule, ...] = ()
    any_of: tuple[Rule, ...] = ()
    one_of: tuple[Rule, ...] = ()
    negated: Rule | None = None
    has_default: bool = field(init=False)
    defaulted: tuple[tuple[str, Rule], ...] = field(init=False)

    def __post_init__(self) -> None:
        self.has_default = "default" in self.checks
        # Most fields have no default: the few are looked through for every object.
        self.defaulted = tuple(each for each in self.fields.items() if each[1].has_default)


def compile_schema(schema: dict[str, Any]) -> Rule:
    """Compile an OpenAPI v3 schema of a CRD version."""
    values = schema.get("additionalProperties")
    pattern = schema.get("pattern")
    int_or_string = bool(schema.get("x-kubernetes-int-or-string"))
    return Rule(
        INT_OR_STRING if int_or_string else schema.get("type", ""),
        schema,
        {name: compile_schema(each) for name, each in (schema.get("properties") or {}).items()},
        _compile_values(values),
        compile_schema(schema["items"]) if isinstance(schema.get("items"), dict) else None,
        bool(schema.get("x-kubernetes-preserve-unknown-fields")),
        bool(schema.get("x-kubernetes-embedded-resource")),
        bool(schema.get("nullable")),
        re.compile(pattern) if pattern else None,
        tuple(compile_schema(each) for each in schema.get("allOf") or ()),
        # Beside int-or-string these only repeat what it says.
        () if int_or_string else tuple(compile_schema(each) for each in schema.get("anyOf") or ()),
        () if int_or_string else tuple(compile_schema(each) for each in schema.get("oneOf") or ()),
        compile_schema(schema["not"]) if "not" in schema else None,
    )


def _compile_values(values: Any) -> Rule | None:
    if isinstance(values, dict):
        return compile_schema(values)
    if values is True:
        return Rule("", {}, {}, preserves=True)
    return None


def merge_node(rule: Rule) -> Node:
    """Return what apply needs to know of a schema: list types, keys, atomic parts."""
    checks = rule.checks
    if rule.type == "object" or rule.fields:
        atomic = checks.get("x-kubernetes-map-type") == "atomic"
        node = Node(STRUCT if rule.fields else MAP, atomic=atomic)
        for name, inner in rule.fields.items():
            node.fields[name] = Field(name, merge_node(inner), default=inner.checks.get("default"))
        if rule.values is not None:
            node.item = merge_node(rule.values)
        elif rule.preserves or rule.embedded or not rule.fields:
            node.item = DEDUCED
        if rule.embedded:
            node.fields.setdefault("metadata", Field("metadata", wire_type("ObjectMeta")))
        return node
    if rule.type == "array":
        return _list_node(rule)
    return Node(ANY if rule.preserves or not rule.type else rule.type)


def _list_node(rule: Rule) -> Node:
    kind = rule.checks.get("x-kubernetes-list-type", "atomic")
    item = merge_node(rule.items) if rule.items is not None else DEDUCED
    if kind == "map":
        return Node(
            LIST, item=item, keys=tuple(rule.checks.get("x-kubernetes-list-map-keys") or ())
        )
    return Node(LIST, item=item, is_set=kind == "set", atomic=kind == "atomic")


def settle(rule: Rule, value: Any, known: Any, path: str, *, dropped: list[str]) -> Any:
    """Return a value pruned and defaulted; parts that are the same object in `known` are kept.

    Args:
        dropped: collects the paths of pruned fields.
    """
    if value is known and known is not None:
        return value
    if isinstance(value, dict) and (rule.type in ("object", "") or rule.fields):
        return _settle_object(rule, value, known, path, dropped=dropped)
    if isinstance(value, list) and rule.items is not None:
        earlier = known if isinstance(known, list) else []
        made = [
            settle(
                rule.items,
                item,
                earlier[position] if position < len(earlier) else None,
                f"{path}[{position}]",
                dropped=dropped,
            )
            for position, item in enumerate(value)
        ]
        return value if all(new is old for new, old in zip(made, value, strict=True)) else made
    return value


def _settle_object(
    rule: Rule, value: dict[str, Any], known: Any, path: str, *, dropped: list[str]
) -> dict[str, Any]:
    earlier = known if isinstance(known, dict) else {}
    made: dict[str, Any] = {}
    for key, item in value.items():
        if item is not None and item is earlier.get(key):
            made[key] = item
            continue
        here = f"{path}.{key}" if path else key
        if rule.embedded and key in ("apiVersion", "kind", "metadata"):
            made[key] = item
            continue
        inner = rule.fields.get(key, rule.values)
        if inner is None:
            if rule.preserves:
                made[key] = item
            else:
                dropped.append(here)
        elif item is not None or inner.nullable or not (inner.type or inner.has_default):
            made[key] = settle(inner, item, earlier.get(key), here, dropped=dropped)
    for key, inner in rule.defaulted:
        if key not in made:
            made[key] = settle(inner, inner.checks["default"], None, key, dropped=[])
    if len(made) == len(value) and all(value.get(key) is item for key, item in made.items()):
        return value
    return made

"""Label and field selectors: their text form, parsed once, matched often."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rollouts.emulator.errors import bad_request
from rollouts.emulator.names import qualified_name_problems

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollouts.emulator.resources import Manifest, ResourceType

_TOKEN = re.compile(r"\s*(?:(==|!=|=|!|\(|\)|,|>|<)|([^\s=!(),<>]+))")
_CACHED_SELECTORS = 4096  # A controller uses a few per object; beyond that re-parsing is cheap.

_POD_FIELDS = (
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
)
_EVENT_FIELDS = (
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
)
_FIELDS: dict[str, tuple[str, ...]] = {
    "pods": _POD_FIELDS,
    "events": _EVENT_FIELDS,
    "secrets": ("type",),
    "namespaces": ("name", "status.phase"),
    "nodes": ("spec.unschedulable",),
    "services": ("spec.clusterIP", "spec.type"),
    "replicationcontrollers": ("status.replicas",),
    "jobs.batch": ("status.successful",),
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label. `operator` is one of = != in notin exists !exists gt lt."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether the condition holds; an absent label satisfies the negative ones."""
        value = labels.get(self.key)
        match self.operator:
            case "=" | "in":
                return value is not None and value in self.values
            case "!=" | "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "!exists":
                return value is None
            case _:
                return self._compares(value)

    def _compares(self, value: str | None) -> bool:
        if value is None or not re.fullmatch(r"[+-]?\d+", value):
            return False
        limit = int(self.values[0])
        return int(value) > limit if self.operator == "gt" else int(value) < limit


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """A conjunction of requirements; without any it selects everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        """Tell whether an object with these labels is selected."""
        known = labels or {}
        return all(requirement.matches(known) for requirement in self.requirements)

    def exact(self) -> tuple[tuple[str, str], ...]:
        """Return the pairs every selected object must carry; they can be looked up in an index."""
        return tuple(
            (requirement.key, requirement.values[0])
            for requirement in self.requirements
            if requirement.operator in ("=", "in") and len(requirement.values) == 1
        )


class _Reader:
    """Reads requirements from tokens; every complaint names the text as a whole."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        position = 0
        while position < len(text.rstrip()):
            found = _TOKEN.match(text, position)
            if found is None:
                raise bad_request(f"unable to parse requirement: cannot read {text!r}")
            self.tokens.append(found.group(1) or found.group(2))
            position = found.end()
        self.position = 0

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if (expected and token != expected) or (not expected and token in ("", "(", ")", ",")):
            if expected == ",":
                raise bad_request(f"found '{token}', expected: ',' or 'end of string'")
            wanted = f"'{expected}'" if expected else "identifier"
            comma = "" if expected else ","
            raise bad_request(
                f"unable to parse requirement: found '{token}'{comma} expected: {wanted}"
            )
        self.position += 1
        return token

    def key(self) -> str:
        key = self.take()
        for problem in qualified_name_problems(key):
            detail = f'Invalid value: "{key}": {problem}'
            raise bad_request(f"unable to parse requirement: <nil>: {detail}")
        return key

    def requirement(self) -> Requirement:
        if self.peek() == "!":
            self.take()
            return Requirement(self.key(), "!exists")
        key = self.key()
        operator = self.peek()
        if operator in ("", ","):
            return Requirement(key, "exists")
        self.take()
        if operator in ("=", "==", "!="):
            value = self.take() if self.peek() not in ("", ",") else ""
            return Requirement(key, "!=" if operator == "!=" else "=", (value,))
        if operator in ("in", "notin"):
            return Requirement(key, operator, self.values())
        if operator in ("<", ">"):
            return self.comparison(key, operator)
        raise bad_request(
            f"unable to parse requirement: found '{operator}', "
            "expected: in, notin, =, ==, !=, gt, lt"
        )

    def comparison(self, key: str, operator: str) -> Requirement:
        value = self.take()
        if not re.fullmatch(r"[+-]?\d+", value):
            raise bad_request(
                f"unable to parse requirement: values[0]: Invalid value: "
                f"\"{value}\": for 'Gt', 'Lt' operators, the value must be an integer"
            )
        return Requirement(key, "gt" if operator == ">" else "lt", (value,))

    def values(self) -> tuple[str, ...]:
        self.take("(")
        found: list[str] = []
        while self.peek() != ")":
            if self.peek() == ",":
                found.append("")
            else:
                found.append(self.take())
            if self.peek() == ",":
                self.take(",")
                if self.peek() == ")":
                    found.append("")
        self.take(")")
        return tuple(sorted(found))


@lru_cache(maxsize=_CACHED_SELECTORS)
def parse_label_selector(text: str) -> LabelSelector:
    """Read `a=b,c!=d,e in (f,g),h,!i`.

    Raises:
        ApiError: 400, the text is not a selector.
    """
    reader = _Reader(text)
    requirements: list[Requirement] = []
    while reader.peek():
        requirements.append(reader.requirement())
        if reader.peek():
            reader.take(",")
    return LabelSelector(tuple(requirements))


_EXPRESSION_OPERATORS = {
    "In": "in",
    "NotIn": "notin",
    "Exists": "exists",
    "DoesNotExist": "!exists",
}


def read_label_selector(selector: Mapping[str, Any] | None) -> LabelSelector | None:
    """Read the structured form (`matchLabels`, `matchExpressions`); None selects nothing."""
    if selector is None:
        return None
    requirements = [
        Requirement(key, "=", (str(value),))
        for key, value in sorted((selector.get("matchLabels") or {}).items())
    ]
    requirements += [
        Requirement(
            each["key"],
            _EXPRESSION_OPERATORS.get(each["operator"], "in"),
            tuple(sorted(each.get("values") or ())),
        )
        for each in selector.get("matchExpressions") or ()
    ]
    return LabelSelector(tuple(requirements))


def format_label_selector(selector: LabelSelector) -> str:
    """Return the text form, as `status.selector` of a Scale shows it."""
    return ",".join(_format_requirement(each) for each in selector.requirements)


def _format_requirement(requirement: Requirement) -> str:
    match requirement.operator:
        case "=" | "!=":
            return f"{requirement.key}{requirement.operator}{requirement.values[0]}"
        case "exists":
            return requirement.key
        case "!exists":
            return f"!{requirement.key}"
        case "gt" | "lt":
            sign = ">" if requirement.operator == "gt" else "<"
            return f"{requirement.key}{sign}{requirement.values[0]}"
        case _:
            return f"{requirement.key} {requirement.operator} ({','.join(requirement.values)})"


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """Equalities and inequalities on the few fields a type supports: (path, equal, value)."""

    terms: tuple[tuple[tuple[str, ...], bool, str], ...] = ()

    def matches(self, manifest: Manifest) -> bool:
        """Tell whether every term holds; an absent field reads as the empty string."""
        return all(
            (_read_field(manifest, path) == value) is equal for path, equal, value in self.terms
        )

    def exact_name(self) -> str | None:
        """Return the name a selected object must have, or None."""
        for path, equal, value in self.terms:
            if equal and path == ("metadata", "name"):
                return value
        return None


def _read_field(manifest: Manifest, path: tuple[str, ...]) -> str:
    if path == ("name",):
        path = ("metadata", "name")
    elif path == ("source",):
        component = (manifest.get("source") or {}).get("component")
        return str(component or manifest.get("reportingComponent") or "")
    value: Any = manifest
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "false" if path[-1] in ("hostNetwork", "unschedulable") else ""
    return str(value)


def parse_field_selector(rt: ResourceType, text: str) -> FieldSelector:
    """Read `metadata.name=web,status.phase!=Running` for a type.

    Raises:
        ApiError: 400, the text cannot be read or the type does not support a field.
    """
    if not text:
        return FieldSelector()
    terms = []
    for term in text.split(","):
        if not term:
            continue
        found = re.fullmatch(r"([^=!]+?)(==|=|!=)(.*)", term)
        if found is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        label, operator, value = found.groups()
        _check_supported(rt, label)
        value = re.sub(r"\\(.)", r"\1", value)
        terms.append((tuple(label.split(".")), operator != "!=", value))
    return FieldSelector(tuple(terms))


def _check_supported(rt: ResourceType, label: str) -> None:
    if label == "metadata.name" or (label == "metadata.namespace" and rt.namespaced):
        return
    if label in _FIELDS.get(rt.stored_as, ()) or label in rt.selectable_fields:
        return
    if rt.custom or rt.stored_as in _FIELDS:
        raise bad_request(f"field label not supported: {label}")
    raise bad_request(
        f'"{label}" is not a known field selector: only "metadata.name", "metadata.namespace"'
    )

"""What is wrong with arguments of an analysis, wherever they are listed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

from rollouts.api.analysis_refs import POD_TEMPLATE_HASH_VALUES
from rollouts.api.names import is_subdomain
from rollouts.api.placeholders import is_argument_name
from rollouts.api.problems import Finding
from rollouts.api.spot import Spot

SOURCES: tuple[str, ...] = ("secretKeyRef", "podTemplateHashValue", "fieldRef")
"""Where the value of an argument can come from, by the wire name."""

FIELD_PATH_MAX = 1024
"""Longest path of a field: several times what a manifest has room for."""

FieldPathParts: TypeAlias = tuple[str | int, ...]

_PATH_PART = re.compile(
    r"\.?(?P<name>[A-Za-z0-9_$-]+)|\[(?P<index>\d{1,6})\]|\['(?P<single>[^']+)'\]"
    r'|\["(?P<double>[^"]+)"\]'
)
_SECRET_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")


def argument_findings(args: Spot, *, value_needed: bool) -> Iterator[Finding]:
    """Yield what is wrong with a list of arguments.

    Args:
        value_needed: each must say its value, as where a template is used; in a template one
            without a value is to be given by whoever uses it.
    """
    names: list[str] = []
    for argument in args.each():
        if not isinstance(argument.value, dict):
            continue
        name = argument.at("name")
        if isinstance(name.value, str) and not is_argument_name(name.text):
            yield name.wrong(
                "is no name of an argument; use letters, digits, '-', '_' and '.', "
                "beginning and ending with a letter or digit"
            )
        elif name.text in names:
            yield name.wrong("names two arguments; keep one")
        names.append(name.text)
        yield from _value_findings(argument, value_needed=value_needed)


def _value_findings(argument: Spot, *, value_needed: bool) -> Iterator[Finding]:
    """Yield what is wrong with where the value of an argument comes from."""
    value, source = argument.at("value"), argument.at("valueFrom")
    given = [name for name in SOURCES if source.at(name).given and source.at(name).value != ""]
    if value.given and source.given:
        yield source.wrong("use either value or valueFrom, not both")
    if isinstance(source.value, dict) and len(given) != 1:
        found = f", not {' and '.join(given)}" if given else ""
        yield source.wrong(f"must have exactly one of {', '.join(SOURCES)}{found}")
    if value_needed and not value.given and not source.given:
        yield value.missing('is required; write its value, or "" for an empty one')
    secret = source.at("secretKeyRef")
    if isinstance(secret.at("name").value, str) and not is_subdomain(secret.at("name").text):
        yield secret.at("name").wrong("is no name of a Secret")
    key = secret.at("key")
    if isinstance(key.value, str) and not _SECRET_KEY.fullmatch(key.text):
        yield key.wrong("is no key of a Secret")
    pod_hash = source.at("podTemplateHashValue")
    if pod_hash.text and pod_hash.text not in POD_TEMPLATE_HASH_VALUES:
        yield pod_hash.wrong(f"must be {' or '.join(POD_TEMPLATE_HASH_VALUES)}")
    path = source.at("fieldRef", "fieldPath")
    if isinstance(path.value, str) and parse_field_path(path.text) is None:
        yield path.wrong("is no path of a field; write one such as metadata.labels['team']")


def parse_field_path(text: str) -> FieldPathParts | None:
    """Return the parts of `metadata.labels['team']` or `spec.ports[0]`; None when it is none."""
    if not text or len(text) > FIELD_PATH_MAX or text.startswith("."):
        return None
    parts: list[str | int] = []
    end = 0
    for match in _PATH_PART.finditer(text):
        if match.start() != end or (end and match["name"] and text[end] != "."):
            return None
        end = match.end()
        named = match["name"] or match["single"] or match["double"]
        parts.append(named if named is not None else int(match["index"]))
    if end != len(text) or not isinstance(parts[0], str):
        return None
    return tuple(parts)


def field_at(manifest: Any, parts: FieldPathParts) -> str | None:
    """Return a plain field of an object as text; None when it is not there or is no plain value.

    Numbers and booleans are written as in JSON.
    """
    here = manifest
    for part in parts:
        if isinstance(here, dict) and isinstance(part, str):
            here = here.get(part)
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
        else:
            return None
    match here:
        case str():
            return here
        case bool():
            return "true" if here else "false"
        case int():
            return str(here)
        case float():
            return repr(here)
        case _:
            return None

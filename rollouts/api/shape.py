"""Findings about shape: what a model's types say of a manifest, in words for people."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, TypeVar, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rollouts.api.base import Model
from rollouts.api.problems import Finding, Path
from rollouts.api.refs import Manifest

AnyModel = TypeVar("AnyModel", bound=Model)

_HINTED_LENGTH_MAX = 64  # Comparing names is quadratic in their length.

_WORDS = {
    "missing": "is required",
    "int_type": "must be a whole number, written without quotes and without a fraction",
    "int_from_float": "must be a whole number, written without a fraction",
    "int_parsing": "must be a whole number, written without quotes",
    "string_type": "must be text; put it in quotes",
    "bool_type": "must be true or false, written without quotes",
    "tuple_type": "must be a list",
    "dict_type": "must be a map of keys and values",
    "model_type": "must be a map of keys and values",
    "model_attributes_type": "must be a map of keys and values",
    "greater_than_equal": "is too small for a whole number of 32 bits",
    "less_than_equal": "is too large for a whole number of 32 bits",
    "invalid_key": "must have text for its keys; put them in quotes",
}


def shape_findings(model: type[Model], manifest: Manifest) -> list[Finding]:
    """Return all that is of the wrong type or missing, in no particular order."""
    try:
        model.model_validate(manifest)
    except ValidationError as error:
        return [_finding(each) for each in error.errors(include_url=False)]
    return []


def _finding(error: ErrorDetails) -> Finding:
    """Return one of pydantic's errors as a finding."""
    path = tuple(part for part in error["loc"] if part != "[key]")
    message = _WORDS.get(error["type"], error["msg"])
    value = None if error["type"] == "missing" else error["input"]
    return Finding(path, message, value)


def unknown_findings(model: type[Model], content: Any, path: Path = ()) -> Iterator[Finding]:
    """Yield the fields of a manifest that the model does not know, with the nearest known name.

    Maps with free keys (labels, the pod template) have no unknown fields.
    """
    if not isinstance(content, dict):
        return
    known = _fields(model)
    for key, value in content.items():
        here = (*path, key)
        if key not in known:
            yield Finding(here, f"is no known field and has no effect{hint(key, known)}", value)
            continue
        below = known[key]
        if below is None:
            continue
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from unknown_findings(below, item, (*here, index))
        else:
            yield from unknown_findings(below, value, here)


def hint(key: object, known: Iterable[str]) -> str:
    """Return `; did you mean …?` with the known name nearest to a key; empty when none is near."""
    if not isinstance(key, str) or len(key) > _HINTED_LENGTH_MAX:
        return ""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(key.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[near[0]]}?" if near else ""


@cache
def _fields(model: type[Model]) -> dict[str, type[Model] | None]:
    """Return the wire names of a model's fields, with the model of what stands in each."""
    return {
        field.alias or name: _model_in(field.annotation)
        for name, field in model.model_fields.items()
    }


def _model_in(annotation: Any) -> type[Model] | None:
    """Return the model in `M`, `M | None` or a list of `M`; None for a map or a plain type."""
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, Model) else None
    if getattr(annotation, "__origin__", None) is dict:
        return None
    found = (_model_in(argument) for argument in get_args(annotation))
    return next((model for model in found if model), None)

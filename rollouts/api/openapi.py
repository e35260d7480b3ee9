"""From a model to the structural OpenAPI schema of its kind, as a CRD wants it.

Types, descriptions and required fields, and what `admission` adds: rules that need judgement are
`checks`, which say all problems at once and in better words than a schema can.
Every object keeps fields that the model does not know, so that manifests written for a newer
version lose nothing by passing through ours.
"""

from __future__ import annotations

from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import orjson
from pydantic.fields import FieldInfo

from rollouts.api.admission import field_rules, object_rules
from rollouts.api.base import (
    DURATION_PATTERN,
    OPAQUE,
    Bool,
    Duration,
    Int32,
    Int64,
    IntOrString,
    Model,
    Time,
)
from rollouts.api.refs import Manifest

_KEEPS_UNKNOWN = {"x-kubernetes-preserve-unknown-fields": True}

_SCALARS: tuple[tuple[Any, Manifest], ...] = (
    (Int32, {"type": "integer", "format": "int32"}),
    (Int64, {"type": "integer", "format": "int64"}),
    (Bool, {"type": "boolean"}),
    (IntOrString, {"x-kubernetes-int-or-string": True}),
    (Duration, {"type": "string", "pattern": DURATION_PATTERN}),
    (Time, {"type": "string", "format": "date-time"}),
    (str, {"type": "string"}),
    (Any, _KEEPS_UNKNOWN),
)

_SERVER_FIELDS = ("apiVersion", "kind", "metadata")


def kind_schema(model: type[Model]) -> Manifest:
    """Return the schema of a whole kind, which is the caller's to change."""
    schema: Manifest = orjson.loads(_kind_schema_text(model))
    return schema


@cache
def _kind_schema_text(model: type[Model]) -> bytes:
    """Return the schema as JSON: to read it is thirty times cheaper than to derive it anew."""
    return orjson.dumps(_kind_schema(model))


def _kind_schema(model: type[Model]) -> Manifest:
    schema = _object_schema(model)
    head = {
        "apiVersion": {"type": "string", "description": "Group and version of this object."},
        "kind": {"type": "string", "description": "Kind of this object."},
        "metadata": {"type": "object"},  # The API server knows the rest, and checks it.
    }
    rest = {
        name: field for name, field in schema["properties"].items() if name not in _SERVER_FIELDS
    }
    return {
        "type": "object",
        "description": schema["description"],
        "properties": head | rest,
        "required": schema["required"],
    } | object_rules(model)


def _object_schema(model: type[Model]) -> Manifest:
    """Return the schema of a model; it keeps fields that the model does not know."""
    hints = get_type_hints(model, include_extras=True)
    properties: Manifest = {}
    required: list[str] = []
    for name, field in model.model_fields.items():
        wire_name = field.alias or name
        properties[wire_name] = _field_schema(hints[name], field) | field_rules(model, wire_name)
        if field.is_required():
            required.append(wire_name)
    schema: Manifest = {
        "type": "object",
        "description": (model.__doc__ or "").partition("\n")[0],
        "properties": properties,
    }
    if required:
        schema["required"] = required
    return schema | _KEEPS_UNKNOWN | object_rules(model)


def _field_schema(hint: Any, field: FieldInfo) -> Manifest:
    """Return the schema of one field, described by the field itself."""
    assert field.description, f"a field without description: {hint}"
    schema = _schema(hint)
    # What the field is for says more than what its type is.
    described = {"description": field.description} | {
        key: value for key, value in schema.items() if key != "description"
    }
    extra = field.json_schema_extra
    if extra == OPAQUE:
        return _without_parts(described)
    return described | extra if isinstance(extra, dict) else described


def _without_parts(schema: Manifest) -> Manifest:
    """Return the schema of an object, or of a list of objects, without saying what is in them."""
    if "items" in schema:
        return schema | {"items": _without_parts(schema["items"])}
    kept = {key: value for key, value in schema.items() if key not in ("properties", "required")}
    return kept | _KEEPS_UNKNOWN


def _schema(hint: Any) -> Manifest:
    """Return the schema of a type."""
    for scalar, schema in _SCALARS:
        if hint == scalar:
            return dict(schema)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _schema(arguments[0])
    if origin in (Union, UnionType):
        (only,) = (argument for argument in arguments if argument is not NoneType)
        return _schema(only)
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _schema(arguments[0])}
    if origin is dict:
        return _map_schema(arguments[1])
    assert isinstance(hint, type), f"no schema for {hint}"
    assert issubclass(hint, Model), f"no schema for {hint}"
    return _object_schema(hint)


def _map_schema(value: Any) -> Manifest:
    """Return the schema of a map with free keys."""
    if value is Any:
        return {"type": "object"} | _KEEPS_UNKNOWN
    return {"type": "object", "additionalProperties": _schema(value)}

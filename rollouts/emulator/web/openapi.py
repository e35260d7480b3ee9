"""OpenAPI documents, generated from the wire types and from the schemas of definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollouts.emulator.nodes import ANY, LIST, MAP, STRUCT, Field, Node
from rollouts.emulator.web.openapi_words import FIELD_WORDS, KIND_WORDS
from rollouts.emulator.wire import (
    BOOL,
    BYTES,
    FLOAT,
    INT32,
    INT64,
    INT_OR_STRING,
    MICRO_TIME,
    QUANTITY,
    TIME,
    root_type,
    wire_type,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rollouts.emulator.resources import ResourceType

Document = dict[str, Any]

V3_REFERENCE = "#/components/schemas/"
V2_REFERENCE = "#/definitions/"

# Strategic merge is left out on purpose: kubectl then merges built-in kinds by the rules compiled
# into it, which know more than any document.
PATCH_CONTENT = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
)

_SCALARS: dict[str, Document] = {
    BOOL: {"type": "boolean"},
    INT32: {"type": "integer", "format": "int32"},
    INT64: {"type": "integer", "format": "int64"},
    FLOAT: {"type": "number", "format": "double"},
    TIME: {"type": "string", "format": "date-time"},
    MICRO_TIME: {"type": "string", "format": "date-time"},
    QUANTITY: {"type": "string"},
    INT_OR_STRING: {"type": "string", "format": "int-or-string"},
    BYTES: {"type": "string", "format": "byte"},
    ANY: {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
}


def v3_document(types: Sequence[ResourceType], title: str) -> Document:
    """Return the OpenAPI v3 document of one group and version."""
    schemas = _Schemas(V3_REFERENCE)
    for rt in types:
        schemas.add_root(rt)
    return {
        "openapi": "3.0.0",
        "info": {"title": title, "version": "unversioned"},
        "paths": _paths(types),
        "components": {"schemas": schemas.collected},
    }


def v2_document(types: Iterable[ResourceType]) -> Document:
    """Return the OpenAPI v2 document of everything: definitions without paths."""
    schemas = _Schemas(V2_REFERENCE)
    for rt in types:
        schemas.add_root(rt)
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": {},
        "definitions": schemas.collected,
    }


def v2_protobuf() -> bytes:
    """Return a valid OpenAPI v2 document without content, in protobuf.

    kubectl takes v2 in no other form. What it would look up there it then finds in v3 or in the
    types compiled into it.
    """

    def text(number: int, value: bytes) -> bytes:
        return bytes([number << 3 | 2, len(value)]) + value

    info = text(1, b"Kubernetes") + text(2, b"unversioned")
    # Fields of gnostic's Document: swagger = 1, info = 2, paths = 8, definitions = 9.
    return text(1, b"2.0") + text(2, info) + text(8, b"") + text(9, b"")


class _Schemas:
    """Collects the schemas that a document refers to."""

    def __init__(self, reference: str) -> None:
        self.collected: dict[str, Document] = {}
        self._reference = reference

    def add_root(self, rt: ResourceType) -> None:
        """Add the schema of a kind and of its list."""
        name = _root_name(rt)
        kind = {"group": rt.group, "version": rt.version, "kind": rt.kind}
        schema = self._custom(rt) if rt.custom else self._built_in(rt)
        self.collected[name] = {**schema, "x-kubernetes-group-version-kind": [kind]}
        self.collected[f"{name}List"] = {
            "type": "object",
            "description": f"A list of {rt.kind} objects.",
            "required": ["items"],
            "properties": {
                **_typed_properties(),
                "items": {"type": "array", "items": {"$ref": self._reference + name}},
                "metadata": self._named("ListMeta", _LIST_META),
            },
            "x-kubernetes-group-version-kind": [{**kind, "kind": rt.list_kind}],
        }

    def _built_in(self, rt: ResourceType) -> Document:
        return self._struct(root_type(rt.group, rt.kind), description=KIND_WORDS.get(rt.kind))

    def _custom(self, rt: ResourceType) -> Document:
        schema = dict(rt.schema or {"x-kubernetes-preserve-unknown-fields": True})
        metadata = self._value(wire_type("ObjectMeta"))
        schema["type"] = "object"
        schema["properties"] = {
            **(schema.get("properties") or {}),
            **_typed_properties(),
            "metadata": {**metadata, "description": FIELD_WORDS["metadata"]},
        }
        return schema

    def _struct(self, node: Node, *, description: str | None = None) -> Document:
        schema: Document = {"type": "object"}
        if text := description or KIND_WORDS.get(node.name):
            schema["description"] = text
        schema["properties"] = {
            name: self._field(node.name, field) for name, field in node.fields.items()
        }
        required = [field.name for field in node.fields.values() if field.required]
        if required:
            schema["required"] = required
        return schema

    def _field(self, owner: str, field: Field) -> Document:
        schema = self._value(field.node)
        text = FIELD_WORDS.get(f"{owner}.{field.name}") or FIELD_WORDS.get(field.name)
        if text is not None:
            schema = {**schema, "description": text}
        if field.merges:
            schema = {**schema, "x-kubernetes-patch-strategy": "merge"}
            if field.merge_key:
                schema["x-kubernetes-patch-merge-key"] = field.merge_key
        return schema

    def _value(self, node: Node) -> Document:
        match node.kind:
            case kind if kind == STRUCT:
                return self._named(node.name, None, node)
            case kind if kind == MAP:
                values = self._value(node.item) if node.item is not None else {}
                return {"type": "object", "additionalProperties": values}
            case kind if kind == LIST:
                return self._list(node)
        return dict(_SCALARS.get(node.kind, {"type": "string"}))

    def _list(self, node: Node) -> Document:
        schema: Document = {
            "type": "array",
            "items": self._value(node.item) if node.item is not None else {},
        }
        if node.keys:
            schema["x-kubernetes-list-type"] = "map"
            schema["x-kubernetes-list-map-keys"] = list(node.keys)
        else:
            schema["x-kubernetes-list-type"] = "set" if node.is_set else "atomic"
        return schema

    def _named(self, name: str, ready: Document | None, node: Node | None = None) -> Document:
        full = f"io.k8s.{name}"
        if full not in self.collected:
            # Known before it is filled, because a type may contain itself.
            self.collected[full] = {}
            filled = ready if node is None else self._struct(node)
            self.collected[full].update(filled or {})
        return {"allOf": [{"$ref": self._reference + full}]}


_LIST_META: Document = {
    "type": "object",
    "description": "Facts about a list as a whole.",
    "properties": {
        "continue": {"type": "string", "description": "Token that asks for the next page."},
        "remainingItemCount": {
            "type": "integer",
            "format": "int64",
            "description": "How many objects later pages hold.",
        },
        "resourceVersion": {"type": "string", "description": "The state that the list shows."},
    },
}


def _typed_properties() -> dict[str, Document]:
    return {
        name: {"type": "string", "description": FIELD_WORDS[name]}
        for name in ("apiVersion", "kind")
    }


def _root_name(rt: ResourceType) -> str:
    reverse = ".".join(reversed(rt.group.split("."))) if rt.group else "io.k8s.core"
    return f"{reverse}.{rt.version}.{rt.kind}"


def _paths(types: Iterable[ResourceType]) -> dict[str, Document]:
    paths: dict[str, Document] = {}
    for rt in types:
        base = f"/apis/{rt.group}/{rt.version}" if rt.group else f"/api/{rt.version}"
        if rt.namespaced:
            paths[f"{base}/{rt.plural}"] = {"get": _operation(rt, "list")}
            base += "/namespaces/{namespace}"
        paths[f"{base}/{rt.plural}"] = {
            "get": _operation(rt, "list"),
            "post": _operation(rt, "post", writes=("application/json", "application/yaml")),
            "delete": _operation(rt, "deletecollection"),
        }
        paths[f"{base}/{rt.plural}/{{name}}"] = {
            "get": _operation(rt, "get"),
            "put": _operation(rt, "put", writes=("application/json", "application/yaml")),
            "patch": _operation(rt, "patch", writes=PATCH_CONTENT),
            "delete": _operation(rt, "delete"),
        }
    return paths


def _operation(rt: ResourceType, action: str, *, writes: tuple[str, ...] = ()) -> Document:
    operation: Document = {
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {
            "group": rt.group,
            "version": rt.version,
            "kind": rt.kind,
        },
    }
    if writes:
        names = ["dryRun", "fieldManager", "fieldValidation"]
        if action == "patch":
            names.append("force")
        operation["parameters"] = [
            {
                "name": name,
                "in": "query",
                "schema": {"type": "boolean" if name == "force" else "string"},
            }
            for name in names
        ]
        content = {media: {"schema": {"type": "object"}} for media in writes}
        operation["requestBody"] = {"content": content}
    return operation

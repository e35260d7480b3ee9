"""Models of custom resources: everything their definition says about content."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from rollouts.emulator.decoding import Decoder
from rollouts.emulator.errors import Cause, bad_request, invalid
from rollouts.emulator.metadata import name_causes
from rollouts.emulator.models import Model
from rollouts.emulator.names import subdomain_problems
from rollouts.emulator.nodes import DEDUCED, STRUCT, Field, Node
from rollouts.emulator.schema import Rule, compile_schema, merge_node, settle
from rollouts.emulator.validation import check_value
from rollouts.emulator.wire import wire_type

if TYPE_CHECKING:
    from rollouts.emulator.resources import Manifest, ResourceType

_ANYTHING = {"x-kubernetes-preserve-unknown-fields": True}
_TYPED = ("apiVersion", "kind", "metadata")


class CustomModel(Model):
    """The content of a custom resource in one version."""

    unconditional_update = False

    def __init__(self, rt: ResourceType) -> None:
        root, self.rule = _compiled(orjson.dumps(rt.schema or _ANYTHING))
        super().__init__(rt, root)
        self.converts = len(rt.served_versions) > 1 or self.converts
        self._metadata = wire_type("ObjectMeta")

    def decode(self, manifest: Manifest, known: Manifest | None) -> tuple[Manifest, list[str]]:
        """Read a typed object; see `Model.decode`."""
        dropped: list[str] = []
        metadata = manifest.get("metadata")
        earlier = (known or {}).get("metadata")
        if metadata is not earlier:
            decoder = Decoder(self.rt, {})
            if not isinstance(metadata, dict):
                raise bad_request("metadata must be an object")
            metadata = decoder.decode(self._metadata, metadata, earlier)
            dropped += [f"metadata.{path}" for path in decoder.unknown]
        body = {key: value for key, value in manifest.items() if key not in _TYPED}
        if known is not None:
            known = {key: value for key, value in known.items() if key not in _TYPED}
        body = settle(self.rule, body, known, "", dropped=dropped)
        typed: dict[str, Any] = {"apiVersion": self.rt.api_version, "kind": self.rt.kind}
        return {**typed, "metadata": metadata, **body}, dropped

    def from_storage(self, stored: Manifest) -> Manifest:
        """Return a stored object in this version."""
        # History may hold objects of an earlier storage version, so each one is looked at.
        if stored["apiVersion"] == self.rt.api_version:
            return stored
        return self.decode(stored, None)[0]

    def blank(self) -> Manifest:
        """Return the object that nobody has set anything in."""
        return {"apiVersion": self.rt.api_version, "kind": self.rt.kind}

    def scope_create(self, new: Manifest) -> Manifest:
        """Drop the status that a creator sent, and start counting generations."""
        new = {**new, "metadata": {**new["metadata"], "generation": 1}}
        if self.has_status:
            new.pop("status", None)
        return new

    def scope_update(self, new: Manifest, before: Manifest, subresource: str) -> Manifest:
        """Keep what belongs to the other endpoint."""
        if subresource == "status":
            # Through the status endpoint nothing else changes, metadata included.
            scoped = {key: value for key, value in before.items() if key != "status"}
            if "status" in new:
                scoped["status"] = new["status"]
            fields = new["metadata"].get("managedFields")
            if fields is not before["metadata"].get("managedFields"):
                scoped["metadata"] = {**before["metadata"], "managedFields": fields}
            return scoped
        if self.has_status and new.get("status") is not before.get("status"):
            new = {key: value for key, value in new.items() if key != "status"}
            if "status" in before:
                new["status"] = before["status"]
        return new

    def is_new_generation(self, new: Manifest, before: Manifest) -> bool:
        """Tell whether the change counts; most kinds count changes of their spec."""
        if self.has_status:
            return super().is_new_generation(new, before)
        # Without a status subresource, status is content like everything else.
        return super().is_new_generation(
            {**new, "content": new.get("status")}, {**before, "content": before.get("status")}
        )

    def validate(self, manifest: Manifest, old: Manifest | None) -> list[Cause]:
        """Return everything wrong with the name and the content."""
        causes: list[Cause] = []
        if old is None:
            causes += name_causes(manifest["metadata"], subdomain_problems)
        body = {key: value for key, value in manifest.items() if key not in _TYPED}
        known = None
        if old is not None:
            known = {key: value for key, value in old.items() if key not in _TYPED}
        causes += check_value(self.rule, body, known, "")
        return causes + _scale_causes(self.rt, manifest)


def _scale_causes(rt: ResourceType, manifest: Manifest) -> list[Cause]:
    """Return what keeps the scale subresource from reading the numbers of replicas."""
    causes: list[Cause] = []
    for path in (rt.scale.spec_replicas, rt.scale.status_replicas) if rt.scale else ():
        where, value = "." + ".".join(path), _value_at(manifest, path)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            kind = _GO_TYPES.get(type(value), type(value).__name__)
            shown = value if isinstance(value, str) else json.dumps(value)
            message = f"{where} accessor error: {shown} is of the type {kind}, expected int64"
            causes.append(Cause("FieldValueInvalid", where, f"Invalid value: 0: {message}"))
        elif value < 0:
            causes.append(invalid(where, value, "should be a non-negative integer"))
    return causes


def _value_at(manifest: Manifest, path: tuple[str, ...]) -> Any:
    found: Any = manifest
    for key in path:
        if not isinstance(found, dict):
            return None
        found = found.get(key)
    return found


_GO_TYPES: dict[type, str] = {
    str: "string",
    bool: "bool",
    float: "float64",
    list: "[]interface {}",
    dict: "map[string]interface {}",
}


@lru_cache(maxsize=128)
def _compiled(schema: bytes) -> tuple[Node, Rule]:
    """Return what apply and decoding know of a schema; a server anew has mostly the same ones."""
    rule = compile_schema(orjson.loads(schema))
    return _root_node(rule), _without_typed(rule)


def _root_node(rule: Rule) -> Node:
    node = merge_node(rule)
    text = Node("string")
    root = Node(STRUCT, item=node.item)
    if not rule.fields:
        root.item = DEDUCED
    root.fields = {
        **node.fields,
        "apiVersion": Field("apiVersion", text),
        "kind": Field("kind", text),
        "metadata": Field("metadata", wire_type("ObjectMeta")),
    }
    return root


def _without_typed(rule: Rule) -> Rule:
    fields = {name: inner for name, inner in rule.fields.items() if name not in _TYPED}
    required = [name for name in rule.checks.get("required") or () if name not in _TYPED]
    checks = {**rule.checks, "required": required}
    return Rule("object", checks, fields, rule.values, None, rule.preserves)

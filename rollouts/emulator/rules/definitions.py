"""Rules of CustomResourceDefinitions: names, versions, and schemas that are structural."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from rollouts.emulator.errors import Cause, forbidden_field, invalid, required, unsupported
from rollouts.emulator.names import label_problems
from rollouts.emulator.rules.common import immutable, is_unchanged

if TYPE_CHECKING:
    from rollouts.emulator.resources import Manifest

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_SCOPES = ("Cluster", "Namespaced")


def check_definition(manifest: Manifest, old: Manifest | None) -> list[Cause]:
    """Return everything wrong with a CustomResourceDefinition."""
    if is_unchanged(manifest, old):
        return []
    spec = manifest["spec"]
    names, versions = spec.get("names") or {}, spec.get("versions") or []
    causes: list[Cause] = []
    expected = f"{names.get('plural', '')}.{spec.get('group', '')}"
    if manifest["metadata"]["name"] != expected:
        detail = 'must be spec.names.plural+"."+spec.group'
        causes.append(invalid("metadata.name", manifest["metadata"]["name"], detail))
    if not spec.get("group"):
        causes.append(required("spec.group"))
    elif "." not in spec["group"]:
        detail = "should be a domain with at least one dot"
        causes.append(invalid("spec.group", spec["group"], detail))
    causes += _names(names)
    if spec.get("scope") not in _SCOPES:
        causes.append(unsupported("spec.scope", spec.get("scope"), _SCOPES))
    causes += _versions(versions)
    if (spec.get("conversion") or {}).get("strategy") not in ("None", "Webhook"):
        strategy = (spec.get("conversion") or {}).get("strategy")
        causes.append(unsupported("spec.conversion.strategy", strategy, ["None", "Webhook"]))
    return causes if old is None else causes + _changes(manifest, old)


def _names(names: dict[str, Any]) -> list[Cause]:
    causes = []
    for key in ("plural", "singular", "kind", "listKind"):
        name = names.get(key) or ""
        path = f"spec.names.{key}"
        if not name:
            causes.append(required(path))
        else:
            causes += [invalid(path, name, each) for each in label_problems(name.lower())]
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        detail = "kind and listKind may not be the same"
        causes.append(invalid("spec.names.listKind", names["listKind"], detail))
    return causes


def _versions(versions: list[dict[str, Any]]) -> list[Cause]:
    causes: list[Cause] = []
    stored = sum(bool(each.get("storage")) for each in versions)
    if stored != 1:
        detail = "must have exactly one version marked as storage version"
        causes.append(invalid("spec.versions", versions, detail))
    seen: dict[str, None] = {}
    for position, version in enumerate(versions):
        path = f"spec.versions[{position}]"
        name = version.get("name") or ""
        causes += [invalid(f"{path}.name", name, each) for each in label_problems(name)]
        if name in seen:
            detail = "must contain unique version names"
            causes.append(invalid("spec.versions", name, detail))
        seen[name] = None
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if schema is None:
            where = f"{path}.schema.openAPIV3Schema"
            causes.append(required(where, "schemas are required"))
        else:
            causes += _root(f"{path}.schema.openAPIV3Schema", schema)
        causes += _scale(f"{path}.subresources.scale", version)
    return causes


def _scale(path: str, version: dict[str, Any]) -> list[Cause]:
    scale = (version.get("subresources") or {}).get("scale")
    if scale is None:
        return []
    causes = []
    for key, start in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
        value = scale.get(key) or ""
        if not value:
            causes.append(required(f"{path}.{key}"))
        elif not value.startswith(start):
            detail = f"should be a json path under {start[:-1]}"
            causes.append(invalid(f"{path}.{key}", value, detail))
    return causes


def _root(path: str, schema: dict[str, Any]) -> list[Cause]:
    if schema.get("type") != "object":
        return [invalid(f"{path}.type", schema.get("type", ""), 'must be "object" at the root')]
    return list(_of_text(path, orjson.dumps(schema)))


@lru_cache(maxsize=128)
def _of_text(path: str, schema: bytes) -> tuple[Cause, ...]:
    """Check a schema as text, once: a server anew has mostly the same ones."""
    return tuple(_structural(path, orjson.loads(schema)))


def _structural(path: str, schema: dict[str, Any]) -> list[Cause]:
    """Check what a schema needs to be pruned, defaulted and merged by."""
    causes: list[Cause] = []
    free = schema.get("x-kubernetes-int-or-string") or schema.get(
        "x-kubernetes-preserve-unknown-fields"
    )
    kind = schema.get("type")
    if not kind and not free:
        causes.append(required(f"{path}.type", "must not be empty for specified object fields"))
    elif kind and kind not in _TYPES:
        causes.append(unsupported(f"{path}.type", kind, _TYPES))
    if schema.get("properties") and schema.get("additionalProperties"):
        where = f"{path}.additionalProperties"
        causes.append(
            forbidden_field(where, "additionalProperties and properties are mutual exclusive")
        )
    if schema.get("uniqueItems"):
        detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        causes.append(forbidden_field(f"{path}.uniqueItems", detail))
    causes += _list_type(path, schema) + _pattern(path, schema)
    for name, inner in (schema.get("properties") or {}).items():
        causes += _structural(f"{path}.properties[{name}]", inner)
    if isinstance(schema.get("items"), dict):
        causes += _structural(f"{path}.items", schema["items"])
    elif kind == "array":
        causes.append(required(f"{path}.items", "must be specified"))
    if isinstance(schema.get("additionalProperties"), dict):
        causes += _structural(f"{path}.additionalProperties", schema["additionalProperties"])
    return causes


def _pattern(path: str, schema: dict[str, Any]) -> list[Cause]:
    pattern = schema.get("pattern")
    try:
        re.compile(pattern or "")
    except re.error as error:
        detail = f"must be a valid regular expression, but isn't: {error}"
        return [invalid(f"{path}.pattern", pattern, detail)]
    return []


def _list_type(path: str, schema: dict[str, Any]) -> list[Cause]:
    kind = schema.get("x-kubernetes-list-type")
    keys = schema.get("x-kubernetes-list-map-keys")
    if kind is not None and kind not in ("atomic", "set", "map"):
        return [unsupported(f"{path}.x-kubernetes-list-type", kind, ["atomic", "map", "set"])]
    if kind == "map" and not keys:
        where = f"{path}.x-kubernetes-list-map-keys"
        return [required(where, "must not be empty if x-kubernetes-list-type is map")]
    causes = []
    items = schema.get("items") or {}
    for key in keys or ():
        inner = (items.get("properties") or {}).get(key)
        if inner is None:
            where = f"{path}.x-kubernetes-list-map-keys"
            causes.append(
                invalid(where, keys, f"entries must all be names of item properties: {key}")
            )
        elif "default" not in inner and key not in (items.get("required") or ()):
            where = f"{path}.items.properties[{key}].default"
            detail = (
                "this property is in x-kubernetes-list-map-keys, so it must have a default "
                "or be a required property"
            )
            causes.append(required(where, detail))
    return causes


def _changes(manifest: Manifest, old: Manifest) -> list[Cause]:
    spec, known = manifest["spec"], old["spec"]
    causes = immutable("spec.scope", spec.get("scope"), known.get("scope"))
    causes += immutable("spec.names.kind", spec["names"].get("kind"), known["names"].get("kind"))
    names = [each.get("name") for each in spec.get("versions") or ()]
    for position, version in enumerate((old.get("status") or {}).get("storedVersions") or ()):
        if version not in names:
            detail = (
                f"missing from spec.versions; {version} was previously a storage version, and "
                "must remain in spec.versions until a storage migration ensures no data remains "
                f"persisted in {version} and removes {version} from status.storedVersions"
            )
            causes.append(invalid(f"status.storedVersions[{position}]", version, detail))
    return causes

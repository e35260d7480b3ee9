"""The CRDs take the seed's manifests as they stand: no error, nothing pruned, no warning."""

import re
from pathlib import Path

import pytest
import yaml

from rollouts.api.crd import crd_manifests
from rollouts.api.times import parse_time

SEED = Path(__file__).parent / "seed"
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
}


def _schemas():
    for crd in crd_manifests():
        spec = crd["spec"]
        for version in spec["versions"]:
            key = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
            yield key, version["schema"]["openAPIV3Schema"]


SCHEMAS = dict(_schemas())
MANIFESTS = [
    pytest.param(manifest, id=f"{path.name}:{manifest['kind']}")
    for path in sorted(SEED.glob("*.yaml"))
    for manifest in yaml.safe_load_all(path.read_text(encoding="utf-8"))
]


def _schema_of(manifest):
    return SCHEMAS[manifest["apiVersion"], manifest["kind"]]


def faults(schema, value, path=""):
    """Yield what an API server would say of a value: refusals, and fields it does not know."""
    if schema.get("x-kubernetes-int-or-string"):
        if isinstance(value, bool) or not isinstance(value, int | str):
            yield f"{path}: not int-or-string"
        return
    wanted = schema.get("type")
    if wanted and (
        not isinstance(value, TYPES[wanted]) or (wanted == "integer" and isinstance(value, bool))
    ):
        yield f"{path}: not {wanted}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: not one of the enum"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: does not match"
    if schema.get("format") == "date-time":
        parse_time(value)
    if wanted == "array":
        for index, item in enumerate(value):
            yield from faults(schema["items"], item, f"{path}[{index}]")
    if wanted == "object":
        yield from _object_faults(schema, value, path)


def _object_faults(schema, value, path):
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{path}.{name}: missing"
    for name, below in value.items():
        if name in schema.get("properties", {}):
            yield from faults(schema["properties"][name], below, f"{path}.{name}")
        elif "additionalProperties" in schema:
            yield from faults(schema["additionalProperties"], below, f"{path}.{name}")
        elif not schema.get("x-kubernetes-preserve-unknown-fields") and path != ".metadata":
            yield f"{path}.{name}: unknown"


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_a_manifest_is_taken_as_it_stands(manifest):
    assert list(faults(_schema_of(manifest), manifest)) == []


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_a_flux_manifest_is_taken_in_the_version_of_today_too(manifest):
    today = manifest | {"apiVersion": manifest["apiVersion"].replace("v1beta2", "v1")}

    assert list(faults(_schema_of(today), today)) == []


def test_fields_of_a_newer_peer_are_kept():
    manifest = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "web"},
        "spec": {
            "template": {"spec": {"containers": [{"name": "c", "newField": None}]}},
            "strategy": {
                "canary": {
                    "steps": [{"newStep": {"a": 1}}],
                    "trafficRouting": {"newRouter": {}, "plugins": {"a/b": {"x": [1]}}},
                    "newField": 1,
                }
            },
        },
    }

    assert list(faults(_schema_of(manifest), manifest)) == []


@pytest.mark.parametrize(
    "spec",
    [
        {"replicas": "3"},
        {"replicas": 1.5},
        {"strategy": {"canary": {"steps": [{"setWeight": "10"}]}}},
        {"strategy": {"canary": {"steps": [{"pause": {"duration": 1.5}}]}}},
        {"strategy": {"canary": {"steps": {}}}},
        {"strategy": {"canary": {"maxSurge": True}}},
        {"template": {"metadata": {"labels": {"a": 1}}}},
    ],
)
def test_wrong_types_are_refused_at_the_door(spec):
    manifest = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "spec": spec}

    assert len(list(faults(_schema_of(manifest), manifest))) == 1


@pytest.mark.parametrize("interval", ["60", "soon", ""])
def test_an_interval_without_a_unit_is_refused_at_the_door(interval):
    manifest = {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "spec": {"url": "https://h/x", "interval": interval},
    }

    assert list(faults(_schema_of(manifest), manifest)) == [".spec.interval: does not match"]

"""The files in `crds/` are what the models say, and an API server can take them."""

from pathlib import Path

import pytest
import yaml

from rollouts.api.crd import FILE_BYTES_MAX, crd_manifests, render_crds

FOLDER = Path(__file__).parents[3] / "crds"
CRDS = {crd["metadata"]["name"]: crd for crd in crd_manifests()}
SCHEMAS = [
    pytest.param(version["schema"]["openAPIV3Schema"], id=f"{name}/{version['name']}")
    for name, crd in CRDS.items()
    for version in crd["spec"]["versions"]
]
FLUX = [name for name in CRDS if name.endswith("fluxcd.io")]


def _nodes(schema, path=""):
    yield path, schema
    for name, below in schema.get("properties", {}).items():
        yield from _nodes(below, f"{path}.{name}")
    for part in ("items", "additionalProperties"):
        if part in schema:
            yield from _nodes(schema[part], f"{path}.{part}")


def _at(schema, *names):
    for name in names:
        schema = schema["items"] if name == "[]" else schema["properties"][name]
    return schema


def _schema(name):
    return CRDS[name]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def _rollout():
    return CRDS["rollouts.argoproj.io"]["spec"]["versions"][0]


def test_the_files_are_fresh():
    """Run `rollouts crds` after a change of the models."""
    on_disk = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.yaml")}

    assert on_disk == render_crds()


@pytest.mark.parametrize("name", sorted(render_crds()))
def test_a_file_is_small_and_reads_back(name):
    text = render_crds()[name]

    assert len(text.encode()) < FILE_BYTES_MAX
    assert yaml.safe_load(text) == CRDS[yaml.safe_load(text)["metadata"]["name"]]
    assert "&id" not in text


def test_all_our_kinds_are_defined():
    assert sorted(CRDS) == [
        "analysisruns.argoproj.io",
        "analysistemplates.argoproj.io",
        "applications.argoproj.io",
        "clusteranalysistemplates.argoproj.io",
        "gitrepositories.source.toolkit.fluxcd.io",
        "helmrepositories.source.toolkit.fluxcd.io",
        "kustomizations.kustomize.toolkit.fluxcd.io",
        "rollouts.argoproj.io",
    ]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_schema_is_structural(schema):
    """These are the rules by which an API server refuses a CRD."""
    for path, node in _nodes(schema):
        keeps_unknown = node.get("x-kubernetes-preserve-unknown-fields", False)
        is_int_or_string = node.get("x-kubernetes-int-or-string", False)
        if is_int_or_string:
            assert "type" not in node, path
        else:
            assert "type" in node or keeps_unknown, path
        assert not ("properties" in node and "additionalProperties" in node), path
        assert set(node.get("required", ())) <= set(node.get("properties", ())), path
        assert ("items" in node) is (node.get("type") == "array"), path
        assert "$ref" not in node, path
        if node.get("x-kubernetes-list-type") == "map":
            for key in node["x-kubernetes-list-map-keys"]:
                assert key in node["items"]["required"], path


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_field_is_described(schema):
    for path, node in _nodes(schema):
        if not path or path == ".metadata" or path.endswith((".items", ".additionalProperties")):
            continue
        description = node.get("description", "")

        assert description, path
        assert description.endswith("."), path


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_object_keeps_fields_of_the_future(schema):
    for path, node in _nodes(schema):
        if not path or path == ".metadata" or node.get("type") != "object":
            continue
        assert "additionalProperties" in node or node["x-kubernetes-preserve-unknown-fields"], path


def test_a_rollout_has_the_peers_columns_and_then_ours():
    columns = [
        (column["name"], column.get("priority", 0))
        for column in _rollout()["additionalPrinterColumns"]
    ]

    assert columns == [
        ("Desired", 0),
        ("Current", 0),
        ("Up-to-date", 0),
        ("Available", 0),
        ("Age", 0),
        ("Status", 0),
        ("Step", 1),
        ("Weight", 1),
    ]


def test_a_rollout_scales_and_keeps_status_apart():
    assert _rollout()["subresources"] == {
        "status": {},
        "scale": {
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.HPAReplicas",
            "labelSelectorPath": ".status.selector",
        },
    }


def test_a_rollouts_selector_cannot_be_changed():
    selector = _at(_rollout()["schema"]["openAPIV3Schema"], "spec", "selector")

    assert selector["x-kubernetes-validations"][0]["rule"] == "self == oldSelf"


def test_a_rollouts_pod_template_is_opaque_but_for_its_labels():
    template = _at(_rollout()["schema"]["openAPIV3Schema"], "spec", "template")

    assert template["x-kubernetes-preserve-unknown-fields"]
    assert list(template["properties"]) == ["metadata", "spec"]
    assert "properties" not in template["properties"]["spec"]
    assert _at(template, "metadata", "labels")["additionalProperties"] == {"type": "string"}


def test_the_types_that_clients_rely_on():
    schema = _rollout()["schema"]["openAPIV3Schema"]
    step = _at(schema, "spec", "strategy", "canary", "steps", "[]")

    assert _at(schema, "status", "observedGeneration")["type"] == "string"
    assert _at(schema, "status", "HPAReplicas")["type"] == "integer"
    assert _at(schema, "spec", "replicas")["default"] == 1
    assert _at(step, "pause", "duration")["x-kubernetes-int-or-string"]
    assert _at(step, "setWeight")["type"] == "integer"
    assert _at(schema, "spec", "restartAt")["format"] == "date-time"


def test_our_own_status_fields_are_kept():
    properties = _at(_rollout()["schema"]["openAPIV3Schema"], "status")["properties"]

    assert {"lastRequest", "scaleDownDeadlines", "promotedAt"} <= set(properties)


@pytest.mark.parametrize(
    ("name", "short_name", "scope", "columns"),
    [
        ("analysistemplates.argoproj.io", "at", "Namespaced", ["Age"]),
        ("clusteranalysistemplates.argoproj.io", "cat", "Cluster", ["Age"]),
        ("analysisruns.argoproj.io", "ar", "Namespaced", ["Status", "Age"]),
    ],
)
def test_a_kind_of_analysis_is_named_and_printed_as_the_peers(name, short_name, scope, columns):
    spec = CRDS[name]["spec"]

    assert spec["names"]["shortNames"] == [short_name]
    assert spec["scope"] == scope
    assert [column["name"] for column in spec["versions"][0]["additionalPrinterColumns"]] == columns


def test_a_run_is_one_object_with_its_status():
    """Clients of the peer write `status` together with the rest."""
    assert "subresources" not in CRDS["analysisruns.argoproj.io"]["spec"]["versions"][0]


def test_counts_of_a_metric_may_be_arguments():
    schema = _schema("analysistemplates.argoproj.io")
    metric = _at(schema, "spec", "metrics", "[]")

    for name in ("count", "failureLimit", "inconclusiveLimit", "consecutiveErrorLimit"):
        assert _at(metric, name)["x-kubernetes-int-or-string"]
    assert metric["required"] == ["name", "provider"]


def test_a_metric_is_the_same_in_templates_and_runs():
    metrics = [
        _at(_schema(f"{plural}.argoproj.io"), "spec", "metrics", "[]")
        for plural in ("analysistemplates", "clusteranalysistemplates", "analysisruns")
    ]

    assert metrics[0] == metrics[1] == metrics[2]


def test_a_jobs_pods_are_opaque():
    metric = _at(_schema("analysisruns.argoproj.io"), "spec", "metrics", "[]")
    job = _at(metric, "provider", "job", "spec")

    assert job["x-kubernetes-preserve-unknown-fields"]
    assert _at(job, "template")["x-kubernetes-preserve-unknown-fields"]
    assert "properties" not in _at(job, "template")


def test_an_application_is_one_object_with_its_status():
    """Tools set `operation` and clear `status.operationState` in one write."""
    application = CRDS["applications.argoproj.io"]["spec"]

    assert "subresources" not in application["versions"][0]
    assert application["names"]["shortNames"] == ["app", "apps"]
    assert [
        column["name"] for column in application["versions"][0]["additionalPrinterColumns"]
    ] == ["Sync Status", "Health Status", "Revision", "Project"]


def test_a_fragment_of_an_application_can_be_stored():
    schema = CRDS["applications.argoproj.io"]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

    assert "required" not in _at(schema, "spec")


@pytest.mark.parametrize("name", FLUX)
def test_both_versions_of_a_flux_kind_are_served_with_one_schema(name):
    spec = CRDS[name]["spec"]
    new, old = spec["versions"]

    assert [(new["name"], new["storage"]), (old["name"], old["storage"])] == [
        ("v1", True),
        ("v1beta2", False),
    ]
    assert new["served"]
    assert old["served"]
    assert "deprecated" not in old
    assert new["schema"] == old["schema"]
    assert spec["conversion"] == {"strategy": "None"}
    assert new["subresources"] == {"status": {}}


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        (
            "kustomizations.kustomize.toolkit.fluxcd.io",
            ("validation", "patchesStrategicMerge", "patchesJson6902", "ignore", "wait"),
        ),
        (
            "gitrepositories.source.toolkit.fluxcd.io",
            ("gitImplementation", "accessFrom", "sparseCheckout", "provider"),
        ),
        ("helmrepositories.source.toolkit.fluxcd.io", ("accessFrom", "type", "certSecretRef")),
    ],
)
def test_fields_of_both_versions_are_in_the_schema(name, fields):
    schema = CRDS[name]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

    assert set(fields) <= set(_at(schema, "spec")["properties"])

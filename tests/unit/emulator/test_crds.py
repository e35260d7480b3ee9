from __future__ import annotations

import pytest
from unit.emulator.objects import JSON, MERGE, crd, crd_version, refused, widget


@pytest.fixture
def definitions(server):
    return server.resource("apiextensions.k8s.io", "v1", "customresourcedefinitions")


def conditions(definition):
    return {each["type"]: each["status"] for each in definition["status"]["conditions"]}


def test_a_definition_serves_its_type_at_once(server, definitions):
    made = server.create(definitions, "", crd())

    assert {"NamesAccepted": "True", "Established": "True"} == conditions(made)
    assert ["v1"] == made["status"]["storedVersions"]
    assert "widget" == made["status"]["acceptedNames"]["singular"]
    rt = server.resource("example.com", "v1", "widgets")
    assert ("Widget", "WidgetList", True) == (rt.kind, rt.list_kind, rt.namespaced)
    assert frozenset({"status", "scale"}) == rt.subresources
    assert server.resource_for_kind("example.com/v1", "Widget") is rt


def test_an_unknown_type_is_not_found(server):
    with refused(404, message="the server could not find the requested resource"):
        server.resource("example.com", "v1", "widgets")
    with refused(404, message='no matches for kind "Widget" in version "example.com/v1"'):
        server.resource_for_kind("example.com/v1", "Widget")


def test_a_cluster_scoped_type_has_no_namespace(server, definitions):
    server.create(definitions, "", crd(scope="Cluster"))
    widgets = server.resource("example.com", "v1", "widgets")

    made = server.create(widgets, "", widget())

    assert "namespace" not in made["metadata"]
    assert server.get(widgets, "", "one") is made


def test_every_version_shows_the_same_objects(server, definitions):
    both = crd(crd_version("v1"), crd_version("v1beta1", storage=False))
    server.create(definitions, "", both)
    stable = server.resource("example.com", "v1", "widgets")
    beta = server.resource("example.com", "v1beta1", "widgets")

    server.create(beta, "default", widget(api_version="example.com/v1beta1", mode="Fast"))

    assert "example.com/v1" == server.get(stable, "default", "one")["apiVersion"]
    assert "example.com/v1beta1" == server.get(beta, "default", "one")["apiVersion"]
    assert "example.com/v1beta1" == server.list(beta).items[0]["apiVersion"]
    patched = server.patch(beta, "default", "one", {"spec": {"replicas": 3}}, MERGE)
    assert ("example.com/v1beta1", 3) == (patched["apiVersion"], patched["spec"]["replicas"])


def test_a_version_that_is_not_served_is_not_found(server, definitions):
    server.create(
        definitions, "", crd(crd_version("v1"), crd_version("v2", served=False, storage=False))
    )

    with refused(404):
        server.resource("example.com", "v2", "widgets")


def test_a_version_can_be_added_later(server, definitions, widgets):
    server.create(widgets, "default", widget())
    version = crd_version("v2", storage=False)
    patch = [{"op": "add", "path": "/spec/versions/-", "value": version}]

    server.patch(definitions, "", "widgets.example.com", patch, JSON)

    newer = server.resource("example.com", "v2", "widgets")
    assert "example.com/v2" == server.get(newer, "default", "one")["apiVersion"]


def test_a_new_storage_version_is_remembered_beside_the_old_one(server, definitions, widgets):
    server.create(widgets, "default", widget())
    patch = [
        {"op": "add", "path": "/spec/versions/-", "value": crd_version("v2")},
        {"op": "replace", "path": "/spec/versions/0/storage", "value": False},
    ]

    changed = server.patch(definitions, "", "widgets.example.com", patch, JSON)

    assert ["v1", "v2"] == changed["status"]["storedVersions"]
    old = server.resource("example.com", "v1", "widgets")
    assert "example.com/v1" == server.get(old, "default", "one")["apiVersion"]


def test_a_version_that_was_stored_cannot_be_dropped(server, definitions, widgets):
    patch = [{"op": "replace", "path": "/spec/versions/0/name", "value": "v2"}]

    with refused(422) as caught:
        server.patch(definitions, "", "widgets.example.com", patch, JSON)
    assert "v1 was previously a storage version" in caught.value.message


def test_a_version_can_stop_being_served(server, definitions, widgets):
    patch = [{"op": "replace", "path": "/spec/versions/0/served", "value": False}]

    server.patch(definitions, "", "widgets.example.com", patch, JSON)

    with refused(404):
        server.list(widgets)


def test_an_older_handle_of_a_type_sees_the_new_schema(server, definitions, widgets):
    path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/replicas/maximum"
    patch = [{"op": "add", "path": path, "value": 3}]
    server.patch(definitions, "", "widgets.example.com", patch, JSON)

    with refused(422):
        server.create(widgets, "default", widget(replicas=4))


def test_deleting_a_definition_deletes_its_objects(server, definitions, widgets):
    server.create(widgets, "default", widget())

    server.delete(definitions, "", "widgets.example.com")

    with refused(404):
        server.get(widgets, "default", "one")
    with refused(404):
        server.get(definitions, "", "widgets.example.com")
    server.create(definitions, "", crd())
    assert () == server.list(server.resource("example.com", "v1", "widgets")).items


def test_a_definition_waits_for_objects_that_finalizers_hold(server, definitions, widgets):
    manifest = widget()
    manifest["metadata"]["finalizers"] = ["example.com/a"]
    server.create(widgets, "default", manifest)
    server.delete(definitions, "", "widgets.example.com")

    assert "True" == conditions(server.get(definitions, "", "widgets.example.com"))["Terminating"]
    with refused(405):
        server.create(widgets, "default", widget("two"))
    server.patch(widgets, "default", "one", {"metadata": {"finalizers": None}}, MERGE)
    with refused(404):
        server.get(definitions, "", "widgets.example.com")


def test_a_kind_that_is_taken_in_its_group_is_not_established(server, definitions, widgets):
    other = server.create(definitions, "", crd(plural="gadgets"))

    assert {"NamesAccepted": "False", "Established": "False"} == conditions(other)
    with refused(404):
        server.resource("example.com", "v1", "gadgets")


def broken(change):
    definition = crd()
    change(definition)
    return definition


def spec_schema(definition):
    return definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda each: each["metadata"].update(name="other.example.com"),
            (
                'metadata.name: Invalid value: "other.example.com": '
                'must be spec.names.plural+"."+spec.group'
            ),
        ),
        (
            lambda each: each["spec"].update(scope="Galaxy"),
            'spec.scope: Unsupported value: "Galaxy": supported values: "Cluster", "Namespaced"',
        ),
        (
            lambda each: each["spec"]["versions"][0].pop("schema"),
            "spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required",
        ),
        (
            lambda each: spec_schema(each).update(type="array"),
            (
                'spec.versions[0].schema.openAPIV3Schema.type: Invalid value: "array": '
                'must be "object" at the root'
            ),
        ),
        (
            lambda each: spec_schema(each)["properties"].update(bare={}),
            (
                "spec.versions[0].schema.openAPIV3Schema.properties[bare].type: Required value: "
                "must not be empty for specified object fields"
            ),
        ),
        (
            lambda each: spec_schema(each)["properties"].update(
                items={
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "items": {"type": "object"},
                }
            ),
            (
                "spec.versions[0].schema.openAPIV3Schema.properties[items]"
                ".x-kubernetes-list-map-keys: "
                "Required value: must not be empty if x-kubernetes-list-type is map"
            ),
        ),
    ],
)
def test_a_bad_definition_is_refused(server, definitions, change, message):
    with refused(422) as caught:
        server.create(definitions, "", broken(change))
    assert message in caught.value.message


def test_exactly_one_version_is_stored(server, definitions):
    for versions in (
        [crd_version("v1"), crd_version("v2")],
        [crd_version("v1", storage=False)],
    ):
        with refused(422) as caught:
            server.create(definitions, "", crd(*versions))
        assert "must have exactly one version marked as storage version" in caught.value.message


def test_printer_columns_and_short_names_are_kept_for_those_who_print(server, definitions):
    definition = crd()
    column = {"name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas"}
    definition["spec"]["versions"][0]["additionalPrinterColumns"] = [column]
    server.create(definitions, "", definition)

    rt = server.resource("example.com", "v1", "widgets")

    assert (("w",), (column,)) == (rt.short_names, rt.printer_columns)


def test_every_installed_type_is_listed_once_for_each_version(server, widgets):
    keys = [rt.key for rt in server.resources()]

    assert "example.com/v1/widgets" in keys
    assert len(keys) == len(set(keys))

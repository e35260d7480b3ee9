"""What only shows on the wire: codes, headers, and the forms in which objects are shown."""

from __future__ import annotations

import pytest
from contract.api import APPLY, JSON, MERGE, STRATEGIC
from contract.kinds import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    GADGET,
    config_map,
    deployment,
    gadget,
)

AS = "application/json;v=v1;g=meta.k8s.io;as="
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
NO_PAGE = (404, "404 page not found\n")
NO_RESOURCE = "the server could not find the requested resource"


@pytest.mark.parametrize(
    "path",
    [
        "/nosuch",
        "/apis/none.example.com/v1/things",
        "/apis/contract.example.com/v9/gadgets",
        "/apis/contract.example.com/v1/nosuch",
    ],
)
def test_nobody_answers_for_a_group_that_is_not_there(wire, path):
    answer = wire.ask("GET", path)

    assert NO_PAGE == (answer.code, answer.text)
    assert answer.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    "path", ["/api/v1/nosuch", "/apis/apps/v9/deployments", "/apis/apps/v1/nosuch"]
)
def test_a_built_in_group_says_what_it_lacks(wire, path):
    answer = wire.ask("GET", path)

    assert (404, "NotFound", NO_RESOURCE) == (
        answer.code,
        answer.body["reason"],
        answer.body["message"],
    )


@pytest.mark.parametrize(("method", "name"), [("PUT", ""), ("PATCH", ""), ("POST", "m")])
def test_a_method_that_does_not_fit_the_path_is_refused(wire, space, method, name):
    answer = wire.ask(method, wire.path(CONFIG_MAPS, space, name), config_map())

    assert (405, "MethodNotAllowed") == (answer.code, answer.body["reason"])
    message = "the server does not allow this method on the requested resource"
    assert message == answer.body["message"]


def test_a_body_of_an_unknown_kind_is_refused(wire, space):
    wire.create(CONFIG_MAPS, space, config_map())

    posted = wire.ask("POST", wire.path(CONFIG_MAPS, space), "a", kind="text/plain")
    patched = wire.ask("PATCH", wire.path(CONFIG_MAPS, space, "m"), {}, kind="application/json")
    assert [(415, "UnsupportedMediaType")] * 2 == [
        (each.code, each.body["reason"]) for each in (posted, patched)
    ]


@pytest.mark.parametrize("text", ["{bad", "[]", ""])
def test_a_body_that_cannot_be_read_is_refused(wire, space, text):
    answer = wire.ask("POST", wire.path(CONFIG_MAPS, space), text)

    start = "the object provided is unrecognized (must be of type ConfigMap): "
    assert (400, "BadRequest") == (answer.code, answer.body["reason"])
    assert answer.body["message"].startswith(f"{start}couldn't get version/kind; json parse error")


SCHEME = 'in scheme "pkg/runtime/scheme.go:111"'


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        (
            {"apiVersion": "apps/v1", "kind": "ConfigMap"},
            f'no kind "ConfigMap" is registered for version "apps/v1" {SCHEME}',
        ),
        (
            {"apiVersion": "v1", "kind": "Secret"},
            "converting (v1.Secret) to (core.ConfigMap): unknown conversion",
        ),
    ],
)
def test_an_object_of_another_kind_is_refused(wire, space, typed, why):
    body = {**typed, "metadata": {"name": "a"}}

    answer = wire.ask("POST", wire.path(CONFIG_MAPS, space), body)

    assert 400 == answer.code
    assert answer.body["message"].endswith(f"cannot be handled as a ConfigMap: {why}")


def test_a_custom_resource_has_to_say_what_it_is(wire, space):
    path = wire.path(GADGET, space)

    nameless = wire.ask("POST", path, {"metadata": {"name": "a"}})
    other = wire.ask("POST", path, {"kind": "Gadget", "metadata": {"name": "a"}})
    assert (400, 400) == (nameless.code, other.code)
    assert "Object 'Kind' is missing in" in nameless.body["message"]
    assert (
        "the API version in the data () does not match "
        "the expected API version (contract.example.com/v1)" == other.body["message"]
    )


def test_creating_and_applying_answer_201(wire, space):
    path = wire.path(CONFIG_MAPS, space)

    created = wire.ask("POST", path, config_map("a"))
    applied = [
        wire.ask("PATCH", f"{path}/b", config_map("b"), kind=APPLY, fieldManager="x").code
        for _ in range(2)
    ]
    assert (201, [201, 200]) == (created.code, applied)


@pytest.mark.parametrize("validation", ["", "Warn", "Ignore"])
def test_an_unknown_field_is_dropped_and_told(wire, space, validation):
    query = {"fieldValidation": validation} if validation else {}

    answers = [
        wire.ask("POST", wire.path(DEPLOYMENTS, space), deployment("a", odd=1), **query),
        wire.ask("POST", wire.path(GADGET, space), gadget("a", odd=1), **query),
    ]

    told = None if validation == "Ignore" else '299 - "unknown field \\"spec.odd\\""'
    for answer in answers:
        assert (201, told) == (answer.code, answer.headers["Warning"])
        assert "odd" not in answer.body["spec"]


@pytest.mark.parametrize("kind", [DEPLOYMENTS, GADGET])
def test_strict_validation_refuses_an_unknown_field(wire, space, kind):
    make = deployment if kind == DEPLOYMENTS else gadget
    path = wire.path(kind, space)
    strict = {"fieldValidation": "Strict"}
    wire.create(kind, space, make("a"))

    created = wire.ask("POST", path, make("b", odd=1), **strict)
    why = 'strict decoding error: unknown field "spec.odd"'
    assert 400 == created.code
    assert created.body["message"].endswith(f"cannot be handled as a {kind.kind}: {why}")
    changes = {
        MERGE: {"spec": {"odd": 1}},
        JSON: [{"op": "add", "path": "/spec/odd", "value": 1}],
        STRATEGIC: {"spec": {"odd": 1}},
    }
    for patch_type, change in changes.items():
        if kind == DEPLOYMENTS or patch_type != STRATEGIC:
            patched = wire.ask("PATCH", f"{path}/a", change, kind=patch_type, **strict)
            (cause,) = patched.body["details"]["causes"]
            assert (422, "patch") == (patched.code, cause["field"])
            assert cause["message"].endswith(why)


def test_a_repeated_owner_is_told(wire, space):
    owner = {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}

    body = config_map(ownerReferences=[owner, owner])
    answer = wire.ask("POST", wire.path(CONFIG_MAPS, space), body)

    assert "duplicate UID(s) observed: u" in answer.headers["Warning"]


def test_a_table_shows_what_kubectl_prints(wire, space):
    wire.create(GADGET, space, gadget("a"))
    wire.create(GADGET, space, gadget("b"))

    answer = wire.ask("GET", wire.path(GADGET, space), accept=f"{AS}Table", limit=1)

    table = answer.body
    assert "application/json" == answer.headers["Content-Type"]
    assert ("Table", "meta.k8s.io/v1") == (table["kind"], table["apiVersion"])
    assert ["Name", "Age"] == [each["name"] for each in table["columnDefinitions"]]
    assert [["a"]] == [row["cells"][:1] for row in table["rows"]]
    assert "PartialObjectMetadata" == table["rows"][0]["object"]["kind"]
    assert (1, True) == (table["metadata"]["remainingItemCount"], "continue" in table["metadata"])


@pytest.mark.parametrize(
    ("include", "shown"), [("None", None), ("Object", "ConfigMap"), ("", "PartialObjectMetadata")]
)
def test_a_row_carries_as_much_as_was_asked(wire, space, include, shown):
    wire.create(CONFIG_MAPS, space, config_map())
    path = wire.path(CONFIG_MAPS, space, "m")

    query = {"includeObject": include} if include else {}
    (row,) = wire.ask("GET", path, accept=f"{AS}Table", **query).body["rows"]

    assert shown == (row["object"] or {}).get("kind")
    assert ["m", 1] == row["cells"][:2]


def test_a_row_cannot_carry_anything_else(wire, space):
    path = wire.path(CONFIG_MAPS, space)

    answer = wire.ask("GET", path, accept=f"{AS}Table", includeObject="Odd")
    why = "must be 'Metadata', 'Object', 'None', or empty"
    assert (400, True) == (answer.code, answer.body["message"].endswith(why))


def test_metadata_can_be_had_alone(wire, space):
    wire.create(CONFIG_MAPS, space, config_map(labels={"app": "x"}))
    path = wire.path(CONFIG_MAPS, space)

    one = wire.ask("GET", f"{path}/m", accept=f"{AS}PartialObjectMetadata").body
    accept = f"{AS}PartialObjectMetadataList"
    many = wire.ask("GET", path, accept=accept, labelSelector="app").body

    assert {"kind", "apiVersion", "metadata"} == set(one)
    assert "PartialObjectMetadataList" == many["kind"]
    assert [one["metadata"]] == [each["metadata"] for each in many["items"]]


@pytest.mark.parametrize("accept", [f"{AS}Nonsense", "text/html"])
def test_a_form_that_is_not_there_is_not_acceptable(wire, space, accept):
    assert 406 == wire.ask("GET", wire.path(CONFIG_MAPS, space), accept=accept).code


def test_items_of_a_built_in_list_do_not_repeat_their_type(wire, space):
    wire.create(CONFIG_MAPS, space, config_map(labels={"app": "x"}))
    wire.create(GADGET, space, gadget("a"))

    built_in = wire.ask("GET", wire.path(CONFIG_MAPS, space), labelSelector="app").body
    custom = wire.ask("GET", wire.path(GADGET, space)).body
    assert ("ConfigMapList", False) == (built_in["kind"], "kind" in built_in["items"][0])
    assert ("GadgetList", "Gadget") == (custom["kind"], custom["items"][0]["kind"])


def test_a_list_tells_how_much_is_left(wire, space):
    for name in "abc":
        wire.create(GADGET, space, gadget(name))
    path = wire.path(GADGET, space)

    assert 2 == wire.ask("GET", path, limit=1).body["metadata"]["remainingItemCount"]
    picked = wire.ask("GET", path, limit=1, labelSelector="!x").body["metadata"]
    assert ("continue" in picked, "remainingItemCount" in picked) == (True, False)


def test_discovery_lists_a_custom_resource_and_its_parts(wire):
    found = wire.ask("GET", "/apis/contract.example.com/v1").body
    resources = {each["name"]: each for each in found["resources"]}

    assert {"gadgets", "gadgets/status", "gadgets/scale"} == set(resources)
    gadgets, scale = resources["gadgets"], resources["gadgets/scale"]
    assert ("gadget", "Gadget", True) == (
        gadgets["singularName"],
        gadgets["kind"],
        gadgets["namespaced"],
    )
    assert {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"} == (
        set(gadgets["verbs"])
    )
    assert ("autoscaling", "v1", "Scale") == (scale["group"], scale["version"], scale["kind"])
    assert "lAb4s7vFp5E=" == gadgets["storageVersionHash"]


def test_discovery_names_the_preferred_version(wire):
    group = wire.ask("GET", "/apis/contract.example.com").body

    assert ["v1", "v1beta1"] == [each["version"] for each in group["versions"]]
    assert "v1" == group["preferredVersion"]["version"]
    assert ["v1"] == wire.ask("GET", "/api").body["versions"]
    groups = [each["name"] for each in wire.ask("GET", "/apis").body["groups"]]
    assert {"apps", "batch", "contract.example.com"} <= set(groups)


def test_discovery_can_be_had_in_one_answer(wire):
    answer = wire.ask("GET", "/apis", accept=DISCOVERY)

    assert "as=APIGroupDiscoveryList" in answer.headers["Content-Type"]
    assert "apidiscovery.k8s.io/v2" == answer.body["apiVersion"]
    (group,) = [
        each for each in answer.body["items"] if each["metadata"]["name"] == "contract.example.com"
    ]
    (resource,) = group["versions"][0]["resources"]
    assert ("gadgets", "Namespaced") == (resource["resource"], resource["scope"])
    parts = [each["subresource"] for each in resource["subresources"]]
    assert ["scale", "status"] == sorted(parts)


def test_the_server_says_its_version_and_schemas(wire):
    version = wire.ask("GET", "/version").body
    assert version["gitVersion"].startswith(f"v{version['major']}.{version['minor'].rstrip('+')}")

    paths = wire.ask("GET", "/openapi/v3").body["paths"]
    assert {"api/v1", "apis/apps/v1", "apis/contract.example.com/v1"} <= set(paths)
    url = paths["apis/contract.example.com/v1"]["serverRelativeURL"]
    schemas = wire.ask("GET", url).body["components"]["schemas"]
    gadget_schema = schemas["com.example.contract.v1.Gadget"]
    assert {"apiVersion", "kind", "metadata", "spec", "status"} == set(gadget_schema["properties"])
    assert "2.0" == wire.ask("GET", "/openapi/v2").body["swagger"]


def test_health_is_a_word(wire):
    assert [(200, "ok")] * 3 == [
        (answer.code, answer.text)
        for answer in (wire.ask("GET", path) for path in ("/healthz", "/livez", "/readyz"))
    ]

from __future__ import annotations

import pytest
from contract.api import MERGE, STRATEGIC
from contract.kinds import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    REPLICA_SETS,
    SERVICES,
    config_map,
    deployment,
    gadget,
    refused,
    replica_set,
    service,
)


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        (
            {"replicas": -1},
            "spec.replicas",
            "Invalid value: -1: spec.replicas in body should be greater than or equal to 0",
        ),
        (
            {"replicas": "3"},
            "spec.replicas",
            'Invalid value: "string": spec.replicas in body must be of type integer: "string"',
        ),
        (
            {"mode": "Warp"},
            "spec.mode",
            'Unsupported value: "Warp": supported values: "Slow", "Fast"',
        ),
        (
            {"note": "A"},
            "spec.note",
            "Invalid value: \"A\": spec.note in body should match '^[a-z]*$'",
        ),
        ({"note": "abcdef"}, "spec.note", "Too long: may not be more than 5 bytes"),
        ({"ports": [{}]}, "spec.ports[0].name", "Required value"),
        (
            {"ports": [{"name": "a"}, {"name": "a"}]},
            "spec.ports[1]",
            'Duplicate value: {"name":"a"}',
        ),
        ({"tags": ["a", "a"]}, "spec.tags[1]", 'Duplicate value: "a"'),
    ],
)
def test_a_custom_resource_is_held_to_its_schema(api, namespace, gadgets, spec, field, message):
    with refused(422, "Invalid") as caught:
        api.create(gadgets, namespace, gadget(**spec))
    causes = [(each["field"], each["message"]) for each in caught.value.causes]
    assert [(field, message)] == [each for each in causes if not each[0].startswith(".")]


@pytest.mark.parametrize(
    ("replicas", "message"),
    [
        (-1, "Invalid value: -1: should be a non-negative integer"),
        (
            "3",
            (
                "Invalid value: 0: .spec.replicas accessor error: 3 is of the type string, "
                "expected int64"
            ),
        ),
    ],
)
def test_the_scale_subresource_looks_at_the_replicas_too(
    api, namespace, gadgets, replicas, message
):
    with refused(422, "Invalid") as caught:
        api.create(gadgets, namespace, gadget(replicas=replicas))

    assert (".spec.replicas", message) in [
        (each["field"], each["message"]) for each in caught.value.causes
    ]


def test_a_missing_selector_matches_no_labels_either(api, namespace):
    web = replica_set()
    del web["spec"]["selector"]
    with refused(422, "Invalid") as caught:
        api.create(REPLICA_SETS, namespace, web)

    assert ["spec.selector", "spec.template.metadata.labels"] == [
        each["field"] for each in caught.value.causes
    ]


def test_a_name_is_free_only_when_its_last_owner_has_gone(api, namespace):
    api.create(CONFIG_MAPS, namespace, config_map(finalizers=["example.com/a"]))
    api.delete(CONFIG_MAPS, namespace, "m")
    message = 'object is being deleted: configmaps "m" already exists'
    with refused(409, "AlreadyExists", message):
        api.create(CONFIG_MAPS, namespace, config_map())


def test_a_patch_that_leaves_something_unreadable_is_invalid(api, namespace):
    api.create(CONFIG_MAPS, namespace, config_map())
    for patch_type in (MERGE, STRATEGIC):
        with refused(422, "Invalid") as caught:
            api.patch(CONFIG_MAPS, namespace, "m", {"data": {"number": 7}}, patch_type)
        assert ["patch"] == [each["field"] for each in caught.value.causes]


def test_a_finalizer_of_a_builtin_kind_names_a_domain(api, namespace):
    with refused(422, "Invalid") as caught:
        api.create(CONFIG_MAPS, namespace, config_map(finalizers=["hold"]))

    assert [
        (
            "metadata.finalizers[0]",
            (
                'Invalid value: "hold": name is neither a standard finalizer name nor is it fully '
                "qualified"
            ),
        )
    ] == [(each["field"], each["message"]) for each in caught.value.causes]


def test_unknown_fields_are_pruned_and_absent_ones_defaulted(api, namespace, gadgets):
    made = api.create(gadgets, namespace, gadget(odd=1, free={"any": [1]}))

    assert {"replicas": 1, "free": {"any": [1]}} == made["spec"]


@pytest.mark.parametrize("value", [1, "25%"])
def test_an_int_or_string_may_be_either(api, namespace, gadgets, value):
    assert value == api.create(gadgets, namespace, gadget(either=value))["spec"]["either"]


def test_strict_validation_names_unknown_fields(api, namespace, gadgets):
    with refused(400, "BadRequest") as caught:
        api.create(gadgets, namespace, gadget(odd=1), field_validation="Strict")
    assert 'strict decoding error: unknown field "spec.odd"' in caught.value.message


def test_a_selector_that_misses_the_template_is_refused(api, namespace):
    manifest = deployment(selector={"matchLabels": {"app": "api"}})

    with refused(422, "Invalid") as caught:
        api.create(DEPLOYMENTS, namespace, manifest)
    assert ["spec.template.metadata.labels"] == [each["field"] for each in caught.value.causes]
    assert "`selector` does not match template `labels`" in caught.value.message


def test_replicas_below_zero_are_refused(api, namespace):
    message = (
        'Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: '
        "must be greater than or equal to 0"
    )
    with refused(422, "Invalid", message):
        api.create(DEPLOYMENTS, namespace, deployment(replicas=-1))


def test_the_selector_of_a_deployment_is_immutable(api, namespace):
    api.create(DEPLOYMENTS, namespace, deployment())
    labels = {"app": "web", "tier": "a"}
    patch = {
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}},
        }
    }

    with refused(422, "Invalid") as caught:
        api.patch(DEPLOYMENTS, namespace, "web", patch, MERGE)
    assert "field is immutable" in caught.value.message


def test_a_value_of_the_wrong_type_is_a_bad_request(api, namespace):
    with refused(400, "BadRequest") as caught:
        api.create(DEPLOYMENTS, namespace, deployment(replicas="3"))
    assert "cannot unmarshal string into Go struct field" in caught.value.message
    assert "spec.replicas of type int32" in caught.value.message


def test_several_ports_need_names(api, namespace):
    with refused(422, "Invalid") as caught:
        api.create(SERVICES, namespace, service(ports=[{"port": 80}, {"port": 81}]))
    fields = [each["field"] for each in caught.value.causes]
    assert ["spec.ports[0].name", "spec.ports[1].name"] == fields


def test_a_bad_label_is_refused(api, namespace):
    with refused(422, "Invalid") as caught:
        api.create(CONFIG_MAPS, namespace, config_map(labels={"a b": "c"}))
    assert "metadata.labels" in {each["field"] for each in caught.value.causes}


def test_no_finalizer_is_added_once_deletion_has_begun(api, namespace):
    api.create(CONFIG_MAPS, namespace, config_map(finalizers=["example.com/a"]))
    api.delete(CONFIG_MAPS, namespace, "m")
    patch = {"metadata": {"finalizers": ["example.com/a", "example.com/b"]}}

    with refused(422, "Invalid") as caught:
        api.patch(CONFIG_MAPS, namespace, "m", patch, MERGE)
    assert ["metadata.finalizers"] == [each["field"] for each in caught.value.causes]
    api.patch(CONFIG_MAPS, namespace, "m", {"metadata": {"finalizers": None}}, MERGE)

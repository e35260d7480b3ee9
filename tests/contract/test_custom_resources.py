from __future__ import annotations

import pytest
from contract.api import MERGE
from contract.kinds import gadget, refused


def test_a_null_that_may_not_be_one_is_dropped(api, namespace, gadgets):
    made = api.create(gadgets, namespace, gadget(mode=None, replicas=None, either=None, note="a"))

    assert {"note": "a", "replicas": 1} == made["spec"]


def test_a_null_below_an_undescribed_value_stays(api, namespace, gadgets):
    made = api.create(gadgets, namespace, gadget(free={"deep": {"er": None}}))

    assert {"deep": {"er": None}} == made["spec"]["free"]


def test_a_null_that_may_be_one_stays(api, namespace, gadgets):
    made = api.create(gadgets, namespace, gadget(parts=[{"size": {"value": None}}]))

    assert {"value": None, "unit": "cm"} == made["spec"]["parts"][0]["size"]


def test_defaults_reach_into_lists_and_below_defaults(api, namespace, gadgets):
    made = api.create(gadgets, namespace, gadget(parts=[{}, {"kind": "nut", "size": {}}]))

    assert [
        {"kind": "bolt", "size": {"unit": "mm"}},
        {"kind": "nut", "size": {"unit": "cm"}},
    ] == made["spec"]["parts"]


def test_unknown_fields_go_at_every_level_but_where_they_are_kept(api, namespace, gadgets):
    spec = {"odd": 1, "parts": [{"odd": 1, "size": {"odd": 1}}], "free": {"odd": 1}}
    made = api.create(gadgets, namespace, gadget(**spec) | {"odd": 1})

    assert "odd" not in made
    assert {"free", "parts", "replicas"} == set(made["spec"])
    assert {"odd": 1} == made["spec"]["free"]
    assert {"kind", "size"} == set(made["spec"]["parts"][0])


@pytest.mark.parametrize("replicas", [1.5, 2**63, "1", True])
def test_an_integer_is_one_of_64_bits(api, namespace, gadgets, replicas):
    with refused(422, "Invalid") as caught:
        api.create(gadgets, namespace, gadget(replicas=replicas))
    assert ("FieldValueTypeInvalid", "spec.replicas") in [
        (each["reason"], each["field"]) for each in caught.value.causes
    ]


def test_a_text_is_told_the_first_thing_that_is_wrong(api, namespace, gadgets):
    with refused(422, "Invalid") as caught:
        api.create(gadgets, namespace, gadget(note="TOO LONG"))
    assert ["FieldValueTooLong"] == [each["reason"] for each in caught.value.causes]


def test_a_value_of_another_type_is_not_in_the_enumeration_either(api, namespace, gadgets):
    with refused(422, "Invalid") as caught:
        api.create(gadgets, namespace, gadget(mode=3))
    assert {"FieldValueTypeInvalid", "FieldValueNotSupported"} == {
        each["reason"] for each in caught.value.causes
    }


def test_a_nameless_object_is_refused_without_a_name(api, namespace, gadgets):
    body = {"apiVersion": gadgets.api_version, "kind": gadgets.kind, "spec": {}}

    with refused(422, "Invalid") as caught:
        api.create(gadgets, namespace, body)
    assert "name" not in caught.value.status["details"]


def test_a_status_is_not_replaced_without_a_version(api, namespace, gadgets):
    api.create(gadgets, namespace, gadget())

    with refused(422, "Invalid") as caught:
        api.update(gadgets, namespace, "one", gadget() | {"status": {}}, subresource="status")
    assert "gadgets" == caught.value.status["details"]["kind"]


def test_a_removed_default_comes_back_in_lists_too(api, namespace, gadgets):
    api.create(gadgets, namespace, gadget(parts=[{"kind": "nut"}]))

    patch = {"spec": {"parts": [{"kind": None}]}}
    changed = api.patch(gadgets, namespace, "one", patch, MERGE)

    assert "bolt" == changed["spec"]["parts"][0]["kind"]

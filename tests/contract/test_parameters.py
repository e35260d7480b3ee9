from __future__ import annotations

import pytest
from contract.api import APPLY, MERGE
from contract.kinds import CONFIG_MAPS, config_map

LONG = "x" * 129


def told(answer):
    """Return what a refusal is about: the options' kind, and reason and field of each cause."""
    assert ("Invalid", 422) == (answer.body["reason"], answer.code), answer.text
    details = answer.body["details"]
    assert "meta.k8s.io" == details["group"]
    assert answer.body["message"].startswith(f'{details["kind"]}.meta.k8s.io "" is invalid: ')
    return details["kind"], [(each["reason"], each["field"]) for each in details["causes"]]


@pytest.fixture
def path(wire, space):
    wire.create(CONFIG_MAPS, space, config_map())
    return wire.path(CONFIG_MAPS, space, "m")


@pytest.mark.parametrize(
    ("query", "cause"),
    [
        ({"dryRun": "Some"}, ("FieldValueNotSupported", "dryRun")),
        ({"fieldManager": LONG}, ("FieldValueTooLong", "fieldManager")),
        ({"fieldManager": "a\x07"}, ("FieldValueInvalid", "fieldManager")),
        ({"fieldValidation": "Odd"}, ("FieldValueNotSupported", "fieldValidation")),
    ],
)
def test_a_wrong_parameter_of_a_write_is_refused(wire, path, query, cause):
    collection = path.rpartition("/")[0]

    created = wire.ask("POST", collection, config_map("new"), **query)
    updated = wire.ask("PUT", path, config_map(), **query)
    patched = wire.ask("PATCH", path, {}, kind=MERGE, **query)

    assert ("CreateOptions", [cause]) == told(created)
    assert ("UpdateOptions", [cause]) == told(updated)
    assert ("PatchOptions", [cause]) == told(patched)


def test_only_an_apply_is_forced(wire, path):
    answer = wire.ask("PATCH", path, {}, kind=MERGE, force="true")

    assert ("PatchOptions", [("FieldValueForbidden", "force")]) == told(answer)


def test_somebody_has_to_apply(wire, path):
    answer = wire.ask("PATCH", path, config_map(), kind=APPLY)

    assert ("PatchOptions", [("FieldValueRequired", "fieldManager")]) == told(answer)


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ({"propagationPolicy": "Odd"}, ("FieldValueNotSupported", "propagationPolicy")),
        (
            {"propagationPolicy": "Orphan", "orphanDependents": True},
            ("FieldValueInvalid", "propagationPolicy"),
        ),
        ({"dryRun": ["Some"]}, ("FieldValueNotSupported", "dryRun")),
    ],
)
def test_wrong_options_of_a_deletion_are_refused(wire, path, body, cause):
    options = {"kind": "DeleteOptions", "apiVersion": "v1", **body}

    assert ("DeleteOptions", [cause]) == told(wire.ask("DELETE", path, options))
    assert 200 == wire.ask("GET", path).code


def test_options_of_a_deletion_are_delete_options(wire, path):
    answer = wire.ask("DELETE", path, config_map())

    assert (400, "BadRequest") == (answer.code, answer.body["reason"])
    assert 200 == wire.ask("GET", path).code


MATCH = "resourceVersionMatch"
FORBIDDEN = ("FieldValueForbidden", MATCH)


@pytest.mark.parametrize(
    ("query", "causes"),
    [
        ({MATCH: "Exact"}, [FORBIDDEN]),
        ({MATCH: "NotOlderThan"}, [FORBIDDEN]),
        ({MATCH: "Exact", "resourceVersion": "0"}, [FORBIDDEN]),
        ({MATCH: "Odd", "resourceVersion": "1"}, [("FieldValueNotSupported", MATCH)]),
        ({MATCH: "Exact", "resourceVersion": "1", "continue": "x"}, [FORBIDDEN]),
        ({"sendInitialEvents": "true"}, [("FieldValueForbidden", "sendInitialEvents")]),
        (
            {"watch": "true", MATCH: "Exact", "resourceVersion": "1"},
            [FORBIDDEN, ("FieldValueNotSupported", MATCH)],
        ),
        ({"watch": "true", "sendInitialEvents": "true"}, [FORBIDDEN]),
        ({"watch": "true", "continue": "x"}, [FORBIDDEN]),
    ],
)
def test_parameters_of_a_list_or_watch_that_do_not_go_together(wire, path, query, causes):
    answer = wire.ask("GET", path.rpartition("/")[0], **query)

    assert ("ListOptions", causes) == told(answer)


def test_a_number_is_a_number(wire, path):
    answer = wire.ask("GET", path.rpartition("/")[0], limit="many")

    message = 'strconv.ParseInt: parsing "many": invalid syntax'
    assert (400, message) == (answer.code, answer.body["message"])

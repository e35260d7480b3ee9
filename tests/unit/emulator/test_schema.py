from __future__ import annotations

import pytest
from unit.emulator.objects import MERGE, crd, crd_version, refused, widget

from rollouts.emulator import ApiServer

DEFINITIONS = ("apiextensions.k8s.io", "v1", "customresourcedefinitions")


def serve(server, spec):
    server.create(server.resource(*DEFINITIONS), "", crd(crd_version(spec=spec)))
    return server.resource("example.com", "v1", "widgets")


def one(schema, **more):
    return {"type": "object", "properties": {"x": schema}, **more}


def test_unknown_fields_are_pruned(server, widgets):
    manifest = widget(mode="Fast", speed=3, steps=[{"odd": 1}])

    made = server.create(widgets, "default", manifest | {"extra": 1})

    assert {"mode": "Fast", "steps": [{}], "replicas": 1} == made["spec"]
    assert "extra" not in made


def test_unknown_fields_stay_where_the_schema_preserves_them(server, widgets):
    made = server.create(widgets, "default", widget(free={"any": {"thing": [1]}}))

    assert {"any": {"thing": [1]}} == made["spec"]["free"]


def test_unknown_metadata_is_pruned(server, widgets):
    manifest = widget()
    manifest["metadata"]["color"] = "red"

    assert "color" not in server.create(widgets, "default", manifest)["metadata"]


def test_strict_validation_refuses_unknown_fields_and_names_them(server, widgets):
    message = (
        'Widget in version "v1" cannot be handled as a Widget: strict decoding error: '
        'unknown field "spec.speed", unknown field "spec.steps[0].odd"'
    )
    with refused(400, message=message):
        server.create(
            widgets,
            "default",
            widget(speed=3, steps=[{"odd": 1}]),
            field_validation="Strict",
        )


def test_warn_validation_reports_unknown_fields_and_goes_on(server, widgets):
    warnings = []

    server.create(widgets, "default", widget(speed=3), field_validation="Warn", warnings=warnings)

    assert ['unknown field "spec.speed"'] == warnings


def test_absent_values_are_defaulted_on_every_level(server):
    widgets = serve(
        server,
        {
            "type": "object",
            "properties": {
                "a": {
                    "type": "object",
                    "default": {},
                    "properties": {"b": {"type": "integer", "default": 2}},
                },
                "c": {"type": "array", "items": one({"type": "string", "default": "d"})},
            },
        },
    )

    made = server.create(widgets, "default", widget(c=[{}, {"x": "e"}]))

    assert {"a": {"b": 2}, "c": [{"x": "d"}, {"x": "e"}]} == made["spec"]


def test_null_takes_the_default_unless_the_field_is_nullable(server, widgets):
    made = server.create(widgets, "default", widget(replicas=None, note=None))

    assert {"replicas": 1, "note": None} == made["spec"]


def test_a_default_is_filled_in_again_when_a_patch_removes_the_value(server, widgets):
    server.create(widgets, "default", widget(replicas=5))

    patched = server.patch(widgets, "default", "one", {"spec": {"replicas": None}}, MERGE)

    assert 1 == patched["spec"]["replicas"]


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        (
            {"type": "integer"},
            "3",
            'spec.x: Invalid value: "string": spec.x in body must be of type integer: "string"',
        ),
        (
            {"type": "integer"},
            1.5,
            'spec.x: Invalid value: "number": spec.x in body must be of type integer: "number"',
        ),
        (
            {"type": "string"},
            True,
            'spec.x: Invalid value: "boolean": spec.x in body must be of type string: "boolean"',
        ),
        (
            {"type": "array", "items": {"type": "string"}},
            {},
            'spec.x: Invalid value: "object": spec.x in body must be of type array: "object"',
        ),
        (
            {"x-kubernetes-int-or-string": True},
            True,
            (
                'spec.x: Invalid value: "boolean": '
                'spec.x in body must be of type integer,string: "boolean"'
            ),
        ),
        (
            {"type": "integer", "minimum": 1},
            0,
            "spec.x: Invalid value: 0: spec.x in body should be greater than or equal to 1",
        ),
        (
            {"type": "integer", "maximum": 1},
            2,
            "spec.x: Invalid value: 2: spec.x in body should be less than or equal to 1",
        ),
        (
            {"type": "integer", "minimum": 1, "exclusiveMinimum": True},
            1,
            "spec.x: Invalid value: 1: spec.x in body should be greater than 1",
        ),
        (
            {"type": "string", "pattern": "^a+$"},
            "b",
            "spec.x: Invalid value: \"b\": spec.x in body should match '^a+$'",
        ),
        (
            {"type": "string", "minLength": 1},
            "",
            'spec.x: Invalid value: "": spec.x in body should be at least 1 chars long',
        ),
        (
            {"type": "string", "maxLength": 1},
            "ab",
            "spec.x: Too long: may not be more than 1 bytes",
        ),
        (
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
            [],
            "spec.x: Invalid value: 0: spec.x in body should have at least 1 items",
        ),
        (
            {"type": "array", "items": {"type": "string"}, "maxItems": 1},
            ["a", "b"],
            "spec.x: Too many: 2: must have at most 1 items",
        ),
        (
            {"type": "string", "enum": ["a", "b"]},
            "c",
            'spec.x: Unsupported value: "c": supported values: "a", "b"',
        ),
        (
            {"type": "string", "format": "date-time"},
            "yesterday",
            (
                'spec.x: Invalid value: "yesterday": spec.x in body must be of type date-time: '
                '"yesterday"'
            ),
        ),
        (
            {"type": "integer", "multipleOf": 5},
            7,
            "spec.x: Invalid value: 7: spec.x in body should be a multiple of 5",
        ),
        (
            {
                "type": "array",
                "x-kubernetes-list-type": "set",
                "items": {"type": "string"},
            },
            ["a", "a"],
            'spec.x[1]: Duplicate value: "a"',
        ),
        (
            {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": {"type": "string"}},
                },
            },
            [{"name": "a"}, {"name": "a"}],
            'spec.x[1]: Duplicate value: {"name":"a"}',
        ),
        (
            {"type": "object", "required": ["y"], "properties": {"y": {"type": "string"}}},
            {},
            "spec.x.y: Required value",
        ),
        (
            {"type": "object", "additionalProperties": {"type": "integer"}},
            {"k": "v"},
            'spec.x.k: Invalid value: "string": spec.x.k in body must be of type integer: "string"',
        ),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
            },
            {},
            (
                'spec.x: Invalid value: "": "spec.x" must validate one and only one schema '
                "(oneOf). Found none valid"
            ),
        ),
        (
            {"type": "string", "anyOf": [{"pattern": "^a"}, {"pattern": "^b"}]},
            "c",
            'spec.x: Invalid value: "": "spec.x" must validate at least one schema (anyOf)',
        ),
        (
            {"type": "string", "not": {"enum": ["bad"]}},
            "bad",
            'spec.x: Invalid value: "": "spec.x" must not validate the schema (not)',
        ),
    ],
)
def test_an_invalid_value_is_refused_in_the_words_of_the_api(server, schema, value, message):
    widgets = serve(server, one(schema))

    whole = f'Widget.example.com "one" is invalid: {message}'
    with refused(422, reason="Invalid", message=whole):
        server.create(widgets, "default", widget(x=value))


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 1}, 1),
        ({"type": "number"}, 1),
        ({"type": "string", "maxLength": 1}, "é"),
        ({"x-kubernetes-int-or-string": True}, "25%"),
        ({"x-kubernetes-int-or-string": True}, 1),
        ({"type": "string", "nullable": True}, None),
        ({"type": "string", "format": "date-time"}, "2026-01-01T00:00:00Z"),
        ({"type": "string", "format": "unheard-of"}, "x"),
        ({"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1}, ["a"]),
    ],
)
def test_a_value_at_the_limit_is_accepted(server, schema, value):
    widgets = serve(server, one(schema))

    assert value == server.create(widgets, "default", widget(x=value))["spec"]["x"]


def test_everything_wrong_is_reported_at_once(server, widgets):
    with refused(422) as caught:
        server.create(widgets, "default", widget(replicas=-1, mode="Warp", ports=[{}]))

    fields = [cause["field"] for cause in caught.value.details["causes"]]
    # The last one is the scale subresource, which reads the number on its own.
    assert ["spec.replicas", "spec.mode", "spec.ports[0].name", ".spec.replicas"] == fields
    assert "Widget" == caught.value.details["kind"]


def test_a_value_that_did_not_change_is_not_validated_again(server, widgets):
    server.create(widgets, "default", widget(mode="Fast"))
    definitions = server.resource(*DEFINITIONS)
    enum = [
        {
            "op": "replace",
            "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/mode/enum",
            "value": ["Slow"],
        }
    ]
    server.patch(definitions, "", "widgets.example.com", enum, "application/json-patch+json")
    widgets = server.resource("example.com", "v1", "widgets")

    patched = server.patch(widgets, "default", "one", {"spec": {"replicas": 2}}, MERGE)

    assert 2 == patched["spec"]["replicas"]
    with refused(422):
        server.create(widgets, "default", widget("two", mode="Fast"))


def test_stored_objects_are_read_through_a_changed_schema(server, widgets):
    server.create(widgets, "default", widget())
    definitions = server.resource(*DEFINITIONS)
    path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/color"
    added = {"type": "string", "default": "blue"}
    patch = [{"op": "add", "path": path, "value": added}]
    server.patch(definitions, "", "widgets.example.com", patch, "application/json-patch+json")

    assert "blue" == server.get(widgets, "default", "one")["spec"]["color"]


def test_a_server_without_ownership_prunes_and_validates_alike(clock):
    server = ApiServer(clock, track_ownership=False)
    widgets = serve(server, one({"type": "integer", "minimum": 0}))

    assert {"x": 1} == server.create(widgets, "default", widget(x=1, y=2))["spec"]
    with refused(422):
        server.patch(widgets, "default", "one", {"spec": {"x": -1}}, MERGE)

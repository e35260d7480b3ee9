from __future__ import annotations

import pytest
from contract.api import APPLY, MERGE
from contract.kinds import (
    CONFIG_MAPS,
    GADGET,
    REPLICA_SETS,
    config_map,
    gadget,
    refused,
    replica_set,
    rv,
)


def test_status_is_ignored_on_creation(api, namespace, gadgets):
    made = api.create(gadgets, namespace, gadget() | {"status": {"phase": "Good"}})

    assert "status" not in made


def test_status_is_ignored_on_the_main_endpoint(api, namespace, gadgets):
    api.create(gadgets, namespace, gadget())
    status = {"status": {"phase": "Good"}}
    api.patch(gadgets, namespace, "one", status, MERGE, subresource="status")

    patch = {"spec": {"replicas": 2}, "status": {"phase": "Bad"}}
    changed = api.patch(gadgets, namespace, "one", patch, MERGE)

    assert ({"phase": "Good"}, 2) == (changed["status"], changed["spec"]["replicas"])


def test_all_but_status_is_ignored_on_the_status_endpoint(api, namespace, gadgets):
    api.create(gadgets, namespace, gadget(replicas=1))
    patch = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"replicas": 9},
        "status": {"phase": "Good"},
    }

    changed = api.patch(gadgets, namespace, "one", patch, MERGE, subresource="status")

    assert ({"phase": "Good"}, {"replicas": 1}) == (changed["status"], changed["spec"])
    assert "labels" not in changed["metadata"]
    assert 1 == changed["metadata"]["generation"]


def test_a_built_in_status_starts_empty_and_can_be_written(api, namespace):
    made = api.create(REPLICA_SETS, namespace, replica_set() | {"status": {"replicas": 5}})

    patch = {"status": {"replicas": 1, "observedGeneration": 1}}
    after = api.patch(REPLICA_SETS, namespace, "web", patch, MERGE, subresource="status")

    assert ({"replicas": 0}, {"replicas": 1, "observedGeneration": 1}) == (
        made["status"],
        after["status"],
    )


def test_the_scale_shows_and_sets_the_wanted_replicas(api, namespace):
    api.create(REPLICA_SETS, namespace, replica_set(replicas=3))
    shown = api.get(REPLICA_SETS, namespace, "web", subresource="scale")

    api.patch(REPLICA_SETS, namespace, "web", {"spec": {"replicas": 4}}, MERGE, subresource="scale")

    assert ("Scale", "autoscaling/v1", 3) == (
        shown["kind"],
        shown["apiVersion"],
        shown["spec"]["replicas"],
    )
    assert "app=web" == shown["status"]["selector"]
    assert 4 == api.get(REPLICA_SETS, namespace, "web")["spec"]["replicas"]


def test_a_custom_resource_scales(api, namespace, gadgets):
    api.create(gadgets, namespace, gadget(replicas=2))
    status = {"status": {"replicas": 1, "selector": "app=one"}}
    api.patch(gadgets, namespace, "one", status, MERGE, subresource="status")
    scale = api.get(gadgets, namespace, "one", subresource="scale")

    api.update(gadgets, namespace, "one", {**scale, "spec": {"replicas": 5}}, subresource="scale")

    assert {"replicas": 1, "selector": "app=one"} == scale["status"]
    assert 5 == api.get(gadgets, namespace, "one")["spec"]["replicas"]


def test_a_stale_scale_conflicts(api, namespace):
    api.create(REPLICA_SETS, namespace, replica_set())
    scale = api.get(REPLICA_SETS, namespace, "web", subresource="scale")
    changed = api.patch(REPLICA_SETS, namespace, "web", {"spec": {"replicas": 2}}, MERGE)

    assert rv(scale) != rv(changed)
    with refused(409, "Conflict"):
        api.update(REPLICA_SETS, namespace, "web", scale, subresource="scale")


def test_a_type_without_a_subresource_has_none(api, namespace):
    api.create(CONFIG_MAPS, namespace, config_map())

    with refused(404, "NotFound"):
        api.get(CONFIG_MAPS, namespace, "m", subresource="scale")


def scale_of(name, replicas):
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": name},
        "spec": {"replicas": replicas},
    }


def entries(manifest, subresource):
    return [
        (each["manager"], each["operation"], each["fieldsV1"], "time" in each)
        for each in manifest["metadata"]["managedFields"]
        if each.get("subresource", "") == subresource
    ]


REPLICAS = {"f:spec": {"f:replicas": {}}}


@pytest.fixture(params=["ReplicaSet", "Gadget"])
def scaled(request, api, namespace):
    """An object of two replicas, of a built-in kind and of a custom one: (kind, name)."""
    kind, made = {
        "ReplicaSet": (REPLICA_SETS, replica_set("it", replicas=2)),
        "Gadget": (GADGET, gadget("it", replicas=2)),
    }[request.param]
    api.create(kind, namespace, made, field_manager="maker")
    return kind


def test_whoever_scales_owns_the_replicas(api, namespace, scaled):
    patch = {"spec": {"replicas": 5}}
    api.patch(scaled, namespace, "it", patch, MERGE, subresource="scale", field_manager="hpa")

    found = api.get(scaled, namespace, "it")

    assert [("hpa", "Update", REPLICAS, False)] == entries(found, "scale")
    ((_, _, fields, _),) = entries(found, "")
    assert "f:replicas" not in fields["f:spec"]


def apply_scale(api, kind, namespace, replicas, manager, *, force=False):
    body = scale_of("it", replicas)
    options = {"subresource": "scale", "field_manager": manager, "force": force}
    return api.patch(kind, namespace, "it", body, APPLY, **options)


def conflict_with(owner):
    return refused(
        409, "Conflict", f"Apply failed with 1 conflict: conflict with {owner}: .spec.replicas"
    )


def test_an_applied_scale_conflicts_with_the_owner_of_the_replicas(api, namespace, scaled):
    with conflict_with('"maker" using autoscaling/v1'):
        apply_scale(api, scaled, namespace, 3, "a")
    assert 2 == api.get(scaled, namespace, "it")["spec"]["replicas"]


def test_a_forced_scale_takes_the_replicas(api, namespace):
    api.create(REPLICA_SETS, namespace, replica_set("it", replicas=2), field_manager="maker")

    taken = apply_scale(api, REPLICA_SETS, namespace, 3, "a", force=True)

    assert 3 == taken["spec"]["replicas"]
    found = api.get(REPLICA_SETS, namespace, "it")
    assert [("a", "Apply", REPLICAS, False)] == entries(found, "scale")
    with conflict_with('"a" with subresource "scale"'):
        apply_scale(api, REPLICA_SETS, namespace, 4, "b")


def test_the_scale_of_a_custom_resource_cannot_be_taken_by_force(api, namespace, gadgets):
    api.create(gadgets, namespace, gadget("it", replicas=2))

    with refused(500, "") as caught:
        apply_scale(api, gadgets, namespace, 3, "a", force=True)
    assert "request to convert CR to an invalid group/version" in caught.value.message


def test_an_applied_scale_that_agrees_shares_the_replicas(api, namespace, scaled):
    apply_scale(api, scaled, namespace, 2, "a")

    found = api.get(scaled, namespace, "it")

    assert [("a", "Apply", REPLICAS, False)] == entries(found, "scale")
    assert any("f:replicas" in fields["f:spec"] for _, _, fields, _ in entries(found, ""))


@pytest.fixture
def unowned(api, namespace):
    """A ReplicaSet whose replicas are a default that nobody asked for."""
    return api.patch(REPLICA_SETS, namespace, "it", replica_set("it"), APPLY, field_manager="bob")


def test_replicas_of_nobody_stay_so_when_they_are_written(api, namespace, unowned):
    patch = {"spec": {"replicas": 5}}
    api.patch(REPLICA_SETS, namespace, "it", patch, MERGE, subresource="scale")

    assert [] == entries(api.get(REPLICA_SETS, namespace, "it"), "scale")


def test_replicas_of_nobody_conflict_with_what_was_before(api, namespace, unowned):
    with conflict_with('"before-first-apply" with subresource "scale" using autoscaling/v1'):
        apply_scale(api, REPLICA_SETS, namespace, 2, "a")
    apply_scale(api, REPLICA_SETS, namespace, 1, "a")

    managers = [manager for manager, *_ in entries(api.get(REPLICA_SETS, namespace, "it"), "scale")]
    assert ["a", "before-first-apply"] == managers


def test_no_replicas_are_owned_by_nobody(api, namespace, scaled):
    patch = {"spec": {"replicas": 0}}
    api.patch(scaled, namespace, "it", patch, MERGE, subresource="scale", field_manager="hpa")

    assert [] == entries(api.get(scaled, namespace, "it"), "scale")


def test_a_scale_without_a_number_is_refused(api, namespace, scaled):
    with refused(422, "Invalid") as caught:
        patch = {"spec": {"replicas": "many"}}
        api.patch(scaled, namespace, "it", patch, MERGE, subresource="scale")
    assert ["patch"] == [each["field"] for each in caught.value.causes]
    with refused(400, "BadRequest"):
        api.update(scaled, namespace, "it", scale_of("it", "many"), subresource="scale")


def test_negative_replicas_are_refused(api, namespace, scaled):
    with refused(422, "Invalid") as caught:
        patch = {"spec": {"replicas": -1}}
        api.patch(scaled, namespace, "it", patch, MERGE, subresource="scale")
    kind = "Gadget" if scaled == GADGET else "Scale"
    assert kind == caught.value.status["details"]["kind"]
    assert "spec.replicas" in [each["field"] for each in caught.value.causes]


@pytest.mark.parametrize(
    ("metadata", "code", "words"),
    [
        ({"name": "other"}, 400, "does not match the name on the URL"),
        ({}, 400, "was undeterminable: name must be provided"),
        ({"name": "it", "namespace": "other"}, 400, "does not match the namespace sent"),
        ({"name": "it", "uid": "gone"}, 409, "UID in precondition: gone"),
    ],
)
def test_a_scale_of_something_else_is_refused(api, namespace, scaled, metadata, code, words):
    body = scale_of("it", 3) | {"metadata": metadata}

    with refused(code, "BadRequest" if code == 400 else "Conflict") as caught:
        api.update(scaled, namespace, "it", body, subresource="scale")
    assert words in caught.value.message
    assert 2 == api.get(scaled, namespace, "it")["spec"]["replicas"]


def test_more_ready_than_there_are_is_refused(api, namespace):
    api.create(REPLICA_SETS, namespace, replica_set())
    status = {"status": {"replicas": 1, "readyReplicas": 2}}

    with refused(422, "Invalid") as caught:
        api.patch(REPLICA_SETS, namespace, "web", status, MERGE, subresource="status")
    assert ["status.readyReplicas"] == [each["field"] for each in caught.value.causes]
    with refused(422, "Invalid"):
        negative = {"status": {"replicas": -1}}
        api.patch(REPLICA_SETS, namespace, "web", negative, MERGE, subresource="status")


def test_a_status_can_be_applied(api, namespace, gadgets):
    api.create(gadgets, namespace, gadget())
    body = gadget() | {"status": {"phase": "Good"}}
    options = {"subresource": "status", "field_manager": "a"}

    applied = api.patch(gadgets, namespace, "one", body, APPLY, **options)

    assert {"phase": "Good"} == applied["status"]
    assert [("a", "Apply", {"f:status": {"f:phase": {}}}, True)] == entries(applied, "status")


def test_replicas_that_are_not_there_can_be_set_but_not_shown(api, namespace, gadgets):
    body = {"apiVersion": gadgets.api_version, "kind": gadgets.kind, "metadata": {"name": "one"}}
    api.create(gadgets, namespace, body)
    with refused(500, "InternalError"):
        api.get(gadgets, namespace, "one", subresource="scale")

    patch = {"spec": {"replicas": 3}}
    scaled = api.patch(gadgets, namespace, "one", patch, MERGE, subresource="scale")

    assert 3 == scaled["spec"]["replicas"]
    assert {"replicas": 3} == api.get(gadgets, namespace, "one")["spec"]

from __future__ import annotations

from contract.api import MERGE
from contract.kinds import CONFIG_MAPS, REPLICA_SETS, config_map, gadget, refused, replica_set, rv


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

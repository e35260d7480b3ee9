from __future__ import annotations

import pytest
from unit.emulator.objects import (
    JSON,
    MERGE,
    crd,
    crd_version,
    deployment,
    pod,
    refused,
    replica_set,
    service,
    widget,
)


@pytest.fixture
def sets(server):
    return server.resource("apps", "v1", "replicasets")


def test_status_is_ignored_when_an_object_is_created(server, sets, widgets):
    made = server.create(sets, "default", replica_set() | {"status": {"replicas": 5}})
    custom = server.create(widgets, "default", widget(status={"phase": "Good"}))

    assert {"replicas": 0} == made["status"]
    assert "status" not in custom


@pytest.mark.parametrize("verb", ["update", "patch"])
def test_status_is_ignored_on_the_main_endpoint(server, widgets, verb):
    made = server.create(widgets, "default", widget())
    server.patch(
        widgets, "default", "one", {"status": {"phase": "Good"}}, MERGE, subresource="status"
    )
    if verb == "patch":
        patch = {"status": {"phase": "Bad"}, "spec": {"replicas": 2}}
        changed = server.patch(widgets, "default", "one", patch, MERGE)
    else:
        manifest = widget(replicas=2, status={"phase": "Bad"})
        version = server.get(widgets, "default", "one")["metadata"]["resourceVersion"]
        manifest["metadata"] = {**made["metadata"], "resourceVersion": version}
        changed = server.update(widgets, "default", "one", manifest)

    assert {"phase": "Good"} == changed["status"]
    assert 2 == changed["spec"]["replicas"]


def test_everything_but_status_is_ignored_on_the_status_endpoint(server, widgets):
    server.create(widgets, "default", widget(replicas=1))
    patch = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"replicas": 9},
        "status": {"phase": "Good"},
    }

    changed = server.patch(widgets, "default", "one", patch, MERGE, subresource="status")

    assert {"phase": "Good"} == changed["status"]
    assert {"replicas": 1} == changed["spec"]
    assert "labels" not in changed["metadata"]


def test_the_status_of_a_built_in_kind_may_carry_annotations(server, sets):
    server.create(sets, "default", replica_set())
    patch = {"metadata": {"annotations": {"a": "b"}}, "status": {"replicas": 1}}

    changed = server.patch(sets, "default", "web", patch, MERGE, subresource="status")

    assert {"a": "b"} == changed["metadata"]["annotations"]


def test_status_writes_leave_the_generation_alone(server, widgets, sets):
    server.create(widgets, "default", widget())
    server.create(sets, "default", replica_set())
    one = server.patch(widgets, "default", "one", {"status": {"a": 1}}, MERGE, subresource="status")
    two = server.patch(
        sets, "default", "web", {"status": {"replicas": 1}}, MERGE, subresource="status"
    )

    assert 1 == one["metadata"]["generation"] == two["metadata"]["generation"]


def test_a_status_write_that_changes_nothing_keeps_the_version(server, widgets):
    server.create(widgets, "default", widget())
    patch = {"status": {"phase": "Good"}}
    first = server.patch(widgets, "default", "one", patch, MERGE, subresource="status")

    assert server.patch(widgets, "default", "one", patch, MERGE, subresource="status") is first


def test_a_stale_status_update_is_refused(server, widgets):
    made = server.create(widgets, "default", widget())
    server.patch(widgets, "default", "one", {"spec": {"replicas": 3}}, MERGE)

    with refused(409):
        server.update(widgets, "default", "one", {**made, "status": {"a": 1}}, subresource="status")


def test_a_type_without_status_keeps_status_as_content(server):
    definitions = server.resource("apiextensions.k8s.io", "v1", "customresourcedefinitions")
    server.create(definitions, "", crd(crd_version(subresources={})))
    widgets = server.resource("example.com", "v1", "widgets")

    made = server.create(widgets, "default", widget(status={"phase": "Good"}))
    changed = server.patch(widgets, "default", "one", {"status": {"phase": "Bad"}}, MERGE)

    assert {"phase": "Good"} == made["status"]
    assert ({"phase": "Bad"}, 2) == (changed["status"], changed["metadata"]["generation"])
    with refused(404):
        server.patch(widgets, "default", "one", {"status": {}}, MERGE, subresource="status")


def test_the_scale_of_a_deployment_shows_replicas_and_selector(server):
    deployments = server.resource("apps", "v1", "deployments")
    made = server.create(deployments, "default", deployment(replicas=3))
    patch = {"status": {"replicas": 2}}
    server.patch(deployments, "default", "web", patch, MERGE, subresource="status")

    scale = server.get(deployments, "default", "web", subresource="scale")

    assert ("Scale", "autoscaling/v1") == (scale["kind"], scale["apiVersion"])
    assert {"replicas": 3} == scale["spec"]
    assert {"replicas": 2, "selector": "app=web"} == scale["status"]
    assert made["metadata"]["uid"] == scale["metadata"]["uid"]


def test_scaling_changes_the_wanted_replicas(server, sets):
    server.create(sets, "default", replica_set())

    scale = server.patch(
        sets, "default", "web", {"spec": {"replicas": 4}}, MERGE, subresource="scale"
    )

    assert {"replicas": 4} == scale["spec"]
    stored = server.get(sets, "default", "web")
    assert (4, 2) == (stored["spec"]["replicas"], stored["metadata"]["generation"])


def test_scaling_to_zero_and_back(server, sets):
    server.create(sets, "default", replica_set())
    down = server.patch(
        sets, "default", "web", {"spec": {"replicas": 0}}, MERGE, subresource="scale"
    )
    up = server.patch(
        sets,
        "default",
        "web",
        [{"op": "add", "path": "/spec/replicas", "value": 2}],
        JSON,
        subresource="scale",
    )

    assert ({}, {"replicas": 2}) == (down["spec"], up["spec"])


def test_a_scale_can_be_replaced_as_a_whole(server, sets):
    server.create(sets, "default", replica_set())
    scale = server.get(sets, "default", "web", subresource="scale")

    server.update(sets, "default", "web", {**scale, "spec": {"replicas": 7}}, subresource="scale")

    assert 7 == server.get(sets, "default", "web")["spec"]["replicas"]
    with refused(409):
        server.update(sets, "default", "web", scale, subresource="scale")


def test_replicas_below_zero_are_refused(server, sets):
    server.create(sets, "default", replica_set())

    with refused(422):
        server.patch(sets, "default", "web", {"spec": {"replicas": -1}}, MERGE, subresource="scale")


def test_a_custom_resource_scales_along_the_paths_of_its_definition(server, widgets):
    server.create(widgets, "default", widget(replicas=2))
    status = {"status": {"replicas": 1, "selector": "app=one"}}
    server.patch(widgets, "default", "one", status, MERGE, subresource="status")

    shown = server.get(widgets, "default", "one", subresource="scale")
    server.patch(widgets, "default", "one", {"spec": {"replicas": 5}}, MERGE, subresource="scale")

    assert {"replicas": 2} == shown["spec"]
    assert {"replicas": 1, "selector": "app=one"} == shown["status"]
    assert 5 == server.get(widgets, "default", "one")["spec"]["replicas"]


def test_a_subresource_that_a_type_lacks_is_not_found(server):
    services = server.resource("", "v1", "services")
    server.create(services, "default", service())

    with refused(404):
        server.get(services, "default", "web", subresource="scale")


def test_a_pod_keeps_its_status_on_ordinary_updates(server):
    pods = server.resource("", "v1", "pods")
    made = server.create(pods, "default", pod())

    assert {"phase": "Pending", "qosClass": "BestEffort"} == made["status"]
    changed = server.patch(pods, "default", "web", {"status": {"phase": "Running"}}, MERGE)
    assert "Pending" == changed["status"]["phase"]

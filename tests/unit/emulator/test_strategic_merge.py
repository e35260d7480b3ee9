from __future__ import annotations

import copy

import pytest
from unit.emulator.objects import STRATEGIC, deployment, pod_template, refused

from rollouts.emulator.strategic import strategic_merge
from rollouts.emulator.wire import root_type

DEPLOYMENT = root_type("apps", "Deployment")
SERVICE = root_type("", "Service")
POD = root_type("", "Pod")


def two_containers():
    spec = {"containers": [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}]}
    return {"spec": {"template": {"spec": spec}}}


def merged_containers(*items, order=None):
    spec = {"containers": list(items)}
    if order is not None:
        spec["$setElementOrder/containers"] = [{"name": name} for name in order]
    before = two_containers()
    kept = copy.deepcopy(before)
    merged = strategic_merge(DEPLOYMENT, before, {"spec": {"template": {"spec": spec}}})
    assert kept == before
    return merged["spec"]["template"]["spec"]["containers"]


def names(items):
    return [item["name"] for item in items]


def test_containers_merge_by_name():
    merged = merged_containers({"name": "b", "image": "b:2"})

    assert ["a:1", "b:2"] == [item["image"] for item in merged]


def test_a_new_container_comes_first():
    assert ["c", "a", "b"] == names(merged_containers({"name": "c", "image": "c:1"}))


def test_the_element_order_moves_items_and_keeps_unnamed_ones():
    merged = merged_containers({"name": "c"}, order=["b", "c"])

    assert ["a", "b", "c"] == names(merged)


def test_an_item_marked_for_deletion_goes():
    assert ["b"] == names(merged_containers({"name": "a", "$patch": "delete"}))


def test_a_list_marked_replace_keeps_only_the_patch():
    assert ["c"] == names(merged_containers({"name": "c"}, {"$patch": "replace"}))


def test_an_object_marked_replace_loses_the_rest():
    before = {"spec": {"selector": {"matchLabels": {"a": "1"}}, "replicas": 1}}

    merged = strategic_merge(DEPLOYMENT, before, {"spec": {"$patch": "replace", "replicas": 2}})

    assert {"spec": {"replicas": 2}} == merged


def test_an_object_marked_delete_is_emptied():
    before = {"spec": {"strategy": {"type": "Recreate"}}}

    merged = strategic_merge(DEPLOYMENT, before, {"spec": {"strategy": {"$patch": "delete"}}})

    assert {"spec": {"strategy": {}}} == merged


def test_retain_keys_drops_what_is_not_named():
    before = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"type": "Recreate", "$retainKeys": ["type"]}}}

    assert {"spec": {"strategy": {"type": "Recreate"}}} == strategic_merge(
        DEPLOYMENT, before, patch
    )


def test_a_key_that_is_set_and_not_retained_is_refused():
    patch = {"spec": {"strategy": {"type": "Recreate", "$retainKeys": ["rollingUpdate"]}}}

    with refused(422):
        strategic_merge(DEPLOYMENT, {"spec": {"strategy": {}}}, patch)


def test_values_can_be_deleted_from_a_list_of_primitives():
    before = {"metadata": {"finalizers": ["a/1", "a/2", "a/3"]}}
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/2"]}}

    merged = strategic_merge(DEPLOYMENT, before, patch)

    assert ["a/1", "a/3"] == merged["metadata"]["finalizers"]


def test_finalizers_are_added_to_and_not_doubled():
    before = {"metadata": {"finalizers": ["a/1"]}}

    merged = strategic_merge(DEPLOYMENT, before, {"metadata": {"finalizers": ["a/1", "a/2"]}})

    assert ["a/1", "a/2"] == merged["metadata"]["finalizers"]


def test_service_ports_merge_by_port():
    before = {"spec": {"ports": [{"port": 80, "name": "http"}, {"port": 443, "name": "tls"}]}}

    merged = strategic_merge(
        SERVICE, before, {"spec": {"ports": [{"port": 443, "nodePort": 30001}]}}
    )

    assert {"port": 443, "name": "tls", "nodePort": 30001} in merged["spec"]["ports"]
    assert 2 == len(merged["spec"]["ports"])


def test_tolerations_are_replaced_as_a_whole():
    before = {"spec": {"tolerations": [{"key": "a"}, {"key": "b"}]}}

    merged = strategic_merge(POD, before, {"spec": {"tolerations": [{"key": "c"}]}})

    assert [{"key": "c"}] == merged["spec"]["tolerations"]


def test_labels_merge_and_null_removes():
    before = {"metadata": {"labels": {"a": "1", "b": "2"}}}

    merged = strategic_merge(POD, before, {"metadata": {"labels": {"a": None, "c": "3"}}})

    assert {"b": "2", "c": "3"} == merged["metadata"]["labels"]


@pytest.mark.parametrize("directive", ["merge", "add", 1])
def test_an_unknown_directive_is_refused(directive):
    with refused(500):
        strategic_merge(DEPLOYMENT, {"spec": {}}, {"spec": {"$patch": directive}})


def test_an_item_without_its_merge_key_is_refused():
    with refused(500):
        merged_containers({"image": "c:1"})


def test_items_that_contradict_the_element_order_are_refused():
    with refused(500):
        merged_containers({"name": "a"}, {"name": "b"}, order=["b", "a"])


def test_a_patch_that_changes_nothing_returns_the_very_object():
    before = two_containers()
    patch = {"spec": {"template": {"metadata": None}}}

    assert strategic_merge(DEPLOYMENT, before, patch) is before


def test_the_server_takes_strategic_patches_of_built_in_kinds_only(server, widgets):
    deployments = server.resource("apps", "v1", "deployments")
    server.create(deployments, "default", deployment())
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:2"}]}}}}

    patched = server.patch(deployments, "default", "web", patch, STRATEGIC)

    expected = pod_template(image="web:2")["spec"]["containers"][0].items()
    assert expected <= patched["spec"]["template"]["spec"]["containers"][0].items()
    with refused(415, reason="UnsupportedMediaType"):
        server.patch(widgets, "default", "one", {}, STRATEGIC)

from __future__ import annotations

from contract.api import JSON, MERGE, STRATEGIC
from contract.kinds import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    SERVICES,
    config_map,
    deployment,
    gadget,
    refused,
    service,
)


def containers(manifest):
    return manifest["spec"]["template"]["spec"]["containers"]


def test_a_merge_patch_merges_objects_and_null_removes(api, namespace):
    api.create(CONFIG_MAPS, namespace, config_map(data={"a": "1", "b": "2"}))

    patched = api.patch(CONFIG_MAPS, namespace, "m", {"data": {"a": None, "c": "3"}}, MERGE)

    assert {"b": "2", "c": "3"} == patched["data"]


def test_a_merge_patch_replaces_lists(api, namespace, gadgets):
    api.create(gadgets, namespace, gadget(ports=[{"name": "a"}, {"name": "b"}]))

    patched = api.patch(gadgets, namespace, "one", {"spec": {"ports": [{"name": "c"}]}}, MERGE)

    assert [{"name": "c"}] == patched["spec"]["ports"]


def test_a_merge_patch_that_removes_a_default_gets_it_back(api, namespace, gadgets):
    api.create(gadgets, namespace, gadget(replicas=5))

    patched = api.patch(gadgets, namespace, "one", {"spec": {"replicas": None}}, MERGE)

    assert 1 == patched["spec"]["replicas"]


def test_a_json_patch_adds_replaces_and_removes(api, namespace):
    api.create(CONFIG_MAPS, namespace, config_map(data={"a": "1", "b": "2"}))
    patch = [
        {"op": "test", "path": "/data/a", "value": "1"},
        {"op": "add", "path": "/data/c~1d", "value": "3"},
        {"op": "replace", "path": "/data/a", "value": "4"},
        {"op": "remove", "path": "/data/b"},
    ]

    # A slash cannot be part of a key, so the result is refused as a whole.
    with refused(422, "Invalid"):
        api.patch(CONFIG_MAPS, namespace, "m", patch, JSON)
    patch[1]["path"] = "/data/c"
    assert {"a": "4", "c": "3"} == api.patch(CONFIG_MAPS, namespace, "m", patch, JSON)["data"]


def test_a_json_patch_of_a_missing_path_is_refused(api, namespace):
    api.create(CONFIG_MAPS, namespace, config_map())

    with refused(422, "Invalid"):
        patch = [{"op": "remove", "path": "/data/gone"}]
        api.patch(CONFIG_MAPS, namespace, "m", patch, JSON)


def test_a_json_replace_of_a_missing_member_adds_it(api, namespace):
    api.create(CONFIG_MAPS, namespace, config_map())

    patch = [{"op": "replace", "path": "/data/fresh", "value": "1"}]
    patched = api.patch(CONFIG_MAPS, namespace, "m", patch, JSON)

    assert "1" == patched["data"]["fresh"]


def test_a_strategic_patch_merges_containers_by_name(api, namespace):
    api.create(DEPLOYMENTS, namespace, deployment())
    added = [{"name": "sidecar", "image": "proxy:1"}, {"name": "web", "image": "web:2"}]
    patch = {"spec": {"template": {"spec": {"containers": added}}}}

    patched = api.patch(DEPLOYMENTS, namespace, "web", patch, STRATEGIC)

    images = {each["name"]: each["image"] for each in containers(patched)}
    assert {"web": "web:2", "sidecar": "proxy:1"} == images


def test_a_strategic_patch_deletes_an_item_by_name(api, namespace):
    manifest = deployment()
    containers(manifest).append({"name": "sidecar", "image": "proxy:1"})
    api.create(DEPLOYMENTS, namespace, manifest)
    marked = [{"name": "sidecar", "$patch": "delete"}]
    patch = {"spec": {"template": {"spec": {"containers": marked}}}}

    patched = api.patch(DEPLOYMENTS, namespace, "web", patch, STRATEGIC)

    assert ["web"] == [each["name"] for each in containers(patched)]


def test_a_strategic_patch_orders_items(api, namespace):
    manifest = deployment()
    containers(manifest).append({"name": "sidecar", "image": "proxy:1"})
    api.create(DEPLOYMENTS, namespace, manifest)
    order = [{"name": "sidecar"}, {"name": "web"}]
    patch = {"spec": {"template": {"spec": {"$setElementOrder/containers": order}}}}

    patched = api.patch(DEPLOYMENTS, namespace, "web", patch, STRATEGIC)

    assert ["sidecar", "web"] == [each["name"] for each in containers(patched)]


def test_a_strategic_patch_retains_keys(api, namespace):
    api.create(DEPLOYMENTS, namespace, deployment())
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}

    patched = api.patch(DEPLOYMENTS, namespace, "web", patch, STRATEGIC)

    assert {"type": "Recreate"} == patched["spec"]["strategy"]


def test_a_strategic_patch_deletes_values_of_a_set(api, namespace):
    both = ["example.com/a", "example.com/b"]
    api.create(CONFIG_MAPS, namespace, config_map(finalizers=both))
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/a"]}}

    patched = api.patch(CONFIG_MAPS, namespace, "m", patch, STRATEGIC)

    assert ["example.com/b"] == patched["metadata"]["finalizers"]
    api.patch(CONFIG_MAPS, namespace, "m", {"metadata": {"finalizers": None}}, MERGE)


def test_a_strategic_patch_merges_service_ports_by_port(api, namespace):
    ports = [{"port": 80, "name": "http"}, {"port": 443, "name": "tls"}]
    api.create(SERVICES, namespace, service(ports=ports))
    patch = {"spec": {"ports": [{"port": 443, "targetPort": 8443}]}}

    patched = api.patch(SERVICES, namespace, "web", patch, STRATEGIC)

    targets = {port["port"]: port["targetPort"] for port in patched["spec"]["ports"]}
    assert {80: 80, 443: 8443} == targets


def test_a_patch_that_leaves_an_invalid_object_is_refused(api, namespace):
    api.create(DEPLOYMENTS, namespace, deployment())

    with refused(422, "Invalid"):
        api.patch(DEPLOYMENTS, namespace, "web", {"spec": {"replicas": -1}}, MERGE)
    assert 1 == api.get(DEPLOYMENTS, namespace, "web")["spec"]["replicas"]

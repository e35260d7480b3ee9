from __future__ import annotations

import pytest
from contract.api import APPLY, MERGE
from contract.kinds import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    SERVICES,
    config_map,
    deployment,
    gadget,
    refused,
    rv,
    service,
)


@pytest.fixture
def apply(api, namespace):
    def apply(kind, manifest, manager="a", *, force=False, **options):
        return api.patch(
            kind,
            namespace,
            manifest["metadata"]["name"],
            manifest,
            APPLY,
            field_manager=manager,
            force=force,
            **options,
        )

    return apply


def just(kind, name, **content):
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": name},
        **content,
    }


def owned(manifest, manager, operation="Apply"):
    for entry in manifest["metadata"].get("managedFields", []):
        if (entry["manager"], entry["operation"]) == (manager, operation):
            return entry["fieldsV1"]
    return None


def test_applying_creates(apply):
    made = apply(CONFIG_MAPS, config_map())

    assert ({"key": "value"}, {"f:data": {"f:key": {}}}) == (made["data"], owned(made, "a"))


def test_applying_the_same_again_changes_nothing(apply):
    first = apply(CONFIG_MAPS, config_map())

    assert rv(first) == rv(apply(CONFIG_MAPS, config_map()))


def test_a_field_no_longer_applied_by_its_only_owner_goes(apply):
    apply(CONFIG_MAPS, config_map(data={"keep": "1", "drop": "2"}))

    assert {"keep": "1"} == apply(CONFIG_MAPS, config_map(data={"keep": "1"}))["data"]


def test_a_field_with_another_owner_stays(apply):
    apply(CONFIG_MAPS, config_map(data={"key": "1"}), "a")
    apply(CONFIG_MAPS, config_map(data={"key": "1"}), "b")

    left = apply(CONFIG_MAPS, just(CONFIG_MAPS, "m"), "a")

    assert ({"key": "1"}, None) == (left["data"], owned(left, "a"))


def test_a_different_value_conflicts(apply):
    apply(CONFIG_MAPS, config_map(data={"key": "1"}), "a")

    message = 'Apply failed with 1 conflict: conflict with "a": .data.key'
    with refused(409, "Conflict", message) as caught:
        apply(CONFIG_MAPS, config_map(data={"key": "2"}), "b")
    assert ["FieldManagerConflict"] == [each["reason"] for each in caught.value.causes]


def test_force_takes_over(apply):
    apply(CONFIG_MAPS, config_map(data={"key": "1"}), "a")

    taken = apply(CONFIG_MAPS, config_map(data={"key": "2"}), "b", force=True)

    assert ({"key": "2"}, None) == (taken["data"], owned(taken, "a"))


def test_an_ordinary_write_takes_the_field_and_then_conflicts(api, namespace, apply):
    apply(CONFIG_MAPS, config_map(data={"key": "1", "b": "1"}), "a")
    patch = {"data": {"key": "2"}}
    edited = api.patch(CONFIG_MAPS, namespace, "m", patch, MERGE, field_manager="editor")

    assert {"f:data": {"f:b": {}}} == owned(edited, "a")
    assert {"f:data": {"f:key": {}}} == owned(edited, "editor", "Update")
    message = 'Apply failed with 1 conflict: conflict with "editor" using v1: .data.key'
    with refused(409, "Conflict", message):
        apply(CONFIG_MAPS, config_map(data={"key": "1", "b": "1"}), "a")


def test_the_selector_of_a_service_is_atomic(apply):
    apply(SERVICES, service(), "a")

    message = 'Apply failed with 1 conflict: conflict with "a": .spec.selector'
    with refused(409, "Conflict", message):
        apply(SERVICES, just(SERVICES, "web", spec={"selector": {"hash": "1"}}), "b")


def test_service_ports_merge_by_port_and_protocol(apply):
    apply(SERVICES, service(ports=[{"port": 80, "name": "http"}]), "a")
    other = just(SERVICES, "web", spec={"ports": [{"port": 443, "name": "tls"}]})

    both = apply(SERVICES, other, "b")

    assert [80, 443] == [port["port"] for port in both["spec"]["ports"]]


def test_containers_merge_by_name_and_go_with_their_owner(apply):
    apply(DEPLOYMENTS, deployment(), "a")
    sidecar = {"name": "sidecar", "image": "proxy:1"}
    spec = {"template": {"spec": {"containers": [sidecar]}}}

    def containers(manifest):
        return [each["name"] for each in manifest["spec"]["template"]["spec"]["containers"]]

    both = apply(DEPLOYMENTS, just(DEPLOYMENTS, "web", spec=spec), "b")
    left = apply(DEPLOYMENTS, just(DEPLOYMENTS, "web"), "b")
    assert (["web", "sidecar"], ["web"]) == (containers(both), containers(left))


def test_tolerations_are_atomic(apply):
    first = deployment()
    first["spec"]["template"]["spec"]["tolerations"] = [{"key": "a", "operator": "Exists"}]
    apply(DEPLOYMENTS, first, "a")
    second = [{"key": "b", "operator": "Exists"}]
    spec = {"template": {"spec": {"tolerations": second}}}

    with refused(409, "Conflict"):
        apply(DEPLOYMENTS, just(DEPLOYMENTS, "web", spec=spec), "b")
    taken = apply(DEPLOYMENTS, just(DEPLOYMENTS, "web", spec=spec), "b", force=True)
    assert second == taken["spec"]["template"]["spec"]["tolerations"]


def test_lists_of_a_custom_resource_merge_as_its_schema_says(apply, gadgets):
    apply(gadgets, gadget(ports=[{"name": "a"}], tags=["x"], atoms=["1"]), "a")

    both = apply(gadgets, gadget(ports=[{"name": "b"}], tags=["y"]), "b")

    assert (["a", "b"], ["x", "y"]) == (
        [port["name"] for port in both["spec"]["ports"]],
        both["spec"]["tags"],
    )
    with refused(409, "Conflict"):
        apply(gadgets, gadget(atoms=["2"]), "b")


def test_an_undeclared_field_cannot_be_applied(apply):
    with pytest.raises(Exception, match=r"\.spec\.odd: field not declared in schema"):
        apply(DEPLOYMENTS, deployment(odd=1))


def test_a_dry_run_of_an_apply_keeps_nothing(api, namespace, apply):
    apply(CONFIG_MAPS, config_map(data={"key": "1"}))

    shown = apply(CONFIG_MAPS, config_map(data={"key": "2"}), dry_run=True)

    assert {"key": "2"} == shown["data"]
    assert {"key": "1"} == api.get(CONFIG_MAPS, namespace, "m")["data"]


def test_a_creator_owns_defaults_and_an_applier_does_not(api, namespace, apply):
    api.create(DEPLOYMENTS, namespace, deployment("created"), field_manager="c")
    created = api.get(DEPLOYMENTS, namespace, "created")
    applied = apply(DEPLOYMENTS, deployment("applied"))

    assert "f:strategy" in owned(created, "c", "Update")["f:spec"]
    assert {"f:selector", "f:template"} == set(owned(applied, "a")["f:spec"])


def test_an_applier_that_changes_nothing_has_no_time(api, namespace, apply):
    api.create(CONFIG_MAPS, namespace, config_map())
    applied = apply(CONFIG_MAPS, just(CONFIG_MAPS, "m", data={"key": "value"}))
    (entry,) = [
        each for each in applied["metadata"]["managedFields"] if each["operation"] == "Apply"
    ]

    assert "time" not in entry


def test_a_scalar_of_another_type_cannot_be_applied(apply):
    manifest = just(CONFIG_MAPS, "m", data={"number": 7})
    message = (
        "failed to create typed patch object (/m; /v1, Kind=ConfigMap): .data.number: "
        "expected string, got &value.valueUnstructured{Value:7}"
    )
    with refused(500, "", message):
        apply(CONFIG_MAPS, manifest)

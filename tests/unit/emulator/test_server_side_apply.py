from __future__ import annotations

import json

import pytest
from unit.emulator.objects import (
    APPLY,
    MERGE,
    config_map,
    deployment,
    ingress,
    refused,
    replica_set,
    service,
    widget,
)


class Applier:
    """Applies and edits objects of one type as different managers."""

    def __init__(self, server, rt):
        self.server = server
        self.rt = rt

    def apply(self, manifest, manager="a", *, force=False, **options):
        name = manifest["metadata"]["name"]
        return self.server.patch(
            self.rt,
            "default",
            name,
            {"apiVersion": self.rt.api_version, "kind": self.rt.kind, **manifest},
            APPLY,
            field_manager=manager,
            force=force,
            **options,
        )

    def edit(self, name, patch, manager="editor", **options):
        return self.server.patch(
            self.rt, "default", name, patch, MERGE, field_manager=manager, **options
        )


@pytest.fixture
def maps(server):
    return Applier(server, server.resource("", "v1", "configmaps"))


@pytest.fixture
def deployments(server):
    return Applier(server, server.resource("apps", "v1", "deployments"))


@pytest.fixture
def services(server):
    return Applier(server, server.resource("", "v1", "services"))


def owned(manifest, manager, operation="Apply", subresource=""):
    for entry in manifest["metadata"].get("managedFields", []):
        if (entry["manager"], entry["operation"], entry.get("subresource", "")) == (
            manager,
            operation,
            subresource,
        ):
            return entry["fieldsV1"]
    return None


def just(name, **data):
    return {"metadata": {"name": name}, "data": data}


def test_applying_creates_what_is_not_there(maps):
    made = maps.apply(just("m", key="value"))

    assert {"key": "value"} == made["data"]
    assert {"f:data": {"f:key": {}}} == owned(made, "a")


def test_an_applier_does_not_own_what_the_server_fills_in(deployments):
    made = deployments.apply(deployment(replicas=2))

    assert 600 == made["spec"]["progressDeadlineSeconds"]
    assert {"f:replicas", "f:selector", "f:template"} == set(owned(made, "a")["f:spec"])


def test_the_time_and_version_of_an_apply_are_recorded(maps):
    made = maps.apply(just("m", key="value"))

    entry = made["metadata"]["managedFields"][0]
    assert ("Apply", "v1", "FieldsV1", "2026-01-01T00:00:00Z") == (
        entry["operation"],
        entry["apiVersion"],
        entry["fieldsType"],
        entry["time"],
    )


def test_a_field_that_its_only_owner_no_longer_applies_is_removed(maps):
    maps.apply(just("m", keep="1", drop="2"))

    left = maps.apply(just("m", keep="1"))

    assert {"keep": "1"} == left["data"]
    assert {"f:data": {"f:keep": {}}} == owned(left, "a")


def test_a_field_with_two_owners_stays_when_one_lets_go(maps):
    maps.apply(just("m", shared="1"), "a")
    maps.apply(just("m", shared="1", mine="2"), "b")

    left = maps.apply({"metadata": {"name": "m"}}, "a")

    assert {"shared": "1", "mine": "2"} == left["data"]
    assert owned(left, "a") is None


def test_a_field_that_an_updater_set_is_not_removed(maps):
    maps.apply(just("m", mine="1"))
    maps.edit("m", {"data": {"theirs": "2"}})

    left = maps.apply(just("m", mine="1"))

    assert {"mine": "1", "theirs": "2"} == left["data"]


def test_a_different_value_conflicts_and_names_the_other_manager(maps):
    maps.apply(just("m", key="1"), "a")

    message = 'Apply failed with 1 conflict: conflict with "a": .data.key'
    with refused(409, reason="Conflict", message=message) as caught:
        maps.apply(just("m", key="2"), "b")
    cause = {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "a"',
        "field": ".data.key",
    }
    assert [cause] == caught.value.details["causes"]


def test_a_conflict_with_an_updater_says_in_which_version_it_wrote(maps):
    maps.apply(just("m", key="1"), "a")
    maps.edit("m", {"data": {"key": "2"}}, "kubectl-edit")

    message = 'Apply failed with 1 conflict: conflict with "kubectl-edit" using v1: .data.key'
    with refused(409, message=message):
        maps.apply(just("m", key="1"), "a")


def test_several_conflicts_are_listed_by_manager(maps):
    maps.apply(just("m", one="1", two="1"), "a")

    message = 'Apply failed with 2 conflicts: conflicts with "a":\n- .data.one\n- .data.two'
    with refused(409, message=message):
        maps.apply(just("m", one="2", two="2"), "b")


def test_the_same_value_is_shared_without_conflict(maps):
    maps.apply(just("m", key="1"), "a")

    shared = maps.apply(just("m", key="1"), "b")

    assert {"f:data": {"f:key": {}}} == owned(shared, "a") == owned(shared, "b")


def test_force_takes_the_field_over(maps):
    maps.apply(just("m", key="1", rest="1"), "a")

    taken = maps.apply(just("m", key="2"), "b", force=True)

    assert {"key": "2", "rest": "1"} == taken["data"]
    assert {"f:data": {"f:rest": {}}} == owned(taken, "a")
    assert {"f:data": {"f:key": {}}} == owned(taken, "b")


def test_applying_the_same_again_writes_nothing(maps, clock):
    first = maps.apply(just("m", key="1"))
    clock.pass_seconds(60)

    assert maps.apply(just("m", key="1")) is first


def test_becoming_an_owner_of_an_equal_value_is_a_write(maps):
    first = maps.apply(just("m", key="1"), "a")

    second = maps.apply(just("m", key="1"), "b")

    assert int(second["metadata"]["resourceVersion"]) > int(first["metadata"]["resourceVersion"])


def test_an_ordinary_write_takes_a_field_from_its_applier(maps):
    maps.apply(just("m", key="1", other="1"), "a")

    edited = maps.edit("m", {"data": {"key": "2"}}, "e")

    assert {"f:data": {"f:other": {}}} == owned(edited, "a")
    assert {"f:data": {"f:key": {}}} == owned(edited, "e", "Update")


def test_nobody_owns_a_field_that_was_removed(maps):
    maps.apply(just("m", key="1", other="1"), "a")

    edited = maps.edit("m", {"data": {"key": None}}, "e")

    assert {"f:data": {"f:other": {}}} == owned(edited, "a")
    assert owned(edited, "e", "Update") is None


def test_containers_are_owned_by_name(deployments):
    deployments.apply(deployment(), "a")
    sidecar = {"name": "sidecar", "image": "proxy:1"}
    template = {"spec": {"containers": [sidecar]}}

    both = deployments.apply({"metadata": {"name": "web"}, "spec": {"template": template}}, "b")

    images = [each["image"] for each in both["spec"]["template"]["spec"]["containers"]]
    assert ["web:1", "proxy:1"] == images
    without = deployments.apply({"metadata": {"name": "web"}}, "b")
    containers = without["spec"]["template"]["spec"]["containers"]
    assert ["web"] == [each["name"] for each in containers]


def test_the_path_of_a_conflict_shows_the_key_of_the_item(deployments):
    deployments.apply(deployment(), "a")
    template = {"spec": {"containers": [{"name": "web", "image": "web:2"}]}}

    path = '.spec.template.spec.containers[name="web"].image'
    with refused(409, message=f'Apply failed with 1 conflict: conflict with "a": {path}'):
        deployments.apply({"metadata": {"name": "web"}, "spec": {"template": template}}, "b")


def test_container_ports_are_owned_by_number_and_protocol(deployments):
    ports = [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53}]
    manifest = deployment()
    manifest["spec"]["template"]["spec"]["containers"][0]["ports"] = ports

    made = deployments.apply(manifest)

    containers = owned(made, "a")["f:spec"]["f:template"]["f:spec"]["f:containers"]
    steps = set(containers['k:{"name":"web"}']["f:ports"])
    assert {
        'k:{"containerPort":53,"protocol":"TCP"}',
        'k:{"containerPort":53,"protocol":"UDP"}',
    } == steps


def test_the_same_port_twice_cannot_be_applied(services):
    with refused(500) as caught:
        services.apply(service(ports=[{"port": 80}, {"port": 80, "protocol": "TCP"}]))
    assert "duplicate entries for key" in caught.value.message


def test_service_ports_are_merged_by_port_and_protocol(services):
    services.apply(service(ports=[{"port": 80, "name": "http"}]), "a")
    other = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 443, "name": "tls"}]}}

    both = services.apply(other, "b")

    assert [80, 443] == [port["port"] for port in both["spec"]["ports"]]


def test_the_selector_of_a_service_is_one_value(services):
    services.apply(service(), "gitops")
    pinned = {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web", "hash": "1"}}}

    message = 'Apply failed with 1 conflict: conflict with "gitops": .spec.selector'
    with refused(409, message=message):
        services.apply(pinned, "rollouts")
    taken = services.apply(pinned, "rollouts", force=True)
    assert {"app": "web", "hash": "1"} == taken["spec"]["selector"]
    assert "f:selector" not in owned(taken, "gitops")["f:spec"]


def test_forcing_a_selector_wipes_the_keys_that_others_put_in(services):
    services.apply(service(), "gitops")
    services.edit("web", {"spec": {"selector": {"hash": "1"}}}, "rollouts")

    wiped = services.apply(service(), "gitops", force=True)

    assert {"app": "web"} == wiped["spec"]["selector"]


def test_the_rules_of_an_ingress_are_one_value(server):
    ingresses = Applier(server, server.resource("networking.k8s.io", "v1", "ingresses"))
    made = ingresses.apply(ingress())

    assert {"f:spec": {"f:rules": {}}} == owned(made, "a")


def test_conditions_are_owned_by_type(server):
    sets = Applier(server, server.resource("apps", "v1", "replicasets"))
    server.create(sets.rt, "default", replica_set())
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "Quota"}
    status = {"replicas": 0, "conditions": [condition]}

    made = sets.apply(
        {"metadata": {"name": "web"}, "status": status}, "controller", subresource="status"
    )

    fields = owned(made, "controller", subresource="status")["f:status"]
    assert ['k:{"type":"ReplicaFailure"}'] == list(fields["f:conditions"])


def test_finalizers_are_a_set_of_single_values(maps):
    maps.apply({"metadata": {"name": "m", "finalizers": ["example.com/a"]}}, "a")

    both = maps.apply({"metadata": {"name": "m", "finalizers": ["example.com/b"]}}, "b")

    assert ["example.com/a", "example.com/b"] == both["metadata"]["finalizers"]
    fields = {'v:"example.com/b"': {}}
    assert {"f:metadata": {"f:finalizers": fields}} == owned(both, "b")


def test_lists_of_a_custom_resource_merge_as_its_schema_says(server, widgets):
    applier = Applier(server, widgets)
    applier.apply(widget(ports=[{"name": "a", "number": 1}], tags=["x"], steps=[{}]), "a")
    other = widget(ports=[{"name": "b", "number": 2}], tags=["y"])

    both = applier.apply(other, "b")

    assert ["a", "b"] == [port["name"] for port in both["spec"]["ports"]]
    assert ["x", "y"] == both["spec"]["tags"]
    with refused(409):
        applier.apply(widget(steps=[{}, {}]), "b")


def test_status_is_not_owned_through_the_main_endpoint(server, widgets):
    applier = Applier(server, widgets)

    made = applier.apply(widget(mode="Fast", status={"phase": "Good"}), "a")

    assert {"f:spec": {"f:mode": {}}} == owned(made, "a")
    assert "status" not in made


def test_an_object_nobody_tracked_conflicts_as_before_first_apply(server, maps):
    server.create(maps.rt, "default", config_map("m", {"key": "1"}))
    maps.edit("m", {"metadata": {"managedFields": [{}]}})

    with refused(409) as caught:
        maps.apply(just("m", key="2"))
    message = 'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.key'
    assert message == caught.value.message


def test_kubectl_takes_over_what_its_client_side_apply_left(server, maps):
    made = config_map("m", {"key": "1"})
    last = json.dumps(made)
    annotated = {"kubectl.kubernetes.io/last-applied-configuration": last}
    made["metadata"]["annotations"] = annotated
    server.create(maps.rt, "default", made, field_manager="kubectl-client-side-apply")

    wanted = {**just("m", key="2"), "apiVersion": "v1", "kind": "ConfigMap"}
    assert {"key": "2"} == maps.apply(wanted, "kubectl")["data"]
    with refused(409):
        maps.apply(just("m", key="3"), "flux")


def test_an_undeclared_field_cannot_be_applied(deployments):
    manifest = deployment(replica=1)

    message = (
        "failed to create typed patch object (/web; apps/v1, Kind=Deployment): "
        ".spec.replica: field not declared in schema"
    )
    with refused(500, message=message):
        deployments.apply(manifest)


def test_managed_fields_cannot_be_applied(maps):
    with refused(400, message="metadata.managedFields must be nil"):
        maps.apply({"metadata": {"name": "m", "managedFields": []}})


def test_another_version_cannot_be_applied(maps):
    manifest = {"metadata": {"name": "m"}, "apiVersion": "v2"}

    with refused(400) as caught:
        maps.apply(manifest)
    assert "Incorrect version specified in apply patch" in caught.value.message


def test_an_apply_must_name_its_manager(maps):
    with refused(422) as caught:
        maps.apply(just("m"), "")
    assert "fieldManager: Required value: is required for apply patch" in caught.value.message


def test_a_dry_run_of_an_apply_shows_the_result_and_keeps_nothing(maps):
    maps.apply(just("m", key="1"))

    shown = maps.apply(just("m", key="2"), dry_run=True)

    assert {"key": "2"} == shown["data"]
    assert {"key": "1"} == maps.server.get(maps.rt, "default", "m")["data"]


def test_an_apply_with_a_uid_never_creates(maps):
    with refused(409):
        maps.apply({"metadata": {"name": "m", "uid": "x"}, "data": {}})


def test_an_apply_with_a_stale_version_is_refused(maps):
    first = maps.apply(just("m", key="1"))
    maps.edit("m", {"data": {"other": "1"}})
    stale = {"name": "m", "resourceVersion": first["metadata"]["resourceVersion"]}

    with refused(409):
        maps.apply({"metadata": stale, "data": {"key": "2"}})


def test_without_ownership_an_apply_merges_and_never_conflicts(quick):
    maps = Applier(quick, quick.resource("", "v1", "configmaps"))
    maps.apply(just("m", one="1"), "a")

    merged = maps.apply(just("m", one="2", two="2"), "b")

    assert {"one": "2", "two": "2"} == merged["data"]
    assert "managedFields" not in merged["metadata"]

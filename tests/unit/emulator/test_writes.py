from __future__ import annotations

import copy

import pytest
from unit.emulator.objects import (
    JSON,
    MERGE,
    Clock,
    config_map,
    deployment,
    refused,
    replica_set,
    widget,
)

from rollouts.emulator import ApiServer


@pytest.fixture
def maps(server):
    return server.resource("", "v1", "configmaps")


MODIFIED = (
    'Operation cannot be fulfilled on configmaps "settings": the object has been modified; '
    "please apply your changes to the latest version and try again"
)


def test_a_new_object_gets_its_facts(server, maps):
    made = server.create(maps, "default", config_map())

    metadata = made["metadata"]
    assert ("v1", "ConfigMap") == (made["apiVersion"], made["kind"])
    assert ("default", "2026-01-01T00:00:00Z") == (
        metadata["namespace"],
        metadata["creationTimestamp"],
    )
    assert server.resource_version == metadata["resourceVersion"]
    assert 36 == len(metadata["uid"])


def test_facts_that_a_creator_states_are_overruled(server, maps):
    given = config_map(uid="mine", creationTimestamp="2000-01-01T00:00:00Z", generation=9)
    given["metadata"]["deletionTimestamp"] = "2000-01-01T00:00:00Z"

    metadata = server.create(maps, "default", given)["metadata"]

    assert "mine" != metadata["uid"]
    assert "2026-01-01T00:00:00Z" == metadata["creationTimestamp"]
    assert "deletionTimestamp" not in metadata


def test_a_kind_that_counts_no_generations_keeps_what_its_creator_says(server, maps):
    made = server.create(maps, "default", config_map(generation=9))

    assert 9 == made["metadata"]["generation"]


def test_kind_and_version_of_a_built_in_object_may_be_left_out(server, maps):
    made = server.create(maps, "default", {"metadata": {"name": "m"}})

    assert ("v1", "ConfigMap") == (made["apiVersion"], made["kind"])


def test_what_is_given_is_never_changed(server, maps):
    given = config_map()
    before = copy.deepcopy(given)

    server.create(maps, "default", given)

    assert before == given


def test_a_name_can_be_taken_only_once(server, maps):
    server.create(maps, "default", config_map())

    message = 'configmaps "settings" already exists'
    with refused(409, reason="AlreadyExists", message=message) as caught:
        server.create(maps, "default", config_map())
    assert {"name": "settings", "kind": "configmaps"} == caught.value.details


def test_a_refusal_is_a_status_object(server, maps):
    deployments = server.resource("apps", "v1", "deployments")

    with refused(404) as caught:
        server.get(deployments, "default", "web")
    assert {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'deployments.apps "web" not found',
        "reason": "NotFound",
        "details": {"name": "web", "group": "apps", "kind": "deployments"},
        "code": 404,
    } == caught.value.status()


def test_a_namespace_must_exist(server, maps):
    with refused(404, message='namespaces "shop" not found'):
        server.create(maps, "shop", config_map())


def test_the_namespace_inside_must_be_that_of_the_request(server, maps):
    message = (
        "the namespace of the provided object does not match the namespace sent on the request"
    )
    with refused(400, message=message):
        server.create(maps, "default", config_map(namespace="kube-system"))


def test_a_manifest_of_another_type_is_refused(server, maps):
    with refused(400):
        server.create(maps, "default", deployment())
    with refused(400):
        server.create(maps, "default", config_map() | {"kind": "Secret"})


def test_a_version_cannot_be_set_on_creation(server, maps):
    with refused(500):
        server.create(maps, "default", config_map(resourceVersion="1"))


def test_a_name_is_required(server, maps):
    with refused(422) as caught:
        server.create(maps, "default", {"metadata": {}})
    assert "metadata.name: Required value: name or generateName is required" in str(caught.value)


def test_generated_names_are_the_same_in_every_run_and_differ_within_one():
    runs = []
    for _ in range(2):
        server = ApiServer(Clock(), uid_seed="seed")
        maps = server.resource("", "v1", "configmaps")
        made = [
            server.create(maps, "default", {"metadata": {"generateName": "m-"}})["metadata"]
            for _ in range(3)
        ]
        runs.append([(each["name"], each["uid"]) for each in made])

    assert runs[0] == runs[1]
    assert 3 == len(set(runs[0]))
    assert all(name.startswith("m-") and 7 == len(name) for name, _ in runs[0])


def test_another_seed_gives_other_uids():
    uids = set()
    for seed in ("a", "b"):
        server = ApiServer(Clock(), uid_seed=seed)
        maps = server.resource("", "v1", "configmaps")
        uids.add(server.create(maps, "default", config_map())["metadata"]["uid"])

    assert 2 == len(uids)


def test_a_long_generated_name_is_cut_to_fit(server, maps):
    made = server.create(maps, "default", {"metadata": {"generateName": "m" * 70}})

    assert 63 == len(made["metadata"]["name"])


def test_a_write_that_changes_nothing_returns_the_stored_object(server, maps):
    made = server.create(maps, "default", config_map(labels={"a": "b"}))

    assert (
        server.patch(maps, "default", "settings", {"metadata": {"labels": {"a": "b"}}}, MERGE)
        is made
    )
    assert server.patch(maps, "default", "settings", [], JSON) is made
    assert server.update(maps, "default", "settings", made) is made


def test_a_stale_version_is_refused(server, maps):
    made = server.create(maps, "default", config_map())
    server.patch(maps, "default", "settings", {"data": {"a": "1"}}, MERGE)

    with refused(409, reason="Conflict", message=MODIFIED):
        server.update(maps, "default", "settings", made)
    stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "data": {}}
    with refused(409, message=MODIFIED):
        server.patch(maps, "default", "settings", stale, MERGE)


def test_the_present_version_is_accepted_as_a_precondition(server, maps):
    made = server.create(maps, "default", config_map())
    version = made["metadata"]["resourceVersion"]

    patch = {"metadata": {"resourceVersion": version}, "data": {"key": "new"}}
    assert "new" == server.patch(maps, "default", "settings", patch, MERGE)["data"]["key"]


def test_a_built_in_object_may_be_replaced_without_a_version(server, maps):
    server.create(maps, "default", config_map(labels={"a": "b"}))

    replaced = server.update(maps, "default", "settings", config_map(data={"x": "y"}))

    assert {"x": "y"} == replaced["data"]
    assert "labels" not in replaced["metadata"]


def test_a_custom_resource_may_not(server, widgets):
    server.create(widgets, "default", widget())

    message = (
        'widgets.example.com "one" is invalid: metadata.resourceVersion: Invalid value: 0: '
        "must be specified for an update"
    )
    with refused(422, message=message):
        server.update(widgets, "default", "one", widget(replicas=2))


def test_an_update_of_a_predecessor_is_refused(server, maps):
    old = server.create(maps, "default", config_map())
    server.delete(maps, "default", "settings")
    server.create(maps, "default", config_map())

    with refused(409) as caught:
        server.update(maps, "default", "settings", old)
    assert "Precondition failed: UID in precondition" in caught.value.message


def test_the_name_inside_must_be_that_of_the_url(server, maps):
    server.create(maps, "default", config_map())

    message = "the name of the object (other) does not match the name on the URL (settings)"
    with refused(400, message=message):
        server.update(maps, "default", "settings", config_map("other"))


def test_an_update_creates_only_the_kinds_that_allow_it(server, maps):
    services = server.resource("", "v1", "services")
    manifest = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}

    assert "web" == server.update(services, "default", "web", manifest)["metadata"]["name"]
    with refused(404):
        server.update(maps, "default", "settings", config_map())


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"metadata": {"uid": "other"}}, "metadata.uid"),
        ({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, "metadata.deletionTimestamp"),
    ],
)
def test_facts_cannot_be_changed(server, maps, patch, field):
    server.create(maps, "default", config_map())

    with refused(422) as caught:
        server.patch(maps, "default", "settings", patch, MERGE)
    assert f"{field}: Invalid value" in caught.value.message
    assert "field is immutable" in caught.value.message


def test_generation_and_creation_time_are_kept_whatever_a_client_says(server):
    deployments = server.resource("apps", "v1", "deployments")
    server.create(deployments, "default", deployment())
    patch = {"metadata": {"generation": 9, "creationTimestamp": None}}

    changed = server.patch(deployments, "default", "web", patch, MERGE)

    assert 1 == changed["metadata"]["generation"]
    assert "2026-01-01T00:00:00Z" == changed["metadata"]["creationTimestamp"]


def test_the_generation_counts_changes_of_the_spec_alone(server, widgets):
    server.create(widgets, "default", widget())

    labelled = server.patch(widgets, "default", "one", {"metadata": {"labels": {"a": "b"}}}, MERGE)
    scaled = server.patch(widgets, "default", "one", {"spec": {"replicas": 2}}, MERGE)

    assert (1, 2) == (labelled["metadata"]["generation"], scaled["metadata"]["generation"])


def test_the_generation_of_a_deployment_counts_its_annotations_too(server):
    deployments = server.resource("apps", "v1", "deployments")
    server.create(deployments, "default", deployment())

    patch = {"metadata": {"annotations": {"a": "b"}}}
    assert 2 == server.patch(deployments, "default", "web", patch, MERGE)["metadata"]["generation"]


def test_versions_count_all_changes_of_all_types(server, maps):
    first = int(server.create(maps, "default", config_map("a"))["metadata"]["resourceVersion"])
    secrets = server.resource("", "v1", "secrets")
    second = server.create(secrets, "default", {"metadata": {"name": "s"}})
    third = server.patch(maps, "default", "a", {"data": {"b": "c"}}, MERGE)

    assert [first + 1, first + 2] == [
        int(second["metadata"]["resourceVersion"]),
        int(third["metadata"]["resourceVersion"]),
    ]


def test_a_patch_shares_what_it_does_not_touch(server):
    sets = server.resource("apps", "v1", "replicasets")
    made = server.create(sets, "default", replica_set())

    patched = server.patch(sets, "default", "web", {"spec": {"replicas": 2}}, MERGE)

    assert patched["spec"]["template"] is made["spec"]["template"]
    assert patched["status"] is made["status"]


def test_a_dry_run_validates_defaults_and_stores_nothing(server, maps):
    deployments = server.resource("apps", "v1", "deployments")
    version = server.resource_version

    shown = server.create(deployments, "default", deployment(), dry_run=True)

    assert 1 == shown["spec"]["replicas"]
    assert version == server.resource_version
    with refused(404):
        server.get(deployments, "default", "web")
    with refused(422):
        server.create(deployments, "default", deployment(replicas=-1), dry_run=True)


def test_a_dry_run_of_a_change_shows_it_and_keeps_the_old(server, maps):
    made = server.create(maps, "default", config_map())

    shown = server.patch(maps, "default", "settings", {"data": {"key": "new"}}, MERGE, dry_run=True)

    assert "new" == shown["data"]["key"]
    assert server.get(maps, "default", "settings") is made


def test_observers_see_every_write_that_changed_something(server, maps):
    records = []
    server.on_write.append(records.append)
    made = server.create(maps, "default", config_map(), field_manager="m")
    server.patch(maps, "default", "settings", {"data": {"key": "value"}}, MERGE)
    server.create(maps, "default", config_map("dry"), dry_run=True)
    changed = server.patch(maps, "default", "settings", {"data": {"key": "new"}}, MERGE)
    server.delete(maps, "default", "settings")

    shown = [(each.verb, each.name, each.old, each.new) for each in records]
    assert [
        ("create", "settings", None, made),
        ("patch", "settings", made, changed),
        ("delete", "settings", changed, None),
    ] == shown
    assert "m" == records[0].field_manager


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        ("{", MERGE, 400),
        ("[]", MERGE, 400),
        ({}, JSON, 400),
        ({}, "text/plain", 415),
        ({"kind": "Secret"}, MERGE, 422),
        ({"metadata": {"name": "other"}}, MERGE, 400),
        ({"metadata": {"namespace": "other"}}, MERGE, 400),
        ({"metadata": "x"}, MERGE, 400),
    ],
)
def test_a_patch_that_makes_no_sense_is_refused(server, maps, body, content_type, code):
    server.create(maps, "default", config_map())

    with refused(code):
        server.patch(maps, "default", "settings", body, content_type)


def test_a_patch_may_come_as_text(server, maps):
    server.create(maps, "default", config_map())

    patched = server.patch(
        maps, "default", "settings", b'{"data":{"key":"new"}}', MERGE + "; charset=utf-8"
    )

    assert "new" == patched["data"]["key"]


def test_two_servers_given_the_same_calls_hold_the_same_objects():
    def run():
        server = ApiServer(Clock(), uid_seed="s")
        deployments = server.resource("apps", "v1", "deployments")
        server.create(deployments, "default", deployment())
        server.patch(deployments, "default", "web", {"spec": {"replicas": 3}}, MERGE)
        return server.list(deployments).items

    assert run() == run()


def test_events_are_one_collection_with_two_faces(server):
    core = server.resource("", "v1", "events")
    newer = server.resource("events.k8s.io", "v1", "events")
    about = {"kind": "Pod", "name": "web", "namespace": "default"}
    server.create(
        core, "default", {"metadata": {"name": "e"}, "involvedObject": about, "message": "hello"}
    )

    shown = server.get(newer, "default", "e")

    assert ("events.k8s.io/v1", "hello", about) == (
        shown["apiVersion"],
        shown["note"],
        shown["regarding"],
    )

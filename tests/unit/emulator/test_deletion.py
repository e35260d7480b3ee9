from __future__ import annotations

import pytest
from unit.emulator.objects import MERGE, config_map, pod, refused, replica_set, widget


@pytest.fixture
def maps(server):
    return server.resource("", "v1", "configmaps")


@pytest.fixture
def pods(server):
    return server.resource("", "v1", "pods")


@pytest.fixture
def namespaces(server):
    return server.resource("", "v1", "namespaces")


def is_gone(server, rt, name, namespace="default"):
    return name not in [each["metadata"]["name"] for each in server.list(rt, namespace).items]


def test_a_deletion_answers_with_what_was_deleted(server, maps):
    made = server.create(maps, "default", config_map("m"))

    answer = server.delete(maps, "default", "m")

    details = {"name": "m", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    assert ("Success", details) == (answer["status"], answer["details"])
    with refused(404, message='configmaps "m" not found'):
        server.get(maps, "default", "m")


def test_what_is_not_there_cannot_be_deleted(server, maps):
    with refused(404, reason="NotFound"):
        server.delete(maps, "default", "m")


def test_a_uid_guards_against_deleting_a_successor(server, maps):
    made = server.create(maps, "default", config_map("m"))

    message = (
        'Operation cannot be fulfilled on ConfigMap "m": the UID in the precondition (x) does '
        f"not match the UID in record ({made['metadata']['uid']}). "
        "The object might have been deleted and then recreated"
    )
    with refused(409, reason="Conflict", message=message):
        server.delete(maps, "default", "m", uid="x")
    server.delete(maps, "default", "m", uid=made["metadata"]["uid"])


def test_a_version_guards_against_deleting_what_has_changed(server, maps):
    made = server.create(maps, "default", config_map("m"))
    server.patch(maps, "default", "m", {"data": {"b": "2"}}, MERGE)

    with refused(409):
        server.delete(maps, "default", "m", resource_version=made["metadata"]["resourceVersion"])


def test_finalizers_hold_an_object_until_the_last_is_removed(server, maps, clock):
    server.create(maps, "default", config_map("m", finalizers=["example.com/a", "example.com/b"]))
    clock.pass_seconds(5)

    marked = server.delete(maps, "default", "m")

    assert "2026-01-01T00:00:05Z" == marked["metadata"]["deletionTimestamp"]
    assert 0 == marked["metadata"]["deletionGracePeriodSeconds"]
    server.patch(maps, "default", "m", {"metadata": {"finalizers": ["example.com/b"]}}, MERGE)
    assert not is_gone(server, maps, "m")
    server.patch(maps, "default", "m", {"metadata": {"finalizers": None}}, MERGE)
    assert is_gone(server, maps, "m")


def test_deleting_twice_changes_nothing(server, maps, clock):
    server.create(maps, "default", config_map("m", finalizers=["example.com/a"]))
    first = server.delete(maps, "default", "m")
    clock.pass_seconds(60)

    assert server.delete(maps, "default", "m") is first


def test_no_finalizer_can_be_added_once_deletion_has_begun(server, maps):
    server.create(maps, "default", config_map("m", finalizers=["example.com/a"]))
    server.delete(maps, "default", "m")

    message = (
        'ConfigMap "m" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added '
        'if the object is being deleted, found new finalizers []string{"example.com/b"}'
    )
    patch = {"metadata": {"finalizers": ["example.com/a", "example.com/b"]}}
    with refused(422, message=message):
        server.patch(maps, "default", "m", patch, MERGE)


def test_marking_for_deletion_counts_as_a_generation(server):
    sets = server.resource("apps", "v1", "replicasets")
    manifest = replica_set()
    manifest["metadata"]["finalizers"] = ["example.com/a"]
    server.create(sets, "default", manifest)

    assert 2 == server.delete(sets, "default", "web")["metadata"]["generation"]


@pytest.mark.parametrize(
    ("propagation", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")]
)
def test_propagation_leaves_a_finalizer_for_the_garbage_collector(server, propagation, finalizer):
    sets = server.resource("apps", "v1", "replicasets")
    server.create(sets, "default", replica_set())

    marked = server.delete(sets, "default", "web", propagation=propagation)

    assert [finalizer] == marked["metadata"]["finalizers"]
    assert "deletionTimestamp" in marked["metadata"]


def test_background_propagation_deletes_at_once(server):
    sets = server.resource("apps", "v1", "replicasets")
    server.create(sets, "default", replica_set())

    server.delete(sets, "default", "web", propagation="Background")

    assert is_gone(server, sets, "web")


def test_a_later_background_deletion_overrides_a_foreground_one(server):
    sets = server.resource("apps", "v1", "replicasets")
    server.create(sets, "default", replica_set())
    server.delete(sets, "default", "web", propagation="Foreground")

    server.delete(sets, "default", "web", propagation="Background")

    assert is_gone(server, sets, "web")


def test_jobs_orphan_their_pods_when_nothing_is_asked_for(server):
    jobs = server.resource("batch", "v1", "jobs")
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a"}]}}
    server.create(jobs, "default", {"metadata": {"name": "j"}, "spec": {"template": template}})

    marked = server.delete(jobs, "default", "j", propagation="")

    assert ["orphan"] == marked["metadata"]["finalizers"]


def test_an_unknown_propagation_is_refused(server, maps):
    server.create(maps, "default", config_map("m"))

    with refused(422):
        server.delete(maps, "default", "m", propagation="Sideways")


def test_a_running_pod_is_given_its_grace_period(server, pods):
    server.create(pods, "default", pod(nodeName="one", terminationGracePeriodSeconds=20))

    marked = server.delete(pods, "default", "web")

    assert "2026-01-01T00:00:20Z" == marked["metadata"]["deletionTimestamp"]
    assert 20 == marked["metadata"]["deletionGracePeriodSeconds"]
    server.delete(pods, "default", "web", grace_seconds=0)
    assert is_gone(server, pods, "web")


def test_a_grace_period_can_only_be_shortened(server, pods):
    server.create(pods, "default", pod(nodeName="one"))
    first = server.delete(pods, "default", "web", grace_seconds=10)

    assert server.delete(pods, "default", "web", grace_seconds=60) is first
    assert server.delete(pods, "default", "web") is first
    shorter = server.delete(pods, "default", "web", grace_seconds=5)
    assert 5 == shorter["metadata"]["deletionGracePeriodSeconds"]


def test_a_pod_that_runs_nowhere_goes_at_once(server, pods):
    server.create(pods, "default", pod())

    server.delete(pods, "default", "web")

    assert is_gone(server, pods, "web")


def test_a_finished_pod_goes_at_once(server, pods):
    server.create(pods, "default", pod(nodeName="one"))
    done = {"status": {"phase": "Succeeded"}}
    server.patch(pods, "default", "web", done, MERGE, subresource="status")

    server.delete(pods, "default", "web")

    assert is_gone(server, pods, "web")


def test_a_collection_is_deleted_by_selector(server, maps):
    for name, app in (("a", "x"), ("b", "y"), ("c", "x")):
        server.create(maps, "default", config_map(name, labels={"app": app}))

    deleted = server.delete_collection(maps, "default", label_selector="app=x")

    assert ["a", "c"] == [each["metadata"]["name"] for each in deleted.items]
    assert ["b"] == [each["metadata"]["name"] for each in server.list(maps, "default").items]


def test_a_dry_run_deletes_nothing(server, maps):
    made = server.create(maps, "default", config_map("m"))

    answer = server.delete(maps, "default", "m", dry_run=True)

    assert "Success" == answer["status"]
    assert server.get(maps, "default", "m") is made


def test_deleting_a_namespace_deletes_what_is_in_it(server, maps, namespaces, widgets):
    server.create(namespaces, "", {"metadata": {"name": "shop"}})
    server.create(maps, "shop", config_map("m"))
    server.create(widgets, "shop", widget())
    server.create(maps, "default", config_map("m"))

    marked = server.delete(namespaces, "", "shop")

    assert "Terminating" == marked["status"]["phase"]
    assert () == server.list(maps, "shop").items == server.list(widgets, "shop").items
    with refused(404):
        server.get(namespaces, "", "shop")
    assert not is_gone(server, maps, "m")


def test_a_namespace_waits_for_what_finalizers_hold(server, maps, namespaces):
    server.create(namespaces, "", {"metadata": {"name": "shop"}})
    server.create(maps, "shop", config_map("m", finalizers=["example.com/a"]))
    server.delete(namespaces, "", "shop")

    assert "Terminating" == server.get(namespaces, "", "shop")["status"]["phase"]
    server.patch(maps, "shop", "m", {"metadata": {"finalizers": None}}, MERGE)
    with refused(404):
        server.get(namespaces, "", "shop")


def test_a_namespace_with_a_finalizer_waits_for_its_content_too(server, pods, namespaces):
    shop = {"metadata": {"name": "shop", "finalizers": ["example.com/a"]}}
    server.create(namespaces, "", shop)
    server.create(pods, "shop", pod(nodeName="one"))
    server.delete(namespaces, "", "shop")
    server.patch(namespaces, "", "shop", {"metadata": {"finalizers": None}}, MERGE)

    assert "Terminating" == server.get(namespaces, "", "shop")["status"]["phase"]
    server.delete(pods, "shop", "web", grace_seconds=0)
    with refused(404):
        server.get(namespaces, "", "shop")


def test_nothing_can_be_created_in_a_namespace_that_is_going(server, maps, namespaces):
    server.create(namespaces, "", {"metadata": {"name": "shop"}})
    server.create(maps, "shop", config_map("m", finalizers=["example.com/a"]))
    server.delete(namespaces, "", "shop")

    message = (
        'configmaps "n" is forbidden: unable to create new content in namespace shop '
        "because it is being terminated"
    )
    with refused(403, reason="Forbidden", message=message) as caught:
        server.create(maps, "shop", config_map("n"))
    assert "NamespaceTerminating" == caught.value.details["causes"][0]["reason"]


def test_a_namespace_can_come_back(server, maps, namespaces):
    for _ in range(2):
        server.create(namespaces, "", {"metadata": {"name": "shop"}})
        server.create(maps, "shop", config_map("m"))
        server.delete(namespaces, "", "shop")

    assert () == server.list(maps, "shop").items


def test_the_default_namespace_stays(server, namespaces):
    with refused(403):
        server.delete(namespaces, "", "default")


def test_dependents_are_found_by_the_uid_of_their_owner(server, maps):
    sets = server.resource("apps", "v1", "replicasets")
    owner = server.create(sets, "default", replica_set())
    uid = owner["metadata"]["uid"]
    reference = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": uid}

    assert () == server.dependents(uid)
    server.create(maps, "default", config_map("m", ownerReferences=[reference]))
    found = [(rt.kind, each["metadata"]["name"]) for rt, each in server.dependents(uid)]
    assert [("ConfigMap", "m")] == found
    server.delete(maps, "default", "m")
    assert () == server.dependents(uid)

from __future__ import annotations

import pytest
from contract.api import JSON, MERGE
from contract.kinds import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    GADGET_BETA,
    REPLICA_SETS,
    SERVICES,
    config_map,
    deployment,
    gadget,
    names,
    refused,
    replica_set,
    rv,
    service,
)


def test_a_created_object_can_be_read_back(api, namespace):
    made = api.create(CONFIG_MAPS, namespace, config_map())

    assert made == api.get(CONFIG_MAPS, namespace, "m")
    assert {"name": "m", "namespace": namespace}.items() <= made["metadata"].items()
    assert {"uid", "creationTimestamp", "resourceVersion"} <= set(made["metadata"])


def test_a_name_is_taken_only_once(api, namespace):
    api.create(CONFIG_MAPS, namespace, config_map())

    with refused(409, "AlreadyExists", 'configmaps "m" already exists'):
        api.create(CONFIG_MAPS, namespace, config_map())


def test_an_absent_object_is_not_found(api, namespace):
    with refused(404, "NotFound", 'deployments.apps "web" not found') as caught:
        api.get(DEPLOYMENTS, namespace, "web")
    details = {"name": "web", "group": "apps", "kind": "deployments"}
    assert details == caught.value.status["details"]


def test_an_absent_namespace_is_not_found(api):
    with refused(404, "NotFound", 'namespaces "no-such" not found'):
        api.create(CONFIG_MAPS, "no-such", config_map())


def test_a_name_is_generated_from_its_prefix(api, namespace):
    made = api.create(CONFIG_MAPS, namespace, {"metadata": {"generateName": "m-"}})

    assert made["metadata"]["name"].startswith("m-")
    assert 7 == len(made["metadata"]["name"])


def test_an_update_with_the_present_version_replaces(api, namespace):
    made = api.create(CONFIG_MAPS, namespace, config_map(labels={"a": "b"}))
    body = config_map(data={"x": "y"}, resourceVersion=rv(made))

    replaced = api.update(CONFIG_MAPS, namespace, "m", body)

    assert {"x": "y"} == replaced["data"]
    assert "labels" not in replaced["metadata"]
    assert made["metadata"]["uid"] == replaced["metadata"]["uid"]


def test_an_update_may_leave_empty_what_says_which_object_it_is(api, namespace):
    """Clients that speak Protobuf, helm among them, send empty strings."""
    made = api.create(CONFIG_MAPS, namespace, config_map())
    body = config_map(data={"x": "y"}, resourceVersion=rv(made), namespace="", uid="")

    replaced = api.update(CONFIG_MAPS, namespace, "m", body)

    assert {"x": "y"} == replaced["data"]
    assert made["metadata"]["uid"] == replaced["metadata"]["uid"]
    assert namespace == replaced["metadata"]["namespace"]


def test_an_update_with_a_stale_version_conflicts(api, namespace):
    made = api.create(CONFIG_MAPS, namespace, config_map())
    api.patch(CONFIG_MAPS, namespace, "m", {"data": {"a": "b"}}, MERGE)

    message = (
        'Operation cannot be fulfilled on configmaps "m": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    with refused(409, "Conflict", message):
        api.update(CONFIG_MAPS, namespace, "m", made)


def test_a_merge_patch_with_a_stale_version_conflicts(api, namespace):
    made = api.create(CONFIG_MAPS, namespace, config_map())
    api.patch(CONFIG_MAPS, namespace, "m", {"data": {"a": "b"}}, MERGE)

    body = {"metadata": {"resourceVersion": rv(made)}, "data": {"a": "c"}}
    with refused(409, "Conflict"):
        api.patch(CONFIG_MAPS, namespace, "m", body, MERGE)


def test_a_custom_resource_is_not_replaced_without_a_version(api, namespace, gadgets):
    api.create(gadgets, namespace, gadget())

    with refused(422, "Invalid") as caught:
        api.update(gadgets, namespace, "one", gadget(replicas=2))
    assert ["metadata.resourceVersion"] == [each["field"] for each in caught.value.causes]


def test_a_write_that_changes_nothing_keeps_the_version(api, namespace):
    made = api.create(CONFIG_MAPS, namespace, config_map())

    same = api.patch(CONFIG_MAPS, namespace, "m", {"data": {"key": "value"}}, MERGE)

    assert rv(made) == rv(same)


def test_the_generation_of_a_custom_resource_counts_its_spec(api, namespace, gadgets):
    api.create(gadgets, namespace, gadget())
    labelled = {"metadata": {"labels": {"a": "b"}}}
    api.patch(gadgets, namespace, "one", labelled, MERGE)
    api.patch(gadgets, namespace, "one", {"status": {"a": 1}}, MERGE, subresource="status")

    after = api.patch(gadgets, namespace, "one", {"spec": {"replicas": 2}}, MERGE)

    assert 2 == after["metadata"]["generation"]


def test_the_generation_of_a_deployment_counts_annotations(api, namespace):
    api.create(DEPLOYMENTS, namespace, deployment())

    patch = {"metadata": {"annotations": {"a": "b"}}}
    assert 2 == api.patch(DEPLOYMENTS, namespace, "web", patch, MERGE)["metadata"]["generation"]


def test_the_generation_of_a_replica_set_does_not(api, namespace):
    api.create(REPLICA_SETS, namespace, replica_set())

    patch = {"metadata": {"annotations": {"a": "b"}}}
    assert 1 == api.patch(REPLICA_SETS, namespace, "web", patch, MERGE)["metadata"]["generation"]


def test_a_dry_run_keeps_nothing(api, namespace):
    shown = api.create(CONFIG_MAPS, namespace, config_map(), dry_run=True)

    assert {"key": "value"} == shown["data"]
    with refused(404, "NotFound"):
        api.get(CONFIG_MAPS, namespace, "m")


def test_a_deletion_can_be_guarded_by_uid(api, namespace):
    made = api.create(CONFIG_MAPS, namespace, config_map())

    with refused(409, "Conflict") as caught:
        api.delete(CONFIG_MAPS, namespace, "m", uid="other")
    assert f"does not match the UID in record ({made['metadata']['uid']})" in caught.value.message


def test_finalizers_hold_an_object(api, namespace):
    api.create(CONFIG_MAPS, namespace, config_map(finalizers=["example.com/a"]))

    api.delete(CONFIG_MAPS, namespace, "m")

    assert "deletionTimestamp" in api.get(CONFIG_MAPS, namespace, "m")["metadata"]
    api.patch(CONFIG_MAPS, namespace, "m", {"metadata": {"finalizers": None}}, MERGE)
    with refused(404, "NotFound"):
        api.get(CONFIG_MAPS, namespace, "m")


@pytest.mark.still  # where garbage is collected, it may be gone before it is read
@pytest.mark.parametrize(
    ("propagation", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")]
)
def test_propagation_marks_the_object_for_the_garbage_collector(
    api, namespace, propagation, finalizer
):
    api.create(REPLICA_SETS, namespace, replica_set())

    api.delete(REPLICA_SETS, namespace, "web", propagation=propagation)

    metadata = api.get(REPLICA_SETS, namespace, "web")["metadata"]
    assert [finalizer] == metadata["finalizers"]
    api.patch(REPLICA_SETS, namespace, "web", {"metadata": {"finalizers": None}}, MERGE)


def test_the_answer_to_a_deletion_names_the_object(api, namespace):
    made = api.create(CONFIG_MAPS, namespace, config_map())

    answer = api.delete(CONFIG_MAPS, namespace, "m")

    assert ("Status", "Success") == (answer["kind"], answer["status"])
    assert made["metadata"]["uid"] == answer["details"]["uid"]


@pytest.mark.still
def test_a_list_is_paged_consistently(api, namespace):
    for name in ("c", "a", "b"):
        api.create(CONFIG_MAPS, namespace, config_map(name))

    first = api.list(CONFIG_MAPS, namespace, limit=2)
    api.create(CONFIG_MAPS, namespace, config_map("bb"))
    rest = api.list(CONFIG_MAPS, namespace, limit=2, continue_=first.continue_)

    assert (["a", "b"], ["c"]) == (names(first.items), names(rest.items))
    assert "" == rest.continue_


def test_an_unknown_patch_type_is_refused(api, namespace, gadgets):
    api.create(gadgets, namespace, gadget())

    with refused(415, "UnsupportedMediaType"):
        api.patch(gadgets, namespace, "one", {}, "application/strategic-merge-patch+json")


def test_both_versions_of_a_custom_resource_show_one_object(api, namespace, gadgets):
    api.create(gadgets, namespace, gadget(mode="Fast"))

    shown = api.get(GADGET_BETA, namespace, "one")

    assert (GADGET_BETA.api_version, "Fast") == (shown["apiVersion"], shown["spec"]["mode"])


def test_a_service_is_given_an_address_that_stays(api, namespace):
    made = api.create(SERVICES, namespace, service())
    replaced = api.update(SERVICES, namespace, "web", service(sessionAffinity="ClientIP"))

    assert made["spec"]["clusterIP"]
    assert made["spec"]["clusterIP"] == replaced["spec"]["clusterIP"]
    assert {"targetPort": 80, "protocol": "TCP"}.items() <= made["spec"]["ports"][0].items()


def test_a_deployment_is_defaulted(api, namespace):
    spec = api.create(DEPLOYMENTS, namespace, deployment())["spec"]

    rolling = {"maxUnavailable": "25%", "maxSurge": "25%"}
    assert (1, 10, 600) == (
        spec["replicas"],
        spec["revisionHistoryLimit"],
        spec["progressDeadlineSeconds"],
    )
    assert {"type": "RollingUpdate", "rollingUpdate": rolling} == spec["strategy"]
    template = spec["template"]["spec"]
    assert ("Always", "ClusterFirst", 30, {}, "default-scheduler") == (
        template["restartPolicy"],
        template["dnsPolicy"],
        template["terminationGracePeriodSeconds"],
        template["securityContext"],
        template["schedulerName"],
    )
    assert {
        "name": "web",
        "image": "web:1",
        "resources": {},
        "imagePullPolicy": "IfNotPresent",
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    } == template["containers"][0]


def test_a_failed_test_operation_is_refused(api, namespace):
    api.create(CONFIG_MAPS, namespace, config_map())
    patch = [
        {"op": "test", "path": "/data/key", "value": "other"},
        {"op": "replace", "path": "/data/key", "value": "new"},
    ]

    message = "the server rejected our request due to an error in our request"
    with refused(422, "Invalid", message):
        api.patch(CONFIG_MAPS, namespace, "m", patch, JSON)
    assert {"key": "value"} == api.get(CONFIG_MAPS, namespace, "m")["data"]

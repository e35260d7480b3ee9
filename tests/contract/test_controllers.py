"""What the controllers of a cluster do that a rollout relies on."""

from __future__ import annotations

from contextlib import suppress

from contract.api import MERGE, Refused
from contract.kinds import (
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    JOBS,
    PODS,
    REPLICA_SETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    deployment,
    replica_set,
    service,
)
from contract.test_garbage_rules import wait_for


def status_of(**wanted):
    return lambda _, found: wanted.items() <= (found.get("status") or {}).items()


def test_a_replica_set_keeps_its_number_of_pods(living, town):
    stream = living.watch(REPLICA_SETS, town)
    living.create(REPLICA_SETS, town, replica_set(replicas=2))

    ready = wait_for(stream, status_of(replicas=2, readyReplicas=2, availableReplicas=2))

    assert (2, 1) == (
        ready["status"]["fullyLabeledReplicas"],
        ready["status"]["observedGeneration"],
    )
    pods = living.list(PODS, town, label_selector="app=web").items
    owners = [each["metadata"]["ownerReferences"] for each in pods]
    expected = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "web",
        "uid": ready["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    assert [[expected]] * 2 == owners
    assert all(each["metadata"]["generateName"] == "web-" for each in pods)


def test_a_replica_set_says_when_it_has_scaled_down(living, town):
    stream = living.watch(REPLICA_SETS, town)
    living.create(REPLICA_SETS, town, replica_set(replicas=2))
    wait_for(stream, status_of(availableReplicas=2))

    living.patch(REPLICA_SETS, town, "web", {"spec": {"replicas": 0}}, MERGE)

    done = wait_for(stream, status_of(replicas=0, observedGeneration=2))
    assert "availableReplicas" not in done["status"]


def test_a_replica_set_adopts_pods_that_nobody_owns(living, town):
    template = replica_set()["spec"]["template"]
    alone = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "alone", **template["metadata"]},
        "spec": template["spec"],
    }
    pods = living.watch(PODS, town)
    sets = living.watch(REPLICA_SETS, town)
    with suppress(Refused):  # The account of pods comes by itself, but maybe not yet.
        living.create(SERVICE_ACCOUNTS, town, {"metadata": {"name": "default"}})
    living.create(PODS, town, alone)
    living.create(REPLICA_SETS, town, replica_set(replicas=1))

    adopted = wait_for(pods, lambda _, found: "ownerReferences" in found["metadata"])

    assert "alone" == adopted["metadata"]["name"]
    wait_for(sets, status_of(availableReplicas=1))
    assert 1 == len(living.list(PODS, town, label_selector="app=web").items)


def test_a_deployment_makes_a_replica_set_for_each_template(living, town):
    stream = living.watch(DEPLOYMENTS, town)
    living.create(DEPLOYMENTS, town, deployment(replicas=1))
    wait_for(stream, status_of(availableReplicas=1, updatedReplicas=1))

    template = {"metadata": {"labels": {"app": "web", "v": "2"}}}
    living.patch(DEPLOYMENTS, town, "web", {"spec": {"template": template}}, MERGE)
    wait_for(
        stream,
        status_of(observedGeneration=2, replicas=1, availableReplicas=1, updatedReplicas=1),
    )

    sets = living.list(REPLICA_SETS, town).items
    revisions = {
        each["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: (
            each["spec"]["replicas"]
        )
        for each in sets
    }
    assert {"1": 0, "2": 1} == revisions
    for each in sets:
        label = each["metadata"]["labels"]["pod-template-hash"]
        assert f"web-{label}" == each["metadata"]["name"]
        assert label == each["spec"]["selector"]["matchLabels"]["pod-template-hash"]


def test_a_paused_deployment_makes_nothing_new(living, town):
    stream = living.watch(DEPLOYMENTS, town)
    living.create(DEPLOYMENTS, town, deployment(replicas=1, paused=True))

    wait_for(stream, status_of(observedGeneration=1))

    assert [] == living.list(REPLICA_SETS, town).items


def test_a_service_has_the_addresses_of_its_ready_pods(living, town):
    slices = living.watch(ENDPOINT_SLICES, town)
    living.create(SERVICES, town, service())
    living.create(REPLICA_SETS, town, replica_set(replicas=1))

    def serves(_, found):
        # On a cluster with nodes of its own the address may change once more.
        pods = living.list(PODS, town, label_selector="app=web").items
        told = [
            (each["conditions"]["ready"], each["addresses"], each["targetRef"]["name"])
            for each in found.get("endpoints") or ()
        ]
        return told == [
            (True, [pod["status"].get("podIP")], pod["metadata"]["name"]) for pod in pods
        ] and bool(told)

    found = wait_for(slices, serves)
    assert "web" == found["metadata"]["labels"]["kubernetes.io/service-name"]
    assert 1 == len(found["endpoints"])
    assert [80] == [each["port"] for each in found["ports"]]

    living.patch(REPLICA_SETS, town, "web", {"spec": {"replicas": 0}}, MERGE)
    wait_for(slices, lambda _, found: not found.get("endpoints"))


def test_a_job_runs_its_pods_to_the_end(living, town):
    template = {
        "spec": {"restartPolicy": "Never", "containers": [{"name": "run", "image": "run:1"}]}
    }
    stream = living.watch(JOBS, town)
    body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "run"}}
    living.create(JOBS, town, {**body, "spec": {"template": template}})

    done = wait_for(stream, status_of(succeeded=1))

    conditions = {each["type"]: each["status"] for each in done["status"].get("conditions", ())}
    if "Complete" not in conditions:
        done = wait_for(
            stream,
            lambda _, found: any(
                each["type"] == "Complete" for each in found["status"].get("conditions", ())
            ),
        )
    assert "completionTime" in done["status"]
    assert "controller-uid" in done["spec"]["selector"]["matchLabels"] or (
        "batch.kubernetes.io/controller-uid" in done["spec"]["selector"]["matchLabels"]
    )

from __future__ import annotations

from contextlib import suppress

import pytest
from contract.api import MERGE, STRATEGIC, Refused
from contract.kinds import BUDGETS, PODS, SERVICE_ACCOUNTS, budget, pod, refused

READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


@pytest.fixture
def running(api, namespace):
    """A ready pod on a node."""
    with suppress(Refused):  # Where controllers run, one of them may be faster.
        api.create(SERVICE_ACCOUNTS, namespace, {"metadata": {"name": "default"}})
    api.create(PODS, namespace, pod(nodeName="no-such-node"))
    patch = {"status": READY}
    return api.patch(PODS, namespace, "p", patch, STRATEGIC, subresource="status")


def allow(api, namespace, count, healthy=1):
    status = {
        "observedGeneration": 1,
        "disruptionsAllowed": count,
        "currentHealthy": healthy,
        "desiredHealthy": 1,
        "expectedPods": 2,
    }
    api.patch(BUDGETS, namespace, "b", {"status": status}, MERGE, subresource="status")


def test_a_pod_without_a_budget_is_evicted_gracefully(api, namespace, running):
    answer = api.evict(namespace, "p")

    assert ("Success", 201) == (answer["status"], answer["code"])
    found = api.get(PODS, namespace, "p")
    assert 30 == found["metadata"]["deletionGracePeriodSeconds"]
    (target,) = [
        each for each in found["status"]["conditions"] if each["type"] == "DisruptionTarget"
    ]
    assert ("True", "EvictionByEvictionAPI") == (target["status"], target["reason"])


@pytest.mark.still
def test_an_eviction_is_counted_in_the_budget(api, namespace, running):
    api.create(BUDGETS, namespace, budget())
    allow(api, namespace, 1)

    api.evict(namespace, "p")

    status = api.get(BUDGETS, namespace, "b")["status"]
    assert (0, ["p"]) == (status["disruptionsAllowed"], list(status["disruptedPods"]))
    (condition,) = status["conditions"]
    assert ("False", "InsufficientPods") == (condition["status"], condition["reason"])


def test_a_budget_that_is_spent_refuses(api, namespace, running):
    api.create(BUDGETS, namespace, budget())
    allow(api, namespace, 0)

    message = "Cannot evict pod as it would violate the pod's disruption budget."
    with refused(429, "TooManyRequests", message) as caught:
        api.evict(namespace, "p")
    why = "The disruption budget b needs 1 healthy pods and has 1 currently"
    assert [{"reason": "DisruptionBudget", "message": why}] == caught.value.causes
    assert "deletionTimestamp" not in api.get(PODS, namespace, "p")["metadata"]


@pytest.mark.still
def test_a_budget_that_nobody_has_looked_at_asks_for_patience(api, namespace, running):
    api.create(BUDGETS, namespace, budget())

    with refused(429, "TooManyRequests") as caught:
        api.evict(namespace, "p")
    assert 10 == caught.value.status["details"]["retryAfterSeconds"]


def test_two_budgets_for_a_pod_are_an_error(api, namespace, running):
    for name in ("b", "c"):
        api.create(BUDGETS, namespace, budget(name))

    with refused(500, ""):
        api.evict(namespace, "p")


def test_a_budget_of_other_pods_is_not_asked(api, namespace, running):
    api.create(BUDGETS, namespace, budget(labels={"app": "other"}))

    assert 201 == api.evict(namespace, "p")["code"]


@pytest.mark.still
def test_an_unready_pod_may_go_while_enough_are_healthy(api, namespace, running):
    unready = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    api.patch(PODS, namespace, "p", unready, STRATEGIC, subresource="status")
    api.create(BUDGETS, namespace, budget())
    allow(api, namespace, 0)

    assert 201 == api.evict(namespace, "p")["code"]
    assert "disruptedPods" not in api.get(BUDGETS, namespace, "b")["status"]


def test_an_absent_pod_cannot_be_evicted(api, namespace):
    with refused(404, "NotFound", 'pods "p" not found'):
        api.evict(namespace, "p")


def test_a_pod_is_bound_once(api, namespace, running):
    with refused(409, "Conflict") as caught:
        api.bind(namespace, "p", "n2")
    message = (
        'Operation cannot be fulfilled on pods/binding "p": '
        'pod p is already assigned to node "no-such-node"'
    )
    assert message == caught.value.message


def test_binding_gives_a_pod_its_node(api, namespace, running):
    # The name of a scheduler that nobody runs keeps the true one away.
    api.create(PODS, namespace, pod("q", schedulerName="nobody"))

    assert 201 == api.bind(namespace, "q", "n1")["code"]
    found = api.get(PODS, namespace, "q")
    (condition,) = found["status"]["conditions"]
    assert ("n1", "PodScheduled", "True") == (
        found["spec"]["nodeName"],
        condition["type"],
        condition["status"],
    )


def test_no_grace_removes_a_pod_at_once(api, namespace, running):
    shown = api.delete(PODS, namespace, "p", grace_seconds=0)

    metadata = shown["metadata"]
    assert ("Pod", 0, 2) == (
        shown["kind"],
        metadata["deletionGracePeriodSeconds"],
        metadata["generation"],
    )
    assert "deletionTimestamp" in metadata
    with refused(404, "NotFound"):
        api.get(PODS, namespace, "p")


@pytest.mark.parametrize(
    ("selector", "count"),
    [
        ("spec.nodeName=no-such-node", 1),
        ("spec.nodeName=", 0),
        ("status.phase=Running,spec.restartPolicy=Always", 1),
        ("status.phase!=Running", 0),
    ],
)
def test_pods_are_picked_by_node_and_phase(api, namespace, running, selector, count):
    assert count == len(api.list(PODS, namespace, field_selector=selector).items)

"""Whole canaries, pass by pass, against the embedded cluster in virtual time."""

from __future__ import annotations

import pytest
from builders import template
from shell.emulated import Crash
from shell.rollout_world import RolloutWorld

from rollouts.api.refs import EVENT, INGRESS, POD, REPLICA_SET, ROLLOUT, SERVICE

SHORT = [{"setWeight": 20}, {"pause": {"duration": 60}}, {"setWeight": 100}]


def image_of(replica_set):
    return replica_set["spec"]["template"]["spec"]["containers"][0]["image"]


def sizes(world):
    return {image_of(each): each["spec"]["replicas"] for each in world.all(REPLICA_SET)}


def healthy(**wanted):
    world = RolloutWorld(**wanted)
    world.run(30)
    assert world.status["phase"] == "Healthy"
    world.cluster.calls.clear()
    return world


def test_the_first_examples_canary_costs_twenty_two_writes_and_no_read():
    world = healthy()
    world.set_image("shop:2")
    world.run(3600)
    writes = [call for call in world.cluster.calls if call.is_write]
    events = [call for call in writes if call.kind == EVENT]
    reads = [call for call in world.cluster.calls if not call.is_write]

    assert world.status["phase"] == "Healthy"
    assert sizes(world) == {"shop:1": 0, "shop:2": 5}
    # One of them comes after the end of the former pods: the counters without them.
    assert len(writes) - len(events) <= 22 + 1
    assert len(events) <= 6
    assert reads == []


def test_nothing_is_called_while_nothing_changes():
    world = healthy()
    world.run(36_000)

    assert world.cluster.calls == []


def test_weights_move_step_by_step_and_end_at_zero():
    world = healthy()
    world.set_image("shop:2")
    seen = []
    for _ in range(400):
        world.run(5)
        if not seen or seen[-1] != world.weight:
            seen.append(world.weight)

    assert seen == [10, 30, 50, 100, 0]
    assert world.status["stableRS"] == world.status["currentPodHash"]


def test_an_abort_annotation_returns_everything_and_is_removed():
    world = healthy(steps=SHORT)
    world.set_image("shop:2")
    world.run(30)
    assert world.weight == 20
    world.annotate("abort", "errors went up")
    world.run(60)

    assert world.weight == 0
    assert sizes(world) == {"shop:1": 5, "shop:2": 0}
    assert "errors went up" in world.status["message"]
    annotations = world.get(ROLLOUT)["metadata"]["annotations"]
    assert not [key for key in annotations if key.startswith("rollouts.dev/")]


def test_a_request_that_makes_no_sense_is_refused_with_an_event_and_removed():
    world = healthy()
    world.annotate("promote")
    world.run(1)
    reasons = [each["message"] for each in world.all(EVENT) if each["reason"] == "RequestRefused"]

    assert reasons == [
        "rollouts.dev/promote='true' is refused: there is no update in progress to promote"
    ]
    annotations = world.get(ROLLOUT)["metadata"]["annotations"]
    assert "rollouts.dev/promote" not in annotations


@pytest.mark.parametrize("is_served", [False, True])
@pytest.mark.parametrize("position", range(1, 9))
def test_a_promotion_is_carried_out_once_whatever_call_the_process_dies_at(position, is_served):
    steps = [{"setWeight": 20}, {"pause": {}}, {"setWeight": 40}, {"pause": {}}, {"setWeight": 80}]
    world = healthy(steps=steps)
    world.set_image("shop:2")
    world.run(30)
    assert world.status["currentStepIndex"] == 1
    world.annotate("promote")
    world.cluster.calls.clear()
    world.cluster.crash_at, world.cluster.crash_served = position, is_served
    try:
        world.run(30)
    except Crash:
        world.cluster.crash_at = None
        world.forget()
    world.cluster.crash_at = None
    world.run(60)

    assert world.status["currentStepIndex"] == 3
    assert world.weight == 40


def test_a_restart_in_a_pause_keeps_its_end():
    world = healthy(steps=SHORT)
    world.set_image("shop:2")
    world.run(10)
    began = world.status["pauseConditions"]
    world.forget()
    world.run(40)
    assert world.status["pauseConditions"] == began
    world.run(20)

    assert world.status["currentStepIndex"] == 3


def test_missing_services_and_ingress_are_all_named_and_waited_for():
    world = RolloutWorld(surroundings=False)
    world.run(10)
    message = world.status["message"]

    assert world.status["phase"] == "Degraded"
    assert "shop-canary" in message
    assert "shop-stable" in message
    assert 'ingress "shop" was not found' in message
    assert world.all(REPLICA_SET) == []
    world.create_surroundings()
    world.run(10)
    assert world.status["phase"] == "Healthy"


def test_an_invalid_edit_names_every_error_and_leaves_the_running_version_alone():
    world = healthy()
    before = [each["metadata"]["resourceVersion"] for each in world.all(REPLICA_SET)]
    canary = {"steps": [{"setWeight": 101}, {"pause": {"duration": "soon"}}]}
    world.patch(ROLLOUT, "shop", {"spec": {"strategy": {"canary": canary}}})
    world.run(10)

    assert world.status["phase"] == "Degraded"
    assert "steps[0].setWeight" in world.status["message"]
    assert "steps[1].pause.duration" in world.status["message"]
    assert [each["metadata"]["resourceVersion"] for each in world.all(REPLICA_SET)] == before


def test_a_rollback_puts_the_whole_former_template_back():
    world = healthy(steps=[])
    world.set_image("shop:2")
    world.run(60)
    extra = template("shop:2")
    extra["spec"]["hostNetwork"] = True
    world.patch(ROLLOUT, "shop", {"spec": {"template": extra}})
    world.run(60)
    world.annotate("rollback", "1")
    world.run(60)
    wanted = world.get(ROLLOUT)["spec"]["template"]

    assert "hostNetwork" not in wanted["spec"]
    assert wanted["spec"]["containers"][0]["image"] == "shop:1"
    assert world.status["phase"] == "Healthy"


def test_a_restart_replaces_every_pod_and_keeps_most_of_them_ready():
    world = healthy(replicas=4)
    before = {each["metadata"]["uid"] for each in world.all(POD)}
    world.run(5)
    world.annotate("restart")
    lowest = 4
    for _ in range(120):
        world.run(1)
        lowest = min(lowest, world.status["readyReplicas"])
    after = {each["metadata"]["uid"] for each in world.all(POD)}

    assert before.isdisjoint(after)
    assert lowest >= 3
    assert world.status["phase"] == "Healthy"


def test_a_replica_set_of_another_owner_with_the_wanted_name_makes_the_next_hash_differ():
    world = healthy()
    world.set_image("shop:2")
    world.run(5)
    taken = next(each for each in world.all(REPLICA_SET) if image_of(each) == "shop:2")
    name = taken["metadata"]["name"]
    other = RolloutWorld()
    foreign = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": "other"}},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "other"}},
            "template": {
                "metadata": {"labels": {"app": "other"}},
                "spec": {"containers": [{"name": "a", "image": "a"}]},
            },
        },
    }
    other.create(REPLICA_SET, foreign)
    other.run(30)
    other.set_image("shop:2")
    other.run(30)

    assert other.status["collisionCount"] == 1
    assert sizes(other)["shop:2"] == 1


def test_somebodys_edits_of_service_route_and_size_are_undone():
    world = healthy(steps=SHORT)
    world.set_image("shop:2")
    world.run(20)
    stable = world.status["stableRS"]
    selector = {"spec": {"selector": {"rollouts-pod-template-hash": "nonsense"}}}
    world.patch(SERVICE, "shop-stable", selector)
    world.patch(
        INGRESS,
        "shop-shop-canary",
        {"metadata": {"annotations": {"nginx.ingress.kubernetes.io/canary-weight": "77"}}},
    )
    world.run(5)

    service = world.get(SERVICE, "shop-stable")
    assert service["spec"]["selector"]["rollouts-pod-template-hash"] == stable
    assert world.weight == 20

from datetime import timedelta

import pytest
from unit.emulator.actor_world import World, condition, pod, replica_set, seconds

from rollouts.emulator import ApiError
from rollouts.emulator.actors import NEVER_READY, Runs
from rollouts.emulator.actors.replicaset import rank_for_removal


def test_pods_are_made_and_counted():
    world = World()
    world.create("replicasets", replica_set(replicas=3))
    world.settle()

    assert world.status("replicasets", "web") == {
        "replicas": 3,
        "fullyLabeledReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "observedGeneration": 1,
    }
    assert all(name.startswith("web-") for name in world.names("pods"))


@pytest.mark.parametrize("replicas", [0, 1, 2])
def test_as_many_pods_as_wanted(replicas):
    world = World()
    world.create("replicasets", replica_set(replicas=replicas))
    world.settle()

    assert len(world.all("pods")) == replicas
    assert world.status("replicasets", "web")["replicas"] == replicas


def test_more_pods_than_one_pass_may_make():
    world = World()
    world.create("replicasets", replica_set(replicas=501))
    world.settle()

    assert world.status("replicasets", "web")["readyReplicas"] == 501


def test_two_equal_worlds_give_equal_names():
    names = []
    for _ in range(2):
        world = World()
        world.create("replicasets", replica_set())
        world.settle()
        names.append(world.names("pods"))

    assert names[0] == names[1]


def test_a_quiet_world_writes_nothing():
    world = World()
    world.create("replicasets", replica_set())
    world.settle()
    world.writes.clear()
    wake = world.after(3600)

    assert wake is None
    assert world.writes == []


def test_a_lost_pod_is_replaced():
    world = World()
    world.create("replicasets", replica_set(replicas=2))
    world.settle()
    lost = world.names("pods")[0]
    world.delete("pods", lost)
    world.settle()

    assert len(world.all("pods")) == 2
    assert lost not in world.names("pods")


def test_a_ready_pod_becomes_available_exactly_after_min_ready_seconds():
    world = World()
    world.create("replicasets", replica_set(replicas=1, minReadySeconds=30))
    wake = world.settle()
    early = world.status("replicasets", "web")
    world.after(29)
    just_before = world.status("replicasets", "web")
    world.after(1)

    assert wake == world.now
    assert early["readyReplicas"] == 1
    assert "availableReplicas" not in early
    assert "availableReplicas" not in just_before
    assert world.status("replicasets", "web")["availableReplicas"] == 1


def test_scaling_down_takes_pods_that_are_not_ready_first():
    world = World({"*": Runs(ready_after=timedelta(0))})
    world.create("replicasets", replica_set(replicas=2))
    world.after(5)
    ready = set(world.names("pods"))
    world.actors[4].set_behaviour("*", NEVER_READY)
    for name in ready:
        world.actors[4].override("default", name, Runs(), now=world.now)
    world.patch("replicasets", "web", {"spec": {"replicas": 4}})
    world.settle()
    world.patch("replicasets", "web", {"spec": {"replicas": 2}})
    world.settle()

    assert set(world.names("pods")) == ready


def test_scaling_down_takes_the_newest_of_equal_pods():
    world = World()
    world.create("replicasets", replica_set(replicas=1))
    world.after(10)
    oldest = world.names("pods")
    world.patch("replicasets", "web", {"spec": {"replicas": 3}})
    world.after(10)
    world.patch("replicasets", "web", {"spec": {"replicas": 1}})
    world.settle()

    assert world.names("pods") == oldest


def test_a_low_deletion_cost_goes_before_age():
    cheap = pod("cheap")
    cheap["metadata"]["annotations"] = {"controller.kubernetes.io/pod-deletion-cost": "-5"}
    world = World()
    world.create("pods", pod("older"))
    world.create("pods", cheap)
    world.after(1)
    world.create("pods", pod("newest"))
    world.settle()
    order = [each["metadata"]["name"] for each in rank_for_removal(world.all("pods"))]

    assert order == ["cheap", "newest", "older"]


def test_orphans_that_match_are_adopted():
    world = World()
    world.create("pods", pod("stray"))
    world.create("replicasets", replica_set(replicas=2))
    world.settle()
    owner = world.get("pods", "stray")["metadata"]["ownerReferences"][0]

    assert len(world.all("pods")) == 2
    assert (owner["kind"], owner["name"], owner["controller"]) == ("ReplicaSet", "web", True)


def test_a_pod_whose_labels_no_longer_match_is_released_and_replaced():
    world = World()
    world.create("replicasets", replica_set(replicas=1))
    world.settle()
    name = world.names("pods")[0]
    world.patch("pods", name, {"metadata": {"labels": {"app": "debug"}}})
    world.settle()

    assert "ownerReferences" not in world.get("pods", name)["metadata"]
    assert len(world.all("pods")) == 2


def test_ended_pods_do_not_count():
    world = World()
    world.create("replicasets", replica_set(replicas=1))
    world.settle()
    name = world.names("pods")[0]
    world.patch("pods", name, {"status": {"phase": "Failed"}}, subresource="status")
    world.settle()

    assert world.phases() == ["Failed", "Running"]


def test_a_refused_pod_is_reported_and_tried_again():
    world = World()
    world.create("replicasets", replica_set(replicas=1))
    create, refusals = world.server.create, []

    def refuse(rt, namespace, manifest, **options):
        if rt.plural == "pods" and len(refusals) < 5:
            refusals.append(manifest["metadata"]["name"])
            raise ApiError(403, "Forbidden", f"no room for {refusals[-1]}")
        return create(rt, namespace, manifest, **options)

    world.server.create = refuse
    wake = world.settle()
    failure = condition(world.status("replicasets", "web"), "ReplicaFailure")
    world.after(60)

    assert world.now - seconds(60) < wake <= world.now
    assert failure["reason"] == "FailedCreate"
    assert failure["message"].startswith("no room for web-")
    assert world.phases() == ["Running"]
    assert condition(world.status("replicasets", "web"), "ReplicaFailure") is None


def test_template_metadata_reaches_the_pods():
    world = World()
    manifest = replica_set(replicas=1)
    manifest["spec"]["template"]["metadata"]["annotations"] = {"note": "x"}
    world.create("replicasets", manifest)
    world.settle()
    made = world.all("pods")[0]["metadata"]

    assert made["annotations"] == {"note": "x"}
    assert made["labels"] == {"app": "web"}
    assert made["generateName"] == "web-"


def test_a_deleted_set_takes_its_pods_along():
    world = World()
    world.create("replicasets", replica_set())
    world.settle()
    world.delete("replicasets", "web")
    world.settle()

    assert world.all("pods") == []


def test_a_compacted_history_is_survived():
    world = World()
    world.create("replicasets", replica_set(replicas=1))
    world.settle()
    world.patch("replicasets", "web", {"spec": {"replicas": 2}})
    world.server.compact()
    world.after(1)

    assert world.status("replicasets", "web")["readyReplicas"] == 2


def test_status_follows_exactly_when_pods_become_ready():
    world = World(default=Runs(ready_after=seconds(5)))
    world.create("replicasets", replica_set(replicas=2))
    wake = world.settle()
    before = world.status("replicasets", "web")
    world.after(5)

    assert wake == world.now
    assert "readyReplicas" not in before
    assert world.status("replicasets", "web")["readyReplicas"] == 2

import random
from datetime import timedelta

import pytest
from unit.emulator.actor_world import START, World, condition, pod, seconds

from rollouts.emulator.actors import (
    CRASH_LOOP,
    NEVER_READY,
    PULL_ERROR,
    Evicted,
    Exits,
    Kubelet,
    Runs,
)


def container(world, name="web"):
    return world.status("pods", name)["containerStatuses"][0]


def ready(world, name="web"):
    return condition(world.status("pods", name), "Ready")["status"]


def test_a_pod_runs_and_is_ready():
    world = World()
    world.create("pods", pod())
    world.settle()
    status = world.status("pods", "web")

    assert (status["phase"], status["podIP"], ready(world)) == ("Running", "10.244.0.1", "True")
    assert world.get("pods", "web")["spec"]["nodeName"] == "embedded"
    assert status["startTime"] == "2026-01-01T00:00:00Z"


def test_a_pod_is_ready_exactly_after_its_delay():
    world = World({"web:1": Runs(ready_after=timedelta(seconds=3))})
    world.create("pods", pod())
    wake = world.settle()
    at_start = (world.status("pods", "web")["phase"], ready(world))
    world.after(2)
    before = ready(world)
    world.after(1)

    assert wake == START + seconds(3)
    assert at_start == ("Running", "False")
    assert before == "False"
    assert ready(world) == "True"


def test_a_pod_that_waits_for_its_image_is_pending():
    world = World(default=Runs(starts_after=seconds(2), ready_after=seconds(2)))
    world.create("pods", pod())
    world.settle()
    waiting = container(world)["state"]
    phase = world.status("pods", "web")["phase"]
    world.after(2)

    assert waiting == {"waiting": {"reason": "ContainerCreating"}}
    assert phase == "Pending"
    assert ready(world) == "True"


def test_a_pod_that_is_never_ready_asks_for_no_wake():
    world = World(default=NEVER_READY)
    world.create("pods", pod())

    assert world.settle() is None
    assert ready(world) == "False"
    assert world.status("pods", "web")["phase"] == "Running"


def test_a_crash_loop_waits_longer_each_time():
    world = World(default=CRASH_LOOP)
    world.create("pods", pod())
    wakes = []
    for _ in range(6):
        wakes.append(world.settle())
        world.now = wakes[-1]
    world.settle()

    # Runs for a second, waits 10, runs, waits 20, runs, waits 40.
    assert [(wake - START).total_seconds() for wake in wakes] == [1, 11, 12, 32, 33, 73]
    assert container(world)["restartCount"] == 3


def test_a_crashed_container_says_so():
    world = World(default=CRASH_LOOP)
    world.create("pods", pod())
    world.after(1)
    crashed = container(world)

    assert crashed["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert crashed["lastState"]["terminated"]["exitCode"] == 1
    assert world.status("pods", "web")["phase"] == "Running"
    assert ready(world) == "False"


def test_a_week_of_crashes_is_cheap_to_look_at():
    world = World(default=CRASH_LOOP)
    world.create("pods", pod())
    world.settle()
    world.now += timedelta(days=7)
    wake = world.settle()

    assert world.now < wake <= world.now + seconds(301)
    assert container(world)["restartCount"] > 2000


def test_an_image_that_cannot_be_pulled():
    world = World({"web:*": PULL_ERROR})
    world.create("pods", pod())
    world.settle()
    first = container(world)["state"]["waiting"]["reason"]
    wake = world.after(10)

    assert first == "ErrImagePull"
    assert container(world)["state"]["waiting"]["reason"] == "ImagePullBackOff"
    assert world.status("pods", "web")["phase"] == "Pending"
    assert wake is None


def test_a_pod_that_loses_readiness():
    world = World(default=Runs(ready_after=seconds(1), unready_after=seconds(5)))
    world.create("pods", pod())
    world.after(1)
    before = ready(world)
    world.after(5)

    assert (before, ready(world)) == ("True", "False")


def test_an_evicted_pod_has_failed():
    world = World(default=Evicted(after=seconds(5)))
    world.create("pods", pod())
    world.after(5)
    status = world.status("pods", "web")

    assert (status["phase"], status["reason"], ready(world)) == ("Failed", "Evicted", "False")


@pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (3, "Failed")])
def test_a_pod_that_is_not_restarted_ends(code, phase):
    world = World({"web:1": Exits(after=seconds(2), exit_code=code)})
    world.create("pods", pod(restartPolicy="Never"))
    world.after(2)

    assert world.status("pods", "web")["phase"] == phase
    assert container(world)["state"]["terminated"]["exitCode"] == code


def test_only_failures_are_restarted_on_failure():
    world = World({"good": Exits(exit_code=0), "bad": Exits(exit_code=1)})
    world.create("pods", pod("good", "good", restartPolicy="OnFailure"))
    world.create("pods", pod("bad", "bad", restartPolicy="OnFailure"))
    world.after(11)

    assert world.status("pods", "good")["phase"] == "Succeeded"
    assert container(world, "bad")["restartCount"] == 1


def test_all_containers_must_be_ready():
    world = World({"late": Runs(ready_after=seconds(4))})
    both = [{"name": "a", "image": "web:1"}, {"name": "b", "image": "late"}]
    world.create("pods", pod(containers=both))
    world.settle()
    message = condition(world.status("pods", "web"), "Ready")["message"]
    world.after(4)

    assert message == "containers with unready status: [b]"
    assert ready(world) == "True"


def test_a_readiness_gate_of_somebody_else_is_waited_for():
    world = World()
    world.create("pods", pod(readinessGates=[{"conditionType": "example.com/in-pool"}]))
    world.settle()
    before = ready(world)
    status = world.status("pods", "web")
    gate = {"type": "example.com/in-pool", "status": "True"}
    opened = {"status": {"conditions": [*status["conditions"], gate]}}
    world.patch("pods", "web", opened, subresource="status")
    world.settle()

    assert (before, ready(world)) == ("False", "True")


def test_one_pod_can_be_made_to_behave_differently():
    world = World()
    world.create("pods", pod("a"))
    world.create("pods", pod("b"))
    world.settle()
    kubelet = world.actors[4]
    world.after(60)
    kubelet.override("default", "a", NEVER_READY, now=world.now)
    world.settle()
    broken = ready(world, "a"), ready(world, "b")
    kubelet.override("default", "a", None, now=world.now)
    world.settle()

    assert broken == ("False", "True")
    assert ready(world, "a") == "True"


def test_deleted_pods_go_after_their_grace():
    world = World(termination=seconds(5))
    world.create("pods", pod())
    world.settle()
    world.delete("pods", "web")
    wake = world.settle()
    world.after(4)
    before = world.names("pods")
    world.after(1)

    assert wake == world.now
    assert before == ["web"]
    assert world.names("pods") == []


def test_a_short_grace_period_bounds_the_end():
    world = World(termination=seconds(60))
    world.create("pods", pod())
    world.settle()
    world.delete("pods", "web", grace_seconds=2)

    assert world.settle() == START + seconds(2)


def test_a_finalizer_outlives_the_containers():
    world = World()
    manifest = pod()
    manifest["metadata"]["finalizers"] = ["example.com/drain"]
    world.create("pods", manifest)
    world.settle()
    world.delete("pods", "web")
    wake = world.settle()
    held = world.names("pods")
    world.patch("pods", "web", {"metadata": {"finalizers": None}})
    world.settle()

    assert wake is None
    assert held == ["web"]
    assert world.names("pods") == []


def test_luck_spreads_the_delays_and_repeats_with_its_seed():
    def delays(seed):
        world = World(default=Runs(jitter=seconds(10)), luck=random.Random(seed))
        for index in range(5):
            world.create("pods", pod(f"p{index}"))
        found = []
        while (wake := world.settle()) is not None:
            found.append(wake - START)
            world.now = wake
        return found

    assert delays(1) == delays(1)
    assert delays(1) != delays(2)
    assert len(delays(1)) == 5


def test_without_a_node_a_write_is_saved():
    world = World(actors=lambda server: (Kubelet(server, node=""),))
    world.create("pods", pod())
    world.writes.clear()
    world.settle()

    assert len(world.writes) == 1
    assert world.all("nodes") == []
    assert ready(world) == "True"


def test_a_pod_of_another_node_is_left_alone():
    world = World()
    world.create("pods", pod(nodeName="elsewhere"))
    world.settle()

    assert world.status("pods", "web").get("phase") != "Running"


def test_a_new_kubelet_takes_over_what_the_old_one_started():
    world = World(default=Runs(ready_after=seconds(10)))
    world.create("pods", pod())
    world.after(4)
    address = world.status("pods", "web")["podIP"]
    world.actors = (Kubelet(world.server, default=Runs(ready_after=seconds(10))),)

    assert world.settle() == START + seconds(10)
    assert world.status("pods", "web")["podIP"] == address


def test_events_tell_the_life_of_a_pod():
    world = World(default=CRASH_LOOP, events=True)
    world.create("pods", pod())
    world.after(12)
    world.delete("pods", "web")
    world.settle()

    assert world.reasons() == {"Scheduled", "Started", "BackOff", "Killing"}


def test_equal_events_are_counted():
    world = World(default=CRASH_LOOP, events=True)
    world.create("pods", pod())
    world.after(12)
    events = world.server.list(world.events_type).items
    counts = {event["reason"]: event["count"] for event in events}

    assert counts["BackOff"] == 2

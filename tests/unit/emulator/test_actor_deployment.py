import pytest
from unit.emulator.actor_world import (
    START,
    World,
    condition,
    deployment,
    pod_template,
    replica_set,
    seconds,
)

from rollouts.emulator.actors import NEVER_READY, Runs
from rollouts.emulator.actors.rolling import (
    Fleet,
    Member,
    Scale,
    plan_recreate,
    plan_rolling_update,
    surge_and_unavailable,
)

REVISION = "deployment.kubernetes.io/revision"


def new_image(image):
    return {"spec": {"template": pod_template(image)}}


def scaled(world):
    return {
        each["spec"]["template"]["spec"]["containers"][0]["image"]: each["spec"]["replicas"]
        for each in world.all("replicasets")
    }


def progress(world):
    return condition(world.status("deployments", "web"), "Progressing")


def test_a_deployment_comes_up():
    world = World()
    world.create("deployments", deployment())
    world.settle()
    status = world.status("deployments", "web")

    assert (status["replicas"], status["updatedReplicas"], status["availableReplicas"]) == (3, 3, 3)
    generation = world.get("deployments", "web")["metadata"]["generation"]
    assert status["observedGeneration"] == generation
    assert condition(status, "Available")["status"] == "True"
    assert progress(world)["reason"] == "NewReplicaSetAvailable"
    assert world.get("deployments", "web")["metadata"]["annotations"][REVISION] == "1"


def test_an_update_keeps_to_its_bounds_at_every_write():
    world = World(default=Runs(ready_after=seconds(5)))
    strategy = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}
    world.create("deployments", deployment(replicas=4, strategy=strategy))
    world.after(10)
    seen = []

    def count(_record):
        pods = [each for each in world.all("pods") if "deletionTimestamp" not in each["metadata"]]
        ready = [each for each in pods if condition(each.get("status", {}), "Ready")]
        available = sum(condition(each["status"], "Ready")["status"] == "True" for each in ready)
        seen.append((len(pods), available))

    world.server.on_write.append(count)
    world.patch("deployments", "web", new_image("web:2"))
    world.after(60)

    assert max(total for total, _ in seen) <= 5
    assert min(available for _, available in seen) >= 3
    assert scaled(world) == {"web:1": 0, "web:2": 4}


def test_a_broken_update_stops_and_reports_at_its_deadline():
    world = World({"web:2": NEVER_READY})
    world.create("deployments", deployment(progressDeadlineSeconds=60))
    world.settle()
    world.now += seconds(100)
    world.patch("deployments", "web", new_image("web:2"))
    wake = world.settle()
    world.after(59)
    before = progress(world)["reason"]
    world.after(1)

    assert wake == world.now
    assert before == "ReplicaSetUpdated"
    assert progress(world)["reason"] == "ProgressDeadlineExceeded"
    assert progress(world)["status"] == "False"
    assert scaled(world) == {"web:1": 3, "web:2": 1}
    assert world.settle() is None


def test_going_back_uses_the_old_set_under_a_new_revision():
    world = World()
    world.create("deployments", deployment(image="web:1"))
    world.settle()
    world.patch("deployments", "web", new_image("web:2"))
    world.settle()
    world.patch("deployments", "web", new_image("web:1"))
    world.settle()
    revisions = {
        each["spec"]["template"]["spec"]["containers"][0]["image"]: each["metadata"]["annotations"][
            REVISION
        ]
        for each in world.all("replicasets")
    }

    assert scaled(world) == {"web:1": 3, "web:2": 0}
    assert revisions == {"web:1": "3", "web:2": "2"}


def test_recreate_removes_all_old_pods_first():
    world = World(default=Runs(ready_after=seconds(5)), termination=seconds(3))
    world.create("deployments", deployment(strategy={"type": "Recreate"}))
    world.after(10)
    world.patch("deployments", "web", new_image("web:2"))
    world.after(2)
    during = scaled(world)
    world.after(20)

    assert during == {"web:1": 0, "web:2": 0}
    assert scaled(world) == {"web:1": 0, "web:2": 3}


def test_a_paused_deployment_scales_but_does_not_update():
    world = World()
    world.create("deployments", deployment())
    world.settle()
    world.patch("deployments", "web", {"spec": {"paused": True}})
    world.patch("deployments", "web", new_image("web:2"))
    world.patch("deployments", "web", {"spec": {"replicas": 5}})
    world.settle()
    paused, reason = scaled(world), progress(world)["reason"]
    world.patch("deployments", "web", {"spec": {"paused": False}})
    world.settle()

    assert paused == {"web:1": 5}
    assert reason == "DeploymentPaused"
    assert scaled(world) == {"web:1": 0, "web:2": 5}


@pytest.mark.parametrize(("limit", "kept"), [(0, 1), (1, 2), (2, 3)])
def test_old_revisions_are_kept_up_to_the_limit(limit, kept):
    world = World()
    world.create("deployments", deployment(revisionHistoryLimit=limit))
    for number in range(2, 6):
        world.settle()
        world.patch("deployments", "web", new_image(f"web:{number}"))
    world.settle()

    assert len(world.all("replicasets")) == kept
    assert scaled(world)["web:5"] == 3


def test_a_name_that_is_taken_is_gone_around():
    world = World()
    world.create("deployments", deployment())
    world.settle()
    name = world.names("replicasets")[0]
    other = World()
    foreign = replica_set(name, replicas=0, image="other:1")
    foreign["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    foreign["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    other.create("replicasets", foreign)
    other.create("deployments", deployment())
    other.settle()

    assert len(other.all("replicasets")) == 2
    assert other.status("deployments", "web")["availableReplicas"] == 3


def test_scaling_to_zero_and_back():
    world = World()
    world.create("deployments", deployment(replicas=0))
    world.settle()
    empty = world.status("deployments", "web")
    world.patch("deployments", "web", {"spec": {"replicas": 2}})
    world.settle()

    assert "replicas" not in empty
    assert progress(world)["reason"] == "NewReplicaSetAvailable"
    assert world.status("deployments", "web")["availableReplicas"] == 2


def test_a_settled_deployment_writes_nothing():
    world = World()
    world.create("deployments", deployment())
    world.after(10)
    world.writes.clear()
    wake = world.after(3600)

    assert (wake, world.writes) == (None, [])


def test_pods_that_fail_later_are_the_available_condition_s_concern():
    world = World()
    world.create("deployments", deployment(progressDeadlineSeconds=30))
    world.settle()
    for name in world.names("pods"):
        world.actors[4].override("default", name, NEVER_READY, now=world.now)
    world.after(300)

    assert condition(world.status("deployments", "web"), "Available")["status"] == "False"
    assert progress(world)["status"] == "True"


def member(name, wanted, available=None):
    return Member(name, wanted, wanted, wanted if available is None else available)


@pytest.mark.parametrize(
    ("value", "wanted", "expected"),
    [
        ({}, 4, (1, 1)),
        ({}, 3, (1, 0)),
        ({"maxSurge": "50%", "maxUnavailable": "50%"}, 3, (2, 1)),
        ({"maxSurge": 0, "maxUnavailable": 0}, 3, (0, 1)),
        ({"maxSurge": "0%", "maxUnavailable": "10%"}, 3, (0, 1)),
        ({}, 0, (0, 1)),
    ],
)
def test_surge_rounds_up_and_unavailable_down(value, wanted, expected):
    spec = {"strategy": {"type": "RollingUpdate", "rollingUpdate": value}}

    assert surge_and_unavailable(spec, wanted) == expected


def test_new_pods_grow_only_into_the_surge():
    fleet = Fleet(4, 1, 1, current=member("new", 0), old=(member("old", 4),))

    assert plan_rolling_update(fleet) == (Scale("new", 0, 1),)


def test_old_pods_shrink_as_new_ones_become_available():
    fleet = Fleet(4, 1, 0, current=member("new", 1), old=(member("old", 4),))

    assert plan_rolling_update(fleet) == (Scale("old", 4, 3),)


def test_broken_old_pods_go_first():
    old = (member("older", 2, 2), member("broken", 2, 0))
    fleet = Fleet(4, 1, 2, current=member("new", 1, 0), old=old)

    assert plan_rolling_update(fleet) == (Scale("broken", 2, 0),)


def test_nothing_shrinks_below_the_minimum():
    fleet = Fleet(4, 1, 0, current=member("new", 1, 0), old=(member("old", 4),))

    assert plan_rolling_update(fleet) == ()


def test_recreate_waits_for_the_last_old_pod():
    leaving = Fleet(2, 0, 0, current=member("new", 0), old=(Member("old", 0, 1, 0),))
    gone = Fleet(2, 0, 0, current=member("new", 0), old=(Member("old", 0, 0, 0),))

    assert plan_recreate(leaving) == ()
    assert plan_recreate(gone) == (Scale("new", 0, 2),)


def test_the_first_pods_may_take_time():
    world = World(default=Runs(ready_after=seconds(5)))
    world.create("deployments", deployment(replicas=1))

    assert world.settle() == START + seconds(5)
    assert condition(world.status("deployments", "web"), "Available")["status"] == "False"

"""The tree that `get` draws, from objects as a cluster holds them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from builders import NOW, at, paused, rollout_manifest, template

from rollouts.api.times import format_time
from rollouts.cli.picture import say_duration
from rollouts.cli.show import put, render
from rollouts.cli.tree import (
    draw,
    phase_of,
    say_step,
    steps_of,
    strategy_of,
    what_comes_next,
)


def rollout(status=None, *, generation=1, **spec):
    manifest = rollout_manifest(**spec)
    created = {"creationTimestamp": format_time(at(-7200)), "generation": generation}
    return manifest | {
        "metadata": manifest["metadata"] | created,
        "status": {"observedGeneration": "1"} | (status or {}),
    }


def in_canary(index=1, **status):
    """A rollout at its first pause, begun 48 seconds ago."""
    known = {
        "phase": "Paused",
        "message": "CanaryPauseStep",
        "currentPodHash": "v2",
        "stableRS": "v1",
        "currentStepIndex": index,
        "replicas": 6,
        "updatedReplicas": 1,
        "availableReplicas": 6,
        "canary": {"weights": {"canary": {"weight": 10}, "stable": {"weight": 90}}},
    }
    return known | paused(48, step=index) | status


def replica_set(pod_hash, revision, replicas, *, image="shop:1", age=7200, available=None):
    return {
        "metadata": {
            "name": f"shop-{pod_hash}",
            "uid": f"{pod_hash}-uid",
            "labels": {"rollouts-pod-template-hash": pod_hash},
            "annotations": {"rollout.argoproj.io/revision": str(revision)},
            "ownerReferences": [{"controller": True, "uid": "rollout-uid"}],
            "creationTimestamp": format_time(at(-age)),
        },
        "spec": {"replicas": replicas, "template": template(image)},
        "status": {
            "replicas": replicas,
            "availableReplicas": replicas if available is None else available,
        },
    }


def pod(pod_hash, name, *, age=7200, state=None, phase="Running", ready=True, **metadata):
    container = {"ready": ready, "state": state or {"running": {}}}
    if metadata.pop("restarts", 0):
        container["restartCount"] = 3
    return {
        "metadata": {
            "name": f"shop-{pod_hash}-{name}",
            "ownerReferences": [{"controller": True, "uid": f"{pod_hash}-uid"}],
            "creationTimestamp": format_time(at(-age)),
            **metadata,
        },
        "spec": {"containers": [{}]},
        "status": {"phase": phase, "containerStatuses": [container]},
    }


def facts(status=None, **spec):
    return dict(draw(rollout(status, **spec), (), (), NOW).facts)


def rows(pods, sets=None, status=None):
    picture = draw(rollout(status or in_canary()), sets or [replica_set("v1", 1, 1)], pods, NOW)
    return {line.name: line for line in picture.lines}


GOLDEN = """\
Name:       shop
Namespace:  shop
Status:     ॥ Paused
Message:    CanaryPauseStep
Strategy:   Canary
  Step:     1/7 (pause 10m)
  Weight:   10 canary, 90 stable
  Next:     setWeight 30 in 9m12s
Images:     shop:2 (canary)
            shop:1 (stable)
Replicas:   5 wanted, 6 current, 1 updated, 6 available

NAME                 KIND        STATUS        AGE    INFO
shop                 Rollout     ॥ Paused      2h
├── # revision:3
│  └── shop-v2       ReplicaSet  ✔ Healthy     1m     canary  1/1
│     └── shop-v2-c  Pod         ✔ Running     1m     ready:1/1
├── # revision:2
│  └── shop-v1       ReplicaSet  ✔ Healthy     2h     stable  2/2
│     ├── shop-v1-a  Pod         ✔ Running     2h     ready:1/1
│     └── shop-v1-b  Pod         ✔ Running     2h     ready:1/1
└── # revision:1
   └── shop-v0       ReplicaSet  • ScaledDown  2h30m
"""


def test_a_canary_is_drawn_newest_revision_first(capsys):
    sets = [
        replica_set("v0", 1, 0, age=9000, image="shop:0"),
        replica_set("v2", 3, 1, age=60, image="shop:2"),
        replica_set("v1", 2, 2),
    ]
    pods = [pod("v1", "b"), pod("v2", "c", age=60), pod("v1", "a")]

    put(render(draw(rollout(in_canary()), sets, pods, NOW)))

    assert capsys.readouterr().out == GOLDEN


def test_a_rollout_that_nobody_has_seen_yet_is_drawn():
    picture = draw(rollout_manifest(), (), (), NOW)

    assert picture.phase == "Progressing"
    assert [line.name for line in picture.lines] == ["shop"]
    assert dict(picture.facts)["Replicas"] == "5 wanted, 0 current, 0 updated, 0 available"


def test_only_sets_and_pods_of_its_own_are_drawn():
    stranger = replica_set("v9", 9, 1)
    stranger["metadata"]["ownerReferences"][0]["uid"] = "somebody-else"
    orphan = pod("v1", "b")
    orphan["metadata"]["ownerReferences"] = []

    names = rows([pod("v1", "a"), orphan], [replica_set("v1", 1, 1), stranger])

    assert list(names) == ["shop", "# revision:1", "shop-v1", "shop-v1-a"]


@pytest.mark.parametrize(
    ("made", "status", "info"),
    [
        (pod("v1", "a"), "Running", "ready:1/1"),
        (pod("v1", "a", ready=False), "Running", "ready:0/1"),
        (pod("v1", "a", restarts=3), "Running", "ready:1/1  restarts:3"),
        (pod("v1", "a", deletionTimestamp="x"), "Terminating", "ready:1/1"),
        (
            pod("v1", "a", ready=False, state={"waiting": {"reason": "CrashLoopBackOff"}}),
            "CrashLoopBackOff",
            "ready:0/1",
        ),
        (
            pod(
                "v1",
                "a",
                ready=False,
                phase="Pending",
                state={"waiting": {"reason": "ContainerCreating"}},
            ),
            "Pending",
            "ready:0/1",
        ),
    ],
)
def test_a_pod_says_what_is_the_matter_with_it(made, status, info):
    line = rows([made])["shop-v1-a"]

    assert (line.status, line.info) == (status, info)


def test_a_pod_without_a_status_is_pending():
    bare = pod("v1", "a") | {"status": {}}

    assert rows([bare])["shop-v1-a"].status == "Pending"
    assert rows([bare])["shop-v1-a"].info == "ready:0/1"


def test_a_set_that_is_about_to_be_scaled_down_says_when():
    status = in_canary(scaleDownDeadlines={"v1": format_time(at(30))})

    assert rows([], status=status)["shop-v1"].info == "stable  1/1  scaled down in 30s"


def test_a_set_whose_deadline_has_passed_does_not_count_below_zero():
    status = in_canary(scaleDownDeadlines={"v1": format_time(at(-30))})

    assert rows([], status=status)["shop-v1"].info == "stable  1/1  scaled down in 0s"


def test_a_set_with_missing_pods_is_progressing():
    sets = [replica_set("v1", 1, 3, available=2)]

    assert rows([], sets)["shop-v1"].status == "Progressing"
    assert rows([], sets)["shop-v1"].info == "stable  2/3"


def test_the_first_revision_is_no_canary():
    status = in_canary(currentPodHash="v1", stableRS="")

    assert rows([], status=status)["shop-v1"].info.startswith("first")


def test_a_generation_that_was_not_observed_hides_the_old_phase():
    seen = rollout({"phase": "Healthy"}, generation=2)

    assert phase_of(seen) == ("Progressing", "waiting for rollout spec update to be observed")


def test_a_pause_that_somebody_ended_is_no_longer_shown_as_paused():
    status = {"phase": "Paused", "message": "CanaryPauseStep", "controllerPause": True}

    assert phase_of(rollout(status)) == ("Progressing", "waiting for rollout to unpause")


@pytest.mark.parametrize("phase", ["Healthy", "Degraded", "Paused", "Progressing"])
def test_an_observed_phase_is_shown_as_it_is(phase):
    assert phase_of(rollout({"phase": phase, "message": "why"})) == (phase, "why")


@pytest.mark.parametrize(
    ("status", "spec", "expected"),
    [
        ({"phase": "Healthy", "currentStepIndex": 7}, {}, None),
        ({"phase": "Degraded", "currentStepIndex": 1}, {}, None),
        ({"phase": "Progressing"}, {}, None),
        ({"phase": "Progressing", "currentStepIndex": 2}, {}, "pods for setWeight 30"),
        (in_canary(), {}, "setWeight 30 in 9m12s"),
        (in_canary(**paused(9999)), {}, "setWeight 30 in 0s"),
        (in_canary(pauseConditions=None, controllerPause=None), {}, "setWeight 30"),
        (
            {"phase": "Progressing", "currentStepIndex": 7},
            {},
            "the last pods and traffic, then the update is complete",
        ),
        (
            in_canary(),
            {"steps": [{"setWeight": 10}, {"pause": {}}, {"setWeight": 60}]},
            "setWeight 60, once promoted by hand: rollouts promote shop",
        ),
        (
            in_canary(),
            {"steps": [{"setWeight": 10}, {"pause": {}}]},
            "the update is complete, once promoted by hand: rollouts promote shop",
        ),
        (
            in_canary(),
            {"paused": True},
            "nothing until it is resumed: rollouts resume shop",
        ),
        (
            in_canary(),
            {"steps": [{"setWeight": 10}, {"pause": {"duration": "soon"}}, {"setWeight": 60}]},
            "setWeight 60",
        ),
    ],
)
def test_it_says_what_comes_next(status, spec, expected):
    assert facts(status, **spec).get("  Next") == expected


def test_a_blue_green_rollout_is_not_called_a_canary():
    manifest = rollout()
    manifest["spec"]["strategy"] = {"blueGreen": {"activeService": "shop"}}

    assert strategy_of(manifest) == "BlueGreen"
    assert steps_of(manifest) == []
    assert what_comes_next(manifest, NOW) == ""
    assert dict(draw(manifest, (), (), NOW).facts)["Strategy"] == "BlueGreen"


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"setWeight": 0}, "setWeight 0"),
        ({"pause": {}}, "pause"),
        ({"pause": None}, "pause"),
        ({"pause": {"duration": "1h30m"}}, "pause 1h30m"),
        ({"pause": {"duration": 30}}, "pause 30s"),
        ({"pause": {"duration": "30"}}, "pause 30s"),
        ({"setCanaryScale": {"replicas": 3}}, "setCanaryScale 3 replicas"),
        ({"setCanaryScale": {"weight": 25}}, "setCanaryScale 25%"),
        ({"setCanaryScale": {"matchTrafficWeight": True}}, "setCanaryScale by weight"),
        ({"setCanaryScale": {}}, "setCanaryScale"),
        ({"analysis": {"templates": []}}, "analysis"),
        ({}, ""),
    ],
)
def test_a_step_fits_in_one_line(step, words):
    assert say_step(step) == words


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(0), "0s"),
        (timedelta(milliseconds=999), "0s"),
        (timedelta(seconds=59), "59s"),
        (timedelta(seconds=60), "1m"),
        (timedelta(seconds=61), "1m1s"),
        (timedelta(hours=1), "1h"),
        (timedelta(hours=1, seconds=1), "1h1s"),
        (timedelta(days=3, hours=4, minutes=5, seconds=6), "3d4h"),
        (timedelta(days=400), "400d"),
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(duration, words):
    assert say_duration(duration) == words

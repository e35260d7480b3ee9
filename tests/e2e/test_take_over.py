"""Our controller goes on where the peer was stopped, under the peer's definition or under ours."""

from __future__ import annotations

import copy
import os

import pytest
from e2e.hands import Hands
from e2e.peer.objects import REVISION
from e2e.peer.scene import HOME, PEER_DEFINITION, Scene, peer_schema

from rollouts.api.times import parse_time
from rollouts.core.memory import MEMORY
from tests.cluster.control_plane import ControlPlane

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        "ROLLOUTS_TEST_REAL" in os.environ, reason="changes the definitions of the whole cluster"
    ),
]

IDLE = ("healthy", "other-hash", "paused", "aborted")
"""Where there is nothing to do, whoever looks."""


@pytest.fixture(scope="module")
def cluster():
    """A cluster of its own: its definitions are exchanged."""
    with ControlPlane.start() as running:
        yield running


@pytest.fixture(scope="module")
def kubeconfig(cluster, tmp_path_factory):
    folder = tmp_path_factory.mktemp("account")
    hands = Hands(cluster, folder)
    hands.run(f"create namespace {HOME}")
    hands.run(f"create serviceaccount rollouts -n {HOME}")
    hands.run(
        "create clusterrolebinding rollouts --clusterrole=cluster-admin "
        f"--serviceaccount={HOME}:rollouts"
    )
    token = hands.run(f"create token rollouts -n {HOME}").strip()
    return cluster.write_kubeconfig(folder / "kubeconfig", token=token)


@pytest.fixture(scope="module", params=["left", "over"])
def scene(request, cluster, kubeconfig, tmp_path_factory):
    """The peer's definition is left as it is, or ours is put over it."""
    made = Scene(cluster, tmp_path_factory.mktemp(request.param), request.param)
    made.set_up()
    try:
        made.take_over(kubeconfig)
        yield made
    finally:
        made.stop()


def identities(objects, kind):
    return {
        name: each["metadata"]["uid"] for (found, name), each in objects.items() if found == kind
    }


def versions(objects, *kinds):
    return {
        key: each["metadata"]["resourceVersion"] for key, each in objects.items() if key[0] in kinds
    }


def _annotations(objects):
    return objects["Rollout", "web"]["metadata"]["annotations"]


@pytest.mark.parametrize("story", IDLE)
def test_nothing_but_status_is_written(scene, story):
    """Not one ReplicaSet, pod, Service or Ingress; and status once, for what is ours in it."""
    before, after = scene.before[story], scene.after[story]

    kept = [("patch", "rollouts", "")] if MEMORY in _annotations(after) else []
    assert scene.taken[story] == [("patch", "rollouts", "status"), *kept]
    assert not kept or scene.mode == "left"
    for kind in ("ReplicaSet", "Pod", "Service", "Ingress"):
        assert versions(before, kind) == versions(after, kind)
    assert identities(before, "Pod") == identities(after, "Pod")


@pytest.mark.parametrize("story", IDLE)
def test_the_rollout_itself_is_not_touched(scene, story):
    key = ("Rollout", "web")
    before, after = scene.before[story][key], scene.after[story][key]

    assert after["spec"] == before["spec"]
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    added = set(after["metadata"]["annotations"]) - set(before["metadata"]["annotations"])
    assert added <= ({MEMORY} if scene.mode == "left" else set())
    assert after["metadata"]["annotations"][REVISION] == before["metadata"]["annotations"][REVISION]
    assert "finalizers" not in after["metadata"]


@pytest.mark.parametrize("story", IDLE)
def test_what_the_peer_knew_still_stands(scene, story):
    """The revision, the step, the pause's start, the abort: all as they were."""
    key = ("Rollout", "web")
    before, after = (each[story][key]["status"] for each in (scene.before, scene.after))
    for name in (
        "phase", "message", "currentPodHash", "stableRS", "currentStepHash", "currentStepIndex",
        "abort", "abortedAt", "controllerPause", "observedGeneration", "selector", "replicas",
        "updatedReplicas", "availableReplicas", "HPAReplicas",
    ):  # fmt: skip
        assert before.get(name) == after.get(name), name
    assert before["canary"]["weights"] == after["canary"]["weights"]
    pauses = [
        [(each["reason"], each["startTime"]) for each in status.get("pauseConditions", ())]
        for status in (before, after)
    ]
    assert pauses[0] == pauses[1]


def test_a_pause_ends_when_the_peer_would_have_ended_it(scene):
    """It is not begun again: fifty-nine minutes of the hour were over."""
    scene.until(
        lambda: scene.rollout("nearly-over")["status"].get("currentStepIndex") == 3,
        "the step after the pause",
    )
    start = parse_time(scene.lefts["nearly-over"].status["pauseConditions"][0]["startTime"])
    begun = parse_time(scene.rollout("nearly-over")["status"]["pauseConditions"][0]["startTime"])

    assert scene.weight("nearly-over") == 40
    assert scene.sizes("nearly-over") == [5, 2]
    assert (begun - start).total_seconds() >= 3600


def test_former_pods_go_at_the_time_that_the_peer_had_set(scene):
    deadline = parse_time(scene.lefts["draining"].sets[0].deadline)
    kept = identities(scene.after["draining"], "ReplicaSet")
    scene.until(lambda: scene.sizes("draining") == [0, 5], "the former pods to go")
    (old,) = (
        each
        for each in scene.look("draining").values()
        if each["kind"] == "ReplicaSet" and each["spec"]["replicas"] == 0
    )
    changed = max(
        parse_time(each["time"])
        for each in old["metadata"]["managedFields"]
        if each.get("subresource") != "status"
    )

    assert changed >= deadline
    assert kept == identities(scene.look("draining"), "ReplicaSet")
    assert "scale-down-deadline" not in old["metadata"]["annotations"]


def test_a_change_of_size_does_not_move_the_step(scene):
    """Eight pods are wanted where the peer had made five: stable grows, the canary keeps 40 %."""
    scene.until(lambda: scene.sizes("resized") == [8, 4], "eight pods and half of them")
    status = scene.rollout("resized")["status"]

    assert scene.weight("resized") == 40
    assert status["currentStepIndex"] == 3
    start = scene.lefts["resized"].status["pauseConditions"][0]["startTime"]
    assert status["pauseConditions"][0]["startTime"] == start
    assert len(identities(scene.look("resized"), "ReplicaSet")) == 2


def test_an_aborted_update_is_retried_from_the_first_step(scene):
    assert scene.sizes("aborted")[0] == 5
    scene.ask("aborted", "retry")
    scene.until(lambda: scene.weight("aborted") == 20, "the first weight")

    assert scene.sizes("aborted") == [5, 1]
    assert scene.rollout("aborted")["metadata"]["annotations"][REVISION] == "2"


def test_a_paused_update_is_promoted_step_by_step_to_its_end(scene):
    """`promote` leaves the fourth step for the fifth, once; then all the way."""
    story = "paused"
    scene.ask(story, "promote")
    scene.until(
        lambda: scene.rollout(story)["status"].get("currentStepIndex") == 5, "the next pause"
    )
    scene.await_quiet(story)
    assert scene.weight(story) == 60
    assert scene.sizes(story) == [5, 3]
    assert "rollouts.dev/accepted" not in scene.rollout(story)["metadata"]["annotations"]

    scene.ask(story, "promote", "full")
    scene.until(lambda: scene.rollout(story)["status"].get("phase") == "Healthy", "the end")
    scene.until(lambda: scene.sizes(story) == [0, 5], "the former pods to go")
    scene.await_quiet(story)
    _assert_the_peer_could_go_on(scene, story)


@pytest.mark.parametrize("story", ["healthy", "resized"])
def test_the_peer_finds_what_it_expects(scene, story):
    _assert_the_peer_could_go_on(scene, story)


def test_the_definition_of_the_peer_can_be_put_back(scene):
    """It drops what is ours in status, and nothing else."""
    story = "other-hash"
    name = scene.namespace(story)
    before = scene.rollout(story)
    stored = scene.hands.get("crd rollouts.argoproj.io")
    try:
        scene.hands.run(f"apply --server-side --force-conflicts -f {PEER_DEFINITION}")
        scene.until(
            lambda: _only_known(peer_schema(), scene.rollout(story)) == scene.rollout(story),
            "the peer's definition to be in force",
        )
        after = scene.rollout(story)
        scene.hands.run(f"annotate rollout web -n {name} team=shop --overwrite")
    finally:
        kept = {key: stored["metadata"][key] for key in ("name", "annotations")
                if key in stored["metadata"]}  # fmt: skip
        scene.hands.run(
            "apply --server-side --force-conflicts -f -",
            stdin={**{key: stored[key] for key in ("apiVersion", "kind", "spec")},
                   "metadata": kept},
        )  # fmt: skip

    assert after["spec"] == before["spec"]
    assert after["status"] == _only_known(peer_schema(), before)["status"]


def _assert_the_peer_could_go_on(scene, story):
    """Everything is in the peer's format: names, labels, annotations, owners, types of status."""
    objects = scene.look(story)
    rollout = objects["Rollout", "web"]
    metadata, status = rollout["metadata"], rollout["status"]
    sets = {
        each["metadata"]["labels"]["rollouts-pod-template-hash"]: each
        for (kind, _), each in objects.items()
        if kind == "ReplicaSet"
    }
    for each in objects.values():
        assert "finalizers" not in each["metadata"], each["kind"]
    for pod_hash, each in sets.items():
        assert each["metadata"]["name"] == f"web-{pod_hash}"
        assert each["spec"]["selector"]["matchLabels"]["rollouts-pod-template-hash"] == pod_hash
        assert each["metadata"]["annotations"]["rollout.argoproj.io/desired-replicas"].isdigit()
        (owner,) = each["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"], owner["controller"]) == (
            "Rollout", metadata["uid"], True,
        )  # fmt: skip
    newest = sets[status["currentPodHash"]]["metadata"]["annotations"]
    assert metadata["annotations"][REVISION] == newest[REVISION]
    assert status["stableRS"] in sets
    assert status["observedGeneration"] == str(metadata["generation"])
    assert status["currentStepIndex"] in range(7)
    for each in status["conditions"]:
        assert set(each) == {
            "type", "status", "reason", "message", "lastUpdateTime", "lastTransitionTime",
        }  # fmt: skip
    for each in status.get("pauseConditions", ()):
        parse_time(each["startTime"])
    selectors = {
        name: each["spec"]["selector"]["rollouts-pod-template-hash"]
        for (kind, name), each in objects.items()
        if kind == "Service"
    }
    assert selectors["web"] == status["stableRS"]
    weights = status["canary"]["weights"]
    assert weights["canary"]["weight"] == scene.weight(story)
    assert weights["stable"]["podTemplateHash"] == status["stableRS"]


def _only_known(schema, manifest):
    """Return a copy of an object without what a schema does not know."""
    if schema.get("x-kubernetes-preserve-unknown-fields") or not isinstance(manifest, dict | list):
        return manifest
    if isinstance(manifest, list):
        return [_only_known(schema.get("items", {}), each) for each in manifest]
    if "properties" not in schema:
        return copy.deepcopy(manifest)
    return {
        key: _only_known(schema["properties"][key], value)
        for key, value in manifest.items()
        if key in schema["properties"]
    }

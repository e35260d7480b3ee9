"""What people ask for in mid-canary, by stock kubectl and by `rollouts`, on a true API server.

The traffic is judged by every version of Ingress, Services and ReplicaSets that etcd has stored.
"""

from __future__ import annotations

import json
import time

import pytest
from e2e.jobs import BAD, ask, template_of
from e2e.world import FIRST, SECOND, STEPS, THIRD

from rollouts.api.refs import POD

pytestmark = pytest.mark.real

BY_HAND = "{}"


def timed_pauses_end_by_themselves(world):
    forgetful = {"revisionHistoryLimit": 0}
    world.deploy(pause="{duration: 1s}", change=lambda it: it["spec"].update(forgetful))
    world.set_image(SECOND)
    world.wait_for_end(SECOND)
    world.until(lambda: not world.hash_of(FIRST), what="the old ReplicaSet to be deleted")

    world.check_traffic(STEPS, SECOND)
    assert {"RolloutUpdated", "RolloutCompleted"} <= world.reasons()


def promotion_by_annotation_goes_step_by_step(world):
    world.deploy(pause=BY_HAND)
    world.set_image(SECOND)
    for weight in (10, 30, 50):
        world.wait_for_weight(weight)
        world.annotate("promote")
    world.wait_for_end(SECOND)

    world.check_traffic(STEPS, SECOND)
    assert "rollouts.dev/promote" not in world.rollout["metadata"].get("annotations", {})


def promotion_by_command_skips_what_is_left(world):
    world.deploy(pause=BY_HAND)
    world.set_image(SECOND)
    world.wait_for_weight(10)
    assert "promoted" in world.rollouts("rollouts promote myapp --full")
    world.wait_for_end(SECOND)

    world.check_traffic([10, 100, 0], SECOND)


def abort_returns_everything_and_retry_begins_again(world):
    world.deploy(pause=BY_HAND)
    world.set_image(SECOND)
    world.wait_for_weight(10)
    world.annotate("promote")
    world.wait_for_weight(30)
    world.annotate("abort", "errors")
    assert world.wait_for("Degraded")["message"].endswith(": errors")
    world.until(lambda: world.images() == {FIRST: 5}, what="pods of the old image alone")
    world.check_traffic([10, 30, 0], FIRST)
    assert "RolloutAborted" in world.reasons()

    world.rollouts("rollouts retry myapp")
    world.wait_for_weight(10)
    world.rollouts("rollouts promote myapp --full")
    world.wait_for_end(SECOND)
    world.check_traffic([10, 30, 0, 10, 100, 0], SECOND)


def rollback_in_mid_canary_puts_the_old_image_back(world):
    world.deploy(pause=BY_HAND)
    world.set_image(SECOND)
    world.wait_for_weight(10)
    world.annotate("rollback", "previous")
    world.wait_for_end(FIRST)

    container = world.rollout["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == FIRST
    world.check_traffic([10, 0], FIRST)


def undo_after_the_end_goes_through_the_steps_again(world):
    world.deploy(pause="{duration: 1s}")
    world.set_image(SECOND)
    world.wait_for_end(SECOND)
    world.rollouts("rollouts undo myapp --to-revision 1")
    world.wait_for_end(FIRST)

    world.check_traffic([*STEPS, *STEPS], FIRST)


def a_new_revision_in_flight_begins_at_the_first_step(world):
    world.deploy(pause=BY_HAND)
    world.set_image(SECOND)
    world.wait_for_weight(10)
    world.annotate("promote")
    world.wait_for_weight(30)
    world.set_image(THIRD)
    world.wait_for_weight(10)
    for weight in (10, 30, 50):
        world.wait_for_weight(weight)
        world.annotate("promote")
    world.wait_for_end(THIRD)

    world.check_traffic([10, 30, 0, *STEPS], THIRD)


def scaling_in_flight_keeps_the_split(world):
    world.deploy(pause=BY_HAND)
    world.set_image(SECOND)
    world.wait_for_weight(10)
    world.annotate("promote")
    world.wait_for_weight(30)
    assert world.images() == {FIRST: 5, SECOND: 2}
    world.kubectl("kubectl scale rollout myapp --replicas=10")
    world.until(lambda: world.images() == {FIRST: 10, SECOND: 3}, what="ten and three pods")
    world.kubectl("kubectl scale rollout myapp --replicas=2")
    world.until(lambda: world.images() == {FIRST: 2, SECOND: 1}, what="two pods and one")
    world.annotate("promote", "full")
    world.wait_for_end(SECOND)

    world.check_traffic([10, 30, 100, 0], SECOND)


def a_pause_holds_and_resume_goes_on(world):
    world.deploy(pause="{duration: 5s}")
    world.set_image(SECOND)
    world.wait_for_weight(10)
    world.annotate("pause")
    world.until(lambda: world.rollout["spec"].get("paused") is True, what="paused by a person")
    time.sleep(6)  # More than the pause of the step.
    assert world.weights() == [10]

    world.rollouts("rollouts resume myapp")
    world.wait_for_end(SECOND)
    world.check_traffic(STEPS, SECOND)


def restart_replaces_every_pod(world):
    world.deploy()
    before = set(world.recorder.live(POD, world.name))
    world.rollouts("rollouts restart myapp")

    def are_new():
        pods = world.recorder.live(POD, world.name)
        ready = [
            name
            for name, pod in pods.items()
            if any(
                each["type"] == "Ready" and each["status"] == "True"
                for each in pod.get("status", {}).get("conditions", ())
            )
        ]
        return len(ready) == len(pods) == 5 and not before & set(ready)

    world.until(are_new, what="five other pods")
    world.wait_for("Healthy")
    assert world.images() == {FIRST: 5}
    world.check_traffic([], FIRST)


def a_refused_request_is_explained(world):
    world.deploy()
    world.annotate("retry")
    world.until(lambda: "RequestRefused" in world.reasons(), what="an Event of the refusal")

    assert "the rollout is not aborted" in world.kubectl("kubectl describe rollout myapp")


def a_canary_that_is_never_ready_gets_no_requests(world):
    world.deploy(
        pause="{duration: 1s}", change=lambda it: it["spec"].update(progressDeadlineSeconds=4)
    )
    world.set_image("myorg/myapp:never-ready")
    world.wait_for("Degraded")
    assert world.weights() == []

    world.set_image(SECOND)
    world.wait_for_end(SECOND)
    world.check_traffic(STEPS, SECOND)


def crash_loops_and_missing_images_get_no_requests_either(world):
    world.deploy(
        pause="{duration: 1s}", change=lambda it: it["spec"].update(progressDeadlineSeconds=3)
    )
    for tag in ("crash-loop", "pull-error"):
        world.set_image(f"myorg/myapp:{tag}")
        world.until(lambda: f"myorg/myapp:{tag}" in world.images(), what=tag)  # noqa: B023  # asked at once
        world.wait_for("Degraded")
    world.annotate("abort", "broken images")
    world.until(lambda: world.images() == {FIRST: 5}, what="pods of the old image alone")

    world.check_traffic([], FIRST)


def a_job_decides_about_a_step(world):
    world.kubectl("kubectl apply -f -", stdin=json.dumps(template_of("check")))

    def ask_the_job(manifest):
        ask(manifest, "check")
        none = {"successfulRunHistoryLimit": 0, "unsuccessfulRunHistoryLimit": 0}
        manifest["spec"]["analysis"] = none

    world.deploy(pause="{duration: 1s}", change=ask_the_job)
    world.set_image(SECOND)
    world.wait_for_end(SECOND)
    world.check_traffic(STEPS, SECOND)

    world.kubectl("kubectl apply -f -", stdin=json.dumps(template_of("check", BAD)))
    world.set_image(THIRD)
    world.wait_for("Degraded")
    world.until(lambda: world.images() == {SECOND: 5}, what="pods of the old image alone")
    world.check_traffic([*STEPS, 10, 0], SECOND)


def runs_are_made_and_ended_by_command(world):
    templates = [
        template_of(name, **metric)
        for name, metric in (("once", {}), ("long", {"interval": "1h", "count": 2}))
    ]
    both = {"apiVersion": "v1", "kind": "List", "items": templates}
    world.kubectl("kubectl apply -f -", stdin=json.dumps(both))

    made = world.rollouts("rollouts create analysisrun --from template once --name first --watch")
    assert made.splitlines()[-1] == "first is ✔ Successful"
    world.rollouts("rollouts create analysisrun --from long --name second")
    ended = world.rollouts("rollouts analysis terminate second")
    assert "second: terminated: Inconclusive" in ended

    listed = world.rollouts("rollouts analysis list").splitlines()
    assert sorted(line.split()[0] for line in listed[1:]) == ["first", "second"]


def without_a_router_pods_split_the_traffic(world):
    def count_pods(manifest):
        canary = manifest["spec"]["strategy"]["canary"]
        delays = ("scaleDownDelaySeconds", "abortScaleDownDelaySeconds")
        for key in ("canaryService", "stableService", "trafficRouting", *delays):
            del canary[key]
        canary["steps"] = [{"setWeight": 20}, {"pause": {}}]

    world.deploy(change=count_pods)
    world.set_image(SECOND)
    world.until(lambda: world.images() == {FIRST: 4, SECOND: 1}, what="one pod of five")
    world.wait_for("Paused")
    world.annotate("promote")
    world.until(lambda: world.images() == {SECOND: 5}, what="pods of the new image alone")

    assert world.wait_for("Healthy")["stableRS"] == world.hash_of(SECOND)


def performer(fixture):
    make_world, controller = fixture("make_world"), fixture("controller")
    return lambda story: story(make_world(story.__name__, check=controller.check))


@pytest.mark.parametrize(
    "story",
    [
        timed_pauses_end_by_themselves,
        promotion_by_annotation_goes_step_by_step,
        promotion_by_command_skips_what_is_left,
        abort_returns_everything_and_retry_begins_again,
        rollback_in_mid_canary_puts_the_old_image_back,
        undo_after_the_end_goes_through_the_steps_again,
        a_new_revision_in_flight_begins_at_the_first_step,
        scaling_in_flight_keeps_the_split,
        a_pause_holds_and_resume_goes_on,
        restart_replaces_every_pod,
        a_refused_request_is_explained,
        a_canary_that_is_never_ready_gets_no_requests,
        crash_loops_and_missing_images_get_no_requests_either,
        without_a_router_pods_split_the_traffic,
        a_job_decides_about_a_step,
        runs_are_made_and_ended_by_command,
    ],
    ids=lambda story: story.__name__,
)
def test_requests(play, story):
    play(story)

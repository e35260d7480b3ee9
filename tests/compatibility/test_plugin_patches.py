"""The requests that the argo-rollouts kubectl plugin sends, as it sends them, have their effect.

The peer's plugin, its dashboard and the buttons of Argo CD all steer a Rollout by these patches.
"""

from __future__ import annotations

import itertools
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from shell.live import NEVER_READY_IMAGE, Live

from rollouts.api.refs import POD, REPLICA_SET
from rollouts.api.times import format_time, parse_time

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
HASH = "rollouts-pod-template-hash"

STEPS = [{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {}}]
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    made = Live(tmp_path_factory.mktemp("live"))
    yield made
    made.close()


class Plugin:
    """Talks to the API server about one Rollout as the plugin's client library does."""

    def __init__(self, live, steps=STEPS, **rollout):
        self.live = live
        self.namespace = f"plugin-{next(NUMBERS)}"
        live.deploy(self.namespace, steps=steps, **rollout)

    def send(self, method, body=None, *, content_type="application/json", subresource=""):
        path = f"/apis/argoproj.io/v1alpha1/namespaces/{self.namespace}/rollouts/shop{subresource}"
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        request = urllib.request.Request(
            self.live.url + path, data=data, headers=headers, method=method
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def patch(self, body):
        return self.send("PATCH", body, content_type=MERGE)

    def patch_status(self, body):
        return self.send("PATCH", {"status": body}, content_type=MERGE, subresource="/status")

    def get(self):
        return self.send("GET")

    def status(self):
        return self.live.status(self.namespace)

    def wait_for(self, phase):
        return self.live.wait_for(self.namespace, phase)

    def wait_for_step(self, index):
        self.live.until(
            lambda: self.status().get("currentStepIndex") == index, f"step {index}: {self.status()}"
        )

    def weight(self):
        return self.status()["canary"]["weights"]["canary"]["weight"]

    def image(self):
        return self.get()["spec"]["template"]["spec"]["containers"][0]["image"]


@pytest.fixture
def paused(live):
    """A canary at its first pause."""
    plugin = Plugin(live)
    live.set_image(plugin.namespace, "shop:2")
    plugin.wait_for("Paused")
    return plugin


@pytest.fixture
def stuck(live):
    """A canary whose pods never get ready, at its first step."""
    plugin = Plugin(live)
    live.set_image(plugin.namespace, NEVER_READY_IMAGE)
    live.until(lambda: live.images(plugin.namespace).get(NEVER_READY_IMAGE) == 1)
    plugin.wait_for_step(0)
    return plugin


def test_promote_clears_the_pause_and_the_canary_goes_on(paused):
    paused.patch_status({"pauseConditions": None})

    paused.wait_for_step(3)
    assert paused.weight() == 60


def test_promote_of_a_canary_that_is_not_paused_moves_to_the_next_step(stuck):
    stuck.patch_status({"pauseConditions": None, "currentStepIndex": 1})

    stuck.wait_for("Paused")
    assert stuck.status()["currentStepIndex"] == 1
    assert stuck.weight() == 0  # no ready pod, no traffic, whatever was promoted


def test_promote_of_a_rollout_that_was_paused_by_hand_resumes_it(paused):
    paused.patch({"spec": {"paused": True}})
    paused.live.until(lambda: paused.status().get("message") == "manually paused")

    paused.patch({"spec": {"paused": False}})
    paused.patch_status({"pauseConditions": None})

    paused.wait_for_step(3)


def test_promote_full_skips_all_steps(paused):
    paused.patch_status({"promoteFull": True})

    status = paused.wait_for("Healthy")
    assert status["currentStepIndex"] == len(STEPS)
    assert "promoteFull" not in status
    assert status["stableRS"] == status["currentPodHash"]


def test_skip_current_step_ends_the_pause(paused):
    paused.patch_status({"currentStepIndex": 2})

    paused.wait_for_step(3)
    assert paused.weight() == 60


def test_skip_all_steps_promotes(paused):
    paused.patch_status({"currentStepIndex": len(STEPS)})

    status = paused.wait_for("Healthy")
    assert status["stableRS"] == status["currentPodHash"]


def test_abort_returns_the_traffic(paused):
    paused.patch_status({"abort": True})

    status = paused.wait_for("Degraded")
    assert status["message"].startswith("RolloutAborted: ")
    paused.live.until(lambda: paused.weight() == 0)


def test_an_abort_of_nothing_touches_nothing(live):
    plugin = Plugin(live)

    plugin.patch_status({"abort": True})

    live.until(lambda: "abort" not in plugin.status())
    assert plugin.wait_for("Healthy")
    assert live.images(plugin.namespace) == {"shop:1": 5}


def test_retry_starts_again_from_the_first_step(paused):
    paused.patch_status({"abort": True})
    paused.wait_for("Degraded")

    paused.patch_status({"abort": False})

    paused.wait_for("Paused")
    assert paused.status()["currentStepIndex"] == 1
    assert paused.weight() == 20


def test_pause_holds_the_rollout(live):
    plugin = Plugin(live)
    plugin.patch({"spec": {"paused": True}})

    live.set_image(plugin.namespace, "shop:2")

    plugin.wait_for("Paused")
    assert plugin.status()["message"] == "manually paused"
    assert plugin.weight() == 0


def test_restart_replaces_the_pods_that_are_older(live):
    plugin = Plugin(live, nginx=False, steps=[])
    before = {each["metadata"]["name"]: each for each in live.items(POD, plugin.namespace)}
    made = max(parse_time(each["metadata"]["creationTimestamp"]) for each in before.values())
    at = made + timedelta(seconds=1)
    live.until(lambda: datetime.now(UTC) > at)

    plugin.patch({"spec": {"restartAt": format_time(at)}})

    live.until(lambda: plugin.status().get("restartedAt") == format_time(at))
    after = {each["metadata"]["name"] for each in live.items(POD, plugin.namespace)}
    assert len(after) == 5
    assert not after & set(before)
    assert len(live.items(REPLICA_SET, plugin.namespace)) == 1


def undo(plugin, revision):
    """Put the template of a revision back, as the plugin does: a JSON patch of what a set has."""
    sets = plugin.live.items(REPLICA_SET, plugin.namespace)
    number = "rollout.argoproj.io/revision"
    found = next(each for each in sets if each["metadata"]["annotations"][number] == str(revision))
    template = json.loads(json.dumps(found["spec"]["template"]))
    del template["metadata"]["labels"][HASH]
    operations = [{"op": "replace", "path": "/spec/template", "value": template}]
    plugin.send("PATCH", operations, content_type=JSON_PATCH)


def test_undo_goes_back_to_stable_without_steps(paused):
    undo(paused, 1)

    status = paused.wait_for("Healthy")
    assert paused.image() == "shop:1"
    assert status["stableRS"] == status["currentPodHash"]
    assert {"shop:1", "shop:2"} == set(paused.live.images(paused.namespace))


def test_undo_of_a_finished_update_uses_the_former_set_again(live):
    plugin = Plugin(live, nginx=False, steps=[])
    live.set_image(plugin.namespace, "shop:2")
    plugin.wait_for("Healthy")

    undo(plugin, 1)

    plugin.wait_for("Healthy")
    live.until(lambda: live.images(plugin.namespace) == {"shop:1": 5, "shop:2": 0})


def test_set_image_puts_the_whole_object_and_starts_a_canary(live):
    plugin = Plugin(live)
    rollout = plugin.get()
    rollout["spec"]["template"]["spec"]["containers"][0]["image"] = "shop:2"

    plugin.send("PUT", rollout)

    plugin.wait_for("Paused")
    assert plugin.weight() == 20
    assert live.images(plugin.namespace) == {"shop:1": 5, "shop:2": 1}


def test_set_image_on_an_old_copy_conflicts_and_succeeds_on_a_new_one(live):
    plugin = Plugin(live)
    old = plugin.get()
    plugin.patch({"metadata": {"labels": {"touched": "yes"}}})
    old["spec"]["template"]["spec"]["containers"][0]["image"] = "shop:2"

    with pytest.raises(urllib.error.HTTPError) as conflict:
        plugin.send("PUT", old)

    assert conflict.value.code == 409
    assert json.load(conflict.value)["reason"] == "Conflict"
    new = plugin.get()
    new["spec"]["template"]["spec"]["containers"][0]["image"] = "shop:2"
    plugin.send("PUT", new)
    plugin.wait_for("Paused")


def test_a_put_of_the_object_cannot_change_its_status(paused):
    rollout = paused.get()
    rollout["status"]["currentStepIndex"] = 4

    answer = paused.send("PUT", rollout)

    assert answer["status"]["currentStepIndex"] == 1

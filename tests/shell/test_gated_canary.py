"""Metrics decide about a canary: the whole controller, a cluster and a server that is measured."""

from __future__ import annotations

import pytest
from shell.live import Live
from shell.numbers_server import Numbers

from rollouts.api.refs import ANALYSIS_RUN, ANALYSIS_TEMPLATE, INGRESS, ROLLOUT

TEMPLATE = "errors"


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    cluster = Live(tmp_path_factory.mktemp("live"))
    yield cluster
    cluster.close()


@pytest.fixture
def numbers():
    server = Numbers()
    yield server
    server.close()


def template(url, namespace, *, ttl=None, **metric):
    wanted = {
        "name": "errors",
        "interval": "100ms",
        "count": 3,
        "successCondition": "result < 5",
        "provider": {"web": {"url": url, "jsonPath": "{$.errors}"}},
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": TEMPLATE, "namespace": namespace},
        "spec": {
            "metrics": [{key: each for key, each in (wanted | metric).items() if each is not None}],
            **({"ttlStrategy": ttl} if ttl else {}),
        },
    }


STEP = {"analysis": {"templates": [{"templateName": TEMPLATE}]}}


def deploy(live, namespace, url, *, metric=None, **rollout):
    live.deploy(namespace, **rollout)
    live.create(ANALYSIS_TEMPLATE, template(url, namespace, **(metric or {})))


def weight(live, namespace):
    canary = live.get(INGRESS, namespace, "shop-shop-canary")
    return int(canary["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary-weight"])


def runs(live, namespace):
    return {
        each["metadata"]["name"].rpartition("-")[2]: each
        for each in live.items(ANALYSIS_RUN, namespace)
    }


def test_good_numbers_promote_without_a_person(live, numbers):
    steps = [{"setWeight": 20}, STEP, {"setWeight": 60}, STEP]
    deploy(live, "gate-good", numbers.url, steps=steps)
    live.set_image("gate-good", "shop:2")
    live.until(lambda: live.status("gate-good").get("currentStepIndex") == 4)
    status = live.wait_for("gate-good", "Healthy")

    assert status["currentPodHash"] == status["stableRS"]
    assert numbers.asked == 6
    assert {each["status"]["phase"] for each in runs(live, "gate-good").values()} == {"Successful"}


def test_bad_numbers_take_the_traffic_back_without_a_person(live, numbers):
    numbers.value = {"errors": 50}
    deploy(live, "gate-bad", numbers.url, steps=[{"setWeight": 20}, STEP, {"setWeight": 60}])
    live.set_image("gate-bad", "shop:2")
    status = live.wait_for("gate-bad", "Degraded")
    live.until(lambda: weight(live, "gate-bad") == 0)

    assert (
        'Metric "errors" assessed Failed due to failed (1) > failureLimit (0)' in status["message"]
    )
    assert status["abort"] is True


def test_a_failure_beside_the_steps_aborts_in_mid_pause(live, numbers):
    deploy(
        live,
        "gate-beside",
        numbers.url,
        metric={"count": None, "interval": "100ms"},
        steps=[{"setWeight": 20}, {"pause": {}}],
        canary={"analysis": {"templates": [{"templateName": TEMPLATE}]}},
    )
    live.set_image("gate-beside", "shop:2")
    live.wait_for("gate-beside", "Paused")
    live.until(lambda: numbers.asked > 2)
    numbers.value = {"errors": 50}
    status = live.wait_for("gate-beside", "Degraded")

    assert "RolloutAborted" in status["message"]
    live.until(lambda: weight(live, "gate-beside") == 0)


def test_silence_is_not_health(live, numbers):
    numbers.value = {"errors": []}
    deploy(
        live,
        "gate-silent",
        numbers.url,
        metric={"provider": {"web": {"url": numbers.url, "jsonPath": "{$.errors[*]}"}}},
        steps=[{"setWeight": 20}, STEP, {"setWeight": 60}],
    )
    live.set_image("gate-silent", "shop:2")
    live.until(lambda: live.status("gate-silent").get("message") == "InconclusiveAnalysisRun")

    assert weight(live, "gate-silent") == 20
    numbers.value = {"errors": [1]}
    answer = live.run("promote", "shop", "-n", "gate-silent")
    assert answer.code == 0, answer.err
    live.until(lambda: live.status("gate-silent").get("currentStepIndex") == 3)
    live.wait_for("gate-silent", "Healthy")
    assert len(live.items(ANALYSIS_RUN, "gate-silent")) == 2


def test_a_missing_template_refuses_the_update_and_leaves_stable_alone(live, numbers):
    deploy(live, "gate-missing", numbers.url, steps=[{"setWeight": 20}, {"setWeight": 60}])
    steps = [
        {"setWeight": 20},
        {"analysis": {"templates": [{"templateName": "no-such-template"}]}},
    ]
    body = {"spec": {"strategy": {"canary": {"steps": steps}}}}
    containers = [{"name": "shop", "image": "shop:2"}]
    body["spec"]["template"] = {"spec": {"containers": containers}}
    live.patch(ROLLOUT, "gate-missing", "shop", body)
    live.until(lambda: "no-such-template" in (live.status("gate-missing").get("message") or ""))

    assert live.images("gate-missing") == {"shop:1": 5}


@pytest.mark.parametrize("seconds", [0, 1])
def test_a_run_goes_when_its_template_says_so_and_not_before_its_rollout_has_read_it(
    live, numbers, seconds
):
    namespace = f"gate-ttl-{seconds}"
    metric = {"ttl": {"secondsAfterSuccess": seconds}}
    deploy(live, namespace, numbers.url, metric=metric, steps=[STEP, {"pause": {}}])
    live.set_image(namespace, "shop:2")
    live.wait_for(namespace, "Paused")
    live.until(lambda: not live.items(ANALYSIS_RUN, namespace))

    assert numbers.asked == 3
    assert live.status(namespace)["currentStepIndex"] == 1

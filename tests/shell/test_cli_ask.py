"""`promote`, `abort` and the rest against a live cluster: what they do, and what is refused."""

from __future__ import annotations

import itertools

import pytest
from builders import rollout_manifest
from shell.live import Live

from rollouts.api.refs import POD, ROLLOUT
from rollouts.cli import ask

STEPS = [{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {}}]
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    made = Live(tmp_path_factory.mktemp("live"))
    yield made
    made.close()


class Shop:
    """One Rollout in a namespace of its own, at its first pause."""

    def __init__(self, live, *, in_canary=True, **rollout):
        self.live = live
        self.namespace = f"shop-{next(NUMBERS)}"
        live.deploy(self.namespace, steps=rollout.pop("steps", STEPS), **rollout)
        if in_canary:
            live.set_image(self.namespace, "shop:2")
            self.wait_for("Paused")

    def ask(self, *arguments):
        command, *rest = arguments
        return self.live.run(command, "shop", *rest, "-n", self.namespace)

    def wait_for(self, phase):
        return self.live.wait_for(self.namespace, phase)

    def status(self):
        return self.live.status(self.namespace)

    def weight(self):
        return self.status()["canary"]["weights"]["canary"]["weight"]

    def spec(self):
        return self.live.get(ROLLOUT, self.namespace, "shop")["spec"]

    def annotations(self):
        found = self.live.get(ROLLOUT, self.namespace, "shop")["metadata"]["annotations"]
        return {key: each for key, each in found.items() if key.startswith("rollouts.dev/")}

    def image(self):
        return self.spec()["template"]["spec"]["containers"][0]["image"]

    def until(self, question):
        return self.live.until(question)


def assert_done(answer, shop, word):
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == f"Rollout/{shop.namespace}/shop: {word}\n"
    assert shop.annotations() == {}


def assert_refused(answer, shop, annotation, why):
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == (
        f"error: Rollout/{shop.namespace}/shop: rollouts.dev/{annotation} is refused: {why}\n"
    )
    assert shop.annotations() == {}


def test_promote_goes_past_the_pause(live):
    shop = Shop(live)

    assert_done(shop.ask("promote"), shop, "promoted")
    shop.until(lambda: shop.status().get("currentStepIndex") == 3)
    assert shop.weight() == 60


def test_promote_full_goes_to_the_end(live):
    shop = Shop(live)

    assert_done(shop.ask("promote", "--full"), shop, "promoted")
    assert shop.wait_for("Healthy")["currentStepIndex"] == len(STEPS)
    assert live.images(shop.namespace)["shop:2"] == 5


def test_abort_returns_all_traffic_and_keeps_the_reason(live):
    shop = Shop(live)

    assert_done(shop.ask("abort", "--reason", "error rate is up"), shop, "aborted")
    assert shop.wait_for("Degraded")["message"].endswith(": error rate is up")
    shop.until(lambda: shop.weight() == 0)


def test_retry_starts_again_from_the_first_step(live):
    shop = Shop(live)
    shop.ask("abort")
    shop.wait_for("Degraded")

    assert_done(shop.ask("retry"), shop, "retried")
    assert shop.wait_for("Paused")["currentStepIndex"] == 1
    assert shop.weight() == 20


def test_pause_holds_and_resume_goes_on(live):
    shop = Shop(live)

    assert_done(shop.ask("pause"), shop, "paused")
    assert shop.spec()["paused"] is True
    assert_done(shop.ask("resume"), shop, "resumed")
    assert shop.spec()["paused"] is False


def test_resume_ends_a_pause_step_too(live):
    shop = Shop(live)

    assert_done(shop.ask("resume"), shop, "resumed")
    shop.until(lambda: shop.status().get("currentStepIndex") == 3)


def test_undo_puts_the_former_template_back(live):
    shop = Shop(live)
    assert shop.image() == "shop:2"

    assert_done(shop.ask("undo"), shop, "rolled back")
    assert shop.image() == "shop:1"
    shop.wait_for("Healthy")


def test_undo_goes_back_to_any_revision(live):
    shop = Shop(live, steps=[], nginx=False, in_canary=False)
    for image in ("shop:2", "shop:3"):
        live.set_image(shop.namespace, image)
        shop.wait_for("Healthy")

    assert_done(shop.ask("undo", "--to-revision", "1"), shop, "rolled back")
    assert shop.image() == "shop:1"


def test_restart_replaces_every_pod(live):
    shop = Shop(live, steps=[], nginx=False, in_canary=False)
    before = {each["metadata"]["name"] for each in live.items(POD, shop.namespace)}
    later = live.until(lambda: _second_after(live, shop.namespace))

    assert_done(shop.ask("restart", "--at", later), shop, "restarted")

    def replaced():
        names = {each["metadata"]["name"] for each in live.items(POD, shop.namespace)}
        return len(names) == 5 and not names & before

    shop.until(replaced)


def _second_after(live, namespace):
    """A time after all pods were made: times of objects are whole seconds."""
    from datetime import UTC, datetime, timedelta

    from rollouts.api.times import format_time, parse_time

    pods = live.items(POD, namespace)
    later = max(parse_time(each["metadata"]["creationTimestamp"]) for each in pods)
    later += timedelta(seconds=1)
    return format_time(later) if datetime.now(UTC) > later else ""


@pytest.mark.parametrize(
    ("arguments", "annotation", "why"),
    [
        (["retry"], "retry='true'", "the rollout is not aborted"),
        (
            ["undo", "--to-revision", "9"],
            "rollback='9'",
            "there is no such revision to go back to; there are: 1",
        ),
        (
            ["restart", "--at", "soon"],
            "restart='soon'",
            'write "true" or a time such as 2026-01-31T12:00:00Z',
        ),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_with_the_reason(live, arguments, annotation, why):
    shop = Shop(live)

    assert_refused(shop.ask(*arguments), shop, annotation, why)
    assert shop.status()["phase"] == "Paused"


@pytest.mark.parametrize(
    ("command", "annotation", "why"),
    [
        ("promote", "promote='true'", "there is no update in progress to promote"),
        ("abort", "abort='true'", "no update is in progress"),
        ("resume", "pause='false'", "the rollout is not paused"),
        ("undo", "rollback='previous'", "there is no previous revision"),
    ],
)
def test_a_rollout_at_rest_refuses_what_needs_an_update(live, command, annotation, why):
    shop = Shop(live, steps=[], nginx=False, in_canary=False)

    assert_refused(shop.ask(command), shop, annotation, why)


def test_the_same_refusal_twice_is_told_twice(live):
    shop = Shop(live)
    shop.ask("pause")

    for _ in range(2):
        assert_refused(shop.ask("pause"), shop, "pause='true'", "the rollout is paused already")


def test_without_waiting_it_only_asks(live):
    shop = Shop(live)

    answer = shop.ask("promote", "--no-wait")

    assert (answer.code, answer.out) == (0, f"Rollout/{shop.namespace}/shop: asked to promote\n")
    shop.until(lambda: shop.status().get("currentStepIndex") == 3)


def test_a_rollout_that_is_not_there_is_named(live):
    answer = live.run("promote", "nope", "-n", "kube-system")

    assert (answer.code, answer.out) == (1, "")
    assert answer.err == (
        'error: patch Rollout/kube-system/nope: rollouts.argoproj.io "nope" not found\n'
    )


def test_an_invalid_rollout_is_left_alone_and_the_user_is_told(live, monkeypatch):
    monkeypatch.setattr(ask, "ANSWER_SECONDS_MAX", 0.3)
    shop = Shop(live)
    live.patch(ROLLOUT, shop.namespace, "shop", {"spec": {"strategy": {"canary": {"steps": [{}]}}}})
    live.until(lambda: "InvalidSpec" in shop.status().get("message", ""))

    answer = shop.ask("promote")

    assert (answer.code, answer.out) == (1, "")
    assert "an invalid Rollout is left alone until its spec is corrected" in answer.err
    assert "spec.strategy.canary.steps[0]" in answer.err


def test_without_a_controller_the_request_stays_and_the_user_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(ask, "ANSWER_SECONDS_MAX", 0.3)
    live = Live(tmp_path, controller=False)
    manifest = rollout_manifest()
    manifest["metadata"] |= {"namespace": "default"}
    live.create(ROLLOUT, manifest)

    answer = live.run("promote", "shop", "-n", "default")

    assert (answer.code, answer.out) == (1, "")
    assert answer.err == (
        "error: Rollout/default/shop: no controller has taken the request up in 0.3 s;"
        " the request stays on the object as annotation rollouts.dev/promote\n"
    )
    annotations = live.get(ROLLOUT, "default", "shop")["metadata"]["annotations"]
    assert annotations == {"rollouts.dev/promote": "true"}
    live.close()

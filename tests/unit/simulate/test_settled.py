"""What must hold at rest, and what the judges remember of people and traffic."""

from __future__ import annotations

import copy

import pytest
from unit.simulate.builders import canary_ingress, replica_set, rollout, selecting, snapshot

from rollouts.simulate.asked import asked_of
from rollouts.simulate.clock import SECOND, to_wall
from rollouts.simulate.ledger import Ledger
from rollouts.simulate.scenario import Scenario
from rollouts.simulate.settled import Settled
from rollouts.simulate.share import CANARY_WEIGHT

STEPS = ({"setWeight": 20}, {"pause": {"duration": 10}}, {"setWeight": 60}, {"pause": {}})
SCENARIO = Scenario(replicas=2, steps=STEPS)
NOW = 100 * SECOND
FAR = to_wall(NOW + 3600 * SECOND)
DONE = {"stableRS": "web2", "currentPodHash": "web2", "currentStepIndex": 4, "phase": "Healthy"}
HALF = {"stableRS": "web1", "currentPodHash": "web2", "currentStepIndex": 3, "phase": "Paused"}


def world(weight=0, *, stable="web:1", canary_ready=1):
    return (
        selecting("web-stable", stable),
        selecting("web-canary", "web:2"),
        canary_ingress(weight),
        replica_set("web:1", replicas=2),
        replica_set("web:2", replicas=1, ready=canary_ready),
    )


def finished():
    return (
        selecting("web-stable", "web:2"),
        selecting("web-canary", "web:2"),
        canary_ingress(0),
        replica_set("web:1", replicas=0),
        replica_set("web:2", replicas=2),
    )


def judge(*seen, wake_at=FAR, annotations=None, scenario=SCENARIO, ledger=None, **status):
    status = {"observedGeneration": "1", **status}
    known = rollout(scenario, **status)
    known["metadata"]["annotations"] = annotations or {}
    broken = []
    settled = Settled(
        scenario.names,
        ledger or Ledger(scenario.names),
        lambda rule, text: broken.append(rule),
    )
    live = snapshot(*seen, rollout=known)
    settled.judge(live, asked_of(known), host_ms=NOW, wake_at=wake_at)
    return broken


def test_a_finished_rollout_needs_no_wake_up():
    assert judge(*finished(), wake_at=None, **DONE) == []


def test_a_finished_rollout_says_so():
    assert judge(*finished(), wake_at=None, **{**DONE, "phase": "Progressing"}) == ["L1"]


def test_a_rollout_waits_for_a_person_without_a_wake_up():
    assert judge(*world(60), wake_at=None, **HALF) == []


def test_a_step_that_waits_for_nothing_needs_a_wake_up():
    assert judge(*world(20), wake_at=None, **{**HALF, "currentStepIndex": 2}) == ["L6"]


def test_pods_that_are_on_their_way_are_worth_waiting_for():
    seen = world(20, canary_ready=0)

    assert "L6" not in judge(*seen, wake_at=None, **{**HALF, "currentStepIndex": 2})


def test_a_revision_without_a_set_is_nobodys():
    assert judge(*world()[:4], wake_at=None, **HALF) == ["L6"]


def test_requests_leave_no_trace():
    for name in ("promote", "abort", "accepted"):
        assert judge(*world(60), annotations={f"rollouts.dev/{name}": "x"}, **HALF) == ["L3"]


def test_the_generation_is_observed():
    assert judge(*world(60), **{**HALF, "observedGeneration": "0"}) == ["L6"]


def test_an_invalid_spec_is_left_alone():
    annotations = {"rollouts.dev/promote": "true"}

    assert judge(annotations=annotations, phase="Degraded", message="InvalidSpec: no") == []


def test_a_dead_canary_has_no_traffic():
    assert judge(*world(20, canary_ready=0), **HALF) == ["L4"]


def test_a_dead_canary_may_keep_its_traffic_for_a_moment():
    soon = to_wall(NOW + SECOND)

    assert judge(*world(20, canary_ready=0), wake_at=soon, **HALF) == []


def test_an_aborted_canary_has_no_traffic_once_stable_is_whole():
    assert judge(*world(20), **{**HALF, "abort": True}) == ["S7"]


def test_a_weight_is_reset_after_promotion():
    seen = (*finished()[:2], canary_ingress(100), *finished()[3:])

    assert judge(*seen, wake_at=None, **DONE) == ["S11"]


def paused(started_ms):
    start = to_wall(started_ms).isoformat()
    return {
        **HALF,
        "currentStepIndex": 1,
        "pauseConditions": [{"startTime": start, "stepIndex": 1}],
    }


@pytest.mark.parametrize(
    ("started", "wake", "broken"),
    [(-5, 5, []), (-5, 7, ["L4"]), (-5, None, ["L4"]), (-12, 3600, ["L4"])],
)
def test_a_pause_is_ended_in_time(started, wake, broken):
    wake_at = None if wake is None else to_wall(NOW + wake * SECOND)

    assert judge(*world(20), wake_at=wake_at, **paused(NOW + started * SECOND)) == broken


def test_a_person_may_hold_a_pause_for_longer():
    held = Scenario(replicas=2, steps=STEPS, spec={"paused": True})

    assert judge(*world(20), scenario=held, **paused(0)) == []


# What is remembered


def asking(ledger, **annotations):
    old = rollout(SCENARIO, version=5, **HALF)
    new = copy.deepcopy(old)
    new["metadata"]["annotations"] = {
        f"rollouts.dev/{key}": value for key, value in annotations.items()
    }
    new["metadata"]["resourceVersion"] = "6"
    ledger.learn_goal(old, ("web:2", STEPS))
    ledger.hear_person(old, new)
    return new


def taken_away(ledger, asked_for, **status):
    new = copy.deepcopy(asked_for)
    new["metadata"]["annotations"] = {}
    new["metadata"]["resourceVersion"] = "7"
    new["status"] |= status
    ledger.hear_controller(asked_for, new)
    return new


def test_a_request_gives_one_token_to_passes_that_knew_it():
    ledger = Ledger(SCENARIO.names)
    taken_away(ledger, asking(ledger, promote="true"))
    token = ledger.tokens[0]

    assert token.is_good("web:2", 6)
    assert not token.is_good("web:2", 7)
    assert not token.is_good("web:3", 6)


def test_a_request_that_was_taken_away_is_owed():
    ledger = Ledger(SCENARIO.names)
    left = taken_away(ledger, asking(ledger, promote="true"))

    assert judge(*world(60), ledger=ledger, **HALF) == ["L3"]

    moved = copy.deepcopy(left)
    moved["status"]["currentStepIndex"] = 4
    ledger.hear_controller(left, moved)

    assert ledger.debts == []


def test_a_request_that_makes_no_sense_is_not_owed():
    ledger = Ledger(SCENARIO.names)
    taken_away(ledger, asking(ledger, retry="true"))

    assert ledger.debts == []


def test_asking_for_everything_holds_until_the_template_changes():
    ledger = Ledger(SCENARIO.names)
    asked_for = asking(ledger, promote="full")
    other = copy.deepcopy(asked_for)
    other["spec"]["template"]["spec"]["containers"][0]["image"] = "web:3"
    other["metadata"]["resourceVersion"] = "9"
    ledger.hear_person(asked_for, other)

    assert ledger.wants_full("web:2", 8)
    assert not ledger.wants_full("web:2", 9)


def loaded(weight):
    return snapshot(*world(weight))


def test_idle_begins_when_the_last_request_is_sent():
    ledger = Ledger(SCENARIO.names)
    ledger.hear_traffic(loaded(20), 0, is_ours=True)
    ledger.hear_traffic(loaded(0), 5000, is_ours=True)

    assert ledger.idle_since == {"web2": 5000}


@pytest.mark.parametrize(
    ("is_ours", "lasted_ms", "idle_since"), [(True, 3000, 9000), (True, 500, 0), (False, 3000, 0)]
)
def test_a_moment_and_a_misdirection_do_not_begin_a_new_delay(is_ours, lasted_ms, idle_since):
    ledger = Ledger(SCENARIO.names)
    ledger.hear_traffic(loaded(20), -1, is_ours=True)
    ledger.hear_traffic(loaded(0), 0, is_ours=True)
    ledger.hear_traffic(loaded(20), 9000 - lasted_ms, is_ours=is_ours)
    ledger.hear_traffic(loaded(0), 9000, is_ours=True)

    assert ledger.idle_since["web2"] == idle_since


def test_the_weight_annotation_is_that_of_ingress_nginx():
    assert CANARY_WEIGHT == "nginx.ingress.kubernetes.io/canary-weight"

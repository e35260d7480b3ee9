"""The safety rules, each with a write that breaks it and one that does not."""

from __future__ import annotations

import copy

import pytest
from unit.simulate.builders import canary_ingress, replica_set, rollout, selecting, snapshot

from rollouts.api.refs import CONFIG_MAP, INGRESS, REPLICA_SET, ROLLOUT, SERVICE
from rollouts.simulate.asked import asked_of
from rollouts.simulate.clock import SECOND, to_wall
from rollouts.simulate.deed import Deed
from rollouts.simulate.ledger import Ledger, Token
from rollouts.simulate.oracles import Oracles
from rollouts.simulate.scenario import Scenario

STEPS = ({"setWeight": 20}, {"pause": {"duration": 10}}, {"setWeight": 60}, {"pause": {}})
ROUTED = Scenario(replicas=5, steps=STEPS)
PLAIN = Scenario(replicas=4, steps=STEPS, is_routed=False, canary={"maxSurge": 1})
NOW = 100 * SECOND


class Court:
    """Judges single writes of a controller that knows a given world."""

    def __init__(self, scenario=ROUTED, *, status=None, version=7):
        self.scenario = scenario
        self.ledger = Ledger(scenario.names)
        self.broken = []
        known = {"stableRS": "web1", "currentPodHash": "web2", "currentStepHash": "s"}
        self.rollout = rollout(scenario, version=version, **{**known, **(status or {})})
        self.asked = asked_of(self.rollout)
        self.ledger.learn_goal(self.rollout, (self.asked.image, self.asked.steps))
        self.oracles = Oracles(
            scenario.names, self.ledger, lambda rule, text: self.broken.append(rule)
        )

    def judge(self, kind, old, new, *seen, is_status=False, started_ms=NOW):
        before = snapshot(*seen, rollout=self.rollout)
        after = before.copy()
        name = (new or old)["metadata"]["name"]
        if new is None:
            after.of(kind).pop(name)
        elif kind in (ROLLOUT, REPLICA_SET, SERVICE, INGRESS):
            after.of(kind)[name] = new
        deed = Deed(
            kind=kind,
            old=old,
            new=new,
            is_status=is_status,
            seen=before,
            after=after,
            live=before,
            rollout=self.rollout,
            asked=self.asked,
            now_ms=NOW,
            started_ms=started_ms,
            planned_ms=started_ms,
            recorded=self.ledger.goal(self.rollout),
        )
        self.oracles.judge(deed)
        return self.broken


def world(weight=0, *, stable=5, canary=1, stable_ready=None, canary_ready=None, switched=False):
    return (
        selecting("web-stable", "web:2" if switched else "web:1"),
        selecting("web-canary", "web:2"),
        canary_ingress(weight),
        replica_set("web:1", replicas=stable, ready=stable_ready, number=1),
        replica_set("web:2", replicas=canary, ready=canary_ready, number=2),
    )


def route(court, before, after, **seen):
    return court.judge(
        INGRESS, canary_ingress(before), canary_ingress(after), *world(before, **seen)
    )


def test_a_weight_that_its_pods_can_carry_breaks_nothing():
    assert route(Court(status={"currentStepIndex": 0}), 0, 20) == []


@pytest.mark.parametrize("weight", ["101", "-1", "x", ""])
def test_s1_a_weight_stays_within_its_range(weight):
    court, new = Court(), canary_ingress(weight)

    assert "S1" in court.judge(INGRESS, canary_ingress(0), new, *world())


def test_s2_a_weight_is_not_raised_above_the_ready_pods():
    assert route(Court(), 0, 20, canary_ready=0) == ["S2", "S3"]


def test_s2_the_last_missing_pod_counts():
    status = {"currentStepIndex": 2}

    assert route(Court(status=status), 20, 60, canary=3, canary_ready=2) == ["S2"]
    assert route(Court(status=status), 20, 60, canary=3, canary_ready=3) == []


def test_s2_traffic_returns_no_faster_than_stable_can_carry():
    assert route(Court(status={"abort": True}), 60, 0, canary=3, stable_ready=4) == ["S2"]
    assert route(Court(status={"abort": True}), 60, 20, canary=3, stable_ready=4) == []


def test_s2_a_canary_that_lost_pods_may_lose_its_traffic_at_once():
    assert route(Court(), 60, 0, canary=3, canary_ready=0, stable_ready=1) == []


def test_s4_a_weight_is_not_raised_above_its_step():
    assert route(Court(status={"currentStepIndex": 0}), 0, 21, canary=2) == ["S4"]


def test_s4_a_person_may_ask_for_everything():
    court = Court(status={"currentStepIndex": 0})
    court.ledger.full["web:2"] = None

    assert route(court, 0, 100, canary=5) == []


def test_s4_a_new_revision_begins_at_the_first_step():
    court = Court(status={"currentStepIndex": 2})
    court.ledger.goals.clear()

    assert route(court, 0, 60, canary=3) == ["S4"]


def test_s7_a_weight_does_not_rise_after_an_abort():
    assert route(Court(status={"abort": True}), 0, 20) == ["S7"]


def test_s11_the_stable_service_moves_before_the_weight_falls():
    court = Court(status={"stableRS": "web2", "currentStepIndex": 4})

    assert route(court, 100, 0, canary=5) == ["S11"]


def test_s11_after_the_switch_the_weight_may_fall():
    court = Court(status={"stableRS": "web2", "currentStepIndex": 4})

    assert route(court, 100, 0, canary=5, switched=True) == []


def switch(court, name, before, after, *seen):
    return court.judge(SERVICE, selecting(name, before), selecting(name, after), *seen)


def test_s3_a_service_is_not_pointed_at_nothing():
    seen = (selecting("web-canary", "web:1"), *world(canary_ready=0)[3:], canary_ingress(0))

    assert switch(Court(), "web-canary", "web:1", "web:2", *seen) == ["S3"]


def test_s2_the_stable_service_moves_to_enough_pods():
    court = Court()

    assert switch(court, "web-stable", "web:1", "web:2", *world(0, canary=1)) == ["S2"]


def test_s13_only_the_hash_of_a_selector_is_ours():
    stolen = selecting("web-stable", "web:2")
    stolen["spec"]["selector"]["app"] = "other"

    broken = Court().judge(SERVICE, selecting("web-stable", "web:1"), stolen, *world(canary=5))

    assert "S13" in broken


def scale(court, image, before, after, *seen, **facts):
    old, new = replica_set(image, replicas=before), replica_set(image, replicas=after)
    return court.judge(REPLICA_SET, old, new, *seen, **facts)


def test_s8_stable_keeps_its_size_during_an_update():
    assert scale(Court(), "web:1", 5, 4, *world(20)) == ["S8"]


def test_s8_a_canary_under_traffic_keeps_its_pods():
    assert scale(Court(), "web:2", 3, 2, *world(60, canary=3)) == ["S8"]


def test_s8_stable_follows_the_rollout_down():
    court = Court(Scenario(replicas=2, steps=STEPS))

    assert scale(court, "web:1", 5, 2, *world(0)) == []


def retired(court, waited_ms):
    court.rollout["status"] |= {"stableRS": "web2", "currentStepIndex": 4}
    court.ledger.idle_since["web1"] = NOW - waited_ms
    return scale(court, "web:1", 5, 0, *world(0, canary=5, switched=True))


def test_s8_a_set_that_lost_its_traffic_waits_for_its_delay():
    assert retired(Court(), 20 * SECOND) == ["S8"]
    assert retired(Court(), 30 * SECOND) == []


def test_s7_an_aborted_canary_waits_for_its_delay():
    for waited, broken in ((20, ["S7"]), (30, [])):
        court = Court(status={"abort": True})
        court.ledger.idle_since["web2"] = NOW - waited * SECOND

        assert scale(court, "web:2", 1, 0, *world(0)) == broken


def test_s7_an_abort_delay_of_zero_keeps_the_pods_for_good():
    scenario = Scenario(replicas=5, steps=STEPS, canary={"abortScaleDownDelaySeconds": 0})
    court = Court(scenario, status={"abort": True})
    court.ledger.idle_since["web2"] = 0

    assert scale(court, "web:2", 1, 0, *world(0)) == ["S7"]


def pods_only(stable, canary, *, stable_ready=None, canary_ready=None):
    return (
        selecting("web"),
        replica_set("web:1", replicas=stable, ready=stable_ready),
        replica_set("web:2", replicas=canary, ready=canary_ready, number=2),
    )


def test_s9_pods_stay_within_the_surge():
    assert scale(Court(PLAIN), "web:2", 1, 2, *pods_only(4, 1)) == ["S9", "S4"]


def test_s9_enough_pods_stay_available():
    assert scale(Court(PLAIN), "web:1", 4, 2, *pods_only(4, 1, canary_ready=0)) == ["S9"]


def test_s9_pods_that_are_not_ready_may_go():
    seen = pods_only(4, 1, stable_ready=3, canary_ready=0)

    assert scale(Court(PLAIN), "web:1", 4, 3, *seen) == []


def test_s4_without_a_router_the_canary_is_no_larger_than_its_weight():
    court = Court(PLAIN, status={"currentStepIndex": 0})

    assert scale(court, "web:2", 1, 2, *pods_only(3, 1)) == ["S4"]


def test_s12_a_template_has_one_set_and_numbers_only_grow():
    seen = world()
    twin = replica_set("web:2", replicas=1, number=3)
    twin["metadata"]["name"] = "web-twin"
    low = replica_set("web:3", replicas=0, number=2)

    assert Court().judge(REPLICA_SET, None, twin, *seen) == ["S12"]
    assert Court().judge(REPLICA_SET, None, low, *seen) == ["S12"]


def forget(court, replica_set_, *seen):
    return court.judge(REPLICA_SET, replica_set_, None, replica_set_, *seen)


def test_s17_history_keeps_its_limit_and_what_is_in_use():
    scenario = Scenario(replicas=5, steps=STEPS, spec={"revisionHistoryLimit": 0})
    old = replica_set("web:0", replicas=0)
    busy = replica_set("web:0", replicas=0, pods=1)

    assert forget(Court(scenario), old, *world()) == []
    assert forget(Court(scenario), busy, *world()) == ["S17"]
    assert forget(Court(scenario), world()[3], *world()) == ["S17", "S17", "S17"]
    assert forget(Court(), old, *world()) == ["S17"]


def test_s13_other_kinds_and_other_peoples_objects_are_left_alone():
    foreign = replica_set("web:2", replicas=2)
    foreign["metadata"]["ownerReferences"] = []
    config = {"metadata": {"name": "c"}, "spec": {}}

    assert Court().judge(CONFIG_MAP, None, config) == ["S13"]
    assert "S13" in Court().judge(REPLICA_SET, foreign, foreign, *world())
    assert Court().judge(SERVICE, None, selecting("web-stable", "web:1"), *world()) == ["S13"]


def write_status(court, *seen, started_ms=NOW, **changes):
    new = copy.deepcopy(court.rollout)
    new["status"].update(changes)
    seen = seen or world(20)
    return court.judge(ROLLOUT, court.rollout, new, *seen, is_status=True, started_ms=started_ms)


def paused_since(ms, index=1):
    stamp = to_wall(ms).isoformat()
    return {
        "currentStepIndex": index,
        "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": stamp, "stepIndex": index}],
    }


def test_s5_a_step_is_left_when_its_own_condition_holds():
    assert write_status(Court(status={"currentStepIndex": 0}), currentStepIndex=1) == []


def test_s5_a_step_whose_weight_is_not_in_force_is_not_left():
    court = Court(status={"currentStepIndex": 0})

    assert write_status(court, *world(10), currentStepIndex=1) == ["S5"]


def test_s5_the_index_does_not_go_back():
    court = Court(status={"currentStepIndex": 2})

    assert write_status(court, *world(60, canary=3), currentStepIndex=1) == ["S5"]


def test_s5_an_abort_starts_over():
    court = Court(status={"currentStepIndex": 2})

    assert write_status(court, *world(60, canary=3), currentStepIndex=0, abort=True) == []


@pytest.mark.parametrize(("waited_ms", "broken"), [(9_999, ["S6"]), (10_000, [])])
def test_s6_a_timed_pause_is_never_shorter(waited_ms, broken):
    court = Court(status=paused_since(NOW - waited_ms))

    assert write_status(court, currentStepIndex=2, pauseConditions=None) == broken


def test_s6_a_pause_without_an_end_needs_a_person():
    for tokens, broken in (([], ["S6"]), ([Token("web:2", is_annotation=True)], [])):
        court = Court(status=paused_since(0, index=3))
        court.ledger.tokens += tokens

        assert write_status(court, currentStepIndex=4, pauseConditions=None) == broken


def test_s6_a_request_is_spent_once():
    court = Court(status=paused_since(0, index=3))
    court.ledger.tokens.append(Token("web:2", is_annotation=True))
    write_status(court, currentStepIndex=4, pauseConditions=None)

    assert write_status(court, currentStepIndex=4, pauseConditions=None) == ["S6"]


def test_s6_a_pause_is_not_dated_early():
    court = Court(status={"currentStepIndex": 0})
    early = paused_since(NOW - 5 * SECOND)

    assert write_status(court, **early) == ["S6"]
    assert write_status(court, started_ms=NOW - 5 * SECOND, **early) == ["S6"]


def test_s6_a_pause_does_not_begin_anew():
    court = Court(status=paused_since(NOW - 5 * SECOND))

    assert write_status(court, **paused_since(NOW)) == ["S6"]


def test_s5_nothing_is_left_while_a_person_pauses():
    scenario = Scenario(replicas=5, steps=STEPS, spec={"paused": True})
    court = Court(scenario, status={"currentStepIndex": 0})

    assert write_status(court, currentStepIndex=1) == ["S5"]


def promoted(court, *seen):
    return write_status(court, *seen, currentStepIndex=4, stableRS="web2")


def test_s10_a_promotion_needs_all_steps_all_pods_and_all_traffic():
    done = {"currentStepIndex": 4}

    assert promoted(Court(status=done), *world(100, canary=5)) == []
    assert promoted(Court(status=done), *world(60, canary=5)) == ["S10"]
    assert promoted(Court(status=done), *world(100, canary=5, canary_ready=4)) == ["S10"]
    assert "S10" in promoted(Court(status={**done, "abort": True}), *world(100, canary=5))


def test_s14_healthy_means_that_all_pods_are_there():
    short = world(0, canary=5, canary_ready=4, switched=True)

    assert write_status(Court(), *short, phase="Healthy", stableRS="web2")[-1] == "S14"


def test_s14_the_future_is_not_reported():
    ahead = to_wall(NOW + 5 * SECOND).isoformat()

    assert write_status(Court(status={"currentStepIndex": 0}), abortedAt=ahead) == ["S14"]


def test_s14_a_transition_time_changes_with_the_value():
    def condition(status, at):
        return [{"type": "Paused", "status": status, "lastTransitionTime": at}]

    court = Court(status={"conditions": condition("True", "a")})

    assert write_status(court, conditions=condition("True", "b")) == ["S14"]
    court = Court(status={"conditions": condition("True", "a")})

    assert write_status(court, conditions=condition("False", "b")) == []


def test_s14_no_generation_is_observed_that_does_not_exist():
    assert write_status(Court(), observedGeneration="2") == ["S14"]

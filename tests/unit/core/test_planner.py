"""What one pass decides, case by case: an observed situation in, a plan out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import NOW, at, mid_canary, paused, replica_set, rollout_facts, service

from rollouts.actions import Action, Create, Delete, Plan, Route, Scale, SwitchService
from rollouts.api.problems import Problem
from rollouts.core.facts import Observed, RouteFacts
from rollouts.core.invariants import check_plan
from rollouts.core.planner import plan_rollout


def plan(observed: Observed, seconds: float = 0) -> Plan:
    made = plan_rollout(observed, at(seconds))
    assert check_plan(observed, made) == ()
    return made


def short(action: Action) -> str:
    match action:
        case Create(_, manifest):
            return f"create {manifest['metadata']['name']} x{manifest['spec']['replicas']}"
        case Scale(ref, replicas, previous):
            return f"scale {ref.name} {previous}->{replicas}"
        case SwitchService(ref, pod_hash):
            return f"{ref.name} -> {pod_hash}"
        case Route(weight):
            return f"weight {weight}"
        case Delete(ref):
            return f"delete {ref.name}"
        case _:
            return type(action).__name__


def deeds(made: Plan) -> list[str]:
    return [short(action) for action in made.actions if short(action) != "Patch"]


def status(made: Plan) -> dict[str, Any]:
    assert made.status is not None
    return made.status


def test_a_first_deployment_gets_all_its_pods_and_no_traffic_moves() -> None:
    observed = Observed(
        rollout_facts("v1"),
        services={"shop-stable": service("shop-stable"), "shop-canary": service("shop-canary")},
        route=RouteFacts(0),
    )
    made = plan(observed)

    assert deeds(made) == ["create shop-v1 x5"]
    assert "stableRS" not in status(made)
    assert status(made)["phase"] == "Progressing"


def test_a_version_is_stable_only_once_it_was_available() -> None:
    """argo-rollouts#1774: a broken first version must not become what later ones are held to."""
    observed = Observed(
        rollout_facts("v1", status={"currentPodHash": "v1", "currentStepHash": "steps"}),
        (replica_set("v1", 5, available=4),),
        services={"shop-stable": service("shop-stable"), "shop-canary": service("shop-canary")},
        route=RouteFacts(0),
    )
    whole = replace(observed, replica_sets=(replica_set("v1", 5),))

    assert "stableRS" not in status(plan(observed))
    assert status(plan(whole))["stableRS"] == "v1"


def test_a_new_template_starts_with_as_many_pods_as_the_first_weight_needs() -> None:
    observed = mid_canary(index=7, weight=0, canary_selects="v1", status={"currentPodHash": "v1"})
    fresh = replace(observed, replica_sets=(replica_set("v1", 5),))
    made = plan(fresh)

    assert deeds(made) == ["create shop-v2 x1"]
    assert status(made)["currentStepIndex"] == 0


def test_no_request_reaches_a_canary_before_its_pods_are_available() -> None:
    canary = replica_set("v2", 1, available=0, revision=2)
    made = plan(mid_canary(index=0, weight=0, canary=canary, canary_selects="v1"))

    assert deeds(made) == []


def test_capacity_then_service_then_weight_and_the_pause_begins_in_one_pass() -> None:
    made = plan(mid_canary(index=0, weight=0, canary_selects="v1"))

    assert deeds(made) == ["shop-canary -> v2", "weight 10"]
    assert status(made)["currentStepIndex"] == 1
    assert status(made)["phase"] == "Paused"
    assert made.wake_at == at(600)


@pytest.mark.parametrize(("seconds", "index"), [(599, 1), (600, 2), (601, 2)])
def test_a_timed_pause_ends_exactly_at_its_time(seconds: float, index: int) -> None:
    observed = mid_canary(status=paused(0))

    assert status(plan(observed, seconds))["currentStepIndex"] == index


def test_a_pause_that_was_skipped_does_not_shorten_the_next_one() -> None:
    """The peer's plugin can move the index and leave the old pause condition behind."""
    steps = [{"pause": {"duration": 60}}, {"pause": {"duration": 60}}, {"setWeight": 50}]
    observed = mid_canary(index=1, weight=0, wanted={"steps": steps}, status=paused(59, step=0))
    made = plan(observed)

    assert status(made)["currentStepIndex"] == 1
    assert made.wake_at == at(60)


def test_a_pause_without_a_duration_never_ends_by_itself() -> None:
    observed = mid_canary(
        wanted={"steps": [{"setWeight": 10}, {"pause": {}}]}, status=paused(10**6)
    )
    made = plan(observed, 10**6)

    assert deeds(made) == []
    assert made.wake_at is None


def test_a_person_resumes_by_clearing_the_pause_conditions() -> None:
    made = plan(mid_canary(status={"controllerPause": True}))

    assert status(made)["currentStepIndex"] == 2
    assert deeds(made) == ["scale shop-v2 1->2"]


def test_stable_keeps_all_its_pods_during_an_update() -> None:
    made = plan(mid_canary(stable=replica_set("v1", 3), status=paused(0)))

    assert deeds(made) == ["scale shop-v1 3->5"]


def test_a_dead_canary_loses_its_traffic_at_once() -> None:
    canary = replica_set("v2", 1, available=0, revision=2)
    made = plan(mid_canary(canary=canary, status=paused(0)))

    assert deeds(made) == ["weight 0"]


def test_a_canary_that_came_back_gets_its_weight_back() -> None:
    made = plan(mid_canary(weight=0, status=paused(0)))

    assert deeds(made) == ["weight 10"]


def test_somebodys_edit_of_the_weight_is_undone() -> None:
    made = plan(mid_canary(weight=90, status=paused(0)))

    assert deeds(made) == ["weight 10"]


def test_the_last_weight_promotes_when_the_canary_is_at_full_size() -> None:
    canary = replica_set("v2", 5, revision=2)
    made = plan(mid_canary(index=6, weight=50, canary=canary))

    assert deeds(made) == ["weight 100"]
    assert status(made)["stableRS"] == "v2"
    assert status(made)["phase"] == "Progressing"


def promoted(seconds_ago: float, **facts: Any) -> Observed:
    return mid_canary(
        index=7,
        canary=replica_set("v2", 5, revision=2),
        status={"stableRS": "v2", "promotedAt": at(-seconds_ago).strftime("%Y-%m-%dT%H:%M:%SZ")},
        **facts,
    )


def test_after_promotion_the_stable_service_moves_first() -> None:
    assert deeds(plan(promoted(0, weight=100))) == ["shop-stable -> v2"]


@pytest.mark.parametrize(("seconds_ago", "moves"), [(1.0, []), (2.0, ["weight 0"])])
def test_the_weight_returns_to_zero_once_proxies_know_the_new_service(
    seconds_ago: float, moves: list[str]
) -> None:
    assert deeds(plan(promoted(seconds_ago, weight=100, stable_selects="v2"))) == moves


def test_former_pods_stay_for_the_delay_after_all_traffic_has_left_them() -> None:
    made = plan(promoted(5, weight=100, stable_selects="v2"))

    assert deeds(made) == ["weight 0"]
    assert status(made)["scaleDownDeadlines"] == {"v1": "2026-05-01T12:00:30Z"}
    assert made.wake_at == at(30)


@pytest.mark.parametrize(("seconds", "moves"), [(29, []), (30, ["scale shop-v1 5->0"])])
def test_former_pods_go_exactly_when_the_delay_is_over(seconds: float, moves: list[str]) -> None:
    observed = promoted(5, weight=0, stable_selects="v2")
    waiting = replace(
        observed,
        rollout=replace(
            observed.rollout,
            status=observed.rollout.status | {"scaleDownDeadlines": {"v1": "2026-05-01T12:00:30Z"}},
        ),
    )

    assert deeds(plan(waiting, seconds)) == moves


def test_healthy_is_not_said_before_all_traffic_is_on_the_stable_service() -> None:
    before = status(plan(promoted(1, weight=100, stable_selects="v2")))
    after = status(plan(promoted(5, weight=100, stable_selects="v2")))

    assert before["phase"] == "Progressing"
    assert after["phase"] == "Healthy"


def test_an_abort_returns_all_traffic_before_it_touches_a_pod() -> None:
    made = plan(mid_canary(status=paused(0, abort=True)))

    assert deeds(made) == ["weight 0", "shop-canary -> v1"]
    assert status(made)["phase"] == "Degraded"
    assert status(made)["currentStepIndex"] == 0
    assert status(made)["scaleDownDeadlines"] == {"v2": "2026-05-01T12:00:30Z"}


def test_an_abort_gives_back_what_stables_ready_pods_can_carry() -> None:
    stable = replica_set("v1", 5, available=3)
    canary = replica_set("v2", 5, revision=2)
    made = plan(
        mid_canary(weight=100, index=5, stable=stable, canary=canary, status={"abort": True})
    )

    assert deeds(made) == ["weight 40"]


def test_an_abort_without_an_update_touches_nothing() -> None:
    """argo-rollouts#1292: there, an abort of a finished rollout scaled stable to zero."""
    observed = promoted(60, weight=0, stable_selects="v2", others=())
    only_new = replace(observed, replica_sets=(replica_set("v2", 5, revision=2),))
    aborted = replace(
        only_new,
        rollout=replace(only_new.rollout, status=only_new.rollout.status | {"abort": True}),
    )
    made = plan(aborted)

    assert deeds(made) == []
    assert "abort" not in status(made)


def test_a_retry_starts_over_from_the_first_step() -> None:
    aborted = {"abortedAt": "2026-05-01T11:59:00Z", "currentStepIndex": 0}
    canary = replica_set("v2", 0, revision=2)
    made = plan(mid_canary(index=0, weight=0, canary=canary, canary_selects="v1", status=aborted))

    assert deeds(made) == ["scale shop-v2 0->1"]
    assert "abortedAt" not in status(made)


def test_a_newer_revision_drains_the_canary_it_overtakes_before_the_service_moves() -> None:
    observed = mid_canary(
        index=3,
        weight=30,
        pod_hash="v3",
        canary=replica_set("v2", 2, revision=2),
        others=(replica_set("v3", 1, revision=3),),
    )
    made = plan(observed)

    assert deeds(made) == ["weight 0"]
    assert status(made)["scaleDownDeadlines"] == {"v2": "2026-05-01T12:00:30Z"}


def test_an_unfinished_promotion_is_repaired_before_a_newer_revision_moves_anything() -> None:
    """Otherwise `weight to zero` would send everybody back to the version before the last."""
    observed = mid_canary(
        index=7,
        weight=100,
        pod_hash="v3",
        canary=replica_set("v2", 5, revision=2),
        status={"stableRS": "v2", "promotedAt": "2026-05-01T12:00:00Z"},
    )

    assert deeds(plan(observed)) == ["create shop-v3 x1", "shop-stable -> v2"]


def test_going_back_to_stable_skips_all_steps() -> None:
    made = plan(mid_canary(pod_hash="v1", status=paused(0)))

    assert deeds(made)[0] == "weight 0"
    assert status(made)["currentStepIndex"] == 7


def test_a_stable_set_that_is_wanted_again_gets_a_new_revision_number() -> None:
    made = plan(mid_canary(pod_hash="v1", weight=0))
    patches = [each for each in made.actions if type(each).__name__ == "Patch"]
    numbers = [each.body["metadata"].get("annotations", {}) for each in patches]

    assert {
        "rollout.argoproj.io/revision": "3",
        "rollout.argoproj.io/revision-history": "1",
    } in numbers


def test_a_rollout_scaled_to_zero_is_promoted_without_pods() -> None:
    observed = mid_canary(
        index=6,
        weight=0,
        stable=replica_set("v1", 0),
        canary=replica_set("v2", 0, revision=2),
        wanted={"replicas": 0},
    )
    made = plan(observed)

    assert status(made)["stableRS"] == "v2"


def test_a_change_of_size_in_mid_canary_resizes_both_parts() -> None:
    made = plan(mid_canary(status=paused(0), wanted={"replicas": 20}))

    assert deeds(made) == ["scale shop-v2 1->2", "scale shop-v1 5->20"]


def test_a_paused_rollout_does_not_scale_a_new_revision() -> None:
    observed = mid_canary(
        index=7,
        weight=0,
        canary_selects="v1",
        status={"currentPodHash": "v1"},
        wanted={"paused": True},
    )
    made = plan(replace(observed, replica_sets=(replica_set("v1", 5),)))

    assert deeds(made) == ["create shop-v2 x0"]
    assert status(made)["message"] == "manually paused"


def test_an_invalid_rollout_names_every_problem_and_nothing_else_happens() -> None:
    problems = (Problem("spec.a", "is wrong", 1), Problem("spec.b", "is missing"))
    made = plan_rollout(Observed(rollout_facts(spec=None, problems=problems)), NOW)

    assert made.actions == ()
    assert status(made)["phase"] == "Degraded"
    assert "spec.a: Invalid value: 1: is wrong" in status(made)["message"]
    assert "spec.b: Required value: is missing" in status(made)["message"]


def test_a_missing_service_leaves_the_running_version_untouched() -> None:
    observed = mid_canary(status=paused(0))
    gone = replace(observed, missing=(Problem("spec.strategy.canary.stableService", "not found"),))

    assert plan(gone).actions == ()


def test_the_progress_deadline_is_reported_and_aborts_only_if_asked_to() -> None:
    progressing = {
        "type": "Progressing",
        "status": "True",
        "reason": "NewReplicaSetCreated",
        "message": "",
        "lastTransitionTime": "2026-05-01T11:50:00Z",
        "lastUpdateTime": "2026-05-01T11:50:00Z",
    }
    stuck = {
        "index": 0,
        "weight": 0,
        "canary": replica_set("v2", 1, available=0, revision=2),
        "canary_selects": "v1",
        "status": {"conditions": [progressing]},
    }
    early = plan(mid_canary(**stuck), -1)
    reported = plan(mid_canary(**stuck))
    aborted = plan(mid_canary(**stuck, wanted={"progressDeadlineAbort": True}))

    assert early.wake_at == NOW
    assert status(reported)["message"].startswith("ProgressDeadlineExceeded: ")
    assert "abort" not in status(reported)
    assert status(aborted)["abort"] is True


def test_history_keeps_the_limit_and_never_forgets_stable_or_pods() -> None:
    old = tuple(replica_set(f"old{n}", 0, revision=n) for n in range(1, 5))
    busy = replica_set("busy", 0, revision=5, current=1)
    observed = mid_canary(
        stable=replica_set("v1", 5, revision=6),
        canary=replica_set("v2", 1, revision=7),
        others=(*old, busy),
        status=paused(0),
        wanted={"revisionHistoryLimit": 2},
    )

    assert deeds(plan(observed)) == ["delete shop-old2", "delete shop-old1"]


def test_a_set_made_with_another_hash_is_adopted_by_its_template() -> None:
    foreign = replica_set("other-hash", 5, template_digest="digest-v2")
    observed = Observed(
        rollout_facts("v2", status={"stableRS": "other-hash"}),
        (foreign,),
        services={
            "shop-stable": service("shop-stable", "other-hash"),
            "shop-canary": service("shop-canary", "other-hash"),
        },
        route=RouteFacts(0),
    )
    made = plan(observed)

    assert deeds(made) == []
    assert status(made)["currentPodHash"] == "other-hash"


def test_a_deleted_rollout_is_left_alone() -> None:
    observed = mid_canary(is_deleted=True)

    assert plan(observed) == Plan()


def test_promoting_a_rollout_that_was_paused_by_hand_resumes_it_and_passes_the_step() -> None:
    observed = mid_canary(
        status=paused(0), wanted={"paused": True}, annotations={"rollouts.dev/promote": "true"}
    )
    made = plan(observed)

    assert made.actions[0].body["spec"] == {"paused": False}
    assert status(made)["currentStepIndex"] == 2


def test_a_resume_that_arrives_while_paused_by_hand_is_kept_for_later() -> None:
    observed = mid_canary(status={"controllerPause": True}, wanted={"paused": True})
    made = plan(observed)

    assert (made.status or observed.rollout.status)["controllerPause"] is True
    assert (made.status or observed.rollout.status)["currentStepIndex"] == 1


def test_lower_weights_are_reached_by_moving_traffic_before_pods() -> None:
    steps = [{"setWeight": 90}, {"setWeight": 40}, {"pause": {}}]
    canary = replica_set("v2", 5, revision=2)
    made = plan(mid_canary(index=1, weight=90, canary=canary, wanted={"steps": steps}))

    assert deeds(made) == ["weight 40", "scale shop-v2 5->2"]


def test_a_weight_set_on_a_first_deployment_is_taken_back() -> None:
    observed = Observed(
        rollout_facts("v1", status={"currentPodHash": "v1", "currentStepHash": "steps"}),
        (replica_set("v1", 5, available=3),),
        services={"shop-stable": service("shop-stable"), "shop-canary": service("shop-canary")},
        route=RouteFacts(67),
    )

    assert deeds(plan(observed)) == ["weight 0"]


def test_a_weight_set_on_a_first_deployment_stays_with_the_only_pods_that_serve() -> None:
    observed = Observed(
        rollout_facts("v2", status={"currentPodHash": "v2", "currentStepHash": "steps"}),
        (replica_set("v1", 5, available=0), replica_set("v2", 5, available=3)),
        services={
            "shop-stable": service("shop-stable", "v1"),
            "shop-canary": service("shop-canary"),
        },
        route=RouteFacts(24),
    )

    assert not [deed for deed in deeds(plan(observed)) if deed.startswith("weight")]


@pytest.mark.parametrize(("age", "phase"), [(1.0, None), (2.0, "Degraded")])
def test_objects_applied_together_with_a_new_rollout_may_arrive_a_moment_later(
    age: float, phase: str | None
) -> None:
    missing = (Problem("spec.strategy.canary.stableService", "not found"),)
    made = plan(Observed(rollout_facts(created_at=at(-age)), missing=missing))

    assert (made.status or {}).get("phase") == phase
    assert made.wake_at == (None if phase else at(1.0))

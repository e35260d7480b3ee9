"""Analysis decides: what is measured, when, and what follows from the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import NOW, at, mid_canary, paused, replica_set, rollout_facts

from rollouts.actions import Create, Delete, Patch, Plan, Route
from rollouts.api.problems import Problem
from rollouts.api.refs import ANALYSIS_RUN
from rollouts.core.facts import Observed, Recipe, RunFacts
from rollouts.core.invariants import check_plan
from rollouts.core.planner import plan_rollout

ANALYSIS = {"templates": [{"templateName": "success-rate"}]}
STEPS = [{"setWeight": 20}, {"analysis": ANALYSIS}, {"setWeight": 50}]
RECIPE = Recipe({"metrics": [{"name": "success-rate"}]})
STEP_NAME = "shop-v2-2-1"
BACKGROUND_NAME = "shop-v2-2"


def run(phase: str = "Running", *, role: str = "Step", **facts: Any) -> RunFacts:
    defaults: dict[str, Any] = {
        "namespace": "shop",
        "name": STEP_NAME if role == "Step" else BACKGROUND_NAME,
        "uid": f"{role}-uid",
        "resource_version": "9",
        "owner_uid": "rollout-uid",
        "pod_hash": "v2",
        "role": role,
        "step_index": 1 if role == "Step" else None,
        "revision": 2,
        "phase": phase,
        "message": "",
        "created_at": NOW,
        "is_measured": True,
    }
    return RunFacts(**(defaults | facts))


def at_step(*runs: RunFacts, names: dict[str, str] | None = None, **facts: Any) -> Observed:
    """The update waits in a step of analysis, with 20 % of the traffic on the canary."""
    named = {"step": STEP_NAME if any(each.role == "Step" for each in runs) else ""}
    status = status_of(**(named if names is None else names)) | facts.pop("status", {})
    seen = mid_canary(
        index=facts.pop("index", 1),
        weight=20,
        wanted={"steps": facts.pop("steps", STEPS), **facts.pop("spec", {})},
        status=status,
        **facts,
    )
    return replace(seen, runs=runs, recipes={"step/1": RECIPE})


def beside(*runs: RunFacts, named: bool = True, **facts: Any) -> Observed:
    """The update pauses, with an analysis beside its steps."""
    steps = [{"setWeight": 20}, {"pause": {}}, {"setWeight": 50}]
    canary = {"analysis": ANALYSIS | facts.pop("analysis", {})}
    name = BACKGROUND_NAME if named and runs else ""
    status = paused(30) | status_of(background=name) | facts.pop("status", {})
    seen = mid_canary(weight=20, wanted={"steps": steps, "canary": canary}, status=status, **facts)
    return replace(seen, runs=runs, recipes={"background": RECIPE})


def status_of(step: str = "", background: str = "") -> dict[str, Any]:
    canary: dict[str, Any] = {}
    if step:
        canary["currentStepAnalysisRunStatus"] = {"name": step, "status": "Running"}
    if background:
        canary["currentBackgroundAnalysisRunStatus"] = {"name": background, "status": "Running"}
    return {"canary": canary}


def plan(seen: Observed, seconds: float = 0) -> Plan:
    made = plan_rollout(seen, at(seconds))

    assert check_plan(seen, made) == ()
    return made


def created(made: Plan) -> list[dict[str, Any]]:
    return [
        each.manifest
        for each in made.actions
        if isinstance(each, Create) and each.kind == ANALYSIS_RUN
    ]


def ended(made: Plan) -> list[str]:
    return [
        each.ref.name
        for each in (*made.actions, *made.finish)
        if isinstance(each, Patch) and each.body == {"spec": {"terminate": True}}
    ]


def told(made: Plan) -> dict[str, Any]:
    assert made.status is not None
    return made.status


def test_reaching_an_analysis_step_makes_its_run_after_the_weight_moved():
    made = plan(
        replace(mid_canary(index=0, weight=0, wanted={"steps": STEPS}), recipes={"step/1": RECIPE})
    )
    order = [type(each) for each in made.actions if isinstance(each, Route | Create)]

    assert order == [Route, Create]
    assert told(made)["canary"]["currentStepAnalysisRunStatus"]["name"] == STEP_NAME


def test_a_run_says_whose_it_is_and_what_it_is_about():
    (manifest,) = created(plan(at_step()))
    metadata = manifest["metadata"]

    assert metadata["name"] == STEP_NAME
    assert metadata["labels"] == {
        "rollouts-pod-template-hash": "v2",
        "rollout-type": "Step",
        "step-index": "1",
    }
    assert metadata["annotations"] == {"rollout.argoproj.io/revision": "2"}
    assert metadata["ownerReferences"][0]["uid"] == "rollout-uid"
    assert manifest["spec"] == RECIPE.spec


@pytest.mark.parametrize("phase", ["", "Pending", "Running"])
def test_an_unfinished_analysis_keeps_the_step_and_the_weight(phase):
    made = plan(at_step(run(phase)))

    assert told(made)["currentStepIndex"] == 1
    assert not [each for each in made.actions if isinstance(each, Route)]
    assert created(made) == []


def test_success_leads_to_the_next_step():
    made = plan(at_step(run("Successful")))

    assert told(made)["currentStepIndex"] == 2
    assert "currentStepAnalysisRunStatus" not in told(made)["canary"]


@pytest.mark.parametrize("phase", ["Failed", "Error"])
def test_failure_aborts_with_the_words_of_the_metric(phase):
    text = 'Metric "success-rate" assessed Failed due to failed (1) > failureLimit (0)'
    made = plan(at_step(run(phase, message=text)))

    assert told(made)["abort"] is True
    assert told(made)["phase"] == "Degraded"
    assert text in told(made)["message"]
    assert [each.weight for each in made.actions if isinstance(each, Route)] == [0]


def test_doubt_pauses_until_a_person_has_looked():
    made = plan(at_step(run("Inconclusive")))

    assert told(made)["phase"] == "Paused"
    assert told(made)["message"] == "InconclusiveAnalysisRun"
    assert told(made)["currentStepIndex"] == 1
    again = replace(at_step(run("Inconclusive")), rollout=_with(at_step(), told(made)))
    assert plan(again, 3600).status is None, "it neither resumes nor repeats itself"


def _with(seen: Observed, status: dict[str, Any]):
    return replace(seen.rollout, status=status)


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"is_terminated": True}, id="ended early"),
        pytest.param({"is_measured": False}, id="nothing measured"),
    ],
)
def test_success_without_proof_is_doubt(facts):
    made = plan(at_step(run("Successful", **facts)))

    assert told(made)["currentStepIndex"] == 1
    assert told(made)["message"] == "InconclusiveAnalysisRun"


def doubtful(**facts: Any) -> Observed:
    pause = {"reason": "InconclusiveAnalysisRun", "startTime": "2026-05-01T11:00:00Z"}
    status = {"pauseConditions": [pause], "controllerPause": True}
    return at_step(run("Inconclusive"), status=status, **facts)


def test_promotion_out_of_doubt_measures_again():
    made = plan(doubtful(annotations={"rollouts.dev/promote": "true"}))
    (manifest,) = created(made)

    assert manifest["metadata"]["name"] == f"{STEP_NAME}.1"
    assert told(made)["currentStepIndex"] == 1
    assert "pauseConditions" not in told(made)


def test_the_peer_plugins_promotion_out_of_doubt_measures_again_too():
    seen = at_step(run("Inconclusive"), status={"controllerPause": True})
    (manifest,) = created(plan(seen))

    assert manifest["metadata"]["name"] == f"{STEP_NAME}.1"


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param({"annotations": {"rollouts.dev/promote": "true"}}, id="by annotation"),
        pytest.param({"status": {"controllerPause": True}}, id="by the plugin"),
    ],
)
def test_a_doubt_whose_run_was_deleted_is_measured_again(request_):
    pause = {"reason": "InconclusiveAnalysisRun", "startTime": "2026-05-01T11:00:00Z"}
    is_patched = "status" in request_
    status = {"pauseConditions": None if is_patched else [pause], "controllerPause": True}
    made = plan(at_step(names={"step": STEP_NAME}, **(request_ | {"status": status})))

    assert told(made)["currentStepIndex"] == 1
    assert [each["metadata"]["name"] for each in created(made)] == [STEP_NAME]


def test_nothing_is_measured_while_a_person_has_to_look():
    pause = {"reason": "InconclusiveAnalysisRun", "startTime": "2026-05-01T11:00:00Z"}
    status = {"pauseConditions": [pause], "controllerPause": True}

    assert created(plan(at_step(names={"step": STEP_NAME}, status=status))) == []


def test_full_promotion_ends_the_analysis():
    made = plan(at_step(run(), annotations={"rollouts.dev/promote": "full"}))

    assert told(made)["currentStepIndex"] == len(STEPS)
    assert ended(made) == [STEP_NAME]


def test_promotion_past_a_running_analysis_ends_it():
    made = plan(at_step(run(), annotations={"rollouts.dev/promote": "true"}))

    assert told(made)["currentStepIndex"] == 2
    assert ended(made) == [STEP_NAME]


def test_an_abort_ends_all_runs_and_their_answers_stay_readable():
    seen = at_step(run(), annotations={"rollouts.dev/abort": "true"})
    made = plan(seen)

    assert ended(made) == [STEP_NAME]
    assert told(made)["canary"]["currentStepAnalysisRunStatus"]["name"] == STEP_NAME


def test_a_retry_asks_anew():
    status = {"abort": True, "abortedAt": "2026-05-01T11:59:00Z"}
    failed = run("Failed", step_index=0, name="shop-v2-2-0")
    steps = [{"analysis": ANALYSIS}, {"setWeight": 50}]
    seen = at_step(
        failed,
        names={"step": "shop-v2-2-0"},
        index=0,
        steps=steps,
        status=status,
        annotations={"rollouts.dev/retry": "true"},
    )
    (manifest,) = created(plan(replace(seen, recipes={"step/0": RECIPE})))

    assert manifest["metadata"]["name"] == "shop-v2-2-0.1"
    assert manifest["metadata"]["annotations"]["rollouts.dev/attempt"] == "1"


def test_a_run_of_the_attempt_before_a_retry_is_not_taken_up():
    """It was made in a pass that died, and nobody has seen it until now."""
    status = {"abort": True, "abortedAt": "2026-05-01T11:59:00Z"}
    seen = at_step(
        run(step_index=0, name="shop-v2-2-0"),
        names={},
        index=0,
        steps=[{"analysis": ANALYSIS}, {"setWeight": 50}],
        status=status,
        annotations={"rollouts.dev/retry": "true"},
    )
    made = plan(replace(seen, recipes={"step/0": RECIPE}))

    assert [each["metadata"]["name"] for each in created(made)] == ["shop-v2-2-0.1"]
    assert ended(made) == ["shop-v2-2-0"]
    order = [type(each) for each in made.actions if isinstance(each, Create | Patch)]
    assert order == [Patch, Patch, Create], "accepted, then ended, then asked anew"


def test_a_run_that_was_made_but_not_named_is_taken_up_again():
    made = plan(at_step(run(), names={}))

    assert created(made) == []
    assert told(made)["canary"]["currentStepAnalysisRunStatus"]["name"] == STEP_NAME


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"attempt": 1}, id="of another attempt"),
        pytest.param({"attempt": 1, "phase": "Successful"}, id="that succeeded in another attempt"),
        pytest.param({"is_terminated": True}, id="that was ended early"),
        pytest.param({"pod_hash": "v1"}, id="of another revision"),
        pytest.param({"revision": 1}, id="of an earlier time with this template"),
        pytest.param({"step_index": 0}, id="of another step"),
        pytest.param({"role": "Background", "step_index": None}, id="of another role"),
        pytest.param({"owner_uid": "somebody-else"}, id="of another Rollout"),
        pytest.param({"is_deleted": True}, id="on its way out"),
    ],
)
def test_no_other_run_decides(facts):
    made = plan(at_step(run(**({"phase": "Running", "name": STEP_NAME} | facts)), names={}))

    assert told(made)["currentStepIndex"] == 1
    assert [each["metadata"]["name"] for each in created(made)] == [f"{STEP_NAME}.1"]


def test_a_run_that_ended_before_it_could_be_named_is_named_first_and_then_believed():
    seen = at_step(run("Successful"), names={})
    made = plan(seen)

    assert created(made) == []
    assert told(made)["currentStepIndex"] == 1
    assert told(made)["canary"]["currentStepAnalysisRunStatus"]["name"] == STEP_NAME
    assert told(plan(at_step(run("Successful"))))["currentStepIndex"] == 2


def test_a_failure_counts_although_its_run_could_not_be_named():
    made = plan(at_step(run("Failed", message="too many errors"), names={}))

    assert told(made)["abort"] is True
    assert created(made) == []


def test_other_steps_do_not_take_up_what_the_former_ones_asked():
    steps = [{"analysis": ANALYSIS}, {"setWeight": 50}]
    seen = at_step(
        run(step_index=0, name="shop-v2-2-0"),
        names={"step": "shop-v2-2-0"},
        index=0,
        steps=steps,
        status={"currentStepHash": "former"},
    )
    made = plan(replace(seen, recipes={"step/0": RECIPE}))

    assert [each["metadata"]["name"] for each in created(made)] == ["shop-v2-2-0.1"]
    assert ended(made) == ["shop-v2-2-0"]
    assert told(made)["attempt"] == 1


def test_other_steps_after_an_abort_ask_anew_beside_them():
    """The run of the aborted attempt was ended early: it would be in doubt."""
    stopped = run("Inconclusive", role="Background", is_terminated=True)
    status = {"currentStepHash": "former", "abort": True, "abortedAt": "2026-05-01T11:59:00Z"}
    made = plan(beside(stopped, status=status))

    assert [each["reason"] for each in told(made)["pauseConditions"]] == ["CanaryPauseStep"]
    assert [each["metadata"]["name"] for each in created(made)] == [f"{BACKGROUND_NAME}.1"]


def test_another_revision_counts_its_attempts_from_zero():
    seen = at_step(status={"currentPodHash": "v0", "attempt": 3})

    assert "attempt" not in told(plan(seen))


def test_a_run_of_somebody_else_is_not_told_as_ours():
    seen = at_step(
        run("Successful", owner_uid="somebody-else"),
        names={"step": STEP_NAME},
        index=0,
        status={"abort": True, "abortedAt": "2026-05-01T11:59:00Z"},
    )

    assert told(plan(seen))["canary"]["currentStepAnalysisRunStatus"]["status"] == "Pending"


def test_a_named_run_of_another_revision_does_not_decide():
    made = plan(at_step(run("Successful", pod_hash="v1")))

    assert told(made)["currentStepIndex"] == 1


def test_a_run_that_somebody_deleted_is_made_again():
    (manifest,) = created(plan(at_step(names={"step": STEP_NAME})))

    assert manifest["metadata"]["name"] == STEP_NAME


def test_a_manual_pause_starts_no_run():
    assert created(plan(_paused_by_hand())) == []


def _paused_by_hand() -> Observed:
    seen = at_step()
    spec = seen.rollout.spec
    assert spec is not None
    return replace(seen, rollout=replace(seen.rollout, spec=replace(spec, paused=True)))


def test_the_deadline_does_not_run_while_something_is_measured():
    made = plan(at_step(run()), 3600)

    assert told(made)["phase"] == "Progressing"


def test_the_run_beside_the_steps_starts_once_the_canary_has_pods():
    assert created(plan(beside(canary=replica_set("v2", 1, available=0, revision=2)))) == []
    (manifest,) = created(plan(beside()))
    assert manifest["metadata"]["name"] == BACKGROUND_NAME
    assert manifest["metadata"]["labels"]["rollout-type"] == "Background"


@pytest.mark.parametrize(("starting_step", "is_started"), [(0, True), (1, True), (2, False)])
def test_the_run_beside_the_steps_waits_for_its_step(starting_step, is_started):
    made = plan(beside(analysis={"startingStep": starting_step}))

    assert bool(created(made)) is is_started


@pytest.mark.parametrize("phase", ["Failed", "Error"])
def test_a_failure_beside_the_steps_aborts_in_mid_pause(phase):
    made = plan(beside(run(phase, role="Background", message="too many errors")))

    assert "too many errors" in told(made)["message"]
    assert [each.weight for each in made.actions if isinstance(each, Route)] == [0]


def test_doubt_beside_the_steps_holds_a_pause_that_is_over():
    steps = [{"setWeight": 20}, {"pause": {"duration": 10}}, {"setWeight": 50}]
    seen = mid_canary(
        weight=20,
        wanted={"steps": steps, "canary": {"analysis": ANALYSIS}},
        status=paused(30) | status_of(background=BACKGROUND_NAME),
    )
    seen = replace(seen, runs=(run("Inconclusive", role="Background"),))
    made = plan(seen)

    assert told(made)["currentStepIndex"] == 1
    assert told(made)["message"] == "InconclusiveAnalysisRun"
    assert len(told(made)["pauseConditions"]) == 2


def test_out_of_doubt_beside_the_steps_the_pause_goes_on():
    doubt = {"reason": "InconclusiveAnalysisRun", "startTime": "2026-05-01T11:59:50Z"}
    status = paused(30)
    status["pauseConditions"] = [doubt, *status["pauseConditions"]]
    seen = beside(
        run("Inconclusive", role="Background"),
        status=status,
        annotations={"rollouts.dev/promote": "true"},
    )
    made = plan(seen)

    assert [each["metadata"]["name"] for each in created(made)] == [f"{BACKGROUND_NAME}.1"]
    assert told(made)["currentStepIndex"] == 1
    assert told(made)["pauseConditions"] == paused(30)["pauseConditions"]


def at_the_end(*runs: RunFacts) -> Observed:
    seen = mid_canary(
        index=3,
        weight=100,
        canary=replica_set("v2", 5, revision=2),
        wanted={"steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 100}]}
        | {"canary": {"analysis": ANALYSIS}},
        status=status_of(background=BACKGROUND_NAME),
    )
    return replace(seen, runs=runs, recipes={"background": RECIPE})


def test_the_promotion_ends_the_run_beside_the_steps():
    made = plan(at_the_end(run(role="Background")))

    assert told(made)["stableRS"] == "v2"
    assert ended(made) == [BACKGROUND_NAME]
    assert "currentBackgroundAnalysisRunStatus" not in told(made)["canary"]


def test_nothing_is_promoted_before_anything_was_measured():
    made = plan(at_the_end(run(role="Background", is_measured=False)))

    assert told(made)["stableRS"] == "v1"
    assert told(made)["message"] == "waiting for analysis to complete"


@pytest.mark.parametrize("phase", ["Running", "Successful"])
def test_a_run_beside_the_steps_that_was_ended_early_promotes_nothing(phase):
    made = plan(at_the_end(run(phase, role="Background", is_terminated=True)))

    assert told(made)["stableRS"] == "v1"


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"is_terminated": True}, id="ended early"),
        pytest.param({"is_measured": False}, id="nothing measured"),
    ],
)
def test_success_without_proof_beside_the_steps_is_doubt(facts):
    made = plan(at_the_end(run("Successful", role="Background", **facts)))

    assert told(made)["stableRS"] == "v1"
    assert told(made)["message"] == "InconclusiveAnalysisRun"


def test_the_run_beside_the_steps_is_ended_after_status_says_why():
    """A crash in between would leave it in doubt, and a good revision waiting for a person."""
    made = plan(at_the_end(run(role="Background")))

    assert not [each for each in made.actions if isinstance(each, Patch) and "spec" in each.body]


def test_a_failure_at_the_last_moment_still_aborts():
    made = plan(at_the_end(run("Failed", role="Background", message="bad")))

    assert told(made)["stableRS"] == "v1"
    assert told(made)["abort"] is True


def test_a_template_that_is_missing_refuses_the_update_before_it_has_pods():
    problem = Problem("spec.strategy.canary.steps[1].analysis", "there is no such template")
    seen = replace(
        mid_canary(index=0, weight=0, wanted={"steps": STEPS}),
        recipes={"step/1": Recipe(None, problems=(problem,))},
    )
    seen = replace(seen, replica_sets=seen.replica_sets[:1])
    made = plan(seen)

    assert made.actions == ()
    assert "there is no such template" in told(made)["message"]


def test_what_is_wrong_with_a_template_may_be_about_a_value_of_any_shape():
    """It may not: the pass broke, again and again, and the Rollout was not even told why."""
    problem = Problem("spec.strategy.canary.steps[1].analysis", "is not right", {"a": [1]})
    seen = replace(
        mid_canary(index=0, weight=0, wanted={"steps": STEPS}),
        recipes={"step/1": Recipe(None, problems=(problem, problem))},
    )

    assert told(plan(seen))["message"].count("is not right") == 1


def test_a_template_that_goes_missing_later_stops_the_update_where_it_is():
    problem = Problem("spec.strategy.canary.steps[1].analysis", "there is no such template")
    seen = replace(
        mid_canary(index=0, weight=0, wanted={"steps": STEPS}),
        recipes={"step/1": Recipe(None, problems=(problem,))},
    )
    made = plan(seen)

    assert told(made)["currentStepIndex"] == 0
    assert told(made)["message"].startswith("InvalidSpec: ")
    assert not [each for each in made.actions if isinstance(each, Route)]


def test_a_person_may_go_past_a_step_while_a_template_is_missing():
    problem = Problem("spec.strategy.canary.steps[1].analysis", "there is no such template")
    seen = at_step(names={}, annotations={"rollouts.dev/promote": "true"})
    made = plan(replace(seen, recipes={"step/1": Recipe(None, problems=(problem,))}))

    assert told(made)["currentStepIndex"] == 2


def test_full_promotion_by_the_plugin_goes_past_a_last_step_of_analysis():
    seen = mid_canary(
        index=1,
        weight=100,
        canary=replica_set("v2", 5, revision=2),
        wanted={"steps": [{"setWeight": 100}, {"analysis": ANALYSIS}]},
        status=status_of(STEP_NAME) | {"promoteFull": True},
    )
    made = plan(replace(seen, runs=(run(),), recipes={"step/1": RECIPE}))

    assert told(made)["stableRS"] == "v2"


def test_what_is_still_missing_is_not_told_again_and_again():
    problem = Problem("spec.strategy.canary.steps[1].analysis", "there is no such template")
    seen = replace(
        mid_canary(index=0, weight=0, wanted={"steps": STEPS}),
        recipes={"step/1": Recipe(None, problems=(problem,))},
    )
    told_once = replace(seen, rollout=_with(seen, told(plan(seen))))

    assert plan(told_once, 60).status is None


def test_a_run_outlives_its_template():
    problem = Problem("spec.strategy.canary.steps[1].analysis", "there is no such template")
    seen = replace(
        at_step(run("Successful")), recipes={"step/1": Recipe(None, problems=(problem,))}
    )

    assert told(plan(seen))["currentStepIndex"] == 2


def test_an_abort_goes_through_although_a_template_is_missing():
    problem = Problem("spec.strategy.canary.steps[1].analysis", "there is no such template")
    seen = replace(
        at_step(annotations={"rollouts.dev/abort": "true"}),
        recipes={"step/1": Recipe(None, problems=(problem,))},
    )

    assert told(plan(seen))["abort"] is True


def test_a_first_deployment_measures_nothing():
    first = rollout_facts("v1", wanted={"steps": STEPS})
    made = plan(
        replace(
            at_step(),
            rollout=first,
            replica_sets=(replica_set("v1", 5, revision=1),),
        )
    )

    assert created(made) == []


def old_run(number: int, phase: str) -> RunFacts:
    return run(
        phase, name=f"old-{phase}-{number}", revision=1, pod_hash="v0", created_at=at(number)
    )


@pytest.mark.parametrize("count", [5, 6])
@pytest.mark.parametrize("phase", ["Successful", "Failed", "Error", "Inconclusive"])
def test_the_history_of_runs_is_limited(phase, count):
    history = [old_run(number, phase) for number in range(count)]
    made = plan(at_step(run(), *history))
    gone = [each.ref.name for each in made.finish if isinstance(each, Delete)]

    assert gone == ([f"old-{phase}-0"] if count > 5 else [])


@pytest.mark.parametrize("limit", [0, 1, 3])
@pytest.mark.parametrize(
    ("field", "phase", "other"),
    [
        ("successfulRunHistoryLimit", "Successful", "Failed"),
        ("unsuccessfulRunHistoryLimit", "Failed", "Successful"),
        ("unsuccessfulRunHistoryLimit", "Inconclusive", "Successful"),
    ],
)
def test_a_rollout_says_how_many_runs_of_each_kind_are_kept(field, phase, other, limit):
    history = [old_run(number, each) for number in range(3) for each in (phase, other)]
    made = plan(at_step(run(), *history, spec={"analysis": {field: limit}}))
    gone = {each.ref.name for each in made.finish if isinstance(each, Delete)}

    assert gone == {f"old-{phase}-{number}" for number in range(3 - limit)}


def test_a_second_look_at_the_same_moment_plans_nothing():
    seen = at_step(run(), annotations={"rollout.argoproj.io/revision": "2"})
    settled = replace(seen, rollout=_with(seen, told(plan(seen))))
    again = plan(settled)

    assert (again.actions, again.status) == ((), None)


UNSEEN = (Problem("spec.strategy.canary.steps[1].analysis", "cannot be seen", "AnalysisRun"),)


def blind(seen: Observed) -> Observed:
    return replace(seen, unseen=UNSEEN)


def test_nothing_begins_whose_runs_could_not_be_seen():
    seen = replace(
        mid_canary(index=0, weight=0, wanted={"steps": STEPS}), recipes={"step/1": RECIPE}
    )
    made = plan(blind(replace(seen, replica_sets=seen.replica_sets[:1])))

    assert made.actions == ()
    assert "cannot be seen" in told(made)["message"]


def test_nothing_goes_on_while_runs_cannot_be_seen():
    before = replace(
        mid_canary(index=0, weight=20, wanted={"steps": STEPS}), recipes={"step/1": RECIPE}
    )
    made = plan(blind(before))

    assert told(plan(before))["currentStepIndex"] == 1
    assert told(made)["currentStepIndex"] == 0
    assert told(made)["message"].startswith("InvalidSpec: ")


@pytest.mark.parametrize("known", [(), (run(),), (run("Successful"),)])
def test_a_run_that_cannot_be_seen_decides_nothing_and_is_not_forgotten(known):
    made = plan(blind(at_step(*known, names={"step": STEP_NAME})))

    assert told(made)["currentStepIndex"] == 1
    assert told(made)["canary"]["currentStepAnalysisRunStatus"]["name"] == STEP_NAME
    assert (created(made), ended(made)) == ([], [])


def test_nothing_is_promoted_beside_what_cannot_be_seen():
    seen = at_the_end(run(role="Background"))

    assert told(plan(seen))["stableRS"] == "v2"
    assert told(plan(blind(seen)))["stableRS"] == "v1"


def test_a_failure_that_was_seen_aborts_also_where_nothing_can_be_seen_any_more():
    made = plan(blind(at_step(run("Failed", message="bad"))))

    assert told(made)["abort"] is True


@pytest.mark.parametrize(
    ("verb", "value", "field"), [("abort", "true", "abort"), ("promote", "full", "promoteFull")]
)
def test_a_person_can_abort_or_promote_in_full_what_cannot_be_seen(verb, value, field):
    made = plan(blind(at_step(run(), annotations={f"rollouts.dev/{verb}": value})))

    assert told(made)[field] is True


def test_steps_that_nothing_guards_any_more_go_on_unseen():
    made = plan(blind(at_step(index=2, status={"canary": {}})))

    assert "InvalidSpec" not in str(made.status)


@pytest.mark.parametrize("what", ["step", "run"])
def test_the_rules_refuse_a_plan_that_goes_on_unseen(what):
    seen = blind(at_step(run("Successful")))
    sighted = replace(seen, unseen=())
    made = plan_rollout(sighted if what == "step" else replace(sighted, runs=()), at(0))

    assert check_plan(seen, made) != ()
    assert any("cannot be seen" in each for each in check_plan(seen, made))

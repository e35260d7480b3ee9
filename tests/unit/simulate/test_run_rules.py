"""The rules about analysis runs, each with what breaks it and what does not."""

from __future__ import annotations

import copy

import pytest
from unit.simulate.builders import replica_set, rollout, snapshot

from rollouts.api.refs import ANALYSIS_RUN, ROLLOUT
from rollouts.simulate.asked import asked_of
from rollouts.simulate.deed import Deed
from rollouts.simulate.ledger import Ledger
from rollouts.simulate.oracles import Oracles
from rollouts.simulate.scenario import Scenario
from rollouts.simulate.settled_runs import SettledRuns
from rollouts.simulate.snapshot import HASH_LABEL

WANTED = {"templates": [{"templateName": "latency"}]}
SCENARIO = Scenario(
    replicas=1,
    is_routed=False,
    steps=({"analysis": WANTED}, {"setWeight": 50}),
    canary={"analysis": WANTED},
)
UPDATING = {
    "stableRS": "web1",
    "currentPodHash": "web2",
    "currentStepHash": "s",
    "currentStepIndex": 0,
}
OWNER = {"controller": True, "name": "web", "uid": "web-uid"}


def run(phase="", *, name="web-1", role="Step", measured=True, terminate=False, owner=OWNER):
    labels = {HASH_LABEL: "web2", "rollout-type": role}
    if role == "Step":
        labels["step-index"] = "0"
    results = [{"name": "latency", "successful": 1}] if measured and phase else []
    spec = {"metrics": [{"name": "latency"}]}
    return {
        "metadata": {
            "name": name,
            "uid": f"{name}-uid",
            "labels": labels,
            "ownerReferences": [owner],
            "resourceVersion": "8",
        },
        "spec": spec | ({"terminate": True} if terminate else {}),
        "status": {"phase": phase, "metricResults": results},
    }


class Court:
    """Judges the writes of one controller, and remembers runs as a witness does."""

    def __init__(self, **status):
        self.ledger = Ledger(SCENARIO.names)
        self.broken = []
        self.rollout = rollout(SCENARIO, version=7, **(UPDATING | status))
        self.asked = asked_of(self.rollout)
        self.ledger.learn_goal(self.rollout, (self.asked.image, self.asked.steps))
        self.oracles = Oracles(SCENARIO.names, self.ledger, self.report)
        self.seen = snapshot(
            replica_set("web:1", replicas=1), replica_set("web:2", replicas=1), rollout=self.rollout
        )

    def report(self, rule, _text):
        self.broken.append(rule)

    def write(self, old, new, *, kind=ANALYSIS_RUN):
        deed = Deed(
            kind=kind,
            old=old,
            new=new,
            is_status=kind == ROLLOUT,
            seen=self.seen,
            after=self.seen,
            live=self.seen,
            rollout=self.rollout,
            asked=self.asked,
            now_ms=0,
            started_ms=0,
            planned_ms=0,
            recorded=self.ledger.goal(self.rollout),
        )
        self.oracles.judge(deed)
        if kind == ANALYSIS_RUN:
            self.hear(old, new, is_ours=True)
        return self.broken

    def hear(self, old, new, *, is_ours=False):
        self.ledger.runs.hear(old, new, is_ours=is_ours)
        if new is not None:
            self.seen.put(ANALYSIS_RUN, new)

    def given(self, *runs):
        """Runs that a controller made, as they stand now."""
        for each in runs:
            made = {**each, "status": {}, "spec": {"metrics": each["spec"]["metrics"]}}
            assert self.write(None, made) == []
            self.hear(made, each)
        return self

    def status(self, **changes):
        new = copy.deepcopy(self.rollout)
        new["status"] |= changes
        return self.write(self.rollout, new, kind=ROLLOUT)

    def rest(self):
        SettledRuns(self.ledger, self.report).judge(self.rollout, self.asked)
        return self.broken


def test_a_step_is_left_by_the_success_of_its_own_run():
    assert Court().given(run("Successful")).status(currentStepIndex=1) == []


@pytest.mark.parametrize(
    "made",
    [
        run("Running"),
        run("Inconclusive"),
        run("Failed"),
        run("Successful", measured=False),
        run("Successful", terminate=True),
    ],
    ids=["running", "in doubt", "failed", "unmeasured", "ended early"],
)
def test_a_step_is_left_by_nothing_less(made):
    assert Court().given(made).status(currentStepIndex=1) == ["A1"]


def test_a_step_is_not_left_before_anything_was_measured():
    assert Court().status(currentStepIndex=1) == ["A1"]


def test_the_run_of_somebody_else_proves_nothing():
    court = Court()
    court.hear(None, run("Successful", owner={**OWNER, "uid": "another"}))

    assert court.status(currentStepIndex=1) == ["A1"]


def test_the_run_of_an_earlier_attempt_proves_nothing():
    court = Court().given(run("Successful"))
    court.ledger.runs.begin(7, is_new_image=True)

    assert court.status(currentStepIndex=1) == ["A1"]


def test_status_may_not_name_a_run_that_answers_something_else():
    court = Court().given(run("Running", role="Background"))
    named = {"currentStepAnalysisRunStatus": {"name": "web-1"}}

    assert court.status(canary=named) == ["A1"]


@pytest.mark.parametrize(
    ("phase", "facts", "broken"),
    [
        ("Running", {}, False),
        ("Successful", {}, False),
        ("Running", {"measured": False}, True),
        ("Running", {"terminate": True}, True),
        ("Failed", {}, True),
        ("Inconclusive", {}, True),
    ],
)
def test_nothing_is_promoted_against_what_was_measured_beside_the_steps(phase, facts, broken):
    court = Court(currentStepIndex=2).given(run(phase, role="Background", **facts))

    assert ("A2" in court.status(stableRS="web2")) == broken


@pytest.mark.parametrize("phase", ["Running", "Successful", "Failed"])
def test_nothing_is_asked_twice(phase):
    assert Court().given(run(phase)).write(None, run(name="web-2")) == ["A3"]


def test_what_is_in_doubt_may_be_asked_again():
    assert Court().given(run("Inconclusive")).write(None, run(name="web-2")) == []


@pytest.mark.parametrize("phase", ["Failed", "Error", "Inconclusive"])
def test_an_answer_has_consequences(phase):
    assert Court().given(run(phase)).rest() == ["A4"]


def test_a_doubt_that_a_person_has_been_told_of_may_wait():
    pause = {"reason": "InconclusiveAnalysisRun", "startTime": "2026-03-01T06:00:00Z"}

    assert Court(pauseConditions=[pause]).given(run("Inconclusive")).rest() == []


def test_a_run_that_nothing_waits_for_may_not_go_on():
    assert Court(abort=True).given(run("Running")).rest() == ["A5"]
    assert Court(abort=True).given(run("Running", terminate=True)).rest() == []


def test_only_what_has_ended_is_deleted_and_only_for_newer_ones():
    assert "A6" in Court().given(run("Running")).write(run("Running"), None)
    assert "A6" in Court().given(run("Successful")).write(run("Successful"), None)


def test_only_the_end_of_a_run_of_ours_is_asked_for():
    stranger = run("Running", owner={**OWNER, "uid": "another"})
    court = Court()
    court.hear(None, stranger)

    assert court.write(stranger, run("Running", terminate=True)) == ["S13"]
    changed = Court().given(run("Running"))
    assert changed.write(run("Running"), run("Successful", terminate=True)) == ["S13"]

"""AnalysisRuns in the picture of their rollout."""

from __future__ import annotations

from pathlib import Path

import pytest
from analysis_runs import metric, run_manifest
from builders import NOW, at, rollout_manifest, template

from rollouts.analysis.results import exact_time
from rollouts.api.times import format_time
from rollouts.cli.run_lines import METRICS_MAX, say_runs, view_runs
from rollouts.cli.show import put, render
from rollouts.cli.tree import draw, say_step, what_comes_next

PAGE = Path(__file__).parents[3] / "docs" / "analysis-commands.md"
STEPS = [
    {"setWeight": 20},
    {"pause": {"duration": "1m"}},
    {"analysis": {"templates": [{"templateName": "errors"}]}},
    {"setWeight": 60},
]


def rollout(index=2, *, step_run="", background_run="", steps=STEPS, **status):
    made = rollout_manifest(steps=steps)
    created = {"creationTimestamp": format_time(at(-600)), "generation": 1}
    names = {
        "currentStepAnalysisRunStatus": step_run,
        "currentBackgroundAnalysisRunStatus": background_run,
    }
    canary = {field: {"name": name} for field, name in names.items() if name}
    known = {
        "observedGeneration": "1",
        "phase": "Progressing",
        "message": "waiting for analysis to complete",
        "currentStepIndex": index,
        "canary": canary,
    }
    return made | {"metadata": made["metadata"] | created, "status": known | status}


def wanted(name="errors", **fields):
    return metric(
        name, **{"successCondition": "result < 5", "interval": "30s", "count": 5} | fields
    )


def measured(phase, ago, value="1"):
    time = exact_time(at(-ago))
    return {"phase": phase, "startedAt": time, "finishedAt": time, "value": value}


def run(
    name, *metrics, phase="Running", results=(), revision=2, role="Step", message="", ago=60, **spec
):
    status = {
        "phase": phase,
        "message": message,
        "startedAt": exact_time(at(-ago)),
        "metricResults": list(results),
    }
    made = run_manifest(*(metrics or (wanted(),)), name=name, status=status, **spec)
    made["metadata"] |= {
        "labels": {"rollout-type": role} | ({"step-index": "2"} if role == "Step" else {}),
        "annotations": {"rollout.argoproj.io/revision": str(revision)},
        "ownerReferences": [
            {"kind": "Rollout", "name": "shop", "uid": "rollout-uid", "controller": True}
        ],
        "creationTimestamp": format_time(at(-ago)),
    }
    return made


def result(name="errors", phase="Running", measurements=(), **counts):
    return {"name": name, "phase": phase, "measurements": list(measurements)} | counts


def replica_set(revision):
    return {
        "metadata": {
            "name": f"shop-v{revision}",
            "uid": f"v{revision}-uid",
            "labels": {"rollouts-pod-template-hash": f"v{revision}"},
            "annotations": {"rollout.argoproj.io/revision": str(revision)},
            "ownerReferences": [{"controller": True, "uid": "rollout-uid"}],
            "creationTimestamp": format_time(at(-600)),
        },
        "spec": {"replicas": 1, "template": template("shop:1")},
        "status": {"replicas": 1, "availableReplicas": 1},
    }


def tree(runs, sets=(2, 1), owner=None):
    sets = [replica_set(each) for each in sets]
    picture = draw(owner or rollout(), sets, (), NOW, analysis_runs=runs)
    return [f"{line.branch} {line.name}  {line.info}".rstrip() for line in picture.lines]


def facts(owner, runs):
    return [
        value
        for name, value in draw(owner, (), (), NOW, analysis_runs=runs).facts
        if name in {"  Analysis", ""}
    ]


def said(owner, *runs, **options):
    return say_runs(owner, view_runs(owner, runs, NOW), **options)


TWO_OF_FIVE = result(
    measurements=[measured("Successful", 42, "1"), measured("Failed", 12, "9")],
    count=2,
    successful=1,
    failed=1,
)


def test_runs_stand_below_the_revision_that_they_are_about():
    runs = [run("shop-v2-2-2", results=[TWO_OF_FIVE]), run("shop-v1-1-2", revision=1, ago=300)]

    assert tree(runs) == [
        " shop",
        "├── # revision:2",
        "│  ├── shop-v2  1/1",
        "│  └── shop-v2-2-2  step 3  ✔ 1 ✖ 1  ▁█",
        "└── # revision:1",
        "   ├── shop-v1  1/1",
        "   └── shop-v1-1-2  step 3",
    ]


def test_a_run_whose_replica_set_is_gone_stands_below_its_revision_all_the_same():
    assert tree([run("old", revision=7)], sets=(2,)) == [
        " shop",
        "├── # revision:7",
        "│  └── old  step 3",
        "└── # revision:2",
        "   └── shop-v2  1/1",
    ]


def test_runs_of_others_are_not_drawn():
    stranger, alone = run("stranger"), run("alone")
    stranger["metadata"]["ownerReferences"][0]["uid"] = "somebody-else"
    del alone["metadata"]["ownerReferences"]

    assert tree([stranger, alone], sets=()) == [" shop"]


def test_several_metrics_have_lines_of_their_own_while_they_are_measured():
    made = run(
        "both",
        wanted(),
        wanted("cpu"),
        results=[TWO_OF_FIVE, result("cpu", count=3, successful=3, dryRun=True)],
        dryRun=[{"metricName": "cpu"}],
        role="Background",
    )

    assert tree([made], sets=(2,))[3:] == [
        "   └── both  background  ✔ 1 ✖ 1",
        "      ├── errors  ✔ 1 ✖ 1  ▁█",
        "      └── cpu  dry run  ✔ 3",
    ]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"phase": "Successful"}, "   └── both  step 3  ✔ 4"),
        ({"phase": "Inconclusive", "terminate": True}, "   └── both  step 3  ✔ 4  terminated"),
    ],
)
def test_a_run_with_nothing_bad_in_it_is_one_line(options, line):
    results = [result("a", count=2, successful=2), result("b", count=2, successful=2)]

    assert tree([run("both", wanted("a"), wanted("b"), results=results, **options)])[3:4] == [
        line.replace("   └──", "│  └──", 1)
    ]


def test_a_rollout_with_analysis_is_drawn_for_people(capsys):
    owner = rollout(step_run="shop-v2-2-2")
    runs = [run("shop-v2-2-2", results=[TWO_OF_FIVE])]

    put(render(draw(owner, [replica_set(2)], (), NOW, analysis_runs=runs)))

    lines = capsys.readouterr().out.splitlines()
    shown = [
        "  Step:      2/4 (analysis errors)",
        "  Next:      setWeight 60, once the analysis of step 3 has succeeded",
        "  Analysis:  step 3: errors  2 of 5 measured  ✔ 1 ✖ 1  ▁█  next in 18s",
    ]
    assert lines[5:8] == shown
    assert "\n".join(["```text", *shown, "```"]) in PAGE.read_text(encoding="utf-8")
    assert lines[-1] == ("   └── shop-v2-2-2  AnalysisRun  ◌ Running      1m   step 3  ✔ 1 ✖ 1  ▁█")


def test_only_the_runs_that_decide_are_among_the_facts():
    owner = rollout(background_run="beside")
    runs = [run("former", phase="Failed"), run("beside", wanted(count=None), role="Background")]

    assert facts(owner, runs) == ["background: errors  measuring now"]


def test_a_run_that_is_named_and_cannot_be_seen_is_left_out():
    assert facts(rollout(step_run="unseen"), []) == []


def test_of_many_metrics_the_first_are_said_and_the_rest_counted():
    metrics = [wanted(f"m{number}") for number in range(METRICS_MAX + 2)]
    lines = said(rollout(step_run="many"), run("many", *metrics))

    assert len(lines) == METRICS_MAX + 1
    assert lines[-1] == "step 3: 2 more: rollouts analysis get many"
    assert len(said(rollout(step_run="some"), run("some", *metrics[:METRICS_MAX]))) == METRICS_MAX


def test_what_is_no_news_a_moment_later_can_be_left_out():
    owner = rollout(step_run="it")

    assert said(owner, run("it", results=[TWO_OF_FIVE]), with_times=False) == (
        "step 3: errors  2 of 5 measured  ✔ 1 ✖ 1  ▁█",
    )


WHY = 'Metric "errors" assessed Inconclusive due to inconclusive (1) > inconclusiveLimit (0)'


def test_an_inconclusive_run_says_why_and_what_a_person_can_do():
    pauses = [{"reason": "InconclusiveAnalysisRun", "startTime": format_time(at(-5))}]
    owner = rollout(
        step_run="it", phase="Paused", message="InconclusiveAnalysisRun", pauseConditions=pauses
    )
    lines = said(owner, run("it", phase="Inconclusive", message=WHY))

    choice = "rollouts promote shop measures again, rollouts abort shop gives up"
    assert lines == (
        f"step 3: ? Inconclusive: {WHY}",
        "to see it: rollouts analysis get it",
        choice,
    )
    assert what_comes_next(owner, NOW) == choice
    shown = ["```text", "Paused - InconclusiveAnalysisRun", *(f"  {line}" for line in lines), "```"]
    assert "\n".join(shown) in PAGE.read_text(encoding="utf-8")


def test_what_the_rollouts_own_message_tells_is_not_told_twice():
    failed = "Metric broke"
    owner = rollout(step_run="it", phase="Degraded", message=f"RolloutAborted: {failed}", index=0)
    results = [TWO_OF_FIVE | {"phase": "Failed"}]

    assert said(owner, run("it", phase="Failed", message=failed, results=results)) == (
        "step 3: ✖ Failed  ✔ 1 ✖ 1  ▁█",
        "to see it: rollouts analysis get it",
    )


@pytest.mark.parametrize(
    ("owner", "words"),
    [
        (rollout(), "setWeight 60, once the analysis of step 3 has succeeded"),
        (
            rollout(steps=STEPS[:3]),
            "the update is complete, once the analysis of step 3 has succeeded",
        ),
        (rollout(index=4), "the update is complete, once the background analysis has measured"),
        (
            rollout(index=4, message="more replicas need to be updated"),
            "the last pods and traffic, then the update is complete",
        ),
    ],
)
def test_it_says_what_comes_after_the_analysis(owner, words):
    assert what_comes_next(owner, NOW) == words


def test_a_run_that_is_about_to_be_ended_leads_to_a_choice():
    owner = rollout(step_run="it")
    runs = view_runs(owner, [run("it", terminate=True)], NOW)

    assert what_comes_next(owner, NOW, runs) == (
        "a person's choice: the analysis of step 3 is about to be ended"
    )


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "analysis"),
        (["a"], "analysis a"),
        (["a", "b", "c"], "analysis a, b, c"),
        (["a", "b", "c", "d", "e"], "analysis a, b, c and 2 more"),
    ],
)
def test_a_step_of_analysis_names_its_templates(names, words):
    templates = [{"templateName": each} for each in names]

    assert say_step({"analysis": {"templates": templates}}) == words

"""How a Rollout asks for analysis: what is wrong with it can be said from the Rollout alone."""

from __future__ import annotations

import pytest

from rollouts.api.checks import check_rollout
from rollouts.api.rollout import Rollout

TEMPLATES = [{"templateName": "errors"}]


def _said(manifest, below):
    prefix = f"spec.strategy.{below}."
    return {
        problem.path.removeprefix(prefix): problem.message
        for problem in check_rollout(manifest)
        if problem.path.startswith(prefix)
    }


@pytest.fixture(
    params=["canary.analysis", "canary.steps[0].analysis", "blueGreen.prePromotionAnalysis"]
)
def said(request, rollout):
    """Return what is said of an analysis, at each place where one can stand."""

    def ask(**analysis):
        strategy = {
            "canary.analysis": {"canary": {"analysis": analysis}},
            "canary.steps[0].analysis": {"canary": {"steps": [{"analysis": analysis}]}},
            "blueGreen.prePromotionAnalysis": {
                "blueGreen": {"activeService": "web", "prePromotionAnalysis": analysis}
            },
        }[request.param]
        return _said(rollout(strategy=strategy), request.param)

    return ask


def test_a_sound_analysis_has_no_problems(said):
    analysis = {
        "templates": [
            {"templateName": "errors", "args": [{"name": "x", "value": ""}]},
            {"templateName": "slow", "clusterScope": True},
        ],
        "args": [
            {"name": "a", "value": "1"},
            {"name": "b", "valueFrom": {"podTemplateHashValue": "Stable"}},
            {"name": "c", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "d", "valueFrom": {"fieldRef": {"fieldPath": "status.notYet"}}},
        ],
        "dryRun": [{"metricName": ".*"}],
        "measurementRetention": [{"metricName": "a|b", "limit": 0}],
        "analysisRunMetadata": {"labels": {"a": "b"}},
    }

    assert said(**analysis) == {}


@pytest.mark.parametrize(
    ("analysis", "path"),
    [
        ({}, "templates"),
        ({"templates": []}, "templates"),
        ({"templates": [{}]}, "templates[0].templateName"),
        ({"templates": [{"templateName": "A"}]}, "templates[0].templateName"),
        ({"templates": TEMPLATES * 2}, "templates[1].templateName"),
        ({"templates": TEMPLATES, "args": [{"name": "x"}]}, "args[0].value"),
        ({"templates": TEMPLATES, "args": [{"name": "", "value": "1"}]}, "args[0].name"),
        (
            {
                "templates": TEMPLATES,
                "args": [{"name": "x", "valueFrom": {"podTemplateHashValue": "Old"}}],
            },
            "args[0].valueFrom.podTemplateHashValue",
        ),
        (
            {
                "templates": TEMPLATES,
                "args": [
                    {"name": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['no']"}}}
                ],
            },
            "args[0].valueFrom.fieldRef.fieldPath",
        ),
        (
            {
                "templates": [
                    {
                        "templateName": "x",
                        "args": [
                            {"name": "x", "valueFrom": {"fieldRef": {"fieldPath": "spec.template"}}}
                        ],
                    }
                ]
            },
            "templates[0].args[0].valueFrom.fieldRef.fieldPath",
        ),
        ({"templates": TEMPLATES, "dryRun": [{"metricName": "("}]}, "dryRun[0].metricName"),
        (
            {"templates": TEMPLATES, "measurementRetention": [{"metricName": "x", "limit": -1}]},
            "measurementRetention[0].limit",
        ),
        (
            {"templates": TEMPLATES, "analysisRunMetadata": {"labels": {"a b": "c"}}},
            "analysisRunMetadata.labels[a b]",
        ),
    ],
)
def test_an_analysis_that_makes_no_sense_is_refused(said, analysis, path):
    assert list(said(**analysis)) == [path]


@pytest.mark.parametrize(("start", "is_refused"), [(-1, True), (0, False), (1, False), (2, True)])
def test_an_analysis_starts_at_a_step_that_is_there(canary, start, is_refused):
    """Beyond the last step it would never start, and nothing would be measured."""
    steps = [{"setWeight": 10}, {"setWeight": 20}]
    manifest = canary(steps=steps, analysis={"templates": TEMPLATES, "startingStep": start})

    assert ("startingStep" in _said(manifest, "canary.analysis")) is is_refused


def test_without_steps_it_starts_at_once(canary):
    assert (
        _said(canary(analysis={"templates": TEMPLATES, "startingStep": 0}), "canary.analysis") == {}
    )
    found = _said(canary(analysis={"templates": TEMPLATES, "startingStep": 1}), "canary.analysis")
    assert "there are no steps" in found["startingStep"]


@pytest.mark.parametrize("name", ["successfulRunHistoryLimit", "unsuccessfulRunHistoryLimit"])
def test_a_history_of_runs_is_not_negative(rollout, name):
    assert check_rollout(rollout(analysis={name: 0})) == ()
    (problem,) = check_rollout(rollout(analysis={name: -1}))
    assert problem.path == f"spec.analysis.{name}"


def test_the_model_loses_nothing(canary):
    analysis = {
        "startingStep": 1,
        "templates": [{"templateName": "x", "args": [{"name": "a", "value": "1"}]}],
        "args": [{"name": "s", "valueFrom": {"secretKeyRef": {"name": "n", "key": "k"}}}],
    }
    manifest = canary(steps=[{"analysis": analysis}], analysis=analysis)

    assert Rollout.model_validate(manifest).manifest() == manifest

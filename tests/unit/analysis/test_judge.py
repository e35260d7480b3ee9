"""What one sample says."""

from __future__ import annotations

import pytest
from analysis_runs import (
    EMPTY,
    INFINITE,
    NAN,
    SEVERAL,
    STALE,
    facts,
    metric,
    run_manifest,
    sample,
)
from builders import NOW

from rollouts.analysis.judge import judge
from rollouts.analysis.phase import Phase
from rollouts.analysis.sample import Gap


def judged(taken, annotations=None, **fields):
    program = facts(run_manifest(metric(**fields), annotations=annotations)).program
    assert program.problems == ()
    return judge(taken, program.metrics[0], NOW)


BOTH = {"successCondition": ">= 0.9", "failureCondition": "< 0.5"}


@pytest.mark.parametrize(
    ("conditions", "value", "phase"),
    [
        ({"successCondition": ""}, 0.1, Phase.SUCCESSFUL),
        ({"successCondition": ">= 0.9"}, 0.9, Phase.SUCCESSFUL),
        ({"successCondition": ">= 0.9"}, 0.89, Phase.FAILED),
        ({"successCondition": "", "failureCondition": "< 0.5"}, 0.5, Phase.SUCCESSFUL),
        ({"successCondition": "", "failureCondition": "< 0.5"}, 0.49, Phase.FAILED),
        (BOTH, 0.9, Phase.SUCCESSFUL),
        (BOTH, 0.7, Phase.INCONCLUSIVE),
        (BOTH, 0.2, Phase.FAILED),
        ({"successCondition": ">= 0.1", "failureCondition": "< 0.5"}, 0.2, Phase.FAILED),
        ({"successCondition": "error"}, 1.0, Phase.ERROR),
        ({"successCondition": "", "failureCondition": "error"}, 1.0, Phase.ERROR),
        ({"successCondition": ">= 0.9", "failureCondition": "error"}, 1.0, Phase.ERROR),
    ],
)
def test_conditions_decide_as_with_the_peer(conditions, value, phase):
    assert phase is judged(sample(value), **conditions).phase


def test_a_condition_that_cannot_be_evaluated_says_why():
    assert "cannot compare 'text'" in judged(sample("text")).message


def masked(text):
    return text.replace("hunter2", "***")


SHAPES = ["a hunter2", ("hunter2", "x"), {"k": {"hunter2": "hunter2"}}, "hunter2" * 100]


@pytest.mark.parametrize("result", SHAPES)
def test_a_condition_that_cannot_be_evaluated_shows_no_secret_of_the_result(result):
    judgement = judged(sample(result, hide=masked))

    assert Phase.ERROR is judgement.phase
    assert "cannot compare" in judgement.message
    assert "***" in judgement.message
    assert "hunter2" not in judgement.message


def test_a_condition_is_asked_about_the_result_as_it_is():
    """A weak secret, such as `prod`, must not change what is true."""
    odd = sample((0.95, "hunter2"), hide=lambda text: text.replace("hunter2", ""))

    assert Phase.SUCCESSFUL is judged(odd).phase


def test_a_result_of_very_many_texts_is_not_looked_through():
    judgement = judged(sample({str(number): "hunter2" for number in range(1001)}, hide=masked))

    assert "is not shown" in judgement.message
    assert "hunter2" not in judgement.message


@pytest.mark.parametrize("gap", [EMPTY, NAN, INFINITE, STALE])
def test_what_is_no_data_is_inconclusive_even_where_the_condition_would_hold(gap):
    judgement = judged(gap, successCondition="")

    assert Phase.INCONCLUSIVE is judgement.phase
    assert judgement.message.startswith("no data: the answer is ")


@pytest.mark.parametrize(
    ("policy", "phase"),
    [
        ("inconclusive", Phase.INCONCLUSIVE),
        ("success", Phase.SUCCESSFUL),
        ("failure", Phase.FAILED),
        ("error", Phase.ERROR),
        ("condition", Phase.SUCCESSFUL),
    ],
)
def test_an_annotation_chooses_what_no_data_counts_as(policy, phase):
    annotations = {"rollouts.dev/no-data": policy}

    assert phase is judged(STALE, annotations).phase


@pytest.mark.parametrize(
    ("policy", "phase"),
    [
        ("inconclusive", Phase.INCONCLUSIVE),
        ("success", Phase.SUCCESSFUL),
        ("failure", Phase.FAILED),
        ("error", Phase.ERROR),
    ],
)
@pytest.mark.parametrize("gap", [EMPTY, NAN, INFINITE, STALE])
def test_a_metric_chooses_what_no_data_counts_as(gap, policy, phase):
    assert phase is judged(gap, noData=policy).phase


def test_an_annotation_for_one_metric_goes_before_its_field_and_that_before_the_general_one():
    general = {"rollouts.dev/no-data": "success"}
    special = general | {"rollouts.dev/no-data.success-rate": "error"}

    assert Phase.FAILED is judged(EMPTY, general, noData="failure").phase
    assert Phase.ERROR is judged(EMPTY, special, noData="failure").phase


@pytest.mark.parametrize(
    ("condition", "phase"),
    [("first: >= 0.9", Phase.INCONCLUSIVE), (">= 0.9", Phase.SUCCESSFUL), ("", Phase.SUCCESSFUL)],
)
def test_several_series_are_no_data_for_a_condition_that_reads_only_the_first(condition, phase):
    assert phase is judged(SEVERAL, successCondition=condition).phase


def test_every_reason_is_named():
    both = sample((), Gap.EMPTY, Gap.STALE)

    assert "the answer is empty and the answer is too old" in judged(both).message

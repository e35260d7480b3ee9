"""Blue-green is not executed yet; its mistakes are named all the same."""

import pytest

from rollouts.api.checks import check_rollout

PATH = "spec.strategy.blueGreen"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({}, "activeService"),
        ({"activeService": "a", "previewService": "a"}, "previewService"),
        ({"activeService": "A"}, "activeService"),
        ({"activeService": "a", "previewReplicaCount": -1}, "previewReplicaCount"),
        ({"activeService": "a", "scaleDownDelayRevisionLimit": 11}, "scaleDownDelayRevisionLimit"),
        ({"activeService": "a", "maxUnavailable": "x"}, "maxUnavailable"),
        ({"activeService": "a", "autoPromotionEnabled": "no"}, "autoPromotionEnabled"),
        ({"activeService": "a", "antiAffinity": {}}, "antiAffinity"),
    ],
)
def test_a_mistake_is_named_beside_the_refusal(rollout, fields, path):
    problems = check_rollout(rollout(strategy={"blueGreen": fields}))

    assert {PATH, f"{PATH}.{path}"} == {problem.path for problem in problems}


def test_the_revision_limit_may_reach_the_history_limit(rollout):
    fields = {"activeService": "a", "scaleDownDelayRevisionLimit": 10}
    problems = check_rollout(rollout(strategy={"blueGreen": fields}))

    assert [problem.path for problem in problems] == [PATH]

"""Canaries under the peer's definition of a Rollout, which drops what is ours in status."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from shell.emulated import Crash
from shell.rollout_world import RolloutWorld

from rollouts.api.crd import crd_manifests
from rollouts.api.refs import CRD, REPLICA_SET, ROLLOUT
from rollouts.core.memory import MEMORY

PEERS = yaml.safe_load(
    (Path(__file__).parents[1] / "e2e" / "peer" / "rollouts-crd.yaml").read_text()
)
STEPS = [{"setWeight": 20}, {"pause": {}}, {"setWeight": 40}, {"pause": {}}, {"setWeight": 60}]


def world(**wanted):
    made = RolloutWorld(definitions=[PEERS], steps=STEPS, **wanted)
    made.run(60)
    assert made.status["phase"] == "Healthy"
    return made


def paused():
    made = world()
    made.set_image("shop:2")
    made.run(60)
    assert made.status["currentStepIndex"] == 1
    return made


def sizes(made):
    return sorted(each["spec"]["replicas"] for each in made.all(REPLICA_SET))


def annotations(made):
    return made.get(ROLLOUT)["metadata"].get("annotations") or {}


def test_nothing_is_called_while_nothing_changes():
    """It was: the server dropped our fields, and each pass wrote them again."""
    made = paused()
    made.cluster.calls.clear()
    made.run(36_000)

    assert made.cluster.calls == []


def test_a_canary_comes_to_its_end_and_former_pods_go():
    """They did not: the deadline was dropped, and each pass made a new one."""
    made = paused()
    for _ in range(2):
        made.annotate("promote")
        made.run(60)
    made.run(60)

    assert made.status["phase"] == "Healthy"
    assert made.weight == 0
    assert sizes(made) == [0, 5]
    assert set(made.status) <= set(
        PEERS["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"][
            "properties"
        ]
    )


def test_a_restarted_controller_remembers():
    made = paused()
    made.forget()
    made.cluster.calls.clear()
    made.run(3600)

    assert made.cluster.calls == []


def test_the_annotation_goes_once_the_definition_is_ours():
    made = paused()
    assert MEMORY in annotations(made)
    take_ours(made)
    made.annotate("promote")
    made.run(60)

    assert MEMORY not in annotations(made)
    assert made.status["currentStepIndex"] == 3
    assert made.status["lastRequest"]


def test_what_an_earlier_time_has_left_in_status_is_cleared():
    """Ours, then the peer's, then ours again: a deadline of long ago must not come back."""
    made = paused()
    take_ours(made)
    gone = {"scaleDownDeadlines": {"gone": "2020-01-01T00:00:00Z"}}
    made.patch(ROLLOUT, "shop", {"status": gone}, subresource="status")
    made.run(60)
    made.annotate("promote")
    made.run(60)
    made.cluster.calls.clear()
    made.run(3600)

    assert made.cluster.calls == []
    assert "scaleDownDeadlines" not in made.status
    assert MEMORY not in annotations(made)


def take_ours(made):
    """Put our definition over the peer's."""
    stored = made.cluster.server.get(made.cluster.type_of(CRD), "", "rollouts.argoproj.io")
    (ours,) = (
        each for each in crd_manifests() if each["metadata"]["name"] == "rollouts.argoproj.io"
    )
    made.cluster.server.update(
        made.cluster.type_of(CRD), "", "rollouts.argoproj.io", {**stored, "spec": ours["spec"]}
    )


@pytest.mark.parametrize("served", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("crash_at", range(1, 9))
def test_a_promotion_is_carried_out_once_wherever_the_process_dies(crash_at, served):
    """Also between the write of status and that of the annotation."""
    made = paused()
    made.annotate("promote")
    made.cluster.calls.clear()
    made.cluster.crash_at, made.cluster.crash_served = crash_at, served
    try:
        made.run(60)
    except Crash:
        made.cluster.crash_at = None
        made.forget()
    made.cluster.crash_at = None
    made.run(60)

    assert made.status["currentStepIndex"] == 3
    assert made.weight == 40
    assert not [
        key for key in annotations(made) if key in ("rollouts.dev/promote", "rollouts.dev/accepted")
    ]

"""How Rollouts are described to Prometheus."""

from __future__ import annotations

import pytest

from rollouts.controller.rollout_loop import sample
from rollouts.controller.views import Views

MANIFEST = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Rollout",
    "metadata": {"namespace": "shop", "name": "web", "uid": "u1", "generation": 1},
    "spec": {
        "replicas": 5,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "web:1"}]},
        },
        "strategy": {"canary": {}},
    },
}


def sampled(status=None, **spec):
    views = Views()
    manifest = MANIFEST | {"spec": MANIFEST["spec"] | spec, "status": status or {}}
    views.rollouts.observe("ADDED", manifest)
    return sample(next(views.rollouts.items()))


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ({}, "Progressing"),
        ({"phase": "Progressing"}, "Progressing"),
        ({"phase": "Healthy"}, "Completed"),
        ({"phase": "Paused"}, "Paused"),
        ({"phase": "Degraded"}, "Error"),
        ({"phase": "Degraded", "conditions": [("Progressing", "RolloutAborted")]}, "Abort"),
        (
            {"phase": "Degraded", "conditions": [("Progressing", "ProgressDeadlineExceeded")]},
            "Timeout",
        ),
        ({"conditions": [("Progressing", "ReplicaSetCreateError")]}, "Error"),
    ],
)
def test_phases_have_the_metrics_own_words(status, phase):
    conditions = [{"type": kind, "reason": reason} for kind, reason in status.get("conditions", ())]

    assert sampled(status | {"conditions": conditions}).phase == phase


def test_an_invalid_rollout_is_counted_as_such():
    found = sampled(replicas=-1)

    assert (found.phase, found.strategy, found.desired) == ("InvalidSpec", "none", 0)


def test_replicas_come_from_the_status():
    found = sampled({"replicas": 6, "availableReplicas": 4, "updatedReplicas": 2})

    assert (found.desired, found.available, found.unavailable, found.updated) == (5, 4, 2, 2)
    assert (found.strategy, found.traffic_router) == ("canary", "")

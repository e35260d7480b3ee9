"""The judge of recorded histories sees what it is there to see."""

from __future__ import annotations

import itertools

import pytest
from e2e.history import NAMES, overloads, selectors, weights, without_falling
from e2e.recorder import Version

HASH = "rollouts-pod-template-hash"
WEIGHT = "nginx.ingress.kubernetes.io/canary-weight"


class Story:
    """A history that grows by one version at a time."""

    def __init__(self):
        self.history = []
        self._numbers = itertools.count(1)
        self.put("Rollout", "myapp", spec={"replicas": 10})
        self.size("old", 10)
        self.size("new", 0)
        self.select("myapp-stable", "old")
        self.select("myapp-canary", "new")

    def put(self, kind, name, *, is_gone=False, **fields):
        number = next(self._numbers)
        metadata = fields.pop("metadata", {}) | {"name": name, "resourceVersion": str(number)}
        self.history.append(Version(number, kind, {"metadata": metadata, **fields}, is_gone))

    def size(self, pod_hash, available):
        labels = {"app": "myapp", HASH: pod_hash}
        self.put(
            "ReplicaSet",
            pod_hash,
            metadata={"labels": labels},
            spec={"template": {"metadata": {"labels": labels}}},
            status={"availableReplicas": available},
        )

    def select(self, service, pod_hash):
        self.put("Service", service, spec={"selector": {"app": "myapp", HASH: pod_hash}})

    def weigh(self, weight):
        annotations = {"nginx.ingress.kubernetes.io/canary": "true", WEIGHT: str(weight)}
        self.put("Ingress", NAMES.canary_ingress, metadata={"annotations": annotations})


def test_weights_are_told_in_order_and_once_each():
    story = Story()
    for weight in (0, 10, 10, 30, 0):
        story.weigh(weight)

    assert weights(story.history) == [10, 30, 0]


def test_a_weight_that_was_skipped_or_repeated_shows():
    story = Story()
    for weight in (10, 30, 10):
        story.weigh(weight)

    assert weights(story.history) == [10, 30, 10]


@pytest.mark.parametrize(
    ("seen", "kept"),
    [
        ([10, 90, 10, 30], [10, 90, 10, 30]),
        ([10, 90, 60, 40, 10, 30], [10, 90, 10, 30]),
        ([10, 90, 60, 70, 10, 30], [10, 90, 60, 70, 10, 30]),
        ([10, 30], [10, 30]),
        ([10, 90], [10, 90]),
    ],
)
def test_a_weight_set_by_hand_may_only_fall(seen, kept):
    assert without_falling(seen, 90) == kept


def test_selectors_are_told_in_order():
    story = Story()
    story.select("myapp-stable", "new")

    assert selectors(story.history, "myapp-stable") == ["old", "new"]


def test_requests_that_pods_can_take_are_no_overload():
    story = Story()
    story.size("new", 3)
    story.weigh(30)

    assert overloads(story.history) == []


def test_one_pod_too_few_is_an_overload():
    story = Story()
    story.size("new", 2)
    story.weigh(30)

    assert overloads(story.history) == ["3/10 to new with 2 of 3 pods"]


def test_requests_to_nobody_are_an_overload():
    story = Story()
    story.weigh(10)

    assert overloads(story.history) == [
        "1/10 to nobody after ('Ingress', '', 'myapp-myapp-ingress-canary')"
    ]


def test_a_stable_service_that_moves_to_too_few_pods_is_an_overload():
    story = Story()
    story.size("new", 9)
    story.select("myapp-stable", "new")

    assert overloads(story.history) == ["1 to new with 9 of 10 pods"]


def test_pods_that_die_later_are_nobodys_overload():
    story = Story()
    story.size("new", 3)
    story.weigh(30)
    story.size("new", 1)

    assert overloads(story.history) == []

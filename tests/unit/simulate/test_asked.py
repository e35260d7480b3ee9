"""What a spec asks for, as the judges read it; the numbers are the peer's published ones."""

from __future__ import annotations

import pytest

from rollouts.simulate.asked import asked_of, pause_ms, rounded_pods
from rollouts.simulate.scenario import Scenario

PEER = """
1,49,0 0/1  2,1,0 1/1   10,1,1 1/10   1,50,0 1/0   2,1,1 1/2   10,14,0 1/9
1,1,1 1/1   2,99,1 2/1  10,15,0 2/8   1,99,1 1/1   3,25,1 1/3  10,19,1 2/9
1,100,1 1/0 3,50,0 2/1  10,24,1 3/8   3,33,1 1/2   3,50,1 2/2  10,99,1 10/1
"""
ROWS = [tuple(PEER.split()[index : index + 2]) for index in range(0, len(PEER.split()), 2)]


@pytest.mark.parametrize(("question", "answer"), ROWS)
def test_pods_are_rounded_as_the_peer_does(question, answer):
    replicas, weight, surge = map(int, question.split(","))

    assert "{}/{}".format(*rounded_pods(replicas, weight, 100, surge)) == answer


def test_a_tie_that_would_leave_stable_nothing_leaves_one_pod_each():
    assert rounded_pods(2, 75, 100, 0) == (1, 1)


def test_no_replicas_are_no_pods():
    assert rounded_pods(0, 50, 100, 1) == (0, 0)


def asked(*steps, replicas=10, **canary):
    return asked_of(Scenario(replicas=replicas, steps=steps, canary=canary).rollout())


def test_the_weight_is_that_of_the_last_set_weight_so_far():
    found = asked({"pause": {}}, {"setWeight": 20}, {"pause": {}}, {"setWeight": 50})

    assert [found.weight_at(index) for index in range(5)] == [0, 20, 20, 50, 100]


def test_a_canary_needs_pods_for_its_weight_rounded_up():
    found = asked({"setWeight": 15})

    assert found.canary_size(15, 0) == 2
    assert found.wanted_canary_size(0) == 2
    assert found.wanted_canary_size(1) == 10


@pytest.mark.parametrize(
    ("scale", "size"),
    [({"replicas": 1}, 1), ({"weight": 25}, 3), ({"matchTrafficWeight": True}, 5)],
)
def test_an_explicit_scale_is_the_users_choice(scale, size):
    found = asked({"setCanaryScale": scale}, {"setWeight": 50})

    assert found.wanted_canary_size(1) == size
    assert found.canary_size(50, 1) == size


def test_surge_rounds_up_and_unavailable_down_and_both_zero_allows_one():
    found, none = asked(replicas=3), asked(maxSurge=0, maxUnavailable=0)

    assert (found.surge, found.unavailable) == (1, 0)
    assert (none.surge, none.unavailable) == (0, 1)


def test_an_abort_delay_of_zero_keeps_the_canary_for_good():
    assert asked(abortScaleDownDelaySeconds=0).abort_delay_ms is None
    assert asked().abort_delay_ms == 30_000


@pytest.mark.parametrize(
    ("pause", "ms"),
    [
        ({}, None),
        (None, None),
        ({"duration": 5}, 5000),
        ({"duration": "5"}, 5000),
        ({"duration": "2m"}, 120_000),
        ({"duration": "1h"}, 3_600_000),
    ],
)
def test_pauses_are_read_in_all_their_spellings(pause, ms):
    assert pause_ms({"pause": pause}) == ms

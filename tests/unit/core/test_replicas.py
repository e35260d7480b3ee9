"""How many pods each part should have."""

from __future__ import annotations

import pytest
from builders import replica_set, rollout_manifest
from hypothesis import given
from hypothesis import strategies as st

from rollouts.core.replicas import (
    Sizes,
    drain_basic,
    routed_canary_size,
    split_pods,
    step_towards,
)
from rollouts.core.spec import Spec, compile_spec


def spec(replicas: int, *, surge: object = 1, unavailable: object = 0, **more: object) -> Spec:
    canary = {"maxSurge": surge, "maxUnavailable": unavailable}
    manifest = rollout_manifest(replicas=replicas, nginx=False, canary=canary, **more)
    return compile_spec(manifest)


@pytest.mark.parametrize(
    ("replicas", "weight", "surge", "canary", "stable"),
    [
        (1, 49, 0, 0, 1),
        (1, 50, 0, 1, 0),
        (1, 1, 1, 1, 1),
        (1, 99, 1, 1, 1),
        (1, 100, 1, 1, 0),
        (3, 33, 1, 1, 2),
        (2, 1, 0, 1, 1),
        (2, 1, 1, 1, 2),
        (2, 99, 1, 2, 1),
        (3, 25, 1, 1, 3),
        (3, 50, 0, 2, 1),
        (3, 50, 1, 2, 2),
        (10, 1, 1, 1, 10),
        (10, 14, 0, 1, 9),
        (10, 15, 0, 2, 8),
        (10, 19, 1, 2, 9),
        (10, 24, 1, 3, 8),
        (10, 99, 1, 10, 1),
        (0, 50, 1, 0, 0),
        (10, 0, 1, 0, 10),
        (10, 100, 0, 10, 0),
    ],
)
def test_pods_without_a_router_follow_the_peers_rounding(
    replicas: int, weight: int, surge: int, canary: int, stable: int
) -> None:
    assert split_pods(spec(replicas, surge=surge), weight) == (canary, stable)


@given(replicas=st.integers(1, 40), weight=st.integers(0, 100), surge=st.integers(0, 3))
def test_a_split_stays_within_surge_and_leaves_both_sides_a_pod(
    replicas: int, weight: int, surge: int
) -> None:
    canary, stable = split_pods(spec(replicas, surge=surge, unavailable=1), weight)

    assert replicas <= canary + stable <= replicas + min(surge, 1)
    if 0 < weight < 100 and replicas > 1:
        assert canary >= 1
        assert stable >= 1


@pytest.mark.parametrize(
    ("replicas", "weight", "unavailable", "surge", "canary", "stable"),
    [(10, 30, 0, 3, 3, 10), (10, 30, 5, 0, 0, 7), (10, 10, 1, 1, 1, 9)],
)
def test_the_first_move_towards_a_split_keeps_the_budget(
    replicas: int, weight: int, unavailable: int, surge: int, canary: int, stable: int
) -> None:
    wanted = spec(replicas, surge=surge, unavailable=unavailable)
    target = Sizes(*split_pods(wanted, weight))
    first = step_towards(wanted, None, replica_set("v1", replicas), others=(), target=target)

    assert first == Sizes(canary, stable)


@given(
    replicas=st.integers(1, 12),
    weight=st.integers(0, 100),
    surge=st.integers(0, 4),
    unavailable=st.integers(0, 4),
)
def test_moving_step_by_step_arrives_and_never_breaks_the_budget(
    replicas: int, weight: int, surge: int, unavailable: int
) -> None:
    wanted = spec(replicas, surge=surge, unavailable=unavailable)
    target = Sizes(*split_pods(wanted, weight))
    canary, stable = replica_set("v2", 0), replica_set("v1", replicas)
    for _ in range(3 * replicas + 3):
        sizes = step_towards(wanted, canary, stable, others=(), target=target)
        # New pods are not available before the next step; removed ones go at once.
        available = min(canary.available, sizes.canary) + min(stable.available, sizes.stable)
        assert sizes.canary + sizes.stable <= replicas + wanted.max_surge
        assert available >= min(
            replicas - wanted.max_unavailable, canary.available + stable.available
        )
        canary = replica_set("v2", sizes.canary)
        stable = replica_set("v1", sizes.stable)

    assert Sizes(canary.replicas, stable.replicas) == target


def test_unhealthy_old_pods_are_drained_first_and_healthy_ones_only_within_the_budget() -> None:
    wanted = spec(5, surge=1, unavailable=1)
    kept = (replica_set("v3", 3, available=2),)
    broken = replica_set("v1", 3, available=0)
    whole = replica_set("v2", 3, available=3)

    drained = drain_basic(wanted, kept, (whole, broken))

    assert drained == {"shop-v1": 0, "shop-v2": 2}


@pytest.mark.parametrize(
    ("steps", "index", "size"),
    [
        ([{"setWeight": 10}], 0, 1),
        ([{"setWeight": 30}, {"pause": {}}], 1, 2),
        ([{"setWeight": 100}], 0, 5),
        ([{"setWeight": 0}], 0, 0),
        ([{"pause": {}}, {"setWeight": 50}], 0, 0),
        ([{"setCanaryScale": {"replicas": 4}}, {"setWeight": 10}, {"pause": {}}], 2, 4),
        ([{"setCanaryScale": {"weight": 50}}, {"setWeight": 10}], 1, 3),
        (
            [
                {"setCanaryScale": {"replicas": 4}},
                {"setCanaryScale": {"matchTrafficWeight": True}},
                {"setWeight": 20},
            ],
            2,
            1,
        ),
        ([{"setWeight": 10}], 1, 5),
    ],
)
def test_a_routed_canary_has_the_pods_its_weight_needs_rounded_up(
    steps: list[dict[str, object]], index: int, size: int
) -> None:
    wanted = compile_spec(rollout_manifest(steps=steps))

    assert routed_canary_size(wanted, index) == size


def test_a_floor_of_pods_holds_for_a_canary_that_has_any() -> None:
    wanted = compile_spec(
        rollout_manifest(steps=[{"setWeight": 10}], canary={"minPodsPerReplicaSet": 3})
    )

    assert routed_canary_size(wanted, 0) == 3


@pytest.mark.parametrize(
    ("surge", "unavailable", "expected"),
    [(None, None, (2, 1)), ("0%", "0%", (0, 1)), (0, "30%", (0, 1)), ("21%", 0, (2, 0))],
)
def test_surge_rounds_up_and_unavailable_rounds_down(
    surge: object, unavailable: object, expected: tuple[int, int]
) -> None:
    wanted = spec(5, surge=surge, unavailable=unavailable)

    assert (wanted.max_surge, wanted.max_unavailable) == expected

"""What is tried again, how often and after how long."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from rollouts.api.refs import ROLLOUT, ObjectRef
from rollouts.kube.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Gone,
    NotFound,
    Rejected,
    Unavailable,
    Unknown,
)
from rollouts.kube.retry import Patience, Retry, RetryingCluster

WEB = ObjectRef(ROLLOUT, "shop", "web")
MANIFEST = {"metadata": {"name": "web"}}


class Failing:
    """Raises what it is told to, then answers."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.calls = 0

    def __getattr__(self, verb):
        async def call(*args, **options):
            self.calls += 1
            if self.errors:
                raise self.errors.pop(0)
            return verb

        return call


def retrying(target, **patience):
    slept = []

    async def sleep(seconds):
        slept.append(round(seconds, 3))

    retry = Retry(Patience(**patience), sleep=sleep, random=Random(1))
    return RetryingCluster(target, retry), slept


CALLS = {
    "get": lambda cluster: cluster.get(WEB),
    "list": lambda cluster: cluster.list(ROLLOUT),
    "apply": lambda cluster: cluster.apply(WEB, MANIFEST, field_manager="m"),
    "delete": lambda cluster: cluster.delete(WEB, uid="u1"),
    "create": lambda cluster: cluster.create(MANIFEST, ROLLOUT),
    "patch": lambda cluster: cluster.patch(WEB, {}),
    "update": lambda cluster: cluster.update(WEB, MANIFEST),
}


@pytest.mark.parametrize("verb", CALLS)
def test_every_call_is_repeated_when_nothing_happened(verb):
    target = Failing(Unavailable("down"), Unavailable("down"))
    cluster, slept = retrying(target)

    asyncio.run(CALLS[verb](cluster))

    assert (target.calls, len(slept)) == (3, 2)


@pytest.mark.parametrize("verb", ["get", "list", "apply", "delete"])
def test_a_call_that_may_be_done_twice_is_repeated_after_a_lost_answer(verb):
    target = Failing(Unknown("lost"))
    cluster, _ = retrying(target)

    asyncio.run(CALLS[verb](cluster))

    assert target.calls == 2


@pytest.mark.parametrize("verb", ["create", "patch", "update"])
def test_a_call_that_must_not_be_done_twice_is_not_repeated_blindly(verb):
    target = Failing(Unknown("lost"))
    cluster, _ = retrying(target)

    with pytest.raises(Unknown):
        asyncio.run(CALLS[verb](cluster))

    assert target.calls == 1


def test_a_deletion_by_name_alone_is_not_repeated_blindly():
    target = Failing(Unknown("lost"))
    cluster, _ = retrying(target)

    with pytest.raises(Unknown):
        asyncio.run(cluster.delete(WEB))

    assert target.calls == 1


def test_a_dry_run_may_be_done_twice():
    target = Failing(Unknown("lost"))
    cluster, _ = retrying(target)

    asyncio.run(cluster.create(MANIFEST, ROLLOUT, dry_run=True))

    assert target.calls == 2


@pytest.mark.parametrize("error", [AlreadyExists, Conflict, Forbidden, Gone, NotFound, Rejected])
def test_what_only_a_new_look_can_mend_is_not_repeated(error):
    target = Failing(error("no"))
    cluster, _ = retrying(target)

    with pytest.raises(error):
        asyncio.run(cluster.get(WEB))

    assert target.calls == 1


def test_an_eviction_is_never_repeated():
    target = Failing(Unavailable("the budget forbids it"))
    cluster, _ = retrying(target)

    with pytest.raises(Unavailable):
        asyncio.run(cluster.evict(WEB))

    assert target.calls == 1


@pytest.mark.parametrize("attempts", [1, 2, 4])
def test_patience_ends_after_its_attempts_with_the_last_error(attempts):
    target = Failing(*(Unavailable(str(index)) for index in range(10)))
    cluster, slept = retrying(target, attempts_max=attempts)

    with pytest.raises(Unavailable, match=f"^{attempts - 1}$"):
        asyncio.run(cluster.get(WEB))

    assert (target.calls, len(slept)) == (attempts, attempts - 1)


def test_pauses_double_up_to_their_bound_with_jitter_below():
    target = Failing(*(Unavailable("down") for _ in range(9)))
    cluster, slept = retrying(target, attempts_max=10)
    asyncio.run(cluster.get(WEB))

    bounds = [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0, 2.0]

    assert all(bound / 2 <= pause <= bound for bound, pause in zip(bounds, slept, strict=True))


def test_a_servers_wish_is_honoured():
    target = Failing(Unavailable("busy", 1.5))
    cluster, slept = retrying(target)
    asyncio.run(cluster.get(WEB))

    assert slept == [1.5]


def test_a_wish_that_is_too_long_is_left_to_the_queue():
    target = Failing(Unavailable("busy", 2.1))
    cluster, slept = retrying(target)

    with pytest.raises(Unavailable) as caught:
        asyncio.run(cluster.get(WEB))

    assert (caught.value.retry_after_seconds, slept) == (2.1, [])


def test_a_bug_is_not_repeated():
    target = Failing(KeyError("oops"))
    cluster, _ = retrying(target)

    with pytest.raises(KeyError):
        asyncio.run(cluster.get(WEB))

    assert target.calls == 1

"""The driver: a coroutine that awaits cluster calls is stopped at each of them."""

from __future__ import annotations

import pytest

from rollouts.api.refs import ROLLOUT, SERVICE, ObjectRef
from rollouts.kube.errors import Conflict, NotFound
from rollouts.simulate.driver import Calls, Driver, Finished, Verb, run_now

REF = ObjectRef(SERVICE, "shop", "web")


async def get_then_patch(cluster, log):
    found = await cluster.get(REF)
    log.append(found)
    try:
        await cluster.patch(REF, {"spec": {}})
    except Conflict:
        log.append("conflict")
    finally:
        log.append("left")
    return "done"


def test_each_await_becomes_a_call_and_gets_its_answer():
    log = []
    driver = Driver(get_then_patch(Calls(), log))

    first = driver.start()
    second = driver.answer({"kind": "Service"})
    end = driver.answer({})

    assert (first.verb, str(first)) == (Verb.GET, "get services/web")
    assert second.verb is Verb.PATCH
    assert end == Finished("done")
    assert log == [{"kind": "Service"}, "left"]


def test_an_error_is_raised_where_the_call_was_awaited():
    log = []
    driver = Driver(get_then_patch(Calls(), log))
    driver.start()
    driver.answer({})

    end = driver.fail(Conflict("somebody was faster"))

    assert end == Finished("done")
    assert log == [{}, "conflict", "left"]


def test_an_error_that_nobody_catches_comes_out():
    driver = Driver(get_then_patch(Calls(), []))
    driver.start()

    with pytest.raises(NotFound):
        driver.fail(NotFound("gone"))


def test_a_crash_runs_nothing_after_the_call():
    log = []
    driver = Driver(get_then_patch(Calls(), log))
    driver.start()
    driver.answer({})

    driver.crash()

    assert log == [{}, "left"]


def test_every_method_describes_itself():
    async def all_of_them(cluster):
        manifest = {"metadata": {"name": "web", "namespace": "shop"}}
        await cluster.get(REF)
        await cluster.list(SERVICE, "shop", label_selector="app=web")
        await cluster.create(manifest, ROLLOUT)
        await cluster.patch(REF, {}, subresource="status")
        await cluster.apply(REF, manifest, field_manager="me")
        await cluster.update(REF, manifest)
        await cluster.delete(REF, uid="1")
        await cluster.evict(REF, uid="1")

    seen = []
    run_now(all_of_them(Calls()), lambda call: seen.append(call) or {})

    assert {call.verb for call in seen} == set(Verb)
    assert [call.is_write for call in seen] == [False, False, *[True] * 6]


def test_a_dry_run_is_no_write():
    async def dry(cluster):
        await cluster.create({"metadata": {"name": "web"}}, ROLLOUT, dry_run=True)

    seen = []
    run_now(dry(Calls()), lambda call: seen.append(call) or {})

    assert not seen[0].is_write

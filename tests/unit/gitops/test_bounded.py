"""A few calls at a time."""

import asyncio

import pytest
from shell.loops import elapsed, run

from rollouts.gitops.bounded import for_each


async def sleepy(number):
    await asyncio.sleep(number)
    return number * 10


def test_results_come_in_the_order_of_the_items():
    assert run(for_each([3, 1, 2], sleepy, at_once=3)) == [30, 10, 20]


@pytest.mark.parametrize(("at_once", "seconds"), [(1, 4), (2, 2), (4, 1), (99, 1)])
def test_no_more_than_allowed_are_under_way(at_once, seconds):
    async def measured():
        await for_each([1, 1, 1, 1], sleepy, at_once=at_once)
        return elapsed()

    assert run(measured()) == seconds


def test_nothing_to_do_takes_no_time():
    assert run(for_each([], sleepy, at_once=3)) == []


def test_one_at_a_time_awaits_nothing_but_the_work():
    async def work(number):
        return number

    step = for_each([1, 2], work, at_once=1)
    with pytest.raises(StopIteration) as done:
        step.send(None)

    assert done.value.value == [1, 2]


def test_the_first_error_is_raised_as_it_is_and_ends_the_others():
    finished = []

    async def work(number):
        await asyncio.sleep(number)
        if number == 1:
            raise ValueError("no")
        finished.append(number)

    with pytest.raises(ValueError, match="no"):
        run(for_each([1, 5], work, at_once=2))
    assert finished == []

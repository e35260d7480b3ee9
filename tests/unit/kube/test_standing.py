"""What is known of a scope, and what it takes to believe that a right is missing."""

from __future__ import annotations

import pytest

from rollouts.kube.errors import Forbidden
from rollouts.kube.standing import REFUSALS_MAX, REFUSED_SECONDS, Standing

REFUSAL = Forbidden("no")


def standing(changes=None):
    made = Standing()
    if changes is not None:
        made.on_change = lambda: changes.append((made.synced.is_set(), made.missing, made.blocked))
    return made


def refuse(one, times):
    return [one.refused(REFUSAL) for _ in range(times)]


def test_a_refusal_or_two_block_nothing_because_a_server_that_starts_refuses_everybody():
    one = standing()
    refuse(one, REFUSALS_MAX - 1)

    assert not one.blocked
    assert not one.settled.is_set()
    assert one.trouble is REFUSAL


def test_refusals_in_a_row_block_and_nobody_waits_any_longer():
    one = standing()
    refuse(one, REFUSALS_MAX)

    assert one.blocked
    assert one.settled.is_set()
    assert not one.synced.is_set()
    assert not one.is_usable


def test_pauses_grow_to_a_bound():
    assert refuse(standing(), 7) == [*REFUSED_SECONDS, REFUSED_SECONDS[-1], REFUSED_SECONDS[-1]]


@pytest.mark.parametrize("news", ["listed", "lost"])
def test_an_answer_ends_a_block_and_counting_begins_anew(news):
    one = standing()
    refuse(one, REFUSALS_MAX)
    getattr(one, news)()

    assert one.is_usable
    assert one.missing is (news == "lost")
    refuse(one, REFUSALS_MAX - 1)
    assert one.is_usable


def test_a_watch_that_works_ends_a_block():
    one = standing()
    one.listed()
    refuse(one, REFUSALS_MAX)
    one.heard()

    assert one.is_usable
    assert one.trouble is None


def test_a_right_that_is_taken_away_makes_what_is_known_unusable():
    one = standing()
    one.listed()
    refuse(one, REFUSALS_MAX)

    assert one.synced.is_set()
    assert not one.is_usable


def test_only_changes_are_told():
    changes = []
    one = standing(changes)
    one.heard()
    one.listed()
    one.listed()
    refuse(one, REFUSALS_MAX + 2)
    one.listed()
    one.lost()
    one.lost()

    assert changes == [
        (True, False, False),
        (True, False, True),
        (True, False, False),
        (True, True, False),
    ]

from datetime import UTC, datetime, timedelta

import pytest
from unit.emulator.actor_world import World

from rollouts.emulator.actors import run_actors
from rollouts.emulator.actors.timers import STALE_ENTRIES_MAX, Timers
from rollouts.emulator.actors.view import View

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds):
    return START + timedelta(seconds=seconds)


def test_a_timer_is_due_at_its_time_and_not_before():
    timers = Timers()
    timers.set("a", at(5))

    assert timers.take_due(at(4)) == []
    assert timers.take_due(at(5)) == ["a"]
    assert timers.take_due(at(5)) == []
    assert timers.earliest() is None


def test_setting_a_timer_again_replaces_it():
    timers = Timers()
    timers.set("a", at(5))
    timers.set("a", at(9))

    assert timers.take_due(at(8)) == []
    assert timers.earliest() == at(9)

    timers.set("a", None)

    assert timers.earliest() is None


def test_timers_of_one_instant_keep_their_order():
    timers = Timers()
    for key in "cab":
        timers.set(key, at(1))

    assert timers.take_due(at(1)) == ["c", "a", "b"]


def test_replaced_timers_do_not_pile_up():
    timers = Timers()
    for index in range(10 * STALE_ENTRIES_MAX):
        timers.set("a", at(index))

    assert len(timers._heap) <= STALE_ENTRIES_MAX + 2
    assert timers.earliest() == at(10 * STALE_ENTRIES_MAX - 1)


class Restless:
    is_pending = True

    def step(self, now):
        return None


class Sleeper:
    is_pending = False

    def __init__(self, wake):
        self.wake = wake
        self.steps = 0

    def step(self, now):
        self.steps += 1
        return self.wake


def test_actors_that_never_rest_are_our_bug():
    with pytest.raises(RuntimeError, match="Restless"):
        run_actors([Restless()], START)


def test_the_earliest_wake_is_returned():
    assert run_actors([Sleeper(at(9)), Sleeper(at(3)), Sleeper(None)], START) == at(3)
    assert run_actors([Sleeper(None)], START) is None
    assert run_actors([], START) is None


def test_a_view_sees_additions_changes_and_deletions():
    world = World(actors=lambda _server: ())
    view = View(world.server, world.rt("configmaps"), index=lambda each: (each["kind"],))
    view.take_changes()
    world.create("configmaps", {"metadata": {"name": "a"}})
    world.patch("configmaps", "a", {"data": {"x": "1"}})
    world.delete("configmaps", "a")
    kinds = [(change.old is None, change.new is None) for change in view.take_changes()]

    assert kinds == [(True, False), (False, False), (False, True)]
    assert list(view) == []
    assert view.indexed("ConfigMap") == []


def test_a_view_that_lost_history_finds_out_what_happened():
    world = World(actors=lambda _server: ())
    for name in ("gone", "kept", "changed"):
        world.create("configmaps", {"metadata": {"name": name}})
    view = View(world.server, world.rt("configmaps"))
    view.take_changes()
    world.delete("configmaps", "gone")
    world.patch("configmaps", "changed", {"data": {"x": "1"}})
    world.create("configmaps", {"metadata": {"name": "new"}})
    world.server.compact()
    changes = {change.latest["metadata"]["name"]: change for change in view.take_changes()}

    assert set(changes) == {"gone", "changed", "new"}
    assert changes["gone"].new is None
    assert changes["new"].old is None

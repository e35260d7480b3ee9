"""A controller that dies around any call runs no hook twice and leaves none behind."""

from datetime import timedelta

import pytest
from effort import EFFORT
from shell.emulated import Crash
from shell.gitops_world import World
from shell.hook_words import (
    deploy,
    end,
    has_ended,
    job,
    jobs,
)

from rollouts.api.refs import CONFIG_MAP
from rollouts.gitops.hook_release import DELETE_POLICY

HOOKS = (
    job("migrate-", "PreSync", generated=True, annotations={DELETE_POLICY: "HookSucceeded"}),
    job("between", "Sync"),
    job("test-", "PostSync", generated=True),
)


def play(world, seconds):
    """Let time pass, and each Job end when it was seen to run for three seconds."""
    running = []
    for _ in range(seconds // 3):
        world.wait(3)
        found = jobs(world)
        for name in running:
            if name in found and not has_ended(found[name]):
                end(world, name)
        running = list(found)


def made_jobs(world):
    """Return the Jobs that were ever made, by the name that Git gives them, in order."""
    created = [
        record.name
        for record in world.history
        if record.rt.kind == "Job" and record.old is None and record.new is not None
    ]
    return [name.split("-")[0] for name in created]


def overlaps(world):
    """Return the Jobs that were made while another of the same name in Git still ran."""
    running, found = {}, []
    for record in world.history:
        if record.rt.kind != "Job":
            continue
        name = record.name.split("-")[0]
        if record.old is None:
            found += [record.name] if running.get(name) else []
            running.setdefault(name, set()).add(record.name)
        elif has_ended(record.new):
            running.get(name, set()).discard(record.name)
    return found


class Story:
    """A world in which one sync with hooks is done and the next commit is there."""

    def __init__(self, path):
        path.mkdir()
        self.world = World(path)
        deploy(self.world, *HOOKS)
        self.world.application()
        play(self.world, 24)
        self.world.wait(40)
        deploy(self.world, *HOOKS, key="2")

    def crash(self, number, *, served):
        """Play the second sync; return whether the controller died around its n-th call."""
        self.world.cluster.calls.clear()
        self.world.cluster.crash_at, self.world.cluster.crash_served = number, served
        try:
            play(self.world, 60)
        except Crash:
            return True
        finally:
            self.world.cluster.crash_at = None
        return False

    def go_on(self):
        self.world.now += timedelta(seconds=7)
        self.world.start()
        play(self.world, 72)

    def check(self, made, key):
        world = self.world
        assert made_jobs(world) == made
        assert overlaps(world) == []
        assert world.sync_words() == ("Synced", "Healthy", "Succeeded")
        assert world.get(CONFIG_MAP, "a")["data"] == {"key": key}
        assert not any(each["metadata"].get("finalizers") for each in jobs(world).values())
        assert not any(name.startswith("migrate") for name in jobs(world))


ONCE = ["migrate", "between", "test"]


@pytest.mark.parametrize("served", [False, True], ids=["before", "after"])
class TestCrashes:
    """At each change the two manners take turns, so that not every call sees both of them."""

    def test_a_crash_around_any_call_runs_no_hook_twice(self, tmp_path, served):
        for number in range(1 + (EFFORT == 1 and served), 90, 2 if EFFORT == 1 else 1):
            story = Story(tmp_path / str(number))
            try:
                crashed = story.crash(number, served=served)
                if crashed:
                    story.go_on()
                story.check(ONCE * 2, "2")
            finally:
                story.world.close()
            if not crashed:
                assert number > 20
                return
        raise AssertionError("the sync needs more calls than expected")

    def test_hooks_of_a_sync_that_is_overtaken_meanwhile_are_awaited(self, tmp_path, served):
        for number in range(1 + 2 * (EFFORT == 1 and served), 90, 4 if EFFORT == 1 else 1):
            story = Story(tmp_path / str(number))
            world = story.world
            try:
                if not story.crash(number, served=served):
                    assert number > 20
                    return
                deploy(world, *HOOKS, key="3")
                story.go_on()

                made = made_jobs(world)
                assert made[:3] == ONCE
                assert made[-3:] == ONCE
                story.check(made, "3")
            finally:
                world.close()
        raise AssertionError("the sync needs more calls than expected")

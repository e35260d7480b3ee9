"""Random histories of syncs with hooks: each runs at its turn, once, and its end is known.

Bugs that are known to be wrong take the place of what decides, and must be found: judges that
see nothing would pass every history.
"""

import functools
from collections import Counter
from dataclasses import replace

import pytest
from effort import seeds
from shell.gitops_world import World
from shell.hook_histories import History

from rollouts.gitops import (
    deletion,
    endings,
    engine,
    hook_records,
    hook_release,
    hook_runner,
    hooks,
    prepare,
)
from rollouts.gitops import plan as planning
from rollouts.gitops.model import Phase

MODULES = (
    deletion,
    hooks,
    hook_release,
    hook_records,
    hook_runner,
    engine,
    endings,
    planning,
    prepare,
)
STEPS = 40
PLANTED_SEEDS = 12
NEEDED = (
    *("PreSync", "Sync", "PostSync", "SyncFail"),
    *("Complete", "Failed", "crash", "terminated", "deleted by hand", "ended ones deleted"),
    *("succeeded", "failed", "deletion", "torn down", "backup- done", "leave done"),
)


def play(path, seed):
    """Play one history to its rest; return it."""
    path.mkdir()
    world = World(path)
    try:
        history = History(world, seed)
        history.play(STEPS)
        history.calm()
        history.check_rest()
        return history
    finally:
        world.close()


def test_no_history_breaks_a_rule_and_each_comes_to_rest(tmp_path):
    seen = Counter()
    for seed in seeds(6):
        try:
            seen += play(tmp_path / str(seed), seed).judge.seen
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    assert [each for each in NEEDED if not seen[each]] == []


PLANTED = {}


def planted(name):
    """Add a bug to the list: it is called with the honest function `name` and its arguments."""

    def add(bug):
        PLANTED[bug.__name__.replace("_", " ")] = name, bug
        return bug

    return add


@planted("judge")
def a_hook_has_succeeded_as_soon_as_it_is_made(honest, record, there, now):
    return replace(record, state=Phase.SUCCEEDED)


@planted("judge")
def a_hook_that_vanishes_has_succeeded(honest, record, there, now):
    seen = honest(record, there, now)
    return seen if there is not None else replace(seen, state=Phase.SUCCEEDED)


@planted("judge")
def a_failure_counts_as_success(honest, record, there, now):
    seen = honest(record, there, now)
    return replace(seen, state=Phase.SUCCEEDED) if seen.state is Phase.FAILED else seen


@planted("instance_of")
def nothing_keeps_a_result(honest, *args):
    made = honest(*args)
    metadata = {**made.manifest["metadata"], "finalizers": []}
    return replace(made, manifest={**made.manifest, "metadata": metadata})


@planted("record_of")
def what_was_recorded_is_forgotten(honest, hook, records):
    return None


@planted("is_interruptible")
def every_hook_may_be_interrupted(honest, live):
    return True


@planted("has_policy")
def nothing_is_deleted_when_it_has_ended(honest, live, state):
    return False


@planted("has_policy")
def everything_is_deleted_when_it_has_ended(honest, live, state):
    return state is not Phase.RUNNING


@planted("earlier_instances")
def instances_pile_up(honest, hook, listed, now):
    return ((live, seen, False) for live, seen, _ in honest(hook, listed, now))


@planted("is_tracked_by")
def a_job_of_somebody_else_is_taken_for_a_hook(honest, *args):
    return True


@planted("releases")
def hooks_are_let_go_while_they_run(honest, *args, **more):
    return honest(*args, **{**more, "is_over": True})


@planted("releases")
def nothing_is_let_go(honest, *args, **more):
    return ()


@planted("unfinished")
def a_newer_commit_waits_for_nothing(honest, *args):
    return ()


@planted("phases_of")
def hooks_before_the_sync_run_after_it(honest, text):
    return tuple("PostSync" if phase == "PreSync" else phase for phase in honest(text))


@planted("bring_on")
async def nobody_waits_for_hooks_of_a_deletion(honest, *args, **more):
    return deletion.Progress(is_done=True)


@planted("clean_up")
async def hooks_of_a_deletion_are_kept_for_good(honest, *args, **more):
    return None


@planted("is_of_deletion")
def hooks_of_a_deletion_go_like_those_of_a_sync(honest, live):
    return False


@pytest.mark.parametrize("title", PLANTED)
def test_a_planted_bug_is_found(tmp_path, monkeypatch, title):
    name, bug = PLANTED[title]
    plant(monkeypatch, name, bug)
    for seed in range(PLANTED_SEEDS):
        try:
            play(tmp_path / str(seed), seed)
        except AssertionError:
            return
    raise AssertionError(f"not found within {PLANTED_SEEDS} histories")


def plant(monkeypatch, name, bug):
    """Put a bug wherever the honest function is used."""
    places = [each for each in MODULES if hasattr(each, name)]
    honest = getattr(places[0], name)
    for each in places:
        monkeypatch.setattr(each, name, functools.partial(bug, honest))

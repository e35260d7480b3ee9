"""One true cluster with one controller, run as the account that it has in production."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from e2e.account import install
from e2e.controller import Controller
from e2e.recorder import Recorder
from e2e.world import World

AT_ONCE = 8
"""Stories that play side by side: most of their time is pauses."""


@pytest.fixture(scope="session")
def accounts(control_plane, tmp_path_factory):
    return install(control_plane, tmp_path_factory.mktemp("accounts"))


@pytest.fixture(scope="session")
def recorder(control_plane, accounts):
    made = Recorder(control_plane)
    yield made
    made.close()


@pytest.fixture(scope="session")
def controller(accounts, tmp_path_factory):
    """The controller that serves every namespace, without an instance id."""
    with Controller(accounts.kubeconfig(), tmp_path_factory.mktemp("controller")) as running:
        yield running


@pytest.fixture(scope="session")
def make_controller(accounts, tmp_path_factory):
    """Run one more controller, for the objects that bear its instance id."""

    def make(instance, *, kubeconfig=None, **options):
        folder = tmp_path_factory.mktemp(instance)
        kubeconfig = kubeconfig or accounts.kubeconfig(instance)
        return Controller(kubeconfig, folder, instance=instance, **options)

    return make


NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def make_world(control_plane, recorder, tmp_path_factory):
    """Make a world of its own for each story."""

    def make(words, **options):
        name = f"{words.replace('_', '-')[:40].strip('-')}-{next(NUMBERS)}"
        folder = tmp_path_factory.mktemp(name)
        return World(name, cluster=control_plane, recorder=recorder, folder=folder, **options)

    return make


@pytest.fixture(scope="session")
def stage(request):
    """Begin the stories of all modules at the first use, so that none waits for another module.

    A module that takes part has a function `performer`, which is given a way to get fixtures of
    the session and returns what plays one of its stories.
    """
    pool, performers, playing = ThreadPoolExecutor(AT_ONCE), {}, {}
    for item in request.session.items:
        module, params = item.module, getattr(item, "callspec", _Nothing).params
        if "story" not in params or not hasattr(module, "performer"):
            continue
        if module not in performers:
            performers[module] = module.performer(request.getfixturevalue)
        story = params["story"]
        playing[module, story] = pool.submit(performers[module], story)
    yield lambda module, story: playing[module, story].result()
    pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def perform(stage, request):
    """Wait for a story of the module; one with fixtures of its own plays its stories by itself."""
    return partial(stage, request.module)


@pytest.fixture(scope="module")
def play(request):
    """Play the module's stories side by side, and tell each test how its own has ended.

    A story is a parameter of that name, and the fixture `perform` of the module plays it.
    """
    wanted = [
        item.callspec.params["story"]
        for item in request.session.items
        if item.module is request.module and "story" in getattr(item, "callspec", _Nothing).params
    ]
    perform = request.getfixturevalue("perform")
    pool = ThreadPoolExecutor(AT_ONCE)
    playing = {story: pool.submit(perform, story) for story in wanted}
    yield lambda story: playing[story].result()
    pool.shutdown(cancel_futures=True)


class _Nothing:
    params = ()

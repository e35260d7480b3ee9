"""Shared settings: properties are tried alike everywhere; who shares a cluster goes together."""

from __future__ import annotations

import contextlib
import gc
import importlib
from pathlib import PurePosixPath

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from tests.cluster.control_plane import ControlPlane
from tests.cluster.foreign import ForeignCluster
from tests.real import foreign_kubeconfig

settings.register_profile(
    "house", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("house")


HALF_A_SOCKET = "ignore::pytest.PytestUnraisableExceptionWarning"
LAST = "test_rights_on_a_cluster"
STORIES = "stories"
"""Tests of one controller on one cluster, whose audit log is judged as a whole."""
CONTRACT = "contract"
"""Tests of the API server itself."""
ALONE = ("test_restarts_on_a_cluster", "test_migration_page", "test_take_over")
"""Modules with clusters of their own; they take long."""
OF_THE_SERVER = ("test_admission", "test_definitions")
LONG = ("test_demo", "test_install", "test_kubectl")
"""Of the other modules those that take longest: one that began last would end alone."""
COMMON = ("rollouts.cli.run", "rollouts.controller.app", "rollouts.gitops", "rollouts.emulator")
"""In a fresh environment nothing is compiled, and workers that begin together each would do it."""
ORDER = (STORIES, *ALONE, CONTRACT, *LONG)


def pytest_configure(config):
    """Compile what every worker imports, once and before there are workers."""
    if config.getoption("numprocesses", None):
        for name in COMMON:
            importlib.import_module(name)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session):
    """Let each of several processes begin with a share of the files.

    All of them collect all files, and in one order: in a fresh clone each would rewrite the
    assertions of every file at the same time as the others. So it finds most of them done.
    """
    worker = getattr(session.config, "workerinput", None)
    if worker is None:
        return
    number = int(worker["workerid"].removeprefix("gw"))
    for path in _test_files(session.config)[number :: worker["workercount"]]:
        # What cannot be imported is left to the collection, which imports it again and tells.
        with contextlib.suppress(Exception, pytest.skip.Exception):
            importlib.import_module(".".join(path.with_suffix("").parts))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Let what takes longest begin first, and judge the audit log when its writers are done."""
    items.sort(key=lambda item: (_turn(_group(item.nodeid)), item.path.stem == LAST))
    for item in items if foreign_kubeconfig() is not None else ():
        if item.get_closest_marker("still") is not None:
            item.add_marker(pytest.mark.skip("things move by themselves in this cluster"))


def pytest_collection_finish():
    """Spare the garbage collector the ten thousand tests, which stay until the end."""
    gc.freeze()


def pytest_itemcollected(item):
    """Forgive what a server that is killed leaves with whoever was talking to it: half a socket."""
    if item.get_closest_marker("real") is not None:
        item.add_marker(pytest.mark.filterwarnings(HALF_A_SOCKET))


class ByCluster(LoadScopeScheduling):
    """Keeps the tests that share a cluster in one process."""

    def _split_scope(self, nodeid):
        return _group(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Share out tests by cluster where `--dist loadscope` asks for tests that go together."""
    return ByCluster(config, log) if config.getoption("dist") == "loadscope" else None


def _group(nodeid):
    path = PurePosixPath(nodeid.partition("::")[0])
    if foreign_kubeconfig() is not None or path.stem.endswith("_on_a_cluster"):
        return path.stem if path.stem in ALONE else STORIES
    if path.parent.name == CONTRACT or path.stem in OF_THE_SERVER:
        return CONTRACT
    return path.stem


def _test_files(config):
    """Return the files of tests that were asked for, the largest first, below the root."""
    asked = [config.rootpath / each.partition("::")[0] for each in config.args]
    found = {path for each in asked for path in (each, *each.rglob("test_*.py")) if path.is_file()}
    below = sorted(path.relative_to(config.rootpath) for path in found)
    return sorted(below, key=lambda path: -(config.rootpath / path).stat().st_size)


def _turn(group):
    return ORDER.index(group) if group in ORDER else len(ORDER)


@pytest.fixture(scope="session")
def control_plane():
    """The whole cluster that tests marked `real` share; it starts at first use and ends by itself.

    Without Go it fails and says so: who asks for the true thing is not told that all is well.
    """
    kubeconfig = foreign_kubeconfig()
    with ForeignCluster.start(kubeconfig) if kubeconfig else ControlPlane.start() as cluster:
        yield cluster

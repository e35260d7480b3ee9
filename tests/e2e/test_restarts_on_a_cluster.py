"""The control plane itself goes away in mid-canary, and comes back; and an old one will do."""

from __future__ import annotations

import os
import signal

import pytest
from e2e.account import install
from e2e.controller import Controller
from e2e.proxies import FaultProxy, through
from e2e.recorder import Recorder
from e2e.world import SECOND, STEPS, World

from tests.cluster.control_plane import ControlPlane

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif("ROLLOUTS_TEST_REAL" in os.environ, reason="restarts a cluster of its own"),
]

OLD = "1.34"
PAUSE = "{duration: 4s}"


class Site:
    """A cluster of one's own, with a controller whose requests can be looked at."""

    def __init__(self, cluster, folder):
        self.cluster = cluster
        self.folder = folder
        self.accounts = install(cluster, folder)

    def play(self, name, action):
        """Let a canary go its way while an action is done at each of its first two weights."""
        recorder = Recorder(self.cluster)
        kubeconfig = self.accounts.kubeconfig()
        try:
            with FaultProxy(self.cluster) as proxy:
                path = self.folder / "behind-proxy.kubeconfig"
                through(proxy.url, kubeconfig, path)
                with Controller(path, self.folder / name) as controller:
                    self._play(name, action, recorder, controller)
                return proxy.counts
        finally:
            recorder.close()

    def _play(self, name, action, recorder, controller):
        world = World(
            name,
            cluster=self.cluster,
            recorder=recorder,
            folder=self.folder / f"{name}-world",
            check=controller.check,
        )
        world.deploy(pause=PAUSE)
        world.set_image(SECOND)
        for weight in (10, 30):
            world.wait_for_weight(weight)
            action(weight)
        world.wait_for_end(SECOND)
        world.check_traffic(STEPS, SECOND)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with ControlPlane.start() as cluster:
        yield Site(cluster, tmp_path_factory.mktemp("site"))


@pytest.mark.parametrize("component", ["kube-apiserver", "etcd"])
def test_a_canary_goes_on_when_a_component_restarts(site, component):
    """First ended politely, then killed; watches of before are refused with 410 afterwards."""
    how = {10: signal.SIGTERM, 30: signal.SIGKILL}

    counts = site.play(component, lambda weight: site.cluster.restart(component, how=how[weight]))

    if component == "kube-apiserver":
        assert counts["gone"] > 0


def test_a_canary_on_an_api_server_two_versions_back(tmp_path):
    with ControlPlane.start(emulated_version=OLD) as cluster:
        assert cluster.request("GET", "/version")["emulationMinor"] == OLD.partition(".")[2]

        Site(cluster, tmp_path).play("old", lambda weight: None)

"""Shared settings: properties are tried the same way everywhere, and time never flakes them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.cluster.control_plane import ControlPlane
from tests.real import WANTED, foreign_kubeconfig

settings.register_profile(
    "house", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("house")


@pytest.fixture(scope="session")
def control_plane():
    """The whole cluster that tests marked `real` share; it starts at first use and ends by itself.

    Without Go it fails and says so: who asks for the true thing is not told that all is well.
    """
    if foreign_kubeconfig() is not None:
        pytest.skip(f"{WANTED}=1 names a cluster whose parts are not ours to restart")
    with ControlPlane.start() as cluster:
        yield cluster

"""One true cluster for all end-to-end tests of a session."""

from __future__ import annotations

import pytest

from tests.cluster.control_plane import ControlPlane


@pytest.fixture(scope="session")
def control_plane():
    with ControlPlane.start() as cluster:
        yield cluster

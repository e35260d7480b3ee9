"""A server under a clock that the test holds, with and without ownership."""

from __future__ import annotations

import pytest
from unit.emulator.objects import Clock, crd

from rollouts.emulator import ApiServer


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def server(clock):
    return ApiServer(clock)


@pytest.fixture
def quick(clock):
    """A server as the simulator uses it: nobody's ownership is tracked."""
    return ApiServer(clock, track_ownership=False)


@pytest.fixture
def widgets(server):
    """The type of a custom resource with status and scale."""
    definitions = server.resource("apiextensions.k8s.io", "v1", "customresourcedefinitions")
    server.create(definitions, "", crd())
    return server.resource("example.com", "v1", "widgets")

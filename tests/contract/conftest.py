"""One suite, any number of back ends: each test gets an `api` and a namespace of its own."""

from __future__ import annotations

import os
from contextlib import ExitStack
from itertools import count

import pytest
from contract.api import Type
from contract.back_ends import BackEnds, over_http_with_actors, reach, with_nodes
from contract.kinds import GADGET, NAMESPACES

from tests.real import foreign_kubeconfig

_numbers = count(1)
REAL = pytest.param("real", marks=pytest.mark.real)


@pytest.fixture(scope="session")
def back_ends():
    with ExitStack() as stack:
        yield BackEnds(stack)


@pytest.fixture(scope="session", params=["in-process", "http", REAL])
def api(request, back_ends):
    """The back end under test; in none of them do controllers run, but in a foreign cluster."""
    return _named(request, back_ends)


@pytest.fixture(scope="session", params=["http", REAL])
def wire(request, back_ends):
    """A back end whose very answers are looked at: codes, headers and forms."""
    return _named(request, back_ends)


@pytest.fixture(scope="session", params=["http", REAL])
def living(request, back_ends):
    """A back end with its controllers: the emulator's actors, or the true ones."""
    if request.param == "http":
        return back_ends.open("actors", over_http_with_actors)
    cluster = request.getfixturevalue("control_plane")
    return back_ends.open("whole", lambda: with_nodes(cluster))


def _named(request, back_ends):
    if request.param == "real" and foreign_kubeconfig() is not None:
        cluster = request.getfixturevalue("control_plane")
        return back_ends.open("real", lambda: reach(cluster))
    return back_ends.named(request.param)


def _make_namespace(api):
    # The cluster of somebody else may hold what an earlier run has left.
    name = f"contract-{os.getpid()}-{next(_numbers)}"
    api.create(NAMESPACES, "", {"metadata": {"name": name}})
    return name


@pytest.fixture
def namespace(api):
    """A fresh, empty namespace."""
    return _make_namespace(api)


@pytest.fixture
def space(wire):
    """A fresh, empty namespace behind `wire`."""
    return _make_namespace(wire)


@pytest.fixture
def town(living):
    """A fresh namespace where controllers run."""
    return _make_namespace(living)


@pytest.fixture
def gadgets() -> Type:
    return GADGET

"""One suite, any number of back ends: each test gets an `api` and a namespace of its own."""

from __future__ import annotations

import asyncio
import ssl
import threading
from contextlib import contextmanager
from itertools import count

import pytest
from contract.api import EmulatorApi, Type
from contract.http_api import HttpApi
from contract.kinds import GADGET, NAMESPACES, definition

from rollouts.emulator import ApiServer
from rollouts.emulator.http import real_clock, serve
from tests.cluster.control_plane import BARE, ControlPlane

_numbers = count(1)


@contextmanager
def in_process():
    yield EmulatorApi()


@contextmanager
def over_http():
    """The emulator behind its HTTP face, in an event loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def wait_for(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(10)

    running = wait_for(serve(ApiServer(real_clock(1.0)), ()))
    api = HttpApi(running.url)
    yield api
    api.close()
    wait_for(running.close())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@contextmanager
def real():
    """A true API server in which nothing moves by itself, as nothing does in the other two."""
    with ControlPlane.start(parts=BARE) as cluster:
        trust = ssl.create_default_context(cafile=str(cluster.site.certificate("ca.crt")))
        api = HttpApi(cluster.site.url, cluster.credentials, trust)
        yield api
        api.close()


BACK_ENDS = {"in-process": in_process, "http": over_http, "real": real}


@pytest.fixture(
    scope="session",
    params=["in-process", "http", pytest.param("real", marks=pytest.mark.real)],
)
def api(request):
    """The back end under test, with the custom resource of the suite installed."""
    with BACK_ENDS[request.param]() as back_end:
        back_end.install(definition())
        yield back_end


@pytest.fixture
def namespace(api):
    """A fresh, empty namespace."""
    name = f"contract-{next(_numbers)}"
    api.create(NAMESPACES, "", {"metadata": {"name": name}})
    return name


@pytest.fixture
def gadgets() -> Type:
    return GADGET

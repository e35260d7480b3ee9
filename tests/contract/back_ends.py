"""The back ends that the suite can be held against, each opened when a test first asks for it."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import urllib.request
from contextlib import ExitStack, contextmanager

from contract.api import EmulatorApi
from contract.http_api import HttpApi
from contract.kinds import CONFIG_MAPS, definition

from rollouts.emulator import ApiServer
from rollouts.emulator.actors import all_actors
from rollouts.emulator.http import real_clock, serve
from tests.cluster.control_plane import BARE, ControlPlane


@contextmanager
def in_process():
    yield EmulatorApi()


@contextmanager
def over_http(play=lambda server: ()):
    """The emulator behind its HTTP face, in an event loop of its own, with actors if told."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def wait_for(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(10)

    server = ApiServer(real_clock(1.0))

    async def compact():
        server.compact()

    running = wait_for(serve(server, play(server)))
    api = HttpApi(running.url)
    api.forget = lambda: wait_for(compact())
    yield api
    api.close()
    wait_for(running.close())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def over_http_with_actors():
    return over_http(all_actors)


@contextmanager
def reach(cluster):
    """A true API server, as its administrator."""
    trust = ssl.create_default_context(cafile=str(cluster.site.certificate("ca.crt")))
    api = HttpApi(cluster.site.url, cluster.credentials, trust)
    api.owns = cluster.owns
    yield api
    api.close()


@contextmanager
def with_nodes(cluster):
    """A true API server whose pods run where the cluster wants the tests' pods."""
    with reach(cluster) as api:
        api.place = lambda manifest: json.loads(cluster.placed(json.dumps(manifest)))
        yield api


@contextmanager
def real():
    """A true API server in which nothing moves by itself, as nothing does in the other two."""
    with ControlPlane.start(parts=BARE) as cluster, reach(cluster) as api:
        api.forget = lambda: _compact(api, cluster.site.etcd_port)
        yield api


def _compact(api, etcd_port):
    """Have etcd forget what was, which an API server does itself every five minutes."""
    revision = api.list(CONFIG_MAPS, "").resource_version
    body = json.dumps({"revision": revision, "physical": True}).encode()
    url = f"http://127.0.0.1:{etcd_port}/v3/kv/compaction"
    with urllib.request.urlopen(url, body, timeout=10) as answer:
        answer.read()


class BackEnds:
    """Opens each back end once a run, with the custom resource of the suite installed."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._open = {}

    def open(self, name, make):
        """Return a back end, and start it with `make` if nobody asked for it before."""
        if name not in self._open:
            api = self._stack.enter_context(make())
            api.install(definition())
            self._open[name] = api
        return self._open[name]

    def named(self, name):
        """Return one of those in which nothing moves by itself."""
        makers = {"in-process": in_process, "http": over_http, "real": real}
        return self.open(name, makers[name])

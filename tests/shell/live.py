"""A live cluster for tests of the command line: emulator over HTTP and the real controller.

Both run in a thread of their own, because commands start an event loop themselves. Objects are
made and read through HTTP like everything else.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from builders import ingress_manifest, rollout_manifest, service_manifest

from rollouts.api.crd import render_crds
from rollouts.api.documents import read_documents
from rollouts.api.refs import CRD, INGRESS, NAMESPACE, REPLICA_SET, ROLLOUT, SERVICE
from rollouts.cli import main
from rollouts.controller.app import Controller
from rollouts.controller.metric_sources import make_analysis_loop
from rollouts.controller.settings import Settings
from rollouts.emulator import ApiServer
from rollouts.emulator.actors import NEVER_READY, all_actors
from rollouts.emulator.http import serve

PATIENCE_SECONDS = 20.0
KINDS = {kind.kind: kind for kind in (INGRESS, ROLLOUT, SERVICE)}
NEVER_READY_IMAGE = "shop:never-ready"


@dataclass(frozen=True)
class Answer:
    """What a command printed and returned."""

    code: int
    out: str
    err: str

    @property
    def lines(self):
        return self.out.splitlines()


def run_command(*arguments):
    """Run a command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as left:
            code = left.code
    return Answer(code, out.getvalue(), err.getvalue())


class Live:
    """A cluster that runs until `close`."""

    def __init__(self, directory, *, controller=True, extensions=(), **settings):
        self.kubeconfig = str(directory / "kubeconfig")
        self.failure = None
        self.server = None
        self.running = None
        self.url = ""
        self._extensions = extensions
        self._settings = {"leader_elect": False, "gitops": False} | settings
        self._with_controller = controller
        self._loop = None
        self._stop = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(PATIENCE_SECONDS), "the cluster does not come up"
        if self.failure is not None:
            raise self.failure

    async def _serve(self):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            self.server = server = ApiServer(lambda: datetime.now(UTC))
            for name, text in sorted(render_crds().items()):
                for document in read_documents(text, name):
                    server.create(self._type(CRD), "", document.manifest)
            actors = all_actors(server, {NEVER_READY_IMAGE: NEVER_READY})
            self.running = running = await serve(server, actors)
            self.url = running.url
            with open(self.kubeconfig, "w") as file:  # noqa: ASYNC230, PTH123  # before anybody waits
                file.write(running.kubeconfig_text(namespace="shop"))
            tasks, closing = [self._stop.wait()], contextlib.AsyncExitStack()
            if self._with_controller:
                settings = Settings(
                    kubeconfig=self.kubeconfig,
                    health_port=0,
                    metrics_port=0,
                    metric_allowed_addresses="127.0.0.0/8",
                    **self._settings,
                )
                analysis = make_analysis_loop(settings.providers)
                closing.push_async_callback(analysis.close)
                extensions = (analysis.install, *self._extensions)
                made = Controller(settings, extensions=extensions, runs=analysis.samples)
                tasks.append(made.run(self._stop))
            self._ready.set()
            async with closing:
                await asyncio.gather(*tasks)
            await running.close()
        except BaseException as error:
            self.failure = error
            self._ready.set()
            raise

    def close(self):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive(), "the cluster does not end"

    # -- what tests do ---------------------------------------------------------------------------

    def run(self, *arguments):
        return run_command(*arguments, "--kubeconfig", self.kubeconfig)

    def in_cluster(self, action):
        """Do something with the server on its own thread."""
        done = asyncio.run_coroutine_threadsafe(_call(action, self.server), self._loop)
        return done.result(PATIENCE_SECONDS)

    def create(self, kind, manifest):
        namespace = manifest["metadata"].get("namespace", "")
        kept = {"name", "namespace", "labels", "annotations"}
        metadata = {key: each for key, each in manifest["metadata"].items() if key in kept}
        wanted = manifest | {"metadata": metadata}
        return self.in_cluster(lambda server: server.create(self._type(kind), namespace, wanted))

    def patch(self, kind, namespace, name, body, **options):
        merge = "application/merge-patch+json"
        return self.in_cluster(
            lambda server: server.patch(self._type(kind), namespace, name, body, merge, **options)
        )

    def delete(self, kind, namespace, name):
        return self.in_cluster(lambda server: server.delete(self._type(kind), namespace, name))

    def get(self, kind, namespace, name):
        return self.in_cluster(lambda server: server.get(self._type(kind), namespace, name))

    def items(self, kind, namespace):
        return self.in_cluster(lambda server: server.list(self._type(kind), namespace).items)

    def until(self, question, what="the cluster does not get there"):
        """Wait until a question is answered with something true; return that."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            found = question()
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError(what)

    def deploy(self, namespace, **rollout):
        """Deploy a Rollout `shop` in a namespace of its own and wait until it is healthy."""
        metadata = {"name": namespace}
        self.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        for name in ("shop-stable", "shop-canary"):
            self.create(SERVICE, _moved(service_manifest(name), namespace))
        self.create(INGRESS, _moved(ingress_manifest(), namespace))
        self.create(ROLLOUT, _moved(rollout_manifest(**rollout), namespace))
        self.wait_for(namespace, "Healthy")

    def apply_folder(self, folder, namespace):
        """Create what a folder of manifests holds, in a namespace that does not exist yet."""
        metadata = {"name": namespace}
        self.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        for path in sorted(folder.glob("*.yaml")):
            for document in read_documents(path.read_bytes(), path.name):
                self.create(KINDS[document.manifest["kind"]], _moved(document.manifest, namespace))

    def status(self, namespace, name="shop"):
        rollout = self.get(ROLLOUT, namespace, name)
        status = rollout.get("status") or {}
        is_current = status.get("observedGeneration") == str(rollout["metadata"]["generation"])
        return status if is_current else {}

    def wait_for(self, namespace, phase, name="shop"):
        """Wait until a Rollout is seen in a phase; return its status."""

        def seen():
            status = self.status(namespace, name)
            return status.get("phase") == phase and status

        return self.until(seen, f"{namespace}/{name} does not become {phase}")

    def set_image(self, namespace, image, name="shop"):
        containers = [{"name": name, "image": image}]
        body = {"spec": {"template": {"spec": {"containers": containers}}}}
        self.patch(ROLLOUT, namespace, name, body)

    def images(self, namespace):
        """Which image has how many pods."""
        return {
            each["spec"]["template"]["spec"]["containers"][0]["image"]: each["spec"]["replicas"]
            for each in self.items(REPLICA_SET, namespace)
        }

    def _type(self, kind):
        return self.server.resource(kind.group, kind.version, kind.plural)


async def _call(action, server):
    return action(server)


def _moved(manifest, namespace):
    return manifest | {"metadata": manifest["metadata"] | {"namespace": namespace}}

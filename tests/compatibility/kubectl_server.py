"""An emulated cluster over HTTP in a thread of its own, and a stock kubectl that talks to it."""

import asyncio
import itertools
import json
import os
import shutil
import subprocess
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from rollouts.emulator import ApiServer
from rollouts.emulator.actors import CRASH_LOOP, PULL_ERROR, Runs, all_actors
from rollouts.emulator.http import real_clock, serve

KUBECTL = shutil.which("kubectl")

WIDGETS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, shortNames: [wd], categories: [toys]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale:
        specReplicasPath: .spec.replicas
        statusReplicasPath: .status.replicas
        labelSelectorPath: .status.selector
    additionalPrinterColumns:
    - {name: Color, type: string, jsonPath: .spec.color}
    - {name: Replicas, type: integer, jsonPath: .spec.replicas, priority: 1}
    - name: Ready
      type: string
      jsonPath: '.status.conditions[?(@.type=="Ready")].status'
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    schema:
      openAPIV3Schema:
        type: object
        description: A widget is a thing with a color.
        properties:
          spec:
            type: object
            description: What the widget should be.
            required: [color]
            properties:
              color: {type: string, description: Its color., enum: [red, green, blue]}
              replicas: {type: integer, default: 1}
              parts:
                type: array
                description: What it is made of.
                items:
                  type: object
                  properties:
                    name: {type: string, description: Name of the part.}
          status:
            type: object
            x-kubernetes-preserve-unknown-fields: true
"""


def widget(name="one", **spec):
    return json.dumps(
        {
            "apiVersion": "example.com/v1",
            "kind": "Widget",
            "metadata": {"name": name},
            "spec": {"color": "red"} | spec,
        }
    )


def deployment(name="web", image="web:1", replicas=2, **metadata):
    labels = {"app": name}
    return json.dumps(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "labels": labels} | metadata,
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "app", "image": image}]},
                },
            },
        }
    )


def config_map(name="settings", **data):
    return json.dumps(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
    )


@dataclass
class Result:
    out: str
    err: str
    code: int

    @property
    def lines(self):
        return self.out.splitlines()

    @property
    def json(self):
        return json.loads(self.out)


class Kubectl:
    """Runs kubectl in one namespace; a failure is an error unless it is expected."""

    def __init__(self, home, namespace):
        self.namespace = namespace
        self.environment = os.environ | {"KUBECONFIG": str(home / "config"), "HOME": str(home)}

    def command(self, *arguments):
        return [KUBECTL, "--namespace", self.namespace, *arguments]

    def __call__(self, *arguments, stdin=None, fails=False, **environment):
        done = subprocess.run(
            self.command(*arguments),
            input=stdin,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        result = Result(done.stdout, done.stderr, done.returncode)
        assert (result.code != 0) is fails, f"kubectl {arguments}: {result}"
        return result

    def apply(self, manifest, *arguments, **kwargs):
        return self("apply", "-f", "-", *arguments, stdin=manifest, **kwargs)

    def start(self, *arguments):
        """Start a kubectl that goes on; the caller ends it."""
        return subprocess.Popen(
            self.command(*arguments),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


class Served:
    """The cluster, its thread, and a fresh namespace for each test."""

    def __init__(self, home: Path):
        self._home = home
        self._numbers = itertools.count(1)
        self._expected = []
        self._loop = asyncio.new_event_loop()
        started: Future = Future()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        started.result(timeout=30)
        (home / "config").write_text(self.running.kubeconfig_text())
        self.kubectl = Kubectl(home, "default")
        self.kubectl.apply(WIDGETS)

    def _run(self, started):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        started.set_result(None)
        self._loop.run_forever()
        self._loop.close()

    async def _start(self):
        clock = real_clock()
        self.server = ApiServer(clock)
        behaviours = {
            "*:slow": Runs(ready_after=timedelta(seconds=1)),
            "*:broken": CRASH_LOOP,
            "*:missing": PULL_ERROR,
        }
        actors = all_actors(self.server, behaviours, events=True)
        self.running = await serve(self.server, actors, clock=clock, on_request=self._note)

    def _note(self, record):
        for wanted, came in self._expected:
            if all(getattr(record, field) == value for field, value in wanted.items()):
                came.set()

    def expect(self, **wanted):
        """Return an event that is set once a request with these facts has come."""
        came = threading.Event()
        self._expected.append((wanted, came))
        return came

    def in_namespace(self):
        """Return a kubectl whose namespace nobody else uses."""
        name = f"test-{next(self._numbers)}"
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self.call(
            lambda: self.server.create(self.server.resource("", "v1", "namespaces"), "", manifest)
        )
        return Kubectl(self._home, name)

    def call(self, function):
        """Call something in the cluster's own thread."""

        async def run():
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(timeout=30)

    def close(self):
        asyncio.run_coroutine_threadsafe(self.running.close(), self._loop).result(timeout=30)
        assert self.running.failure is None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=30)

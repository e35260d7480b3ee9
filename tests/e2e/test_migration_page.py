"""The commands of docs/migration.md, word for word and in their order, on a true cluster."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest
import yaml
from e2e.hands import ROOT
from e2e.peer.objects import HASH
from e2e.peer.scene import PATIENCE, PEER_DEFINITION, Scene

from rollouts.core.memory import MEMORY
from tests.cluster.control_plane import ControlPlane
from tests.cluster.processes import wait_until

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        "ROLLOUTS_TEST_REAL" in os.environ, reason="changes the definitions of the whole cluster"
    ),
]

PAGE = ROOT / "docs" / "migration.md"
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
PEER = {"app.kubernetes.io/name": "argo-rollouts"}


class Reader:
    """Somebody who types what the page says."""

    def __init__(self, scene, folder):
        programs = folder / "bin"
        programs.mkdir()
        (programs / "kubectl").symlink_to(scene.cluster.kubectl)
        rollouts = programs / "rollouts"
        rollouts.write_text(f'#!/bin/sh\nexec {sys.executable} -m rollouts "$@"\n')
        rollouts.chmod(0o755)
        self.folder = folder
        self.controller = None
        self._environment = {
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "KUBECONFIG": str(scene.cluster.kubeconfig),
            "KUBECACHEDIR": str(folder / "kubectl-cache"),
            "ROLLOUTS_HEALTH_PORT": "0",
            "ROLLOUTS_METRICS_PORT": "0",
        }

    def type(self, line):
        """Run a line; one that serves for good goes on beside the rest."""
        if line.startswith("rollouts run"):
            with (self.folder / "log").open("ab") as output:
                self.controller = subprocess.Popen(
                    line.split(),
                    executable=self.folder / "bin" / "rollouts",
                    env=self._environment,
                    cwd=self.folder,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            return ""
        done = subprocess.run(
            line, shell=True, env=self._environment, cwd=self.folder, capture_output=True,
            text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def stop(self):
        """End the controller that the page has started last."""
        if self.controller is not None and self.controller.poll() is None:
            self.controller.send_signal(signal.SIGTERM)
            self.controller.wait(PATIENCE)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    with ControlPlane.start() as cluster:
        made = Scene(cluster, tmp_path_factory.mktemp("page"), "page")
        made.log = None
        made.namespaces = {"paused": "shop"}
        made.set_up(only=("paused", "healthy"))
        made.create("", _namespace("argo-rollouts"))
        made.hands.run("apply -f -", stdin=_peer())
        made.left_at = _version(made)
        yield made
        made.line.close()


@pytest.fixture(scope="module")
def reader(scene, tmp_path_factory):
    made = Reader(scene, tmp_path_factory.mktemp("reader"))
    (made.folder / "argo-rollouts-crds.yaml").write_text(PEER_DEFINITION.read_text())
    yield made
    made.stop()


def test_the_page_can_be_followed(scene, reader):
    said = {}
    for line in (line for block in BLOCKS for line in block.splitlines()):
        if line.startswith(("rollouts run", "kubectl apply")):
            reader.stop()
        said[line] = reader.type(line)
        _await_effect(scene, line)

    assert "0 errors" in said["rollouts lint rollouts.yaml"]
    assert {"shop", "page-healthy"} <= set(said["rollouts list -A"].split())
    assert "40" in said["rollouts get web -n shop"]
    assert len(scene.all("ReplicaSet", "paused")) == 2
    assert scene.weight("paused") == 60
    for story in ("paused", "healthy"):
        metadata = scene.rollout(story)["metadata"]
        assert not [key for key in metadata["annotations"] if key.startswith("rollouts.dev/")]
        assert "finalizers" not in metadata
    assert scene.hands.get("deployment argo-rollouts -n argo-rollouts")["spec"]["replicas"] == 1


def _await_effect(scene, line):
    """Wait for what a reader would look for before the next line."""

    def status():
        return scene.rollout("paused")["status"]

    def until(question):
        wait_until(question, at_most=PATIENCE, what=f"the effect of {line!r}")

    if line.startswith("rollouts run --instance-id"):
        # Ours now, and the one without the label is nobody's business.
        until(lambda: MEMORY in scene.rollout("paused")["metadata"]["annotations"])
        assert MEMORY not in scene.rollout("healthy")["metadata"]["annotations"]
    elif line.startswith("rollouts run"):
        until(lambda: _version(scene) != scene.left_at)
    elif "rollouts.dev/promote" in line:
        until(lambda: status().get("currentStepIndex") == 5)
        until(lambda: scene.weight("paused") == 60)


def test_every_label_and_annotation_of_the_page_is_spelt_right():
    text = PAGE.read_text()

    assert HASH not in text  # people do not need it
    assert f"`{MEMORY}`" in text
    assert yaml.safe_load(PEER_DEFINITION.read_text())["metadata"]["name"] == "rollouts.argoproj.io"


def _version(scene):
    return scene.rollout("healthy")["metadata"]["resourceVersion"]


def _namespace(name):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _peer():
    """The Deployment of the peer's controller; its pod does nothing."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "argo-rollouts", "namespace": "argo-rollouts"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": PEER},
            "template": {
                "metadata": {"labels": PEER},
                "spec": {"containers": [{"name": "argo-rollouts", "image": "argo-rollouts:1"}]},
            },
        },
    }

"""The real helm installs, upgrades and uninstalls, on the embedded cluster over HTTP."""

from __future__ import annotations

import os
import shlex
import subprocess

import pytest
from programs import HELM, needs_helm
from shell.live import Live

from rollouts.api.refs import CRD, DEPLOYMENT, NAMESPACE
from tests.chart.helm import ROOT
from tests.compatibility.test_docs import BLOCKS, commands_of

pytestmark = [pytest.mark.helm, needs_helm]

LINES = [
    command
    for block in BLOCKS
    if block.language == "sh"
    for command in commands_of(block)
    if command[0] == "helm"
]


@pytest.fixture
def live(tmp_path):
    made = Live(tmp_path, controller=False)
    yield made
    made.close()


def run(live, *arguments):
    environment = {**os.environ, "KUBECONFIG": live.kubeconfig}
    return subprocess.run(
        [HELM, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env=environment,
        check=False,
    )


def done(live, line):
    found = run(live, *shlex.split(line)[1:])
    assert found.returncode == 0, found.stderr
    return found.stdout


def forget_definitions(live, besides=""):
    """Remove the definitions, but for those that are named."""
    for each in live.items(CRD, ""):
        if each["metadata"]["name"] not in besides:
            live.delete(CRD, "", each["metadata"]["name"])


def test_a_release_lives_and_its_definitions_outlive_it(live):
    forget_definitions(live)
    said = done(live, "helm install rollouts charts/rollouts -n rollouts --create-namespace")
    deployment = live.get(DEPLOYMENT, "rollouts", "rollouts")
    defined = {each["metadata"]["name"] for each in live.items(CRD, "")}
    done(live, "helm upgrade rollouts charts/rollouts -n rollouts --set replicas=3")
    more = live.get(DEPLOYMENT, "rollouts", "rollouts")["spec"]["replicas"]
    gone = done(live, "helm uninstall rollouts -n rollouts")

    assert "is installed in namespace rollouts" in said
    assert deployment["spec"]["replicas"] == 2
    assert more == 3
    assert "kept due to the resource policy" in gone
    assert len(live.items(DEPLOYMENT, "rollouts")) == 0
    assert {each["metadata"]["name"] for each in live.items(CRD, "")} == defined
    assert "rollouts.argoproj.io" in defined
    # What stayed is no obstacle to coming back.
    done(live, "helm install rollouts charts/rollouts -n rollouts")


@pytest.mark.parametrize(
    "command", [pytest.param(each, id=" ".join(each[1:])[:60]) for each in LINES]
)
def test_a_line_of_the_documentation_works(live, command):
    """What has to be there before is there: a release to upgrade, a namespace, definitions."""
    arguments = command[1:]
    namespace = arguments[arguments.index("--namespace") + 1]
    if "--create-namespace" not in arguments:
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        live.create(NAMESPACE, manifest)
    if "crds.install=false" not in arguments:
        forget_definitions(live, besides=" ".join(arguments))
    if arguments[0] in {"upgrade", "uninstall"}:
        done(live, f"helm install {arguments[1]} charts/rollouts --namespace {namespace}")
    found = run(live, *arguments)

    assert found.returncode == 0, found.stderr


def test_the_documentation_has_lines_to_try():
    assert {each[1] for each in LINES} >= {"install", "upgrade", "uninstall"}

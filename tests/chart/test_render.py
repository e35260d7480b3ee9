"""What the real helm renders: accepted by an API server, restricted, and what the values say."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

import pytest
from programs import needs_helm

from rollouts.api.crd import crd_manifests
from rollouts.cli.run import add_parser
from rollouts.controller.settings import read_settings
from rollouts.emulator import ApiServer
from rollouts.telemetry.health import Health
from rollouts.telemetry.metrics import Metrics
from rollouts.telemetry.server import ProbeServer
from tests.chart.helm import (
    CASES,
    CHART,
    EVERYTHING,
    NAMESPACE,
    names,
    objects,
    only,
    run_helm,
    template,
)
from tests.cluster.rights import documents_of

pytestmark = [pytest.mark.helm, needs_helm]

FOREIGN = {"ServiceMonitor"}
"""Kinds of somebody else's definitions, which the emulator does not serve."""


def settings_of(deployment):
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    return read_settings(parser.parse_args(container["args"]), {})


@pytest.mark.parametrize("case", CASES)
def test_lint_has_nothing_to_say(case):
    done = run_helm("lint", "--strict", str(CHART), values=CASES[case])

    assert done.returncode == 0, done.stdout
    assert "WARNING" not in done.stdout


@pytest.mark.parametrize("case", CASES)
def test_an_api_server_takes_every_object(case):
    """Namespaces first, as `--create-namespace` would; each in a dry run and for good."""
    server = ApiServer(lambda: datetime.now(UTC))
    for name in (NAMESPACE, "argocd", "flux-system", "shop"):
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        server.create(server.resource_for_kind("v1", "Namespace"), "", manifest)
    for each in objects(case):
        if each["kind"] in FOREIGN:
            continue
        rt = server.resource_for_kind(each["apiVersion"], each["kind"])
        namespace = each["metadata"].get("namespace", "")
        assert bool(namespace) is rt.namespaced, each["metadata"]["name"]
        for dry_run in (True, False):
            made = server.create(rt, namespace, each, dry_run=dry_run)
        # Nothing is pruned: no field of ours is unknown to the server.
        assert set(made["spec"] if "spec" in each else {}) >= set(each.get("spec") or {})


@pytest.mark.parametrize("case", CASES)
def test_the_pod_keeps_to_the_restricted_standard(case):
    pod = only("Deployment", objects(case))["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    allowed = {"emptyDir", "configMap", "secret", "projected"}
    assert all(set(each) - {"name"} <= allowed for each in pod["volumes"])


@pytest.mark.parametrize("case", CASES)
def test_the_arguments_are_ones_that_the_controller_takes(case):
    assert settings_of(only("Deployment", objects(case))) is not None


def test_the_defaults_of_the_chart_are_those_of_the_controller():
    settings = settings_of(only("Deployment", objects("default")))
    plain = read_settings(None, {})

    assert settings.timing == plain.timing
    assert (settings.workers, settings.gitops_workers) == (plain.workers, plain.gitops_workers)
    assert (settings.health_port, settings.metrics_port) == (
        plain.health_port,
        plain.metrics_port,
    )
    assert (settings.leader_elect, settings.gitops) == (True, True)
    assert settings.git_poll == plain.git_poll


def test_the_lease_that_is_granted_is_the_one_that_is_held():
    for case in ("default", "everything"):
        documents = objects(case)
        lease = settings_of(only("Deployment", documents)).lease_name
        granted = [
            rule["resourceNames"]
            for each in documents
            if each["kind"] == "Role"
            for rule in each["rules"]
            if rule.get("resourceNames")
        ]

        assert granted == [[lease]]


def test_probes_ask_for_what_is_served():
    (container,) = only("Deployment", objects("default"))["spec"]["template"]["spec"]["containers"]
    server = ProbeServer(Health(), Metrics())
    served = server.paths
    ports = {each["name"] for each in container["ports"]}

    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["path"] in served
        assert container[probe]["httpGet"]["port"] in ports
    # A cache that cannot be filled must not restart the pod.
    assert container["startupProbe"]["httpGet"]["path"] != "/readyz"


def test_the_pod_may_take_longer_to_end_than_the_controller_needs():
    pod = only("Deployment", objects("default"))["spec"]["template"]["spec"]

    assert pod["terminationGracePeriodSeconds"] > read_settings(None, {}).shutdown_seconds


def test_definitions_are_those_of_the_models_and_stay_when_the_release_goes():
    found = {
        each["metadata"]["name"]: each
        for each in objects("default")
        if each["kind"] == "CustomResourceDefinition"
    }
    models = {each["metadata"]["name"]: each for each in crd_manifests()}

    assert {name: each["spec"] for name, each in found.items()} == {
        name: each["spec"] for name, each in models.items()
    }
    for name, each in found.items():
        wanted = models[name]["metadata"].get("annotations", {})
        assert each["metadata"]["annotations"] == wanted | {"helm.sh/resource-policy": "keep"}


def test_definitions_can_be_left_to_others():
    left = "kustomizations.kustomize.toolkit.fluxcd.io"
    some = documents_of(template({"crds": {"except": [left], "keep": False}}))
    kind = "CustomResourceDefinition"

    assert names(kind, objects("without-crds")) == []
    bare = names(kind, objects("without-gitops"))
    assert "rollouts.argoproj.io" in bare
    assert not [name for name in bare if name.endswith("fluxcd.io") or "applications" in name]
    assert left not in names(kind, some)
    assert len(names(kind, some)) == len(list(crd_manifests())) - 1
    assert all(
        "helm.sh/resource-policy" not in each["metadata"].get("annotations", {}) for each in some
    )


def test_one_namespace_needs_nothing_of_the_cluster():
    kinds = {each["kind"] for each in objects("namespaced")}

    assert not kinds & {"ClusterRole", "ClusterRoleBinding"}
    assert {each["metadata"].get("namespace", NAMESPACE) for each in objects("namespaced")} == {
        NAMESPACE
    }
    assert settings_of(only("Deployment", objects("namespaced"))).namespace == NAMESPACE


def test_one_pod_has_no_budget_that_would_block_a_drain():
    assert names("PodDisruptionBudget", objects("alone")) == []
    assert names("PodDisruptionBudget", objects("default")) == ["rollouts"]


def test_without_gitops_no_right_of_it_is_left():
    roles = [each["metadata"]["name"] for each in objects("without-gitops") if "rules" in each]

    assert not [name for name in roles if name.endswith(("gitops", "managed", "credentials"))]
    assert settings_of(only("Deployment", objects("without-gitops"))).gitops is False


def test_two_releases_share_nothing_of_the_cluster():
    other = documents_of(
        run_helm("template", "rollouts", str(CHART), "--namespace", "elsewhere").stdout
    )

    assert not set(names("ClusterRole", objects("default"))) & set(names("ClusterRole", other))


def test_values_reach_the_pod():
    deployment = only("Deployment", objects("everything"))
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert pod["serviceAccountName"] == "deployer"
    assert container["image"] == f"rollouts@{EVERYTHING['image']['digest']}"
    assert pod["nodeSelector"] == EVERYTHING["nodeSelector"]
    assert pod["tolerations"] == EVERYTHING["tolerations"]
    assert pod["priorityClassName"] == "high"
    (spread,) = pod["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"] == deployment["spec"]["selector"]["matchLabels"]
    assert container["env"][-1] == EVERYTHING["extraEnv"][0]
    assert deployment["metadata"]["labels"]["team"] == "platform"


def test_a_platform_may_choose_the_user():
    pod = only("Deployment", documents_of(template({"runAsUser": None})))["spec"]["template"]

    assert "runAsUser" not in pod["spec"]["securityContext"]
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"replica": 3}, "replica"),
        ({"gitops": {"right": []}}, "right"),
        ({"replicas": "two"}, "replicas"),
        ({"workers": 0}, "workers"),
        ({"instanceId": "not a label"}, "instanceId"),
        ({"image": {"digest": "sha256:abc"}}, "digest"),
        ({"logging": {"level": "verbose"}}, "level"),
        ({"analysis": {"enabled": "yes"}}, "analysis"),
        ({"gitops": {"rights": [{"resources": ["pods"]}]}}, "apiGroups"),
        ({"runAsUser": 0}, "runAsUser"),
        ({"terminationGracePeriodSeconds": 5}, "terminationGracePeriodSeconds"),
        (
            {"leaderElection": {"enabled": False}},
            "replicas is 2 and leaderElection.enabled is false",
        ),
        (
            {"namespaced": True, "gitops": {"clusterAdmin": True}},
            "set one of them to false",
        ),
        (
            {"leaderElection": {"renewDeadline": 15}},
            "retryPeriod < renewDeadline < leaseDuration, not 2 < 15 < 10",
        ),
        (
            {"metrics": {"service": {"enabled": False}, "serviceMonitor": {"enabled": True}}},
            "metrics.serviceMonitor.enabled needs metrics.service.enabled",
        ),
    ],
)
def test_a_wrong_value_is_refused_by_name(values, said):
    done = run_helm("template", "r", str(CHART), "--namespace", "tools", values=values)

    assert done.returncode != 0
    assert said in done.stderr

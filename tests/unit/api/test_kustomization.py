"""A Kustomization of either version is read and its mistakes are named."""

from datetime import timedelta

import pytest

from rollouts.api.checks import check_kustomization, read_kustomization


def _said(manifest):
    return [problem.path for problem in check_kustomization(manifest)]


def test_a_good_one(kustomization):
    read = read_kustomization(kustomization())

    assert read.interval == timedelta(minutes=10)
    assert read.retry_interval == timedelta(minutes=10)
    assert read.source_namespace == "flux-system"
    assert read.manifest() == kustomization()


@pytest.mark.parametrize(
    ("fields", "timeout"),
    [
        ({}, timedelta(minutes=9, seconds=30)),
        ({"interval": "1m"}, timedelta(seconds=30)),
        ({"interval": "10s"}, timedelta(seconds=30)),
        ({"timeout": "5m"}, timedelta(minutes=5)),
        ({"timeout": "29s"}, timedelta(seconds=30)),
        ({"timeout": "31s"}, timedelta(seconds=31)),
    ],
)
def test_the_timeout_is_never_below_30_seconds(kustomization, fields, timeout):
    assert read_kustomization(kustomization(**fields)).timeout == timeout


@pytest.mark.parametrize(
    ("fields", "prunes"),
    [
        ({"prune": True}, True),
        ({"prune": False}, False),
        ({"prune": False, "deletionPolicy": "Delete"}, True),
        ({"prune": True, "deletionPolicy": "Orphan"}, False),
        ({"prune": False, "deletionPolicy": "MirrorPrune"}, False),
        ({"prune": False, "deletionPolicy": "WaitForTermination"}, True),
    ],
)
def test_deletion_prunes_as_the_policy_says(kustomization, fields, prunes):
    assert read_kustomization(kustomization(**fields)).prunes_on_deletion is prunes


def test_fields_of_both_versions_are_accepted_together(kustomization):
    manifest = kustomization(
        validation="client",
        patchesStrategicMerge=[{"apiVersion": "apps/v1", "kind": "Deployment"}],
        patchesJson6902=[
            {"target": {"kind": "Deployment"}, "patch": [{"op": "remove", "path": "/x"}]}
        ],
        ignore=[{"paths": ["/spec/replicas"]}],
        driftIgnoreRules=[{"paths": ["/spec/x"]}],
        healthChecks=[{"kind": "Deployment", "name": "web", "namespace": "shop"}],
        dependsOn=[{"name": "infra"}],
    )
    read = read_kustomization(manifest)

    assert [rule.paths for rule in read.ignore_rules] == [("/spec/replicas",), ("/spec/x",)]
    assert read.manifest() == manifest


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"interval": ...}, "spec.interval"),
        ({"interval": "60"}, "spec.interval"),
        ({"prune": ...}, "spec.prune"),
        ({"prune": "true"}, "spec.prune"),
        ({"sourceRef": ...}, "spec.sourceRef"),
        ({"sourceRef": {"kind": "GitRepository"}}, "spec.sourceRef.name"),
        ({"sourceRef": {"kind": "Bucket", "name": "b"}}, "spec.sourceRef.kind"),
        ({"path": "../x"}, "spec.path"),
        ({"path": "./a/../../x"}, "spec.path"),
        ({"path": "a\x00b"}, "spec.path"),
        ({"targetNamespace": "Shop"}, "spec.targetNamespace"),
        ({"validation": "strict"}, "spec.validation"),
        ({"deletionPolicy": "Maybe"}, "spec.deletionPolicy"),
        ({"dependsOn": [{"name": "web"}]}, "spec.dependsOn[0].name"),
        ({"dependsOn": [{"name": "a", "readyExpr": "true"}]}, "spec.dependsOn[0].readyExpr"),
        ({"ignore": [{"paths": ["spec/x"]}]}, "spec.ignore[0].paths[0]"),
        ({"postBuild": {"substitute": {"a": "b"}}}, "spec.postBuild"),
        ({"kubeConfig": {"secretRef": {"name": "c"}}}, "spec.kubeConfig"),
        ({"serviceAccountName": "deployer"}, "spec.serviceAccountName"),
        ({"decryption": {"provider": "sops"}}, "spec.decryption"),
        ({"healthCheckExprs": [{"kind": "X", "current": "true"}]}, "spec.healthCheckExprs"),
    ],
)
def test_a_mistake_is_named(kustomization, fields, path):
    assert _said(kustomization(**fields)) == [path]


@pytest.mark.parametrize("path", ["", "./", ".", "a/b", "a/../b", "/deploy", "..a"])
def test_a_path_inside_the_source(kustomization, path):
    assert _said(kustomization(path=path)) == []


def test_a_component_may_climb_from_its_directory(kustomization):
    assert _said(kustomization(components=["../components/x"])) == []


def test_a_dependency_of_the_same_name_elsewhere_is_another(kustomization):
    assert _said(kustomization(dependsOn=[{"name": "web", "namespace": "other"}])) == []

"""One function checks an object of any kind."""

import pytest

from rollouts.api.checks import check_manifest


def _said(manifest):
    return [problem.path for problem in check_manifest(manifest)]


@pytest.mark.parametrize("version", ["v1", "v1beta2"])
def test_our_kinds_are_checked_by_their_rules(git_repository, version):
    manifest = git_repository(url="x") | {"apiVersion": f"source.toolkit.fluxcd.io/{version}"}

    assert _said(manifest) == ["spec.url"]


def test_a_rollout_is_checked_by_its_rules(canary):
    assert _said(canary(steps=[{}])) == ["spec.strategy.canary.steps[0]"]


@pytest.mark.parametrize(
    "manifest",
    [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "spec": 5},
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"generateName": "a-"}},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "a:b"}},
        {"apiVersion": "v1", "kind": "List", "items": []},
        {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"},
    ],
)
def test_other_kinds_need_a_head_and_a_name(manifest):
    assert _said(manifest) == []


@pytest.mark.parametrize(
    ("manifest", "paths"),
    [
        ({}, ["apiVersion", "kind", "metadata.name"]),
        ({"apiVersion": "", "kind": "", "metadata": {}}, ["apiVersion", "kind", "metadata.name"]),
        ({"apiVersion": 1, "kind": "A", "metadata": {"name": "a"}}, ["apiVersion"]),
        ({"apiVersion": "v1", "kind": "A", "metadata": "a"}, ["metadata"]),
        ({"apiVersion": "v1", "kind": "A", "metadata": {"name": ""}}, ["metadata.name"]),
        ({"apiVersion": "v1", "kind": "A", "metadata": {"name": 1}}, ["metadata.name"]),
        ({"apiVersion": "v1", "kind": "A", "metadata": {"name": "a/b"}}, ["metadata.name"]),
        ({"apiVersion": "v1", "kind": "A", "metadata": {"name": ".."}}, ["metadata.name"]),
        ({"apiVersion": "v1", "kind": "A", "metadata": {"name": "a" * 254}}, ["metadata.name"]),
    ],
)
def test_a_bad_head_is_named(manifest, paths):
    assert _said(manifest) == paths


@pytest.mark.parametrize("manifest", [None, 5, "x", [], True])
def test_what_is_no_map_is_one_problem(manifest):
    (problem,) = check_manifest(manifest)

    assert problem.message == "must be a map of keys and values"


@pytest.mark.parametrize(
    ("metadata", "path"),
    [
        ({"name": "Web"}, "metadata.name"),
        ({"name": "web", "namespace": "a.b"}, "metadata.namespace"),
        ({"name": "web", "labels": {"a": "b c"}}, "metadata.labels.a"),
        ({"name": "web", "labels": {"a b": "c"}}, "metadata.labels[a b]"),
        ({"name": "web", "annotations": {"/x": "c"}}, "metadata.annotations[/x]"),
        ({"name": "web", "annotations": {"x": 1}}, "metadata.annotations.x"),
        ({"labels": {}}, "metadata.name"),
    ],
)
def test_metadata_of_our_kinds_is_checked(rollout, metadata, path):
    assert _said(rollout() | {"metadata": metadata}) == [path]

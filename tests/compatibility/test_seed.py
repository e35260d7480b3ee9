"""The manifests that this product was made for are accepted as they stand."""

from pathlib import Path

import pytest
import yaml

from rollouts.api.application import Application
from rollouts.api.checks import check_manifest
from rollouts.api.git_repository import GitRepository
from rollouts.api.helm_repository import HelmRepository
from rollouts.api.kustomization import Kustomization
from rollouts.api.rollout import Rollout
from rollouts.api.shape import unknown_findings

SEED = Path(__file__).parent / "seed"
MODELS = {
    model.__name__: model
    for model in (Application, GitRepository, HelmRepository, Kustomization, Rollout)
}
FILES = sorted(path.name for path in SEED.glob("*.yaml"))
MANIFESTS = [
    pytest.param(manifest, id=f"{name}:{manifest['kind']}")
    for name in FILES
    for manifest in yaml.safe_load_all((SEED / name).read_text(encoding="utf-8"))
]

# What the fragments leave out, and any user of them has to add.
MISSING = {
    "rollout.yaml": {
        "selector": {"matchLabels": {"app": "myapp"}},
        "template": {
            "metadata": {"labels": {"app": "myapp"}},
            "spec": {"containers": [{"name": "myapp", "image": "myapp:1"}]},
        },
    },
    "application-health-hooks.yaml": {
        "source": {"repoURL": "https://github.com/myorg/myapp.git", "path": "deploy/k8s"},
        "destination": {"server": "https://kubernetes.default.svc", "namespace": "production"},
    },
}


def _documents(name):
    return list(yaml.safe_load_all((SEED / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", FILES)
def test_a_completed_manifest_has_no_problem(name):
    for manifest in _documents(name):
        completed = manifest | {"spec": manifest["spec"] | MISSING.get(name, {})}

        assert check_manifest(completed) == ()


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_nothing_of_a_manifest_is_lost(manifest):
    assert MODELS[manifest["kind"]].model_validate(manifest).manifest() == manifest


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_every_field_of_a_manifest_is_known(manifest):
    assert list(unknown_findings(MODELS[manifest["kind"]], manifest)) == []


def test_the_fragments_lack_only_what_is_added_here():
    (rollout,) = _documents("rollout.yaml")
    (application,) = _documents("application-health-hooks.yaml")

    assert [problem.path for problem in check_manifest(rollout)] == [
        "spec.selector",
        "spec.template",
    ]
    assert [problem.path for problem in check_manifest(application)] == [
        "spec.destination.server",
        "spec.source",
    ]


def test_the_steps_of_the_rollout_say_what_they_say():
    (manifest,) = _documents("rollout.yaml")
    steps = Rollout.model_validate(manifest).steps

    assert [step.set_weight for step in steps[::2]] == [10, 30, 50, 100]
    assert [step.pause.delay.total_seconds() for step in steps[1::2]] == [600, 600, 600]

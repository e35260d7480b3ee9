"""Builders of whole manifests; a test overrides the one thing it is about."""

import copy

import pytest

_ROLLOUT = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Rollout",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "replicas": 5,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "web:1"}]},
        },
        "strategy": {"canary": {}},
    },
}
_NGINX = {
    "canaryService": "web-canary",
    "stableService": "web-stable",
    "trafficRouting": {"nginx": {"stableIngress": "web"}},
}


def _overridden(manifest, spec):
    manifest = copy.deepcopy(manifest)
    for key, value in spec.items():
        if value is ...:
            manifest["spec"].pop(key, None)
        else:
            manifest["spec"][key] = value
    return manifest


@pytest.fixture
def rollout():
    """Return a builder of a valid Rollout; `...` removes a field of spec."""

    def build(**spec):
        return _overridden(_ROLLOUT, spec)

    return build


@pytest.fixture
def canary(rollout):
    """Return a builder of a Rollout without a router, by fields of its canary strategy."""

    def build(**fields):
        return rollout(strategy={"canary": fields})

    return build


@pytest.fixture
def routed(rollout):
    """Return a builder of a Rollout with the nginx router, by fields of its canary strategy."""

    def build(**fields):
        return rollout(strategy={"canary": _NGINX | fields})

    return build


@pytest.fixture
def application():
    """Return a builder of a valid Application; `...` removes a field of spec."""
    manifest = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "web", "namespace": "argocd"},
        "spec": {
            "source": {"repoURL": "https://github.com/org/web.git", "path": "deploy"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
        },
    }

    def build(**spec):
        return _overridden(manifest, spec)

    return build


def _flux(group, kind, spec):
    manifest = {
        "apiVersion": f"{group}.toolkit.fluxcd.io/v1",
        "kind": kind,
        "metadata": {"name": "web", "namespace": "flux-system"},
        "spec": spec,
    }

    def build(**overrides):
        return _overridden(manifest, overrides)

    return build


@pytest.fixture
def git_repository():
    """Return a builder of a valid GitRepository."""
    spec = {"url": "https://github.com/org/web.git", "interval": "1m", "ref": {"branch": "main"}}
    return _flux("source", "GitRepository", spec)


@pytest.fixture
def helm_repository():
    """Return a builder of a valid HelmRepository."""
    return _flux("source", "HelmRepository", {"url": "https://charts.example", "interval": "1h"})


@pytest.fixture
def kustomization():
    """Return a builder of a valid Kustomization."""
    spec = {
        "interval": "10m",
        "sourceRef": {"kind": "GitRepository", "name": "web"},
        "path": "./deploy",
        "prune": True,
    }
    return _flux("kustomize", "Kustomization", spec)

"""A HelmRepository of either version is read and its mistakes are named."""

from datetime import timedelta

import pytest

from rollouts.api.checks import check_helm_repository, read_helm_repository


def _said(manifest):
    return [problem.path for problem in check_helm_repository(manifest)]


def test_a_good_one(helm_repository):
    read = read_helm_repository(helm_repository())

    assert (read.interval, read.timeout) == (timedelta(hours=1), timedelta(minutes=1))
    assert not read.is_registry
    assert str(read.ref) == "HelmRepository/flux-system/web"


def test_an_interval_may_be_left_out(helm_repository):
    assert read_helm_repository(helm_repository(interval=...)).interval == timedelta(minutes=1)


def test_a_registry(helm_repository):
    assert read_helm_repository(helm_repository(url="oci://r.example/x", type="oci")).is_registry


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"url": "oci://r.example/x"}, "spec.type"),
        ({"type": "oci"}, "spec.url"),
        ({"url": "ssh://host/x"}, "spec.url"),
        ({"url": ...}, "spec.url"),
        ({"type": "git"}, "spec.type"),
        ({"timeout": "0s"}, "spec.timeout"),
        ({"passCredentials": "yes"}, "spec.passCredentials"),
        ({"secretRef": {}}, "spec.secretRef.name"),
        ({"provider": "other"}, "spec.provider"),
    ],
)
def test_a_mistake_is_named(helm_repository, fields, path):
    assert _said(helm_repository(**fields)) == [path]

"""Whose object it is."""

import pytest
from shell.gitops_words import APP, FLUX, declared, key, live, manifest

from rollouts.gitops.model import Family, ResourceKey, UnitId
from rollouts.gitops.tracking import TRACKING_ID, is_tracked_by, marks, tracking_id, tracking_name

HOME = "argocd"


def tracked(text, name="a"):
    return manifest(name=name, annotations={TRACKING_ID: text})


def test_an_application_is_named_without_its_namespace_at_home():
    assert tracking_name("argocd", "web", HOME) == "web"
    assert tracking_name("team", "web", HOME) == "team_web"


def test_the_id_names_the_object_itself():
    assert tracking_id("web", key(), "shop") == "web:/ConfigMap:shop/a"
    cluster_role = ResourceKey("rbac.authorization.k8s.io", "ClusterRole", "", "a:b")

    assert (
        tracking_id("web", cluster_role, "shop")
        == "web:rbac.authorization.k8s.io/ClusterRole:shop/a:b"
    )


def test_a_declared_object_bears_the_mark_of_its_unit():
    for unit_id in (APP, FLUX):
        assert is_tracked_by(live(declared(unit_id=unit_id)), unit_id, key(), HOME)
        other = UnitId(unit_id.family, unit_id.namespace, "other")
        assert not is_tracked_by(live(declared(unit_id=unit_id)), other, key(), HOME)


def test_a_copy_with_our_annotation_is_not_ours():
    copy = tracked("web:/ConfigMap:shop/a", name="b")

    assert not is_tracked_by(copy, APP, key(name="b"), HOME)


def test_a_copy_in_another_namespace_is_not_ours():
    assert not is_tracked_by(
        tracked("web:/ConfigMap:shop/a"), APP, ResourceKey("", "ConfigMap", "other", "a"), HOME
    )


def test_an_application_of_another_namespace_is_another_application():
    mark = tracked("team_web:/ConfigMap:shop/a")

    assert not is_tracked_by(mark, APP, key(), HOME)
    assert is_tracked_by(mark, UnitId(Family.APPLICATION, "team", "web"), key(), HOME)


def test_a_cluster_scoped_object_is_ours_whatever_namespace_its_mark_states():
    role = ResourceKey("rbac.authorization.k8s.io", "ClusterRole", "", "a:b")
    for namespace in ("", "shop"):
        mark = tracked(f"web:rbac.authorization.k8s.io/ClusterRole:{namespace}/a:b")
        assert is_tracked_by(mark, APP, role, HOME)


@pytest.mark.parametrize(
    "text",
    ["", "web", "web:x", "web:/:shop/a", "web:ConfigMap:shop/a", ":/ConfigMap:shop/a", "a:b:c"],
)
def test_a_mark_that_cannot_be_read_is_none(text):
    assert marks(tracked(text), HOME) == ()


def test_half_of_the_labels_is_no_mark():
    assert marks(manifest(labels={"kustomize.toolkit.fluxcd.io/name": "web"}), HOME) == ()

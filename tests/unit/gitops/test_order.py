"""The order in which objects are applied and removed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollouts.gitops.order import (
    PHASES,
    apply_rank,
    batches,
    flux_prune_key,
    flux_rank,
    flux_stage,
    flux_stages,
    groups,
    ordered,
    prune_groups,
    task,
    wave_of,
)


def obj(kind, name="x", *, namespace="", wave=None, api_version="v1", **more):
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    if wave is not None:
        metadata["annotations"] = {"argocd.argoproj.io/sync-wave": wave}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}


def crd(kind, group="example.com", wave=None):
    spec = {"group": group, "names": {"kind": kind}}
    return obj("CustomResourceDefinition", f"{kind}.{group}", wave=wave, spec=spec)


def names(tasks):
    return [each.manifest["metadata"]["name"] for each in tasks]


def test_kinds_are_applied_as_argo_cd_does():
    kinds = ["Namespace", "NetworkPolicy", "ServiceAccount", "Secret", "ConfigMap"]
    kinds += ["CustomResourceDefinition", "ClusterRole", "Role", "Service", "DaemonSet", "Pod"]
    kinds += ["Deployment", "HorizontalPodAutoscaler", "StatefulSet", "Job", "CronJob"]
    kinds += ["IngressClass", "Ingress", "APIService", "Rollout"]

    assert sorted(sorted(kinds), key=apply_rank) == kinds
    assert apply_rank("Rollout") == apply_rank("Anything")


def test_kinds_are_applied_as_flux_does_webhooks_last():
    kinds = ["CustomResourceDefinition", "Namespace", "ClusterRole", "StorageClass"]
    kinds += ["ResourceQuota", "ServiceAccount", "ConfigMap", "Secret", "Service", "Deployment"]
    kinds += ["PodDisruptionBudget", "Rollout", "ValidatingWebhookConfiguration"]

    assert sorted(sorted(kinds), key=flux_rank) == kinds


@pytest.mark.parametrize(
    ("kind", "stage"),
    [("Namespace", 0), ("ClusterRole", 0), ("StorageClass", 1), ("MyClass", 1), ("Service", 2)],
)
def test_a_kind_has_a_stage(kind, stage):
    assert flux_stage(kind) == stage


@pytest.mark.parametrize(
    ("annotations", "wave"),
    [
        (None, 0),
        ({}, 0),
        ({"argocd.argoproj.io/sync-wave": "-5"}, -5),
        ({"argocd.argoproj.io/sync-wave": " 3 "}, 3),
        ({"argocd.argoproj.io/sync-wave": 3}, 3),
        ({"argocd.argoproj.io/sync-wave": "soon"}, 0),
        ({"argocd.argoproj.io/sync-wave": "soon", "helm.sh/hook-weight": "2"}, 2),
        ({"helm.sh/hook-weight": "-1"}, -1),
        ({"argocd.argoproj.io/sync-wave": "1", "helm.sh/hook-weight": "2"}, 1),
    ],
)
def test_a_wave_is_read_from_annotations(annotations, wave):
    assert wave_of({"kind": "X", "metadata": {"annotations": annotations}}) == wave


def test_phase_comes_before_wave_before_kind_before_name():
    tasks = [
        task(obj("Job", "post"), "PostSync"),
        task(obj("Service", "b")),
        task(obj("Service", "a")),
        task(obj("Rollout", "rollout")),
        task(obj("ConfigMap", "late", wave="1")),
        task(obj("Rollout", "early", wave="-1")),
        task(obj("Job", "pre", wave="9"), "PreSync"),
        task(obj("Job", "fail"), "SyncFail"),
    ]

    assert names(ordered(tasks)) == ["pre", "early", "a", "b", "rollout", "late", "post", "fail"]


def test_a_group_is_one_phase_and_wave():
    tasks = [task(obj("A", "1")), task(obj("B", "2", wave="1")), task(obj("C", "3"), "PostSync")]

    assert [names(group) for group in groups(tasks)] == [["1"], ["2"], ["3"]]
    assert groups([]) == ()


def test_a_batch_is_one_rank_within_a_group():
    (group,) = groups([task(obj(k, n)) for k, n in [("Secret", "s"), ("Y", "y"), ("Z", "z")]])

    assert [names(batch) for batch in batches(group)] == [["s"], ["y", "z"]]


def test_a_namespace_is_pulled_forward_to_its_first_user():
    tasks = [
        task(obj("Namespace", "shop", wave="5")),
        task(obj("Namespace", "other", wave="5")),
        task(obj("Job", "pre", namespace="shop"), "PreSync"),
        task(obj("ConfigMap", "c", namespace="shop")),
    ]

    assert names(ordered(tasks)) == ["shop", "pre", "c", "other"]
    assert ordered(tasks)[0].phase == "PreSync"


def test_a_definition_is_pulled_forward_to_its_first_object():
    tasks = [
        task(crd("Widget", wave="3")),
        task(obj("Widget", "w", api_version="example.com/v1", wave="-2")),
        task(obj("Widget", "foreign", api_version="other.com/v1", wave="-9")),
    ]

    assert names(ordered(tasks)) == ["foreign", "Widget.example.com", "w"]


def test_what_stands_early_enough_is_not_moved():
    tasks = [task(obj("Namespace", "shop", wave="-5")), task(obj("Pod", "p", namespace="shop"))]

    assert [each.wave for each in ordered(tasks)] == [-5, 0]


def test_flux_applies_in_stages():
    manifests = [obj("Deployment", "d"), obj("StorageClass", "s"), obj("Namespace", "n"), crd("W")]

    stages = [[each["metadata"]["name"] for each in stage] for stage in flux_stages(manifests)]

    assert stages == [["W.example.com", "n"], ["s"], ["d"]]
    assert flux_stages([]) == ()


def test_removal_goes_backwards_through_waves_and_kinds():
    items = [(0, "Namespace", "n"), (0, "Service", "s"), (0, "Rollout", "r"), (1, "Job", "j")]

    removed = prune_groups(
        items, step=lambda item: item[0], kind=lambda item: item[1], name=lambda item: item[2]
    )

    assert removed == (((1, "Job", "j"),), (items[2], items[1], items[0]))


def test_flux_removes_namespaces_last():
    kinds = ["Namespace", "CustomResourceDefinition", "StorageClass", "Service", "Rollout"]

    removed = sorted(kinds, key=flux_prune_key)

    assert removed == [
        "Rollout",
        "Service",
        "StorageClass",
        "Namespace",
        "CustomResourceDefinition",
    ]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(PHASES),
            st.integers(-3, 3),
            st.sampled_from(["Namespace", "Service", "Rollout"]),
            st.sampled_from(["a", "b"]),
            st.sampled_from(["", "a", "b"]),
        ),
        max_size=12,
        unique_by=lambda drawn: drawn[2:],
    )
)
def test_order_is_total_and_nothing_is_lost(drawn):
    tasks = [
        task(obj(kind, name, namespace=namespace, wave=str(wave)), phase)
        for phase, wave, kind, name, namespace in drawn
    ]

    found = ordered(tasks)

    assert sorted(map(str, (t.manifest for t in found))) == sorted(str(t.manifest) for t in tasks)
    assert all(one.step <= other.step for one, other in pairwise(found))
    assert [t.manifest for t in ordered(tasks[::-1])] == [t.manifest for t in found]

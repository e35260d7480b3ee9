"""What is sent for an object, and what counts as drift."""

import pytest
from shell.gitops_words import declared, live, managed, ours, unit

from rollouts.gitops.diff import build_payload, drift_paths, ignored_paths
from rollouts.gitops.model import IgnoreRule
from rollouts.gitops.normalize import comparable, fold_secret
from rollouts.gitops.owned import Delivery

REPLICAS = IgnoreRule("apps", "Deployment", pointers=("/spec/replicas",))


def deployment(replicas=3, **rest):
    return declared("Deployment", "web", spec={"replicas": replicas, "paused": False}, **rest)


def scaled(one, replicas, *managers):
    spec = {**one.manifest["spec"], "replicas": replicas}
    return live(one, spec=spec, managers=managers)


def test_a_creation_sends_what_git_declares_ignored_or_not():
    one = deployment()

    assert build_payload(unit(ignore=(REPLICAS,)), one, None, Delivery()).manifest is one.manifest


def test_an_ignored_field_is_sent_as_it_is_with_the_version_it_was_read_at():
    one = deployment(3)

    payload = build_payload(unit(ignore=(REPLICAS,)), one, scaled(one, 9), Delivery())

    assert payload.manifest["spec"]["replicas"] == 9
    assert payload.manifest["metadata"]["resourceVersion"] == "7"


def test_an_ignored_field_that_is_as_declared_may_change_any_moment():
    one = deployment(3)

    payload = build_payload(unit(ignore=(REPLICAS,)), one, scaled(one, 3), Delivery())

    assert payload.manifest["metadata"]["resourceVersion"] == "7"
    assert payload.manifest["spec"] == one.manifest["spec"]


def test_an_object_that_nobody_else_writes_to_needs_no_precondition():
    one = deployment(3)

    payload = build_payload(unit(), one, scaled(one, 3), Delivery())

    assert payload.manifest is one.manifest


def test_an_ignored_field_of_another_applier_is_left_out():
    one = deployment(3)
    there = scaled(one, 9, managed("scaler", {"f:spec": {"f:replicas": {}}}, "Apply"))

    payload = build_payload(unit(ignore=(REPLICAS,)), one, there, Delivery())

    assert "replicas" not in payload.manifest["spec"]


def test_an_ignored_field_that_only_we_own_is_kept_when_git_drops_it():
    one = declared("Deployment", "web", spec={"paused": False})
    there = scaled(one, 9, ours({"f:spec": {"f:replicas": {}}}))

    payload = build_payload(unit(ignore=(REPLICAS,)), one, there, Delivery())

    assert payload.manifest["spec"]["replicas"] == 9


def test_an_ignored_field_of_nobody_stays_out():
    one = declared("Deployment", "web", spec={"paused": False})

    payload = build_payload(unit(ignore=(REPLICAS,)), one, scaled(one, 9), Delivery())

    assert "replicas" not in payload.manifest["spec"]


def test_an_ignored_field_that_was_removed_stays_removed():
    rule = IgnoreRule(pointers=("/metadata/annotations/note",))
    one = declared(annotations={"note": "git", "other": "x"})
    notes = {k: v for k, v in one.manifest["metadata"]["annotations"].items() if k != "note"}
    there = live(one, metadata={**live(one)["metadata"], "annotations": notes})

    payload = build_payload(unit(ignore=(rule,)), one, there, Delivery())

    assert payload.manifest["metadata"]["annotations"] == notes


def test_respecting_can_be_switched_off_while_the_difference_stays_ignored():
    one = deployment(3)
    there = scaled(one, 9)

    payload = build_payload(unit(ignore=(REPLICAS,), respect_ignored=False), one, there, Delivery())

    assert payload.manifest["spec"]["replicas"] == 3
    assert drift_paths(one.manifest, there, payload.ignored) == ()


def test_a_field_in_a_list_is_always_adopted_even_from_another_applier():
    rule = IgnoreRule("networking.k8s.io", "Ingress", pointers=("/spec/rules/0/host",))
    one = declared("Ingress", "web", spec={"rules": [{"host": "git.example"}]})
    there = live(
        one,
        spec={"rules": [{"host": "live.example"}]},
        managers=[managed("edge", {"f:spec": {"f:rules": {}}}, "Apply")],
    )

    payload = build_payload(unit(ignore=(rule,)), one, there, Delivery())

    assert payload.manifest["spec"]["rules"] == [{"host": "live.example"}]
    assert payload.manifest["metadata"]["resourceVersion"] == "7"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (IgnoreRule("*", "*"), True),
        (IgnoreRule("apps", "*"), True),
        (IgnoreRule("*", "Deployment", name="web", namespace="shop"), True),
        (IgnoreRule("apps", "Deployment", name="other"), False),
        (IgnoreRule("apps", "Deployment", namespace="other"), False),
        (IgnoreRule("", "Deployment"), False),
        (IgnoreRule("apps", "StatefulSet"), False),
        (IgnoreRule("apps", "Deployment", name="w.*", patterns=True), True),
        (IgnoreRule("apps", "Deployment", name="w", patterns=True), False),
    ],
)
def test_rules_match_by_group_kind_name_and_namespace(rule, expected):
    assert expected == rule.matches(deployment().key)


def test_fields_of_named_managers_are_ignored():
    rule = IgnoreRule("apps", "Deployment", managers=("scaler",))
    one = deployment()
    there = scaled(one, 9, managed("scaler", {"f:spec": {"f:replicas": {}}}))

    assert ignored_paths((rule,), one, there) == (("spec", "replicas"),)


def test_status_and_what_the_server_writes_are_no_drift():
    one = declared(data={"a": "1"})
    there = live(one, status={"x": 1})
    predicted = {**one.manifest, "metadata": {**one.manifest["metadata"], "generation": 9}}

    assert drift_paths(predicted, there, ()) == ()


def test_labels_and_annotations_are_drift():
    one = declared(labels={"a": "b"})
    there = live(one, metadata={**live(one)["metadata"], "labels": {"a": "c"}})

    assert drift_paths(one.manifest, there, ()) == (("metadata", "labels", "a"),)


def test_empty_maps_of_metadata_equal_absent_ones():
    assert comparable({"metadata": {"name": "a", "labels": {}}}) == comparable(
        {"metadata": {"name": "a"}}
    )


def pods(cpu, **volume):
    return {
        "template": {
            "spec": {
                "containers": [{"name": "a", "resources": {"limits": {"cpu": cpu}}}],
                "volumes": [{"name": "v", "emptyDir": volume}],
            }
        }
    }


def test_quantities_of_a_rollout_are_compared_by_value():
    one = declared("Rollout", "web", spec=pods("1000m", sizeLimit="1Gi"))
    there = live(one, spec=pods("1", sizeLimit="1024Mi"))

    assert drift_paths(one.manifest, there, ()) == ()
    assert drift_paths(one.manifest, live(one, spec=pods("2", sizeLimit="1Gi")), ()) != ()


def test_what_is_no_quantity_is_compared_as_it_stands():
    one = declared("Rollout", "web", spec=pods("lots"))

    assert drift_paths(one.manifest, live(one, spec=pods("more")), ()) != ()


def test_string_data_of_a_secret_is_sent_as_data():
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "a"},
        "data": {"old": "b2xk", "both": "eA=="},
        "stringData": {"both": "word", "new": "ä"},
    }

    folded = fold_secret(secret)

    assert folded["data"] == {"old": "b2xk", "both": "d29yZA==", "new": "w6Q="}
    assert "stringData" not in folded
    assert fold_secret({"kind": "Secret", "apiVersion": "example.com/v1", "stringData": {}}) == {
        "kind": "Secret",
        "apiVersion": "example.com/v1",
        "stringData": {},
    }


def test_fields_set_with_kubectl_become_ours():
    one = declared()
    by_hand = managed("kubectl-edit", {"f:metadata": {"f:annotations": {"f:x": {}}}})
    notes = {**one.manifest["metadata"]["annotations"], "x": "by hand"}
    there = live(one, managers=[by_hand])
    there["metadata"]["annotations"] = notes

    payload = build_payload(unit(), one, there, Delivery())

    assert payload.managed_fields is not None
    assert [entry["manager"] for entry in payload.managed_fields] == ["rollouts-gitops"]


@pytest.mark.parametrize(
    ("fields", "annotations"),
    [
        ({"migrate_kubectl": False}, {}),
        ({}, {"kustomize.toolkit.fluxcd.io/ssa": "merge"}),
        ({"ignore": (IgnoreRule(pointers=("/metadata/annotations/x",)),)}, {}),
    ],
)
def test_fields_set_with_kubectl_stay_where_that_is_asked_for(fields, annotations):
    one = declared(annotations=annotations)
    by_hand = managed("kubectl-edit", {"f:metadata": {"f:annotations": {"f:x": {}}}})
    there = live(one, managers=[by_hand])
    there["metadata"]["annotations"] = {**one.manifest["metadata"]["annotations"], "x": "hand"}

    assert build_payload(unit(**fields), one, there, Delivery()).managed_fields is None

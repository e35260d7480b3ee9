"""Rights are compared as the API server's RBAC authorizer would decide."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.cluster.rights import (
    Right,
    missing,
    right_of_request,
    rules_of,
    unused,
    used,
    user_of,
)

USER = "system:serviceaccount:tools:rollouts"
DEPLOYMENT = {
    "kind": "Deployment",
    "metadata": {"namespace": "tools", "name": "rollouts"},
    "spec": {"template": {"spec": {"serviceAccountName": "rollouts"}}},
}


def role(*rules, kind="ClusterRole", namespace=None, name="r"):
    place = {"namespace": namespace} if namespace else {}
    return {"kind": kind, "metadata": {"name": name, **place}, "rules": list(rules)}


def binding(*, kind="ClusterRoleBinding", namespace=None, to="ClusterRole", account="rollouts"):
    place = {"namespace": namespace} if namespace else {}
    subject = {"kind": "ServiceAccount", "name": account, "namespace": "tools"}
    return {
        "kind": kind,
        "metadata": {"name": "b", **place},
        "roleRef": {"kind": to, "name": "r"},
        "subjects": [subject],
    }


def rule(verbs, resources, group="", **more):
    return {"apiGroups": [group], "resources": resources, "verbs": verbs, **more}


def rendered(*documents):
    return yaml.safe_dump_all([DEPLOYMENT, *documents])


def event(verb, resource="pods", *, code=200, user=USER, **about):
    ref = {"resource": resource, "apiVersion": "v1", **about}
    return json.dumps(
        {
            "user": {"username": user},
            "verb": verb,
            "objectRef": ref,
            "requestURI": f"/api/v1/{resource}",
            "responseStatus": {"code": code},
        }
    )


def test_a_rule_grants_every_combination_that_it_spells_out():
    text = rendered(role(rule(["get", "list"], ["pods", "pods/log"])), binding())

    assert rules_of(text) == {
        Right("get", "", "pods"),
        Right("list", "", "pods"),
        Right("get", "", "pods/log"),
        Right("list", "", "pods/log"),
    }
    assert user_of(text) == USER


def test_a_rule_of_names_grants_each_name_alone():
    text = rendered(role(rule(["get"], ["leases"], "x", resourceNames=["a", "b"])), binding())

    assert rules_of(text) == {
        Right("get", "x", "leases", name="a"),
        Right("get", "x", "leases", name="b"),
    }


@pytest.mark.parametrize("kind", ["Role", "ClusterRole"])
def test_a_role_counts_in_the_namespace_of_its_binding(kind):
    home = "shop" if kind == "Role" else None
    text = rendered(
        role(rule(["get"], ["pods"]), kind=kind, namespace=home),
        binding(kind="RoleBinding", namespace="shop", to=kind),
    )

    assert rules_of(text) == {Right("get", "", "pods", "shop")}


def test_a_role_that_is_bound_to_others_grants_nothing():
    text = rendered(role(rule(["get"], ["pods"])), binding(account="somebody"))

    assert rules_of(text) == set()


def test_a_binding_to_a_role_that_is_not_rendered_is_an_error():
    with pytest.raises(KeyError):
        rules_of(rendered(binding()))


def test_paths_are_granted_by_cluster_roles_alone():
    paths = {"nonResourceURLs": ["/metrics"], "verbs": ["get"]}

    assert rules_of(rendered(role(paths), binding())) == {Right("get", path="/metrics")}
    local = binding(kind="RoleBinding", namespace="shop")
    assert rules_of(rendered(role(paths), local)) == set()


@pytest.mark.parametrize(
    ("granted", "done", "allowed"),
    [
        (Right("get", "", "pods"), Right("get", "", "pods", "shop", "a"), True),
        (Right("get", "", "pods", "shop"), Right("get", "", "pods", "shop"), True),
        (Right("get", "", "pods", "shop"), Right("get", "", "pods", "other"), False),
        # All namespaces at once are more than one of them.
        (Right("list", "", "pods", "shop"), Right("list", "", "pods"), False),
        (Right("get", "", "pods"), Right("list", "", "pods"), False),
        (Right("get", "", "pods"), Right("get", "apps", "pods"), False),
        (Right("get", "", "pods"), Right("get", "", "pods/log", "shop", "a"), False),
        (Right("create", "", "pods/eviction"), Right("create", "", "pods/eviction", "s"), True),
        (Right("get", "", "pods", "", "a"), Right("get", "", "pods", "s", "a"), True),
        (Right("get", "", "pods", "", "a"), Right("get", "", "pods", "s", "b"), False),
        (Right("list", "", "pods", "", "a"), Right("list", "", "pods", "s"), False),
        (Right("*", "*", "*"), Right("patch", "apps", "deployments/scale", "s", "a"), True),
        (Right("*", "*", "*/status"), Right("patch", "apps", "deployments/status"), True),
        (Right("*", "*", "*/status"), Right("patch", "apps", "deployments"), False),
        (Right("*", "*", "*"), Right("get", path="/metrics"), False),
        (Right("get", path="/a/*"), Right("get", path="/a/b"), True),
        (Right("get", path="/a/*"), Right("get", path="/b"), False),
        (Right("get", path="/a"), Right("get", path="/a/b"), False),
    ],
)
def test_covering_follows_the_authorizer(granted, done, allowed):
    assert granted.covers(done) is allowed


def test_the_log_tells_what_a_user_needed():
    lines = [
        event("list", "rollouts", apiGroup="argoproj.io"),
        event("patch", "rollouts", apiGroup="argoproj.io", subresource="status", name="a"),
        event("get", "pods", user="somebody"),
        "",
    ]

    assert used(lines, USER) == {
        Right("list", "argoproj.io", "rollouts"),
        Right("patch", "argoproj.io", "rollouts/status", name="a"),
    }


def test_a_refused_request_needed_its_right_too():
    (needed,) = used([event("list", "secrets", code=403)], USER)

    assert missing({needed}, set()) == {Right("list", "", "secrets")}


def test_a_created_object_has_no_name_that_rules_could_see_but_its_subresource_has():
    lines = [event("create", "events", namespace="s", name="from-the-body")]
    evicted = [event("create", "pods", namespace="s", name="a", subresource="eviction")]

    assert used(lines, USER) == {Right("create", "", "events", "s")}
    assert used(evicted, USER) == {Right("create", "", "pods/eviction", "s", "a")}


@pytest.mark.parametrize(("code", "verbs"), [(200, {"patch"}), (201, {"patch", "create"})])
def test_an_apply_that_makes_its_object_needs_the_right_to_create_it(code, verbs):
    lines = [event("patch", "configmaps", namespace="s", name="a", code=code)]

    assert {each.verb for each in used(lines, USER)} == verbs


def test_paths_are_told_without_their_query():
    line = json.dumps(
        {"user": {"username": USER}, "verb": "get", "requestURI": "/version?timeout=32s"}
    )

    assert used([line], USER) == {Right("get", path="/version")}


def test_what_every_cluster_grants_is_not_missing():
    done = {
        Right("get", path="/version"),
        Right("get", path="/apis/apps/v1"),
        Right("get", path="/metrics"),
    }

    assert missing(done, set()) == {Right("get", path="/metrics")}


def test_missing_and_unused_fail_both_ways():
    granted = {Right("get", "", "pods"), Right("list", "", "pods")}
    done = {Right("get", "", "pods", "s", "a"), Right("watch", "", "pods")}

    assert missing(done, granted) == {Right("watch", "", "pods")}
    assert unused(done, granted) == {Right("list", "", "pods")}


@pytest.mark.parametrize(
    ("method", "url", "right"),
    [
        ("GET", "/version", Right("get", path="/version")),
        ("GET", "/apis/apps/v1", Right("get", path="/apis/apps/v1")),
        ("GET", "/api/v1", Right("get", path="/api/v1")),
        ("GET", "/api/v1/pods?limit=5", Right("list", "", "pods")),
        ("GET", "/api/v1/pods?watch=1", Right("watch", "", "pods")),
        ("GET", "/api/v1/namespaces", Right("list", "", "namespaces")),
        ("GET", "/api/v1/namespaces/s", Right("get", "", "namespaces", "s", "s")),
        ("PATCH", "/api/v1/namespaces/s/pods/a", Right("patch", "", "pods", "s", "a")),
        (
            "POST",
            "/apis/apps/v1/namespaces/s/daemonsets",
            Right("create", "apps", "daemonsets", "s"),
        ),
        ("DELETE", "/api/v1/namespaces/s/pods", Right("deletecollection", "", "pods", "s")),
        ("DELETE", "/api/v1/namespaces/s/pods/a", Right("delete", "", "pods", "s", "a")),
        (
            "PATCH",
            "/apis/argoproj.io/v1alpha1/namespaces/s/rollouts/a/status?dryRun=All",
            Right("patch", "argoproj.io", "rollouts/status", "s", "a"),
        ),
        (
            "POST",
            "/api/v1/namespaces/s/pods/a/eviction",
            Right("create", "", "pods/eviction", "s", "a"),
        ),
    ],
)
def test_a_request_needs_the_right_that_the_server_would_ask_for(method, url, right):
    assert right_of_request(method, url) == right

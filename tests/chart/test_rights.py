"""The rights that the chart grants are the ones that the controller needs, no more and no fewer.

The controller runs against the embedded cluster, which writes down who asked for what; what was
asked is compared with what the real helm renders. On a true API server the end-to-end tests do
the same with its audit log, under the rendered service account.
"""

from __future__ import annotations

import pytest
from programs import needs_helm, needs_kustomize
from shell.gitops_world import Git, config_map
from shell.live import Live

from rollouts.api.crd import crd_manifests
from rollouts.api.refs import (
    APPLICATION,
    CONFIG_MAP,
    GIT_REPOSITORY,
    KUSTOMIZATION,
    NAMESPACE,
    ROLLOUT,
)
from rollouts.controller.gitops_loop import GitOpsLoop
from tests.chart.helm import objects, rendered, template
from tests.cluster.rights import Right, missing, rules_of, unused

pytestmark = [pytest.mark.helm, needs_helm]

AFTER_A_LOST_RACE = {
    Right("get", group, resource)
    for group, resource in (
        ("", "services"),
        ("apps", "replicasets"),
        ("argoproj.io", "rollouts"),
        ("networking.k8s.io", "ingresses"),
    )
}
"""An object is read by itself when a write of it met somebody else's."""

STEPS = [{"setWeight": 50}, {"pause": {}}]


def needs(record):
    """Return the rights that one recorded request asked for."""
    resource, _, group = record.resource.partition(".")
    if not resource:
        return {Right(record.verb, path=record.name)}
    full = f"{resource}/{record.subresource}" if record.subresource else resource
    is_named = record.verb != "create" or bool(record.subresource)
    name = record.name if is_named else ""
    right = Right(record.verb, group, full, record.namespace, name)
    if record.verb == "patch" and record.code == 201:
        return {right, Right("create", group, full, record.namespace, name)}
    return {right}


class Watched(Live):
    """A live cluster that remembers which rights its controller has used."""

    def __init__(self, directory, **options):
        super().__init__(directory, lease_namespace="tools", leader_elect=True, **options)

    @property
    def used(self):
        records = self.in_cluster(lambda _: list(self.running.requests.records))
        return set().union(*(needs(each) for each in records))

    def space(self, name):
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self.create(NAMESPACE, manifest)

    def annotate(self, namespace, **requests):
        marks = {f"rollouts.dev/{verb}": value for verb, value in requests.items()}
        self.patch(ROLLOUT, namespace, "shop", {"metadata": {"annotations": marks}})


def run_canaries(live):
    """Everything that people do with a canary: promote, abort, restart, roll back."""
    quick = {"scaleDownDelaySeconds": 1}
    live.deploy("shop", steps=STEPS, canary=quick, revisionHistoryLimit=0)
    live.set_image("shop", "shop:2")
    live.wait_for("shop", "Paused")
    live.annotate("shop", abort="errors")
    live.wait_for("shop", "Degraded")
    live.annotate("shop", rollback="previous")
    live.until(lambda: live.status("shop").get("phase") == "Healthy")
    live.set_image("shop", "shop:3")
    live.wait_for("shop", "Paused")
    live.annotate("shop", promote="full")
    live.wait_for("shop", "Healthy")
    live.annotate("shop", restart="true")
    live.until(lambda: any(each.resource == "pods/eviction" for each in live.used))
    # Former revisions are deleted once their scale-down delay is over.
    live.until(lambda: any(each.verb == "delete" for each in live.used))


def test_canaries_use_every_right_that_they_are_granted_and_no_other(tmp_path):
    # Runs and templates are followed by every controller, whether there is analysis or not.
    templates = {
        Right(verb, "argoproj.io", resource)
        for verb in ("list", "watch")
        for resource in ("analysisruns", "analysistemplates", "clusteranalysistemplates")
    }
    granted = rules_of(rendered("canaries")) | templates
    live = Watched(tmp_path)
    try:
        live.space("tools")
        run_canaries(live)
        used = live.used
    finally:
        live.close()

    assert missing(used, granted) == set()
    assert unused(used, granted) <= AFTER_A_LOST_RACE


def people(case):
    """What `view` and `edit` are given by aggregation; `admin` has both."""
    roles = [each for each in objects(case) if each["kind"] == "ClusterRole"]
    found = {"view": {}, "edit": {}, "admin": {}}
    for role in roles:
        for name, verbs in found.items():
            if role["metadata"]["labels"].get(f"{AGGREGATE}-{name}") == "true":
                for rule in role["rules"]:
                    for resource in rule["resources"]:
                        verbs.setdefault(resource, set()).update(rule["verbs"])
    return found


AGGREGATE = "rbac.authorization.k8s.io/aggregate-to"
ANALYSIS = {"analysisruns", "analysistemplates", "clusteranalysistemplates"}
READ = {"get", "list", "watch"}
WRITE = {"create", "update", "patch", "delete", "deletecollection"}


def test_people_who_view_see_analysis_and_people_who_edit_make_and_end_it():
    granted = people("default")

    assert {each: granted["view"].get(each) for each in ANALYSIS} == dict.fromkeys(ANALYSIS, READ)
    assert {each: granted["edit"].get(each) for each in ANALYSIS} == dict.fromkeys(ANALYSIS, WRITE)
    assert granted["admin"] == granted["edit"]
    # What `view` gives is in `edit` already: Kubernetes aggregates the one into the other.
    assert not {verb for verbs in granted["view"].values() for verb in verbs} & WRITE


def test_people_are_given_a_right_to_every_kind_of_ours():
    kinds = {each["spec"]["names"]["plural"] for each in crd_manifests()}

    assert kinds <= set(people("default")["view"])


def test_what_is_not_served_is_nothing_for_people_either():
    granted = people("canaries")

    assert not (set(granted["view"]) | set(granted["edit"])) & ANALYSIS
    assert granted["edit"]["rollouts"] == WRITE


@needs_kustomize
def test_gitops_uses_no_right_that_it_is_not_granted(tmp_path):
    values = {"gitops": {"credentials": {"namespaces": ["argocd"]}}}
    granted = rules_of(template(values))
    git = Git(tmp_path / "repo")
    git.commit({"deploy/a.yaml": [config_map("a"), config_map("b")]})
    loop = GitOpsLoop()
    live = Watched(tmp_path, gitops=True, extensions=(loop.install,))
    try:
        for name in ("tools", "argocd", "flux-system", "shop", "flow"):
            live.space(name)
        run_syncs(live, git)
        used = live.used
    finally:
        live.close()

    assert missing(used, granted) == set()
    own = {each for each in granted if each.group.endswith("fluxcd.io")}
    assert {each for each in unused(used, own) if each.verb != "get"} == {
        Right("patch", "source.toolkit.fluxcd.io", "helmrepositories/status")
    }


def run_syncs(live, git):
    """An Application and a Kustomization: created, drifted, pruned, deleted."""
    where = {"server": "https://kubernetes.default.svc", "namespace": "shop"}
    application = {
        "apiVersion": APPLICATION.api_version,
        "kind": APPLICATION.kind,
        "metadata": {"name": "shop", "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": {"repoURL": git.url, "targetRevision": "main", "path": "deploy"},
            "destination": where,
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
        },
    }
    repository = {
        "apiVersion": GIT_REPOSITORY.api_version,
        "kind": GIT_REPOSITORY.kind,
        "metadata": {"name": "deploy", "namespace": "flux-system"},
        "spec": {"url": git.url, "interval": "1s", "ref": {"branch": "main"}},
    }
    kustomization = {
        "apiVersion": KUSTOMIZATION.api_version,
        "kind": KUSTOMIZATION.kind,
        "metadata": {"name": "flow", "namespace": "flux-system"},
        "spec": {
            "sourceRef": {"kind": "GitRepository", "name": "deploy"},
            "path": "./deploy",
            "targetNamespace": "flow",
            "interval": "1s",
            "prune": True,
        },
    }
    live.create(APPLICATION, application)
    live.create(GIT_REPOSITORY, repository)
    live.create(KUSTOMIZATION, kustomization)
    live.until(lambda: maps(live, "shop") == maps(live, "flow") == ["a", "b"])
    live.patch(CONFIG_MAP, "shop", "a", {"data": {"key": "by hand"}})
    live.until(lambda: live.get(CONFIG_MAP, "shop", "a")["data"] == {"key": "1"})
    git.commit({"deploy/a.yaml": [config_map("a")]})
    live.until(lambda: maps(live, "flow") == ["a"], "nothing is pruned")
    live.delete(KUSTOMIZATION, "flux-system", "flow")
    live.until(lambda: maps(live, "flow") == [], "nothing is torn down")


def maps(live, namespace):
    found = live.items(CONFIG_MAP, namespace)
    return sorted(each["metadata"]["name"] for each in found if "key" in each.get("data", {}))


@pytest.mark.parametrize("verb", ["patch", "watch"])
def test_a_rule_that_is_removed_is_missed(verb):
    """The comparison itself can fail: what was used is missing once its rule is gone."""
    granted = rules_of(rendered("default"))
    gone = Right(verb, "apps", "replicasets")

    assert missing({gone}, granted) == set()
    assert missing({gone}, granted - {gone}) == {gone}


def test_a_rule_that_is_added_is_unused():
    extra = Right("delete", "", "nodes")

    assert unused({Right("get", "", "pods")}, {extra}) == {extra}


def test_cluster_admin_and_rules_of_ones_own_are_granted_as_asked():
    everything = rules_of(rendered("everything"))

    assert Right("*", "*", "*") in rules_of(rendered("cluster-admin"))
    assert Right("get", "", "namespaces") in everything
    assert Right("get", "", "secrets", "argocd") in everything
    assert Right("update", "argoproj.io", "rollouts/finalizers") in everything


def test_by_default_nothing_of_secrets_rbac_or_nodes_is_granted():
    granted = rules_of(rendered("default"))
    touchy = {"secrets", "nodes", "roles", "rolebindings", "clusterroles", "clusterrolebindings"}

    assert {each for each in granted if each.resource in touchy} == set()
    assert {each for each in granted if "*" in (each.verb, each.resource, each.group)} == set()


def test_in_one_namespace_nothing_is_granted_anywhere_else():
    assert {each.namespace for each in rules_of(rendered("namespaced"))} == {"tools"}

"""An Application is read and its mistakes are named."""

import pytest

from rollouts.api.application import Application
from rollouts.api.checks import check_application, read_application

REPO = "https://github.com/org/web.git"
HOOK_TEXT = "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: post-}\n"


def _said(manifest):
    return [problem.path for problem in check_application(manifest)]


def test_a_good_one(application):
    read = read_application(application())

    assert read.project == "default"
    assert [source.path for source in read.sources] == ["deploy"]
    assert read.automated is None
    assert read.manifest() == application()


@pytest.mark.parametrize(
    ("policy", "automated"),
    [
        ({}, False),
        ({"automated": None}, False),
        ({"automated": {}}, True),
        ({"automated": {"enabled": False}}, False),
        ({"automated": {"prune": True}}, True),
    ],
)
def test_automation_is_on_when_it_is_asked_for(application, policy, automated):
    read = read_application(application(syncPolicy=policy))

    assert (read.automated is not None) is automated


def test_several_sources_go_before_one(application):
    sources = [{"repoURL": REPO, "path": "a"}, {"repoURL": REPO, "ref": "values"}]

    assert [each.repo_url for each in read_application(application(sources=sources)).sources] == [
        REPO
    ] * 2


@pytest.mark.parametrize(
    "destination",
    [
        {"server": "https://kubernetes.default.svc"},
        {"server": "https://kubernetes.default.svc/", "namespace": "x"},
        {"name": "in-cluster"},
    ],
)
def test_this_cluster(application, destination):
    assert _said(application(destination=destination)) == []


@pytest.mark.parametrize(
    ("destination", "path"),
    [
        (..., "spec.destination.server"),
        ({}, "spec.destination.server"),
        ({"server": "https://other.example"}, "spec.destination.server"),
        ({"name": "other"}, "spec.destination.name"),
        (
            {"server": "https://kubernetes.default.svc", "name": "in-cluster"},
            "spec.destination.name",
        ),
        ({"name": "in-cluster", "namespace": "Shop"}, "spec.destination.namespace"),
    ],
)
def test_a_bad_destination(application, destination, path):
    assert _said(application(destination=destination)) == [path]


@pytest.mark.parametrize(
    "source",
    [
        {"repoURL": "git@github.com:org/web.git", "path": "."},
        {"repoURL": REPO, "path": "deploy", "targetRevision": "HEAD"},
        {"repoURL": REPO, "path": "deploy", "targetRevision": "1.2.*"},
        {"repoURL": REPO, "path": "x", "kustomize": {"images": ["a=b:1"], "replicas": []}},
        {"repoURL": REPO, "path": "x", "directory": {"recurse": True, "exclude": "*.txt"}},
    ],
)
def test_a_good_source(application, source):
    assert _said(application(source=source)) == []


def chart(**helm):
    return {"repoURL": REPO, "path": "a", "helm": helm}


def test_how_a_chart_is_rendered_can_be_said(application):
    helm = {
        "releaseName": "web",
        "valueFiles": ["../values/*.yaml"],
        "valuesObject": {"a": None},
        "parameters": [{"name": "a", "value": "1", "forceString": True}],
        "fileParameters": [{"name": "b", "path": "b.txt"}],
    }

    assert _said(application(source=chart(**helm))) == []


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ({"path": "deploy"}, "repoURL"),
        ({"repoURL": "", "path": "deploy"}, "repoURL"),
        ({"repoURL": "ext::sh", "path": "deploy"}, "repoURL"),
        ({"repoURL": "git@-oProxyCommand=id:x", "path": "deploy"}, "repoURL"),
        ({"repoURL": REPO}, "path"),
        ({"repoURL": REPO, "path": "/deploy"}, "path"),
        ({"repoURL": REPO, "path": "../x"}, "path"),
        ({"repoURL": REPO, "path": "a", "chart": "b"}, "chart"),
        ({"repoURL": REPO, "path": "a", "targetRevision": "-x"}, "targetRevision"),
        ({"repoURL": REPO, "path": "a", "targetRevision": 1}, "targetRevision"),
        ({"repoURL": REPO, "path": "a", "plugin": {"name": "p"}}, "plugin"),
        ({"repoURL": "https://charts.example", "chart": "web"}, "chart"),
        ({"repoURL": "registry.example/charts", "chart": "web"}, "chart"),
        (chart(valueFiles=["$values/a.yaml"]), "helm.valueFiles[0]"),
        (chart(valueFiles=["a.yaml", "https://x.example/a.yaml"]), "helm.valueFiles[1]"),
        (chart(valueFiles=["/a.yaml"]), "helm.valueFiles[0]"),
        (chart(parameters=[{"value": "1"}]), "helm.parameters[0].name"),
        (chart(fileParameters=[{"name": "a"}]), "helm.fileParameters[0].path"),
        (
            {"repoURL": REPO, "path": "a", "directory": {"jsonnet": {"libs": ["x"]}}},
            "directory.jsonnet",
        ),
    ],
)
def test_a_bad_source(application, source, path):
    assert _said(application(source=source)) == [f"spec.source.{path}"]


def test_no_source_at_all(application):
    assert _said(application(source=...)) == ["spec.source"]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"syncPolicy": {"syncOptions": ["Prune"]}}, "spec.syncPolicy.syncOptions[0]"),
        ({"syncPolicy": {"automated": {"prune": "yes"}}}, "spec.syncPolicy.automated.prune"),
        ({"syncPolicy": {"retry": {"limit": -2}}}, "spec.syncPolicy.retry.limit"),
        (
            {"syncPolicy": {"retry": {"backoff": {"duration": "soon"}}}},
            "spec.syncPolicy.retry.backoff.duration",
        ),
        (
            {"syncPolicy": {"retry": {"backoff": {"factor": 0}}}},
            "spec.syncPolicy.retry.backoff.factor",
        ),
        (
            {"syncPolicy": {"retry": {"backoff": {"maxDuration": 0}}}},
            "spec.syncPolicy.retry.backoff.maxDuration",
        ),
        (
            {"ignoreDifferences": [{"kind": "Deployment", "jsonPointers": ["spec/replicas"]}]},
            "spec.ignoreDifferences[0].jsonPointers[0]",
        ),
        ({"ignoreDifferences": [{"group": "apps"}]}, "spec.ignoreDifferences[0].kind"),
        ({"revisionHistoryLimit": -1}, "spec.revisionHistoryLimit"),
        ({"sourceHydrator": {"drySource": {}}}, "spec.sourceHydrator"),
        ({"resourceHooks": [{"hook": {}}]}, "spec.resourceHooks[0].name"),
    ],
)
def test_a_mistake_is_named(application, fields, path):
    assert path in _said(application(**fields))


def _hook(name, text=HOOK_TEXT):
    return {"name": name, "hook": {"template": {"generate": text}}}


def test_a_good_hook(application):
    read = read_application(application(resourceHooks=[_hook("post-sync")]))

    assert read.spec.resource_hooks[0].hook.template.generate == HOOK_TEXT


def test_two_hooks_of_one_name(application):
    assert _said(application(resourceHooks=[_hook("a"), _hook("a")])) == [
        "spec.resourceHooks[1].name"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a: [",
        "just text",
        "- a",
        "kind: Job\n",
        f"{HOOK_TEXT}---\n{HOOK_TEXT}",
    ],
)
def test_a_hook_that_makes_nothing_sensible(application, text):
    said = _said(application(resourceHooks=[_hook("a", text)]))

    assert said == ["spec.resourceHooks[0].hook.template.generate"]


def test_an_operation_is_read(application):
    operation = {
        "initiatedBy": {"username": "ci"},
        "retry": {"limit": 2},
        "sync": {"revision": "abc", "prune": True, "resources": [{"kind": "Job", "name": "x"}]},
    }
    manifest = application() | {"operation": operation}
    read = read_application(manifest)

    assert read.operation.sync.revision == "abc"
    assert read.operation.retry.backoff.duration == "5s"
    assert read.manifest() == manifest


def test_a_bad_operation_is_named(application):
    manifest = application() | {"operation": {"sync": {"prune": "yes"}}}

    assert _said(manifest) == ["operation.sync.prune"]


def test_the_status_of_the_peer_is_read(application):
    status = {
        "sync": {"status": "Synced", "revision": "abc", "comparedTo": {"source": {"repoURL": "x"}}},
        "health": {"status": "Healthy"},
        "history": [{"id": 1, "revision": "abc", "deployedAt": "2026-01-31T12:00:00Z"}],
        "operationState": {"phase": "Succeeded", "syncResult": {"resources": []}},
        "resources": [{"kind": "Service", "name": "web", "status": "Synced"}],
        "summary": {"externalURLs": ["https://web.example"]},
    }
    manifest = application() | {"status": status}
    read = Application.model_validate(manifest)

    assert read.status.sync.status == "Synced"
    assert read.status.summary.external_urls == ("https://web.example",)
    assert read.manifest() == manifest

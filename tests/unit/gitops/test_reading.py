"""Reading specs and statuses of both dialects."""

from datetime import timedelta

import pytest
from shell.gitops_words import NOW

from rollouts.api.application import Application
from rollouts.api.kustomization import Kustomization
from rollouts.gitops.decide import Hold
from rollouts.gitops.frontends import application, kustomization
from rollouts.gitops.inventory import NOTHING
from rollouts.gitops.model import Attempt, Family, Phase, ResourceKey, UnitId
from rollouts.gitops.room import earliest, error_delay, jittered


def app(operation=None, source=None, **spec):
    manifest = {
        "metadata": {"name": "web", "namespace": "argocd"},
        "spec": {
            "source": {"repoURL": "https://x/y", "path": "deploy", **(source or {})},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
            **spec,
        },
    }
    if operation is not None:
        manifest["operation"] = operation
    return Application.model_validate(manifest)


def test_nothing_is_automatic_unless_it_is_said():
    unit = application.read_unit(app(), "argocd")

    assert (unit.automated, unit.prune, unit.self_heal, unit.allow_empty) == (False,) * 4
    assert unit.id == UnitId(Family.APPLICATION, "argocd", "web")
    assert (unit.tracking_name, unit.destination) == ("web", "shop")


def test_automation_is_read_and_may_be_disabled():
    policy = {"automated": {"prune": True, "selfHeal": True, "allowEmpty": True}}
    unit = application.read_unit(app(syncPolicy=policy), "argocd")
    assert (unit.automated, unit.prune, unit.self_heal, unit.allow_empty) == (True,) * 4

    policy["automated"]["enabled"] = False
    unit = application.read_unit(app(syncPolicy=policy), "argocd")
    assert (unit.automated, unit.prune) == (False, False)


def test_sync_options_become_policies():
    options = [
        "CreateNamespace=true",
        "PruneLast=true",
        "PrunePropagationPolicy=foreground",
        "FailOnSharedResource=true",
        "RespectIgnoreDifferences=false",
        "ClientSideApplyMigration=false",
    ]
    unit = application.read_unit(app(syncPolicy={"syncOptions": options}), "elsewhere")

    assert unit.create_namespace
    assert unit.last_stage_prune
    assert unit.prune_propagation == "Foreground"
    assert unit.fail_on_shared
    assert not unit.respect_ignored
    assert not unit.migrate_kubectl
    assert unit.tracking_name == "argocd_web"


def test_options_of_an_operation_go_before_those_of_the_spec():
    policy = {"syncOptions": ["PruneLast=true", "CreateNamespace=true"]}
    operation = {"sync": {"syncOptions": ["PruneLast=false"]}}

    options = application.sync_options(app(operation, syncPolicy=policy))

    assert options == {"PruneLast": "false", "CreateNamespace": "true"}


@pytest.mark.parametrize(
    ("retry", "expected"),
    [
        (None, (5, 5, 2, 180)),
        ({"limit": 0}, (0, 5, 2, 180)),
        (
            {"limit": -1, "backoff": {"duration": "1s", "factor": 3, "maxDuration": "1m"}},
            (-1, 1, 3, 60),
        ),
        ({"backoff": {"duration": "0s"}}, (5, 1, 2, 180)),
    ],
)
def test_retries_have_the_defaults_of_an_automated_sync(retry, expected):
    found = application.read_unit(app(syncPolicy={"retry": retry}), "argocd").retry

    assert expected == (
        found.limit,
        found.delay.total_seconds(),
        found.factor,
        found.delay_max.total_seconds(),
    )


def test_an_operation_is_not_retried_unless_somebody_says_so():
    assert application.read_request(app({"sync": {}})).retry.limit == 0
    stated = app({"sync": {}, "retry": {"limit": 3}})
    assert application.read_request(stated).retry.limit == 3
    inherited = app({"sync": {}}, syncPolicy={"retry": {"limit": 4}})
    assert application.read_request(inherited).retry.limit == 4


def test_an_operation_names_objects_with_or_without_a_namespace():
    resources = [
        {"group": "apps", "kind": "Deployment", "name": "a"},
        {"kind": "Service", "name": "b", "namespace": "shop"},
    ]

    request = application.read_request(app({"sync": {"resources": resources, "prune": True}}))

    assert request.prune
    assert request.only == (
        ResourceKey("apps", "Deployment", "", "a"),
        ResourceKey("", "Service", "shop", "b"),
    )
    assert application.read_request(app({"sync": {}})).only is None
    assert application.read_request(app()) is None


@pytest.mark.parametrize(
    ("source", "tool"),
    [
        ({}, "auto"),
        ({"directory": {"recurse": True}}, "directory"),
        ({"kustomize": {"namePrefix": "x-"}}, "kustomize"),
        ({"helm": {"releaseName": "x"}}, "helm"),
    ],
)
def test_an_explicit_block_chooses_the_tool(source, tool):
    (wish,) = application.read_wishes(app(source=source))

    assert tool == wish.options.tool


def test_head_means_what_the_remote_says():
    for revision in ("", "HEAD"):
        (wish,) = application.read_wishes(app(source={"targetRevision": revision}))
        assert wish.ref.text == ""
    (wish,) = application.read_wishes(app(source={"targetRevision": "main"}), "v1")
    assert wish.ref.text == "v1"


def test_a_status_of_a_peer_is_read():
    manifest = {
        "status": {
            "resources": [{"version": "v1", "kind": "ConfigMap", "namespace": "s", "name": "a"}],
            "operationState": {
                "phase": "Succeeded",
                "startedAt": "2026-05-01T12:00:00Z",
                "finishedAt": "2026-05-01T12:00:00Z",
                "retryCount": 2,
                "message": "done",
                "operation": {
                    "initiatedBy": {"automated": True},
                    "sync": {"autoHealAttemptsCount": 3},
                },
                "syncResult": {"revision": "abc"},
            },
        }
    }

    state = application.read_state(manifest)

    assert len(state.inventory) == 1
    assert state.attempt == Attempt(
        Phase.SUCCEEDED,
        "abc",
        started_at=NOW,
        finished_at=NOW,
        retries=2,
        heals=3,
        message="done",
    )


@pytest.mark.parametrize(
    "status",
    [None, {}, {"operationState": "x"}, {"operationState": {"phase": "?"}}, {"inventory": 3}],
)
def test_a_strange_status_remembers_nothing(status):
    state = application.read_state({"status": status})

    assert (state.inventory, state.attempt) == (NOTHING, None)


def test_our_own_inventory_goes_before_the_list_of_resources():
    resources = [{"version": "v1", "kind": "ConfigMap", "name": "a", "namespace": "s"}]
    status = {"inventory": {"entries": []}, "resources": resources}

    assert application.read_state({"status": status}).inventory == NOTHING


def flux(**spec):
    return Kustomization.model_validate(
        {
            "metadata": {"name": "web", "namespace": "flux-system", "generation": 1},
            "spec": {
                "interval": "10m",
                "prune": True,
                "sourceRef": {"kind": "GitRepository", "name": "web"},
                **spec,
            },
        }
    )


def test_a_kustomization_is_always_automatic():
    unit = kustomization.read_unit(flux(retryInterval="2m"))

    assert (unit.automated, unit.self_heal, unit.prune) == (True, True, True)
    assert unit.duplicates_fail
    assert unit.retry.limit == 0
    assert unit.retry.slow == timedelta(minutes=2)
    assert (unit.destination, unit.override_namespace) == ("default", False)
    placed = kustomization.read_unit(flux(targetNamespace="shop"))
    assert (placed.destination, placed.override_namespace) == ("shop", True)


def test_ignore_rules_of_flux_are_patterns():
    rules = [
        {"paths": ["/spec/replicas"], "target": {"kind": "Deployment", "name": "web-.*"}},
        {"paths": ["/data"]},
    ]
    unit = kustomization.read_unit(flux(ignore=rules))

    web = ResourceKey("apps", "Deployment", "shop", "web-1")
    other = ResourceKey("apps", "Deployment", "shop", "other")
    assert [rule.matches(web) for rule in unit.ignore] == [True, True]
    assert [rule.matches(other) for rule in unit.ignore] == [False, True]


@pytest.mark.parametrize(
    ("revision", "commit"),
    [
        ("main@sha1:abc", "abc"),
        ("sha1:abc", "abc"),
        ("feature/x@sha1:abc", "abc"),
        ("", ""),
        ("v1", ""),
    ],
)
def test_the_commit_of_an_artifact(revision, commit):
    assert commit == kustomization.commit_of(revision)


def dependency(ready="True", observed=1, revision="r", source=None):
    return {
        "metadata": {"generation": 1},
        "spec": {"sourceRef": source or {"kind": "GitRepository", "name": "web"}},
        "status": {
            "observedGeneration": observed,
            "lastAppliedRevision": revision,
            "conditions": [{"type": "Ready", "status": ready}],
        },
    }


@pytest.mark.parametrize(
    ("other", "word"),
    [
        (None, "does not exist"),
        (dependency(observed=0), "latest spec"),
        (dependency(ready="False"), "not ready"),
        (dependency(ready="Unknown"), "not ready"),
        (dependency(revision="old"), "revision r"),
        (dependency(revision="old", source={"kind": "GitRepository", "name": "x"}), ""),
        (dependency(), ""),
    ],
)
def test_a_dependency_must_be_ready_at_the_same_revision(other, word):
    found = kustomization.is_unmet(flux(), other, same_source_revision="r")

    assert word in found
    assert bool(word) == bool(found)


def test_patches_of_the_older_version_are_spelled_anew():
    old = flux(
        patchesStrategicMerge=[{"kind": "Deployment"}],
        patchesJson6902=[{"patch": [{"op": "remove", "path": "/x"}], "target": {"kind": "Job"}}],
    )
    source = type("Source", (), {"spec": type("Spec", (), {"url": "u", "ignore": None})})

    patches = kustomization.read_wish(old, source, "c").options.overrides.patches

    assert patches == (
        {"patch": '{"kind":"Deployment"}'},
        {"patch": '[{"op":"remove","path":"/x"}]', "target": {"kind": "Job"}},
    )


def test_what_flux_does_and_we_do_not_is_said():
    found = kustomization.limits(
        flux(
            force=True,
            postBuild={"substitute": {"a": "b"}},
            dependsOn=[{"name": "x", "readyExpr": "1"}],
        )
    )

    assert len(found) == 3


def test_times():
    assert earliest(None, None) is None
    assert earliest(None, NOW, NOW - timedelta(seconds=1)) == NOW - timedelta(seconds=1)
    assert [error_delay(errors).total_seconds() for errors in (1, 2, 6, 7, 10**6)] == [
        5,
        10,
        160,
        300,
        300,
    ]
    spread = {jittered(timedelta(minutes=1), ("Application", "a", str(n))) for n in range(50)}
    assert min(spread) >= timedelta(seconds=54)
    assert max(spread) <= timedelta(seconds=66)
    assert len(spread) > 5
    assert Hold() == Hold()

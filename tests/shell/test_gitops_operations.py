"""Requests of people and machines: operations, refreshes, freezes and deletions."""

import pytest
from programs import needs_kustomize
from shell.gitops_world import config_map

from rollouts.api.refs import APPLICATION, CONFIG_MAP, NAMESPACE, SECRET

FINALIZER = "resources-finalizer.argocd.argoproj.io"


def manual(world, files=None, **fields):
    world.git.commit({"deploy/a.yaml": [config_map("a"), config_map("b")], **(files or {})})
    world.application(**{"syncPolicy": {}, **fields})
    world.settle()


def operate(world, name="web", **operation):
    world.patch(APPLICATION, name, {"operation": operation}, namespace="argocd")
    world.settle()


def annotate(world, **notes):
    named = {f"argocd.argoproj.io/{key.replace('_', '-')}": value for key, value in notes.items()}
    world.patch(APPLICATION, "web", {"metadata": {"annotations": named}}, namespace="argocd")
    world.settle()


def operation_state(world):
    return world.status()["operationState"]


def names(world):
    listed = world.server.list(world.cluster.type_of(CONFIG_MAP), "shop").items
    return [each["metadata"]["name"] for each in listed]


def test_a_patched_operation_runs_is_cleared_and_leaves_its_result(world):
    manual(world)

    operate(
        world,
        initiatedBy={"username": "ci"},
        info=[{"name": "reason", "value": "release"}],
        sync={"prune": True},
    )

    assert names(world) == ["a", "b"]
    assert "operation" not in world.app()
    state = operation_state(world)
    assert state["phase"] == "Succeeded"
    assert state["operation"]["initiatedBy"] == {"username": "ci"}
    assert state["operation"]["info"] == [{"name": "reason", "value": "release"}]
    assert [each["status"] for each in state["syncResult"]["resources"]] == ["Synced", "Synced"]
    assert state["startedAt"]
    assert state["finishedAt"]
    assert world.status()["history"][0]["initiatedBy"] == {"username": "ci"}


def test_an_operation_prunes_only_when_it_says_so(world):
    manual(world)
    operate(world, sync={})
    world.git.commit({"deploy/a.yaml": [config_map("a")]})

    operate(world, sync={})
    assert names(world) == ["a", "b"]
    assert world.sync_words()[0] == "OutOfSync"

    operate(world, sync={"prune": True})
    assert names(world) == ["a"]
    assert world.sync_words()[0] == "Synced"


def test_a_dry_run_writes_nothing(world):
    manual(world)

    operate(world, sync={"dryRun": True})

    assert names(world) == []
    assert operation_state(world)["phase"] == "Succeeded"
    assert "dry run" in operation_state(world)["message"]
    assert "history" not in world.status()
    assert world.sync_words()[0] == "OutOfSync"


def test_a_dry_run_does_not_mind_what_an_earlier_group_would_bring(world):
    manual(
        world,
        destination={"server": "https://kubernetes.default.svc", "namespace": "fresh"},
        syncPolicy={"syncOptions": ["CreateNamespace=true"]},
    )

    operate(world, sync={"dryRun": True})

    assert operation_state(world)["phase"] == "Succeeded"


def test_sharing_can_be_made_an_error(world):
    world.git.commit(
        {"deploy/a.yaml": [config_map("a")], "other/a.yaml": [config_map("a"), config_map("b")]}
    )
    world.application("web")
    world.settle()
    policy = {"automated": {}, "syncOptions": ["FailOnSharedResource=true"], "retry": {"limit": 0}}
    world.application("other", path="other", syncPolicy=policy)
    world.settle()

    assert names(world) == ["a"]
    assert "Application/argocd/web" in world.conditions("other")["SyncError"]


def test_a_partial_sync_applies_only_what_it_names_and_makes_no_history(world):
    manual(world)

    operate(world, sync={"resources": [{"kind": "ConfigMap", "name": "b"}]})

    assert names(world) == ["b"]
    assert "history" not in world.status()


def test_an_operation_may_name_an_earlier_revision(world):
    manual(world)
    first = world.git.head()
    world.git.commit({"deploy/a.yaml": [config_map("a", key="2")]})

    operate(world, sync={"revision": first})

    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "1"}
    assert operation_state(world)["syncResult"]["revision"] == first


def test_an_operation_sees_the_newest_commit_at_once(world):
    manual(world)
    world.git.commit({"deploy/a.yaml": [config_map("a", key="2")]})

    operate(world, sync={})

    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "2"}


def test_an_operation_that_fails_is_retried_as_it_says(world):
    nowhere = {"server": "https://kubernetes.default.svc", "namespace": "nowhere"}
    manual(world, destination=nowhere)
    retry = {"limit": 2, "backoff": {"duration": "3s", "factor": 2}}

    operate(world, sync={}, retry=retry)
    assert operation_state(world)["phase"] == "Running"
    assert operation_state(world)["retryCount"] == 1
    world.wait(3)
    assert operation_state(world)["retryCount"] == 2
    world.wait(6)
    assert operation_state(world)["phase"] == "Failed"
    assert "operation" not in world.app()
    assert "ConfigMap/nowhere/a" in operation_state(world)["message"]
    world.wait(70)
    world.cluster.calls.clear()
    world.wait(3600)
    assert world.cluster.writes() == []


def test_an_automated_sync_that_fails_goes_on_slowly_until_it_works(world):
    nowhere = {"server": "https://kubernetes.default.svc", "namespace": "nowhere"}
    manual(world, destination=nowhere, syncPolicy={"automated": {}})
    world.wait(400)
    assert operation_state(world)["phase"] == "Failed"
    assert "tried 6 times" in world.conditions()["SyncError"]

    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "nowhere"}}
    world.create(namespace, NAMESPACE)
    world.wait(600)

    assert world.get(CONFIG_MAP, "a", "nowhere") is not None
    assert operation_state(world)["phase"] == "Succeeded"
    assert "conditions" not in world.status()


def test_an_operation_for_nothing_we_know_ends_with_an_error(world):
    manual(world)

    operate(world, info=[{"name": "only", "value": "info"}])

    assert "operation" not in world.app()
    assert operation_state(world)["phase"] == "Error"


def test_an_operation_whose_source_cannot_be_rendered_ends_with_an_error(world):
    manual(world, {"deploy/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: [\n"})

    operate(world, sync={})

    assert operation_state(world)["phase"] == "Error"
    assert "deploy/a.yaml" in operation_state(world)["message"]
    assert "operation" not in world.app()


def test_an_operation_that_arrives_while_another_ends_is_not_lost(world):
    manual(world)
    original = world.cluster.patch
    replaced = []

    async def patch(ref, body, *args, **rest):
        if body.get("operation", "") is None and not replaced:
            replaced.append(body)
            later = {"operation": {"sync": {"prune": True, "revision": world.git.head()}}}
            world.patch(APPLICATION, "web", later, namespace="argocd")
        return await original(ref, body, *args, **rest)

    world.cluster.patch = patch
    operate(world, sync={})
    world.wait(5)

    assert replaced
    assert operation_state(world)["operation"]["sync"]["revision"] == world.git.head()
    assert "operation" not in world.app()


def test_an_operation_without_options_inherits_those_of_the_spec(world):
    manual(
        world,
        destination={"server": "https://kubernetes.default.svc", "namespace": "fresh"},
        syncPolicy={"syncOptions": ["CreateNamespace=true"]},
    )

    operate(world, sync={})

    assert world.get(CONFIG_MAP, "a", "fresh") is not None


def waiting(world):
    """Bring a manual sync to a wave that waits."""
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "annotations": {"argocd.argoproj.io/sync-wave": "0"}},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
        },
    }
    late = config_map("late")
    late["metadata"]["annotations"] = {"argocd.argoproj.io/sync-wave": "1"}
    manual(world, {"deploy/a.yaml": [deployment, late]})
    operate(world, sync={})


def test_a_sync_that_waits_is_running_and_keeps_its_operation(world):
    waiting(world)

    assert operation_state(world)["phase"] == "Running"
    assert "Deployment/shop/web is Progressing" in operation_state(world)["message"]
    assert "operation" in world.app()
    assert "late" not in names(world)


def test_a_sync_that_waits_can_be_terminated(world):
    waiting(world)

    body = {"status": {"operationState": {"phase": "Terminating"}}}
    world.patch(APPLICATION, "web", body, namespace="argocd")
    world.settle()

    assert operation_state(world)["phase"] == "Failed"
    assert "terminated" in operation_state(world)["message"]
    assert "operation" not in world.app()
    world.wait(3600)
    assert "late" not in names(world)


def test_a_sync_that_waits_too_long_fails(world):
    waiting(world)

    world.wait(601)

    assert operation_state(world)["phase"] == "Failed"
    assert "timed out after 10 minutes" in operation_state(world)["message"]


def test_a_restart_while_waiting_goes_on_waiting(world):
    waiting(world)
    started = operation_state(world)["startedAt"]
    world.wait(60)
    world.start()
    world.settle()

    assert operation_state(world)["phase"] == "Running"
    assert operation_state(world)["startedAt"] == started


@pytest.mark.parametrize("level", ["normal", "hard"])
def test_a_refresh_looks_at_git_at_once_and_is_taken_back(world, level):
    manual(world, syncPolicy={"automated": {}})
    world.git.commit({"deploy/a.yaml": [config_map("a", key="2")]})

    annotate(world, refresh=level)

    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "2"}
    assert "argocd.argoproj.io/refresh" not in world.app()["metadata"].get("annotations", {})


def test_a_frozen_application_is_left_alone(world):
    manual(world, syncPolicy={"automated": {"selfHeal": True}})
    annotate(world, skip_reconcile="true")

    world.patch(CONFIG_MAP, "a", {"data": {"key": "hand"}})
    world.git.commit({"deploy/a.yaml": [config_map("a", key="3")]})
    world.wait(600)
    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "hand"}

    annotate(world, skip_reconcile=None)
    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "3"}


def test_without_a_finalizer_the_workload_outlives_its_application(world):
    manual(world, syncPolicy={"automated": {}})

    world.delete(APPLICATION, "web", "argocd")
    world.wait(60)

    assert world.app() is None
    assert names(world) == ["a", "b"]


def test_with_a_finalizer_everything_goes_wave_by_wave(world):
    first, last = config_map("first"), config_map("last")
    first["metadata"]["annotations"] = {"argocd.argoproj.io/sync-wave": "-1"}
    last["metadata"]["annotations"] = {"argocd.argoproj.io/sync-wave": "5"}
    kept = config_map("kept")
    kept["metadata"]["annotations"] = {"argocd.argoproj.io/sync-options": "Delete=false"}
    world.git.commit({"deploy/a.yaml": [first, config_map("middle"), last, kept]})
    world.application(finalizers=[FINALIZER])
    world.settle()
    stranger = config_map("stranger")
    stranger["metadata"]["namespace"] = "shop"
    world.create(stranger, CONFIG_MAP)
    world.cluster.calls.clear()

    world.delete(APPLICATION, "web", "argocd")
    world.wait(60)

    assert world.app() is None
    assert names(world) == ["kept", "stranger"]
    deleted = [call.name for call in world.cluster.calls if call.verb == "delete"]
    assert deleted == ["last", "middle", "first"]


def test_a_suspended_deletion_waits_for_what_will_not_go(world):
    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    world.application(finalizers=[FINALIZER])
    world.settle()
    world.patch(CONFIG_MAP, "a", {"metadata": {"finalizers": ["test/held"]}}, manager="holder")
    world.delete(APPLICATION, "web", "argocd")
    world.wait(60)
    assert world.app() is not None

    world.patch(CONFIG_MAP, "a", {"metadata": {"finalizers": None}}, manager="holder")
    world.wait(10)
    assert world.app() is None


def test_credentials_come_from_repository_secrets_once(world):
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "repo",
            "namespace": "argocd",
            "labels": {"argocd.argoproj.io/secret-type": "repository"},
        },
        "stringData": {"url": world.git.url, "username": "u", "password": "p"},
    }
    world.create(secret, SECRET)
    manual(world, syncPolicy={"automated": {}})
    world.wait(600)

    listed = [call for call in world.cluster.calls if call.kind == SECRET]
    assert len(listed) == 1
    assert names(world) == ["a", "b"]


def test_several_sources_are_applied_together(world):
    world.git.commit({"one/a.yaml": [config_map("a")], "two/b.yaml": [config_map("b")]})
    source = {"repoURL": world.git.url, "targetRevision": "main"}
    world.application(source=None, sources=[{**source, "path": "one"}, {**source, "path": "two"}])

    world.settle()

    assert names(world) == ["a", "b"]
    assert world.status()["sync"]["revisions"] == [world.git.head()] * 2


@needs_kustomize
def test_a_kustomize_source_is_rendered_with_its_overrides(world):
    kustomization = "resources: [a.yaml]\n"
    world.git.commit({"deploy/kustomization.yaml": kustomization, "deploy/a.yaml": [config_map()]})
    world.application(
        source={
            "repoURL": world.git.url,
            "targetRevision": "main",
            "path": "deploy",
            "kustomize": {"namePrefix": "x-"},
        }
    )

    world.settle()

    assert names(world) == ["x-a"]
    assert world.status()["sourceType"] == "Kustomize"


def test_what_the_spec_asks_for_in_vain_is_said(world):
    manual(
        world,
        ignoreDifferences=[
            {"group": "apps", "kind": "Deployment", "jqPathExpressions": [".spec.x"]}
        ],
        syncPolicy={"syncOptions": ["Replace=true"]},
    )

    text = world.conditions()["InvalidSpecError"]
    assert ".spec.x" in text
    assert "Replace=true" in text


def test_sources_that_only_lend_files_declare_nothing_and_delete_nothing(world):
    manual(world, syncPolicy={"automated": {"prune": True, "allowEmpty": True}})
    source = {"repoURL": world.git.url, "targetRevision": "main", "ref": "values"}
    body = {"spec": {"source": None, "sources": [source]}}

    world.patch(APPLICATION, "web", body, namespace="argocd")
    world.settle()

    assert names(world) == ["a", "b"]
    assert "ComparisonError" in world.conditions() or "InvalidSpecError" in world.conditions()


def test_a_frozen_application_can_still_be_deleted(world):
    manual(world, syncPolicy={"automated": {}}, finalizers=[FINALIZER])
    annotate(world, skip_reconcile="true")

    world.delete(APPLICATION, "web", "argocd")
    world.wait(10)

    assert world.app() is None
    assert names(world) == []


def test_an_application_that_vanishes_is_forgotten(world):
    manual(world, syncPolicy={"automated": {}})
    world.delete(APPLICATION, "web", "argocd")
    world.settle()

    assert world.runner.run(world.gitops.reconcile(("Application", "argocd", "web"))) is None


def test_a_key_of_a_foreign_kind_is_our_bug(world):
    with pytest.raises(KeyError):
        world.runner.run(world.gitops.reconcile(("Deployment", "shop", "web")))


def test_without_watches_drift_is_found_by_looking(tmp_path):
    from shell.gitops_world import World

    world = World(tmp_path, watching=False)
    try:
        manual(world, syncPolicy={"automated": {"selfHeal": True}})
        world.patch(CONFIG_MAP, "a", {"data": {"key": "hand"}})
        world.wait(70)

        assert world.get(CONFIG_MAP, "a")["data"] == {"key": "1"}
    finally:
        world.close()


def test_several_calls_at_once_end_in_the_same_state(tmp_path):
    from shell.gitops_world import World

    world = World(tmp_path, at_once=8)
    try:
        manual(
            world,
            {"deploy/a.yaml": [config_map(f"n{number:02}") for number in range(18)]},
            syncPolicy={"automated": {"prune": True}},
        )
        assert len(names(world)) == 18

        changed = [config_map(f"n{number:02}", key="2") for number in range(9)]
        world.git.commit({"deploy/a.yaml": changed})
        world.wait(70)

        assert len(names(world)) == 9
        assert world.sync_words() == ("Synced", "Healthy", "Succeeded")
    finally:
        world.close()


def test_many_objects_of_a_kind_are_read_by_one_list(world):
    many = [config_map(f"n{number:02}") for number in range(25)]
    world.git.commit({"deploy/a.yaml": many})
    world.application()

    world.settle()

    reads = [f"{call}" for call in world.cluster.calls if call.verb in ("get", "list")]
    assert reads == ["list secrets", "list configmaps"]
    assert world.sync_words()[0] == "Synced"

"""GitRepository, HelmRepository and Kustomization from a commit to the cluster."""

import pytest
from programs import needs_kustomize
from shell.gitops_world import config_map

from rollouts.api.refs import (
    APPLICATION,
    CONFIG_MAP,
    DEPLOYMENT,
    GIT_REPOSITORY,
    HELM_REPOSITORY,
    KUSTOMIZATION,
    ROLLOUT,
)
from rollouts.gitops.frontends.helm_index import Index
from rollouts.gitops.source import AuthenticationFailed, SourceUnreachable

pytestmark = needs_kustomize  # As in Flux, every Kustomization is built by it.


def create(world, kind, name="web", *, annotations=None, version="v1", **spec):
    metadata = {"name": name, "namespace": "flux-system"}
    if annotations:
        metadata["annotations"] = annotations
    manifest = {
        "apiVersion": f"{kind.group}/{version}",
        "kind": kind.kind,
        "metadata": metadata,
        "spec": spec,
    }
    return world.server.create(
        world.server.resource(kind.group, version, kind.plural), "flux-system", manifest
    )


def repository(world, name="web", **spec):
    spec = {"interval": "1m", "url": world.git.url, "ref": {"branch": "main"}, **spec}
    return create(world, GIT_REPOSITORY, name, **spec)


def kustomization(world, name="web", **spec):
    spec = {
        "interval": "10m",
        "path": "./deploy",
        "prune": True,
        "sourceRef": {"kind": "GitRepository", "name": "web"},
        "targetNamespace": "shop",
        **spec,
    }
    return create(world, KUSTOMIZATION, name, **spec)


def status(world, kind=KUSTOMIZATION, name="web"):
    return world.get(kind, name, "flux-system").get("status", {})


def conditions(world, kind=KUSTOMIZATION, name="web"):
    return {each["type"]: each for each in status(world, kind, name).get("conditions", [])}


def request(world, kind, at="now", name="web"):
    note = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": at}}}
    world.patch(kind, name, note, namespace="flux-system")
    world.settle()


def names(world):
    listed = world.server.list(world.cluster.type_of(CONFIG_MAP), "shop").items
    return [each["metadata"]["name"] for each in listed]


def rollout():
    labels = {"app": "web"}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
            "strategy": {"canary": {"steps": [{"setWeight": 10}]}},
        },
    }


def set_phase(world, phase, message=""):
    generation = world.get(ROLLOUT, "web")["metadata"]["generation"]
    body = {"status": {"phase": phase, "message": message, "observedGeneration": str(generation)}}
    world.patch(ROLLOUT, "web", body, subresource="status", manager="rollouts")
    world.settle()


def test_a_commit_is_stored_applied_and_reported(world):
    commit = world.git.commit({"deploy/a.yaml": [config_map("a"), config_map("b")]})
    repository(world)
    kustomization(world)

    world.settle()

    revision = f"main@sha1:{commit}"
    source = status(world, GIT_REPOSITORY)
    assert source["artifact"]["revision"] == revision
    assert source["observedGeneration"] == 1
    assert conditions(world, GIT_REPOSITORY)["Ready"]["message"] == (
        f"stored artifact for revision '{revision}'"
    )
    assert names(world) == ["a", "b"]
    applied = status(world)
    assert applied["lastAppliedRevision"] == revision
    assert applied["lastAttemptedRevision"] == revision
    assert world.ready() == ("True", "ReconciliationSucceeded", f"Applied revision: {revision}")
    assert [each["id"] for each in applied["inventory"]["entries"]] == [
        "shop_a__ConfigMap",
        "shop_b__ConfigMap",
    ]
    assert applied["history"][0]["metadata"] == {"revision": revision}
    assert world.get(CONFIG_MAP, "a")["metadata"]["labels"] == {
        "kustomize.toolkit.fluxcd.io/name": "web",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
    }


def test_the_older_version_of_the_kinds_does_the_same(world):
    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    create(
        world, GIT_REPOSITORY, version="v1beta2", interval="1m", url=world.git.url,
        ref={"branch": "main"},
    )  # fmt: skip
    create(
        world, KUSTOMIZATION, version="v1beta2", interval="10m", path="./deploy", prune=True,
        sourceRef={"kind": "GitRepository", "name": "web"}, targetNamespace="shop",
        validation="client",
    )  # fmt: skip

    world.settle()

    assert names(world) == ["a"]
    assert world.ready()[0] == "True"


def test_at_rest_nothing_is_called(world):
    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    repository(world)
    kustomization(world)
    world.settle()
    world.cluster.calls.clear()

    world.wait(3600)

    assert world.cluster.calls == []


def test_a_new_commit_reaches_the_cluster_within_the_interval(world):
    world.git.commit({"deploy/a.yaml": [config_map("a"), config_map("b")]})
    repository(world)
    kustomization(world)
    world.settle()

    world.git.commit({"deploy/a.yaml": [config_map("a", key="2")]})
    world.wait(70)

    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "2"}
    assert names(world) == ["a"]
    assert len(status(world)["history"]) == 2


def test_drift_is_corrected_at_once(world):
    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    repository(world)
    kustomization(world)
    world.settle()

    world.patch(CONFIG_MAP, "a", {"data": {"key": "hand"}})
    world.wait(5)

    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "1"}


def test_an_empty_source_prunes_nothing_unless_allowed(world):
    world.git.commit({"deploy/a.yaml": [config_map("a")], "deploy/note.txt": "x"})
    repository(world)
    kustomization(world)
    world.settle()

    world.git.commit({"deploy/a.yaml": "# nothing\n"})
    world.wait(70)
    assert names(world) == ["a"]
    assert world.ready()[0] == "False"

    note = {"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/allow-empty": "true"}}}
    world.patch(KUSTOMIZATION, "web", note, namespace="flux-system")
    world.settle()
    assert names(world) == []


def test_a_request_is_echoed_when_it_has_been_carried_out(world):
    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    repository(world)
    kustomization(world)
    world.settle()
    world.git.commit({"deploy/a.yaml": [config_map("a", key="2")]})

    request(world, GIT_REPOSITORY, "t1")
    request(world, KUSTOMIZATION, "t2")

    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "2"}
    assert status(world, GIT_REPOSITORY)["lastHandledReconcileAt"] == "t1"
    assert status(world)["lastHandledReconcileAt"] == "t2"


def test_a_suspended_kustomization_is_left_alone(world):
    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    repository(world)
    kustomization(world, suspend=True)

    world.wait(1200)

    assert names(world) == []
    assert status(world) == {}


def test_a_suspended_repository_keeps_serving_its_artifact(world):
    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    repository(world)
    world.settle()
    world.patch(GIT_REPOSITORY, "web", {"spec": {"suspend": True}}, namespace="flux-system")
    world.git.commit({"deploy/a.yaml": [config_map("a", key="2")]})
    kustomization(world)
    world.wait(600)

    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "1"}


def test_a_missing_source_is_named(world):
    kustomization(world)
    world.settle()
    assert world.ready()[:2] == ("False", "ArtifactFailed")
    assert "flux-system/web" in world.ready()[2]

    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    repository(world)
    world.settle()
    assert world.ready()[0] == "True"


@pytest.mark.parametrize(
    ("path", "word"), [("./missing", "missing"), ("../outside", "must stay inside the repository")]
)
def test_a_path_that_cannot_be_used_fails_the_build(world, path, word):
    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    repository(world)
    kustomization(world, path=path)

    world.settle()

    assert word in str(conditions(world))
    assert names(world) == []


def test_broken_yaml_keeps_the_last_good_state(world):
    world.git.commit({"deploy/a.yaml": [config_map("a"), config_map("b")]})
    repository(world)
    kustomization(world)
    world.settle()

    world.git.commit({"deploy/a.yaml": "kind: [broken\n"})
    world.wait(70)

    assert names(world) == ["a", "b"]
    assert world.ready()[:2] == ("False", "BuildFailed")
    assert len(status(world)["inventory"]["entries"]) == 2


def test_a_rejected_object_keeps_all_others_from_being_applied(world):
    bad = {**config_map("bad"), "data": {"key": 5}}
    world.git.commit({"deploy/a.yaml": [config_map("a"), bad]})
    repository(world)
    kustomization(world, retryInterval="1m")

    world.settle()

    assert names(world) == []
    assert world.ready()[:2] == ("False", "ReconciliationFailed")
    assert "ConfigMap/shop/bad" in world.ready()[2]
    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    world.wait(70)
    assert world.ready()[0] == "True"


def test_an_object_declared_twice_fails_the_build(world):
    world.git.commit({"deploy/a.yaml": [config_map("a")], "deploy/b.yaml": [config_map("a")]})
    repository(world)
    kustomization(world)

    world.settle()

    assert names(world) == []
    assert world.ready()[0] == "False"


def test_an_application_of_flux_objects_in_their_older_version_is_at_rest(world):
    namespace = {"namespace": "flux-system"}
    source = {
        "apiVersion": "source.toolkit.fluxcd.io/v1beta2",
        "kind": "GitRepository",
        "metadata": {"name": "web", **namespace},
        "spec": {"interval": "1m", "url": world.git.url, "ref": {"branch": "main"}},
    }
    sync = {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1beta2",
        "kind": "Kustomization",
        "metadata": {"name": "web", **namespace},
        "spec": {
            "interval": "10m",
            "path": "./apps",
            "prune": True,
            "targetNamespace": "shop",
            "sourceRef": {"kind": "GitRepository", "name": "web"},
        },
    }
    world.git.commit({"deploy/a.yaml": [source, sync], "apps/a.yaml": [config_map("a")]})
    world.application()
    world.wait(130)
    world.history.clear()
    world.cluster.calls.clear()

    world.git.commit({"apps/a.yaml": [config_map("a", key="2")]})
    world.wait(3600)

    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "2"}
    assert world.sync_words() == ("Synced", "Healthy", "Succeeded")
    words = [state["status"]["sync"]["status"] for state in world.writes_to(APPLICATION, "web")]
    assert set(words) <= {"Synced"}
    assert len(world.status()["history"]) == 1


# Health.


def with_check(world, **spec):
    world.git.commit({"deploy/a.yaml": [rollout()]})
    repository(world)
    check = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web"}
    kustomization(world, healthChecks=[{**check, "namespace": "shop"}], timeout="5m", **spec)
    world.settle()


def test_ready_waits_for_the_rollout_to_be_promoted(world):
    with_check(world)
    assert world.ready()[:2] == ("Unknown", "Progressing")
    assert conditions(world)["Reconciling"]["status"] == "True"
    assert "lastAppliedRevision" not in status(world)

    set_phase(world, "Paused", "canary step 1/2")
    assert world.ready()[0] == "Unknown"

    set_phase(world, "Healthy")
    assert world.ready()[:2] == ("True", "ReconciliationSucceeded")
    assert conditions(world)["Healthy"]["status"] == "True"
    assert "Reconciling" not in conditions(world)
    assert status(world)["lastAppliedRevision"] == f"main@sha1:{world.git.head()}"


def test_an_aborted_rollout_fails_the_health_check_at_once(world):
    with_check(world)

    set_phase(world, "Degraded", "metric failed")

    assert world.ready()[:2] == ("False", "HealthCheckFailed")
    assert "metric failed" in world.ready()[2]


def test_a_health_check_times_out_and_recovers(world):
    with_check(world)
    set_phase(world, "Progressing")

    world.wait(299)
    assert world.ready()[0] == "Unknown"
    world.wait(2)
    assert world.ready()[:2] == ("False", "HealthCheckFailed")
    world.wait(3600)
    assert world.ready()[:2] == ("False", "HealthCheckFailed")

    set_phase(world, "Healthy")
    assert world.ready()[0] == "True"


def test_a_restart_does_not_lengthen_a_timeout(world):
    with_check(world)
    set_phase(world, "Progressing")
    world.wait(200)
    world.start()
    world.wait(101)

    assert world.ready()[:2] == ("False", "HealthCheckFailed")


def test_a_new_commit_starts_its_own_timeout(world):
    with_check(world)
    set_phase(world, "Progressing")
    world.wait(280)
    changed = rollout()
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "web:2"
    world.git.commit({"deploy/a.yaml": [changed]})
    world.wait(70)
    set_phase(world, "Progressing")

    world.wait(120)
    assert world.ready()[0] == "Unknown"


def test_waiting_for_all_objects(world):
    deployment = {**rollout(), "apiVersion": "apps/v1", "kind": "Deployment"}
    deployment["spec"] = {k: v for k, v in deployment["spec"].items() if k != "strategy"}
    world.git.commit({"deploy/a.yaml": [deployment, config_map("a")]})
    repository(world)
    kustomization(world, wait=True)
    world.settle()
    assert world.ready()[0] == "Unknown"
    assert "Deployment/shop/web" in world.ready()[2]

    condition = {"type": "Available", "status": "True", "reason": "x", "message": "x"}
    done = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1}
    done |= {"readyReplicas": 1, "availableReplicas": 1, "conditions": [condition]}
    world.patch(DEPLOYMENT, "web", {"status": done}, subresource="status")
    world.settle()
    assert world.ready()[0] == "True"


# Dependencies.


def test_a_dependency_is_waited_for(world):
    world.git.commit({"deploy/a.yaml": [config_map("a")], "first/b.yaml": [config_map("b")]})
    repository(world)
    kustomization(world, dependsOn=[{"name": "first"}])
    world.settle()
    assert world.ready()[:2] == ("False", "DependencyNotReady")
    assert names(world) == []

    kustomization(world, "first", path="./first")
    world.settle()
    assert names(world) == ["a", "b"]
    assert world.ready()[0] == "True"


def test_dependencies_in_a_circle_are_named(world):
    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    repository(world)
    kustomization(world, dependsOn=[{"name": "other"}])
    kustomization(world, "other", dependsOn=[{"name": "web"}])

    world.settle()

    for name in ("web", "other"):
        assert world.ready(name)[:2] == ("False", "DependencyNotReady")
    assert "in turn" in world.ready("web")[2]


# Deletion.


def test_deleting_a_kustomization_deletes_what_it_applied(world):
    world.git.commit({"deploy/a.yaml": [config_map("a"), config_map("b")]})
    repository(world)
    kustomization(world)
    world.settle()

    world.delete(KUSTOMIZATION, "web", "flux-system")
    world.wait(20)

    assert names(world) == []
    assert world.get(KUSTOMIZATION, "web", "flux-system") is None


def test_a_spec_that_is_wrong_keeps_nothing_from_going(world):
    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    repository(world)
    kustomization(world)
    world.settle()
    wrong = {"spec": {"path": "../outside"}}
    world.patch(KUSTOMIZATION, "web", wrong, namespace="flux-system")
    world.settle()
    assert world.ready()[0] == "False"

    world.delete(KUSTOMIZATION, "web", "flux-system")
    world.wait(20)

    assert names(world) == []
    assert world.get(KUSTOMIZATION, "web", "flux-system") is None


@pytest.mark.parametrize(
    "spec", [{"prune": False}, {"suspend": True}, {"deletionPolicy": "Orphan"}]
)
def test_a_deletion_may_leave_the_workload(world, spec):
    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    repository(world)
    kustomization(world)
    world.settle()
    world.patch(KUSTOMIZATION, "web", {"spec": spec}, namespace="flux-system")
    world.settle()

    world.delete(KUSTOMIZATION, "web", "flux-system")
    world.wait(20)

    assert names(world) == ["a"]
    assert world.get(KUSTOMIZATION, "web", "flux-system") is None


# Sources.


def test_one_listing_serves_all_units_of_a_repository(world):
    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    asked = []
    original = world.cache._ask

    async def ask(remote):
        asked.append(remote)
        return await original(remote)

    world.cache._ask = ask
    for number in range(5):
        world.application(f"app{number}", path="deploy")
    repository(world)
    world.settle()

    assert len(asked) == 1


def test_a_repository_out_of_reach_shows_it_after_a_grace_time(world):
    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    repository(world)
    kustomization(world)
    world.settle()
    world.git.hide()

    world.wait(170)
    assert conditions(world, GIT_REPOSITORY)["Ready"]["status"] == "True"
    world.wait(300)
    assert conditions(world, GIT_REPOSITORY)["Ready"]["status"] == "False"
    assert status(world, GIT_REPOSITORY)["artifact"]
    assert world.ready()[0] == "True"

    world.git.show()
    world.wait(330)
    assert conditions(world, GIT_REPOSITORY)["Ready"]["status"] == "True"
    assert "FetchFailed" not in conditions(world, GIT_REPOSITORY)


def test_a_branch_that_does_not_exist_is_named_with_those_that_do(world):
    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    repository(world, ref={"branch": "develop"})

    world.settle()

    ready = conditions(world, GIT_REPOSITORY)["Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "ReferenceNotFound")
    assert "main" in ready["message"]


def test_without_a_ref_the_branch_is_master(world):
    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    repository(world, ref=None)

    world.settle()

    assert "master" in conditions(world, GIT_REPOSITORY)["Ready"]["message"]


def test_a_pinned_commit_is_spelled_without_a_branch(world):
    commit = world.git.commit({"deploy/a.yaml": [config_map("a")]})
    repository(world, ref={"commit": commit})

    world.settle()

    assert status(world, GIT_REPOSITORY)["artifact"]["revision"] == f"sha1:{commit}"


def test_a_missing_secret_is_named(world):
    repository(world, secretRef={"name": "login"})

    world.settle()

    ready = conditions(world, GIT_REPOSITORY)["Ready"]
    assert ready["reason"] == "AuthenticationFailed"
    assert "flux-system/login" in ready["message"]


def test_a_spec_that_is_wrong_stalls(world):
    repository(world, url="ext::sh -c x")

    world.settle()

    assert conditions(world, GIT_REPOSITORY)["Stalled"]["status"] == "True"


def charts(world, answer):
    async def fetch(url, credentials, limit):
        if isinstance(answer, Exception):
            raise answer
        return answer

    world.gitops._fetch_index = fetch


def test_an_index_of_charts_is_fetched(world):
    charts(world, Index("ab" * 32, 10))
    create(world, HELM_REPOSITORY, interval="1h", url="https://charts.example/x")

    world.settle()

    assert conditions(world, HELM_REPOSITORY)["Ready"]["status"] == "True"
    assert status(world, HELM_REPOSITORY)["artifact"]["revision"] == "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SourceUnreachable("no route"), "GitOperationFailed"),
        (AuthenticationFailed("wants a login"), "AuthenticationFailed"),
    ],
)
def test_an_index_that_cannot_be_had_is_reported(world, error, reason):
    charts(world, error)
    create(world, HELM_REPOSITORY, interval="1h", url="https://charts.example/x")

    world.settle()

    ready = conditions(world, HELM_REPOSITORY)["Ready"]
    assert (ready["status"], ready["reason"], ready["message"]) == ("False", reason, str(error))


def test_a_registry_of_charts_is_ready_as_it_stands(world):
    create(world, HELM_REPOSITORY, interval="1h", url="oci://registry.example/x", type="oci")

    world.settle()

    assert conditions(world, HELM_REPOSITORY)["Ready"]["status"] == "True"

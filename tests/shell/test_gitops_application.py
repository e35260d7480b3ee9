"""An Application from a Git repository to the cluster and back."""

from itertools import pairwise

import pytest
from shell.gitops_world import config_map

from rollouts.api.refs import APPLICATION, CONFIG_MAP, DEPLOYMENT, INGRESS, ROLLOUT, SERVICE, Kind
from rollouts.api.times import parse_time

HPA = Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
JOB = Kind("batch", "v1", "Job", "jobs")


def deployment(name="web", replicas=2, image="web:1"):
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    }


def rollout(name="web", replicas=2, image="web:1", **metadata):
    plain = deployment(name, replicas, image)
    return {
        **plain,
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name, **metadata},
        "spec": {**plain["spec"], "strategy": {"canary": {"steps": [{"setWeight": 10}]}}},
    }


def image_of(manifest):
    return manifest["spec"]["template"]["spec"]["containers"][0]["image"]


def test_a_commit_is_applied_and_reported(world):
    commit = world.git.commit({"deploy/a.yaml": [config_map("a"), config_map("b")]})
    world.application()

    world.settle()

    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "1"}
    assert world.sync_words() == ("Synced", "Healthy", "Succeeded")
    status = world.status()
    assert status["sync"]["revision"] == commit
    assert [each["name"] for each in status["resources"]] == ["a", "b"]
    assert [each["id"] for each in status["inventory"]["entries"]] == [
        "shop_a__ConfigMap",
        "shop_b__ConfigMap",
    ]
    assert [each["revision"] for each in status["history"]] == [commit]
    assert "conditions" not in status


def test_at_rest_nothing_is_called(world):
    world.git.commit({"deploy/a.yaml": [config_map()]})
    world.application()
    world.settle()
    world.cluster.calls.clear()

    world.wait(3600)

    assert world.cluster.calls == []


def test_a_new_controller_finds_everything_in_order_and_writes_nothing(world):
    world.git.commit({"deploy/a.yaml": [config_map("a"), deployment()]})
    world.application()
    world.settle()
    world.start()
    world.cluster.calls.clear()

    world.settle()

    assert world.cluster.writes() == []


def test_a_new_commit_changes_only_what_it_changed(world):
    world.git.commit({"deploy/a.yaml": [config_map("a"), config_map("b")]})
    world.application()
    world.settle()
    world.cluster.calls.clear()

    commit = world.git.commit({"deploy/a.yaml": [config_map("a", key="2"), config_map("b")]})
    world.wait(70)

    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "2"}
    applied = [call.name for call in world.cluster.calls if call.verb == "apply"]
    assert applied == ["a", "a"]  # The dry run, then the write.
    assert world.status()["sync"]["revision"] == commit
    assert [each["id"] for each in world.status()["history"]] == [0, 1]


def test_a_commit_that_changes_nothing_here_only_moves_the_revision(world):
    world.git.commit({"deploy/a.yaml": [config_map()]})
    world.application()
    world.settle()
    world.cluster.calls.clear()

    commit = world.git.commit({"elsewhere/b.yaml": [config_map("b")]})
    world.wait(70)

    assert world.status()["sync"]["revision"] == commit
    assert len(world.status()["history"]) == 1
    assert [f"{call}" for call in world.cluster.calls] == ["patch applications/web"]


# Scenario 1: drift, ignored and not.


def test_scaling_by_hand_stays_where_it_is_ignored_and_an_image_is_healed(world):
    world.git.commit({"deploy/a.yaml": [deployment(replicas=2)]})
    world.application(
        ignoreDifferences=[
            {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}
        ]
    )
    world.settle()

    world.patch(DEPLOYMENT, "web", {"spec": {"replicas": 7}})
    world.settle()
    assert world.get(DEPLOYMENT, "web")["spec"]["replicas"] == 7
    assert world.sync_words()[0] == "Synced"

    container = {"name": "web", "image": "hacked:1"}
    world.patch(DEPLOYMENT, "web", {"spec": {"template": {"spec": {"containers": [container]}}}})
    world.wait(2)

    healed = world.get(DEPLOYMENT, "web")
    assert image_of(healed) == "web:1"
    assert healed["spec"]["replicas"] == 7
    assert world.sync_words()[0] == "Synced"
    assert len(world.status()["history"]) == 1


def test_drift_is_only_reported_without_self_heal(world):
    world.git.commit({"deploy/a.yaml": [config_map()]})
    world.application(syncPolicy={"automated": {}})
    world.settle()

    world.patch(CONFIG_MAP, "a", {"data": {"key": "hand"}})
    world.wait(600)

    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "hand"}
    assert world.sync_words()[0] == "OutOfSync"


def test_healing_again_and_again_gets_slower_and_names_who_fights(world):
    world.git.commit({"deploy/a.yaml": [config_map()]})
    world.application()
    world.settle()
    finished = []
    for _ in range(7):
        finished.append(parse_time(world.status()["operationState"]["finishedAt"]))
        world.patch(CONFIG_MAP, "a", {"data": {"key": "x"}}, manager="meddler")
        while world.get(CONFIG_MAP, "a")["data"] != {"key": "1"}:
            world.wait(1)

    waits = [(late - early).seconds for early, late in pairwise(finished)]
    assert waits == [0, 2, 6, 18, 54, 162]
    assert "meddler" in world.conditions()["SyncError"]


def test_without_automation_an_application_only_compares(world):
    world.git.commit({"deploy/a.yaml": [config_map()]})
    world.application(syncPolicy={})

    world.settle()

    assert world.get(CONFIG_MAP, "a") is None
    assert world.sync_words() == ("OutOfSync", "Missing", None)


# Scenario 5: everything is gone from Git.


def empty(world, **automated):
    world.git.commit({"deploy/a.yaml": [config_map("a"), config_map("b")], "deploy/x.txt": "x"})
    policy = {"automated": {"prune": True, "selfHeal": True, **automated}}
    world.application(syncPolicy=policy)
    world.settle()
    world.git.commit({"deploy/a.yaml": None})
    world.wait(70)


def test_everything_gone_from_git_is_refused(world):
    empty(world)

    assert world.get(CONFIG_MAP, "a") is not None
    assert "delete all 2" in world.conditions()["SyncError"]
    assert world.sync_words()[0] == "OutOfSync"


def test_everything_gone_from_git_is_pruned_where_that_is_allowed(world):
    empty(world, allowEmpty=True)

    assert world.get(CONFIG_MAP, "a") is None
    assert world.sync_words()[0] == "Synced"
    assert world.status()["inventory"].get("entries", []) == []


def test_what_left_git_is_pruned_and_leaves_the_inventory(world):
    world.git.commit({"deploy/a.yaml": [config_map("a"), config_map("b")]})
    world.application()
    world.settle()

    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    world.wait(70)

    assert world.get(CONFIG_MAP, "b") is None
    assert [each["id"] for each in world.status()["inventory"]["entries"]] == ["shop_a__ConfigMap"]
    results = world.status()["operationState"]["syncResult"]["resources"]
    assert [each["status"] for each in results] == ["Synced", "Pruned"]


# Scenario 8: a definition, its objects and a namespace in one go.

CRD_OF_THINGS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "things.x.dev"},
    "spec": {
        "group": "x.dev",
        "scope": "Namespaced",
        "names": {
            "kind": "Thing",
            "plural": "things",
            "singular": "thing",
            "listKind": "ThingList",
        },
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}
THING = Kind("x.dev", "v1", "Thing", "things")


def test_definition_object_and_namespace_arrive_in_one_sync(world):
    thing = {
        "apiVersion": "x.dev/v1",
        "kind": "Thing",
        "metadata": {"name": "t", "namespace": "new"},
    }
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "new"}}
    world.git.commit({"deploy/a.yaml": [thing, CRD_OF_THINGS, space]})
    world.application()

    world.wait(3)

    assert world.get(THING, "t", "new") is not None
    assert world.sync_words()[0] == "Synced"
    assert "conditions" not in world.status()
    assert "retryCount" not in world.status()["operationState"]


def test_the_destination_is_created_and_outlives_the_application(world):
    world.git.commit({"deploy/a.yaml": [config_map()]})
    world.application(
        destination={"server": "https://kubernetes.default.svc", "namespace": "fresh"},
        syncPolicy={"automated": {}, "syncOptions": ["CreateNamespace=true"]},
    )

    world.settle()

    assert world.get(CONFIG_MAP, "a", "fresh") is not None
    assert [each["kind"] for each in world.status()["resources"]] == ["ConfigMap"]


# Scenario 9: one bad object among ten.


def test_one_invalid_object_keeps_its_whole_group_from_being_applied(world):
    good = [config_map(f"n{number}") for number in range(9)]
    bad = {**config_map("bad"), "data": {"key": 5}}
    world.git.commit({"deploy/good.yaml": good, "deploy/bad.yaml": [bad]})
    world.application()

    world.settle()

    assert all(world.get(CONFIG_MAP, f"n{number}") is None for number in range(9))
    assert "ConfigMap/shop/bad (deploy/bad.yaml document 1)" in world.conditions()["SyncError"]
    assert world.sync_words()[2] == "Failed"


def test_a_partial_failure_prunes_nothing(world):
    world.git.commit({"deploy/a.yaml": [config_map("a"), config_map("b")]})
    world.application()
    world.settle()

    bad = {**config_map("bad"), "data": {"key": 5}}
    world.git.commit({"deploy/a.yaml": [config_map("a", key="2"), bad]})
    world.wait(70)

    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "1"}
    assert world.get(CONFIG_MAP, "b") is not None
    assert "shop_b__ConfigMap" in [e["id"] for e in world.status()["inventory"]["entries"]]


def test_an_unknown_kind_is_named_and_nothing_is_applied_or_pruned(world):
    world.git.commit({"deploy/a.yaml": [config_map("a"), config_map("b")]})
    world.application()
    world.settle()

    thing = {"apiVersion": "x.dev/v1", "kind": "Thing", "metadata": {"name": "t"}}
    world.git.commit({"deploy/a.yaml": [config_map("a", key="2"), thing]})
    world.wait(70)

    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "1"}
    assert world.get(CONFIG_MAP, "b") is not None
    assert "x.dev/v1" in world.conditions()["ComparisonError"]


# What Git cannot say.


def test_broken_yaml_keeps_the_last_good_state(world):
    world.git.commit({"deploy/a.yaml": [config_map("a"), config_map("b")]})
    world.application()
    world.settle()

    broken = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a\n"
    world.git.commit({"deploy/a.yaml": broken})
    world.wait(70)

    assert world.get(CONFIG_MAP, "a") is not None
    assert world.get(CONFIG_MAP, "b") is not None
    assert world.sync_words()[0] == "Unknown"
    assert "deploy/a.yaml" in world.conditions()["ComparisonError"]
    assert len(world.status()["inventory"]["entries"]) == 2

    world.git.commit({"deploy/a.yaml": [config_map("a", key="3"), config_map("b")]})
    world.wait(70)
    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "3"}
    assert world.sync_words()[0] == "Synced"


@pytest.mark.parametrize("path", ["deploy/../../outside", "missing"])
def test_a_path_that_leads_nowhere_or_out_touches_nothing(world, path):
    world.git.commit({"deploy/a.yaml": [config_map()]})
    world.application(path=path)

    world.settle()

    assert world.get(CONFIG_MAP, "a") is None
    found = world.conditions()
    assert any(path.split("/")[-1] in text or "path" in text for text in found.values())


def test_a_link_out_of_the_repository_is_refused(world, tmp_path):
    (tmp_path / "secret.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\n")
    world.git.commit({"deploy/a.yaml": [config_map()]})
    (world.git.path / "deploy/link.yaml").symlink_to("../../secret.yaml")
    world.git.commit({})
    world.application()

    world.settle()

    assert world.get(CONFIG_MAP, "s") is None
    assert "link.yaml" in str(world.conditions()) or world.get(CONFIG_MAP, "a") is not None


def test_a_spec_that_is_wrong_is_said_to_be_so(world):
    world.application(source=None, destination={"namespace": "shop"})

    world.settle()

    assert "spec.source" in world.conditions()["InvalidSpecError"]
    assert "spec.destination" in world.conditions()["InvalidSpecError"]


# Scenario 15: an autoscaler.


def test_replicas_under_an_autoscaler_are_never_reported(world):
    hpa = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1,
            "maxReplicas": 9,
        },
    }
    world.git.commit({"deploy/a.yaml": [deployment(replicas=2), hpa]})
    world.application()
    world.settle()

    world.patch(DEPLOYMENT, "web", {"spec": {"replicas": 6}}, manager="hpa")
    world.wait(600)

    assert world.get(DEPLOYMENT, "web")["spec"]["replicas"] == 6
    assert "OutOfSync" not in {
        state["status"]["sync"]["status"]
        for state in world.writes_to(APPLICATION, "web")
        if state.get("status", {}).get("operationState", {}).get("phase") == "Succeeded"
    }


def test_replicas_under_an_autoscaler_that_git_does_not_declare_stay_too(world):
    hpa = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "scaleTargetRef": {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Rollout",
                "name": "web",
            },
            "maxReplicas": 9,
        },
    }
    world.create(hpa, HPA)
    world.git.commit({"deploy/a.yaml": [rollout(replicas=2)]})
    world.application()
    world.settle()

    world.patch(ROLLOUT, "web", {"spec": {"replicas": 6}}, manager="hpa")
    world.wait(600)

    assert world.get(ROLLOUT, "web")["spec"]["replicas"] == 6
    assert world.sync_words()[0] == "Synced"


# Scenario 16: annotations by hand and by controllers.


def test_an_annotation_by_hand_is_reverted_and_one_by_a_controller_stays(world):
    world.git.commit({"deploy/a.yaml": [config_map()]})
    world.application()
    world.settle()

    note = {"metadata": {"annotations": {"by-controller": "x"}}}
    world.patch(CONFIG_MAP, "a", note, manager="some-controller")
    world.settle()
    note = {"metadata": {"annotations": {"by-hand": "x"}}}
    world.patch(CONFIG_MAP, "a", note, manager="kubectl-edit")
    world.wait(5)

    notes = world.get(CONFIG_MAP, "a")["metadata"]["annotations"]
    assert "by-hand" not in notes
    assert notes["by-controller"] == "x"
    assert world.sync_words()[0] == "Synced"


def test_an_object_that_kubectl_made_is_taken_over(world):
    made = config_map("a", key="1", extra="by kubectl")
    made["metadata"]["namespace"] = "shop"
    world.create(made, CONFIG_MAP, manager="kubectl-client-side-apply")
    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    world.application()

    world.settle()

    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "1"}
    managers = [e["manager"] for e in world.get(CONFIG_MAP, "a")["metadata"]["managedFields"]]
    assert managers == ["rollouts-gitops"]


# Scenario 17: objects that forbid their pruning.


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        ({"argocd.argoproj.io/sync-options": "Prune=false"}, "OutOfSync"),
        ({"kustomize.toolkit.fluxcd.io/prune": "disabled"}, "OutOfSync"),
        (
            {
                "argocd.argoproj.io/sync-options": "Prune=false",
                "argocd.argoproj.io/compare-options": "IgnoreExtraneous",
            },
            "Synced",
        ),
    ],
)
def test_an_object_that_forbids_pruning_is_kept(world, notes, expected):
    kept = config_map("b")
    kept["metadata"]["annotations"] = notes
    world.git.commit({"deploy/a.yaml": [config_map("a"), kept]})
    world.application()
    world.settle()

    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    world.wait(70)

    assert world.get(CONFIG_MAP, "b") is not None
    assert world.sync_words()[0] == expected
    assert len(world.status()["inventory"]["entries"]) == 2


# Scenario 18 and 19: copies and shared objects.


def test_a_copy_that_bears_our_mark_is_ignored(world):
    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    world.application()
    world.settle()
    original = world.get(CONFIG_MAP, "a")
    copy = config_map("copy")
    copy["metadata"] |= {
        "namespace": "shop",
        "annotations": dict(original["metadata"]["annotations"]),
    }
    world.create(copy, CONFIG_MAP)
    world.wait(600)

    assert world.get(CONFIG_MAP, "copy") is not None
    assert world.sync_words()[0] == "Synced"


def test_an_object_of_two_applications_belongs_to_the_first(world):
    world.git.commit(
        {"deploy/a.yaml": [config_map(key="1")], "other/a.yaml": [config_map(key="2")]}
    )
    world.application("web")
    world.settle()
    world.application("other", path="other")
    world.settle()
    writes = len(world.writes_to(CONFIG_MAP, "a"))

    world.wait(600)

    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "1"}
    assert "Application/argocd/web" in world.conditions("other")["SharedResourceWarning"]
    assert "conditions" not in world.status("web")
    assert len(world.writes_to(CONFIG_MAP, "a")) == writes


def test_a_shared_object_is_taken_over_when_its_first_owner_is_gone(world):
    world.git.commit(
        {"deploy/a.yaml": [config_map(key="1")], "other/a.yaml": [config_map(key="2")]}
    )
    world.application("web")
    world.settle()
    world.application("other", path="other")
    world.settle()

    world.delete(APPLICATION, "web", "argocd")
    world.patch(
        APPLICATION,
        "other",
        {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}},
        namespace="argocd",
    )
    world.settle()

    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "2"}


# Scenario 23: history is rewritten.


def test_a_branch_forced_back_is_a_new_revision(world):
    first = world.git.commit({"deploy/a.yaml": [config_map("a")]})
    world.git.commit({"deploy/a.yaml": [config_map("a", key="2"), config_map("b")]})
    world.application()
    world.settle()
    assert world.get(CONFIG_MAP, "b") is not None

    world.git.reset(first)
    world.wait(70)

    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "1"}
    assert world.get(CONFIG_MAP, "b") is None
    assert world.status()["sync"]["revision"] == first


def test_a_branch_that_is_pushed_later_is_found_at_the_next_look(world):
    world.application()
    world.settle()
    assert "does not exist" in world.status()["conditions"][0]["message"]

    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    world.wait(70)

    assert world.sync_words() == ("Synced", "Healthy", "Succeeded")


# Scenario 24: Git is away.


def test_git_away_for_two_minutes_shows_nothing_and_for_ten_it_does(world):
    world.git.commit({"deploy/a.yaml": [config_map()]})
    world.application()
    world.settle()
    writes = len(world.writes_to(APPLICATION, "web"))

    world.git.hide()
    world.wait(120)
    assert len(world.writes_to(APPLICATION, "web")) == writes

    world.patch(CONFIG_MAP, "a", {"data": {"key": "hand"}})
    world.wait(480)
    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "1"}
    assert "ComparisonError" in world.conditions()
    assert world.sync_words()[0] == "Synced"

    world.git.show()
    world.wait(400)
    assert "conditions" not in world.status()


def test_drift_is_corrected_by_a_new_controller_while_git_is_away(world):
    world.git.commit({"deploy/a.yaml": [config_map()]})
    world.application()
    world.settle()
    world.git.hide()
    world.start()
    world.settle()

    world.patch(CONFIG_MAP, "a", {"data": {"key": "hand"}})
    world.wait(10)

    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "1"}


def test_git_that_was_never_there_is_reported_at_once(world):
    world.git.hide()
    world.application()

    world.settle()

    assert "ComparisonError" in world.conditions()
    assert world.sync_words()[0] == "Unknown"


def test_drift_that_is_told_while_a_pass_ends_is_not_overlooked(world):
    world.git.commit({"deploy/a.yaml": [config_map("a")]})
    world.application()
    told = []

    def meanwhile(call):
        if call.kind == APPLICATION and world.sync_words()[0] == "Synced":
            world.cluster.meanwhile = None
            world.patch(CONFIG_MAP, "a", {"data": {"key": "by hand"}})
            told.extend(world.changed())

    world.cluster.meanwhile = meanwhile
    world.settle()
    assert told
    world.timers.update(dict.fromkeys(told, world.now))
    world.settle()

    assert world.get(CONFIG_MAP, "a")["data"] == {"key": "1"}


# Waves.


def waved(manifest, wave):
    manifest["metadata"]["annotations"] = {"argocd.argoproj.io/sync-wave": str(wave)}
    return manifest


def set_phase(world, phase, message="", name="web"):
    generation = world.get(ROLLOUT, name)["metadata"]["generation"]
    status = {"phase": phase, "message": message, "observedGeneration": str(generation)}
    world.patch(ROLLOUT, name, {"status": status}, subresource="status", manager="rollouts")
    world.settle()


def test_a_later_wave_waits_until_the_rollout_is_proven(world):
    files = {"deploy/a.yaml": [waved(rollout(), 1), waved(config_map("late"), 2)]}
    world.git.commit(files)
    world.application()
    world.settle()
    assert world.get(CONFIG_MAP, "late") is None
    assert world.sync_words()[2] == "Running"

    set_phase(world, "Paused", "canary step 1/4")
    world.wait(7200)
    assert world.get(CONFIG_MAP, "late") is None
    assert "canary step 1/4" in world.status()["operationState"]["message"]
    assert world.sync_words()[1] == "Suspended"

    set_phase(world, "Healthy")
    assert world.get(CONFIG_MAP, "late") is not None
    assert world.sync_words() == ("Synced", "Healthy", "Succeeded")


def test_a_new_commit_takes_over_from_a_waiting_sync(world):
    world.git.commit({"deploy/a.yaml": [waved(rollout(), 1), waved(config_map("late"), 2)]})
    world.application()
    world.settle()
    set_phase(world, "Paused")

    commit = world.git.commit(
        {"deploy/a.yaml": [waved(rollout(image="web:2"), 1), waved(config_map("late"), 2)]}
    )
    world.wait(70)

    assert image_of(world.get(ROLLOUT, "web")) == "web:2"
    assert world.status()["operationState"]["syncResult"]["revision"] == commit


def test_an_aborted_rollout_fails_the_sync_that_waits_for_it(world):
    world.git.commit({"deploy/a.yaml": [waved(rollout(), 1), waved(config_map("late"), 2)]})
    policy = {"automated": {}, "retry": {"limit": 0}}
    world.application(syncPolicy=policy)
    world.settle()

    set_phase(world, "Degraded", "metric error rate failed")

    assert world.get(CONFIG_MAP, "late") is None
    assert world.sync_words()[1:] == ("Degraded", "Failed")
    assert "metric error rate failed" in world.status()["health"]["message"]


def test_the_health_of_a_rollout_is_that_of_its_application(world):
    world.git.commit({"deploy/a.yaml": [rollout()]})
    world.application()
    world.settle()
    seen = []
    for phase in ("Progressing", "Paused", "Degraded", "Healthy"):
        set_phase(world, phase)
        seen.append(world.sync_words()[:2])

    assert seen == [
        ("Synced", "Progressing"),
        ("Synced", "Suspended"),
        ("Synced", "Degraded"),
        ("Synced", "Healthy"),
    ]


# Canary Ingresses.


def test_a_declared_canary_ingress_is_refused(world):
    steered = rollout()
    steered["spec"]["strategy"]["canary"] |= {
        "trafficRouting": {"nginx": {"stableIngress": "front"}}
    }
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    ingress = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web-front-canary"},
        "spec": {"defaultBackend": backend},
    }
    world.git.commit({"deploy/a.yaml": [steered, ingress]})
    world.application()

    world.settle()

    assert world.get(INGRESS, "web-front-canary") is None
    assert "canary Ingress that Rollout web makes" in world.conditions()["ComparisonError"]
    assert world.get(SERVICE, "web") is None

"""Hooks of an Application: before, with and after a sync, each once, with its end awaited."""

from pathlib import Path

import pytest
import yaml
from shell.gitops_world import START, config_map
from shell.hook_words import (
    HOOK,
    JOB,
    WAVE,
    deploy,
    end,
    has_ended,
    hook_rows,
    job,
    jobs,
    message,
    sync_by_hand,
)

from rollouts.api.refs import APPLICATION, CONFIG_MAP, NAMESPACE, ROLLOUT
from rollouts.gitops.health.assess import HOOK_FINALIZER
from rollouts.gitops.hook_release import DELETE_POLICY, INSTANCES_KEPT_MAX

EXAMPLE = Path(__file__).parents[2] / "examples" / "03-sync-hooks"
SECONDS = int(START.timestamp())


class TestOrder:
    def test_a_presync_hook_ends_before_anything_is_applied(self, world):
        deploy(world, job("migrate", "PreSync"))
        world.application()
        world.settle()

        assert world.get(CONFIG_MAP, "a") is None
        assert world.sync_words()[2] == "Running"
        assert "waiting for PreSync hook Job/shop/migrate" in message(world)
        assert hook_rows(world) == [("migrate", "PreSync", "Running")]

        end(world, "migrate")
        world.settle()

        assert world.get(CONFIG_MAP, "a")["data"] == {"key": "1"}
        assert world.sync_words() == ("Synced", "Healthy", "Succeeded")
        assert hook_rows(world) == [("migrate", "PreSync", "Succeeded")]

    def test_a_postsync_hook_runs_when_everything_is_healthy(self, world):
        rollout = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Rollout",
            "metadata": {"name": "web"},
            "spec": {
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [{"name": "web", "image": "web:1"}]},
                },
                "strategy": {"canary": {"steps": [{"setWeight": 10}]}},
            },
        }
        deploy(world, rollout, job("test", "PostSync"))
        world.application()
        world.settle()

        assert jobs(world) == {}
        assert "waiting for wave 0: Rollout/shop/web" in message(world)

        world.wait(3600)  # A canary takes as long as its steps say.
        assert jobs(world) == {}
        assert world.sync_words()[2] == "Running"

        status = {"phase": "Healthy", "observedGeneration": "1"}
        world.patch(ROLLOUT, "web", {"status": status}, subresource="status", manager="rollouts")
        world.settle()
        assert list(jobs(world)) == ["test"]

        end(world, "test")
        world.settle()
        assert world.sync_words() == ("Synced", "Healthy", "Succeeded")

    def test_waves_order_hooks_of_one_phase(self, world):
        first = job("first", "PreSync", annotations={WAVE: "-1"})
        deploy(world, job("second", "PreSync"), first)
        world.application()
        world.settle()
        assert list(jobs(world)) == ["first"]

        end(world, "first")
        world.settle()
        assert sorted(jobs(world)) == ["first", "second"]
        assert world.get(CONFIG_MAP, "a") is None

    def test_hooks_of_one_wave_run_at_the_same_time(self, world):
        deploy(world, job("one", "PreSync"), job("two", "PreSync"))
        world.application()
        world.settle()

        assert sorted(jobs(world)) == ["one", "two"]

    def test_a_sync_hook_runs_with_its_wave_and_later_waves_wait_for_it(self, world):
        late = config_map("late")
        late["metadata"]["annotations"] = {WAVE: "1"}
        deploy(world, job("between", "Sync"), late)
        world.application()
        world.settle()

        assert world.get(CONFIG_MAP, "a") is not None
        assert world.get(CONFIG_MAP, "late") is None

        end(world, "between")
        world.settle()
        assert world.get(CONFIG_MAP, "late") is not None

    def test_pruning_comes_between_the_sync_and_its_postsync_hooks(self, world):
        world.git.commit({"deploy/b.yaml": [config_map("old")]})
        world.application()
        world.settle()
        world.git.commit({"deploy/b.yaml": None})
        deploy(world, job("before", "Sync"), job("after", "PostSync"))
        world.wait(70)
        assert world.get(CONFIG_MAP, "old") is not None

        end(world, "before")
        world.settle()

        assert world.get(CONFIG_MAP, "old") is None
        assert sorted(jobs(world)) == ["after", "before"]

    def test_a_hook_may_have_several_phases_and_runs_in_each(self, world):
        deploy(world, job("both", "PreSync,PostSync"))
        world.application()
        world.settle()
        first = jobs(world)["both"]["metadata"]["uid"]
        end(world, "both")
        world.wait(5)
        assert jobs(world)["both"]["metadata"]["uid"] != first

        end(world, "both")
        world.settle()
        assert hook_rows(world) == [
            ("both", "PreSync", "Succeeded"),
            ("both", "PostSync", "Succeeded"),
        ]

    def test_the_namespace_of_a_hook_is_there_before_it(self, world):
        deploy(world, job("migrate", "PreSync"))
        destination = {"server": "https://kubernetes.default.svc", "namespace": "new"}
        options = {"automated": {}, "syncOptions": ["CreateNamespace=true"]}
        world.application(destination=destination, syncPolicy=options)

        world.settle()

        assert world.get(NAMESPACE, "new", "") is not None
        assert list(jobs(world, "new")) == ["migrate"]

    def test_helm_words_are_understood(self, world):
        before, test = job("before", ""), job("test", "")
        before["metadata"]["annotations"] = {"helm.sh/hook": "pre-install,pre-upgrade"}
        test["metadata"]["annotations"] = {"helm.sh/hook": "test"}
        deploy(world, before, test)
        world.application()
        world.settle()

        assert list(jobs(world)) == ["before"]

    def test_a_kind_without_health_has_succeeded_at_once(self, world):
        note = config_map("note")
        note["metadata"]["annotations"] = {HOOK: "PreSync"}
        deploy(world, note)
        world.application()
        world.settle()

        assert world.sync_words() == ("Synced", "Healthy", "Succeeded")
        assert hook_rows(world) == [("note", "PreSync", "Succeeded")]


class TestWhen:
    def test_a_commit_that_changes_nothing_runs_no_hook(self, world):
        deploy(world, job("migrate-", "PreSync", generated=True))
        world.application()
        world.settle()
        end(world, next(iter(jobs(world))))
        world.settle()

        world.git.commit({"other/readme.txt": "hello"})
        world.wait(200)

        assert len(jobs(world)) == 1

    def test_a_self_heal_runs_no_hook(self, world):
        deploy(world, job("migrate-", "PreSync", generated=True))
        world.application()
        world.settle()
        end(world, next(iter(jobs(world))))
        world.wait(60)

        world.patch(CONFIG_MAP, "a", {"data": {"key": "by hand"}})
        world.settle()

        assert world.get(CONFIG_MAP, "a")["data"] == {"key": "1"}
        assert len(jobs(world)) == 1

    @pytest.mark.parametrize(
        "sync",
        [
            {"syncStrategy": {"apply": {}}},
            {"resources": [{"kind": "ConfigMap", "name": "a"}]},
            {"dryRun": True},
        ],
        ids=["strategy apply", "some objects", "dry run"],
    )
    def test_a_sync_that_is_not_a_whole_one_runs_no_hook(self, world, sync):
        deploy(world, job("migrate", "PreSync"))
        world.application(syncPolicy={})
        world.settle()

        sync_by_hand(world, **sync)
        world.settle()

        assert jobs(world) == {}
        assert world.sync_words()[2] == "Succeeded"

    def test_a_sync_by_hand_runs_them_and_again_next_time(self, world):
        deploy(world, job("migrate-", "PreSync", generated=True))
        world.application(syncPolicy={})
        world.settle()
        for number in (1, 2):
            sync_by_hand(world)
            world.settle()
            assert len(jobs(world)) == number
            for name in jobs(world):
                end(world, name)
            world.wait(5)
            assert "operation" not in world.app()
            assert world.sync_words()[2] == "Succeeded"

    def test_a_skipped_object_is_never_applied(self, world):
        deploy(world, job("never", "Skip"))
        world.application()
        world.settle()

        assert jobs(world) == {}
        assert world.conditions() == {}
        assert world.sync_words() == ("Synced", "Healthy", "Succeeded")


class TestFailure:
    def test_a_presync_hook_that_fails_keeps_everything_as_it_was(self, world):
        deploy(world, job("migrate", "PreSync"))
        retry = {"automated": {}, "retry": {"limit": 0}}
        world.application(syncPolicy=retry)
        world.settle()
        end(world, "migrate", "Failed", "it cannot connect")
        world.settle()

        assert world.get(CONFIG_MAP, "a") is None
        assert world.sync_words()[2] == "Failed"
        assert "PreSync hook Job/shop/migrate: it cannot connect" in message(world)
        assert "deploy/a.yaml" in message(world)
        assert hook_rows(world) == [("migrate", "PreSync", "Failed")]

    def test_a_try_again_repeats_what_failed_and_not_what_has_succeeded(self, world):
        good = job("good-", "PreSync", generated=True, annotations={WAVE: "-1"})
        deploy(world, good, job("bad-", "PreSync", generated=True))
        world.application()
        world.settle()
        end(world, next(iter(jobs(world))))
        world.settle()
        (failing,) = (name for name in jobs(world) if name.startswith("bad-"))
        end(world, failing, "Failed", "once")
        world.wait(6)

        names = sorted(jobs(world))
        assert len([name for name in names if name.startswith("good-")]) == 1
        (again,) = (name for name in names if name.startswith("bad-") and name != failing)
        assert again == f"{failing}-1"

        end(world, again)
        world.settle()
        assert world.sync_words()[2] == "Succeeded"

    def test_a_hook_with_a_fixed_name_makes_room_for_its_next_try(self, world):
        deploy(world, job("migrate", "PreSync"))
        world.application()
        world.settle()
        first = jobs(world)["migrate"]["metadata"]["uid"]
        end(world, "migrate", "Failed", "once")
        world.wait(8)

        assert jobs(world)["migrate"]["metadata"]["uid"] != first
        assert hook_rows(world) == [("migrate", "PreSync", "Running")]

    def test_what_has_failed_is_told_when_nothing_of_its_wave_runs_any_more(self, world):
        deploy(world, job("bad", "PreSync"), job("slow", "PreSync"))
        world.application(syncPolicy={"automated": {}, "retry": {"limit": 0}})
        world.settle()
        end(world, "bad", "Failed", "broken")
        world.settle()
        assert world.sync_words()[2] == "Running"
        assert "failed: PreSync hook Job/shop/bad: broken" in message(world)

        end(world, "slow")
        world.settle()
        assert world.sync_words()[2] == "Failed"

    def test_a_hook_that_vanishes_is_a_failure_not_an_endless_wait(self, world):
        deploy(world, job("migrate", "PreSync"))
        world.application(syncPolicy={"automated": {}, "retry": {"limit": 0}})
        world.settle()

        world.delete(JOB, "migrate")
        world.settle()

        assert world.sync_words()[2] == "Failed"
        assert "was deleted while it ran, so its result is not known" in message(world)
        assert jobs(world) == {}

    def test_syncfail_hooks_run_once_when_a_sync_has_failed_for_good(self, world):
        deploy(world, job("migrate", "PreSync"), job("tell", "SyncFail"))
        world.application(syncPolicy={"automated": {}, "retry": {"limit": 1}})
        world.settle()
        end(world, "migrate", "Failed", "first")
        world.wait(8)
        assert "tell" not in jobs(world)

        end(world, "migrate", "Failed", "second")
        world.wait(2)
        assert "tell" in jobs(world)
        assert world.sync_words()[2] == "Running"

        end(world, "tell")
        world.wait(2)
        assert world.sync_words()[2] == "Failed"
        assert "second" in message(world)
        assert ("tell", "SyncFail", "Succeeded") in hook_rows(world)
        assert world.get(CONFIG_MAP, "a") is None

    def test_a_syncfail_hook_that_fails_changes_no_verdict(self, world):
        broken = config_map("b", key="1")
        broken["data"] = {"key": ["no text"]}
        deploy(world, broken, job("tell", "SyncFail"))
        world.application(syncPolicy={"automated": {}, "retry": {"limit": 0}})
        world.wait(2)
        end(world, "tell", "Failed", "no network")
        world.wait(2)

        assert world.sync_words()[2] == "Failed"
        assert "SyncFail hook Job/shop/tell: no network" in message(world)

    def test_no_hook_runs_for_manifests_that_the_server_would_refuse(self, world):
        broken = config_map("b")
        broken["data"] = {"key": ["no text"]}
        deploy(world, broken, job("migrate", "PreSync"))
        world.application()
        world.settle()

        assert jobs(world) == {}
        assert world.get(CONFIG_MAP, "a") is None
        assert world.sync_words()[2] == "Failed"
        assert "ConfigMap/shop/b" in message(world)

    def test_an_object_of_somebody_else_is_not_taken_for_a_hook(self, world):
        theirs = job("migrate", "PreSync")
        theirs["metadata"]["namespace"] = "shop"
        world.create(theirs, JOB)
        deploy(world, job("migrate", "PreSync"))
        world.application()
        world.settle()

        assert "exists and is no hook of Application/argocd/web" in message(world)
        assert "deletionTimestamp" not in jobs(world)["migrate"]["metadata"]

    def test_termination_deletes_what_runs(self, world):
        deploy(world, job("migrate", "PreSync"))
        world.application(syncPolicy={})
        world.settle()
        sync_by_hand(world)
        world.settle()

        state = {"operationState": {"phase": "Terminating"}}
        world.patch(APPLICATION, "web", {"status": state}, namespace="argocd")
        world.settle()

        assert world.sync_words()[2] == "Failed"
        assert jobs(world) == {}


class TestKeeping:
    def test_a_result_is_kept_until_it_is_recorded(self, world):
        deploy(world, job("migrate", "PreSync"))
        world.application()
        world.settle()
        assert HOOK_FINALIZER in jobs(world)["migrate"]["metadata"]["finalizers"]

        end(world, "migrate")
        world.settle()

        assert not jobs(world)["migrate"]["metadata"].get("finalizers")

    def test_a_job_that_deletes_itself_is_still_read(self, world):
        deploy(world, job("migrate", "PreSync"))
        world.application()
        world.settle()
        end(world, "migrate")
        world.delete(JOB, "migrate")  # As its time to live would have it.
        world.settle()

        assert world.sync_words() == ("Synced", "Healthy", "Succeeded")
        assert jobs(world) == {}

    @pytest.mark.parametrize(
        ("policy", "verdict", "kept"),
        [
            ("HookSucceeded", "Complete", False),
            ("HookSucceeded", "Failed", True),
            ("HookFailed", "Failed", False),
            ("HookFailed", "Complete", True),
            ("HookSucceeded,HookFailed", "Failed", False),
            ("BeforeHookCreation", "Complete", True),
            ("", "Complete", True),
        ],
    )
    def test_delete_policies_are_followed(self, world, policy, verdict, kept):
        notes = {DELETE_POLICY: policy} if policy else {}
        deploy(world, job("migrate", "PreSync", annotations=notes))
        world.application(syncPolicy={"automated": {}, "retry": {"limit": 0}})
        world.settle()
        end(world, "migrate", verdict)
        world.settle()

        assert bool(jobs(world)) is kept

    def test_of_a_generated_name_only_the_last_few_are_kept(self, world):
        world.application()
        for number in range(INSTANCES_KEPT_MAX + 2):
            deploy(world, job("migrate-", "PreSync", generated=True), key=str(number))
            world.wait(70)
            (running,) = (name for name, each in jobs(world).items() if not has_ended(each))
            end(world, running)
            world.wait(5)

        assert len(jobs(world)) == INSTANCES_KEPT_MAX

    def test_a_generated_name_says_commit_phase_and_time(self, world):
        commit = deploy(world, job("migrate-", "PreSync", generated=True))
        world.application()
        world.settle()

        assert list(jobs(world)) == [f"migrate-{commit[:7]}-presync-{SECONDS}"]

    def test_hooks_are_neither_drift_nor_health_nor_pruned(self, world):
        deploy(world, job("test", "PostSync"))
        world.application()
        world.settle()
        end(world, "test")
        world.settle()
        world.delete(JOB, "test")
        world.wait(70)

        assert world.sync_words() == ("Synced", "Healthy", "Succeeded")
        assert world.status()["inventory"]["entries"] == [{"id": "shop_a__ConfigMap", "v": "v1"}]

    def test_an_object_that_becomes_a_hook_is_not_pruned_but_run(self, world):
        plain = job("migrate", "")
        del plain["metadata"]["annotations"]
        deploy(world, plain)
        world.application()
        world.settle()
        before = jobs(world)["migrate"]["metadata"]["uid"]
        end(world, "migrate")

        deploy(world, job("migrate", "PreSync"), key="2")
        world.wait(70)

        assert jobs(world)["migrate"]["metadata"]["uid"] != before
        end(world, "migrate")
        world.settle()
        assert world.sync_words() == ("Synced", "Healthy", "Succeeded")


class TestDeletion:
    def test_hooks_go_with_their_application(self, world):
        world.application(finalizers=["resources-finalizer.argocd.argoproj.io"])
        for number in range(2):
            deploy(world, job("migrate-", "PreSync", generated=True), key=str(number))
            world.wait(70)
            for name in jobs(world):
                end(world, name)
            world.wait(5)
        assert len(jobs(world)) == 2

        world.delete(APPLICATION, "web", "argocd")
        world.wait(10)

        assert jobs(world) == {}
        assert world.get(CONFIG_MAP, "a") is None
        assert world.app() is None

    def test_a_hook_that_runs_goes_too(self, world):
        deploy(world, job("migrate", "PreSync"))
        world.application(finalizers=["resources-finalizer.argocd.argoproj.io"])
        world.settle()

        world.delete(APPLICATION, "web", "argocd")
        world.wait(10)

        assert jobs(world) == {}
        assert world.app() is None

    def test_an_application_that_leaves_its_objects_behind_does_not_hold_them(self, world):
        deploy(world, job("migrate", "PreSync"))
        world.application()
        world.settle()

        world.delete(APPLICATION, "web", "argocd")
        world.settle()

        assert not jobs(world)["migrate"]["metadata"].get("finalizers")

    def test_a_hook_that_is_to_stay_stays(self, world):
        notes = {"argocd.argoproj.io/sync-options": "Delete=false"}
        deploy(world, job("migrate", "PreSync", annotations=notes))
        world.application(finalizers=["resources-finalizer.argocd.argoproj.io"])
        world.settle()

        world.delete(APPLICATION, "web", "argocd")
        world.wait(10)

        assert not jobs(world)["migrate"]["metadata"].get("finalizers")
        assert world.app() is None


def test_the_example_migrates_delivers_and_tests(world):
    deploy_folder = EXAMPLE / "deploy"
    files = {f"deploy/{path.name}": path.read_text() for path in deploy_folder.glob("*.yaml")}
    commit = world.git.commit(files)
    application = yaml.safe_load((EXAMPLE / "application.yaml").read_text())
    application["spec"]["source"]["repoURL"] = world.git.url
    world.create(application, APPLICATION)
    world.settle()

    (migration,) = jobs(world)
    assert migration.startswith(f"migrate-{commit[:7]}-presync-")
    assert world.get(ROLLOUT, "shop") is None
    end(world, migration)
    world.settle()
    status = {"phase": "Healthy", "observedGeneration": "1"}
    world.patch(ROLLOUT, "shop", {"status": status}, subresource="status", manager="rollouts")
    world.settle()
    end(world, "smoke-test")
    world.settle()

    assert world.sync_words("shop") == ("Synced", "Healthy", "Succeeded")
    assert list(jobs(world)) == ["smoke-test"]

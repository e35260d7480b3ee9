"""Hooks of a deletion: before an Application's objects go, and after they have gone."""

from datetime import timedelta

import pytest
from effort import EFFORT
from shell.emulated import Crash
from shell.gitops_world import World, config_map
from shell.hook_words import JOB, WAVE, deploy, end, has_ended, job, jobs

from rollouts.api.refs import APPLICATION, CONFIG_MAP
from rollouts.gitops.deletion import CLEANUP, FINALIZERS
from rollouts.gitops.hook_release import DELETE_POLICY

CASCADE = "resources-finalizer.argocd.argoproj.io"
BEFORE, AFTER = FINALIZERS["PreDelete"], FINALIZERS["PostDelete"]


def finalizers(world):
    return world.app()["metadata"].get("finalizers", [])


def deployed(world, *hooks, **changes):
    """Have an Application that is synced, and on its way out."""
    deploy(world, *hooks)
    world.application(finalizers=[CASCADE], **changes)
    world.settle()
    assert world.get(CONFIG_MAP, "a") is not None
    assert jobs(world) == {}
    world.delete(APPLICATION, "web", "argocd")
    world.settle()


def problem(world):
    return world.conditions().get("DeletionError", "")


class TestFinalizers:
    def test_hooks_of_a_deletion_put_finalizers_on_once_something_is_there(self, world):
        deploy(world, job("backup", "PreDelete"), job("tell", "PostDelete"))
        world.application(syncPolicy={})
        world.settle()
        assert finalizers(world) == []

        body = {"operation": {"sync": {}}}
        world.patch(APPLICATION, "web", body, namespace="argocd")
        world.settle()
        assert finalizers(world) == [BEFORE, AFTER, CLEANUP]

    def test_they_go_with_the_hooks_and_others_stay(self, world):
        deploy(world, job("backup", "PreDelete"))
        world.application(finalizers=["example.com/theirs", CASCADE])
        world.settle()
        assert finalizers(world) == ["example.com/theirs", CASCADE, BEFORE, CLEANUP]

        deploy(world)
        world.wait(70)
        assert finalizers(world) == ["example.com/theirs", CASCADE]

    def test_without_such_hooks_none_is_put_on(self, world):
        deploy(world, job("test", "PostSync"))
        world.application()
        world.settle()

        assert finalizers(world) == []


class TestOrder:
    def test_objects_go_after_the_one_and_before_the_other(self, world):
        deployed(world, job("backup", "PreDelete"), job("tell", "PostDelete"))
        assert list(jobs(world)) == ["backup"]
        assert world.get(CONFIG_MAP, "a") is not None

        end(world, "backup")
        world.wait(10)
        assert world.get(CONFIG_MAP, "a") is None
        assert sorted(jobs(world)) == ["backup", "tell"]
        assert AFTER in finalizers(world)
        assert BEFORE not in finalizers(world)

        end(world, "tell")
        world.wait(10)
        assert world.app() is None
        assert sorted(jobs(world)) == ["backup", "tell"]
        assert not any(each["metadata"].get("finalizers") for each in jobs(world).values())

    def test_waves_order_the_hooks_of_a_phase(self, world):
        first = job("first", "PreDelete", annotations={WAVE: "-1"})
        deployed(world, job("second", "PreDelete"), first)
        assert list(jobs(world)) == ["first"]

        end(world, "first")
        world.wait(10)
        assert sorted(jobs(world)) == ["first", "second"]
        assert world.get(CONFIG_MAP, "a") is not None

    def test_helm_words_and_generated_names_are_understood(self, world):
        hook = job("backup-", "", generated=True)
        hook["metadata"]["annotations"] = {"helm.sh/hook": "pre-delete"}
        deployed(world, hook)

        (name,) = jobs(world)
        assert name.startswith("backup-")
        assert "-predelete-" in name

    def test_hooks_run_for_an_application_that_leaves_its_objects_behind(self, world):
        deploy(world, job("tell", "PostDelete"))
        world.application()
        world.settle()
        world.delete(APPLICATION, "web", "argocd")
        world.settle()
        assert list(jobs(world)) == ["tell"]

        end(world, "tell")
        world.wait(10)
        assert world.app() is None
        assert world.get(CONFIG_MAP, "a") is not None

    @pytest.mark.parametrize(("policy", "kept"), [("HookSucceeded", False), ("HookFailed", True)])
    def test_delete_policies_are_followed_at_the_end(self, world, policy, kept):
        notes = {DELETE_POLICY: policy}
        deployed(world, job("backup", "PreDelete", annotations=notes))
        end(world, "backup")
        world.wait(10)

        assert world.app() is None
        assert bool(jobs(world)) is kept


class TestTrouble:
    def test_what_fails_keeps_everything_and_is_tried_again(self, world):
        deployed(world, job("backup", "PreDelete"))
        first = jobs(world)["backup"]["metadata"]["uid"]
        end(world, "backup", "Failed", "the disk is full")
        world.wait(10)
        assert "PreDelete hook Job/shop/backup: the disk is full" in problem(world)
        assert world.get(CONFIG_MAP, "a") is not None

        world.wait(70)
        assert jobs(world)["backup"]["metadata"]["uid"] != first
        end(world, "backup")
        world.wait(10)
        assert world.app() is None

    @pytest.mark.parametrize("verdict", ["Failed", ""], ids=["has failed", "runs"])
    def test_what_somebody_deletes_is_made_again(self, world, verdict):
        deployed(world, job("backup", "PreDelete"))
        first = jobs(world)["backup"]["metadata"]["uid"]
        if verdict:
            end(world, "backup", verdict)
        world.delete(JOB, "backup")
        world.wait(20)

        assert jobs(world)["backup"]["metadata"]["uid"] != first
        assert world.get(CONFIG_MAP, "a") is not None

    def test_an_object_of_somebody_else_is_named_and_left_alone(self, world):
        theirs = job("backup", "PreDelete")
        theirs["metadata"]["namespace"] = "shop"
        deploy(world, job("backup", "PreDelete"))
        world.application(finalizers=[CASCADE])
        world.settle()
        world.create(theirs, JOB)
        world.delete(APPLICATION, "web", "argocd")
        world.wait(200)

        assert "exists and is no hook of Application/argocd/web" in problem(world)
        assert "deletionTimestamp" not in jobs(world)["backup"]["metadata"]
        assert world.get(CONFIG_MAP, "a") is not None

    def test_a_repository_that_is_gone_is_told_with_the_way_out(self, world):
        deploy(world, job("backup", "PreDelete"))
        world.application(finalizers=[CASCADE])
        world.settle()
        world.git.commit({"deploy/a.yaml": "kind: [\n"})
        world.wait(70)
        world.delete(APPLICATION, "web", "argocd")
        world.wait(10)

        assert "not valid YAML" in problem(world)
        assert BEFORE in problem(world)
        assert world.get(CONFIG_MAP, "a") is not None

        world.patch(
            APPLICATION,
            "web",
            {"metadata": {"finalizers": [CASCADE]}},
            namespace="argocd",
        )
        world.wait(10)
        assert world.app() is None
        assert world.get(CONFIG_MAP, "a") is None

    def test_hooks_of_a_sync_that_still_run_go_first(self, world):
        deploy(world, job("migrate", "PreSync"), job("backup", "PreDelete"))
        world.application(finalizers=[CASCADE])
        world.settle()
        end(world, "migrate")
        world.settle()
        deploy(world, job("migrate", "PreSync"), job("backup", "PreDelete"), key="2")
        world.wait(70)
        world.delete(APPLICATION, "web", "argocd")
        world.wait(10)

        assert list(jobs(world)) == ["backup"]

    def test_a_spec_that_is_wrong_keeps_nothing_from_going(self, world):
        world.git.commit({"deploy/a.yaml": [config_map("a")]})
        world.application(finalizers=[CASCADE])
        world.settle()
        wrong = {"spec": {"source": {"path": "../outside"}}}
        world.patch(APPLICATION, "web", wrong, namespace="argocd")
        world.settle()
        assert "InvalidSpecError" in world.conditions()

        world.delete(APPLICATION, "web", "argocd")
        world.wait(10)
        assert world.app() is None
        assert world.get(CONFIG_MAP, "a") is None


class Story:
    """An Application with hooks of both phases that is deleted."""

    def __init__(self, path):
        path.mkdir()
        self.world = World(path)
        notes = {DELETE_POLICY: "HookSucceeded"}
        hooks = [job("backup-", "PreDelete", generated=True, annotations=notes)]
        hooks += [job("tell", "PostDelete")]
        deploy(self.world, *hooks)
        self.world.application(finalizers=[CASCADE])
        self.world.settle()
        self.world.server.on_write.append(self.judge)
        self.made = []
        self.world.delete(APPLICATION, "web", "argocd")

    def judge(self, record):
        if record.dry_run:
            return
        if record.rt.kind == "Job" and record.old is None:
            self.made.append(record.name.partition("-")[0])
        if record.rt.kind == "ConfigMap" and record.new is None:
            assert self.ended("backup"), "objects go before the hook before them has ended"
        if record.rt.kind == "Job" and record.name == "tell" and record.old is None:
            assert self.world.get(CONFIG_MAP, "a") is None

    def ended(self, name):
        return any(
            has_ended(record.new)
            for record in self.world.history
            if record.rt.kind == "Job" and record.name.startswith(name)
        )

    def play(self):
        for _ in range(8):
            self.world.wait(5)
            for name, each in jobs(self.world).items():
                if not has_ended(each):
                    end(self.world, name)


@pytest.mark.parametrize("served", [False, True], ids=["before", "after"])
def test_a_crash_around_any_call_runs_no_hook_twice(tmp_path, served):
    for number in range(1 + (EFFORT == 1 and served), 60, 2 if EFFORT == 1 else 1):
        story = Story(tmp_path / str(number))
        world = story.world
        try:
            world.cluster.calls.clear()
            world.cluster.crash_at, world.cluster.crash_served = number, served
            try:
                story.play()
                crashed = False
            except Crash:
                crashed = True
                world.cluster.crash_at = None
                world.now += timedelta(seconds=7)
                world.start()
                story.play()
            world.cluster.crash_at = None
            assert story.made == ["backup", "tell"]
            assert world.app() is None
            assert list(jobs(world)) == ["tell"]
            assert not jobs(world)["tell"]["metadata"].get("finalizers")
            if not crashed:
                assert number > 12
                return
        finally:
            world.close()
    raise AssertionError("the deletion needs more calls than expected")

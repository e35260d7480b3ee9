"""Hooks that run while Git or a person wants something else, and hooks of an Application's own."""

import pytest
from shell.gitops_world import START
from shell.hook_words import (
    deploy,
    end,
    job,
    jobs,
    message,
    sync_by_hand,
)

from rollouts.api.refs import APPLICATION, CONFIG_MAP
from rollouts.gitops.hook_release import INTERRUPTIBLE

SECONDS = int(START.timestamp())


class TestNewerCommits:
    def test_a_newer_commit_waits_for_a_hook_that_runs(self, world):
        deploy(world, job("migrate-", "PreSync", generated=True))
        world.application()
        world.settle()
        (first,) = jobs(world)

        deploy(world, job("migrate-", "PreSync", generated=True), key="2")
        world.wait(70)

        assert list(jobs(world)) == [first]
        assert first in world.conditions()["SyncError"]
        end(world, first)
        world.settle()
        assert len(jobs(world)) == 2
        assert "SyncError" not in world.conditions()
        assert world.get(CONFIG_MAP, "a") is None  # What was overtaken is not applied.

    def test_a_hook_that_may_be_interrupted_is(self, world):
        notes = {INTERRUPTIBLE: "true"}
        deploy(world, job("test", "PostSync", annotations=notes))
        world.application()
        world.settle()
        before = jobs(world)["test"]["metadata"]["uid"]

        deploy(world, job("test", "PostSync", annotations=notes), key="2")
        world.wait(70)

        assert jobs(world)["test"]["metadata"]["uid"] != before
        assert world.get(CONFIG_MAP, "a")["data"] == {"key": "2"}

    def test_a_commit_may_take_a_running_hook_out_of_git(self, world):
        deploy(world, job("migrate", "PreSync"))
        world.application()
        world.settle()

        deploy(world, key="2")
        world.wait(70)
        assert world.get(CONFIG_MAP, "a") is None
        assert "migrate" in world.conditions()["SyncError"]

        end(world, "migrate")
        world.settle()
        assert world.get(CONFIG_MAP, "a")["data"] == {"key": "2"}
        assert not jobs(world)["migrate"]["metadata"].get("finalizers")

    def test_a_revert_ends_the_sync_that_it_overtakes(self, world):
        deploy(world)
        world.application()
        world.settle()
        deploy(world, job("migrate", "PreSync"), key="2")
        world.wait(70)
        assert world.sync_words()[2] == "Running"

        deploy(world, key="1")
        world.wait(70)
        end(world, "migrate")
        world.settle()

        assert world.sync_words() == ("Synced", "Healthy", "Succeeded")
        assert world.get(CONFIG_MAP, "a")["data"] == {"key": "1"}


class TestRequests:
    """What a person asks for while hooks run, and what comes of it when it makes no sense."""

    def test_a_commit_in_the_middle_of_a_sync_by_hand_is_not_applied_without_its_hooks(self, world):
        deploy(world, job("migrate-", "PreSync", generated=True))
        world.application(syncPolicy={})
        world.settle()
        sync_by_hand(world)
        world.settle()
        (first,) = jobs(world)

        deploy(world, job("migrate-", "PreSync", generated=True), key="2")
        world.wait(70)
        end(world, first)
        world.settle()

        assert world.get(CONFIG_MAP, "a") is None
        (second,) = (name for name in jobs(world) if name != first)
        end(world, second)
        world.settle()
        assert world.get(CONFIG_MAP, "a")["data"] == {"key": "2"}

    @pytest.mark.parametrize(
        ("operation", "why"),
        [
            ({"sync": {"revision": "no-such"}}, "no-such"),
            ({"sync": None}, "the operation holds no sync; write operation.sync"),
        ],
        ids=["a revision that does not exist", "no sync"],
    )
    def test_one_that_makes_no_sense_does_not_disturb_a_sync(self, world, operation, why):
        deploy(world, job("migrate-", "PreSync", generated=True))
        world.application()
        world.settle()
        before = list(jobs(world))

        world.patch(APPLICATION, "web", {"operation": operation}, namespace="argocd")
        world.wait(1)

        assert "operation" not in world.app()
        assert world.sync_words()[2] == "Running"
        assert why in world.conditions()["SyncError"]
        world.wait(200)
        assert why in world.conditions()["SyncError"]

        end(world, before[0])
        world.settle()
        assert world.sync_words() == ("Synced", "Healthy", "Succeeded")
        assert list(jobs(world)) == before
        assert "SyncError" not in world.conditions()

    def test_one_that_makes_no_sense_waits_for_hooks_that_still_run(self, world):
        deploy(world, job("migrate-", "PreSync", generated=True))
        world.application()
        world.settle()
        (first,) = jobs(world)
        off = {"spec": {"syncPolicy": {"automated": None}}}
        world.patch(APPLICATION, "web", off, namespace="argocd")
        world.settle()
        assert world.sync_words()[2] == "Failed"

        sync_by_hand(world, revision="no-such")
        world.wait(20)
        assert "operation" in world.app()
        assert first in world.conditions()["SyncError"]

        end(world, first)
        world.wait(10)
        assert "operation" not in world.app()
        assert world.sync_words()[2] == "Error"

    def test_a_sync_can_be_ended_while_git_makes_no_sense(self, world):
        deploy(world, job("migrate", "PreSync"))
        world.application()
        world.settle()
        world.git.commit({"deploy/a.yaml": "kind: [\n"})
        world.wait(70)
        assert list(jobs(world)) == ["migrate"]

        state = {"operationState": {"phase": "Terminating"}}
        world.patch(APPLICATION, "web", {"status": state}, namespace="argocd")
        world.settle()

        assert world.sync_words()[2] == "Failed"
        assert jobs(world) == {}

    def test_an_instance_that_nothing_records_any_more_is_awaited_and_let_go(self, world):
        deploy(world, job("migrate-", "PreSync", generated=True))
        world.application()
        world.settle()
        (first,) = jobs(world)
        world.wait(5)
        world.patch(APPLICATION, "web", {"status": {"operationState": None}}, namespace="argocd")
        world.wait(20)
        assert list(jobs(world)) == [first]
        assert f"{first} of an earlier sync still runs" in message(world)

        end(world, first)
        world.wait(5)
        assert len(jobs(world)) == 2
        assert not jobs(world)[first]["metadata"].get("finalizers")


class TestResourceHooks:
    GENERATE = """
apiVersion: batch/v1
kind: Job
metadata:
  generateName: post-sync-
spec:
  template:
    spec:
      containers:
      - {name: post-sync, image: alpine, command: [/bin/sh, -c]}
"""

    def test_they_run_after_each_sync_under_a_generated_name(self, world):
        commit = deploy(world)
        hook = {"name": "post-sync", "hook": {"template": {"generate": self.GENERATE}}}
        world.application(resourceHooks=[hook])
        world.settle()

        (made,) = jobs(world).values()
        assert made["metadata"]["name"] == f"post-sync-{commit[:7]}-postsync-{SECONDS}"
        assert made["spec"]["template"]["spec"]["restartPolicy"] == "Never"
        assert world.get(CONFIG_MAP, "a") is not None

        end(world, made["metadata"]["name"])
        world.settle()
        assert world.sync_words() == ("Synced", "Healthy", "Succeeded")

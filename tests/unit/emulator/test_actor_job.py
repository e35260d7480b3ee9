import pytest
from unit.emulator.actor_world import START, World, condition, pod_template, seconds

from rollouts.emulator.actors import Exits, Runs

FOREVER = Runs()


def job(image="good", policy="Never", **spec):
    return {
        "metadata": {"name": "work"},
        "spec": {"template": pod_template(image, restartPolicy=policy)} | spec,
    }


@pytest.fixture
def world():
    return World(
        {
            "good": Exits(after=seconds(2)),
            "bad": Exits(after=seconds(2), exit_code=1),
            "long": FOREVER,
        }
    )


def status(world):
    return world.status("jobs", "work")


def verdict(world):
    return {
        each["type"]: each["reason"]
        for each in status(world).get("conditions", ())
        if each["status"] == "True"
    }


def test_a_job_completes_with_its_pod(world):
    world.create("jobs", job())
    wake = world.settle()
    during = status(world)
    world.after(2)

    assert wake == START + seconds(2)
    assert (during["active"], during.get("succeeded")) == (1, None)
    assert status(world)["succeeded"] == 1
    assert "active" not in status(world)
    assert condition(status(world), "Complete")["status"] == "True"
    assert status(world)["completionTime"] == "2026-01-01T00:00:02Z"


def test_completions_come_in_parallel_up_to_the_limit(world):
    world.create("jobs", job(completions=5, parallelism=2))
    counts = []
    for _ in range(3):
        world.settle()
        counts.append(status(world).get("active", 0))
        world.after(2)
    world.settle()

    assert counts == [2, 2, 1]
    assert status(world)["succeeded"] == 5
    assert "Complete" in verdict(world)


def test_a_failing_job_backs_off_and_gives_up(world):
    world.create("jobs", job("bad", backoffLimit=1))
    world.after(2)
    first = status(world)["failed"]
    world.after(9)
    waiting = len(world.all("pods"))
    world.after(1)
    retried = len(world.all("pods"))
    world.after(60)

    assert (first, waiting, retried) == (1, 1, 2)
    assert verdict(world) == {
        "FailureTarget": "BackoffLimitExceeded",
        "Failed": "BackoffLimitExceeded",
    }
    assert status(world)["failed"] == 2


def test_without_retries_the_first_failure_is_the_last(world):
    world.create("jobs", job("bad", backoffLimit=0))
    world.after(2)

    assert verdict(world)["Failed"] == "BackoffLimitExceeded"


def test_restarts_count_against_the_limit(world):
    world.create("jobs", job("bad", policy="OnFailure", backoffLimit=0))
    world.after(30)

    assert verdict(world)["Failed"] == "BackoffLimitExceeded"
    assert world.all("pods") == []


def test_a_job_fails_exactly_at_its_deadline(world):
    world.create("jobs", job("long", activeDeadlineSeconds=30))
    wake = world.settle()
    world.after(29)
    before = verdict(world)
    world.after(1)

    assert wake == world.now
    assert before == {}
    assert verdict(world)["Failed"] == "DeadlineExceeded"
    assert world.all("pods") == []


def test_a_suspended_job_has_no_pods_until_it_is_resumed(world):
    world.create("jobs", job(suspend=True))
    world.after(10)
    before = (world.all("pods"), verdict(world))
    world.patch("jobs", "work", {"spec": {"suspend": False}})
    world.after(10)

    assert before == ([], {"Suspended": "JobSuspended"})
    assert "Complete" in verdict(world)
    assert "Suspended" not in verdict(world)


def test_a_finished_job_goes_after_its_time_to_live(world):
    world.create("jobs", job(ttlSecondsAfterFinished=60))
    world.after(2)
    wake = world.settle()
    world.after(59)
    before = world.names("jobs")
    world.after(1)

    assert wake == world.now
    assert before == ["work"]
    assert world.all("jobs") == []


def test_a_job_kept_for_no_time_goes_at_once(world):
    world.create("jobs", job(ttlSecondsAfterFinished=0))
    world.after(2)

    assert world.all("jobs") == []


def test_a_queue_is_done_when_one_worker_says_so():
    world = World({"good": Exits(after=seconds(2))})
    world.create("jobs", job(parallelism=3))
    world.after(2)

    assert "Complete" in verdict(world)
    assert status(world)["succeeded"] == 3


def test_pods_of_a_job_are_found_by_its_name(world):
    world.create("jobs", job())
    world.settle()
    labels = world.all("pods")[0]["metadata"]["labels"]

    assert labels["job-name"] == labels["batch.kubernetes.io/job-name"] == "work"


def test_a_finished_job_writes_nothing_more(world):
    world.create("jobs", job())
    world.after(5)
    world.writes.clear()
    wake = world.after(3600)

    assert (wake, world.writes) == (None, [])

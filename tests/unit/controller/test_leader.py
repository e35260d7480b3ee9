"""Who leads when; time is that of a fake loop."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from shell.clusters import MemoryCluster
from shell.loops import at, clock, elapsed, run

from rollouts.api.refs import SERVICE, ObjectRef
from rollouts.controller.fence import FencedCluster
from rollouts.controller.leader import Leader, Timing
from rollouts.kube.errors import Conflict, Unavailable, Unknown

LEASE_NAME = "rollouts-controller"


class Candidate:
    """A leader that notes when it works."""

    def __init__(self, cluster, name="one", *, timing=None, wall=clock, stop_seconds=0.0):
        self.log = []
        self.works = False
        self.stop_seconds = stop_seconds
        self.leader = Leader(
            cluster,
            namespace="rollouts",
            name=LEASE_NAME,
            identity=name,
            timing=timing,
            clock=wall,
            on_started=self.start,
            on_stopped=self.stop,
            random=Random(1),
        )

    def start(self):
        self.works = True
        self.log.append(("start", round(elapsed(), 3)))

    async def stop(self):
        await asyncio.sleep(self.stop_seconds)
        self.works = False
        self.log.append(("stop", round(elapsed(), 3)))

    def run(self):
        return asyncio.create_task(self.leader.run())


async def end(*tasks):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def holder(cluster):
    return cluster.objects[LEASE_NAME]["spec"].get("holderIdentity", "")


def test_the_first_candidate_leads_at_once():
    async def main():
        cluster = MemoryCluster()
        one = Candidate(cluster)
        task = one.run()
        await asyncio.sleep(1)
        seen = one.log[:], holder(cluster), one.leader.may_write()
        await end(task)
        return seen

    assert run(main()) == ([("start", 0.0)], "one", True)


def test_a_lease_says_who_holds_it_since_when_and_for_how_long():
    async def main():
        cluster = MemoryCluster()
        task = Candidate(cluster).run()
        await asyncio.sleep(5)
        spec = cluster.objects[LEASE_NAME]["spec"]
        await end(task)
        return spec

    assert run(main()) == {
        "holderIdentity": "one",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-01-01T00:00:00.000000Z",
        "renewTime": "2026-01-01T00:00:04.000000Z",
        "leaseTransitions": 0,
    }


def test_holding_a_lease_costs_one_write_per_retry_period_and_no_reads():
    async def main():
        cluster = MemoryCluster()
        task = Candidate(cluster).run()
        await asyncio.sleep(20.5)
        verbs = [verb for verb, _ in cluster.calls]
        await end(task)
        return verbs

    assert run(main()) == ["get", "create", *["update"] * 10]


def test_a_second_candidate_waits_while_the_first_renews():
    async def main():
        cluster = MemoryCluster()
        one, two = Candidate(cluster, "one"), Candidate(cluster, "two")
        tasks = [one.run()]
        await asyncio.sleep(1)
        tasks.append(two.run())
        await asyncio.sleep(500)
        seen = one.works, two.works
        await end(*tasks)
        return seen

    assert run(main()) == (True, False)


def test_a_lease_is_released_on_exit_and_the_next_one_leads_within_its_retry_period():
    async def main():
        cluster = MemoryCluster()
        one, two = Candidate(cluster, "one"), Candidate(cluster, "two")
        first = one.run()
        await asyncio.sleep(1)
        second = two.run()
        await asyncio.sleep(99)
        await end(first)
        released = elapsed()
        await asyncio.sleep(5)
        spec = cluster.objects[LEASE_NAME]["spec"]
        await end(second)
        return one.log[-1], released, two.log[0][1] - released, spec["leaseTransitions"]

    stopped, released, gap, transitions = run(main())

    assert stopped == ("stop", released)
    assert 0 <= gap <= 2.4
    assert transitions == 1


def test_a_lease_whose_answer_is_under_way_at_the_exit_is_released_too():
    async def main():
        cluster = MemoryCluster()
        one = Candidate(cluster)
        task = one.run()
        cluster.seconds = 1.0
        await asyncio.sleep(1.5)  # the read is done, the write is on its way
        cluster.objects[LEASE_NAME] = {
            "metadata": {"name": LEASE_NAME, "resourceVersion": "1"},
            "spec": {"holderIdentity": "one"},
        }
        await end(task)
        return holder(cluster)

    assert run(main()) == ""


def test_a_lease_of_a_dead_holder_is_taken_over_after_its_duration():
    async def main():
        cluster = MemoryCluster()
        one, two = Candidate(cluster, "one"), Candidate(cluster, "two")
        first = one.run()
        await asyncio.sleep(100)
        one.leader._release = lambda: asyncio.sleep(0)  # dies without a word
        await end(first)
        second = two.run()
        await asyncio.sleep(100)
        await end(second)
        return two.log[0]

    event, moment = run(main())

    assert event == "start"
    assert 115 <= moment <= 118


def test_a_holder_that_cannot_renew_stops_before_anyone_may_take_over():
    """Time is counted from before the last good renewal, by each side on its own clock."""

    async def main():
        cluster, cut = MemoryCluster(), MemoryCluster()
        one, two = Candidate(cluster, "one", stop_seconds=3.0), Candidate(cluster, "two")
        first = one.run()
        await asyncio.sleep(21)
        second = two.run()
        one.leader._cluster = cut  # a network that swallows everything
        cut.fail = [Unavailable("cut off")] * 1000
        overlap = []

        async def watch():
            while True:
                overlap.append(one.works and two.works)
                await asyncio.sleep(0.1)

        watcher = asyncio.create_task(watch())
        await asyncio.sleep(60)
        await end(first, second, watcher)
        return one.log[:2], two.log[0], any(overlap)

    one_log, two_start, overlap = run(main())

    assert one_log == [("start", 0.0), ("stop", 33.0)]
    assert two_start[1] >= 35
    assert not overlap


def test_a_renewal_that_hangs_does_not_prolong_leadership():
    async def main():
        cluster = MemoryCluster()
        one = Candidate(cluster)
        task = one.run()
        await asyncio.sleep(21)
        cluster.seconds = 1000
        await asyncio.sleep(30)
        seen = one.log[1]
        await end(task)
        return seen

    assert run(main()) == ("stop", 30.0)


def test_leadership_comes_back_when_the_server_does():
    async def main():
        cluster = MemoryCluster()
        one = Candidate(cluster)
        task = one.run()
        await asyncio.sleep(11)
        cluster.fail = [Unavailable("down")] * 8
        await asyncio.sleep(60)
        log = one.log[:]
        await end(task)
        return [event for event, _ in log]

    assert run(main()) == ["start", "stop", "start"]


def test_one_lost_answer_or_conflict_of_our_own_making_changes_nothing():
    async def main():
        cluster = MemoryCluster()
        one = Candidate(cluster)
        task = one.run()
        await asyncio.sleep(5)
        cluster.lose = [Unknown("lost"), None, Conflict("retried by a proxy")]
        await asyncio.sleep(60)
        log = one.log[:]
        await end(task)
        return log

    assert run(main()) == [("start", 0.0)]


def test_a_lease_taken_by_another_ends_leadership_at_the_next_renewal():
    async def main():
        cluster = MemoryCluster()
        one = Candidate(cluster)
        task = one.run()
        await asyncio.sleep(5)
        lease = cluster.objects[LEASE_NAME]
        cluster._store(lease | {"spec": lease["spec"] | {"holderIdentity": "thief"}})
        await asyncio.sleep(6)
        log = one.log[:]
        await end(task)
        return log, holder(cluster)

    log, name = run(main())

    assert log == [("start", 0.0), ("stop", 8.0)]
    assert name == "thief"


def test_a_deleted_lease_is_created_anew_by_its_holder():
    async def main():
        cluster = MemoryCluster()
        one = Candidate(cluster)
        task = one.run()
        await asyncio.sleep(5)
        cluster.objects.clear()
        await asyncio.sleep(10)
        log = one.log[:], holder(cluster)
        await end(task)
        return log

    assert run(main()) == ([("start", 0.0)], "one")


def test_two_candidates_that_race_for_a_lease_have_one_winner():
    async def main():
        cluster = MemoryCluster(seconds=0.3)
        candidates = [Candidate(cluster, str(index)) for index in range(5)]
        tasks = [candidate.run() for candidate in candidates]
        await asyncio.sleep(10)
        leading = [candidate.works for candidate in candidates].count(True)
        await end(*tasks)
        return leading

    assert run(main()) == 1


def test_a_frozen_process_may_not_write_after_the_lease_has_run_out():
    """Suspending a machine stops the monotonic clock; the wall clock tells."""

    async def main():
        shift = 0.0

        def wall():
            return at(elapsed() + shift)

        one = Candidate(MemoryCluster(), wall=wall)
        task = one.run()
        await asyncio.sleep(5)
        before = one.leader.may_write()
        shift = 14.0
        after = one.leader.may_write()
        cluster = FencedCluster(MemoryCluster(), one.leader.may_write)
        with pytest.raises(Unavailable, match="not the leader"):
            await cluster.create({"metadata": {"name": "x"}}, SERVICE)
        with pytest.raises(Unavailable, match="not the leader"):
            await cluster.delete(ObjectRef(SERVICE, "shop", "x"))
        await end(task)
        return before, after

    assert run(main()) == (True, False)


def test_a_wall_clock_that_jumps_ahead_takes_nobodys_lease():
    async def main():
        cluster = MemoryCluster()
        one = Candidate(cluster, "one")
        two = Candidate(cluster, "two", wall=lambda: at(elapsed() + 10_000))
        tasks = [one.run()]
        await asyncio.sleep(1)
        tasks.append(two.run())
        await asyncio.sleep(100)
        log = two.log[:]
        await end(*tasks)
        return log

    assert run(main()) == []


@pytest.mark.parametrize("timing", [(15, 15, 2), (15, 10, 10), (10, 15, 2), (15, 10, 0)])
def test_timings_that_cannot_work_are_refused(timing):
    with pytest.raises(ValueError, match="lease timings"):
        Timing(*timing)

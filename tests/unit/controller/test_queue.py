"""When the queue takes up which key; time is that of a fake loop."""

from __future__ import annotations

import asyncio
import itertools
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shell.loops import at, clock, elapsed, run

from rollouts.controller.queue import CHANGED_SECONDS_MAX, DELAYS_SECONDS, WorkQueue
from rollouts.kube.errors import Conflict, Rejected, Unavailable

A = ("Rollout", "shop", "a")
B = ("Rollout", "shop", "b")


class Passes:
    """Records when which key was worked on; `behave` says what a pass does."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds
        self.log = []
        self.running = {}
        self.running_max = 0
        self.behave = {}

    async def __call__(self, key):
        assert key not in self.running, "two workers on one key"
        self.running[key] = None
        self.running_max = max(self.running_max, len(self.running))
        self.log.append((round(elapsed(), 6), key[2]))
        try:
            await asyncio.sleep(self.seconds)
            actions = self.behave.get(key)
            action = actions.pop(0) if actions else None
            if isinstance(action, BaseException):
                raise action
            return action
        finally:
            del self.running[key]


class Middle(Random):
    """No jitter: the longest delay."""

    def uniform(self, a, b):
        return b


def queue(passes, **options):
    made = WorkQueue(passes, clock=clock, random=Middle(), **options)
    made.start()
    return made


def test_a_key_is_worked_on_at_once():
    async def main():
        passes = Passes()
        queue(passes).add(A)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return passes.log

    assert run(main()) == [(0.0, "a")]


def test_a_key_added_many_times_is_worked_on_once():
    async def main():
        passes = Passes()
        work = WorkQueue(passes, clock=clock)
        for _ in range(100):
            work.add(A)
        work.start()
        await asyncio.sleep(1)
        return passes.log

    assert run(main()) == [(0.0, "a")]


def test_a_key_that_changes_during_its_pass_gets_exactly_one_more():
    async def main():
        passes = Passes(seconds=1.0)
        work = queue(passes)
        work.add(A)
        await asyncio.sleep(0.5)
        for _ in range(5):
            work.add(A)
        await asyncio.sleep(10)
        return passes.log

    assert run(main()) == [(0.0, "a"), (1.0, "a")]


def test_one_key_never_has_two_workers_and_others_do_not_wait_for_it():
    async def main():
        passes = Passes(seconds=5.0)
        work = queue(passes, workers=4)
        work.add(A)
        await asyncio.sleep(1)
        work.add(A)
        work.add(B)
        await asyncio.sleep(20)
        return passes.log

    assert run(main()) == [(0.0, "a"), (1.0, "b"), (5.0, "a")]


@pytest.mark.parametrize("workers", [1, 3, 7])
def test_no_more_passes_run_at_once_than_there_are_workers(workers):
    async def main():
        passes = Passes(seconds=1.0)
        work = queue(passes, workers=workers)
        for index in range(20):
            work.add(("Rollout", "shop", str(index)))
        await asyncio.sleep(100)
        return passes.running_max, len(passes.log)

    assert run(main()) == (workers, 20)


def test_keys_are_taken_up_in_the_order_of_their_arrival():
    async def main():
        passes = Passes(seconds=0.1)
        work = queue(passes, workers=1)
        for name in "cab":
            work.add(("Rollout", "shop", name))
        await asyncio.sleep(1)
        return [name for _, name in passes.log]

    assert run(main()) == ["c", "a", "b"]


def test_a_pass_is_repeated_exactly_when_it_asked_to_be():
    async def main():
        passes = Passes()
        passes.behave[A] = [at(600)]
        queue(passes).add(A)
        await asyncio.sleep(10_000)
        return passes.log

    assert run(main()) == [(0.0, "a"), (600.0, "a")]


def test_a_deadline_in_the_past_means_at_once():
    async def main():
        passes = Passes(seconds=1.0)
        passes.behave[A] = [at(-5)]
        queue(passes).add(A)
        await asyncio.sleep(100)
        return passes.log

    assert run(main()) == [(0.0, "a"), (1.0, "a")]


def test_the_earliest_deadline_wins():
    async def main():
        passes = Passes()
        work = queue(passes)
        work.add_at(A, at(50))
        work.add_at(A, at(20))
        work.add_at(A, at(90))
        await asyncio.sleep(1000)
        return passes.log

    assert run(main()) == [(20.0, "a")]


def test_a_change_replaces_the_deadline_that_was_set_before_it():
    """The pass plans anew and says itself when to look again."""

    async def main():
        passes = Passes()
        passes.behave[A] = [at(100), None]
        work = queue(passes)
        work.add(A)
        await asyncio.sleep(40)
        work.add(A)
        await asyncio.sleep(1000)
        return passes.log

    assert run(main()) == [(0.0, "a"), (40.0, "a")]


def test_deadlines_of_many_keys_ring_in_order():
    async def main():
        passes = Passes()
        work = queue(passes, workers=100)
        for index in reversed(range(50)):
            work.add_at(("Rollout", "shop", str(index)), at(index * 7))
        await asyncio.sleep(1000)
        return passes.log

    assert run(main()) == [(index * 7.0, str(index)) for index in range(50)]


def test_no_deadline_is_early_when_wall_time_is_set_back():
    async def main():
        shift = 0.0
        seen = []

        def wall():
            return at(elapsed() + shift)

        async def work(key):
            seen.append((elapsed(), wall()))

        made = WorkQueue(work, clock=wall)
        made.start()
        made.add_at(A, at(100))
        await asyncio.sleep(50)
        shift = -30.0
        await asyncio.sleep(1000)
        return seen

    (moment,) = run(main())

    assert moment == (130.0, at(100))


def test_a_jump_of_wall_time_is_noticed_within_a_minute():
    async def main():
        shift = 0.0
        seen = []

        async def work(key):
            seen.append(elapsed())

        made = WorkQueue(work, clock=lambda: at(elapsed() + shift))
        made.start()
        made.add_at(A, at(3600))
        await asyncio.sleep(1)
        shift = 7200.0
        await asyncio.sleep(200)
        return seen

    (moment,) = run(main())

    assert moment <= 61


def test_failures_in_a_row_are_repeated_after_growing_pauses():
    async def main():
        passes = Passes()
        passes.behave[A] = [Rejected("no")] * 12
        queue(passes).add(A)
        await asyncio.sleep(1000)
        return [moment for moment, _ in passes.log]

    moments = run(main())
    pauses = [round(b - a, 6) for a, b in itertools.pairwise(moments)]

    assert pauses == [*DELAYS_SECONDS, DELAYS_SECONDS[-1], DELAYS_SECONDS[-1]]


def test_a_success_resets_the_pauses():
    async def main():
        passes = Passes()
        passes.behave[A] = [Rejected("no"), Rejected("no"), None, Rejected("no"), None]
        work = queue(passes)
        work.add(A)
        await asyncio.sleep(10)
        work.add(A)
        await asyncio.sleep(10)
        return [moment for moment, _ in passes.log]

    assert run(main()) == [0.0, 0.05, 0.15, 10.0, 10.05]


def test_jitter_shortens_a_pause_by_up_to_half():
    async def main(seed):
        passes = Passes()
        passes.behave[A] = [Rejected("no")]
        work = WorkQueue(passes, clock=clock, random=Random(seed))
        work.start()
        work.add(A)
        await asyncio.sleep(10)
        return passes.log[1][0]

    pauses = [run(main(seed)) for seed in range(20)]

    assert all(0.025 <= pause <= 0.05 for pause in pauses)
    assert len(pauses) == len(dict.fromkeys(pauses))


def test_the_server_may_ask_for_a_longer_pause():
    async def main():
        passes = Passes()
        passes.behave[A] = [Unavailable("busy", 7)]
        queue(passes).add(A)
        await asyncio.sleep(100)
        return passes.log

    assert run(main()) == [(0.0, "a"), (7.0, "a")]


def test_a_failing_key_that_changes_is_looked_at_soon_but_not_in_a_tight_loop():
    async def main():
        passes = Passes()
        passes.behave[A] = [Rejected("no")] * 9
        work = queue(passes)
        work.add(A)
        await asyncio.sleep(30)  # in the middle of a pause of many seconds
        before = len(passes.log)
        for _ in range(10):
            work.add(A)
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        return passes.log[before:]

    assert run(main()) == [(30.0 + CHANGED_SECONDS_MAX, "a")]


def test_a_failure_of_one_key_does_not_disturb_the_others():
    async def main():
        passes = Passes()
        passes.behave[A] = [RuntimeError("bug")] * 3
        work = queue(passes, workers=1)
        work.add(A)
        work.add(B)
        await asyncio.sleep(0.01)
        return passes.log

    assert run(main()) == [(0.0, "a"), (0.0, "b")]


def test_a_bug_is_logged_with_its_traceback_and_a_first_conflict_is_not_news(caplog):
    async def main():
        passes = Passes()
        passes.behave[A] = [KeyError("oops"), Conflict("twice")]
        passes.behave[B] = [Conflict("once")]
        work = queue(passes)
        work.add(A)
        work.add(B)
        await asyncio.sleep(10)

    run(main())
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]

    assert [record.exc_info[0] for record in errors] == [KeyError]
    assert [record.error for record in warnings] == ["twice"]


def test_a_pass_that_hangs_is_cut_and_repeated(caplog):
    async def main():
        seen = []

        async def work(key):
            seen.append(elapsed())
            await asyncio.sleep(1000 if len(seen) == 1 else 0)

        made = WorkQueue(work, clock=clock, random=Middle(), pass_seconds_max=30)
        made.start()
        made.add(A)
        await asyncio.sleep(100)
        return seen

    assert run(main()) == [0.0, 30.05]
    assert "not done within 30s" in caplog.records[0].error


def test_each_pass_has_a_time_of_its_own_also_while_a_late_one_takes_long_to_end():
    async def main():
        log = []

        async def work(key):
            try:
                await asyncio.sleep(1000 if len(log) < 2 else 0)
            except asyncio.CancelledError:
                log.append((key[2], elapsed()))
                await asyncio.sleep(15)  # an answer that it still takes in
                raise

        made = WorkQueue(work, clock=clock, random=Middle(), pass_seconds_max=30)
        made.start()
        made.add(A)
        await asyncio.sleep(10)
        made.add(B)
        await asyncio.sleep(100)
        return log

    assert run(main()) == [("a", 30.0), ("b", 40.0)]


def test_nothing_is_worked_on_before_the_start_and_nothing_is_lost():
    async def main():
        passes = Passes()
        work = WorkQueue(passes, clock=clock)
        work.add(A)
        work.add_at(B, at(5))
        await asyncio.sleep(10)
        before = list(passes.log)
        work.start()
        await asyncio.sleep(1)
        return before, passes.log

    assert run(main()) == ([], [(10.0, "a"), (10.0, "b")])


def test_a_pause_lets_running_passes_end():
    async def main():
        passes = Passes(seconds=3.0)
        work = queue(passes)
        work.add(A)
        await asyncio.sleep(1)
        await work.pause(grace_seconds=5)
        return elapsed(), passes.running

    assert run(main()) == (3.0, {})


def test_a_pause_cuts_passes_that_take_too_long_and_repeats_them_after_the_next_start():
    async def main():
        passes = Passes(seconds=60.0)
        work = queue(passes)
        work.add(A)
        await asyncio.sleep(1)
        await work.pause(grace_seconds=5)
        paused_at = elapsed()
        await asyncio.sleep(100)
        work.start()
        await asyncio.sleep(1)
        return paused_at, passes.log

    assert run(main()) == (6.0, [(0.0, "a"), (106.0, "a")])


def test_a_pause_of_an_idle_queue_returns_at_once():
    async def main():
        await queue(Passes()).pause(grace_seconds=5)
        return elapsed()

    assert run(main()) == 0.0


def test_lateness_and_depth_are_reported():
    async def main():
        lateness, depths = [], []
        passes = Passes(seconds=4.0)
        work = queue(passes, workers=1, on_lateness=lateness.append)
        work.add_at(A, at(10))
        work.add_at(B, at(11))
        for seconds in (12, 100):
            await asyncio.sleep(seconds)
            depths.append(len(work))
        return lateness, depths

    lateness, depths = run(main())

    assert lateness == pytest.approx([0.0, 3.0])
    assert depths == [1, 0]


def test_a_queue_is_stuck_when_keys_wait_and_nothing_moves():
    async def main():
        passes = Passes(seconds=1000.0)
        work = queue(passes, workers=1)
        work.add(A)
        await asyncio.sleep(200)
        idle_but_working = work.is_stuck(120)
        work.add(B)
        return idle_but_working, work.is_stuck(120), work.is_stuck(300)

    assert run(main()) == (False, True, False)


def test_deadlines_that_are_replaced_do_not_pile_up():
    async def main():
        work = WorkQueue(Passes(), clock=clock)
        for index in range(10_000):
            work.add_at(A, at(100_000 - index))
        return len(work._heap)

    assert run(main()) <= 66


def test_ten_thousand_keys_are_worked_on_once_each():
    async def main():
        passes = Passes()
        work = queue(passes, workers=10)
        for index in range(10_000):
            work.add_at(("Rollout", "shop", str(index)), at(index % 100))
        await asyncio.sleep(1000)
        return len(passes.log), len(dict.fromkeys(passes.log))

    assert run(main()) == (10_000, 10_000)


steps = st.lists(
    st.tuples(
        st.floats(0, 3),  # seconds before it
        st.sampled_from(["add", "at", "pause", "start"]),
        st.sampled_from("abc"),
        st.floats(0, 5),  # for `at`: seconds from then
    ),
    max_size=30,
)


@given(steps, st.lists(st.floats(0, 2), min_size=1, max_size=8), st.integers(1, 3))
def test_nothing_that_was_asked_for_is_forgotten_early_or_done_twice_at_once(
    story, durations, workers
):
    """Whatever is added at whatever moment: a pass begins after it, and never before its time."""

    async def main():
        asked, begun, running = [], [], {}

        async def work(key):
            assert key not in running
            running[key] = None
            assert len(running) <= workers
            begun.append((elapsed(), key))
            try:
                await asyncio.sleep(durations[len(begun) % len(durations)])
            finally:
                del running[key]

        made = WorkQueue(work, clock=clock, workers=workers)
        made.start()
        for seconds, verb, name, later in story:
            await asyncio.sleep(seconds)
            key = ("Rollout", "shop", name)
            match verb:
                case "add":
                    asked.append((elapsed(), key))
                    made.add(key)
                case "at":
                    asked.append((elapsed(), key))
                    made.add_at(key, at(elapsed() + later))
                case "pause":
                    await made.pause(grace_seconds=0.5)
                case "start":
                    made.start()
        made.start()
        await asyncio.sleep(1000)
        return asked, begun, len(made._due), len(made)

    asked, begun, due, waiting = run(main())

    assert (due, waiting) == (0, 0)
    for moment, key in asked:
        assert any(key == each and start >= moment for start, each in begun)
    assert len(begun) <= 2 * len(asked) + len(story)

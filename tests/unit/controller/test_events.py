"""What is said to people, and how often."""

from __future__ import annotations

import asyncio
import dataclasses

from shell.clusters import MemoryCluster
from shell.loops import START, at, clock, run

from rollouts.actions import Event
from rollouts.api.refs import EVENT, NAMESPACE, ROLLOUT, SERVICE, ObjectRef
from rollouts.controller.events import (
    MESSAGE_LENGTH_MAX,
    WAITING_COUNT_MAX,
    EventsAside,
    Recorder,
    Subject,
    event_manifest,
)
from rollouts.kube.errors import Forbidden, Unavailable

WEB = Subject(ObjectRef(ROLLOUT, "shop", "web"), "u1", "7")
PAUSED = Event("RolloutPaused", "Rollout is paused (CanaryPauseStep)")


def names(cluster):
    return [name for verb, name in cluster.calls if verb == "create"]


def recorded(*steps, cluster=None):
    """Say things, each after a number of seconds, and return what was sent."""
    cluster = cluster or MemoryCluster()

    async def main():
        recorder = Recorder(cluster, clock=clock)
        task = asyncio.create_task(recorder.run())
        for seconds, subject, event in steps:
            await asyncio.sleep(seconds)
            recorder.record(subject, event)
        await recorder.drain(5)
        task.cancel()

    run(main())
    return cluster


def test_an_event_names_its_object_reason_and_source():
    manifest = event_manifest(WEB, dataclasses.replace(PAUSED, warning=True), START)

    assert manifest["involvedObject"] == {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "namespace": "shop",
        "name": "web",
        "uid": "u1",
        "resourceVersion": "7",
    }
    assert (manifest["type"], manifest["reason"]) == ("Warning", "RolloutPaused")
    assert manifest["reportingComponent"] == "rollouts-controller"
    assert manifest["firstTimestamp"] == "2026-01-01T00:00:00Z"


def test_an_event_about_an_object_without_namespace_lives_in_the_default_one():
    subject = Subject(ObjectRef(NAMESPACE, "", "shop"), "u1")

    assert event_manifest(subject, PAUSED, START)["metadata"]["namespace"] == "default"


def test_equal_events_have_equal_names_and_different_ones_have_not():
    def name(subject, event, seconds=0):
        return event_manifest(subject, event, at(seconds))["metadata"]["name"]

    other = Subject(WEB.ref, "u2")

    assert name(WEB, PAUSED) == name(WEB, PAUSED, 299)
    assert name(WEB, PAUSED) != name(WEB, PAUSED, 300)
    assert name(WEB, PAUSED) != name(other, PAUSED)
    assert name(WEB, PAUSED) != name(WEB, dataclasses.replace(PAUSED, warning=True))


def test_a_name_is_never_too_long_and_a_long_message_is_cut():
    subject = Subject(ObjectRef(ROLLOUT, "shop", "x" * 253), "u1")
    manifest = event_manifest(subject, Event("R", "m" * 5000), START)

    assert len(manifest["metadata"]["name"]) == 253
    assert len(manifest["message"]) == MESSAGE_LENGTH_MAX


def test_a_repetition_within_five_minutes_is_not_sent():
    cluster = recorded((0, WEB, PAUSED), (10, WEB, PAUSED), (280, WEB, PAUSED))

    assert len(names(cluster)) == 1


def test_a_repetition_after_five_minutes_is_sent():
    cluster = recorded((0, WEB, PAUSED), (300, WEB, PAUSED))

    assert len(names(cluster)) == 2


def test_events_are_sent_in_the_order_they_were_said():
    events = [Event("RolloutStepCompleted", f"step {index}") for index in range(20)]
    cluster = recorded(*((0, WEB, event) for event in events))

    sent = [cluster.objects[name]["message"] for name in names(cluster)]

    assert sent == [event.message for event in events]


def test_an_event_that_cannot_be_recorded_is_dropped_and_the_next_one_is_sent(caplog):
    cluster = MemoryCluster()
    cluster.fail = [Forbidden("create Event: no"), Unavailable("down")]
    recorded(*((0, WEB, Event("R", str(index))) for index in range(3)), cluster=cluster)

    assert [each["message"] for each in cluster.objects.values()] == ["2"]
    assert len(caplog.records) == 2


def test_an_event_said_before_a_restart_is_not_an_error(caplog):
    cluster = recorded((0, WEB, PAUSED))
    recorded((0, WEB, PAUSED), cluster=cluster)

    assert len(cluster.objects) == 1
    assert not caplog.records


def test_saying_something_never_waits_and_what_is_too_much_is_dropped():
    async def main():
        recorder = Recorder(MemoryCluster(), clock=clock)
        for index in range(WAITING_COUNT_MAX + 5):
            recorder.record(WEB, Event("R", str(index)))
        return recorder._waiting.qsize(), recorder._dropped

    assert run(main()) == (WAITING_COUNT_MAX, 5)


def test_events_that_a_pass_creates_are_put_aside_and_all_else_is_not():
    async def main():
        cluster = MemoryCluster()
        recorder = Recorder(cluster, clock=clock)
        aside = EventsAside(cluster, recorder)
        await aside.create(event_manifest(WEB, PAUSED, START), EVENT)
        await aside.create({"metadata": {"name": "web"}}, SERVICE)
        before = names(cluster)
        task = asyncio.create_task(recorder.run())
        await recorder.drain(1)
        task.cancel()
        return before, len(names(cluster))

    assert run(main()) == (["web"], 2)


def test_draining_gives_up_after_its_time(caplog):
    async def main():
        recorder = Recorder(MemoryCluster(seconds=100), clock=clock)
        recorder.record(WEB, PAUSED)
        task = asyncio.create_task(recorder.run())
        await recorder.drain(2)
        task.cancel()
        return asyncio.get_running_loop().time()

    assert run(main()) == 2.0

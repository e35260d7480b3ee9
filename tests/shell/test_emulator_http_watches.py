"""Watches are pushed, bounded and ended in good order."""

from __future__ import annotations

import asyncio

import orjson
from shell.emulator_wire import MAPS, MERGE, TABLE, WIDGETS, config_map, read_event, with_wire

from rollouts.emulator.web.watching import Streams


def test_a_watch_pushes_what_happens():
    async def story(wire):
        await wire.post(MAPS, config_map(x="1"))
        listed = await wire.get(MAPS)
        version = listed["metadata"]["resourceVersion"]
        async with wire.watch(f"{MAPS}?watch=1&resourceVersion={version}") as stream:
            patch = {"data": {"x": "2"}}
            await wire.ask("PATCH", f"{MAPS}/a", patch, content_type=MERGE)
            await wire.ask("DELETE", f"{MAPS}/a")
            return [(await read_event(stream))["type"] for _ in range(2)]

    assert with_wire(story) == ["MODIFIED", "DELETED"]


def test_a_watch_without_a_version_begins_with_what_is_there():
    async def story(wire):
        await wire.post(MAPS, config_map("a"))
        await wire.post(MAPS, config_map("b"))
        async with wire.watch(f"{MAPS}?watch=true") as stream:
            return [(await read_event(stream))["object"]["metadata"]["name"] for _ in range(2)]

    assert with_wire(story) == ["a", "b"]


def test_one_object_can_be_watched_by_its_path():
    async def story(wire):
        await wire.post(MAPS, config_map("a"))
        await wire.post(MAPS, config_map("b"))
        async with wire.watch(f"{MAPS}/b?watch=1") as stream:
            return (await read_event(stream))["object"]["metadata"]["name"]

    assert with_wire(story) == "b"


def test_a_watch_ends_after_its_timeout_with_a_bookmark():
    async def story(wire):
        path = f"{MAPS}?watch=1&timeoutSeconds=1&allowWatchBookmarks=true"
        async with wire.watch(path) as stream:
            lines = [orjson.loads(line) async for line in stream.content]
        return [line["type"] for line in lines], lines[-1]["object"]["metadata"]

    kinds, metadata = with_wire(story)

    # The first one ends what was there at the beginning: nothing.
    assert kinds == ["BOOKMARK", "BOOKMARK"]
    assert metadata["resourceVersion"]


def test_a_streaming_list_ends_with_its_mark():
    async def story(wire):
        await wire.post(MAPS, config_map())
        path = (
            f"{MAPS}?watch=1&sendInitialEvents=true&allowWatchBookmarks=true"
            "&resourceVersionMatch=NotOlderThan"
        )
        async with wire.watch(path) as stream:
            return [await read_event(stream) for _ in range(2)]

    added, mark = with_wire(story)

    assert (added["type"], mark["type"]) == ("ADDED", "BOOKMARK")
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_watch_from_a_forgotten_version_is_refused():
    async def story(wire):
        for name in "abc":
            await wire.post(MAPS, config_map(name))
        wire.server.compact()
        answer, said = await wire.ask("GET", f"{MAPS}?watch=1&resourceVersion=1")
        return answer.status, said["type"], said["object"]["code"], said["object"]["reason"]

    assert with_wire(story) == (200, "ERROR", 410, "Expired")


def test_a_watch_that_falls_behind_is_told_to_list_again():
    async def story(wire):
        async with wire.watch(f"{MAPS}?watch=1") as stream:
            await wire.post(MAPS, config_map("a"))
            await read_event(stream)
            rt = wire.server.resource("", "v1", "configmaps")
            # Both happen before the stream gets its turn.
            wire.server.create(rt, "default", config_map("b"))
            wire.server.compact()
            return await read_event(stream)

    event = with_wire(story)

    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


def test_a_table_watch_sends_its_columns_once():
    async def story(wire):
        async with wire.watch(f"{MAPS}?watch=1", Accept=TABLE) as stream:
            for name in "ab":
                await wire.post(MAPS, config_map(name))
            return [(await read_event(stream))["object"] for _ in range(2)]

    first, second = with_wire(story)

    assert first["columnDefinitions"][0]["name"] == "Name"
    assert second["columnDefinitions"] is None
    assert second["rows"][0]["cells"][0] == "b"


def test_a_watch_ends_with_the_kind_it_is_about():
    async def story(wire):
        definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        await wire.post(definitions, WIDGETS)
        widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
        await wire.post("/apis/example.com/v1/namespaces/default/widgets", widget)
        async with wire.watch("/apis/example.com/v1/widgets?watch=1") as stream:
            await wire.ask("DELETE", f"{definitions}/widgets.example.com")
            return [orjson.loads(line)["type"] async for line in stream.content]

    assert with_wire(story) == ["ADDED", "DELETED"]


def test_a_client_that_goes_away_leaves_no_watch_behind():
    async def story(wire):
        async with wire.watch(f"{MAPS}?watch=1"):
            during = wire.running.watch_count
        while wire.running.watch_count:  # noqa: ASYNC110  # nothing tells when a stream ends
            await asyncio.sleep(0)
        return during

    assert with_wire(story) == 1


def test_closing_the_server_ends_its_watches_in_good_order():
    async def story(wire):
        async with wire.watch(f"{MAPS}?watch=1&allowWatchBookmarks=1") as stream:
            await wire.running.close()
            return [orjson.loads(line)["type"] async for line in stream.content]

    assert with_wire(story) == ["BOOKMARK", "BOOKMARK"]


def test_streams_know_how_many_they_are():
    assert len(Streams()) == 0

"""What kopf is given instead of a session, against a scripted server."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from shell.wire import Answer, Stream, connected, status

from rollouts.api.refs import ROLLOUT
from rollouts.controller.watch_session import WatchSession
from rollouts.kube.intake import Intake
from rollouts.kube.store import Store


class Watching:
    def __init__(self, cluster, wire):
        self.listed = []
        self.contacts = 0
        self.counted = []
        self.store = Store(lambda each: each)
        self.url = f"{wire.url}/apis/argoproj.io/v1alpha1/rollouts"
        self.session = WatchSession(
            cluster.transport.access,
            ROLLOUT,
            Intake(ROLLOUT, self.store, lambda _: None),
            on_listed=self.listed.append,
            on_contact=self.touch,
            on_request=lambda *labels: self.counted.append(labels),
        )

    def touch(self):
        self.contacts += 1


def page(*names, version="9", token=""):
    items = [
        {"metadata": {"namespace": "shop", "name": name, "resourceVersion": "1"}} for name in names
    ]
    metadata = {"resourceVersion": version, "continue": token}
    return Answer(200, {"metadata": metadata, "items": items})


def watching(tmp_path, story, user=None):
    async def main():
        async with connected(tmp_path / "config", user) as (wire, cluster):
            return await story(Watching(cluster, wire), wire)

    return asyncio.run(main())


def test_a_list_goes_into_the_store_and_kopf_sees_it_empty(tmp_path):
    async def story(seen, wire):
        wire.answers = [page("a", token="t"), page("b")]
        pages = []
        for query in ("", "?continue=t"):
            async with await seen.session.request("get", seen.url + query) as response:
                pages.append((response.status, await response.json()))
        return pages, seen.listed, len(seen.store), seen.counted

    pages, listed, known, counted = watching(tmp_path, story)

    assert pages[0] == (200, {"metadata": {"resourceVersion": "9", "continue": "t"}, "items": []})
    assert listed == [2]
    assert known == 2
    assert counted == [("list", "rollouts", "200")] * 2


def test_listed_objects_are_given_their_type(tmp_path):
    async def story(seen, wire):
        wire.answers = [page("a")]
        await seen.session.request("get", seen.url)
        return seen.store.get("shop", "a")

    found = watching(tmp_path, story)

    assert (found["apiVersion"], found["kind"]) == ("argoproj.io/v1alpha1", "Rollout")


@pytest.mark.parametrize("answer", [Answer(200, b"<html>"), page("a", version="3")])
def test_a_list_that_cannot_be_believed_looks_like_a_broken_connection(tmp_path, answer):
    async def story(seen, wire):
        seen.store.wrote({"metadata": {"name": "x", "resourceVersion": "50"}})
        wire.answers = [answer]
        with pytest.raises(aiohttp.ClientConnectionError):
            await seen.session.request("get", seen.url)
        return seen.listed

    assert watching(tmp_path, story) == []


def test_every_chunk_of_a_watch_is_a_sign_of_life(tmp_path):
    async def story(seen, wire):
        wire.answers = [Stream([b"one\n", 0.05, b"two\n"])]
        before = seen.contacts
        async with await seen.session.request("get", f"{seen.url}?watch=true") as response:
            chunks = [chunk async for chunk in response.content.iter_chunked(1024)]
        return chunks, seen.contacts - before, seen.counted

    chunks, contacts, counted = watching(tmp_path, story)

    assert b"".join(chunks) == b"one\ntwo\n"
    assert contacts == len(chunks) + 2
    assert counted == [("watch", "rollouts", "200")]


def test_errors_and_other_requests_pass_through_untouched(tmp_path):
    async def story(seen, wire):
        wire.answers = [status(403, "Forbidden"), Answer(200, {"groups": []})]
        refused = await seen.session.request("get", seen.url)
        groups = await seen.session.request("get", f"{wire.url}/apis")
        return refused.status, await groups.json(), seen.listed, seen.counted[-1]

    refused, groups, listed, counted = watching(tmp_path, story)

    assert (refused, groups, listed) == (403, {"groups": []}, [])
    assert counted == ("discover", "discovery", "200")


def test_a_refused_token_is_renewed(tmp_path):
    token = tmp_path / "token"
    token.write_text("old")

    async def story(seen, wire):
        wire.answers = [status(401, "Unauthorized"), page("a")]
        token.write_text("new")
        await seen.session.request("get", seen.url)
        return [asked.headers["Authorization"] for asked in wire.asked]

    assert watching(tmp_path, story, {"tokenFile": str(token)}) == ["Bearer old", "Bearer new"]


def test_closing_it_leaves_our_connections_open(tmp_path):
    async def story(seen, wire):
        await seen.session.close()
        wire.answers = [page("a")]
        return (await seen.session.request("get", seen.url)).status, seen.session.closed

    assert watching(tmp_path, story) == (200, False)

"""Following a rollout together with its runs, over a cluster that is played."""

from __future__ import annotations

import asyncio

import pytest

from rollouts.api.refs import ANALYSIS_RUN, ROLLOUT, ObjectRef
from rollouts.cli import following
from rollouts.cli.following import follow_with_runs, list_runs
from rollouts.kube.errors import Forbidden, Gone, NotFound, Unavailable
from rollouts.kube.rest import Page

REF = ObjectRef(ROLLOUT, "shop", "shop")


def rollout(version="1"):
    return {"metadata": {"name": "shop", "uid": "u", "resourceVersion": version}}


def run(name, uid="u", version="1"):
    owners = [{"kind": "Rollout", "uid": uid}]
    return {"metadata": {"name": name, "resourceVersion": version, "ownerReferences": owners}}


class Cluster:
    """Plays reads from scripts: each entry is an answer, a failure to raise, or a silence."""

    def __init__(self, *, runs=(), watches=None, get=None):
        self.runs = list(runs)
        self.get_script = list(get or [rollout()])
        self.watches = {ROLLOUT: [], ANALYSIS_RUN: []} | (watches or {})
        self.lists = 0

    async def get(self, _ref):
        answer = self.get_script.pop(0) if len(self.get_script) > 1 else self.get_script[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def list(self, _kind, _namespace, *, label_selector):
        assert label_selector == "rollouts-pod-template-hash"
        return [
            item
            for page in [each async for each in self.pages(None, "", "")]
            for item in page.items
        ]

    async def pages(self, _kind, _namespace, _selector):
        self.lists += 1
        answer = self.runs.pop(0) if len(self.runs) > 1 else self.runs[0]
        if isinstance(answer, Exception):
            raise answer
        yield Page(tuple(answer), "1")

    async def watch(self, kind, _namespace, _selector, _version):
        for each in self.watches[kind].pop(0) if self.watches[kind] else ():
            if isinstance(each, Exception):
                raise each
            yield each
        await asyncio.Event().wait()


def seen(cluster, count):
    """Follow until so much was seen; return which versions of the rollout with which runs."""

    async def follow():
        found = []
        source = follow_with_runs(cluster, REF)
        async with asyncio.timeout(5):
            async for state, runs in source:
                names = tuple(each["metadata"]["name"] for each in runs)
                found.append((state["metadata"]["resourceVersion"], names))
                if len(found) == count:
                    break
        await source.aclose()
        return found

    return asyncio.run(follow())


def test_nothing_is_shown_before_both_are_known():
    assert seen(Cluster(runs=[[run("a")]]), 1) == [("1", ("a",))]


def test_only_runs_of_the_rollout_are_seen_and_only_their_changes():
    changes = [
        ("ADDED", run("b", uid="other")),
        ("BOOKMARK", run("a")),
        ("ADDED", run("c")),
        ("DELETED", run("a")),
    ]
    cluster = Cluster(runs=[[run("a")]], watches={ANALYSIS_RUN: [changes]})

    assert seen(cluster, 3) == [("1", ("a",)), ("1", ("a", "c")), ("1", ("c",))]


@pytest.mark.parametrize("failure", [Forbidden("no"), NotFound("no such kind")])
def test_where_runs_may_not_be_read_the_rollout_is_followed_without(failure):
    assert seen(Cluster(runs=[failure]), 1) == [("1", ())]
    assert asyncio.run(list_runs(Cluster(runs=[failure]), "shop")) == ()


def test_a_rollout_that_is_not_there_is_an_error():
    with pytest.raises(NotFound):
        seen(Cluster(runs=[[]], get=[NotFound("shop")]), 1)


def test_runs_that_cannot_be_read_at_first_are_an_error():
    with pytest.raises(Unavailable):
        seen(Cluster(runs=[Unavailable("down")]), 1)


def test_it_ends_with_the_rollout():
    cluster = Cluster(runs=[[]], watches={ROLLOUT: [[("DELETED", rollout("2"))]]})

    async def follow():
        return [each async for each in follow_with_runs(cluster, REF)]

    assert asyncio.run(follow()) in ([], [(rollout(), ())])


def test_a_history_that_is_gone_is_read_anew():
    cluster = Cluster(
        runs=[[run("a")], [run("b")]], watches={ANALYSIS_RUN: [[Gone("too old")], []]}
    )

    assert seen(cluster, 2) == [("1", ("a",)), ("1", ("b",))]
    assert cluster.lists == 2


def test_an_outage_is_waited_out(monkeypatch):
    monkeypatch.setattr(following, "RETRY_SECONDS", 0.0)
    cluster = Cluster(
        runs=[[run("a")], [run("b")]], watches={ANALYSIS_RUN: [[Unavailable("down")], []]}
    )

    assert seen(cluster, 2) == [("1", ("a",)), ("1", ("b",))]


def test_an_outage_that_lasts_is_an_error(monkeypatch):
    monkeypatch.setattr(following, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(following, "OUTAGE_SECONDS_MAX", 0.0)
    cluster = Cluster(
        runs=[[run("a")], Unavailable("down")], watches={ANALYSIS_RUN: [[Unavailable("x")]]}
    )

    with pytest.raises(Unavailable):
        seen(cluster, 2)

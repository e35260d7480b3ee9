"""How a store is kept in step with a kind through everything a watch can do; fake loop time."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from shell.loops import elapsed, run

from rollouts.api.refs import REPLICA_SET
from rollouts.kube.errors import Forbidden, Gone, NotFound, Unavailable
from rollouts.kube.informer import DELAYS_SECONDS, Informer, Scope
from rollouts.kube.rest import Page
from rollouts.kube.store import Store

SCOPE = Scope(REPLICA_SET, "shop", "hash")


def thing(name, version, **spec):
    metadata = {"namespace": "shop", "name": name, "uid": name, "resourceVersion": str(version)}
    return {"metadata": metadata, "spec": spec}


def bookmark(version):
    return "BOOKMARK", {"metadata": {"resourceVersion": str(version)}}


class Script:
    """Answers lists and watches as told; a watch at the end of the script stays silent."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    async def pages(self, kind, namespace="", label_selector="", *, metadata_only=False):
        self.asked.append((round(elapsed(), 3), "list", namespace, label_selector))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        for page in answer:
            if isinstance(page, Exception):
                raise page
            yield page

    async def watch(
        self, kind, namespace="", label_selector="", resource_version="", *, metadata_only=False
    ):
        self.asked.append((round(elapsed(), 3), "watch", resource_version))
        events = self.answers.pop(0) if self.answers else [10_000]
        for event in [events] if isinstance(events, Exception) else events:
            if isinstance(event, Exception):
                raise event
            if isinstance(event, int | float):
                await asyncio.sleep(event)
            else:
                yield event

    def verbs(self):
        return [each[1] for each in self.asked]


def page(version, *things):
    return Page(tuple(things), str(version))


def follow(script, seconds=100, jitter=1.0, store=None):
    """Run an informer for some time; return it, the names in its store and what it reported."""
    changes = []
    store = Store(lambda each: each) if store is None else store

    async def main():
        informer = Informer(script, SCOPE, store, changes.append, jitter=lambda: jitter)
        task = asyncio.create_task(informer.run())
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return informer

    informer = run(main())
    names = sorted(each["metadata"]["name"] for each in informer.store.items())
    return informer, names, [(c.name, c.old is None, c.new is None) for c in changes]


def test_it_lists_then_watches_from_there():
    script = Script([page(10, thing("a", 1))], [("ADDED", thing("b", 11)), 10_000])
    informer, names, changes = follow(script)

    assert names == ["a", "b"]
    assert [name for name, _, _ in changes] == ["a", "b"]
    assert script.asked[0] == (0.0, "list", "shop", "hash")
    assert script.asked[1] == (0.0, "watch", "10")
    assert informer.synced.is_set()


def test_all_pages_of_a_list_count_as_one():
    store = Store(lambda each: each)
    store.observe("ADDED", thing("old", 5))
    script = Script([page(10, thing("a", 1)), page(10, thing("b", 2))], [10_000])
    _, names, changes = follow(script, store=store)

    assert names == ["a", "b"]
    assert changes[-1] == ("old", False, True)


def test_an_empty_cluster_is_synced_too():
    informer, names, _ = follow(Script([page(1)], [10_000]))

    assert names == []
    assert informer.synced.is_set()


def test_a_watch_that_ends_is_resumed_from_the_last_version_seen():
    script = Script([page(10)], [("ADDED", thing("a", 11))], [bookmark(50)], [10_000])
    follow(script)

    assert [each[2] for each in script.asked if each[1] == "watch"] == ["10", "11", "50"]
    assert script.verbs().count("list") == 1


def test_lost_history_means_a_new_list_that_finds_deletions():
    script = Script(
        [page(10, thing("a", 1), thing("b", 2))],
        Gone("too old"),
        [page(90, thing("b", 2), thing("c", 80))],
        [10_000],
    )
    _, names, changes = follow(script)

    assert names == ["b", "c"]
    assert ("a", False, True) in changes
    assert script.verbs() == ["list", "watch", "list", "watch"]


def test_lost_history_in_the_middle_of_a_list_begins_it_again():
    script = Script(
        [page(10, thing("a", 1)), Gone("too old")], [page(20, thing("b", 15))], [10_000]
    )
    _, names, _ = follow(script)

    assert names == ["b"]


def test_a_server_that_always_says_gone_is_not_asked_in_a_tight_loop():
    script = Script(*[answer for _ in range(50) for answer in ([page(10)], Gone("x"))])
    follow(script, seconds=60)

    assert len(script.asked) < 30


def test_a_dropped_connection_is_repaired_at_once_and_without_noise(caplog):
    script = Script([page(10)], [100, Unavailable("reset")], [10_000])
    follow(script, seconds=150)

    assert script.asked[2][:2] == (100.05, "watch")
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_failures_in_a_row_wait_longer_each_time_and_are_reported(caplog):
    script = Script([page(10)], *[Unavailable("down")] * 12)
    follow(script, seconds=300)
    moments = [each[0] for each in script.asked if each[1] == "watch"]
    pauses = [round(b - a, 3) for a, b in itertools.pairwise(moments)]

    assert pauses[: len(DELAYS_SECONDS)] == list(DELAYS_SECONDS)
    assert [r.levelname for r in caplog.records].count("WARNING") == len(pauses) - 1


def test_an_event_resets_the_pauses():
    script = Script(
        [page(10)],
        Unavailable("x"),
        Unavailable("x"),
        Unavailable("x"),
        [bookmark(11), Unavailable("x")],
        [10_000],
    )
    follow(script)

    assert script.asked[-1][0] - script.asked[-2][0] == pytest.approx(0.05)


def test_the_servers_wish_for_a_pause_is_kept():
    script = Script(Unavailable("busy", 20), [page(1)], [10_000])
    follow(script)

    assert [each[0] for each in script.asked[:2]] == [0.0, 20.0]


def test_a_server_that_ends_every_watch_at_once_is_not_asked_in_a_tight_loop():
    script = Script([page(10)], *[[] for _ in range(10_000)])
    follow(script, seconds=10)

    assert len(script.asked) <= 110


def test_a_kind_that_is_not_served_is_missing_and_comes_back():
    script = Script(
        [page(10, thing("a", 1))],
        NotFound("no such kind"),
        NotFound("no such kind"),
        [page(50, thing("b", 40))],
        [10_000],
    )
    informer, names, changes = follow(script)

    assert ("a", False, True) in changes
    assert names == ["b"]
    assert not informer.missing


def test_a_kind_that_was_never_served_does_not_keep_the_rest_waiting():
    informer, _, _ = follow(Script(*[NotFound("no such kind")] * 10))

    assert informer.missing
    assert informer.synced.is_set()


def test_a_missing_right_is_an_error_that_is_retried_rarely(caplog):
    script = Script(*[Forbidden("cannot list")] * 10)
    informer, _, _ = follow(script, seconds=77)

    assert [asked[0] for asked in script.asked] == [0, 1, 3, 8, 18, 48]
    assert not informer.synced.is_set()
    assert {record.levelname for record in caplog.records} == {"ERROR"}
    assert caplog.records[0].mend == (
        "grant get, list and watch on replicasets.apps in namespace shop to this controller's"
        " account"
    )


def test_a_list_of_a_lagging_replica_is_not_believed():
    script = Script(
        [page(100, thing("a", 100))],
        Gone("x"),
        [page(60)],
        [page(120, thing("a", 100))],
        [10_000],
    )
    _, names, changes = follow(script)

    assert names == ["a"]
    assert changes == [("a", True, False)]


def test_a_server_that_was_set_back_is_believed_in_the_end():
    script = Script(
        [page(100, thing("a", 90), thing("b", 95))],
        Gone("x"),
        [page(20)],
        [page(20)],
        [page(20, thing("a", 15, size=2), thing("c", 18))],
        [10_000],
    )
    _, names, changes = follow(script)

    assert names == ["a", "c"]
    assert changes[2:] == [("a", False, False), ("c", True, False), ("b", False, True)]


def test_a_write_of_ours_during_a_list_does_not_make_the_list_seem_old():
    store = Store(lambda each: each)

    class Writing(Script):
        async def pages(self, *args, **options):
            async for each in super().pages(*args, **options):
                store.wrote(thing("ours", 100))
                yield each

    _, names, _ = follow(Writing([page(50, thing("a", 5))], [10_000]), store=store)

    assert names == ["a", "ours"]


def test_contact_is_renewed_by_bookmarks():
    script = Script([page(10)], [60, bookmark(11), 60, bookmark(12), 10_000])
    informer, _, _ = follow(script, seconds=1000)

    assert informer.contact_at == pytest.approx(120)


def test_objects_that_other_news_overtook_are_not_reported():
    store = Store(lambda each: each)
    store.wrote(thing("a", 99, size=9))
    script = Script([page(100, thing("a", 50))], [("MODIFIED", thing("a", 99)), 10_000])
    _, _, changes = follow(script, store=store)

    assert changes == []

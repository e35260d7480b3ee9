"""What a store knows after news in any order."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollouts.kube.store import Change, Store


def thing(name="web", rv=1, *, namespace="shop", uid="u1", size=0, **metadata):
    return {
        "metadata": {
            "namespace": namespace,
            "name": name,
            "uid": uid,
            "resourceVersion": str(rv),
            **metadata,
        },
        "spec": {"size": size},
    }


def whole(manifest):
    return manifest


def size(manifest):
    return manifest["spec"]["size"]


def labels(manifest):
    return tuple(manifest["metadata"].get("labels", {}).values())


def test_an_empty_store_knows_nothing():
    store = Store(whole)

    assert len(store) == 0
    assert store.get("shop", "web") is None
    assert tuple(store.items()) == ()
    assert store.indexed("x") == ()
    assert store.replace([]) == []


def test_an_added_object_is_a_change_from_nothing():
    store = Store(size)

    change = store.observe("ADDED", thing(size=3))

    assert change == Change("shop", "web", None, 3)
    assert store.get("shop", "web") == 3


def test_a_modification_reports_both_sides():
    store = Store(size)
    store.observe("ADDED", thing(rv=1, size=3))

    assert store.observe("MODIFIED", thing(rv=2, size=4)) == Change("shop", "web", 3, 4)


@pytest.mark.parametrize("rv", [4, 5])
def test_news_as_old_as_what_is_known_is_ignored(rv):
    store = Store(size)
    store.observe("ADDED", thing(rv=5, size=3))

    assert store.observe("MODIFIED", thing(rv=rv, size=9)) is None
    assert store.get("shop", "web") == 3


def test_the_echo_of_our_own_write_wakes_nobody():
    store = Store(size)
    store.observe("ADDED", thing(rv=1, size=1))

    assert store.wrote(thing(rv=2, size=2)) == Change("shop", "web", 1, 2)
    assert store.observe("MODIFIED", thing(rv=2, size=2)) is None


def test_an_answer_that_a_later_event_has_overtaken_is_ignored():
    store = Store(size)
    store.observe("MODIFIED", thing(rv=9, size=9))

    assert store.wrote(thing(rv=8, size=8)) is None
    assert store.get("shop", "web") == 9


def test_a_change_that_the_slim_form_drops_wakes_nobody_but_counts_as_known():
    store = Store(size)
    store.observe("ADDED", thing(rv=1, size=3))

    assert store.observe("MODIFIED", thing(rv=7, size=3)) is None
    assert store.observe("MODIFIED", thing(rv=6, size=5)) is None


def test_revisions_are_compared_as_numbers_not_as_text():
    store = Store(size)
    store.observe("ADDED", thing(rv=9, size=1))

    assert store.observe("MODIFIED", thing(rv=10, size=2)) is not None


def test_a_revision_that_is_no_number_is_always_news():
    store = Store(size)
    store.observe("ADDED", thing(rv="b", size=1))

    assert store.observe("MODIFIED", thing(rv="a", size=2)) == Change("shop", "web", 1, 2)


def test_a_deleted_object_stays_deleted_when_older_news_arrives():
    store = Store(size)
    store.observe("ADDED", thing(rv=1))

    assert store.observe("DELETED", thing(rv=5)) == Change("shop", "web", 0, None)
    assert store.observe("MODIFIED", thing(rv=4)) is None
    assert store.wrote(thing(rv=5)) is None
    assert len(store) == 0


def test_an_answer_to_a_create_that_arrives_after_the_deletion_is_ignored():
    store = Store(size)

    assert store.observe("DELETED", thing(rv=6)) is None
    assert store.wrote(thing(rv=5)) is None


def test_an_old_deletion_does_not_remove_a_newer_object():
    store = Store(size)
    store.wrote(thing(rv=8, uid="u2", size=2))

    assert store.observe("DELETED", thing(rv=7, uid="u1")) is None
    assert store.get("shop", "web") == 2


def test_a_name_can_be_used_again():
    store = Store(size)
    store.observe("ADDED", thing(rv=1))
    store.observe("DELETED", thing(rv=2))

    assert store.observe("ADDED", thing(rv=3, uid="u2", size=7)) == Change("shop", "web", None, 7)


def test_an_object_that_leaves_a_selector_by_our_own_write_is_deleted_by_the_same_revision():
    store = Store(size)
    store.observe("ADDED", thing(rv=1))
    store.wrote(thing(rv=2))

    assert store.observe("DELETED", thing(rv=2)) is not None
    assert store.observe("ADDED", thing(rv=3)) is not None


def test_bookmarks_say_nothing_about_objects():
    bookmark = {"kind": "X", "metadata": {"resourceVersion": "9"}}

    assert Store(size).observe("BOOKMARK", bookmark) is None


def test_an_unknown_event_type_is_refused():
    with pytest.raises(ValueError, match="'ERROR'"):
        Store(size).observe("ERROR", {"kind": "Status"})


def test_a_list_deletes_what_it_lacks():
    store = Store(size)
    store.observe("ADDED", thing("a", 1, size=1))
    store.observe("ADDED", thing("b", 2, size=2))

    changes = store.replace([thing("b", 2, size=2), thing("c", 3, size=3)], resource_version="5")

    assert changes == [Change("shop", "c", None, 3), Change("shop", "a", 1, None)]


def test_a_list_spares_what_was_written_after_it_was_made():
    store = Store(size)
    store.wrote(thing("a", 9, size=1))

    assert store.replace([], resource_version="8") == []
    assert len(store.replace([], resource_version="9")) == 1


def test_a_list_without_a_revision_is_taken_as_of_now():
    store = Store(size)
    store.wrote(thing("a", 9, size=1))

    assert store.replace([]) == [Change("shop", "a", 1, None)]
    assert store.observe("MODIFIED", thing("a", 10)) is None


def test_a_deletion_found_by_a_list_is_not_undone_by_older_news():
    store = Store(size)
    store.observe("ADDED", thing(rv=1))
    store.replace([], resource_version="10")

    assert store.observe("MODIFIED", thing(rv=10)) is None
    assert store.observe("ADDED", thing(rv=11, uid="u2")) is not None


def test_a_stale_list_does_not_bring_back_the_deleted():
    store = Store(size)
    store.observe("ADDED", thing(rv=1))
    store.observe("DELETED", thing(rv=5))

    assert store.replace([thing(rv=1)], resource_version="3") == []
    assert len(store) == 0


def test_a_forgotten_object_is_not_brought_back_by_late_news():
    store = Store(size)
    store.observe("ADDED", thing(rv=1, size=4))

    assert store.forget("shop", "web") == Change("shop", "web", 4, None)
    assert store.observe("MODIFIED", thing(rv=3)) is None
    assert store.observe("DELETED", thing(rv=4)) is None
    assert store.observe("ADDED", thing(rv=5, uid="u2")) is not None


def test_a_forgotten_object_that_lingers_comes_back():
    store = Store(size)
    store.observe("ADDED", thing(rv=1))
    store.forget("shop", "web")

    terminating = thing(rv=2, deletionTimestamp="2026-01-01T00:00:00Z")

    assert store.observe("MODIFIED", terminating) is not None


def test_forgetting_the_unknown_does_nothing():
    assert Store(size).forget("shop", "web") is None


def test_the_same_name_in_two_namespaces_is_two_objects():
    store = Store(size)
    store.observe("ADDED", thing(rv=1, namespace="a", size=1))
    store.observe("ADDED", thing(rv=2, namespace="b", size=2))

    assert (store.get("a", "web"), store.get("b", "web")) == (1, 2)


def test_an_object_without_a_namespace_is_found_under_the_empty_one():
    store = Store(whole)
    store.observe("ADDED", {"metadata": {"name": "shop", "resourceVersion": "1"}})

    assert store.get("", "shop") is not None


def test_the_index_finds_objects_by_word_sorted_by_name():
    store = Store(whole, labels)
    store.observe("ADDED", thing("b", 1, labels={"app": "x"}))
    store.observe("ADDED", thing("a", 2, labels={"app": "x", "tier": "front"}))

    assert [m["metadata"]["name"] for m in store.indexed("x")] == ["a", "b"]
    assert [m["metadata"]["name"] for m in store.indexed("front")] == ["a"]


def test_the_index_follows_changes_and_deletions():
    store = Store(whole, labels)
    store.observe("ADDED", thing("a", 1, labels={"app": "x"}))
    store.observe("MODIFIED", thing("a", 2, labels={"app": "y"}))

    assert store.indexed("x") == ()
    assert len(store.indexed("y")) == 1
    assert (store.has("x"), store.has("y")) == (False, True)

    store.observe("DELETED", thing("a", 3))

    assert store.indexed("y") == ()
    assert not store.has("y")


def test_after_a_rewind_all_news_counts_and_a_list_removes_the_rest():
    store = Store(size)
    store.observe("ADDED", thing("a", 100, size=1))
    store.observe("ADDED", thing("b", 101, size=1))
    store.observe("DELETED", thing("c", 102))
    store.rewind()

    changes = store.replace([thing("a", 3, size=2), thing("c", 4, size=3)], resource_version="5")

    assert changes == [
        Change("shop", "a", 1, 2),
        Change("shop", "c", None, 3),
        Change("shop", "b", 1, None),
    ]


def test_newest_is_the_highest_revision_of_any_news():
    store = Store(size)
    store.observe("ADDED", thing(rv=5))
    store.wrote(thing(rv=3))

    assert store.newest == 5

    store.observe("BOOKMARK", {"metadata": {"resourceVersion": "8"}})
    assert store.newest == 8

    store.replace([], resource_version="11")
    assert store.newest == 11


def test_a_list_that_came_in_pages_deletes_what_no_page_had():
    store = Store(size)
    for name in "abc":
        store.observe("ADDED", thing(name, 1))
    store.observe("ADDED", thing("d", 9))

    changes = store.retain([("shop", "a"), ("shop", "c")], resource_version="5")

    assert [change.name for change in changes] == ["b"]


@pytest.mark.parametrize(("count", "remembered"), [(9, True), (10, True), (11, False)])
def test_tombstones_are_bounded_and_the_oldest_goes_first(count, remembered):
    store = Store(size, tombstone_count_max=10)
    for index in range(count):
        store.observe("ADDED", thing(f"n{index}", 1))
        store.observe("DELETED", thing(f"n{index}", 2))

    assert (store.observe("ADDED", thing("n0", 1)) is None) is remembered
    assert len(store._tombstones) <= 10


def test_the_store_keeps_the_object_it_was_given_unchanged():
    store = Store(whole)
    manifest = thing()
    store.observe("ADDED", manifest)

    assert store.get("shop", "web") is manifest


@dataclass
class Server:
    """A history of writes to few names, and what was deleted or alive after each."""

    revision: int = 1
    live: dict = field(default_factory=dict)
    log: list = field(default_factory=list)
    snapshots: list = field(default_factory=lambda: [(1, ())])

    def write(self, name, verb):
        self.revision += 1
        known = self.live.get(name)
        if verb == "delete" and known is not None:
            del self.live[name]
            gone = thing(name, self.revision, uid=known["metadata"]["uid"])
            self.log.append(("DELETED", gone))
        else:
            uid = known["metadata"]["uid"] if known else f"uid-{self.revision}"
            event = "MODIFIED" if known else "ADDED"
            self.live[name] = thing(name, self.revision, uid=uid, size=self.revision)
            self.log.append((event, self.live[name]))
        self.snapshots.append((self.revision, tuple(self.live.values())))


writes = st.tuples(st.sampled_from("abc"), st.sampled_from(["put", "put", "delete"]))
news = st.lists(
    st.one_of(
        st.tuples(st.just("write"), writes),
        st.tuples(st.just("watch"), st.just(0)),
        st.tuples(st.just("answer"), st.integers(0, 200)),
        st.tuples(st.just("list"), st.integers(0, 5)),
    ),
    max_size=60,
)


def known_revisions(store):
    found = {name: tombstone.revision for name, tombstone in store._tombstones.items()}
    return found | {name: entry.revision for name, entry in store._entries.items()}


@given(news)
def test_any_order_of_news_ends_in_the_newest_state_and_never_goes_back(steps):
    """Watch events come in order but late, answers to writes at any time, lists may be old."""
    server, store, watched = Server(), Store(size, lambda value: (f"even-{value % 2 == 0}",)), 0
    for step, argument in steps:
        before = known_revisions(store)
        match step:
            case "write":
                server.write(*argument)
            case "watch" if watched < len(server.log):
                store.observe(*server.log[watched])
                watched += 1
            case "answer" if server.log:
                event, manifest = server.log[argument % len(server.log)]
                if event != "DELETED":
                    store.wrote(manifest)
            case "list":
                revision, items = server.snapshots[max(0, len(server.snapshots) - 1 - argument)]
                store.replace(items, resource_version=str(revision))
        after = known_revisions(store)
        assert all(after[name] >= revision for name, revision in before.items())

    for event, manifest in server.log[watched:]:
        store.observe(event, manifest)

    expected = {name: manifest["spec"]["size"] for name, manifest in server.live.items()}
    assert {name: store.get("shop", name) for name in expected} == expected
    assert len(store) == len(expected)
    assert len(store.indexed("even-True")) + len(store.indexed("even-False")) == len(expected)
    assert store.replace(server.live.values(), resource_version=str(server.revision)) == []


@given(news)
def test_a_list_repairs_whatever_the_watch_lost(steps):
    server, store = Server(), Store(size)
    for step, argument in steps:
        if step == "write":
            server.write(*argument)
        elif step == "answer" and server.log:
            event, manifest = server.log[argument % len(server.log)]
            if event != "DELETED":
                store.wrote(manifest)

    store.replace(server.live.values(), resource_version=str(server.revision))

    expected = {name: manifest["spec"]["size"] for name, manifest in server.live.items()}
    assert {key[1]: entry.value for key, entry in store._entries.items()} == expected

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.emulator.objects import MERGE, Clock, config_map, crd, refused, widget

from rollouts.emulator import ApiServer


@pytest.fixture
def maps(server):
    return server.resource("", "v1", "configmaps")


def seen(watch):
    return [(event.type, event.object["metadata"]["name"]) for event in watch.poll()]


def label(server, maps, name, value):
    patch = {"metadata": {"labels": {"app": value}}}
    return server.patch(maps, "default", name, patch, MERGE)


def test_a_watch_without_a_version_begins_with_everything_there_is(server, maps):
    server.create(maps, "default", config_map("a"))

    watch = server.watch(maps, "default")
    server.create(maps, "default", config_map("b"))

    assert [("ADDED", "a"), ("ADDED", "b")] == seen(watch)
    assert [] == watch.poll()


def test_a_watch_from_a_version_begins_with_the_first_change_after_it(server, maps):
    server.create(maps, "default", config_map("a"))
    version = server.list(maps, "default").resource_version
    server.create(maps, "default", config_map("b"))

    watch = server.watch(maps, "default", resource_version=version)

    assert [("ADDED", "b")] == seen(watch)


def test_events_tell_created_changed_and_deleted(server, maps):
    watch = server.watch(maps, "default")
    server.create(maps, "default", config_map("a"))
    label(server, maps, "a", "x")
    server.delete(maps, "default", "a")

    assert [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")] == seen(watch)


def test_a_deleted_object_carries_the_version_of_its_deletion(server, maps):
    server.create(maps, "default", config_map("a"))
    watch = server.watch(maps, "default", resource_version=server.resource_version)
    server.delete(maps, "default", "a")

    event = watch.poll()[0]

    assert server.resource_version == event.object["metadata"]["resourceVersion"]
    assert server.resource_version == event.resource_version


def test_events_share_the_stored_object(server, maps):
    watch = server.watch(maps, "default")
    made = server.create(maps, "default", config_map("a"))

    assert watch.poll()[0].object is made


def test_a_write_that_changes_nothing_is_no_event(server, maps):
    server.create(maps, "default", config_map("a"))
    watch = server.watch(maps, "default", resource_version=server.resource_version)

    server.patch(maps, "default", "a", {"data": {"key": "value"}}, MERGE)

    assert [] == watch.poll()


def test_other_namespaces_and_types_are_not_heard(server, maps):
    watch = server.watch(maps, "default")
    server.create(maps, "kube-system", config_map("a"))
    server.create(server.resource("", "v1", "secrets"), "default", {"metadata": {"name": "s"}})

    assert [] == watch.poll()


def test_a_watch_over_all_namespaces_hears_each(server, maps):
    watch = server.watch(maps)
    server.create(maps, "kube-system", config_map("a"))
    server.create(maps, "default", config_map("b"))

    assert [("ADDED", "a"), ("ADDED", "b")] == seen(watch)


def test_an_object_that_enters_the_selector_is_added(server, maps):
    server.create(maps, "default", config_map("a"))
    watch = server.watch(maps, "default", label_selector="app=x")

    label(server, maps, "a", "x")

    assert [("ADDED", "a")] == seen(watch)


def test_an_object_that_leaves_the_selector_is_deleted_as_it_last_was(server, maps):
    server.create(maps, "default", config_map("a", labels={"app": "x"}))
    watch = server.watch(maps, "default", label_selector="app=x")
    watch.poll()
    label(server, maps, "a", "y")

    (event,) = watch.poll()

    assert "DELETED" == event.type
    assert {"app": "x"} == event.object["metadata"]["labels"]
    assert server.resource_version == event.object["metadata"]["resourceVersion"]


def test_changes_outside_the_selector_are_not_heard(server, maps):
    server.create(maps, "default", config_map("a", labels={"app": "y"}))
    watch = server.watch(maps, "default", label_selector="app=x")
    label(server, maps, "a", "z")
    server.delete(maps, "default", "a")

    assert [] == watch.poll()


def test_a_watch_on_a_name_hears_only_that(server, maps):
    watch = server.watch(maps, "default", field_selector="metadata.name=b")
    for name in ("a", "b"):
        server.create(maps, "default", config_map(name))

    assert [("ADDED", "b")] == seen(watch)


def test_a_compacted_version_has_expired(server, maps):
    old = server.resource_version
    server.create(maps, "default", config_map("a"))
    server.compact()

    message = f"too old resource version: {old} ({server.resource_version})"
    with refused(410, reason="Expired", message=message):
        server.watch(maps, "default", resource_version=old)
    assert [] == server.watch(maps, "default", resource_version=server.resource_version).poll()


def test_an_open_watch_that_fell_behind_a_compaction_expires(server, maps):
    watch = server.watch(maps, "default")
    server.create(maps, "default", config_map("a"))
    server.compact()

    with refused(410):
        watch.poll()
    assert watch.closed


def test_an_open_watch_that_kept_up_survives_a_compaction(server, maps):
    watch = server.watch(maps, "default")
    server.create(maps, "default", config_map("a"))
    watch.poll()
    server.compact()
    server.create(maps, "default", config_map("b"))

    assert [("ADDED", "b")] == seen(watch)


def test_compaction_keeps_the_newest_changes_it_is_told_to(server, maps):
    versions = []
    for name in ("a", "b", "c"):
        server.create(maps, "default", config_map(name))
        versions.append(server.resource_version)
    server.compact(keep=1)

    assert [("ADDED", "c")] == seen(server.watch(maps, resource_version=versions[1]))
    with refused(410):
        server.watch(maps, resource_version=versions[0])


def test_history_is_bounded(clock):
    server = ApiServer(clock, history_limit=3)
    maps = server.resource("", "v1", "configmaps")
    versions = []
    for number in range(6):
        server.create(maps, "default", config_map(f"m{number}"))
        versions.append(server.resource_version)

    assert 3 == len(server.watch(maps, resource_version=versions[2]).poll())
    with refused(410):
        server.watch(maps, resource_version=versions[1])


@pytest.mark.parametrize("version", ["x", "-1", "1.5"])
def test_a_watch_from_no_version_fails_as_on_the_real_server(server, maps, version):
    with refused(500):
        server.watch(maps, resource_version=version)


def test_a_bookmark_says_where_to_resume(server, maps, clock):
    now = server.resource_version
    watch = server.watch(maps, "default", bookmarks=True, resource_version=now)
    server.create(maps, "kube-system", config_map("elsewhere"))
    clock.pass_seconds(59)
    assert [] == watch.poll()
    clock.pass_seconds(1)

    (event,) = watch.poll()

    metadata = {"resourceVersion": server.resource_version}
    expected = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata}
    assert ("BOOKMARK", expected) == (event.type, event.object)


def test_no_bookmark_comes_unasked(server, maps, clock):
    watch = server.watch(maps, "default")
    clock.pass_seconds(3600)

    assert [] == watch.poll()


def test_streamed_lists_end_with_a_marked_bookmark(server, maps):
    server.create(maps, "default", config_map("a"))

    watch = server.watch(maps, "default", send_initial_events=True, bookmarks=True)

    added, end = watch.poll()
    assert ("ADDED", "BOOKMARK") == (added.type, end.type)
    assert {"k8s.io/initial-events-end": "true"} == end.object["metadata"]["annotations"]


def test_the_owner_is_told_when_events_may_be_pending(server, maps):
    watch = server.watch(maps, "default")
    calls = []
    watch.on_ready = lambda: calls.append(1)

    server.create(maps, "kube-system", config_map("a"))
    assert [] == calls
    server.create(maps, "default", config_map("a"))

    assert [1] == calls


def test_a_closed_watch_is_silent(server, maps):
    watch = server.watch(maps, "default")
    calls = []
    watch.on_ready = lambda: calls.append(1)
    watch.close()
    watch.close()

    server.create(maps, "default", config_map("a"))

    assert watch.closed
    assert [] == watch.poll() == calls


def test_a_watch_ends_when_its_type_is_removed(server, widgets):
    server.create(widgets, "default", widget())
    watch = server.watch(widgets)
    definitions = server.resource("apiextensions.k8s.io", "v1", "customresourcedefinitions")

    server.delete(definitions, "", "widgets.example.com")

    assert not watch.closed
    assert [("ADDED", "one"), ("DELETED", "one")] == seen(watch)
    assert watch.closed


def test_each_version_of_a_type_is_watched_in_its_own_form(server):
    from unit.emulator.objects import crd_version

    definitions = server.resource("apiextensions.k8s.io", "v1", "customresourcedefinitions")
    both = crd(crd_version("v1"), crd_version("v1beta1", storage=False))
    server.create(definitions, "", both)
    beta = server.resource("example.com", "v1beta1", "widgets")
    watch = server.watch(beta)

    server.create(server.resource("example.com", "v1", "widgets"), "default", widget())

    assert "example.com/v1beta1" == watch.poll()[0].object["apiVersion"]


operations = st.lists(
    st.tuples(
        st.sampled_from(["create", "relabel", "delete"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["x", "y"]),
    ),
    max_size=15,
)


@given(operations, st.integers(0, 15), st.sampled_from(["", "app=x", "app!=x"]))
def test_replaying_a_watch_from_any_version_rebuilds_the_list(changes, cut, selector):
    server = ApiServer(Clock(), track_ownership=False)
    maps = server.resource("", "v1", "configmaps")
    start = server.list(maps, "default", label_selector=selector)
    for position, (verb, name, value) in enumerate(changes):
        present = [each["metadata"]["name"] for each in server.list(maps, "default").items]
        if verb == "create" and name not in present:
            server.create(maps, "default", config_map(name, labels={"app": value}))
        elif verb == "relabel" and name in present:
            label(server, maps, name, value)
        elif verb == "delete" and name in present:
            server.delete(maps, "default", name)
        if position == cut:
            start = server.list(maps, "default", label_selector=selector)

    state = {each["metadata"]["name"]: each for each in start.items}
    watch = server.watch(
        maps, "default", resource_version=start.resource_version, label_selector=selector
    )
    for event in watch.poll():
        name = event.object["metadata"]["name"]
        assert (event.type == "ADDED") == (name not in state)
        if event.type == "DELETED":
            del state[name]
        else:
            state[name] = event.object
    final = server.list(maps, "default", label_selector=selector).items

    assert list(final) == [state[name] for name in sorted(state)]

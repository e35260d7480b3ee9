from __future__ import annotations

import pytest
from contract.api import MERGE
from contract.kinds import CONFIG_MAPS, EVENTS, GADGET_BETA, config_map, gadget, names, rv


def kinds_and_names(events):
    return [(kind, each["metadata"]["name"]) for kind, each in events]


@pytest.mark.still
def test_a_watch_without_a_version_begins_with_what_is_there(api, namespace):
    api.create(CONFIG_MAPS, namespace, config_map("a"))

    stream = api.watch(CONFIG_MAPS, namespace)
    api.create(CONFIG_MAPS, namespace, config_map("b"))

    assert [("ADDED", "a"), ("ADDED", "b")] == kinds_and_names(stream.next(2))


def test_a_watch_from_a_list_misses_nothing(api, namespace):
    api.create(CONFIG_MAPS, namespace, config_map("a"))
    page = api.list(CONFIG_MAPS, namespace)
    api.patch(CONFIG_MAPS, namespace, "a", {"data": {"x": "y"}}, MERGE)
    api.delete(CONFIG_MAPS, namespace, "a")

    stream = api.watch(CONFIG_MAPS, namespace, resource_version=page.resource_version)

    assert [("MODIFIED", "a"), ("DELETED", "a")] == kinds_and_names(stream.next(2))


def test_versions_grow_from_event_to_event(api, namespace):
    stream = api.watch(CONFIG_MAPS, namespace)
    api.create(CONFIG_MAPS, namespace, config_map("a"))
    api.patch(CONFIG_MAPS, namespace, "a", {"data": {"x": "y"}}, MERGE)
    api.delete(CONFIG_MAPS, namespace, "a")

    versions = [int(rv(each)) for _, each in stream.next(3)]

    assert sorted(set(versions)) == versions


@pytest.mark.still
def test_a_write_that_changes_nothing_is_no_event(api, namespace):
    made = api.create(CONFIG_MAPS, namespace, config_map("a"))
    stream = api.watch(CONFIG_MAPS, namespace, resource_version=rv(made))

    api.patch(CONFIG_MAPS, namespace, "a", {"data": {"key": "value"}}, MERGE)

    assert stream.is_quiet()


def test_leaving_the_selector_is_a_deletion_of_the_last_match(api, namespace):
    made = api.create(CONFIG_MAPS, namespace, config_map("a", labels={"app": "x"}))
    stream = api.watch(CONFIG_MAPS, namespace, resource_version=rv(made), label_selector="app=x")
    moved = api.patch(CONFIG_MAPS, namespace, "a", {"metadata": {"labels": {"app": "y"}}}, MERGE)

    ((kind, last),) = stream.next(1)

    assert ("DELETED", {"app": "x"}) == (kind, last["metadata"]["labels"])
    assert rv(moved) == rv(last)


def test_entering_the_selector_is_an_addition(api, namespace):
    made = api.create(CONFIG_MAPS, namespace, config_map("a"))
    stream = api.watch(CONFIG_MAPS, namespace, resource_version=rv(made), label_selector="app=x")
    api.patch(CONFIG_MAPS, namespace, "a", {"metadata": {"labels": {"app": "x"}}}, MERGE)

    assert [("ADDED", "a")] == kinds_and_names(stream.next(1))


def test_a_watch_on_a_name_hears_only_that(api, namespace):
    stream = api.watch(CONFIG_MAPS, namespace, field_selector="metadata.name=b")
    for name in ("a", "b"):
        api.create(CONFIG_MAPS, namespace, config_map(name))

    assert [("ADDED", "b")] == kinds_and_names(stream.next(1))
    assert stream.is_quiet()


def test_a_watch_shows_the_version_it_was_opened_in(api, namespace, gadgets):
    stream = api.watch(GADGET_BETA, namespace)
    api.create(gadgets, namespace, gadget())

    ((_, shown),) = stream.next(1)

    assert GADGET_BETA.api_version == shown["apiVersion"]


@pytest.mark.still
def test_lists_pick_by_label(api, namespace):
    for name, app in (("a", "x"), ("b", "y"), ("c", "z")):
        api.create(CONFIG_MAPS, namespace, config_map(name, labels={"app": app}))

    def picked(selector):
        return names(api.list(CONFIG_MAPS, namespace, label_selector=selector).items)

    assert ["a"] == picked("app=x")
    assert ["b", "c"] == picked("app!=x")
    assert ["a", "b"] == picked("app in (x,y)")
    assert ["c"] == picked("app notin (x,y)")
    assert ["a", "b", "c"] == picked("app,!other")
    assert [] == picked("other")


@pytest.mark.still
def test_lists_pick_by_field(api, namespace):
    for name in ("a", "b"):
        api.create(CONFIG_MAPS, namespace, config_map(name))

    page = api.list(CONFIG_MAPS, namespace, field_selector="metadata.name!=a")

    assert ["b"] == names(page.items)


def test_events_are_picked_by_what_they_are_about(api, namespace):
    for name, kind in (("a", "Pod"), ("b", "Gadget")):
        about = {"kind": kind, "name": "web", "namespace": namespace}
        api.create(EVENTS, namespace, {"metadata": {"name": name}, "involvedObject": about})

    page = api.list(EVENTS, namespace, field_selector="involvedObject.kind=Gadget")

    assert ["b"] == names(page.items)

"""Watches as they come over the wire: bookmarks, initial events, and their end."""

from __future__ import annotations

from contextlib import suppress

import pytest
from contract.api import MERGE, Refused
from contract.kinds import (
    CONFIG_MAPS,
    GADGET,
    PODS,
    SERVICE_ACCOUNTS,
    config_map,
    gadget,
    pod,
    refused,
    rv,
)

INITIAL_END = {"k8s.io/initial-events-end": "true"}


NOT_OLDER = {"send_initial_events": "true", "resource_version_match": "NotOlderThan"}
AS = "application/json;v=v1;g=meta.k8s.io;as="


def shown(events):
    return [(kind, each["metadata"].get("name", "")) for kind, each in events]


@pytest.fixture
def two(wire, space):
    return [wire.create(GADGET, space, gadget(name)) for name in "ab"]


@pytest.mark.parametrize("options", [{}, {"resource_version": "0"}, NOT_OLDER])
def test_initial_events_end_with_a_bookmark_for_who_takes_them(wire, space, two, options):
    stream = wire.watch(GADGET, space, bookmarks=True, **options)

    *added, (kind, end) = stream.next(3)

    assert [("ADDED", "a"), ("ADDED", "b")] == shown(added)
    assert ("BOOKMARK", INITIAL_END) == (kind, end["metadata"]["annotations"])
    assert {"apiVersion", "kind", "metadata"} == set(end)
    assert int(rv(two[1])) <= int(rv(end))


def test_no_bookmark_comes_to_who_does_not_take_them(wire, space, two):
    path = wire.path(GADGET, space)
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}

    answer = wire.ask("GET", path, watch="true", timeoutSeconds="1", **query)

    assert ["ADDED", "ADDED"] == [each["type"] for each in answer.lines]


def test_a_streamed_list_begins_with_all_there_is_whatever_its_version(wire, space, two):
    stream = wire.watch(GADGET, space, bookmarks=True, resource_version=rv(two[0]), **NOT_OLDER)

    assert [("ADDED", "a"), ("ADDED", "b"), ("BOOKMARK", "")] == shown(stream.next(3))


def test_a_watch_from_a_version_begins_after_it(wire, space, two):
    stream = wire.watch(GADGET, space, resource_version=rv(two[0]))

    assert [("ADDED", "b")] == shown(stream.next(1))
    assert stream.is_quiet()


def test_a_watch_from_no_version_fails(wire, space):
    answer = wire.ask("GET", wire.path(GADGET, space), watch="true", resourceVersion="x")

    assert (500, "") == (answer.code, answer.body.get("reason", ""))


def test_a_watch_can_be_of_metadata_alone(wire, space, two):
    stream = wire.watch(GADGET, space, accept=f"{AS}PartialObjectMetadata")

    assert ["PartialObjectMetadata"] * 2 == [each["kind"] for _, each in stream.next(2)]


def test_a_watch_can_be_of_tables_whose_columns_come_once(wire, space, two):
    stream = wire.watch(GADGET, space, accept=f"{AS}Table")

    (_, first), (_, second) = stream.next(2)
    assert ["Name", "Age"] == [each["name"] for each in first["columnDefinitions"]]
    assert second["columnDefinitions"] is None
    assert ["a", "b"] == [each["rows"][0]["cells"][0] for each in (first, second)]


def test_a_watch_from_a_forgotten_version_is_told_so(wire, space):
    stream = wire.watch(GADGET, space, resource_version=wire.old_version())

    ((kind, status),) = stream.next(1)
    assert ("ERROR", "Status", 410, "Expired") == (
        kind,
        status["kind"],
        status["code"],
        status["reason"],
    )
    assert status["message"].startswith("too old resource version: 1 (")


def test_leaving_a_field_selector_is_a_deletion(api, namespace):
    with suppress(Refused):  # Where controllers run, one of them may be faster.
        api.create(SERVICE_ACCOUNTS, namespace, {"metadata": {"name": "default"}})
    api.create(PODS, namespace, pod(schedulerName="nobody"))
    made = api.get(PODS, namespace, "p")
    stream = api.watch(
        PODS, namespace, resource_version=rv(made), field_selector="status.phase=Pending"
    )

    patch = {"status": {"phase": "Running"}}
    api.patch(PODS, namespace, "p", patch, MERGE, subresource="status")

    ((kind, last),) = stream.next(1)
    assert ("DELETED", "Pending") == (kind, last["status"]["phase"])


def test_staying_inside_and_outside_a_selector(api, namespace):
    made = api.create(CONFIG_MAPS, namespace, config_map("a", labels={"app": "x"}))
    stream = api.watch(CONFIG_MAPS, namespace, resource_version=rv(made), label_selector="app=x")
    api.create(CONFIG_MAPS, namespace, config_map("b", labels={"app": "y"}))
    api.patch(CONFIG_MAPS, namespace, "b", {"data": {"key": "other"}}, MERGE)
    api.patch(CONFIG_MAPS, namespace, "a", {"data": {"key": "other"}}, MERGE)
    api.delete(CONFIG_MAPS, namespace, "b")
    api.delete(CONFIG_MAPS, namespace, "a")

    seen = [(kind, each["metadata"]["name"]) for kind, each in stream.next(2)]

    assert [("MODIFIED", "a"), ("DELETED", "a")] == seen
    assert stream.is_quiet()


@pytest.mark.still
def test_a_deletion_shows_the_last_state_at_its_own_version(api, namespace):
    made = api.create(CONFIG_MAPS, namespace, config_map("a"))
    stream = api.watch(CONFIG_MAPS, namespace, resource_version=rv(made))
    api.delete(CONFIG_MAPS, namespace, "a")

    ((kind, last),) = stream.next(1)

    assert ("DELETED", made["data"]) == (kind, last["data"])
    assert int(rv(made)) < int(rv(last))


@pytest.mark.still
def test_a_list_at_a_forgotten_version_has_expired(api, namespace, gadgets):
    old = api.old_version()

    with refused(410, "Expired"):
        api.list(gadgets, namespace, resource_version=old, resource_version_match="Exact")

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.emulator.objects import MERGE, Clock, config_map, refused

from rollouts.emulator import ApiServer


@pytest.fixture
def maps(server):
    for name in ("c", "a", "b"):
        server.create(server.resource("", "v1", "configmaps"), "default", config_map(name))
    return server.resource("", "v1", "configmaps")


def names(result):
    return [each["metadata"]["name"] for each in result.items]


def test_a_list_is_ordered_by_name(server, maps):
    result = server.list(maps, "default")

    assert (["a", "b", "c"], server.resource_version) == (names(result), result.resource_version)
    assert ("", None) == (result.continue_, result.remaining)


def test_namespaces_are_ordered_as_keys_are():
    server = ApiServer(Clock())
    maps = server.resource("", "v1", "configmaps")
    namespaces = server.resource("", "v1", "namespaces")
    for name in ("a", "a-b"):
        server.create(namespaces, "", {"metadata": {"name": name}})
        server.create(maps, name, config_map("m"))

    assert ["a-b", "a"] == [each["metadata"]["namespace"] for each in server.list(maps).items]


def test_an_empty_list_is_empty(server, maps):
    assert () == server.list(maps, "kube-system").items
    assert () == server.list(maps, "no-such-namespace").items


def test_listing_twice_gives_the_same_tuple(server, maps):
    assert server.list(maps, "default").items is server.list(maps, "default").items


def test_a_list_comes_in_pages(server, maps):
    first = server.list(maps, "default", limit=2)
    second = server.list(maps, "default", limit=2, continue_=first.continue_)

    assert (["a", "b"], 1) == (names(first), first.remaining)
    assert (["c"], "", None) == (names(second), second.continue_, second.remaining)


@pytest.mark.parametrize("limit", [3, 4])
def test_a_page_that_holds_everything_is_the_last(server, maps, limit):
    assert "" == server.list(maps, "default", limit=limit).continue_


def test_pages_show_the_state_of_the_first(server, maps):
    first = server.list(maps, "default", limit=1)
    server.delete(maps, "default", "b")
    server.create(maps, "default", config_map("bb"))
    server.patch(maps, "default", "c", {"data": {"key": "new"}}, MERGE)

    rest = server.list(maps, "default", continue_=first.continue_)

    assert ["b", "c"] == names(rest)
    assert {"key": "value"} == rest.items[1]["data"]
    assert first.resource_version == rest.resource_version


def test_a_page_under_a_selector_does_not_say_how_many_remain(server, maps):
    page = server.list(maps, "default", limit=1, label_selector="!x")

    assert page.remaining is None
    assert "" != page.continue_


def test_a_continue_token_expires_with_its_history(server, maps):
    first = server.list(maps, "default", limit=1)
    server.create(maps, "default", config_map("d"))
    server.compact()

    with refused(410, reason="Expired") as caught:
        server.list(maps, "default", continue_=first.continue_)
    assert "The provided continue parameter is too old" in caught.value.message


@pytest.mark.parametrize("token", ["x", "e30", "!!!"])
def test_a_token_that_is_none_is_a_bad_request(server, maps, token):
    with refused(400):
        server.list(maps, "default", continue_=token)


def test_an_exact_version_shows_the_past(server, maps):
    version = server.resource_version
    server.delete(maps, "default", "a")

    options = {"resource_version": version, "resource_version_match": "Exact"}
    past = server.list(maps, "default", **options)

    assert ["a", "b", "c"] == names(past)


def test_a_version_from_the_future_times_out(server, maps):
    message = f"Timeout: Too large resource version: 999, current: {server.resource_version}"
    with refused(504, message=message):
        server.list(maps, resource_version="999")


@given(
    st.lists(st.sampled_from("abcdef"), unique=True),
    st.integers(1, 4),
    st.lists(st.sampled_from("abcdefg"), max_size=6),
)
def test_pages_add_up_to_the_whole_whatever_happens_between(present, limit, toggled):
    server = ApiServer(Clock(), track_ownership=False)
    maps = server.resource("", "v1", "configmaps")
    for name in present:
        server.create(maps, "default", config_map(name))
    whole = server.list(maps, "default").items
    changes = iter(toggled)

    page = server.list(maps, "default", limit=limit)
    collected = list(page.items)
    while page.continue_:
        name = next(changes, None)
        if name is not None:
            if name in names(server.list(maps, "default")):
                server.delete(maps, "default", name)
            else:
                server.create(maps, "default", config_map(name))
        page = server.list(maps, "default", limit=limit, continue_=page.continue_)
        assert len(page.items) <= limit
        collected += page.items

    assert list(whole) == collected

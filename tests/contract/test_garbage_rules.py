"""What goes with what, where the garbage collector runs."""

from __future__ import annotations

import pytest
from contract.api import MERGE
from contract.kinds import CONFIG_MAPS, NAMESPACES, config_map, refused

EVENTS_MAX = 40
"""A wait ends with a failure after so many events."""


def wait_for(stream, is_there):
    """Read a watch until an event satisfies `is_there(type, object)`."""
    for _ in range(EVENTS_MAX):
        ((kind, found),) = stream.next(1)
        if is_there(kind, found):
            return found
    raise AssertionError("what was waited for never came")


def is_gone(name):
    return lambda kind, found: (kind, found["metadata"]["name"]) == ("DELETED", name)


def owned_by(*owners, block=True):
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": each["metadata"]["name"],
            "uid": each["metadata"]["uid"],
            "blockOwnerDeletion": block,
        }
        for each in owners
    ]


@pytest.fixture
def family(living, town):
    """An owner, what it owns, and a watch on both."""
    stream = living.watch(CONFIG_MAPS, town)
    owner = living.create(CONFIG_MAPS, town, config_map("owner"))
    child = config_map("child", ownerReferences=owned_by(owner))
    living.create(CONFIG_MAPS, town, child)
    return owner, stream


def test_dependents_go_after_their_owner(living, town, family):
    _, stream = family
    living.delete(CONFIG_MAPS, town, "owner", propagation="Background")

    with refused(404, "NotFound"):
        living.get(CONFIG_MAPS, town, "owner")
    wait_for(stream, is_gone("child"))


def test_in_the_foreground_dependents_go_first(living, town, family):
    _, stream = family
    gone = []

    living.delete(CONFIG_MAPS, town, "owner", propagation="Foreground")

    def last(kind, found):
        if kind == "DELETED":
            gone.append(found["metadata"]["name"])
        return gone[-1:] == ["owner"]

    wait_for(stream, last)
    assert ["child", "owner"] == gone


def test_a_held_dependent_holds_its_owner_in_the_foreground(living, town, family):
    _, stream = family
    hold = {"metadata": {"finalizers": ["example.com/hold"]}}
    living.patch(CONFIG_MAPS, town, "child", hold, MERGE)

    living.delete(CONFIG_MAPS, town, "owner", propagation="Foreground")
    wait_for(
        stream,
        lambda _, found: (
            found["metadata"]["name"] == "child" and "deletionTimestamp" in found["metadata"]
        ),
    )

    finalizers = living.get(CONFIG_MAPS, town, "owner")["metadata"]["finalizers"]
    assert ["foregroundDeletion"] == finalizers
    living.patch(CONFIG_MAPS, town, "child", {"metadata": {"finalizers": None}}, MERGE)
    wait_for(stream, is_gone("owner"))


def test_orphans_lose_their_owner_and_stay(living, town, family):
    _, stream = family
    living.delete(CONFIG_MAPS, town, "owner", propagation="Orphan")

    wait_for(stream, is_gone("owner"))

    assert "ownerReferences" not in living.get(CONFIG_MAPS, town, "child")["metadata"]


def test_one_of_two_owners_is_enough(living, town, family):
    owner, stream = family
    other = living.create(CONFIG_MAPS, town, config_map("other"))
    both = {"metadata": {"ownerReferences": owned_by(owner, other)}}
    living.patch(CONFIG_MAPS, town, "child", both, MERGE)

    living.delete(CONFIG_MAPS, town, "owner")

    left = wait_for(
        stream,
        lambda _, found: (
            found["metadata"]["name"] == "child"
            and [each["name"] for each in found["metadata"].get("ownerReferences", ())] == ["other"]
        ),
    )
    assert "deletionTimestamp" not in left["metadata"]
    living.delete(CONFIG_MAPS, town, "other")
    wait_for(stream, is_gone("child"))


def test_an_owner_that_never_was_is_gone(living, town):
    stream = living.watch(CONFIG_MAPS, town)
    ghost = {"metadata": {"name": "ghost", "uid": "00000000-0000-0000-0000-000000000000"}}
    living.create(CONFIG_MAPS, town, config_map("child", ownerReferences=owned_by(ghost)))

    wait_for(stream, is_gone("child"))


def test_an_owner_of_the_same_name_is_a_stranger(living, town, family):
    owner, stream = family
    stale = {"metadata": {**owner["metadata"], "uid": "00000000-0000-0000-0000-000000000000"}}
    living.create(CONFIG_MAPS, town, config_map("late", ownerReferences=owned_by(stale)))

    wait_for(stream, is_gone("late"))
    assert "child" == living.get(CONFIG_MAPS, town, "child")["metadata"]["name"]


def test_an_owner_in_another_namespace_is_no_owner(living, town):
    elsewhere = f"{town}-else"
    living.create(NAMESPACES, "", {"metadata": {"name": elsewhere}})
    owner = living.create(CONFIG_MAPS, elsewhere, config_map("owner"))
    stream = living.watch(CONFIG_MAPS, town)
    living.create(CONFIG_MAPS, town, config_map("child", ownerReferences=owned_by(owner)))

    wait_for(stream, is_gone("child"))


def test_a_namespace_goes_with_all_it_holds(living, town):
    held = config_map("held", finalizers=["example.com/hold"])
    living.create(CONFIG_MAPS, town, held)
    stream = living.watch(CONFIG_MAPS, town)
    spaces = living.watch(NAMESPACES, "", field_selector=f"metadata.name={town}")

    living.delete(NAMESPACES, "", town)
    wait_for(
        stream,
        lambda _, found: (
            found["metadata"]["name"] == "held" and "deletionTimestamp" in found["metadata"]
        ),
    )

    assert "Terminating" == living.get(NAMESPACES, "", town)["status"]["phase"]
    with refused(403, "Forbidden") as caught:
        living.create(CONFIG_MAPS, town, config_map("late"))
    assert "NamespaceTerminating" in [each["reason"] for each in caught.value.causes]
    living.patch(CONFIG_MAPS, town, "held", {"metadata": {"finalizers": None}}, MERGE)
    wait_for(spaces, is_gone(town))

import pytest
from unit.emulator.actor_world import World, deployment

from rollouts.emulator.actors import GarbageCollector

WIDGETS = {
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
        "versions": [
            {
                "name": version,
                "served": True,
                "storage": version == "v1",
                "schema": {"openAPIV3Schema": {"type": "object"}},
            }
            for version in ("v1alpha1", "v1")
        ],
    },
}


@pytest.fixture
def world():
    return World(actors=lambda server: (GarbageCollector(server),))


def config_map(name, *owners, block=False, finalizers=()):
    metadata = {"name": name}
    if owners:
        metadata["ownerReferences"] = [
            {
                "apiVersion": "v1",
                "kind": owner.get("kind", "ConfigMap"),
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
                "blockOwnerDeletion": block,
            }
            for owner in owners
        ]
    if finalizers:
        metadata["finalizers"] = list(finalizers)
    return {"metadata": metadata}


def maps(world):
    return world.names("configmaps")


def test_a_dependent_goes_with_its_owner(world):
    owner = world.create("configmaps", config_map("owner"))
    child = world.create("configmaps", config_map("child", owner))
    world.create("configmaps", config_map("grandchild", child))
    world.create("configmaps", config_map("stranger"))
    world.settle()
    world.delete("configmaps", "owner")
    world.settle()

    assert maps(world) == ["stranger"]


def test_a_dependent_stays_while_one_owner_stays(world):
    first = world.create("configmaps", config_map("first"))
    second = world.create("configmaps", config_map("second"))
    world.create("configmaps", config_map("child", first, second))
    world.delete("configmaps", "first")
    world.settle()
    owners = world.get("configmaps", "child")["metadata"]["ownerReferences"]

    assert [owner["name"] for owner in owners] == ["second"]

    world.delete("configmaps", "second")
    world.settle()

    assert maps(world) == []


def test_a_foreground_deletion_waits_for_blocking_dependents(world):
    owner = world.create("configmaps", config_map("owner"))
    held = config_map("held", owner, block=True, finalizers=["example.com/hold"])
    world.create("configmaps", held)
    world.delete("configmaps", "owner", propagation="Foreground")
    world.settle()
    during = maps(world)
    world.patch("configmaps", "held", {"metadata": {"finalizers": None}})
    world.settle()

    assert during == ["held", "owner"]
    assert maps(world) == []


def test_a_foreground_deletion_does_not_wait_for_other_dependents(world):
    owner = world.create("configmaps", config_map("owner"))
    held = config_map("held", owner, block=False, finalizers=["example.com/hold"])
    world.create("configmaps", held)
    world.delete("configmaps", "owner", propagation="Foreground")
    world.settle()

    assert maps(world) == ["held"]
    assert "deletionTimestamp" in world.get("configmaps", "held")["metadata"]


def test_a_foreground_deletion_without_dependents_ends_at_once(world):
    world.create("configmaps", config_map("owner"))
    world.delete("configmaps", "owner", propagation="Foreground")
    world.settle()

    assert maps(world) == []


def test_a_foreground_deletion_goes_down_all_levels(world):
    owner = world.create("configmaps", config_map("owner"))
    child = world.create("configmaps", config_map("child", owner, block=True))
    leaf = config_map("leaf", child, block=True, finalizers=["example.com/hold"])
    world.create("configmaps", leaf)
    world.delete("configmaps", "owner", propagation="Foreground")
    world.settle()
    during = maps(world)
    world.patch("configmaps", "leaf", {"metadata": {"finalizers": None}})
    world.settle()

    assert during == ["child", "leaf", "owner"]
    assert maps(world) == []


def test_orphans_lose_their_owner_and_stay(world):
    owner = world.create("configmaps", config_map("owner"))
    world.create("configmaps", config_map("child", owner))
    world.delete("configmaps", "owner", propagation="Orphan")
    world.settle()

    assert maps(world) == ["child"]
    assert "ownerReferences" not in world.get("configmaps", "child")["metadata"]


def test_an_owner_that_never_was_is_gone(world):
    ghost = {"metadata": {"name": "ghost", "uid": "00000000-0000-0000-0000-000000000000"}}
    world.create("configmaps", config_map("child", ghost))
    world.settle()

    assert maps(world) == []


def test_a_new_owner_of_the_same_name_is_a_stranger(world):
    owner = world.create("configmaps", config_map("owner"))
    world.create("configmaps", config_map("child", owner))
    world.delete("configmaps", "owner")
    world.create("configmaps", config_map("owner"))
    world.settle()

    assert maps(world) == ["owner"]


def test_an_owner_in_another_namespace_does_not_count(world):
    world.create("namespaces", {"metadata": {"name": "other"}})
    owner = world.create("configmaps", config_map("owner"), "other")
    world.create("configmaps", config_map("child", owner))
    world.settle()

    assert maps(world) == ["owner"]


def test_a_cluster_wide_owner_counts_everywhere(world):
    node = world.create("nodes", {"metadata": {"name": "n"}})
    world.create("configmaps", config_map("child", {**node, "kind": "Node"}))
    world.settle()
    before = maps(world)
    world.delete("nodes", "n")
    world.settle()

    assert before == ["child"]
    assert maps(world) == []


def test_custom_resources_of_any_version_are_collected(world):
    world.create("customresourcedefinitions", WIDGETS)
    server = world.server
    old = server.resource("example.com", "v1alpha1", "widgets")
    owner = server.create(
        old,
        "default",
        {"apiVersion": "example.com/v1alpha1", "kind": "Widget", "metadata": {"name": "w"}},
    )
    world.create("configmaps", config_map("child", owner))
    world.settle()
    server.delete(old, "default", "w")
    world.settle()

    assert maps(world) == []


def test_what_was_there_before_is_known():
    world = World(actors=lambda _server: ())
    owner = world.create("configmaps", config_map("owner"))
    world.create("configmaps", config_map("child", owner))
    world.actors = (GarbageCollector(world.server),)
    world.settle()
    before = maps(world)
    world.delete("configmaps", "owner")
    world.settle()

    assert before == ["child", "owner"]
    assert maps(world) == []


def test_a_namespace_empties_with_everything_in_it():
    world = World()
    world.create("namespaces", {"metadata": {"name": "team"}})
    world.create("deployments", deployment(), "team")
    world.settle()
    world.delete("namespaces", "team")
    world.settle()

    assert "team" not in world.names("namespaces")
    assert world.all("pods") == []


@pytest.mark.parametrize("propagation", ["Background", "Foreground"])
def test_a_deployment_leaves_nothing_behind(propagation):
    world = World()
    world.create("deployments", deployment())
    world.settle()
    world.delete("deployments", "web", propagation=propagation)
    world.settle()

    assert world.all("deployments") + world.all("replicasets") + world.all("pods") == []

"""A controller that dies around any call leaves nothing behind that it could not find again."""

import pytest
from effort import EFFORT
from programs import needs_kustomize
from shell.emulated import Crash
from shell.gitops_world import World, config_map

from rollouts.api.refs import APPLICATION, CONFIG_MAP, KUSTOMIZATION
from rollouts.gitops.inventory import format_id, parse_inventory
from rollouts.gitops.model import ResourceKey
from rollouts.gitops.tracking import OWNER_NAME, TRACKING_ID

CALLS_MAX = 60


def flux(world):
    source = {"kind": "GitRepository", "name": "web"}
    metadata = {"name": "web", "namespace": "flux-system"}
    world.create(
        {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": metadata,
            "spec": {"interval": "1m", "url": world.git.url, "ref": {"branch": "main"}},
        },
        world.own[1][0],
    )
    spec = {"interval": "1m", "sourceRef": source, "path": "deploy", "prune": True}
    spec["targetNamespace"] = "shop"
    world.create(
        {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": metadata,
            "spec": spec,
        },
        KUSTOMIZATION,
    )


def begin(world, family):
    """Apply a first commit, then have a second one ready that adds, changes and removes."""
    world.git.commit(
        {"deploy/a.yaml": [config_map("keep"), config_map("change"), config_map("go")]}
    )
    if family == "Application":
        world.application()
    else:
        flux(world)
    world.settle()
    world.git.commit(
        {"deploy/a.yaml": [config_map("keep"), config_map("change", key="2"), config_map("new")]}
    )


def ours(world):
    """Return the ids of everything in the cluster that bears the unit's mark."""
    found = []
    for each in world.server.list(world.cluster.type_of(CONFIG_MAP), "shop").items:
        metadata = each["metadata"]
        marked = TRACKING_ID in (metadata.get("annotations") or {}) or OWNER_NAME in (
            metadata.get("labels") or {}
        )
        if marked:
            found.append(format_id(ResourceKey("", "ConfigMap", "shop", metadata["name"])))
    return found


def stored(world, family):
    kind, namespace = (
        (APPLICATION, "argocd") if family == "Application" else (KUSTOMIZATION, "flux-system")
    )
    status = world.get(kind, "web", namespace).get("status", {})
    return [format_id(key) for key in parse_inventory(status.get("inventory")).keys]


def content(world):
    listed = world.server.list(world.cluster.type_of(CONFIG_MAP), "shop").items
    return {each["metadata"]["name"]: each["data"] for each in listed}


WANTED = {"keep": {"key": "1"}, "change": {"key": "2"}, "new": {"key": "1"}}


FAMILIES = ["Application", pytest.param("Kustomization", marks=needs_kustomize)]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("served", [False, True], ids=["before", "after"])
def test_a_crash_around_any_call_orphans_nothing_and_is_made_up_for(tmp_path, family, served):
    crashes = 0
    # At each change the two manners take turns, so that every call sees one of them.
    for number in range(1 + (EFFORT == 1 and served), CALLS_MAX, 2 if EFFORT == 1 else 1):
        world = World(_fresh(tmp_path, number))
        try:
            begin(world, family)
            world.cluster.calls.clear()
            world.cluster.crash_at, world.cluster.crash_served = number, served
            try:
                world.wait(130)
            except Crash:
                crashes += 1
            else:
                assert content(world) == WANTED
                assert crashes >= (3 if EFFORT == 1 else 5)
                return
            world.cluster.crash_at = None

            assert set(ours(world)) <= set(stored(world, family))

            world.start()
            world.wait(130)
            assert content(world) == WANTED
            assert sorted(ours(world)) == sorted(stored(world, family))
        finally:
            world.close()
    raise AssertionError("the sync needs more calls than expected")


def _fresh(tmp_path, number):
    path = tmp_path / str(number)
    path.mkdir()
    return path


@pytest.mark.parametrize("served", [False, True], ids=["before", "after"])
def test_a_crash_during_the_first_sync_orphans_nothing(tmp_path, served):
    for number in range(1, CALLS_MAX):
        world = World(_fresh(tmp_path, number))
        try:
            world.git.commit({"deploy/a.yaml": [config_map("a"), config_map("b")]})
            world.application()
            world.cluster.crash_at, world.cluster.crash_served = number, served
            try:
                world.settle()
            except Crash:
                world.cluster.crash_at = None
            else:
                assert number > 5
                return
            assert set(ours(world)) <= set(stored(world, "Application"))

            # Git changes its mind while nobody looks.
            world.git.commit({"deploy/a.yaml": [config_map("b")]})
            world.start()
            world.wait(70)
            assert list(content(world)) == ["b"]
        finally:
            world.close()
    raise AssertionError("the sync needs more calls than expected")


def test_a_server_that_cannot_answer_delays_and_prunes_nothing(world):
    begin(world, "Application")
    world.cluster.refuse = [("apply", "change")]

    world.wait(130)

    assert "go" in content(world)
    assert "shop_go__ConfigMap" in stored(world, "Application")

    world.cluster.refuse = []
    world.wait(400)
    assert content(world) == WANTED


def test_a_prune_that_fails_is_remembered(world):
    begin(world, "Application")
    world.cluster.refuse = [("delete", "go")]

    world.wait(130)

    assert "go" in content(world)
    assert "shop_go__ConfigMap" in stored(world, "Application")

    world.cluster.refuse = []
    world.wait(400)
    assert content(world) == WANTED
    assert "shop_go__ConfigMap" not in stored(world, "Application")

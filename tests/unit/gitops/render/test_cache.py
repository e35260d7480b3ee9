"""A render is repeated only when something it read has changed."""

from __future__ import annotations

import dataclasses

import pytest

from rollouts.gitops.model import Family
from rollouts.gitops.render import Rendered, RenderedObject, RenderOptions
from rollouts.gitops.render.cache import RenderCache
from rollouts.gitops.source.tree import CommitFacts, Entry, Tree

OPTIONS = RenderOptions(Family.APPLICATION)


def tree(**ids):
    entries = {path: Entry("file", object_id) for path, object_id in ids.items()}
    return Tree(CommitFacts("c" * 40, "root"), entries, {}, None)


def rendered(count=1, **ids):
    objects = tuple(RenderedObject({"n": number}, "a", 1) for number in range(count))
    return Rendered(objects, tuple(ids.items()))


def test_equal_ids_are_a_hit_and_any_other_a_miss():
    cache = RenderCache()
    kept = rendered(a="1", b="2")
    cache.keep(("k",), kept)

    assert cache.find(("k",), tree(a="1", b="2", other="9")) is kept
    assert cache.find(("k",), tree(a="1", b="3")) is None
    assert cache.find(("k",), tree(a="1")) is None
    assert cache.find(("other",), tree(a="1", b="2")) is None


def test_a_render_that_noticed_an_absence_is_repeated_when_it_ends():
    cache = RenderCache()
    cache.keep(("k",), rendered(a="1", b=""))

    assert cache.find(("k",), tree(a="1")) is not None
    assert cache.find(("k",), tree(a="1", b="2")) is None


def test_going_back_to_an_earlier_commit_is_a_hit():
    cache = RenderCache()
    renders = [rendered(a=str(number)) for number in range(3)]
    for each in renders:
        cache.keep(("k",), each)

    assert [cache.find(("k",), tree(a=str(number))) for number in range(3)] == renders


def test_the_memory_is_bounded_and_the_least_used_goes_first():
    cache = RenderCache(objects_max=10)
    cache.keep(("old",), rendered(4, a="1"))
    cache.keep(("used",), rendered(4, a="1"))
    cache.find(("old",), tree(a="1"))

    cache.keep(("new",), rendered(4, a="1"))

    assert cache.find(("used",), tree(a="1")) is None
    assert cache.find(("old",), tree(a="1")) is not None
    assert cache.find(("new",), tree(a="1")) is not None


def test_one_render_larger_than_the_memory_is_still_kept():
    cache = RenderCache(objects_max=10)
    cache.keep(("k",), rendered(11, a="1"))

    assert cache.find(("k",), tree(a="1")) is not None


def test_keeping_twice_is_keeping_once():
    cache = RenderCache(objects_max=10)
    for _ in range(5):
        cache.keep(("k",), rendered(6, a="1"))
    cache.keep(("other",), rendered(4, a="1"))

    assert cache.find(("k",), tree(a="1")) is not None
    cache.clear()
    assert cache.find(("k",), tree(a="1")) is None


@pytest.mark.parametrize(
    "change", [{"recurse": True}, {"include": "*.yml"}, {"namespace": "n"}, {"tool": "directory"}]
)
def test_any_option_is_part_of_the_key(change):
    assert dataclasses.replace(OPTIONS, **change).digest != OPTIONS.digest
    assert dataclasses.replace(OPTIONS).digest == OPTIONS.digest


def test_a_plain_directory_is_read_again_only_when_it_changed(desk, config_map):
    desk.write({"app/a.yaml": config_map("a"), "other/b.yaml": config_map("b")})
    first = desk.render("app")

    desk.write({"other/b.yaml": config_map("changed")})
    assert desk.render("app") is first

    desk.write({"app/a.yaml": config_map("changed")})
    assert desk.render("app") is not first


def test_the_target_of_a_link_is_part_of_what_was_read(desk, config_map):
    desk.write({"shared/a.yaml": config_map("a"), "app/own.yaml": config_map("own")})
    (desk.root / "app/link.yaml").symlink_to("../shared/a.yaml")
    first = desk.render("app")
    assert desk.render("app") is first

    desk.write({"shared/a.yaml": config_map("changed")})

    assert desk.names("app") == ["changed", "own"]


def test_a_hard_refresh_forgets(desk, config_map):
    desk.write({"a.yaml": config_map("a")})
    first = desk.render()

    desk.renderer.forget()

    assert desk.render() is not first

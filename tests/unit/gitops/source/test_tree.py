"""Paths stay inside the tree, whatever a repository holds."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess

import pytest

from rollouts.gitops.source import BadPath, TooLarge, Tree, open_directory
from rollouts.gitops.source.ignore import parse_rules
from rollouts.gitops.source.listing import parse_ls_tree
from rollouts.gitops.source.tree import CommitFacts, Entry
from rollouts.gitops.source.view import ignoring


def tree(**files: str) -> Tree:
    """Build a tree; a value beginning with `->` makes a symlink, `!` another kind of entry."""
    entries: dict[str, Entry] = {}
    targets: dict[str, str] = {}
    contents: dict[str, bytes] = {}
    for name, value in files.items():
        parts = name.split("/")
        for length in range(1, len(parts)):
            entries["/".join(parts[:length])] = Entry("directory", f"id-{'/'.join(parts[:length])}")
        if value.startswith("->"):
            entries[name] = Entry("symlink", f"id-{name}")
            targets[name] = value[2:]
        elif value.startswith("!"):
            entries[name] = Entry(value[1:], f"id-{name}")
        else:
            entries[name] = Entry("file", f"id-{name}", len(value))
            contents[f"id-{name}"] = value.encode()

    async def read_blobs(ids):
        return {each: contents[each] for each in ids}

    return Tree(CommitFacts("c" * 40, "id-root"), entries, targets, read_blobs)


FILES = {
    "a.yaml": "a",
    "apps/web/b.yaml": "b",
    "apps/link.yaml": "->web/b.yaml",
    "apps/up.yaml": "->../a.yaml",
    "apps/shared": "->../base",
    "base/c.yaml": "c",
    "base/deep/d.yaml": "d",
    "out": "->../outside",
    "absolute": "->/etc/passwd",
    "internals": "->.git/config",
    "loop1": "->loop2",
    "loop2": "->loop1",
    "self": "->self",
    "dangling": "->nothing",
    "module": "!submodule",
    "pipe": "!special",
    "%2e%2e": "encoded",
}


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("", ""),
        (".", ""),
        ("./", ""),
        ("a.yaml", "a.yaml"),
        ("./apps//web/", "apps/web"),
        ("apps/../a.yaml", "a.yaml"),
        ("apps/link.yaml", "apps/web/b.yaml"),
        ("apps/up.yaml", "a.yaml"),
        ("apps/shared/c.yaml", "base/c.yaml"),
        ("apps/shared/../a.yaml", "a.yaml"),
        ("apps/shared/deep/../c.yaml", "base/c.yaml"),
        ("%2e%2e", "%2e%2e"),
    ],
)
def test_a_path_is_followed_to_its_real_place(path, real):
    assert real == tree(**FILES).locate(path).path


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("..", "leads out of the repository"),
        ("apps/../../etc/passwd", "leads out of the repository"),
        ("apps/shared/../../x", "leads out of the repository"),
        ("/etc/passwd", "is absolute"),
        ("/", "is absolute"),
        ("%2e%2e/etc", "is a file, not a directory"),
        ("%2E%2E", "does not exist"),
        ("..%2fetc", "does not exist"),
        ("apps\x00/x", "NUL"),
        ("gone", "does not exist"),
        ("a.yaml/b", "is a file, not a directory"),
        ("a.yaml/..", "is a file, not a directory"),
        ("out", "leads out of the repository"),
        ("out/x", "leads out of the repository"),
        ("absolute", "leads out of the repository"),
        ("internals", "does not exist"),
        ("loop1", "loop"),
        ("self/x", "loop"),
        ("dangling", "does not exist"),
        ("module/x", "is a submodule"),
        ("a/" * 1001, "segments"),
    ],
)
def test_a_path_that_leads_elsewhere_is_refused_by_name(path, reason):
    with pytest.raises(BadPath, match=reason) as caught:
        tree(**FILES).locate(path)

    assert caught.value.path in path


def test_a_base_does_not_widen_what_a_path_may_reach():
    found = tree(**FILES)

    assert found.locate("../../base/c.yaml", base="apps/web").path == "base/c.yaml"
    with pytest.raises(BadPath, match="leads out"):
        found.locate("../../../x", base="apps/web")


@pytest.mark.parametrize(
    ("path", "reason"),
    [("apps", "is a directory"), ("module", "is a submodule"), ("pipe", "pipe, socket or device")],
)
def test_only_regular_files_are_read(path, reason):
    with pytest.raises(BadPath, match=reason):
        asyncio.run(tree(**FILES).read([path]))


def test_links_on_the_way_are_named():
    assert tree(**FILES).locate("apps/shared/c.yaml").links == ("apps/shared",)


def test_a_walk_yields_one_level_or_all():
    found = tree(**FILES)

    assert [name for name, _ in found.walk("base", recurse=False)] == ["base/c.yaml", "base/deep"]
    assert [n for n, _ in found.walk("base")] == ["base/c.yaml", "base/deep", "base/deep/d.yaml"]
    assert list(found.walk("bas")) == []


@pytest.mark.parametrize(("limit", "fits"), [(3, True), (2, False)])
def test_reading_is_bounded_before_anything_is_read(limit, fits):
    reading = tree(**FILES).read(["a.yaml", "apps/link.yaml", "base/c.yaml"], bytes_max=limit)

    if fits:
        assert list(asyncio.run(reading).values()) == [b"a", b"b", b"c"]
    else:
        with pytest.raises(TooLarge, match="3 bytes together; at most 2"):
            asyncio.run(reading)


def test_ignored_files_are_absent_and_links_to_them_dangle():
    found = tree(**FILES).without(parse_rules("/a.yaml"))

    assert not found.has("a.yaml")
    assert not found.has("apps/up.yaml")
    assert found.has("base/c.yaml")


def test_a_source_is_read_without_what_its_ignore_files_name():
    found = tree(
        **{
            ".sourceignore": "/docs\n",
            "docs/a.yaml": "x",
            "apps/.sourceignore": "*.draft.yaml\n",
            "apps/a.draft.yaml": "x",
            "apps/a.yaml": "x",
            "apps/logo.png": "x",
            "b.draft.yaml": "x",
        }
    )

    def names(ignore: str | None) -> list[str]:
        seen = asyncio.run(ignoring(found, ignore)).walk("")
        return [name for name, entry in seen if entry.kind == "file" and "ignore" not in name]

    assert names(None) == ["apps/a.yaml", "b.draft.yaml"]
    assert names("") == ["apps/a.yaml", "apps/logo.png", "b.draft.yaml"]
    assert names("/*\n!/apps/*.draft.yaml\n/apps/a.yaml\n/apps/*.png") == ["apps/a.draft.yaml"]


@pytest.mark.parametrize("name", ["..", ".", ".git", ".GIT", "a/../b", "a//b", "x/.git/hooks"])
def test_a_listing_with_dishonest_names_is_refused(name):
    with pytest.raises(BadPath):
        parse_ls_tree(f"100644 blob {'a' * 40}       1\t{name}\0".encode())


def test_a_listing_that_places_a_file_below_a_link_is_refused():
    link = f"120000 blob {'a' * 40}       4\tx\0"
    below = f"100644 blob {'b' * 40}       1\tx/y\0"

    with pytest.raises(BadPath, match="no directory"):
        parse_ls_tree((link + below).encode())


def test_a_listing_is_bounded():
    record = "100644 blob " + "a" * 40 + "       1\tf{}\0"

    with pytest.raises(TooLarge, match="200000"):
        parse_ls_tree("".join(record.format(number) for number in range(200_001)).encode())


def test_a_local_directory_has_the_ids_git_gives_it(repository):
    repository.commit({"a.yaml": "a", "b/c.yaml": "c", "b.d": "x", "run.sh": "#!/bin/sh"})
    (repository.path / "link").symlink_to("b/c.yaml")
    (repository.path / "run.sh").chmod(0o755)
    repository.commit()

    found = asyncio.run(open_directory(repository.path))

    assert repository.git("rev-parse", "HEAD^{tree}") == found.tree_id()
    assert repository.git("rev-parse", "HEAD:b") == found.tree_id("b")
    assert asyncio.run(found.read(["link"])) == {"link": b"c"}


def test_pipes_sockets_and_devices_of_a_directory_are_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "null.yaml").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.yaml"))

        found = asyncio.run(asyncio.wait_for(open_directory(tmp_path), 5))

    for name in ("pipe.yaml", "socket.yaml"):
        with pytest.raises(BadPath, match="pipe, socket or device"):
            found.file(name)
    with pytest.raises(BadPath, match="leads out"):
        found.file("null.yaml")


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(BadPath, match="gone"):
        asyncio.run(open_directory(tmp_path / "gone"))


def test_a_deeply_nested_directory_is_refused_not_a_crash(tmp_path):
    subprocess.run(["mkdir", "-p", "a/" * 201], cwd=tmp_path, check=True)

    with pytest.raises(TooLarge, match="deep"):
        asyncio.run(open_directory(tmp_path))

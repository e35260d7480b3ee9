"""Repositories made to escape, to run something, or to exhaust us."""

from __future__ import annotations

import os
import time

import pytest

from rollouts.gitops.source import BadPath, RevisionRef, SourceError, SourceRefused


@pytest.fixture
def pull(cache, repository, wait):
    """Return a function that reads the files of the latest commit."""

    def pull():
        commit = wait(cache.resolve(repository.url, RevisionRef()))
        return wait(cache.checkout(repository.url, commit))

    return pull


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("/etc/passwd", "leads out"),
        ("../../../../etc/passwd", "leads out"),
        ("a/../../x", "leads out|does not exist"),
        (".git/config", "does not exist"),
        ("loop", "loop"),
        ("x" * 255, "does not exist"),
    ],
)
def test_a_link_that_leads_elsewhere_is_refused_when_used(repository, pull, target, reason):
    (repository.path / "loop").symlink_to(target)
    repository.commit({"good.yaml": "x"})
    tree = pull()

    with pytest.raises(BadPath, match=reason):
        tree.locate("loop")
    assert tree.has("good.yaml")


def test_a_link_in_a_parent_directory_cannot_escape(repository, pull):
    (repository.path / "apps").symlink_to("..")
    repository.commit()

    with pytest.raises(BadPath, match="leads out"):
        pull().locate("apps/etc/passwd")


def test_a_link_with_an_endless_target_is_refused(repository, pull):
    target = repository.git("hash-object", "-w", "--stdin", stdin=b"a/" * 10_000)
    repository.commit_tree(repository.raw_tree([("120000", "link", target)]))

    with pytest.raises(BadPath, match="20000 bytes"):
        pull()


@pytest.mark.parametrize("name", ["..", ".", ".git", ".GIT", "a/b", "../x"])
def test_a_tree_with_a_forbidden_name_is_refused(repository, pull, name):
    blob = repository.git("hash-object", "-w", "--stdin", stdin=b"x")
    repository.commit_tree(repository.raw_tree([("100644", name, blob)]))

    with pytest.raises(SourceError):
        pull()


def test_a_tree_that_lists_a_name_twice_is_refused(repository, pull):
    blob = repository.git("hash-object", "-w", "--stdin", stdin=b"/etc")
    below = repository.raw_tree([("100644", "passwd", blob)])
    repository.commit_tree(repository.raw_tree([("120000", "x", blob), ("40000", "x", below)]))

    with pytest.raises(SourceError):
        pull()


@pytest.mark.parametrize(
    "name",
    [
        b"new\nline.yaml",
        b"-rf.yaml",
        b"--upload-pack=x.yaml",
        b"sp ace.yaml",
        b'quote".yaml',
        b"tab\t.yaml",
        b"\xff\xfe.yaml",
        "ünïcode.yaml".encode(),
        b"$(touch x).yaml",
        b"a" * 255,
    ],
)
def test_odd_names_are_read_like_any_other(repository, pull, wait, name):
    (repository.path / os.fsdecode(name)).write_bytes(b"content")
    repository.commit()

    assert list(wait(pull().read([os.fsdecode(name)])).values()) == [b"content"]


def test_names_that_differ_in_case_are_two_files(repository, pull, wait):
    repository.commit({"a.yaml": "lower", "A.yaml": "upper"})

    assert list(wait(pull().read(["a.yaml", "A.yaml"])).values()) == [b"lower", b"upper"]


@pytest.mark.parametrize("branch", ["--upload-pack=touch", "-h"])
def test_a_branch_named_like_an_option_is_not_taken(cache, repository, wait, branch):
    commit = repository.commit()
    repository.write({f".git/refs/heads/{branch}": commit + "\n"})

    with pytest.raises(SourceRefused, match="begins with a dash"):
        wait(cache.resolve(repository.url, RevisionRef(branch=branch)))
    assert commit == wait(cache.resolve(repository.url, RevisionRef(branch="main")))


def test_a_submodule_is_not_fetched_and_named_when_used(repository, pull, tmp_path):
    repository.commit({".gitmodules": '[submodule "m"]\n\tpath = m\n\turl = ext::touch /tmp/x\n'})
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{'a' * 40},m")
    repository.git("commit", "--quiet", "--message", "Submodule")
    tree = pull()

    with pytest.raises(BadPath, match="submodule"):
        tree.directory("m")


def test_filters_and_hooks_of_a_repository_are_not_run(repository, pull, wait, tmp_path):
    ran = tmp_path / "ran"
    repository.commit(
        {
            ".gitattributes": "*.yaml filter=evil text eol=crlf\n",
            "a.yaml": "line\n",
            ".lfsconfig": "[lfs]\n\turl = https://evil\n",
        }
    )
    repository.git("config", "filter.evil.smudge", f"touch {ran}")
    for hook in ("post-checkout", "reference-transaction", "post-update", "pre-receive"):
        repository.write({f".git/hooks/{hook}": f"#!/bin/sh\ntouch {ran}\n"})
        (repository.path / ".git" / "hooks" / hook).chmod(0o755)

    assert wait(pull().read(["a.yaml"])) == {"a.yaml": b"line\n"}
    assert not ran.exists()


def test_configuration_of_the_machine_is_not_seen(
    make_cache, repository, wait, tmp_path, monkeypatch
):
    (tmp_path / ".gitconfig").write_text('[url "file:///gone/"]\n\tinsteadOf = file:///\n')
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", "/gone")
    monkeypatch.setenv("GIT_SSH_COMMAND", f"touch {tmp_path}/ran")
    commit = repository.commit()

    assert commit == wait(make_cache().resolve(repository.url, RevisionRef()))


def test_a_repository_with_many_files_is_listed_in_good_time(repository, pull):
    blob = repository.git("hash-object", "-w", "--stdin", stdin=b"x")
    lines = "".join(f"100644 blob {blob}\tfile-{number:06}\n" for number in range(50_000))
    tree = repository.git("mktree", stdin=lines.encode())
    repository.commit_tree(repository.raw_tree([("40000", "many", tree)]))
    started = time.monotonic()

    found = pull()

    assert sum(1 for _ in found.walk("")) == 50_001
    assert time.monotonic() - started < 10


def test_a_deep_tree_is_no_problem(repository, pull):
    tree = repository.git("mktree", stdin=b"")
    for _ in range(500):
        tree = repository.raw_tree([("40000", "d", tree)])
    repository.commit_tree(tree)

    assert "/".join("d" * 500) == pull().directory("d/" * 500).path


def test_a_commit_that_says_odd_things_is_made_harmless(repository, pull):
    repository.commit({}, "\x1b[31mred\x07 " + "x" * 1000)

    subject = pull().facts.subject

    assert "\x1b" not in subject
    assert len(subject) <= 200

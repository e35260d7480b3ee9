"""Globs of Argo CD, ignore patterns of Flux; neither can be made slow."""

from __future__ import annotations

import time

import pytest

from rollouts.gitops.source.globs import BadPattern, match_glob
from rollouts.gitops.source.ignore import Judge, parse_rules, source_rules


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("*.yml", "a.yml", True),
        ("*.yml", "deep/down/a.yml", True),
        ("*.yml", "a.yaml", False),
        ("some-directory/*", "some-directory/a.yaml", True),
        ("{config.json,env-usw2/*}", "config.json", True),
        ("{config.json,env-usw2/*}", "env-usw2/x/y.yaml", True),
        ("{config.json,env-usw2/*}", "env-use1/x.yaml", False),
        ("{a{b,c},d}x", "acx", True),
        ("{a{b,c},d}x", "dx", True),
        ("{a{b,c},d}x", "ax", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("[a-c]1", "b1", True),
        ("[!a-c]1", "b1", False),
        ("[]]", "]", True),
        ("\\*", "*", True),
        ("\\*", "x", False),
        ("\\{a\\}", "{a}", True),
        ("**/x.yaml", "a/b/x.yaml", True),
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
    ],
)
def test_a_glob_matches_whole_paths(pattern, text, matches):
    assert matches == match_glob(pattern, text)


@pytest.mark.parametrize("pattern", ["{a", "[a", "{" * 50, "{a,b}" * 20, "a" * 5000])
def test_a_glob_that_cannot_be_read_is_refused(pattern):
    with pytest.raises(BadPattern):
        match_glob(pattern, "a")


def test_no_glob_takes_exponential_time():
    started = time.monotonic()

    assert not match_glob("*a" * 40 + "b", "a" * 4000)

    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("patterns", "path", "ignored"),
    [
        ("*.md", "a.md", True),
        ("*.md", "x/a.md", True),
        ("/a", "a", True),
        ("/a", "x/a", False),
        ("a/b", "a/b/c", True),
        ("a/b", "x/a/b", False),
        ("build/", "build/x.yaml", True),
        ("build/", "x/build/y.yaml", True),
        ("build/", "build", False),
        ("# comment\n\n*.md\n", "a.md", True),
        ("\\#x", "#x", True),
        ("\\!x", "!x", True),
        ("*.md\n!keep.md", "keep.md", False),
        ("*.md\n!keep.md", "x/keep.md", False),
        ("!keep.md\n*.md", "keep.md", True),
        ("/*\n!/deploy", "deploy/a.yaml", False),
        ("/*\n!/deploy", "other/a.yaml", True),
        ("/**\n!/deploy/**/*.yaml", "deploy/x/y/a.yaml", False),
        ("/**\n!/deploy/**/*.yaml", "deploy/a.yaml", False),
        ("/**\n!/deploy/**/*.yaml", "deploy/a.md", True),
        ("/*\n!/charts/\n/**/*.md", "charts/README.md", True),
        ("/*\n!/charts/\n/**/*.md", "charts/a.yaml", False),
        ("**/x", "a/b/x", True),
        ("**/x", "x", True),
        ("a/**", "a/b/c", True),
        ("a/**", "a", False),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a/**/b", "a/x/c", False),
        ("trailing   ", "trailing", True),
        ("", "a", False),
    ],
)
def test_an_ignore_pattern_means_what_flux_means(patterns, path, ignored):
    assert ignored == Judge(parse_rules(patterns)).is_ignored(path)


def test_patterns_of_a_directory_see_only_below_it():
    judge = Judge(parse_rules("/a.yaml\n*.md", "apps/web"))

    assert judge.is_ignored("apps/web/a.yaml")
    assert judge.is_ignored("apps/web/x/b.md")
    assert not judge.is_ignored("a.yaml")
    assert not judge.is_ignored("apps/b.md")


@pytest.mark.parametrize("path", [".git/config", "x/.gitmodules", "a/logo.png", ".github/x.yaml"])
def test_the_defaults_leave_out_what_is_no_manifest(path):
    before, after = source_rules(None)

    assert Judge((*before, *after)).is_ignored(path)


def test_an_explicit_ignore_replaces_the_defaults_but_not_those_of_git():
    before, after = source_rules("")
    judge = Judge((*before, *after))

    assert not judge.is_ignored("a/logo.png")
    assert judge.is_ignored(".git/config")


def test_a_path_of_a_thousand_directories_is_no_problem():
    assert Judge(parse_rules("*.md")).is_ignored("a/" * 2000 + "x.md")


@pytest.mark.parametrize(("count", "fits"), [(1000, True), (1001, False)])
def test_the_number_of_patterns_is_bounded(count, fits):
    text = "x\n" * count

    if fits:
        assert count == len(parse_rules(text))
    else:
        with pytest.raises(BadPattern, match="1001 patterns"):
            parse_rules(text)

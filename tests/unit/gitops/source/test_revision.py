"""Which commit a revision means."""

from __future__ import annotations

import pytest

from rollouts.gitops.source import Refs, Revision, RevisionNotFound, RevisionRef, SourceRefused
from rollouts.gitops.source.revision import choose, parse_ls_remote
from rollouts.gitops.source.semver import BadRange, parse_range, parse_version

A, B, C, D, E = (letter * 40 for letter in "abcde")
REFS = Refs(
    {
        "HEAD": A,
        "refs/heads/main": A,
        "refs/heads/develop": B,
        "refs/heads/both": B,
        "refs/tags/both": C,
        "refs/tags/v1.2.0": C,
        "refs/tags/v1.10.0": D,
        "refs/tags/v2.0.0-rc.1": E,
        "refs/tags/web-3.0.0": E,
        "refs/tags/web-3.1.0": B,
        "refs/pull/7/head": D,
    },
    head="refs/heads/main",
)


@pytest.mark.parametrize(
    ("ref", "commit", "name"),
    [
        (RevisionRef(), A, "refs/heads/main"),
        (RevisionRef(text="HEAD"), A, "refs/heads/main"),
        (RevisionRef(text="develop"), B, "refs/heads/develop"),
        (RevisionRef(text="both"), B, "refs/heads/both"),
        (RevisionRef(text="refs/tags/both"), C, "refs/tags/both"),
        (RevisionRef(text="v1.2.0"), C, "refs/tags/v1.2.0"),
        (RevisionRef(text="1.x"), D, "refs/tags/v1.10.0"),
        (RevisionRef(text=">=1.0.0 <1.5"), C, "refs/tags/v1.2.0"),
        (RevisionRef(text=">=2.0.0-0"), E, "refs/tags/v2.0.0-rc.1"),
        (RevisionRef(text="3.x", tag_prefix="web-"), B, "refs/tags/web-3.1.0"),
        (RevisionRef(text="3.0.0", tag_prefix="web-"), E, "refs/tags/web-3.0.0"),
        (RevisionRef(text="refs/pull/7/head"), D, "refs/pull/7/head"),
        (RevisionRef(text="ddddddd"), D, ""),
        (RevisionRef(text=E), E, ""),
        (RevisionRef(branch="develop"), B, "refs/heads/develop"),
        (RevisionRef(tag="both", branch="both"), C, "refs/tags/both"),
        (RevisionRef(semver="*", tag="both", branch="main"), D, "refs/tags/v1.10.0"),
        (RevisionRef(name="refs/pull/7/head", semver="*"), D, "refs/pull/7/head"),
        (RevisionRef(commit=E, name="refs/heads/main"), E, ""),
        (RevisionRef(commit=E.upper(), branch="main"), E, ""),
    ],
)
def test_a_revision_is_found(ref, commit, name):
    assert Revision(commit, name) == choose(REFS, ref)


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        (RevisionRef(branch="gone"), ["branch 'gone'", "both, develop, main"]),
        (RevisionRef(tag="gone"), ["tag 'gone'", "v1.2.0"]),
        (RevisionRef(text="gone"), ["branch or tag 'gone'", "develop"]),
        (RevisionRef(semver=">=9"), ["'>=9'", "v1.10.0"]),
        (RevisionRef(name="refs/heads/x"), ["refs/heads/x", "refs/heads/main"]),
        (RevisionRef(text="0123456"), ["0123456", "all 40"]),
    ],
)
def test_a_missing_revision_says_what_exists(ref, words):
    with pytest.raises(RevisionNotFound) as caught:
        choose(REFS, ref)

    for word in words:
        assert word in str(caught.value)


def test_an_empty_repository_has_nothing():
    with pytest.raises(RevisionNotFound, match="the repository has none"):
        choose(Refs({}), RevisionRef())


def test_a_head_that_points_nowhere_is_explained():
    with pytest.raises(RevisionNotFound, match="refs/heads/master"):
        choose(Refs({"refs/heads/main": A}, head="refs/heads/master"), RevisionRef())


def test_many_names_are_shortened():
    refs = Refs({f"refs/heads/b{number:03}": A for number in range(500)})

    with pytest.raises(RevisionNotFound) as caught:
        choose(refs, RevisionRef(branch="x"))

    assert "and 490 more" in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "text",
    [
        "-h",
        "--upload-pack=touch /tmp/x",
        "a..b",
        "a b",
        "a\nb",
        "a~1",
        "a^{tree}",
        "a:b",
        "a?b",
        "a[b",
        "a\\b",
        "@{upstream}",
        "/a",
        "a/",
        "a//b",
        "a.lock",
        "a" * 257,
    ],
)
@pytest.mark.parametrize("field", ["branch", "tag", "name", "text"])
def test_a_hostile_reference_is_refused(field, text):
    with pytest.raises(SourceRefused):
        choose(REFS, RevisionRef(**{field: text}))


@pytest.mark.parametrize("commit", ["abc", "-h", "z" * 40, "a" * 39, "a" * 41])
def test_a_commit_must_be_complete(commit):
    with pytest.raises(SourceRefused, match="40 hexadecimal"):
        choose(REFS, RevisionRef(commit=commit))


def test_a_pinned_revision_is_known_without_asking():
    assert RevisionRef(text=A).pinned == A
    assert RevisionRef(commit=A, branch="main").pinned == A
    assert not RevisionRef(text="main").pinned
    assert not RevisionRef(text=A, semver="*").pinned


def test_a_revision_is_spelled_as_flux_does():
    assert f"main@sha1:{A}" == Revision(A, "refs/heads/main").flux
    assert f"v1.2.0@sha1:{A}" == Revision(A, "refs/tags/v1.2.0").flux
    assert f"sha1:{A}" == Revision(A).flux


def test_a_listing_follows_annotated_tags_and_head():
    output = (
        f"ref: refs/heads/main\tHEAD\n{A}\tHEAD\n{A}\trefs/heads/main\n"
        f"{B}\trefs/tags/v1\n{C}\trefs/tags/v1^{{}}\n"
    ).encode()

    refs = parse_ls_remote(output)

    assert refs.head == "refs/heads/main"
    assert refs.commits == {"HEAD": A, "refs/heads/main": A, "refs/tags/v1": C}
    assert refs.names_of(A) == ("refs/heads/main", "HEAD")


def test_a_listing_of_another_object_format_is_refused():
    with pytest.raises(SourceRefused, match="SHA-256"):
        parse_ls_remote(f"{'a' * 64}\tHEAD\n".encode())


@pytest.mark.parametrize(
    ("wanted", "inside", "outside"),
    [
        ("*", ["0.0.1", "9.9.9"], ["1.0.0-rc.1"]),
        ("1", ["1.0.0", "1.9.9"], ["0.9.9", "2.0.0"]),
        ("1.2", ["1.2.0", "1.2.9"], ["1.3.0", "1.1.9"]),
        ("1.2.x", ["1.2.0", "1.2.9"], ["1.3.0"]),
        ("1.2.3", ["1.2.3", "v1.2.3"], ["1.2.4", "1.2.3-rc.1"]),
        ("=1.2.3", ["1.2.3"], ["1.2.2"]),
        ("v1.2.3", ["1.2.3"], ["1.2.2"]),
        ("!=1.2.3", ["1.2.4", "1.2.2"], ["1.2.3"]),
        ("!=1.2", ["1.3.0", "1.1.0"], ["1.2.0", "1.2.9"]),
        (">1.2.3", ["1.2.4"], ["1.2.3"]),
        (">1.2", ["1.3.0"], ["1.2.9"]),
        (">=1.2", ["1.2.0"], ["1.1.9"]),
        ("<1.2.3", ["1.2.2"], ["1.2.3"]),
        ("<=1.2.3", ["1.2.3"], ["1.2.4"]),
        ("<=1.2", ["1.2.9"], ["1.3.0"]),
        ("~1.2.3", ["1.2.3", "1.2.9"], ["1.3.0", "1.2.2"]),
        ("~1.2", ["1.2.0", "1.2.9"], ["1.3.0"]),
        ("~1", ["1.0.0", "1.9.0"], ["2.0.0"]),
        ("^1.2.3", ["1.2.3", "1.9.0"], ["2.0.0", "1.2.2"]),
        ("^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4"]),
        ("^0.0", ["0.0.9"], ["0.1.0"]),
        ("^0", ["0.9.9"], ["1.0.0"]),
        ("1.2 - 1.4.5", ["1.2.0", "1.4.5"], ["1.4.6", "1.1.9"]),
        (">=1.0.0, <2.0.0", ["1.5.0"], ["2.0.0"]),
        (">= 1.0.0 < 2.0.0", ["1.5.0"], ["2.0.0"]),
        ("<1 || >=2", ["0.5.0", "2.0.0"], ["1.5.0"]),
        (">=1.0.0-0", ["1.0.0-rc.1", "1.0.0", "2.0.0-alpha"], ["0.9.0"]),
        (">=1.0.0-0 <2.0.0-0", ["1.9.0-rc.1"], ["2.0.0-rc.1", "2.0.0"]),
        ("^1.2.3-0", ["1.2.3-beta", "1.3.0"], ["2.0.0-rc.1"]),
        ("1.2.3-rc.1", ["1.2.3-rc.1"], ["1.2.3-rc.2", "1.2.3"]),
    ],
)
def test_a_range_admits_its_versions(wanted, inside, outside):
    found = parse_range(wanted)

    for text in inside:
        assert found.admits(parse_version(text)), text
    for text in outside:
        assert not found.admits(parse_version(text)), text


@pytest.mark.parametrize("text", ["", "main", ">", "1.2.3.4", ">=a", "||", "1 ||", "^", "1" * 300])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(BadRange):
        parse_range(text)


def test_versions_sort_as_the_standard_says():
    ordered = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2"]
    ordered += ["1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0"]

    assert ordered == sorted(sorted(ordered), key=lambda text: parse_version(text).precedence)

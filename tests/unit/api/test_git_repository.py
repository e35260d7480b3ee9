"""A GitRepository of either version is read and its mistakes are named."""

from datetime import timedelta

import pytest

from rollouts.api.checks import check_git_repository, read_git_repository


def _said(manifest):
    return [problem.path for problem in check_git_repository(manifest)]


def test_a_good_one(git_repository):
    read = read_git_repository(git_repository())

    assert read.interval == timedelta(minutes=1)
    assert read.timeout == timedelta(seconds=60)
    assert read.branch == "main"
    assert str(read.ref) == "GitRepository/flux-system/web"
    assert read.manifest() == git_repository()


def test_no_reference_means_master(git_repository):
    assert read_git_repository(git_repository(ref=...)).branch == "master"


def test_fields_of_both_versions_are_accepted_together(git_repository):
    manifest = git_repository(
        gitImplementation="go-git",
        accessFrom={"namespaceSelectors": [{"matchLabels": {"a": "b"}}]},
        sparseCheckout=["deploy"],
        provider="generic",
    )

    assert _said(manifest) == []
    assert _said(manifest | {"apiVersion": "source.toolkit.fluxcd.io/v1beta2"}) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/org/web.git",
        "http://git.example/web",
        "ssh://git@github.com:22/org/web.git",
        "file:///srv/git/web",
        "https://user:token@host/web",
        "https://[::1]/web",
    ],
)
def test_a_good_address(git_repository, url):
    assert _said(git_repository(url=url)) == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "git@github.com:org/web.git",
        "github.com/org/web",
        "ext::sh -c id",
        "ftp://host/web",
        "https://",
        "ssh://-oProxyCommand=id/web",
        "ssh://git@-oProxyCommand=id/web",
        "https://host/a b",
        "https://host/\nweb",
        "https:///web",
    ],
)
def test_a_bad_address(git_repository, url):
    assert _said(git_repository(url=url)) == ["spec.url"]


def test_a_password_in_a_bad_address_is_not_repeated(git_repository):
    (problem,) = check_git_repository(git_repository(url="ftp://me:secret@host/x"))

    assert "secret" not in str(problem)
    assert "secret" not in problem.peer_text


@pytest.mark.parametrize("interval", ["1m", "90s", "1h30m", "500ms", "1.5h"])
def test_a_good_interval(git_repository, interval):
    assert _said(git_repository(interval=interval)) == []


@pytest.mark.parametrize("interval", ["", "60", 60, "0s", "-1m", "1 m", "1d", "soon"])
def test_a_bad_interval(git_repository, interval):
    assert _said(git_repository(interval=interval)) == ["spec.interval"]


def test_an_interval_is_required(git_repository):
    assert _said(git_repository(interval=...)) == ["spec.interval"]


@pytest.mark.parametrize(
    "ref",
    [
        {"branch": "feature/x"},
        {"tag": "v1.2.3"},
        {"name": "refs/pull/420/head"},
        {"semver": ">=1.0.0 <2.0.0"},
        {"commit": "a" * 40, "branch": "main"},
    ],
)
def test_a_good_reference(git_repository, ref):
    assert _said(git_repository(ref=ref)) == []


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("branch", "-h"),
        ("branch", "--upload-pack=id"),
        ("branch", "a..b"),
        ("branch", "a b"),
        ("tag", "v1~1"),
        ("tag", "v1.lock"),
        ("name", "refs/heads/a\x00"),
        ("name", "/refs"),
        ("commit", "main"),
        ("commit", "abc"),
        ("commit", "A" * 40),
    ],
)
def test_a_bad_reference(git_repository, part, value):
    assert _said(git_repository(ref={part: value})) == [f"spec.ref.{part}"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("verify", {"mode": "HEAD", "secretRef": {"name": "keys"}}),
        ("include", [{"repository": {"name": "other"}}]),
        ("recurseSubmodules", True),
        ("proxySecretRef", {"name": "proxy"}),
        ("provider", "github"),
        ("serviceAccountName", "x"),
    ],
)
def test_what_would_be_unsafe_to_leave_out_is_refused(git_repository, field, value):
    (problem,) = check_git_repository(git_repository(**{field: value}))

    assert problem.path == f"spec.{field}"
    assert problem.message.startswith("is not supported by this version; ")


def test_an_empty_include_asks_for_nothing(git_repository):
    assert _said(git_repository(include=[])) == []


def test_a_directory_outside_the_repository(git_repository):
    assert _said(git_repository(sparseCheckout=["a", "a/../../b"])) == ["spec.sparseCheckout[1]"]


def test_a_version_that_is_not_served(git_repository):
    manifest = git_repository() | {"apiVersion": "source.toolkit.fluxcd.io/v1beta1"}

    assert _said(manifest) == ["apiVersion"]

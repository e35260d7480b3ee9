"""Which repository URLs are understood, and which are contacted."""

from __future__ import annotations

import pytest

from rollouts.gitops.source import Policy, SourceRefused, check_policy, parse_address


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://github.com/myorg/myapp.git", "https://github.com/myorg/myapp.git"),
        ("HTTPS://GitHub.com/myorg/myapp", "https://github.com/myorg/myapp"),
        ("https://host:443/a", "https://host/a"),
        ("https://host:8443/a", "https://host:8443/a"),
        ("http://host/a", "http://host/a"),
        ("https://user:secret@host/a", "https://host/a"),
        ("https://[2001:db8::1]:8443/a", "https://[2001:db8::1]:8443/a"),
        ("ssh://git@host/a.git", "ssh://git@host/a.git"),
        ("ssh://git@host:2222/a.git", "ssh://git@host:2222/a.git"),
        ("git+ssh://git@host/a", "ssh://git@host/a"),
        ("git@github.com:myorg/myapp.git", "ssh://git@github.com/myorg/myapp.git"),
        ("host:a/b", "ssh://host/a/b"),
        ("file:///srv/git/a", "file:///srv/git/a"),
        ("file://localhost/srv/a", "file:///srv/a"),
        ("/srv/git/a", "file:///srv/git/a"),
    ],
)
def test_an_address_is_written_for_git_without_credentials(text, url):
    assert url == parse_address(text).url


def test_an_address_keeps_the_credentials_of_its_url_apart():
    address = parse_address("https://ada:pa%40ss@host/a")

    assert (address.user, address.password) == ("ada", "pa@ss")
    assert "pa@ss" not in repr(address)
    assert "pa@ss" not in str(address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-oProxyCommand=touch /tmp/x",
        "--upload-pack=touch",
        "ext::sh -c touch% /tmp/x",
        "ext::sh",
        "fd::7",
        "ftp://host/a",
        "javascript://host/a",
        "file://other-host/a",
        "https://",
        "https://host",
        "https://host/",
        "https:///a",
        "https://-oProxyCommand=x/a",
        "ssh://-oProxyCommand=x/a",
        "ssh://-x@host/a",
        "-x@host:a",
        "git@host:-x",
        "git@-host:a",
        "https://host/a/../b",
        "https://host/a/%2e%2e/b",
        "https://host/%2E./b",
        "file:///srv/../etc",
        "https://host/a?token=hunter2",
        "https://host/a#x",
        "https://host/a b",
        "https://host/a\nb",
        "https://host\\@evil/a",
        "https://host/a\x00b",
        "https://host:port/a",
        "https://host:99999/a",
        "https://[::1/a",
        "ssh://git:secret@host/a",
        "relative/path",
        "https://host/" + "a" * 3000,
    ],
)
def test_what_is_no_honest_url_is_refused(text):
    with pytest.raises(SourceRefused):
        parse_address(text)


@pytest.mark.parametrize("text", ["https://u:hunter2@/x", "https://h/a?token=hunter2"])
def test_a_refusal_shows_no_credentials(text):
    with pytest.raises(SourceRefused) as caught:
        parse_address(text)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "other",
    [
        "https://GitHub.com/MyOrg/MyApp",
        "git@github.com:myorg/myapp.git",
        "ssh://git@github.com:22/myorg/myapp/",
        "https://token@github.com:443/myorg/myapp.git",
    ],
)
def test_spellings_of_one_repository_match(other):
    known = parse_address("https://github.com/myorg/myapp.git")

    assert known.match_key == parse_address(other).match_key


@pytest.mark.parametrize(
    ("url", "policy"),
    [
        ("http://host/a", Policy(schemes=("https", "ssh"))),
        ("/srv/a", Policy(schemes=("https",))),
        ("https://evil.com/myorg/a", Policy(allowed=("https://github.com/myorg/*",))),
        ("https://github.com/myorg-evil/a", Policy(allowed=("https://github.com/myorg/*",))),
        ("https://github.com/a", Policy(allowed=("https://github.com/[",))),
        ("file:///cache/mirrors/x", Policy(private_paths=("/cache",))),
        ("file:///cache", Policy(private_paths=("/cache/",))),
        ("http://169.254.169.254/latest", Policy()),
        ("http://[fe80::1]/latest", Policy()),
    ],
)
def test_a_policy_refuses(url, policy):
    with pytest.raises(SourceRefused):
        check_policy(parse_address(url), policy)


@pytest.mark.parametrize(
    ("url", "policy"),
    [
        ("https://github.com/myorg/a", Policy(allowed=("https://github.com/myorg/*",))),
        ("git@github.com:myorg/a", Policy(allowed=("ssh://git@github.com/{myorg,other}/*",))),
        ("https://github.com/myorg/a", Policy(allowed=("https://github.com/myorg/a.git",))),
        ("file:///cached/x", Policy(private_paths=("/cache",))),
        ("http://10.0.0.7/a", Policy()),
    ],
)
def test_a_policy_allows(url, policy):
    check_policy(parse_address(url), policy)

"""Talking to servers: credentials, refusals, redirects, silence; and no secret anywhere."""

from __future__ import annotations

import base64
import functools
import http.server
import stat
import threading
import time
from pathlib import Path

import pytest

from rollouts.gitops.redact import redact
from rollouts.gitops.source import (
    AuthenticationFailed,
    Credentials,
    Policy,
    RevisionRef,
    SourceError,
    SourceRefused,
    SourceUnreachable,
    parse_address,
)
from rollouts.gitops.source.credentials import choose_repository_secret, read_secret, with_address
from rollouts.gitops.source.environment import git_world
from rollouts.gitops.source.failures import classify, explain

MAIN = RevisionRef(branch="main")
SECRET = "hunter2-é"


def login(username: str = "ada", password: str = SECRET) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def test_a_repository_is_pulled_over_http(cache, server, repository, wait):
    repository.commit({"a": "old"})
    old = repository.git("rev-parse", "HEAD")
    repository.commit({"a": "new"})

    commit = wait(cache.resolve(server.url, MAIN))

    assert wait(wait(cache.checkout(server.url, commit)).read(["a"])) == {"a": b"new"}
    assert wait(wait(cache.checkout(server.url, old)).read(["a"])) == {"a": b"old"}


def test_a_dumb_http_server_is_pulled_without_shallow_tricks(cache, repository, wait, tmp_path):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    commit = repository.commit({"a": "x"})
    repository.git("update-server-info")
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as dumb:
        threading.Thread(target=dumb.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{dumb.server_port}/repository/.git"

        tree = wait(cache.checkout(url, wait(cache.resolve(url, MAIN))))
        contents = wait(tree.read(["a"]))
        dumb.shutdown()

    assert commit == tree.commit
    assert contents == {"a": b"x"}


@pytest.mark.parametrize(
    "credentials",
    [Credentials(username="ada", password=SECRET), None],
    ids=["given", "in the URL"],
)
def test_a_login_is_sent_and_shown_nowhere(
    cache, server, repository, recorder, wait, credentials, caplog, tmp_path
):
    commit = repository.commit({"a": "x"})
    server.login = login()
    url = server.url if credentials else server.url.replace("//", "//ada:hunter2-%C3%A9@")
    arguments = (credentials,) if credentials else ()

    assert commit == wait(cache.resolve(url, MAIN, *arguments))
    wait(cache.checkout(url, commit, *arguments))

    shown = " ".join(word for command in recorder.commands for word in command.argv)
    shown += " ".join(f"{k}={v}" for c in recorder.commands for k, v in c.env.items())
    shown += caplog.text + repr(recorder.commands)
    left = [path for path in tmp_path.joinpath("cache").rglob("*") if path.is_file()]
    stored = b" ".join(path.read_bytes() for path in left)
    for secret in (SECRET, login().split()[1], "hunter2-%C3%A9"):
        assert secret not in shown
        assert secret.encode() not in stored


def test_a_bearer_token_is_sent(cache, server, repository, wait):
    commit = repository.commit()
    server.login = f"Bearer {SECRET}".encode().decode("latin-1")

    token = Credentials(bearer_token=SECRET)

    assert commit == wait(cache.resolve(server.url, MAIN, token))


@pytest.mark.parametrize(
    "credentials", [Credentials(), Credentials(username="ada", password="wrong-secret")]
)
def test_a_refused_login_is_said_so_without_the_password(
    cache, server, repository, wait, credentials
):
    repository.commit()
    server.login = login()

    with pytest.raises(AuthenticationFailed) as caught:
        wait(cache.resolve(server.url, MAIN, credentials))

    assert "wrong-secret" not in str(caught.value)
    assert server.url in str(caught.value)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (403, AuthenticationFailed),
        (404, SourceUnreachable),
        (429, SourceUnreachable),
        (500, SourceUnreachable),
        (503, SourceUnreachable),
    ],
)
def test_a_status_of_a_server_becomes_an_error_of_its_kind(
    cache, server, repository, wait, status, error
):
    server.status = status

    with pytest.raises(error):
        wait(cache.resolve(server.url, MAIN))


@pytest.mark.parametrize("credentials", [Credentials(), Credentials(username="a", password=SECRET)])
def test_a_redirect_is_not_followed(cache, server, repository, wait, credentials):
    server.redirect = "http://169.254.169.254"

    with pytest.raises(SourceRefused, match="redirects elsewhere"):
        wait(cache.resolve(server.url, MAIN, credentials))
    assert len(server.requests) == 1


def test_an_allowed_redirect_is_followed_but_never_with_a_login(
    make_cache, server, repository, wait
):
    commit = repository.commit()
    cache = make_cache(policy=Policy(redirects=True))
    server.redirect = f"http://127.0.0.1:{server.http.server_port}/moved"

    with pytest.raises(SourceRefused, match="redirects elsewhere"):
        wait(cache.resolve(server.url, MAIN, Credentials(username="a", password=SECRET)))
    assert all(path.startswith("/repository") for path, _ in server.requests)

    server.requests.clear()
    with pytest.raises(SourceError):
        wait(cache.resolve(server.url, MAIN))
    assert any(path.startswith("/moved") for path, _ in server.requests)
    assert len(commit) == 40


def test_a_silent_server_is_given_up_on_and_its_client_killed(make_cache, server, repository, wait):
    server.hangs = True
    started = time.monotonic()

    with pytest.raises(SourceUnreachable, match="did not finish within 1 seconds"):
        wait(make_cache(timeout_seconds=1).resolve(server.url, MAIN))

    assert time.monotonic() - started < 8


def test_a_dead_host_is_unreachable(cache, wait):
    with pytest.raises(SourceUnreachable, match="connect"):
        wait(cache.resolve("https://127.0.0.1:9/a.git", MAIN))


def test_git_missing_from_the_path_is_said_so(make_cache, wait, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(SourceUnreachable, match="git is not on the PATH"):
        wait(make_cache().resolve("https://127.0.0.1:9/a.git", MAIN))


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch",
        "ssh://-oProxyCommand=touch/x",
        "git@-oProxyCommand=touch:x",
        "--upload-pack=touch",
        "file:///proc/self/../x",
    ],
)
def test_a_url_that_would_run_something_starts_no_program(cache, recorder, wait, url):
    with pytest.raises(SourceRefused):
        wait(cache.resolve(url, MAIN))
    assert recorder.commands == []


def test_local_repositories_can_be_forbidden(make_cache, repository, wait):
    cache = make_cache(policy=Policy(schemes=("https", "ssh")))
    commit = repository.commit()

    for attempt in (cache.resolve(repository.url, MAIN), cache.checkout(repository.url, commit)):
        with pytest.raises(SourceRefused, match="file is not allowed here"):
            wait(attempt)


def test_ssh_without_a_known_host_is_refused(cache, wait):
    with pytest.raises(SourceRefused, match="add known_hosts"):
        wait(cache.resolve("git@host:a", MAIN, Credentials(identity="key")))


def test_ssh_is_called_with_checked_hosts_and_a_private_key_file(tmp_path):
    credentials = Credentials(identity="PRIVATE KEY", known_hosts="host ssh-ed25519 AAAA")

    with git_world(tmp_path, parse_address("git@host:a"), credentials, Policy()) as env:
        command = env["GIT_SSH_COMMAND"]
        home = Path(env["GIT_CONFIG_GLOBAL"]).parent
        files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()}
        key = Path(home, "identity").read_text()
        mode = stat.S_IMODE(home.stat().st_mode)

    assert "StrictHostKeyChecking=yes" in command
    assert "IdentitiesOnly=yes" in command
    assert "ProxyCommand=none" in command
    assert "PRIVATE KEY" not in command
    assert key == "PRIVATE KEY\n"
    assert files == {"gitconfig": 0o600, "known_hosts": 0o600, "identity": 0o600}
    assert mode == 0o700
    assert list(tmp_path.iterdir()) == []


def test_tls_material_is_handed_over_in_private_files(tmp_path):
    credentials = Credentials(ca="CA", client_certificate="CERT", client_key="KEY", insecure=True)

    with git_world(tmp_path, parse_address("https://host/a"), credentials, Policy()) as env:
        config = Path(env["GIT_CONFIG_GLOBAL"]).read_text()

    assert "sslCAInfo" in config
    assert "sslVerify = false" in config
    assert "KEY" not in config.replace("sslKey", "")


@pytest.mark.parametrize("value", ["pass\nword", "pass\r\nX-Evil: 1", "a\x00b"])
@pytest.mark.parametrize("field", ["username", "password", "bearer_token"])
def test_a_login_with_a_line_end_is_refused_unseen(field, value):
    with pytest.raises(SourceRefused, match="control character") as caught:
        with_address(Credentials(**{field: value}), parse_address("https://host/a"))

    assert "pass" not in str(caught.value).replace("password", "")


def test_credentials_do_not_show_in_a_traceback():
    found = Credentials("ada", "s1", "s2", "s3", "hosts", "ca", "cert", "s4")

    assert not any(secret in repr(found) for secret in ("s1", "s2", "s3", "s4"))


def encode(**values: str) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}


def test_secrets_of_both_families_are_read():
    flux = {"data": {**encode(username="ada", password="p"), "ca.crt": encode(x="CA")["x"]}}
    argo = {
        "data": encode(sshPrivateKey="KEY", insecureIgnoreHostKey="true", url="git@host:a"),
        "stringData": {"username": "git"},
    }

    assert Credentials(username="ada", password="p", ca="CA") == read_secret(flux)
    assert Credentials(username="git", identity="KEY", insecure=True) == read_secret(argo)


def test_a_secret_that_cannot_be_read_names_its_key_only():
    secret = {"metadata": {"name": "login"}, "data": {"password": "not base64 !hunter2"}}

    with pytest.raises(SourceRefused, match="Secret login: key 'password'") as caught:
        read_secret(secret)

    assert "hunter2" not in str(caught.value)


def repository_secret(name: str, kind: str, url: str) -> dict:
    labels = {"argocd.argoproj.io/secret-type": kind}
    return {"metadata": {"name": name, "labels": labels}, "data": encode(url=url)}


def test_the_secret_of_the_repository_wins_then_the_longest_template():
    secrets = [
        repository_secret("host", "repo-creds", "https://host"),
        repository_secret("team", "repo-creds", "https://host/team"),
        repository_secret("app", "repository", "https://host/team/app.git"),
        {"metadata": {"name": "other"}, "data": encode(url="https://host/team/app")},
    ]

    def chosen(url: str) -> str | None:
        found = choose_repository_secret(secrets, parse_address(url))
        return found["metadata"]["name"] if found else None

    assert chosen("https://host/team/app") == "app"
    assert chosen("https://host/team/web.git") == "team"
    assert chosen("https://host/team-of-others/web") == "host"
    assert chosen("https://elsewhere/team/app") is None


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("fatal: https://ada:hunter2@host/a", "hunter2"),
        ("GET https://host/a?access_token=hunter2&x=1", "hunter2"),
        ("Authorization: Bearer hunter2", "hunter2"),
        ("Authorization: Basic aHVudGVyMg==", "aHVudGVyMg=="),
        ("the password is hunter2", "hunter2"),
        ("line1\nline2", "line2"),
    ],
)
def test_messages_lose_their_secrets(text, secret):
    assert secret not in redact(text, ("hunter2", "line1\nline2"))


def test_messages_keep_what_is_no_secret():
    text = "fatal: https://host/a: branch 'key' not found, token expired"

    assert text == redact(text)


@pytest.mark.parametrize(
    ("stderr", "failure"),
    [
        ("fatal: Authentication failed for 'https://x'", "authentication"),
        ("git@host: Permission denied (publickey).", "authentication"),
        ("fatal: unable to access: The requested URL returned error: 403", "authentication"),
        ("fatal: unable to access: The requested URL returned error: 302", "redirect"),
        ("fatal: remote error: upload-pack: not our ref abc", "not-ours"),
        ("error: Server does not allow request for unadvertised object abc", "not-ours"),
        ("fatal: dumb http transport does not support shallow capabilities", "not-shallow"),
        ("error: object file objects/ab/cd is empty", "broken-mirror"),
        ("fatal: Could not resolve host: gone.example", "unreachable"),
        ("", "unreachable"),
    ],
)
def test_a_complaint_is_classified(stderr, failure):
    assert failure == classify(stderr)


def test_a_complaint_is_short_and_harmless():
    stderr = b"remote: \x1b[31mhttps://u:hunter2@h\x07\n" * 500 + b"fatal: the end\n"

    message = str(explain(parse_address("https://host/a"), stderr, ("hunter2",)))

    assert len(message) < 600
    assert "hunter2" not in message
    assert "\x1b" not in message

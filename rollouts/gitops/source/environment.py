"""Builds the closed world in which git runs: its whole configuration, and credentials in files.

Nothing of the machine's own Git configuration is seen, nothing secret stands on a command
line, and every way in which a repository could make git run something is switched off.
"""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rollouts.gitops.redact import basic_header
from rollouts.gitops.source.address import Address, Policy
from rollouts.gitops.source.credentials import Credentials
from rollouts.gitops.source.errors import SourceRefused

_PASSED_ON = (
    *("PATH", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
)
_SETTINGS = """\
[core]
	hooksPath = /dev/null
	attributesFile = /dev/null
	fsmonitor = false
	askPass =
[credential]
	helper =
[fetch]
	recurseSubmodules = false
	unpackLimit = 1
	writeCommitGraph = false
[submodule]
	recurse = false
[gc]
	auto = 0
	autoDetach = false
[maintenance]
	auto = false
[http]
	lowSpeedLimit = 1000
	lowSpeedTime = 30
[safe]
	directory = *
[protocol]
	version = 2
	allow = never
"""
_SSH_CONNECT_SECONDS = 20


@contextmanager
def git_world(
    directory: Path, address: Address, credentials: Credentials, policy: Policy
) -> Iterator[Mapping[str, str]]:
    """Yield the environment for talking to one remote; its files are gone afterwards.

    Args:
        directory: where the short-lived files go; only the controller's user may read them.

    Raises:
        SourceRefused: the credentials do not suffice for a checked connection.
    """
    home = Path(tempfile.mkdtemp(prefix="git-", dir=directory))  # Created with mode 0700.
    try:
        yield _environment(home, address, credentials, policy)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def local_world(home: Path) -> Mapping[str, str]:
    """Return the environment for reading a mirror: no remote, no credentials, no network."""
    config = home / "gitconfig"
    _write(config, _SETTINGS)
    return _base(home, config) | {"GIT_ALLOW_PROTOCOL": ""}


def _base(home: Path, config: Path) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return inherited | {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "SSH_ASKPASS": "",
        "SSH_ASKPASS_REQUIRE": "never",
        "GCM_INTERACTIVE": "never",
        "GIT_LFS_SKIP_SMUDGE": "1",
    }


def _environment(
    home: Path, address: Address, credentials: Credentials, policy: Policy
) -> Mapping[str, str]:
    settings = [_SETTINGS, f'[protocol "{address.scheme}"]\n\tallow = always\n']
    if address.scheme in ("https", "http"):
        settings.append(_http_settings(home, address, credentials, policy))
    config = home / "gitconfig"
    _write(config, "".join(settings))
    environment = _base(home, config) | {"GIT_ALLOW_PROTOCOL": address.scheme}
    if address.scheme == "ssh":
        environment |= {
            "GIT_SSH_COMMAND": _ssh_command(home, address, credentials, policy),
            "GIT_SSH_VARIANT": "ssh",
        }
    return environment


def _http_settings(home: Path, address: Address, credentials: Credentials, policy: Policy) -> str:
    lines = [f'[http "{address.origin}/"]']
    # Git would repeat the header to whoever it is redirected to.
    follow = policy.redirects and not credentials.has_http_login
    lines.append(f"followRedirects = {'initial' if follow else 'false'}")
    if credentials.bearer_token:
        lines.append(f"extraHeader = {_quote(f'Authorization: Bearer {credentials.bearer_token}')}")
    elif credentials.username or credentials.password:
        login = basic_header(credentials.username, credentials.password)
        lines.append(f"extraHeader = {_quote(f'Authorization: {login}')}")
    for setting, name, text in (
        ("sslCAInfo", "ca.pem", credentials.ca),
        ("sslCert", "certificate.pem", credentials.client_certificate),
        ("sslKey", "key.pem", credentials.client_key),
    ):
        if text:
            _write(home / name, text)
            lines.append(f"{setting} = {_quote(str(home / name))}")
    if credentials.insecure:
        lines.append("sslVerify = false")
    return "\n\t".join(lines) + "\n"


def _ssh_command(home: Path, address: Address, credentials: Credentials, policy: Policy) -> str:
    """Return the ssh call; it holds paths only, git appends host and operands after `--`."""
    known_hosts = credentials.known_hosts or policy.known_hosts
    if not known_hosts and not credentials.insecure:
        raise SourceRefused(
            f"{address}: the server's host key is not known; add known_hosts to the credentials"
        )
    hosts_file = "/dev/null"
    if not credentials.insecure:
        hosts_file = str(home / "known_hosts")
        _write(home / "known_hosts", known_hosts.rstrip("\n") + "\n")
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": str(_SSH_CONNECT_SECONDS),
        "ControlMaster": "no",
        "GlobalKnownHostsFile": "/dev/null",
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "PermitLocalCommand": "no",
        "ProxyCommand": "none",
        "StrictHostKeyChecking": "no" if credentials.insecure else "yes",
        "UserKnownHostsFile": hosts_file,
    }
    words = ["ssh", "-F", "/dev/null"]
    for name, value in options.items():
        words += ["-o", f"{name}={value}"]
    if credentials.identity:
        # ssh refuses a key whose last line has no end.
        _write(home / "identity", credentials.identity.rstrip("\n") + "\n")
        words += ["-i", str(home / "identity")]
    return shlex.join(words)


def _quote(value: str) -> str:
    """Return a value as git's configuration language writes it."""
    assert "\n" not in value, "control characters are refused with the credentials"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _write(path: Path, text: str) -> None:
    """Write a file that only its owner may read, from its first byte on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)

"""Reads repository URLs and decides which of them may be contacted."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal, TypeAlias
from urllib.parse import unquote, urlsplit

from rollouts.gitops.redact import redact
from rollouts.gitops.source.errors import SourceRefused
from rollouts.gitops.source.globs import BadPattern, match_glob

Scheme: TypeAlias = Literal["https", "http", "ssh", "file"]

URL_LENGTH_MAX = 2048

_DEFAULT_PORTS = {"https": 443, "http": 80, "ssh": 22}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCP_FORM = re.compile(r"(?:([^@/:]+)@)?([^@/:]+):(.*)")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?")
_USER = re.compile(r"[A-Za-z0-9._~%+@-]*")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\x9f\\]")


@dataclass(frozen=True, slots=True)
class Address:
    """A repository's URL, taken apart. `str()` shows no credentials."""

    scheme: Scheme
    host: str
    port: int | None
    path: str
    user: str = ""
    password: str = field(default="", repr=False)
    scp_form: bool = False

    @property
    def url(self) -> str:
        """Return the URL as Git is given it: the user only for ssh, never a password."""
        if self.scheme == "file":
            return f"file://{self.path}"
        user = f"{self.user}@" if self.user and self.scheme == "ssh" else ""
        return f"{self.scheme}://{user}{self._host_and_port}{self.path}"

    @property
    def origin(self) -> str:
        """Return scheme, host and port: what credentials are bound to."""
        return f"{self.scheme}://{self._host_and_port}"

    @property
    def _host_and_port(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (
            host if self.port in (None, _DEFAULT_PORTS.get(self.scheme)) else f"{host}:{self.port}"
        )

    @property
    def match_key(self) -> str:
        """Return what two spellings of one repository have in common.

        Case, user, port, `.git`, trailing slashes and the choice of ssh or https do not count:
        a webhook names the repository in whichever form the host prefers.
        """
        path = self.path.strip("/").removesuffix(".git")
        return f"{self.host}/{path}".lower()

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class Policy:
    """Which repositories may be contacted.

    Attributes:
        schemes: everything else is refused, `ext::` and other remote helpers in any case.
        allowed: globs over the URL (`https://github.com/myorg/*`); empty allows all.
        private_paths: directories that `file` URLs may not enter, the cache itself above all.
        redirects: follow the first redirect of an http server. Off by default: a redirect can
            lead into the cluster's own network.
        known_hosts: ssh host keys used when the credentials bring none.
    """

    schemes: tuple[Scheme, ...] = ("https", "http", "ssh", "file")
    allowed: tuple[str, ...] = ()
    private_paths: tuple[str, ...] = ()
    redirects: bool = False
    known_hosts: str = ""


def parse_address(text: str) -> Address:
    """Read a repository URL: https, http, ssh, scp form (`git@host:path`), file, absolute path.

    Raises:
        SourceRefused: the text is none of these, or holds something that could be taken for
            an option, a remote helper or a second URL.
    """
    if not text:
        raise SourceRefused("the repository URL is empty; write one such as https://host/repo.git")
    if len(text) > URL_LENGTH_MAX:
        raise SourceRefused(f"the repository URL is longer than {URL_LENGTH_MAX} characters")
    if _UNPRINTABLE.search(text):
        raise _refused(text, "holds white space, a backslash or a control character")
    if text.startswith("-"):
        raise _refused(text, "begins with a dash")
    scheme = _SCHEME.match(text)
    if scheme is None:
        return _parse_bare(text)
    match scheme[1].lower():
        case "https" | "http" | "ssh" as known:
            return _parse_remote(text, known)
        case "git+ssh" | "ssh+git":
            return _parse_remote("ssh" + text[text.index(":") :], "ssh")
        case "file":
            return _parse_file(text)
        case other:
            raise _refused(text, f"scheme {other!r} is not supported; use https or ssh")


def _parse_bare(text: str) -> Address:
    """Read what has no scheme: an absolute path or the scp form."""
    if text.startswith("/"):
        return Address("file", "", None, _checked_path(text, text))
    if "::" in text:
        raise _refused(text, "remote helpers are not supported; use https or ssh")
    scp = _SCP_FORM.fullmatch(text)
    if scp is None:
        raise _refused(text, "is not a URL; write one such as https://host/repo.git")
    user, host, path = scp.groups()
    if path.startswith("-"):
        raise _refused(text, "its path begins with a dash")
    # `host:path` is relative to the home directory, which `ssh://host/~/path` spells out, but
    # Git hosts serve both forms from one root, and a plain path is what they document.
    path = path if path.startswith("/") else f"/{path}"
    _check_authority(text, host, user or "")
    return Address("ssh", host.lower(), None, _checked_path(text, path), user or "", scp_form=True)


def _parse_remote(text: str, scheme: Literal["https", "http", "ssh"]) -> Address:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _refused(text, f"cannot be read: {error}") from error
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise _refused(text, "has a query or a fragment; remove it")
    user = parts.username or ""
    _check_authority(text, host, user)
    if parts.path.strip("/") == "":
        raise _refused(text, "names no repository")
    password = unquote(parts.password or "")
    if scheme != "ssh":
        user = unquote(user)
    elif password:
        raise _refused(text, "has a password, which ssh does not take from a URL; use a key")
    path = _checked_path(text, parts.path)
    return Address(scheme, host.lower(), port, path, user, password)


def _parse_file(text: str) -> Address:
    rest = text[len("file://") :]
    host, slash, path = rest.partition("/")
    if host not in ("", "localhost") or not slash:
        raise _refused(text, "a file URL has three slashes: file:///path/to/repository")
    return Address("file", "", None, _checked_path(text, f"/{path}"))


def _check_authority(text: str, host: str, user: str) -> None:
    if not _HOST.fullmatch(host):
        try:
            ip_address(host)
        except ValueError:
            raise _refused(text, "has no valid host name") from None
    if user.startswith("-") or not _USER.fullmatch(user):
        raise _refused(text, "has a user name with characters that are not allowed")


def _checked_path(text: str, path: str) -> str:
    for segment in path.split("/"):
        # A client resolves these, so an allow-list would see another path than the server.
        if unquote(segment) in (".", "..") or "\x00" in unquote(segment):
            raise _refused(text, "has a dot segment in its path; write the path it leads to")
    return path


def check_policy(address: Address, policy: Policy) -> None:
    """Decide whether a repository may be contacted.

    Raises:
        SourceRefused: it may not; the message says by which rule.
    """
    if address.scheme not in policy.schemes:
        allowed = ", ".join(policy.schemes) or "none"
        raise SourceRefused(f"{address}: {address.scheme} is not allowed here; allowed: {allowed}")
    if address.scheme == "file":
        inside = f"{address.path.rstrip('/')}/"
        if any(inside.startswith(f"{path.rstrip('/')}/") for path in policy.private_paths):
            raise SourceRefused(f"{address}: this directory is private to the controller")
    elif _is_link_local(address.host):
        raise SourceRefused(f"{address}: link-local addresses serve no repositories")
    if policy.allowed and not any(_allows(pattern, address) for pattern in policy.allowed):
        raise SourceRefused(f"{address}: no entry of the list of allowed repositories matches")


def _allows(pattern: str, address: Address) -> bool:
    try:
        return match_glob(pattern, address.url) or match_glob(pattern, f"{address.url}.git")
    except BadPattern as error:
        raise SourceRefused(f"the list of allowed repositories: {error}") from error


def _is_link_local(host: str) -> bool:
    """Decide whether a host is written as a link-local address, where clouds keep metadata."""
    try:
        return ip_address(host).is_link_local
    except ValueError:
        return False


def _refused(text: str, reason: str) -> SourceRefused:
    return SourceRefused(f"repository URL {redact(text)!r:.200} {reason}")

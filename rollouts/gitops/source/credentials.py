"""Credentials of a repository, and how the Secrets of both families spell them."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any

from rollouts.api.refs import Manifest
from rollouts.gitops.redact import basic_header
from rollouts.gitops.source.address import Address
from rollouts.gitops.source.errors import SourceRefused

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What proves to a Git server who we are, and to us who the server is.

    Attributes:
        identity: an ssh private key in text form, without a pass phrase.
        known_hosts: the ssh server's host keys; without any, ssh is refused.
        ca: certificates in PEM form to trust instead of the system's.
        insecure: skip the check of the server's certificate or host key.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    bearer_token: str = field(default="", repr=False)
    identity: str = field(default="", repr=False)
    known_hosts: str = field(default="", repr=False)
    ca: str = field(default="", repr=False)
    client_certificate: str = field(default="", repr=False)
    client_key: str = field(default="", repr=False)
    insecure: bool = False

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return every value that no message may show."""
        values: tuple[str, ...] = (self.password, self.bearer_token, self.identity, self.client_key)
        if self.password:
            values += (basic_header(self.username, self.password).removeprefix("Basic "),)
        return tuple(value for value in values if value)

    @property
    def has_http_login(self) -> bool:
        """Tell whether an http request carries something that a redirect could leak."""
        return bool(self.username or self.password or self.bearer_token or self.client_key)

    def identity_text(self) -> str:
        """Return one text that differs whenever the credentials do; as secret as they are."""
        return "\x00".join(str(getattr(self, each.name)) for each in fields(self))


ANONYMOUS = Credentials()


def with_address(credentials: Credentials, address: Address) -> Credentials:
    """Return the credentials, completed by what the URL itself carries.

    Raises:
        SourceRefused: a value holds a control character, which could smuggle a second header.
    """
    if address.scheme in ("https", "http") and not credentials.password and address.user:
        credentials = Credentials(
            **{each.name: getattr(credentials, each.name) for each in fields(credentials)}
            | {"username": address.user, "password": address.password}
        )
    for name in ("username", "password", "bearer_token"):
        if _CONTROL.search(getattr(credentials, name)):
            raise SourceRefused(
                f"{address}: {name.replace('_', ' ')} holds a control character, "
                "often a line end at the end of a file; write the Secret without it"
            )
    return credentials


def read_secret(secret: Manifest) -> Credentials:
    """Read a repository Secret of either family; unknown keys are left alone.

    Flux: username, password, bearerToken, identity, known_hosts, ca.crt (caFile), tls.crt
    (certFile), tls.key (keyFile). Argo CD: username, password, sshPrivateKey,
    tlsClientCertData, tlsClientCertKey, insecure, insecureIgnoreHostKey.

    Raises:
        SourceRefused: a value is not base64 text; the message names the key, never the value.
    """
    values = _decoded(secret)

    def first(*keys: str) -> str:
        return next((values[key] for key in keys if values.get(key)), "")

    return Credentials(
        username=first("username"),
        password=first("password"),
        bearer_token=first("bearerToken"),
        identity=first("identity", "sshPrivateKey"),
        known_hosts=first("known_hosts"),
        ca=first("ca.crt", "caFile"),
        client_certificate=first("tls.crt", "certFile", "tlsClientCertData"),
        client_key=first("tls.key", "keyFile", "tlsClientCertKey"),
        insecure="true" in (first("insecure"), first("insecureIgnoreHostKey")),
    )


def _decoded(secret: Manifest) -> dict[str, str]:
    """Return data and stringData as text, the latter winning as on the API server."""
    values: dict[str, str] = {}
    name = secret.get("metadata", {}).get("name", "")
    for key, value in (secret.get("data") or {}).items():
        try:
            values[key] = b64decode(str(value), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise SourceRefused(f"Secret {name}: key {key!r} is not base64 of a text") from error
    string_data: dict[str, Any] = secret.get("stringData") or {}
    return values | {key: str(value) for key, value in string_data.items()}


_SECRET_TYPE_LABEL = "argocd.argoproj.io/secret-type"  # noqa: S105  # a label, not a secret


def choose_repository_secret(secrets: Iterable[Manifest], address: Address) -> Manifest | None:
    """Return the Secret that Argo CD would use for a repository.

    A Secret of type `repository` counts when its URL is this repository; otherwise the
    `repo-creds` template with the longest URL that is a prefix of this one.
    """
    best: tuple[int, str, Manifest] | None = None
    for secret in secrets:
        metadata = secret.get("metadata", {})
        kind = (metadata.get("labels") or {}).get(_SECRET_TYPE_LABEL)
        url = _decoded(secret).get("url", "").strip() if kind else ""
        if kind == "repository" and _plain(url) == _plain(address.url):
            return secret
        if kind == "repo-creds" and url and _is_below(address, url):
            candidate = (len(url), str(metadata.get("name", "")), secret)
            if best is None or candidate[:2] > best[:2]:
                best = candidate
    return best[2] if best else None


def _plain(url: str) -> str:
    return url.lower().rstrip("/").removesuffix(".git").replace("ssh://", "").replace(":", "/")


def _is_below(address: Address, prefix: str) -> bool:
    """Tell whether a template's URL is a prefix that ends at a segment of this one.

    Differs from the peer, which compares text: `https://host/team` must not lend its
    credentials to `https://host/team-of-others`.
    """
    ours, theirs = _plain(address.url), _plain(prefix)
    return ours == theirs or ours.startswith(f"{theirs}/")

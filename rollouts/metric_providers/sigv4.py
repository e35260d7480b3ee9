"""Signs requests as AWS wants them (signature version 4)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

from yarl import URL

_ALGORITHM = "AWS4-HMAC-SHA256"
_SIGNED_IF_GIVEN = frozenset({"content-type"})
_UNRESERVED = "-_.~"


@dataclass(frozen=True, slots=True)
class AwsCredentials:
    """An access key, and the token of a temporary one."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature is good for."""

    region: str
    service: str
    now: datetime

    @property
    def moment(self) -> str:
        """Return the time as AWS writes it."""
        return f"{self.now.astimezone(UTC):%Y%m%dT%H%M%SZ}"

    @property
    def text(self) -> str:
        """Return the credential scope."""
        return f"{self.moment[:8]}/{self.region}/{self.service}/aws4_request"


def sign(
    method: str,
    url: str,
    headers: tuple[tuple[str, str], ...],
    body: bytes,
    *,
    credentials: AwsCredentials,
    scope: Scope,
) -> tuple[tuple[str, str], ...]:
    """Return the headers to add to a request, which prove who sends it.

    Source: AWS' description of signature version 4, for every service except S3.
    """
    target = URL(url)
    added = [("x-amz-date", scope.moment)]
    if credentials.session_token:
        added.append(("x-amz-security-token", credentials.session_token))
    signed = {key.lower(): value for key, value in headers if key.lower() in _SIGNED_IF_GIVEN}
    signed |= dict(added) | {"host": _host(target)}
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        (
            method,
            quote(target.raw_path or "/", safe="/" + _UNRESERVED),
            _canonical_query(target.raw_query_string),
            *(f"{name}:{' '.join(signed[name].split())}" for name in sorted(signed)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"{_ALGORITHM}\n{scope.moment}\n{scope.text}\n{digest}"
    signature = hmac.new(_key(credentials, scope), to_sign.encode(), hashlib.sha256).hexdigest()
    authorization = (
        f"{_ALGORITHM} Credential={credentials.access_key}/{scope.text}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return (*added, ("Authorization", authorization))


def service_of(host: str) -> str:
    """Return the AWS service behind a host: that of managed Prometheus unless it names another."""
    for part, service in (
        (".execute-api.", "execute-api"),
        (".lambda-url.", "lambda"),
        (".es.", "es"),
        (".aoss.", "aoss"),
    ):
        if part in host:
            return service
    return "aps"


def _host(url: URL) -> str:
    host = url.raw_host or ""
    host = f"[{host}]" if ":" in host else host
    return host if url.is_default_port() else f"{host}:{url.port}"


def _canonical_query(query: str) -> str:
    pairs = sorted(
        (quote(key, safe=_UNRESERVED), quote(value, safe=_UNRESERVED))
        for key, value in parse_qsl(query, keep_blank_values=True)
    )
    return "&".join(f"{key}={value}" for key, value in pairs)


def _key(credentials: AwsCredentials, scope: Scope) -> bytes:
    key = b"AWS4" + credentials.secret_key.encode()
    for part in scope.text.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key

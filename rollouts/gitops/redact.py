"""Takes credentials out of text before a person, a log, an Event or a status sees it."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from urllib.parse import quote

MASK = "***"

MESSAGE_LENGTH_MAX = 1000
"""Longest message kept from a foreign program: status must stay small."""

_SECRET_LENGTH_MIN = 3  # Shorter ones would mask every other word and hide nothing.
_URL_CREDENTIALS = re.compile(r"(?<=://)[^/@\s\"'<>]*@")
_QUERY_SECRET = re.compile(
    r"(?i)([?&;](?:access_token|private_token|token|sig|signature|password|key|x-amz-[a-z-]+)=)"
    r"[^&\s\"'<>]+"
)
_AUTHORIZATION = re.compile(r"(?i)\b(authorization:\s*(?:basic|bearer|token)?\s*)[^\s\"']+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text without URL credentials, tokens in queries, and the given secrets.

    Args:
        secrets: values known to be secret. Their percent-encoded form is masked too.
    """
    for secret in sorted({*secrets}, key=lambda value: (-len(value), value)):
        for line in (secret, *secret.splitlines()):
            if len(line) >= _SECRET_LENGTH_MIN:
                text = text.replace(line, MASK).replace(quote(line, safe=""), MASK)
    text = _URL_CREDENTIALS.sub(MASK + "@", text)
    text = _QUERY_SECRET.sub(rf"\1{MASK}", text)
    return _AUTHORIZATION.sub(rf"\1{MASK}", text)


def basic_header(username: str, password: str) -> str:
    """Return the value of an HTTP Authorization header; as secret as the password in it."""
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode("ascii")


def one_line(text: str, *, length_max: int = MESSAGE_LENGTH_MAX) -> str:
    """Return foreign text as one bounded line without control characters.

    Control characters are taken out because text of a server must not steer a terminal.
    """
    lines = (_CONTROL.sub(" ", line).strip() for line in text.splitlines())
    joined = "; ".join(line for line in lines if line)
    return joined if len(joined) <= length_max else joined[: length_max - 1] + "…"

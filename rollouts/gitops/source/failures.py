"""Reads git's complaints: what kind of failure it was, and how to say it to a person."""

from __future__ import annotations

from typing import Literal, TypeAlias

from rollouts.gitops.redact import one_line, redact
from rollouts.gitops.source.address import Address
from rollouts.gitops.source.errors import (
    AuthenticationFailed,
    SourceError,
    SourceRefused,
    SourceUnreachable,
)

Failure: TypeAlias = Literal[
    "authentication", "redirect", "not-ours", "not-shallow", "broken-mirror", "unreachable"
]

# Tried in this order: a server's own text may hold words of a later kind.
_SIGNS: tuple[tuple[Failure, tuple[str, ...]], ...] = (
    (
        "redirect",
        (
            *("returned error: 301", "returned error: 302", "returned error: 307"),
            *("returned error: 308", "unable to update url base from redirection"),
        ),
    ),
    (
        "authentication",
        (
            *("authentication failed", "could not read username", "could not read password"),
            *("permission denied", "host key verification failed", "terminal prompts disabled"),
            *("returned error: 401", "returned error: 403", "invalid credentials"),
            *("access denied", "authentication required"),
        ),
    ),
    (
        "not-ours",
        ("not our ref", "unadvertised object", "couldn't find remote ref", "no such remote ref"),
    ),
    ("not-shallow", ("does not support shallow", "shallow capabilities")),
    (
        "broken-mirror",
        (
            *("loose object", "is corrupt", "object file", "bad object", "packfile", "inflate"),
            *("index file", "missing blob", "missing tree", "shallow file", "not a valid object"),
            *("unable to read", "did not send all necessary objects", "bad config"),
        ),
    ),
)


def classify(stderr: str) -> Failure:
    """Return what kind of failure git's complaint speaks of."""
    text = stderr.lower()
    for failure, signs in _SIGNS:
        if any(sign in text for sign in signs):
            return failure
    return "unreachable"


def explain(address: Address, stderr: bytes, secrets: tuple[str, ...]) -> SourceError:
    """Return a failed conversation with a remote as an error a person can act on."""
    text = stderr.decode("utf-8", "replace")
    said = one_line(redact(_essence(text), secrets), length_max=400) or "git gave no reason"
    match classify(text):
        case "authentication":
            return AuthenticationFailed(
                f"{address}: the server does not accept the credentials ({said})"
            )
        case "redirect":
            return SourceRefused(
                f"{address}: the server redirects elsewhere; write the final URL ({said})"
            )
        case _:
            return SourceUnreachable(f"{address}: {said}")


def _essence(text: str) -> str:
    """Return the lines that say why, without progress and standing advice."""
    lines = [line.strip() for line in text.splitlines()]
    telling = [
        line.removeprefix("fatal: ").removeprefix("error: ")
        for line in lines
        if line.startswith(("fatal:", "error:", "remote:", "ssh:", "Host key", "Permission"))
    ]
    return "\n".join(telling or lines[-3:])

"""Masks secrets in texts, in every spelling in which a server may send them back."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

from rollouts.telemetry.redact import MASK, redact

SECRET_LENGTH_MIN = 4
"""A shorter one would be found in every text, and guards nothing."""


_LOOKED_THROUGH = 2
"""How much more of a text is looked through for what looks like a credential than is shown: the
patterns take quadratic time on texts that are made to be slow."""


def mask(text: str, secrets: tuple[str, ...]) -> str:
    """Return a text with secrets, and what looks like a credential, masked."""
    return redact(blot_out(text, secrets))


def shorten(text: str, length: int, secrets: tuple[str, ...]) -> str:
    """Return the beginning of a text, masked before it is cut, so that no half secret is left."""
    words = " ".join(blot_out(text, secrets).split())
    masked = redact(words[: _LOOKED_THROUGH * length])
    return masked if len(masked) <= length else masked[:length] + "…"


def shorten_value(text: str, length: int, secrets: tuple[str, ...]) -> str:
    """Return the beginning of a measured value without secrets.

    What merely looks like a credential stays: values may be long, and the patterns slow on them.
    """
    words = " ".join(blot_out(text, secrets).split())
    return words if len(words) <= length else words[:length] + "…"


def hider(secrets: tuple[str, ...]) -> Callable[[str], str]:
    """Return what blots secrets out of a text, for a sample to be judged with."""
    return lambda text: blot_out(text, secrets)


def blot_out(text: str, secrets: tuple[str, ...]) -> str:
    """Return a text of any length with secrets masked, and nothing else."""
    if not secrets:
        return text
    spellings = {each for secret in secrets for each in _spellings(secret)}
    # The longest first: a secret that holds another one is masked whole.
    for spelling in sorted(spellings, key=lambda each: (-len(each), each)):
        text = text.replace(spelling, MASK)
    return text


def _spellings(secret: str) -> tuple[str, ...]:
    """Return a secret as it is, and as URLs, JSON, Python and base64 write it."""
    trimmed = secret.strip()
    if len(trimmed) < SECRET_LENGTH_MIN:
        return ()
    raw = (secret, trimmed)
    return tuple(
        spelling
        for each in raw
        for spelling in (
            each,
            quote(each, safe=""),
            quote(each),
            quote_plus(each),
            json.dumps(each)[1:-1],
            json.dumps(each, ensure_ascii=False)[1:-1],
            repr(each)[1:-1],
            base64.b64encode(each.encode()).decode(),
            base64.b64encode(each.encode()).decode().rstrip("="),
            base64.urlsafe_b64encode(each.encode()).decode().rstrip("="),
        )
    )

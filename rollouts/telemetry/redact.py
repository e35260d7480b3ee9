"""Take credentials out of a line before it is written anywhere."""

from __future__ import annotations

import re

MASK = "***"

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # User and password (or token) in front of a host.
    (re.compile(r"(?<=://)[^/@\s\"'<>]+@"), f"{MASK}@"),
    (
        re.compile(r"(?i)\b(bearer|basic)(\s+|%20)(?!auth)[A-Za-z0-9._~+/=-]{8,}"),
        rf"\1\2{MASK}",
    ),
    # A word for a secret, then a colon or an equals sign, then its value.
    (
        re.compile(
            r"(?i)(\b[\w-]*(?:password|passwd|secret|token|api[_-]?key|private[_-]?key|signature)"
            r"[\"']?\s*[=:]\s*[\"']?)(?!\*\*\*)[^\s\"'&,;}]+"
        ),
        rf"\1{MASK}",
    ),
    # Tokens that are known by their looks: JSON web tokens, GitHub, GitLab, Slack, AWS.
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), MASK),
    (re.compile(r"\b(?:gh[opsur]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,})"), MASK),
    (re.compile(r"\b(?:xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16})"), MASK),
    (
        re.compile(
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
            re.DOTALL,
        ),
        MASK,
    ),
)

_NAMES = re.compile(r"(?i)password|passwd|secret$|token|authorization|api_?key|private_?key")


def redact(text: str) -> str:
    """Return the text with everything that looks like a credential masked."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def is_secret(name: str) -> bool:
    """Tell whether a fact of this name must not be written, whatever its value."""
    return _NAMES.search(name) is not None

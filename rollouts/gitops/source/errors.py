"""What can go wrong between a Git URL and the files behind it, said for people.

SourceError
├── SourceUnreachable     the world's fault: try again later
├── AuthenticationFailed  the credentials are missing, wrong or lack a right
├── RevisionNotFound      the repository answers, but has no such branch, tag or commit
├── SourceRefused         we do not touch this URL, reference or repository
├── TooLarge              a bound was exceeded; the message names it
└── BadPath               a path leads nowhere, or out of the repository
"""

from __future__ import annotations

_KNOWN_SHOWN = 10


class SourceError(Exception):
    """Fetching or reading a source failed. `str()` may be shown to anyone."""


class SourceUnreachable(SourceError):
    """The repository cannot be reached, or does not answer as one; worth trying again."""


class AuthenticationFailed(SourceError):
    """The server wants other credentials; trying again is useless until they change."""


class SourceRefused(SourceError):
    """The URL or reference is not allowed; useless until it changes."""


class TooLarge(SourceError):
    """The repository or a part of it exceeds a bound."""


class RevisionNotFound(SourceError):
    """The wanted revision does not exist.

    Attributes:
        ref: what was asked for, in words.
        known: names that exist instead; empty for an empty repository.
    """

    def __init__(self, ref: str, known: tuple[str, ...] = (), *, hint: str = "") -> None:
        self.ref = ref
        self.known = known
        if hint:
            there_is = hint
        elif known:
            shown = ", ".join(known[:_KNOWN_SHOWN])
            more = len(known) - _KNOWN_SHOWN
            there_is = f"there are: {shown}" + (f" and {more} more" if more > 0 else "")
        else:
            there_is = "the repository has none"
        super().__init__(f"{ref} does not exist; {there_is}")


class BadPath(SourceError):
    """A path cannot be used; `path` is the offending one, as the user wrote it."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        super().__init__(f"path {path!r}: {reason}".encode("utf-8", "backslashreplace").decode())

"""What an API call can fail with, drawn from what a caller can do about it.

ClusterError
├── NotFound       the object (or its kind) is not there
├── AlreadyExists  a create met an object of that name
├── Conflict       somebody else wrote first: look again, then decide anew
├── Gone           a watch or a list continuation is too old: list again
├── Rejected       the server will never accept this (400, 422, admission)
├── Forbidden      credentials lack a right (401, 403)
├── Unserved       the object is there, but not the part of it that was asked for
├── Unavailable    try later (429, 5xx, connection refused); nothing happened
└── Unknown        the answer was lost: the write may or may not have happened
"""

from __future__ import annotations


class ClusterError(Exception):
    """An API call failed. `str()` names the object and what the server said."""


class NotFound(ClusterError):
    """The object, or the kind itself, does not exist."""


class AlreadyExists(ClusterError):
    """A create met an object of the same name; compare before assuming it is ours."""


class Conflict(ClusterError):
    """A precondition failed (resourceVersion, uid, or a tested value): observe again."""


class Gone(ClusterError):
    """The requested resourceVersion is no longer in the watch history: list again."""


class Rejected(ClusterError):
    """The server refuses this content; repeating it is useless until it changes."""


class Forbidden(ClusterError):
    """The credentials lack a right; the message says which verb on which resource."""


class Unserved(ClusterError):
    """The object exists and its kind lacks a subresource: its definition has to be mended."""


class Unavailable(ClusterError):
    """The server cannot answer now and did nothing.

    `retry_after_seconds` is the server's own wish, when it stated one.
    """

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Unknown(ClusterError):
    """The answer was lost after the request was sent: the write may have happened."""

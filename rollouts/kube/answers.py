"""What an answer of the API server means: a status code and a Status become one of our errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from rollouts.kube.cluster import PatchType
from rollouts.kube.errors import (
    AlreadyExists,
    ClusterError,
    Conflict,
    Forbidden,
    Gone,
    NotFound,
    Rejected,
    Unavailable,
    Unknown,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

MESSAGE_LENGTH_MAX = 2000
"""Characters of a server's message that are kept: admission webhooks can be long-winded."""

_ADMISSION_WORDS = (
    "admission webhook",
    "exceeded quota",
    "ValidatingAdmissionPolicy",
    "violates PodSecurity",
)
"""Marks of a 403 that judges the content and not the credentials."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, in the words of the API.

    Attributes:
        verb: get, list, watch, create, update, patch, apply, delete or discover.
        subject: what the request is about, for people: kind/namespace/name.
        resource: plural, with the subresource after a slash; the label of metrics.
        path: URL path with escaped segments; a server's own prefix is put before it.
        urgent: not to wait behind other requests (the leader's Lease).
    """

    method: str
    verb: str
    subject: str
    resource: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    content_type: str = "application/json"
    accept: str = "application/json"
    urgent: bool = False

    @property
    def is_write(self) -> bool:
        """Tell whether the request can change something, so that a lost answer is a question."""
        return self.method != "GET"


def read_error(call: Call, status: int, headers: Mapping[str, str], body: bytes) -> ClusterError:
    """Turn an answer with a status of 400 or more into the error that a caller can act on."""
    document = _read_status(body)
    message = f"{call.verb} {call.subject}: {_read_message(document, status, body)}"
    reason = document.get("reason", "")
    match status:
        case 404 | 410:
            return NotFound(message) if status == 404 else Gone(message)
        case 409:
            return AlreadyExists(message) if reason == "AlreadyExists" else Conflict(message)
        case 401 | 403:
            return _read_refusal(document, message)
        case 422 if call.content_type == PatchType.JSON and not _has_causes(document):
            # A `test` that does not hold, or a path that is gone, is answered as Invalid without
            # causes; a value that fails validation always names its field in a cause.
            return Conflict(message)
        case 500 if call.content_type == PatchType.APPLY and _is_untypable(document):
            # What does not fit the schema is answered as if the server had failed.
            return Rejected(message)
        case 429:
            return Unavailable(message, _read_retry_after(headers, document))
        case 503:
            return _read_outage(call, headers, document, message)
        case _:
            # A timeout, or trouble inside the server or between: the write may have been done.
            return lost(call, message) if status == 408 or status >= 500 else Rejected(message)


def read_watch_error(call: Call, document: Mapping[str, Any]) -> ClusterError:
    """Turn the Status inside an ERROR event of a watch into an error."""
    status = document.get("code", 500)
    return read_error(call, status if isinstance(status, int) else 500, {}, orjson.dumps(document))


def lost(call: Call, message: str) -> ClusterError:
    """Return the error for a request whose fate is open: reading again is always safe."""
    return Unknown(message) if call.is_write else Unavailable(message)


def _read_refusal(document: Mapping[str, Any], message: str) -> ClusterError:
    causes = _causes(document)
    terminating = any(cause.get("reason") == "NamespaceTerminating" for cause in causes)
    if terminating or any(word in message for word in _ADMISSION_WORDS):
        return Rejected(message)
    return Forbidden(message)


def _read_outage(
    call: Call, headers: Mapping[str, str], document: Mapping[str, Any], message: str
) -> ClusterError:
    # A proxy in between says 503 without a Status; only the server itself can know that it did
    # nothing, and then says so with a reason of its own.
    if call.is_write and document.get("reason") != "ServiceUnavailable":
        return Unknown(message)
    return Unavailable(message, _read_retry_after(headers, document))


def _read_status(body: bytes) -> Mapping[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def _read_message(document: Mapping[str, Any], status: int, body: bytes) -> str:
    text = document.get("message") or body[:MESSAGE_LENGTH_MAX].decode("utf-8", "replace").strip()
    if not isinstance(text, str) or not text:
        text = f"the server answered {status}"
    # One line: messages end up in conditions and log lines.
    text = " ".join(text.split())
    return text if len(text) <= MESSAGE_LENGTH_MAX else f"{text[:MESSAGE_LENGTH_MAX]}…"


def _causes(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    details = document.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    return [cause for cause in causes if isinstance(cause, dict)] if causes else []


def _is_untypable(document: Mapping[str, Any]) -> bool:
    return str(document.get("message", "")).startswith("failed to create typed patch object")


def _has_causes(document: Mapping[str, Any]) -> bool:
    return any(cause.get("field") for cause in _causes(document))


def _read_retry_after(headers: Mapping[str, str], document: Mapping[str, Any]) -> float | None:
    details = document.get("details")
    stated = details.get("retryAfterSeconds") if isinstance(details, dict) else None
    for candidate in (headers.get("Retry-After"), stated):
        try:
            seconds = float(candidate) if candidate is not None else 0.0
        except (TypeError, ValueError):
            # The header may be an HTTP date; no Kubernetes server sends one.
            continue
        if seconds > 0:
            return seconds
    return None

"""How the controller answered a request: carried out, or refused and why."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rollouts.api.refs import Manifest
from rollouts.api.times import parse_time

PREFIX = "rollouts.dev/"
ACCEPTED = f"{PREFIX}accepted"
REFUSED = "RequestRefused"
"""Reason of the Event that refuses a request; its message begins with annotation and value."""


def is_waiting(rollout: Manifest, verb: str) -> bool:
    """Tell whether the request still stands on the object: nobody has finished with it."""
    annotations = rollout["metadata"].get("annotations") or {}
    return f"{PREFIX}{verb}" in annotations or ACCEPTED in annotations


def is_carried_out(verb: str, value: str, *, asked: Manifest, now: Manifest) -> bool:
    """Tell whether the object itself shows that a request was carried out.

    Args:
        asked: the object as the request was written to it.
        now: the object after the request is gone from it.
    """
    if _last_request_version(now) >= _version(asked):
        return True
    before, after = asked["spec"], now["spec"]
    if verb == "pause":
        wanted = value == "true"
        return bool(after.get("paused")) is wanted is not bool(before.get("paused"))
    if verb == "rollback":
        return bool(before.get("template") != after.get("template"))
    if verb == "restart":
        at = after.get("restartAt")
        return at is not None and (at != before.get("restartAt") or _time(at) == _time(value))
    return False


def find_refusal(events: Iterable[Manifest], verb: str, value: str, *, asked: Manifest) -> str:
    """Return why a request was refused; empty when no Event says so."""
    earlier = ""
    for event in _refusals(events, asked):
        message = str(event.get("message") or "")
        if not message.startswith(f"{PREFIX}{verb}="):
            continue
        if int(event["involvedObject"].get("resourceVersion") or 0) >= _version(asked):
            return message
        # Equal Events within some minutes are one, so an equal refusal may be this one's.
        if message.startswith(f"{PREFIX}{verb}={value!r} "):
            earlier = message
    return earlier


def _refusals(events: Iterable[Manifest], asked: Manifest) -> Iterable[Manifest]:
    uid = asked["metadata"].get("uid")
    for event in events:
        is_ours = (event.get("involvedObject") or {}).get("uid") == uid
        if is_ours and event.get("reason") == REFUSED:
            yield event


def _version(rollout: Manifest) -> int:
    return int(rollout["metadata"]["resourceVersion"])


def _last_request_version(rollout: Manifest) -> int:
    """Return the version that the last request was read from: its id ends in it."""
    request = str((rollout.get("status") or {}).get("lastRequest") or "")
    version = request.rpartition("-")[2]
    return int(version) if version.isdecimal() else -1


def _time(text: str) -> datetime | None:
    try:
        return parse_time(text)
    except ValueError:
        return None

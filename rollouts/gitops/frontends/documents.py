"""Writes status: the difference between two documents, bounds on size, times of conditions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson

from rollouts.api.refs import Manifest
from rollouts.api.times import format_time
from rollouts.gitops.model import Condition

STATUS_BYTES_MAX = 512 * 1024
"""Above this a status is thinned out: etcd takes 1.5 MB, and every write sends it whole."""

MESSAGE_LENGTH_MAX = 1000


def merge_patch(old: Any, new: Any) -> Manifest:
    """Return the merge patch that turns one map into another; empty when they are equal."""
    before = old if isinstance(old, dict) else {}
    body: Manifest = {}
    for key in (*before, *(key for key in new if key not in before)):
        if key not in new:
            body[key] = None
        elif key not in before:
            body[key] = new[key]
        elif isinstance(before[key], dict) and isinstance(new[key], dict):
            inner = merge_patch(before[key], new[key])
            if inner:
                body[key] = inner
        elif before[key] != new[key]:
            body[key] = new[key]
    return body


def shorten(text: str) -> str:
    """Return a message that fits into a status."""
    if len(text) <= MESSAGE_LENGTH_MAX:
        return text
    return text[: MESSAGE_LENGTH_MAX - 1] + "…"


def stamp(time: datetime | None) -> str | None:
    """Return a time as the wire has it."""
    return None if time is None else format_time(time)


def without_none(document: Manifest) -> Manifest:
    """Return the map without its empty fields."""
    return {key: value for key, value in document.items() if value not in (None, "", [], {})}


def problem_list(previous: Any, current: Iterable[Condition], now: datetime) -> list[Manifest]:
    """Return an Application's conditions, one per type; the time is that of the first sight."""
    merged: dict[str, list[str]] = {}
    for condition in current:
        texts = merged.setdefault(condition.type, [])
        if condition.message not in texts:
            texts.append(condition.message)
    known = {
        (each.get("type"), each.get("message")): each.get("lastTransitionTime")
        for each in (previous if isinstance(previous, list) else [])
        if isinstance(each, dict)
    }
    found: list[Manifest] = []
    for name in sorted(merged):
        message = shorten("; ".join(merged[name]))
        since = known.get((name, message)) or format_time(now)
        found.append({"type": name, "message": message, "lastTransitionTime": since})
    return found


def condition(kind: str, status: str, reason: str, message: str, *, generation: int) -> Manifest:
    """Return one condition of Flux's shape, its time still missing."""
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": shorten(message),
        "observedGeneration": generation,
    }


def condition_list(previous: Any, current: Iterable[Manifest], now: datetime) -> list[Manifest]:
    """Return conditions with the time at which each got its status."""
    known = {
        each.get("type"): each
        for each in (previous if isinstance(previous, list) else [])
        if isinstance(each, dict)
    }
    found: list[Manifest] = []
    for each in current:
        before = known.get(each["type"], {})
        same = before.get("status") == each["status"] and before.get("lastTransitionTime")
        since = before["lastTransitionTime"] if same else format_time(now)
        found.append({**each, "lastTransitionTime": since})
    return found


def bound(status: Manifest) -> Manifest:
    """Return a status that is not too large, dropping what can be had elsewhere first.

    Conditions, the inventory and what is known of hooks always stay: without them a person is
    not told, nothing is ever pruned, and hooks would run twice.
    """
    for thin in (
        _without_results_of_healthy,
        _without_results,
        _without_health,
        _without_resources,
    ):
        if len(orjson.dumps(status)) <= STATUS_BYTES_MAX:
            return status
        status = thin(status)
    return status


def _without_results_of_healthy(status: Manifest) -> Manifest:
    return _with_results(
        status,
        lambda each: each if each.get("status") == "SyncFailed" else {**each, "message": ""},
    )


def _without_results(status: Manifest) -> Manifest:
    return _with_results(status, lambda each: each if each.get("status") == "SyncFailed" else None)


def _with_results(status: Manifest, change: Any) -> Manifest:
    operation = status.get("operationState") or {}
    result = operation.get("syncResult") or {}
    if not result.get("resources"):
        return status
    rows = [each if each.get("hookType") else change(each) for each in result["resources"]]
    kept = [each for each in rows if each is not None]
    result = {**result, "resources": kept}
    return {**status, "operationState": {**operation, "syncResult": result}}


def _without_health(status: Manifest) -> Manifest:
    slim = [
        {key: value for key, value in each.items() if key != "health"}
        for each in status.get("resources") or []
    ]
    return {**status, "resources": slim} if slim else status


def _without_resources(status: Manifest) -> Manifest:
    return {key: value for key, value in status.items() if key != "resources"}

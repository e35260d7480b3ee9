"""From the lines of a real API server's audit log to records that benches count."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from bench.calls import Call
from rollouts.api.times import parse_time


def calls_of(lines: Iterable[str], user: str) -> Iterator[Call]:
    """Return the requests of one user, in the order of the log.

    A watch has a line when it begins and another when it ends; the first one counts.
    """
    for line in lines:
        event = json.loads(line)
        if event["user"]["username"] != user:
            continue
        if event["verb"] == "watch" and event["stage"] == "ResponseComplete" and _is_good(event):
            continue
        yield _call(event)


def _is_good(event: dict[str, Any]) -> bool:
    return _code(event) < 400


def _code(event: dict[str, Any]) -> int:
    return int((event.get("responseStatus") or {}).get("code") or 0)


def _call(event: dict[str, Any]) -> Call:
    subject = event.get("objectRef") or {}
    resource = subject.get("resource", "")
    return Call(
        parse_time(event["stageTimestamp"]),
        event["verb"] if resource else "discover",
        resource or event["requestURI"],
        subject.get("subresource", ""),
        subject.get("namespace", ""),
        subject.get("name", ""),
        _code(event),
        event.get("userAgent", ""),
    )

"""What of status is ours alone, and where it is kept when the server drops it.

The peer's definition of a Rollout knows nothing of our fields and prunes them. Forgotten, a
scale-down would be put off for ever and every pass would write status again. So they are kept in
an annotation as well, as long as status does not hold them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rollouts.api.refs import Manifest
from rollouts.api.times import parse_time

MEMORY = "rollouts.dev/memory"
"""On a Rollout whose definition is the peer's: what the server dropped from its status."""

_FIELDS = ("abortMessage", "attempt", "lastRequest", "promotedAt", "scaleDownDeadlines")


def own_part(status: Manifest) -> Manifest:
    """Return what of a status only we know, and which revision and pauses it is about.

    Empty when there is nothing of the kind.
    """
    found: Manifest = {name: status[name] for name in _FIELDS if status.get(name)}
    high_water = (status.get("canary") or {}).get("availableHighWater")
    if high_water:
        found["availableHighWater"] = high_water
    steps = {
        each["startTime"]: each["stepIndex"]
        for each in status.get("pauseConditions") or ()
        if each.get("stepIndex") is not None
    }
    if steps:
        found["pausedSteps"] = steps
    if found:
        found["podHash"] = status.get("currentPodHash") or ""
    return found


def memory_change(
    stored: Manifest, wanted: Manifest, annotations: Mapping[str, str]
) -> dict[str, str | None]:
    """Return the change of annotations that keeps what the server did not; empty for none.

    Args:
        stored: the status that the server has made of `wanted`.
    """
    ours, known = own_part(wanted), annotations.get(MEMORY)
    is_kept = own_part(stored) == ours
    text = None if is_kept else json.dumps(ours, sort_keys=True, separators=(",", ":"))
    return {} if text == known else {MEMORY: text}


def recall(status: Manifest, annotations: Mapping[str, str]) -> Manifest:
    """Return a stored status with what the annotation remembers of it.

    What status holds itself wins. Of a revision or a pause that is over nothing is remembered but
    which request was the last one and until when former pods stay.
    """
    memory = _read(annotations.get(MEMORY, ""))
    if not memory:
        return status
    whole: dict[str, Any] = {
        **{name: memory[name] for name in ("lastRequest", "scaleDownDeadlines") if name in memory},
        **status,
    }
    if memory.get("podHash") != status.get("currentPodHash"):
        return whole
    for name in ("abortMessage", "attempt", "promotedAt"):
        if name in memory:
            whole.setdefault(name, memory[name])
    if "availableHighWater" in memory:
        high_water = {"availableHighWater": memory["availableHighWater"]}
        whole["canary"] = high_water | (status.get("canary") or {})
    steps = memory.get("pausedSteps") or {}
    if status.get("pauseConditions"):
        whole["pauseConditions"] = [
            each | {"stepIndex": steps[each["startTime"]]}
            if each.get("stepIndex") is None and each.get("startTime") in steps
            else each
            for each in status["pauseConditions"]
        ]
    return whole


def without_own(status: Manifest) -> Manifest:
    """Return a status without what only we know."""
    rest = {name: value for name, value in status.items() if name not in _FIELDS}
    if "canary" in rest:
        canary = rest["canary"].items()
        rest["canary"] = {name: value for name, value in canary if name != "availableHighWater"}
    if "pauseConditions" in rest:
        rest["pauseConditions"] = [
            {name: value for name, value in each.items() if name != "stepIndex"}
            for each in rest["pauseConditions"]
        ]
    return rest


def _read(text: str) -> Manifest:
    """Return a written memory, without what somebody else has put into it."""
    try:
        memory = json.loads(text) if text else {}
    except ValueError:
        return {}
    if not isinstance(memory, dict) or not isinstance(memory.get("podHash"), str):
        return {}
    return {key: value for key, value in memory.items() if _is_fit(key, value)}


def _is_fit(key: str, value: object) -> bool:
    """Tell whether a field of a memory is of the type that is read from it."""
    match key:
        case "abortMessage" | "lastRequest" | "podHash":
            return isinstance(value, str)
        case "promotedAt":
            return _is_time(value)
        case "attempt" | "availableHighWater":
            return _is_count(value)
        case "scaleDownDeadlines":
            return isinstance(value, dict) and all(_is_time(each) for each in value.values())
        case "pausedSteps":
            return isinstance(value, dict) and all(_is_count(each) for each in value.values())
        case _:
            return False


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_time(value: object) -> bool:
    try:
        return isinstance(value, str) and parse_time(value) is not None
    except ValueError:
        return False

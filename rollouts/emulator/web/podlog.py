"""The log of a pod: a few lines that say what its containers do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollouts.emulator.errors import bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollouts.emulator.resources import Manifest


def pod_log(pod: Manifest, query: Mapping[str, str]) -> str:
    """Return the log of one container; `tailLines` and `timestamps` are honoured.

    Raises:
        ApiError: 400, the container is not named clearly or has not started.
    """
    name = pod["metadata"]["name"]
    containers = pod["spec"].get("containers") or []
    names = [container["name"] for container in containers]
    chosen = query.get("container") or (names[0] if len(names) == 1 else "")
    if not chosen:
        listed = " ".join(names)
        raise bad_request(
            f"a container name must be specified for pod {name}, choose one of: [{listed}]"
        )
    if chosen not in names:
        raise bad_request(f"container {chosen} is not valid for pod {name}")
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    status = next((each for each in statuses if each["name"] == chosen), None)
    waiting = ((status or {}).get("state") or {}).get("waiting")
    if status is None or (waiting and not status.get("lastState")):
        reason = (waiting or {}).get("reason", "ContainerCreating")
        raise bad_request(f'container "{chosen}" in pod "{name}" is waiting to start: {reason}')
    lines = _lines(status)
    if tail := query.get("tailLines"):
        lines = lines[-int(tail) :] if tail.isdecimal() and int(tail) else []
    stamped = query.get("timestamps") in {"true", "1"}
    return "".join(f"{stamp} {text}\n" if stamped else f"{text}\n" for stamp, text in lines)


def _lines(status: Manifest) -> list[tuple[str, str]]:
    image = status.get("image", "")
    lines: list[tuple[str, str]] = []
    for state in (status.get("lastState") or {}, status.get("state") or {}):
        ended, running = state.get("terminated"), state.get("running")
        started = (ended or running or {}).get("startedAt", "")
        if started:
            lines.append((started, f"{image} started"))
        if ended:
            lines.append((ended["finishedAt"], f"{image} exited with code {ended['exitCode']}"))
    return lines

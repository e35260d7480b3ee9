"""What the pictures of the command line are made of: facts, lines, signs and their colours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rollouts.api.refs import Manifest
from rollouts.api.times import parse_time

UNKNOWN_ICON, UNKNOWN_STYLE = "⚠", "red"
"""Of a status that we do not know, such as why a container waits: somebody should look."""

ICONS = {
    "Healthy": "✔",
    "Progressing": "◌",
    "Paused": "॥",
    "Degraded": "✖",
    "ScaledDown": "•",
    "Running": "✔",
    "Pending": "◌",
    "Successful": "✔",
    "Failed": "✖",
    "Inconclusive": "?",
}
STYLES = {
    "Healthy": "green",
    "Running": "green",
    "Progressing": "cyan",
    "Pending": "cyan",
    "Paused": "yellow",
    "Degraded": "red",
    "ScaledDown": "dim",
    "Successful": "green",
    "Failed": "red",
    "Inconclusive": "yellow",
}
MEASURED_KINDS = ("AnalysisRun", "Metric")
"""What is Running there is not done yet; a pod that is Running is as it should be."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the tree; `status` also chooses its sign and colour."""

    branch: str
    name: str
    kind: str
    status: str
    age: str
    info: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything to show of one rollout: a list of facts, and the tree."""

    facts: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]
    phase: str


def icon_of(status: str, kind: str = "") -> str:
    """Return the sign of a status."""
    return ICONS.get(_seen(status, kind), UNKNOWN_ICON)


def style_of(status: str, kind: str = "") -> str:
    """Return the colour of a status."""
    return STYLES.get(_seen(status, kind), UNKNOWN_STYLE)


def _seen(status: str, kind: str) -> str:
    return "Pending" if status == "Running" and kind in MEASURED_KINDS else status


def say_duration(duration: timedelta) -> str:
    """Return a duration in its two largest units: `9m12s`, `3d4h`."""
    seconds = int(duration.total_seconds())
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
    return "".join(parts[:2])


def age_of(manifest: Manifest, now: datetime) -> str:
    """Return how long ago an object was made; empty for one that is not made yet."""
    created = manifest["metadata"].get("creationTimestamp")
    return say_duration(max(now - parse_time(created), timedelta(0))) if created else ""

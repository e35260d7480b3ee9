"""What happened, one line per event; formatted only when somebody reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rollouts.simulate.clock import format_elapsed
from rollouts.simulate.share import Traffic

LINES_SHOWN = 20
"""How much of the end of a trace a failure prints."""


@dataclass(frozen=True, slots=True)
class Glance:
    """The state that each line repeats: what the store says about traffic, step and phase."""

    weight: int | None
    traffic: Traffic
    images: Mapping[str, str]
    index: int | None
    phase: str

    def __str__(self) -> str:
        shares = sorted(
            (self.images.get(pod_hash, pod_hash), share)
            for pod_hash, share in self.traffic.shares.items()
        )
        parts = [f"{image} {float(100 * share):.0f}%" for image, share in shares]
        if self.traffic.lost:
            parts.append(f"LOST {float(100 * self.traffic.lost):.0f}%")
        weight = "" if self.weight is None else f"w={self.weight} "
        step = "-" if self.index is None else self.index
        return f"{weight}[{', '.join(parts)}] step={step} {self.phase}"


class Trace:
    """The record of one run."""

    def __init__(self, glance: Callable[[], Glance]) -> None:
        self._glance = glance
        self._entries: list[tuple[int, str, str, Glance]] = []

    def add(self, at_ms: int, actor: str, what: str) -> None:
        """Record that something happened."""
        self._entries.append((at_ms, actor, what, self._glance()))

    def lines(self, last: int | None = None) -> tuple[str, ...]:
        """Return all lines, or the last few."""
        entries: Sequence[tuple[int, str, str, Glance]] = self._entries
        if last is not None:
            entries = entries[-last:]
        return tuple(
            f"{format_elapsed(at_ms):>12} {actor:<8} {what:<72} {glance}"
            for at_ms, actor, what, glance in entries
        )

"""What a Rollout's spec asks for, read by the judges on their own.

Nothing here is shared with the planner: a mistake must be made twice to go unnoticed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor
from typing import Any

from rollouts.api.refs import Manifest
from rollouts.simulate.clock import HOUR, MINUTE, SECOND
from rollouts.simulate.snapshot import image_of, replicas_of

DEFAULT_DELAY_SECONDS = 30
DEFAULT_RUNS_LIMIT = 5
_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR}


@dataclass(frozen=True, slots=True)
class Asked:
    """One version of a Rollout's spec, in the numbers that rules are about.

    `total` is the maximum weight. `abort_delay_ms` None keeps an aborted canary for good.
    `background_from` is the step from which something is measured beside the steps, None for
    nothing. Of runs that have ended, so many good and bad ones are kept.
    """

    image: str
    replicas: int
    is_paused: bool
    steps: Sequence[Mapping[str, Any]]
    total: int
    surge: int
    unavailable: int
    delay_ms: int
    abort_delay_ms: int | None
    history_limit: int
    deadline_aborts: bool
    background_from: int | None = None
    good_runs_limit: int = DEFAULT_RUNS_LIMIT
    bad_runs_limit: int = DEFAULT_RUNS_LIMIT

    @property
    def step_count(self) -> int:
        """Return the number of steps."""
        return len(self.steps)

    def weight_at(self, index: int) -> int:
        """Return the weight of the last setWeight at or before a step; all of it at the end."""
        if index >= len(self.steps):
            return self.total
        for step in reversed(self.steps[: index + 1]):
            if "setWeight" in step:
                return int(step["setWeight"])
        return 0

    def canary_size(self, weight: int, index: int) -> int:
        """Return the canary pods that a weight needs at a step when a router splits.

        An explicit scale in force may ask for fewer than the weight would: the user's choice.
        """
        size = ceil(Fraction(self.replicas * weight, self.total))
        explicit = self._explicit_scale(index)
        return size if explicit is None else min(size, explicit)

    def wanted_canary_size(self, index: int) -> int:
        """Return the canary pods that a step asks for when a router splits."""
        if index >= len(self.steps):
            return self.replicas
        explicit = self._explicit_scale(index)
        if explicit is not None:
            return explicit
        return ceil(Fraction(self.replicas * self.weight_at(index), self.total))

    def rounded_canary(self, index: int) -> int:
        """Return the canary pods nearest to a step's weight when pods alone split the traffic."""
        return rounded_pods(self.replicas, self.weight_at(index), self.total, self.surge)[0]

    def _explicit_scale(self, index: int) -> int | None:
        if index >= len(self.steps):
            return None
        for step in reversed(self.steps[: index + 1]):
            if "setCanaryScale" in step:
                scale = step["setCanaryScale"] or {}
                if scale.get("replicas") is not None:
                    return int(scale["replicas"])
                if scale.get("weight") is not None:
                    return ceil(Fraction(self.replicas * int(scale["weight"]), 100))
                return None
        return None


def asked_of(rollout: Manifest) -> Asked:
    """Read a Rollout's spec."""
    spec = rollout["spec"]
    canary = (spec.get("strategy") or {}).get("canary") or {}
    replicas = replicas_of(rollout)
    surge = _resolve(canary.get("maxSurge", "25%"), replicas, ceil)
    unavailable = _resolve(canary.get("maxUnavailable", "25%"), replicas, floor)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    background, runs = canary.get("analysis"), spec.get("analysis") or {}
    abort_delay = int(canary.get("abortScaleDownDelaySeconds", DEFAULT_DELAY_SECONDS))
    return Asked(
        image=image_of(rollout),
        replicas=replicas,
        is_paused=bool(spec.get("paused")),
        steps=tuple(canary.get("steps") or ()),
        total=int((canary.get("trafficRouting") or {}).get("maxTrafficWeight") or 100),
        surge=surge,
        unavailable=unavailable,
        delay_ms=int(canary.get("scaleDownDelaySeconds", DEFAULT_DELAY_SECONDS)) * SECOND,
        abort_delay_ms=abort_delay * SECOND if abort_delay else None,
        history_limit=int(spec.get("revisionHistoryLimit", 10)),
        deadline_aborts=bool(spec.get("progressDeadlineAbort")),
        background_from=None if background is None else int(background.get("startingStep") or 0),
        good_runs_limit=int(runs.get("successfulRunHistoryLimit", DEFAULT_RUNS_LIMIT)),
        bad_runs_limit=int(runs.get("unsuccessfulRunHistoryLimit", DEFAULT_RUNS_LIMIT)),
    )


def pause_ms(step: Mapping[str, Any]) -> int | None:
    """Return how long a pause step lasts; None for one that only a person ends."""
    duration = (step["pause"] or {}).get("duration")
    if duration is None:
        return None
    text = str(duration)
    if text[-1] in _UNITS:
        return int(text[:-1]) * _UNITS[text[-1]]
    return int(text) * SECOND


@lru_cache(maxsize=4096)  # pure arithmetic on four small numbers
def rounded_pods(replicas: int, weight: int, total: int, surge: int) -> tuple[int, int]:
    """Return the canary and stable pods nearest to a weight when pods alone split the traffic.

    Candidates are tried in a fixed order and the first nearest wins: round up, then down,
    without surge and then with one more pod. A part is only zero at the ends of the scale.
    """
    if replicas == 0:
        return 0, 0
    exact = Fraction(replicas * weight, total)
    up, down = ceil(exact), floor(exact)
    zero_is_fine = weight in {0, total} or (replicas == 1 and surge == 0)
    candidates: list[tuple[int, int]] = []
    for pods in (replicas, replicas + 1) if surge > 0 else (replicas,):
        is_tied = Fraction(pods * weight, total) % 1 == Fraction(1, 2)
        # With one pod more the rounded-up canary never leaves stable without a pod.
        if up < replicas or zero_is_fine or pods > replicas:
            candidates.append((up, pods))
        if not is_tied and (down != 0 or zero_is_fine):
            candidates.append((down, pods))
    if not candidates:
        # Both roundings are out: up would leave stable nothing, down is a tie. One pod each stays.
        candidates.append((down, replicas))
    canary, pods = min(
        candidates, key=lambda each: abs(Fraction(each[0] * total, each[1]) - weight)
    )
    return canary, pods - canary


def _resolve(value: Any, replicas: int, rounded: Any) -> int:
    text = str(value)
    if not text.endswith("%"):
        return int(text)
    return int(rounded(Fraction(int(text[:-1]) * replicas, 100)))

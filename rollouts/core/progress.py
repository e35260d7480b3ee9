"""What status remembers between passes: the part of it that decisions depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rollouts.api.refs import Manifest
from rollouts.api.times import parse_time

CANARY_PAUSE_STEP = "CanaryPauseStep"
INCONCLUSIVE = "InconclusiveAnalysisRun"


STEP_RUN_FIELD = "currentStepAnalysisRunStatus"
BACKGROUND_RUN_FIELD = "currentBackgroundAnalysisRunStatus"
"""Where `status.canary` names the runs that decide now."""


@dataclass(frozen=True, slots=True)
class PauseCondition:
    """Why and since when the rollout waits.

    `step_index` ties the pause to its step, so that a pause that somebody skipped cannot
    shorten the next one; None when another controller recorded it.
    """

    reason: str
    start: datetime
    step_index: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """The remembered state of a rollout.

    Attributes:
        pod_hash: the revision being rolled out, empty before the first pass.
        index: position in the steps; equal to their number when all are done.
        stable_hash: the revision that is trusted with everything, empty before there is one.
        controller_pause: we paused; together with no pause condition it means a person resumed.
        high_water: most canary pods ever available since progress was last recorded.
        promoted_at: when `stable_hash` was last changed to the current revision.
        scale_down_deadlines: when a set that lost its traffic may lose its pods, by hash.
        last_request: id of the last request that was carried out.
        step_run: name of the analysis run that decides about the current step.
        background_run: name of the analysis run beside the steps.
        attempt: how often the steps of this revision were begun anew or measured again.
    """

    pod_hash: str = ""
    step_hash: str = ""
    index: int | None = None
    stable_hash: str = ""
    abort: bool = False
    aborted_at: datetime | None = None
    abort_message: str = ""
    pauses: tuple[PauseCondition, ...] = ()
    controller_pause: bool = False
    promote_full: bool = False
    promoted_at: datetime | None = None
    high_water: int = 0
    scale_down_deadlines: Mapping[str, datetime] = field(default_factory=dict)
    last_request: str = ""
    restarted_at: datetime | None = None
    collision_count: int | None = None
    step_run: str = ""
    background_run: str = ""
    attempt: int = 0

    @property
    def is_resumed(self) -> bool:
        """Tell whether a person cleared the pause that we had recorded."""
        return self.controller_pause and not self.pauses

    @property
    def doubts(self) -> tuple[PauseCondition, ...]:
        """Return the pauses that an inconclusive analysis asked for."""
        return tuple(each for each in self.pauses if each.reason == INCONCLUSIVE)


def read_progress(status: Manifest) -> Progress:
    """Read the remembered state from a stored status; tolerates what is missing."""
    canary = status.get("canary") or {}
    return Progress(
        pod_hash=status.get("currentPodHash") or "",
        step_hash=status.get("currentStepHash") or "",
        index=status.get("currentStepIndex"),
        stable_hash=status.get("stableRS") or "",
        abort=bool(status.get("abort")),
        aborted_at=_time(status.get("abortedAt")),
        abort_message=status.get("abortMessage") or "",
        pauses=tuple(_pause(entry) for entry in status.get("pauseConditions") or ()),
        controller_pause=bool(status.get("controllerPause")),
        promote_full=bool(status.get("promoteFull")),
        promoted_at=_time(status.get("promotedAt")),
        high_water=int(canary.get("availableHighWater") or 0),
        scale_down_deadlines={
            pod_hash: parse_time(text)
            for pod_hash, text in sorted((status.get("scaleDownDeadlines") or {}).items())
        },
        last_request=status.get("lastRequest") or "",
        restarted_at=_time(status.get("restartedAt")),
        collision_count=status.get("collisionCount"),
        step_run=_run_name(canary, STEP_RUN_FIELD),
        background_run=_run_name(canary, BACKGROUND_RUN_FIELD),
        attempt=int(status.get("attempt") or 0),
    )


def _pause(entry: Mapping[str, Any]) -> PauseCondition:
    return PauseCondition(
        reason=entry.get("reason") or CANARY_PAUSE_STEP,
        start=parse_time(entry["startTime"]),
        step_index=entry.get("stepIndex"),
    )


def _run_name(canary: Mapping[str, Any], field: str) -> str:
    return str((canary.get(field) or {}).get("name") or "")


def _time(text: str | None) -> datetime | None:
    return parse_time(text) if text else None

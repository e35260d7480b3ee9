"""Where the rollout stands in its steps after this pass."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from rollouts.actions import Event
from rollouts.core.facts import Observed
from rollouts.core.gates import holds_promotion, is_passed
from rollouts.core.progress import CANARY_PAUSE_STEP, PauseCondition, Progress
from rollouts.core.replicas import routed_canary_size, split_pods, weight_at
from rollouts.core.revisions import Revisions, is_within_rollback_window
from rollouts.core.situation import Situation
from rollouts.core.spec import Analysis, Pause, SetCanaryScale, SetWeight, Spec, Step
from rollouts.core.weights import choose_weight, has_capacity, may_switch_canary


@dataclass(frozen=True, slots=True)
class Move:
    """The outcome of looking at the current step.

    Attributes:
        progress: what to remember.
        weight: the canary weight to bring into force; only meaningful with a router.
        is_promoted_now: this pass makes the current revision the stable one.
        is_step_completed: the position in the steps moved.
        wake_at: when the current pause ends.
    """

    progress: Progress
    weight: int
    events: tuple[Event, ...] = ()
    is_promoted_now: bool = False
    is_step_completed: bool = False
    wake_at: datetime | None = None


def sync_revision(
    observed: Observed, spec: Spec, progress: Progress, revisions: Revisions
) -> tuple[Progress, bool]:
    """Start over when the wanted template or steps are not the remembered ones.

    Returns the state, and whether it started over. There is nothing to step through on a first
    deployment, on the way back to the stable revision, and inside the rollback window.
    """
    count, step_hash = len(spec.steps), observed.rollout.step_hash
    is_same = progress.pod_hash == revisions.current_hash and progress.step_hash == step_hash
    skips = (
        revisions.is_first or revisions.is_promoted or is_within_rollback_window(revisions, spec)
    )
    if is_same:
        index = progress.index
        if revisions.is_first or revisions.is_promoted:
            index = count
        elif index is None:
            index = count if skips else 0
        return replace(progress, index=min(max(index, 0), count)), False
    is_same_revision = progress.pod_hash == revisions.current_hash
    # What is asked beside the steps is about the revision, whatever its steps are; but other
    # steps end an abort, too, and the run of an aborted attempt was ended early.
    is_still_asked = is_same_revision and not progress.abort
    fresh = replace(
        progress,
        pod_hash=revisions.current_hash,
        step_hash=step_hash,
        index=count if skips else 0,
        abort=False,
        aborted_at=None,
        abort_message="",
        pauses=(),
        controller_pause=False,
        promote_full=False,
        high_water=revisions.current.available if revisions.current else 0,
        step_run="",
        background_run=progress.background_run if is_still_asked else "",
        attempt=progress.attempt + 1 if is_same_revision else 0,
    )
    return fresh, True


def advance(situation: Situation, *, is_step_done: bool, is_blocked: bool = False) -> Move:
    """Leave the current step if its own condition holds, and enter the next one.

    At most one step is left in one pass, so that every position is recorded.

    Args:
        is_step_done: a person ended the current step.
        is_blocked: what should be measured later cannot be: the position is kept.
    """
    if not situation.is_updating or situation.is_aborted:
        settled = replace(situation.progress, pauses=(), controller_pause=False)
        return _promote(situation, Move(settled, choose_weight(situation, situation.index)))
    # Whoever asks to go past a step knows what is missing; the next step is held again.
    is_held = not is_step_done and (is_blocked or bool(situation.progress.doubts))
    if situation.spec.paused or is_held:
        return Move(situation.progress, choose_weight(situation, situation.index))
    if situation.index >= situation.step_count:
        return _promote(
            situation, Move(situation.progress, choose_weight(situation, situation.index))
        )
    step = situation.spec.steps[situation.index]
    weight = _weight_if_complete(situation, step, is_step_done=is_step_done)
    if weight is None:
        return _stay(situation, step)
    return _promote(situation, _enter(situation, step, weight))


def _weight_if_complete(situation: Situation, step: Step, *, is_step_done: bool) -> int | None:
    """Return the weight that holds once the step is left, None while it has to be stayed in."""
    index = situation.index
    unchanged = choose_weight(situation, index)
    match step:
        case _ if is_step_done:
            return choose_weight(situation, index + 1)
        case SetWeight(weight):
            if not _is_at_counts(situation, index):
                return None
            if not situation.spec.is_routed or situation.spec.replicas == 0:
                return unchanged
            if not has_capacity(situation, weight, index):
                return None
            reached = choose_weight(situation, index, reached=weight)
            is_ours = reached == 0 or may_switch_canary(situation)
            return reached if reached == weight and is_ours else None
        case SetCanaryScale():
            return unchanged if _is_at_counts(situation, index) else None
        case Pause(duration):
            pause = current_pause(situation.progress, index)
            is_over = (
                pause is not None
                and duration is not None
                and situation.now >= pause.start + duration
            )
            return unchanged if is_over else None
        case Analysis():
            return unchanged if is_passed(situation, index) else None
        case _:
            assert_never(step)


def current_pause(progress: Progress, index: int) -> PauseCondition | None:
    """Return the pause recorded for this step."""
    pauses = (each for each in progress.pauses if each not in progress.doubts)
    return next((each for each in pauses if each.step_index in (None, index)), None)


def _stay(situation: Situation, step: Step) -> Move:
    progress, weight = situation.progress, choose_weight(situation, situation.index)
    if isinstance(step, Pause):
        return _paused(situation, progress, step, Move(progress, weight))
    return Move(replace(progress, pauses=(), controller_pause=False), weight)


def _enter(situation: Situation, step: Step, weight: int) -> Move:
    """Move to the next step; a pause begins at once."""
    index, count = situation.index + 1, situation.step_count
    progress = replace(
        situation.progress, index=index, pauses=(), controller_pause=False, step_run=""
    )
    move = Move(progress, weight, is_step_completed=True)
    following = situation.spec.steps[index] if index < count else None
    if isinstance(following, Pause):
        return _paused(situation, progress, following, move)
    if isinstance(step, Pause) or following is None:
        return move
    done = Event("RolloutStepCompleted", f"Step {index}/{count} completed ({describe(step)})")
    return replace(move, events=(done,))


def _paused(situation: Situation, progress: Progress, step: Pause, move: Move) -> Move:
    """Record the pause if it is new, and say when it ends."""
    index = progress.index or 0
    pause = current_pause(progress, index)
    events = move.events
    if pause is None:
        pause = PauseCondition(CANARY_PAUSE_STEP, situation.now, index)
        share = f", canary weight {move.weight}" if situation.spec.is_routed else ""
        place = f"step {index + 1}/{situation.step_count}"
        text = f"Rollout is paused ({CANARY_PAUSE_STEP}) at {place} ({describe(step)}){share}"
        events = (*events, Event("RolloutPaused", text))
    paused = replace(progress, pauses=(pause,), controller_pause=True)
    until = None if step.duration is None else pause.start + step.duration
    return replace(move, progress=paused, events=events, wake_at=until)


def _promote(situation: Situation, move: Move) -> Move:
    """Make the current revision the stable one if nothing stands in the way any more."""
    progress, revisions, spec = move.progress, situation.revisions, situation.spec
    if revisions.is_promoted or situation.is_aborted or spec.paused:
        return move
    if (progress.index or 0) < situation.step_count or not situation.is_at_size(spec.replicas):
        return move
    if holds_promotion(situation, progress):
        return move
    has_traffic = not spec.is_routed or revisions.is_first or move.weight == spec.max_weight
    if not has_traffic and spec.replicas > 0:
        return move
    why = _why_promoted(situation)
    text = (
        f"Rollout completed update to revision {revisions.number} ({revisions.current_hash}): {why}"
    )
    promoted = replace(
        progress,
        stable_hash=revisions.current_hash,
        promoted_at=situation.now,
        promote_full=False,
        pauses=(),
        controller_pause=False,
    )
    event = Event("RolloutCompleted", text)
    return replace(move, progress=promoted, is_promoted_now=True, events=(*move.events, event))


def _why_promoted(situation: Situation) -> str:
    if situation.revisions.is_first:
        return "Initial deploy"
    if situation.progress.promote_full:
        return "Full promotion requested"
    if is_within_rollback_window(situation.revisions, situation.spec):
        return "Rollback within window"
    return f"Completed all {situation.step_count} canary steps"


def _is_at_counts(situation: Situation, index: int) -> bool:
    """Tell whether both parts have the pods that this step asks for."""
    spec, revisions = situation.spec, situation.revisions
    assert revisions.stable is not None, "only an update has steps"
    if spec.is_routed:
        size = routed_canary_size(spec, index)
        return situation.is_at_size(size) and revisions.stable.replicas == spec.replicas
    canary, stable = split_pods(spec, weight_at(spec, index))
    is_drained = all(each.replicas == 0 for each in revisions.others)
    is_split = (
        revisions.current is not None
        and revisions.current.replicas == canary
        and revisions.stable.replicas == keep_for_service(situation, stable)
    )
    return is_split and is_drained and situation.is_at_size(canary)


def keep_for_service(situation: Situation, size: int) -> int:
    """Return stable's size without a router, at least one pod while a Service selects it.

    Differs from the peer: there the stable Service can point at nothing between the last step
    and the promotion.
    """
    service, stable = situation.stable_service, situation.revisions.stable
    is_selected = service is not None and stable is not None and service.pod_hash == stable.pod_hash
    return max(size, min(1, situation.spec.replicas)) if is_selected else size


def describe(step: Step) -> str:
    """Return a step as people write it: `setWeight: 10`, `pause: 600s`."""
    match step:
        case SetWeight(weight):
            return f"setWeight: {weight}"
        case Pause(duration):
            return "pause" if duration is None else f"pause: {_seconds(duration)}"
        case SetCanaryScale(replicas, weight):
            if replicas is not None:
                return f"setCanaryScale: {replicas} replicas"
            return "setCanaryScale" if weight is None else f"setCanaryScale: weight {weight}"
        case Analysis(wanted):
            names = (each.get("templateName") or "" for each in wanted.get("templates") or ())
            return f"analysis: {', '.join(names)}"
        case _:
            assert_never(step)


def _seconds(duration: timedelta) -> str:
    return f"{duration / timedelta(seconds=1):g}s"

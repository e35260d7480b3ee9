"""What a person asks for: annotations under rollouts.dev and the peer plugin's status patches.

An annotation that changes status is carried out exactly once, whatever dies in between, in
three writes: it is *accepted* (one write turns it into `rollouts.dev/accepted`, which holds an
id and the revision and step it was about), *carried out* (status remembers the id), and
*cleared*. A request that changes the spec is one write that also removes its annotation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from rollouts.actions import Action, Event, Patch, RemoveAnnotation, RestoreTemplate
from rollouts.api.refs import REPLICA_SET, ROLLOUT, Manifest, ObjectRef
from rollouts.api.times import format_time, parse_time
from rollouts.core.facts import RolloutFacts
from rollouts.core.gates import measure_again
from rollouts.core.progress import Progress
from rollouts.core.situation import Situation
from rollouts.core.spec import Pause

PREFIX = "rollouts.dev/"
ACCEPTED = f"{PREFIX}accepted"
VERBS = ("abort", "pause", "retry", "rollback", "promote", "restart")
"""In the order in which they are taken when several stand on one object: the safest first."""

ACCEPTED_TEXTS = ("id", "verb", "value", "hash", "steps")
"""What an accepted request says besides the position: who it is, and what it is about."""

MEASURE_AGAIN = Event(
    "RolloutResumed", "Resumed after an inconclusive analysis: it is measured again"
)

REASON_LENGTH_MAX = 256
"""Longest text of a person that is repeated in status and events."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The effect of requests: remembered state, writes before and after it, and events.

    `is_step_done` says that a person ended the current step, `is_unpaused` that the same write
    ends a manual pause. `is_final` says that nothing else
    must be planned in this pass because the Rollout itself changes under it.
    """

    progress: Progress
    actions: tuple[Action, ...] = ()
    finish: tuple[Action, ...] = ()
    events: tuple[Event, ...] = ()
    is_step_done: bool = False
    is_unpaused: bool = False
    is_final: bool = False


def take_requests(situation: Situation) -> Taken:
    """Carry out what people ask for, one annotation at a time."""
    taken = _take_status_patches(situation)
    situation = replace(situation, progress=taken.progress)
    annotations = situation.observed.rollout.annotations
    if situation.is_new_revision and f"{PREFIX}promote" in annotations:
        # Whoever wrote it looked at another revision; refused before this one is recorded.
        asked = _take_annotation(situation, "promote", annotations[f"{PREFIX}promote"])
    elif ACCEPTED in annotations:
        asked = _take_accepted(situation, annotations[ACCEPTED])
    else:
        verb = next((verb for verb in VERBS if PREFIX + verb in annotations), None)
        if verb is None:
            return taken
        asked = _take_annotation(situation, verb, annotations[PREFIX + verb])
    return replace(
        asked,
        events=(*taken.events, *asked.events),
        is_step_done=taken.is_step_done or asked.is_step_done,
    )


def _take_status_patches(situation: Situation) -> Taken:
    """Take what the peer's kubectl plugin writes into status."""
    progress, now = situation.progress, situation.now
    if progress.abort and not situation.is_updating:
        # Nothing is in flight, so there is nothing to stop; an abort must never touch stable.
        return Taken(replace(progress, abort=False, aborted_at=None, abort_message=""))
    if progress.promote_full and not situation.is_updating:
        return Taken(replace(progress, promote_full=False))
    if progress.abort and progress.aborted_at is None:
        return Taken(abort(progress, now, ""), events=(_aborted(situation, ""),))
    if not progress.abort and progress.aborted_at is not None:
        return Taken(_retried(progress), events=(_retry_event(situation),))
    if progress.promote_full and situation.is_updating:
        full = _promoted_fully(progress, situation)
        is_news = full != progress
        event = Event("RolloutResumed", "Full promotion requested: all remaining steps are skipped")
        return Taken(full, events=(event,) if is_news else ())
    if progress.is_resumed and not situation.spec.paused:
        again = measure_again(situation, progress)
        if again is not None:
            return Taken(again, events=(MEASURE_AGAIN,))
        cleared = replace(progress, controller_pause=False)
        resumed = Event("RolloutResumed", "Rollout is resumed")
        # Elsewhere than at a pause only a doubt can have been resumed, and its run may be gone.
        index, steps = situation.index, situation.spec.steps
        is_pause = index < len(steps) and isinstance(steps[index], Pause)
        return Taken(cleared, events=(resumed,), is_step_done=is_pause)
    return Taken(progress)


def _take_accepted(situation: Situation, text: str) -> Taken:
    """Carry out a request that was accepted, unless status says that it already was."""
    rollout, progress = situation.observed.rollout, situation.progress
    clear = RemoveAnnotation(_ref(rollout), ACCEPTED, text, "the request has been carried out")
    accepted = _read_accepted(text)
    if accepted is None:
        event = _refused("accepted", text, "it is not a request that this controller wrote")
        return Taken(progress, finish=(clear,), events=(event,))
    if accepted["id"] == progress.last_request:
        return Taken(progress, finish=(clear,))
    verb, value = accepted["verb"], accepted["value"]
    done = replace(progress, last_request=accepted["id"])
    is_other_step = verb == "promote" and (
        accepted["steps"] != progress.step_hash or accepted["step"] != progress.index
    )
    is_other_revision = accepted["hash"] != situation.revisions.current_hash
    if is_other_revision or is_other_step:
        refused = _refused(verb, value, "it was about a step or revision that has passed")
        return Taken(done, finish=(clear,), events=(refused,))
    effect = _carry_out(replace(situation, progress=done), verb, value)
    return replace(effect, finish=(clear,))


def _take_annotation(situation: Situation, verb: str, value: str) -> Taken:
    why = _objection(situation, verb, value)
    if why:
        return _refuse(situation, verb, value, why)
    if verb in SPEC_REQUESTS:
        return SPEC_REQUESTS[verb](situation, value)
    return _accept(situation, verb, value)


def _accept(situation: Situation, verb: str, value: str, *, annotation: str = "") -> Taken:
    """Turn the annotation into an accepted request and carry it out in the same pass."""
    rollout = situation.observed.rollout
    request_id = f"{verb}-{rollout.resource_version}"
    accepted = json.dumps(
        {
            "id": request_id,
            "verb": verb,
            "value": _shorten(value),
            "hash": situation.revisions.current_hash,
            "step": situation.progress.index,
            "steps": situation.progress.step_hash,
        },
        sort_keys=True,
    )
    body: Manifest = {
        "metadata": {"annotations": {PREFIX + (annotation or verb): None, ACCEPTED: accepted}}
    }
    if verb == "promote" and situation.spec.paused:
        body["spec"] = {"paused": False}
    accept = Patch(_ref(rollout), body, rollout.resource_version, f"accept the request to {verb}")
    done = replace(situation.progress, last_request=request_id)
    effect = _carry_out(replace(situation, progress=done), verb, _shorten(value))
    clear = RemoveAnnotation(_ref(rollout), ACCEPTED, accepted, "the request has been carried out")
    return replace(effect, actions=(accept,), finish=(clear,), is_unpaused="spec" in body)


def _carry_out(situation: Situation, verb: str, value: str) -> Taken:
    """Apply a request to the remembered state."""
    progress = situation.progress
    if verb == "abort":
        reason = "" if value.lower() in ("true", "") else value
        aborted = abort(progress, situation.now, reason)
        return Taken(aborted, events=(_aborted(situation, reason),))
    if verb == "retry":
        return Taken(_retried(progress), events=(_retry_event(situation),))
    if value.strip().lower() == "full":
        event = Event("RolloutResumed", "Full promotion requested: all remaining steps are skipped")
        return Taken(_promoted_fully(progress, situation), events=(event,))
    again = measure_again(situation, progress)
    if again is not None:
        return Taken(again, events=(MEASURE_AGAIN,))
    promoted = replace(progress, pauses=(), controller_pause=False)
    number = (progress.index or 0) + 1
    event = Event("RolloutResumed", f"Promoted past step {number}/{situation.step_count}")
    return Taken(promoted, events=(event,), is_step_done=True)


def abort(progress: Progress, now: datetime, message: str) -> Progress:
    """Return the state after an abort: back to the first step, nothing paused or promoted."""
    return replace(
        progress,
        abort=True,
        aborted_at=progress.aborted_at or now,
        abort_message=message,
        pauses=(),
        controller_pause=False,
        promote_full=False,
        index=0,
    )


def _retried(progress: Progress) -> Progress:
    return replace(
        progress,
        abort=False,
        aborted_at=None,
        abort_message="",
        pauses=(),
        index=0,
        step_run="",
        background_run="",
        attempt=progress.attempt + 1,
    )


def _promoted_fully(progress: Progress, situation: Situation) -> Progress:
    return replace(
        progress,
        promote_full=True,
        pauses=(),
        controller_pause=False,
        index=situation.step_count,
    )


def _objection(situation: Situation, verb: str, value: str) -> str:
    """Say why a request makes no sense now; empty when it does."""
    text = value.strip().lower()
    progress = situation.progress
    checks: Mapping[str, Callable[[], str]] = {
        "promote": lambda: _promote_objection(situation, text),
        "abort": lambda: "" if situation.is_updating else "no update is in progress",
        "retry": lambda: "" if progress.abort else "the rollout is not aborted",
        "pause": lambda: "" if text in ("true", "false") else 'write "true" or "false"',
        "rollback": lambda: _rollback_target(situation, text)[1],
        "restart": lambda: _restart_objection(text, value),
    }
    if verb in ("abort", "promote", "retry") and text == "false":
        return 'to ask for nothing, remove the annotation instead of writing "false"'
    return checks[verb]()


def _promote_objection(situation: Situation, text: str) -> str:
    if text not in ("true", "full"):
        return 'write "true" to go past the current step, or "full" to skip all steps'
    if situation.is_new_revision:
        return "the revision changed while it was asked for; look at the new one, then ask again"
    if situation.progress.abort:
        return "the update is aborted; retry it first"
    if not situation.is_updating:
        return "there is no update in progress to promote"
    if (situation.progress.index or 0) >= situation.step_count:
        return "all steps are done; the rollout is only waiting for its pods"
    return ""


def _restart_objection(text: str, value: str) -> str:
    if text == "true":
        return ""
    try:
        parse_time(value.strip())
    except ValueError:
        return 'write "true" or a time such as 2026-01-31T12:00:00Z'
    return ""


def _request_pause(situation: Situation, value: str) -> Taken:
    rollout, wanted = situation.observed.rollout, value.strip().lower() == "true"
    if wanted == situation.spec.paused:
        if not wanted and situation.progress.pauses:
            return _accept(situation, "promote", "true", annotation="pause")
        state = "paused already" if wanted else "not paused"
        return _refuse(situation, "pause", value, f"the rollout is {state}")
    body: Manifest = {"spec": {"paused": wanted}, **_without(f"{PREFIX}pause")}
    why = "pause the rollout" if wanted else "resume the rollout"
    patch = Patch(_ref(rollout), body, rollout.resource_version, why)
    event = (
        Event("RolloutPaused", "Rollout is paused by request")
        if wanted
        else Event("RolloutResumed", "Rollout is resumed by request")
    )
    return Taken(situation.progress, actions=(patch,), events=(event,), is_final=True)


def _request_restart(situation: Situation, value: str) -> Taken:
    rollout, text = situation.observed.rollout, value.strip()
    at = situation.now if text.lower() == "true" else parse_time(text)
    body: Manifest = {"spec": {"restartAt": format_time(at)}, **_without(f"{PREFIX}restart")}
    patch = Patch(_ref(rollout), body, rollout.resource_version, "restart all pods")
    event = Event("RolloutRestart", f"Restart of all pods created before {format_time(at)}")
    return Taken(situation.progress, actions=(patch,), events=(event,), is_final=True)


def _request_rollback(situation: Situation, value: str) -> Taken:
    rollout = situation.observed.rollout
    (name, number), _ = _rollback_target(situation, value.strip().lower())
    restore = RestoreTemplate(
        _ref(rollout),
        ObjectRef(REPLICA_SET, rollout.namespace, name),
        f"{PREFIX}rollback",
        rollout.resource_version,
        f"roll back to revision {number}",
    )
    event = Event("RolloutRollback", f"Rolling back to revision {number} (ReplicaSet {name})")
    return Taken(situation.progress, actions=(restore,), events=(event,), is_final=True)


SPEC_REQUESTS: Mapping[str, Callable[[Situation, str], Taken]] = {
    "pause": _request_pause,
    "restart": _request_restart,
    "rollback": _request_rollback,
}
"""Requests that are one write of the Rollout's spec and need no memory in status."""


def _rollback_target(situation: Situation, text: str) -> tuple[tuple[str, int], str]:
    """Return (ReplicaSet name, revision) to roll back to, and why there is none."""
    current = situation.revisions.current
    known = sorted(
        (each for each in situation.revisions.all if each is not current),
        key=lambda each: -each.revision,
    )
    numbers = ", ".join(str(each.revision) for each in known) or "none"
    if text == "previous":
        if known:
            return (known[0].name, known[0].revision), ""
        return ("", 0), "there is no previous revision"
    if text.isascii() and text.isdigit():
        for each in known:
            if each.revision == int(text[:9]):
                return (each.name, each.revision), ""
        return ("", 0), f"there is no such revision to go back to; there are: {numbers}"
    return ("", 0), f'write "previous" or a revision number; there are: {numbers}'


def _refuse(situation: Situation, verb: str, value: str, why: str) -> Taken:
    rollout = situation.observed.rollout
    remove = RemoveAnnotation(_ref(rollout), PREFIX + verb, value, f"refused: {why}")
    event = _refused(verb, value, why)
    return Taken(situation.progress, actions=(remove,), events=(event,))


def _refused(verb: str, value: str, why: str) -> Event:
    shown = _shorten(value)
    return Event("RequestRefused", f"{PREFIX}{verb}={shown!r} is refused: {why}", warning=True)


def _aborted(situation: Situation, reason: str) -> Event:
    tail = f": {reason}" if reason else ""
    number = situation.revisions.number
    return Event(
        "RolloutAborted", f"Rollout aborted update to revision {number}{tail}", warning=True
    )


def _retry_event(situation: Situation) -> Event:
    return Event("RolloutRetry", f"Retrying update to revision {situation.revisions.number}")


def _read_accepted(text: str) -> Manifest | None:
    try:
        accepted = json.loads(text)
    except ValueError:
        return None
    is_ours = (
        isinstance(accepted, dict)
        and all(isinstance(accepted.get(key), str) for key in ACCEPTED_TEXTS)
        and accepted["verb"] in ("promote", "abort", "retry")
        and isinstance(accepted.get("step"), int | None)
    )
    return accepted if is_ours else None


def _without(annotation: str) -> Manifest:
    return {"metadata": {"annotations": {annotation: None}}}


def _ref(rollout: RolloutFacts) -> ObjectRef:
    return ObjectRef(ROLLOUT, rollout.namespace, rollout.name)


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= REASON_LENGTH_MAX else text[: REASON_LENGTH_MAX - 1] + "…"

"""The analysis runs of a Rollout: make them, end what nobody waits for, forget the oldest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from rollouts.actions import Action, Create, Delete, Event, Patch
from rollouts.api.refs import ANALYSIS_RUN, ROLLOUT, Manifest, ObjectRef
from rollouts.core.advance import Move
from rollouts.core.facts import (
    HASH_LABEL,
    REVISION,
    RUN_ATTEMPT,
    RUN_ROLE,
    RUN_STEP,
    RunFacts,
)
from rollouts.core.gates import STEP, Gate, gates, may_start, own_runs, recipe_of, run_of
from rollouts.core.progress import Progress, read_progress
from rollouts.core.situation import Situation


@dataclass(frozen=True, slots=True)
class RunPlan:
    """Writes to analysis runs, and the state that names those which decide now.

    `drop` ends runs that decide nothing by the stored status either, so that no two answer the
    same question; `stop` has to wait for the new status, which decides without the others. Ended
    before it, they would be in doubt after a crash in between.
    """

    progress: Progress
    drop: tuple[Action, ...] = ()
    start: tuple[Action, ...] = ()
    stop: tuple[Action, ...] = ()
    events: tuple[Event, ...] = ()


def plan_runs(situation: Situation, move: Move) -> RunPlan:
    """Plan all writes to analysis runs for where the rollout now stands."""
    if situation.observed.unseen:
        # A run that cannot be seen may exist, and may have ended: its name is what finds it again.
        return RunPlan(move.progress)
    wanted = () if move.is_promoted_now else gates(situation, move.progress)
    names: dict[str, str] = {}
    start: list[Action] = []
    for gate in wanted:
        run = run_of(situation, gate)
        if run is not None:
            names[gate.role] = run.name
        elif _can_start(situation, gate):
            create = _create(situation, gate)
            start.append(create)
            names[gate.role] = create.manifest["metadata"]["name"]
    progress = _name(move.progress, names)
    ended = {run.name: action for run, action in _terminate(situation, tuple(names.values()))}
    deciding = _deciding(situation)
    return RunPlan(
        progress=progress,
        drop=tuple(action for name, action in ended.items() if name not in deciding),
        start=tuple(start),
        stop=(
            *(action for name, action in ended.items() if name in deciding),
            *_forget_oldest(situation, progress),
        ),
    )


def _deciding(situation: Situation) -> tuple[str, ...]:
    """Return the names of the runs that decide according to the stored status."""
    stored = read_progress(situation.observed.rollout.status)
    return () if stored.abort else (stored.step_run, stored.background_run)


def _name(progress: Progress, names: dict[str, str]) -> Progress:
    """Remember which runs decide; after an abort those which have decided stay readable."""
    if progress.abort:
        return progress
    step_run, background_run = names.get(STEP, ""), names.get("Background", "")
    return replace(progress, step_run=step_run, background_run=background_run)


def _can_start(situation: Situation, gate: Gate) -> bool:
    is_held = situation.spec.paused or bool(situation.progress.doubts)
    is_ready = not is_held and may_start(situation, gate)
    return is_ready and recipe_of(situation, gate).spec is not None


def _create(situation: Situation, gate: Gate) -> Create:
    rollout, recipe = situation.observed.rollout, recipe_of(situation, gate)
    assert recipe.spec is not None, "checked by the caller"
    pod_hash, number = situation.revisions.current_hash, situation.revisions.number
    labels = {**recipe.labels, HASH_LABEL: pod_hash, RUN_ROLE: gate.role}
    if gate.step_index is not None:
        labels[RUN_STEP] = str(gate.step_index)
    annotations = {**recipe.annotations, REVISION: str(number)}
    if situation.progress.attempt:
        annotations[RUN_ATTEMPT] = str(situation.progress.attempt)
    manifest: Manifest = {
        "apiVersion": ANALYSIS_RUN.api_version,
        "kind": ANALYSIS_RUN.kind,
        "metadata": {
            "name": _free_name(situation, gate),
            "namespace": rollout.namespace,
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [
                {
                    "apiVersion": ROLLOUT.api_version,
                    "kind": ROLLOUT.kind,
                    "name": rollout.name,
                    "uid": rollout.uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": recipe.spec,
    }
    place = "beside the steps" if gate.step_index is None else f"step {gate.step_index + 1}"
    return Create(ANALYSIS_RUN, manifest, f"measure revision {number}, {place}")


def base_name(rollout: str, pod_hash: str, number: int, step_index: int | None) -> str:
    """Return the name of a gate's first run; later ones get `.1`, `.2` and so on."""
    tail = "" if step_index is None else f"-{step_index}"
    return f"{rollout}-{pod_hash}-{number}{tail}"


def _free_name(situation: Situation, gate: Gate) -> str:
    revisions, rollout = situation.revisions, situation.observed.rollout
    base = base_name(rollout.name, revisions.current_hash, revisions.number, gate.step_index)
    taken = {each.name for each in situation.observed.runs}
    candidates = (base, *(f"{base}.{count}" for count in range(1, len(taken) + 1)))
    return next(each for each in candidates if each not in taken)


def _terminate(situation: Situation, kept: tuple[str, ...]) -> Iterator[tuple[RunFacts, Action]]:
    """End the runs of former revisions, steps and tries: nothing they find may decide."""
    for run in own_runs(situation):
        if run.name in kept or run.is_finished or run.is_terminated or run.is_deleted:
            continue
        why = "nothing waits for it any more"
        yield run, Patch(_ref(run), {"spec": {"terminate": True}}, run.resource_version, why)


def _forget_oldest(situation: Situation, progress: Progress) -> Iterator[Action]:
    spec, named = situation.spec, (progress.step_run, progress.background_run)
    finished = sorted(
        (each for each in own_runs(situation) if each.is_finished and not each.is_deleted),
        key=lambda each: (each.created_at, each.name),
        reverse=True,
    )
    good = [each for each in finished if _is_harmless(each)]
    bad = [each for each in finished if not _is_harmless(each)]
    surplus = (*good[spec.successful_runs_limit :], *bad[spec.unsuccessful_runs_limit :])
    for run in surplus:
        if run.name not in named:
            yield Delete(_ref(run), run.uid, "the history is limited")


def _is_harmless(run: RunFacts) -> bool:
    """Tell whether a run speaks against nothing: it succeeded, or nobody waited for its end."""
    return run.phase == "Successful" or (run.is_terminated and run.phase == "Inconclusive")


def _ref(run: RunFacts) -> ObjectRef:
    return ObjectRef(ANALYSIS_RUN, run.namespace, run.name)

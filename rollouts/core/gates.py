"""Analysis gates: which measurements stand between the canary and the next step, and their verdict.

A gate is decided by one run at a time, the one that status names, and only if it is about this
revision and this step. A run that was made but not named yet (the process died in between) is
taken up if it was made in this very attempt, whatever it says by now; status counts the attempts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from rollouts.actions import Event
from rollouts.api.problems import Problem
from rollouts.core.facts import Recipe, RunFacts
from rollouts.core.progress import INCONCLUSIVE, PauseCondition, Progress
from rollouts.core.revisions import is_within_rollback_window
from rollouts.core.situation import Situation, is_available
from rollouts.core.spec import Analysis

STEP = "Step"
BACKGROUND = "Background"
FAILURES = ("Failed", "Error")


@dataclass(frozen=True, slots=True)
class Gate:
    """One question to be measured.

    `key` finds its recipe, `name` is what status says its run is called, empty without one.
    """

    key: str
    role: str
    step_index: int | None
    name: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was measured, and what follows from it.

    Attributes:
        progress: the state with a pause for a person where the answer is in doubt.
        failed: the run that speaks against this revision: it has to be aborted.
    """

    progress: Progress
    failed: RunFacts | None = None
    events: tuple[Event, ...] = ()


def background_key() -> str:
    """Return the key of the recipe of the run beside the steps."""
    return "background"


def step_key(index: int) -> str:
    """Return the key of the recipe of a step's run."""
    return f"step/{index}"


def gates(situation: Situation, progress: Progress) -> tuple[Gate, ...]:
    """Return the gates that are closed or guarded by measurements at a position.

    There is nothing to measure on a first deployment, on the way back to stable, after an abort,
    and when a person asked for full promotion.
    """
    if not situation.is_updating or progress.abort or progress.promote_full:
        return ()
    if is_within_rollback_window(situation.revisions, situation.spec):
        return ()
    return tuple(_gates(situation, progress))


def _gates(situation: Situation, progress: Progress) -> Iterator[Gate]:
    spec, index = situation.spec, progress.index or 0
    if spec.background is not None and index >= spec.background.starting_step:
        yield Gate(background_key(), BACKGROUND, None, progress.background_run)
    if index < situation.step_count and isinstance(spec.steps[index], Analysis):
        yield Gate(step_key(index), STEP, index, progress.step_run)


def own_runs(situation: Situation) -> tuple[RunFacts, ...]:
    """Return the runs that this Rollout made and that still exist."""
    uid = situation.observed.rollout.uid
    return tuple(each for each in situation.observed.runs if each.owner_uid == uid)


def run_of(situation: Situation, gate: Gate) -> RunFacts | None:
    """Return the run that decides about a gate; None when there is none yet, or no more."""
    about = [each for each in own_runs(situation) if _is_about(situation, gate, each)]
    named = next((each for each in about if each.name == gate.name), None)
    if named is not None:
        return named
    # Made in a pass that died before it could be named; two would be a broken rule elsewhere.
    attempt = situation.progress.attempt
    adopted = [each for each in about if each.attempt == attempt and not each.is_terminated]
    return min(adopted, key=lambda each: (each.created_at, each.name), default=None)


def _is_about(situation: Situation, gate: Gate, run: RunFacts) -> bool:
    """Tell whether a run asks this gate's question about this revision."""
    return (
        not run.is_deleted
        and run.role == gate.role
        and run.step_index == gate.step_index
        and run.pod_hash == situation.revisions.current_hash
        and run.revision == situation.revisions.number
    )


def recipe_of(situation: Situation, gate: Gate) -> Recipe:
    """Return what a gate's run is made of."""
    return situation.observed.recipes.get(gate.key, Recipe(None))


def may_start(situation: Situation, gate: Gate) -> bool:
    """Tell whether a run would measure this canary: before it has pods there is nothing to measure.

    Differs from the peer, which starts the run beside the steps with the update, so that its
    first measurements find no data.
    """
    return gate.role == STEP or is_available(situation.revisions.current)


def blocking_problems(situation: Situation) -> tuple[Problem, ...]:
    """Return why what is still to be measured cannot be known; the update may not go on."""
    if not situation.observed.recipes:
        return ()  # Nothing is measured in this rollout.
    progress = situation.progress
    found: list[Problem] = []
    for index in range(situation.index, situation.step_count + 1):
        for gate in gates(situation, replace(progress, index=index)):
            found.extend(situation.observed.unseen)
            if run_of(situation, gate) is None:
                found.extend(recipe_of(situation, gate).problems)
    # By what they say: values are of any shape, and some cannot be hashed.
    return tuple({(each.path, each.message): each for each in found}.values())


def is_passed(situation: Situation, index: int) -> bool:
    """Tell whether the analysis of a step has succeeded, by the run that status names."""
    name = situation.progress.step_run
    run = run_of(situation, Gate(step_key(index), STEP, index, name))
    return run is not None and run.name == name and _is_proof(run)


def _is_proof(run: RunFacts) -> bool:
    """Tell whether a run proves something for its revision.

    One that was ended early or measured nothing does not, whatever its phase says.
    """
    return run.phase == "Successful" and run.is_measured and not run.is_terminated


def is_measuring(situation: Situation, progress: Progress) -> bool:
    """Tell whether only an analysis stands in the way: that of the step, or of the promotion."""
    found = gates(situation, progress)
    if any(gate.role == STEP for gate in found):
        return True
    is_at_end = (progress.index or 0) >= situation.step_count
    is_whole = situation.is_at_size(situation.spec.replicas)
    return is_at_end and is_whole and holds_promotion(situation, progress)


def holds_promotion(situation: Situation, progress: Progress) -> bool:
    """Tell whether the promotion must wait because nothing has been measured beside the steps."""
    for gate in gates(situation, progress):
        if gate.role == BACKGROUND:
            run = run_of(situation, gate)
            return run is None or not run.is_measured or run.is_terminated
    return False


def judge_gates(situation: Situation) -> Verdict:
    """Draw the consequences of what was measured: abort, or wait for a person.

    Returns the state unchanged while everything is well or still being measured.
    """
    progress = situation.progress
    seen = _seen(situation, progress)
    for gate, run in seen:
        if run.phase in FAILURES:
            return Verdict(progress, run, (_describe(gate, run),))
    doubtful = [(gate, run) for gate, run in seen if _is_doubtful(run)]
    if not doubtful or progress.doubts:
        return Verdict(progress)
    pause = PauseCondition(INCONCLUSIVE, situation.now)
    paused = replace(progress, pauses=(pause, *progress.pauses), controller_pause=True)
    return Verdict(paused, events=tuple(_describe(gate, run) for gate, run in doubtful))


def _seen(situation: Situation, progress: Progress) -> list[tuple[Gate, RunFacts]]:
    found = ((gate, run_of(situation, gate)) for gate in gates(situation, progress))
    return [(gate, run) for gate, run in found if run is not None]


def measure_again(situation: Situation, progress: Progress) -> Progress | None:
    """Return the state in which doubtful runs are forgotten and made anew; None without doubts.

    The pause stands for a doubt whose run somebody has deleted.
    """
    names = [run.name for _, run in _seen(situation, progress) if _is_doubtful(run)]
    if not names and not progress.doubts:
        return None
    rest = tuple(each for each in progress.pauses if each.reason != INCONCLUSIVE)
    return replace(
        progress,
        pauses=rest,
        controller_pause=bool(rest),
        attempt=progress.attempt + 1,
        step_run="" if progress.step_run in names else progress.step_run,
        background_run="" if progress.background_run in names else progress.background_run,
    )


def _is_doubtful(run: RunFacts) -> bool:
    """Tell whether a run has ended and says neither yes nor no."""
    return run.is_finished and run.phase not in FAILURES and not _is_proof(run)


def _describe(gate: Gate, run: RunFacts) -> Event:
    kind = "Step" if gate.role == STEP else "Background"
    tail = f": {run.message}" if run.message else ""
    return Event(
        f"AnalysisRun{run.phase}",
        f"{kind} analysis run {run.name} is {run.phase.lower()}{tail}",
        warning=run.phase != "Successful",
    )
